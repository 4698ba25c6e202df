//! Type descriptors as compilers write them for the runtime, and what they refer to (Go 1.26 and 1.27,
//! `internal/abi/type.go`, `cmd/link/internal/ld/decodesym.go`), for machines of 64 bits.

use crate::golang::symbols::{GoSymbol, Symbols};

/// Bytes before what differs from kind to kind.
const COMMON: usize = 48;
const FIELD: usize = 24;
const UNCOMMON: usize = 16;
const FLAGS_AT: usize = 20;
const KIND_AT: usize = 23;
const HAS_UNCOMMON: u8 = 1 << 0;
const IS_EMBEDDED: u8 = 1 << 3;

/// Kinds of types (`internal/abi/type.go`).
pub(super) mod kind {
    pub const BOOL: u8 = 1;
    pub const INT: u8 = 2;
    pub const INT64: u8 = 6;
    pub const UINT: u8 = 7;
    pub const UINTPTR: u8 = 12;
    pub const FLOAT32: u8 = 13;
    pub const FLOAT64: u8 = 14;
    pub const COMPLEX64: u8 = 15;
    pub const COMPLEX128: u8 = 16;
    pub const ARRAY: u8 = 17;
    pub const CHAN: u8 = 18;
    pub const FUNC: u8 = 19;
    pub const INTERFACE: u8 = 20;
    pub const MAP: u8 = 21;
    pub const POINTER: u8 = 22;
    pub const SLICE: u8 = 23;
    pub const STRING: u8 = 24;
    pub const STRUCT: u8 = 25;
    pub const UNSAFE_POINTER: u8 = 26;
}

/// A field of a structure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Field {
    /// The symbol that holds its name.
    pub name: GoSymbol,
    /// Its type.
    pub target: GoSymbol,
    /// Its offset.
    pub offset: u64,
    /// Whether it is embedded.
    pub embedded: bool,
}

/// A descriptor, borrowed.
#[derive(Debug)]
pub(super) struct Descriptor<'a> {
    data: &'a [u8],
    /// What its words point to, by offset; the first of an offset counts.
    targets: &'a [(i32, GoSymbol)],
}

impl<'a> Descriptor<'a> {
    /// The descriptor in a symbol. `targets` is room that is used again.
    pub fn read(symbols: &'a Symbols<'_>, symbol: GoSymbol, targets: &'a mut Vec<(i32, GoSymbol)>) -> Self {
        targets.clear();
        targets.extend(symbols.relocations(symbol).map(|relocation| (relocation.offset, relocation.target)));
        Descriptor { data: symbols.data(symbol), targets }
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    fn word(&self, at: usize) -> u64 {
        self.data.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |word| u64::from_le_bytes(*word))
    }

    fn half(&self, at: usize) -> u16 {
        self.data.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |half| u16::from_le_bytes(*half))
    }

    fn byte(&self, at: usize) -> u8 {
        self.data.get(at).copied().unwrap_or(0)
    }

    fn target(&self, at: usize) -> GoSymbol {
        let found = self.targets.iter().find(|(offset, _)| *offset as usize == at);
        found.map_or(GoSymbol::NONE, |&(_, target)| target)
    }

    fn tail(&self, fixed: usize) -> usize {
        let uncommon = if self.byte(FLAGS_AT) & HAS_UNCOMMON != 0 { UNCOMMON } else { 0 };
        COMMON + fixed + uncommon
    }

    /// One of [`kind`].
    pub fn kind(&self) -> u8 {
        self.byte(KIND_AT)
    }

    /// Bytes of a value.
    pub fn size(&self) -> u64 {
        self.word(0)
    }

    /// The element type of an array, channel or slice, the key type of a map, the target type of a pointer.
    pub fn first_type(&self) -> GoSymbol {
        self.target(COMMON)
    }

    /// The element type of a map.
    pub fn map_element(&self) -> GoSymbol {
        self.target(COMMON + 8)
    }

    /// The type of a map's groups of slots.
    pub fn map_group(&self) -> GoSymbol {
        self.target(COMMON + 16)
    }

    /// How many elements an array has.
    pub fn array_length(&self) -> u64 {
        self.word(COMMON + 16)
    }

    /// How many methods an interface has.
    pub fn interface_methods(&self) -> u64 {
        self.word(COMMON + 16)
    }

    /// The types of a function's parameters.
    pub fn parameters(&self) -> impl Iterator<Item = GoSymbol> {
        let first = self.tail(8);
        (0..usize::from(self.half(COMMON))).map(move |index| self.target(first + 8 * index))
    }

    /// Whether the last parameter is `...`.
    pub fn is_variadic(&self) -> bool {
        self.half(COMMON + 2) & 1 << 15 != 0
    }

    /// The types of a function's results.
    pub fn results(&self) -> impl Iterator<Item = GoSymbol> {
        let first = self.tail(8) + 8 * usize::from(self.half(COMMON));
        let count = self.half(COMMON + 2) & !(1 << 15);
        (0..usize::from(count)).map(move |index| self.target(first + 8 * index))
    }

    /// The fields of a structure; no more than there are bytes for.
    pub fn fields(&self, symbols: &Symbols<'_>) -> impl Iterator<Item = Field> {
        let first = self.tail(32);
        let room = self.data.len().saturating_sub(first).div_ceil(FIELD);
        let count = usize::try_from(self.word(COMMON + 16)).map_or(room, |count| count.min(room));
        (0..count).map(move |index| {
            let at = first + FIELD * index;
            let name = self.target(at);
            let flags = symbols.data(name).first().copied().unwrap_or(0);
            let embedded = flags & IS_EMBEDDED != 0;
            Field { name, target: self.target(at + 8), offset: self.word(at + 16), embedded }
        })
    }
}

/// The name in the contents of a symbol that holds one for reflection: flags, length in groups of seven bits, text.
pub(super) fn reflected_name(data: &[u8]) -> &[u8] {
    let mut length = 0usize;
    for (index, &byte) in data.iter().enumerate().skip(1).take(9) {
        length |= usize::from(byte & 0x7f) << (7 * (index - 1));
        if byte < 0x80 {
            let start = index + 1;
            return data.get(start..start.saturating_add(length)).unwrap_or_default();
        }
    }
    &[]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_for_reflection_are_cut_out() {
        let long = [b"\x01\xac\x02".as_slice(), &[b'x'; 300], b"tag"].concat();
        assert_eq!(reflected_name(&long).len(), 300);
        assert_eq!(reflected_name(b"\x00\x03abc"), b"abc");
        for damaged in [&b""[..], b"\x00", b"\x00\x04abc", b"\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"] {
            assert_eq!(reflected_name(damaged), b"");
        }
    }

    #[test]
    fn functions_and_structures_are_taken_apart() {
        let mut data = vec![0; COMMON];
        (data[0], data[FLAGS_AT], data[KIND_AT]) = (8, HAS_UNCOMMON, kind::FUNC);
        data.extend([2, 0, 1, 0x80, 0, 0, 0, 0]);
        let first = COMMON as i32 + 8 + UNCOMMON as i32;
        let targets = [(first, GoSymbol(4)), (first + 8, GoSymbol(5)), (first + 16, GoSymbol(6))];
        let function = Descriptor { data: &data, targets: &targets };
        assert_eq!((function.kind(), function.size(), function.is_variadic()), (kind::FUNC, 8, true));
        assert_eq!(function.parameters().collect::<Vec<_>>(), [GoSymbol(4), GoSymbol(5)]);
        assert_eq!(function.results().collect::<Vec<_>>(), [GoSymbol(6)]);
        let empty = Descriptor { data: &[], targets: &[] };
        assert_eq!((empty.kind(), empty.parameters().count(), empty.first_type()), (0, 0, GoSymbol::NONE));
    }
}

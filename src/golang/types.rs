//! Type descriptors, read as the runtime reads them (Go 1.26 and 1.27, `cmd/link/internal/ld/decodesym.go`,
//! `internal/abi/type.go`, `internal/abi/compiletype.go`).
//!
//! Offsets and pointers within a descriptor are relocations, so what a field refers to is found by its offset. Descriptors
//! come from objects: what is missing reads as zero or as [`GoSymbol::NONE`], never as a failure.

use std::cell::OnceCell;

use rayon::prelude::*;

use super::ahead;
use super::sort::Text;
use super::symbols::{GoSymbol, Symbols};
use crate::inputs::goabi::Release;

/// Bytes of a pointer, on both machines.
const POINTER: u32 = 8;
/// Bytes of what all types have: `abi.Type`.
const COMMON: u32 = 48;
/// Bytes of what types with names or methods have besides: `abi.UncommonType`.
const UNCOMMON: u32 = 16;
/// Bytes of a field of a struct: `abi.StructField`.
const STRUCT_FIELD: u32 = 24;
/// Bytes of a method, `abi.Method`: offsets of its name, its type, and of two entry points.
const METHOD: u32 = 16;

const POINTER_BYTES: u32 = 8;
const FLAGS: u32 = 20;
const KIND: u32 = 23;
const GC_DATA: u32 = 32;
const STRING: u32 = 40;

const FLAG_UNCOMMON: u8 = 1 << 0;
const FLAG_EXTRA_STAR: u8 = 1 << 1;
const FLAG_MASK_ON_DEMAND: u8 = 1 << 4;

/// The kind of a type (`internal/abi/type.go`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are those of Go's kinds")]
pub enum TypeKind {
    Invalid,
    Bool,
    Int,
    Int8,
    Int16,
    Int32,
    Int64,
    Uint,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Uintptr,
    Float32,
    Float64,
    Complex64,
    Complex128,
    Array,
    Chan,
    Func,
    Interface,
    Map,
    Pointer,
    Slice,
    String,
    Struct,
    UnsafePointer,
}

impl TypeKind {
    fn of_raw(raw: u8) -> Self {
        use TypeKind::*;
        const ALL: [TypeKind; 27] = [
            Invalid,
            Bool,
            Int,
            Int8,
            Int16,
            Int32,
            Int64,
            Uint,
            Uint8,
            Uint16,
            Uint32,
            Uint64,
            Uintptr,
            Float32,
            Float64,
            Complex64,
            Complex128,
            Array,
            Chan,
            Func,
            Interface,
            Map,
            Pointer,
            Slice,
            String,
            Struct,
            UnsafePointer,
        ];
        ALL.get(usize::from(raw)).copied().unwrap_or(Invalid)
    }

    /// Bytes of a descriptor of this kind before its uncommon part.
    fn descriptor_size(self, release: &Release) -> u32 {
        let more = match self {
            TypeKind::Pointer | TypeKind::Func | TypeKind::Slice => POINTER,
            TypeKind::Chan => 2 * POINTER,
            TypeKind::Array => 3 * POINTER,
            TypeKind::Struct | TypeKind::Interface => 4 * POINTER,
            TypeKind::Map => release.map_type_words * POINTER + 8,
            _ => 0,
        };
        COMMON + more
    }
}

/// A type descriptor.
pub struct GoType<'a, 'data> {
    symbols: &'a Symbols<'data>,
    release: &'static Release,
    symbol: GoSymbol,
    data: &'a [u8],
    /// Offsets and targets of its relocations, sorted, once several are asked for.
    targets: OnceCell<Vec<(i32, GoSymbol)>>,
}

/// A field of a struct.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field {
    /// The symbol that holds its name, for [`reflected_name`].
    pub name: GoSymbol,
    /// Its type.
    pub kind: GoSymbol,
    /// Bytes from the start of the struct.
    pub offset: u64,
}

/// A method as types and interfaces have it: methods satisfy interfaces whose signatures are the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Signature<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// The type of the function without receiver.
    pub kind: GoSymbol,
}

impl Signature<'_> {
    /// Whether other packages can call it: its name starts with an upper-case letter.
    pub fn is_exported(&self) -> bool {
        match self.name.first() {
            Some(first) if first.is_ascii() => first.is_ascii_uppercase(),
            _ => {
                let first = self.name.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next());
                first.is_some_and(char::is_uppercase)
            }
        }
    }
}

impl<'a, 'data> GoType<'a, 'data> {
    /// The descriptor that a symbol holds.
    pub fn of(symbols: &'a Symbols<'data>, release: &'static Release, symbol: GoSymbol) -> Self {
        GoType { symbols, release, symbol, data: symbols.data(symbol), targets: OnceCell::new() }
    }

    /// Another type's descriptor.
    pub fn other(&self, symbol: GoSymbol) -> Self {
        GoType::of(self.symbols, self.release, symbol)
    }

    /// Its symbol.
    pub fn symbol(&self) -> GoSymbol {
        self.symbol
    }

    fn number<const N: usize>(&self, at: u32) -> u64 {
        let bytes = self.data.get(at as usize..).and_then(|rest| rest.first_chunk::<N>());
        bytes.map_or(0, |bytes| bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    /// What the field at an offset refers to.
    pub fn target(&self, at: u32) -> GoSymbol {
        const FEW: usize = 64;
        let Ok(at) = i32::try_from(at) else { return GoSymbol::NONE };
        if self.targets.get().is_none() && self.symbols.relocation_count(self.symbol) <= FEW {
            return self.symbols.target_at(self.symbol, at);
        }
        let targets = self.targets.get_or_init(|| {
            let all = self.symbols.relocations(self.symbol);
            let mut targets: Vec<_> = all.map(|relocation| (relocation.offset, relocation.target)).collect();
            // Of several at one offset the first counts: the sort is stable.
            targets.sort_by_key(|(offset, _)| *offset);
            targets
        });
        let first = targets.partition_point(|(offset, _)| *offset < at);
        targets.get(first).filter(|(offset, _)| *offset == at).map_or(GoSymbol::NONE, |(_, target)| *target)
    }

    /// The name that the field at an offset refers to; empty if it refers to nothing.
    pub fn name(&self, at: u32) -> &'a [u8] {
        self.target(at).some().map_or(&[], |name| name_text(self.symbols.data(name)))
    }

    /// What kind of type it is.
    pub fn kind(&self) -> TypeKind {
        TypeKind::of_raw(self.number::<1>(KIND) as u8)
    }

    /// Bytes of a value.
    pub fn size(&self) -> u64 {
        self.number::<8>(0)
    }

    /// Bytes of a value up to its last pointer.
    pub fn pointer_bytes(&self) -> u64 {
        self.number::<8>(POINTER_BYTES)
    }

    fn has_flag(&self, flag: u8) -> bool {
        self.number::<1>(FLAGS) as u8 & flag != 0
    }

    /// Whether it may have methods.
    pub fn has_uncommon(&self) -> bool {
        self.has_flag(FLAG_UNCOMMON)
    }

    /// Whether the runtime makes its mask of pointers when it is first needed.
    pub fn makes_mask_on_demand(&self) -> bool {
        self.has_flag(FLAG_MASK_ON_DEMAND)
    }

    /// The symbol with its mask of pointers: a bit for each word.
    pub fn gc_data(&self) -> GoSymbol {
        self.target(GC_DATA)
    }

    /// Its mask of pointers: a bit for each word. Zeros at the end may be missing.
    pub fn mask(&self) -> &'a [u8] {
        self.symbols.data(self.gc_data())
    }

    /// How the type is written, with package names: `*bytes.Buffer`.
    pub fn string(&self) -> &'a [u8] {
        let text = self.name(STRING);
        // A type shares the text of the pointer to it.
        if self.has_flag(FLAG_EXTRA_STAR) { text.get(1..).unwrap_or_default() } else { text }
    }

    /// What an array, a channel, a pointer or a slice is of; the key of a map.
    pub fn element(&self) -> GoSymbol {
        self.target(COMMON)
    }

    /// The elements of an array.
    pub fn array_length(&self) -> u64 {
        self.number::<8>(COMMON + 2 * POINTER)
    }

    /// The values of a map.
    pub fn map_value(&self) -> GoSymbol {
        self.target(COMMON + POINTER)
    }

    /// The groups of slots of a map.
    pub fn map_group(&self) -> GoSymbol {
        self.target(COMMON + 2 * POINTER)
    }

    fn out_count_word(&self) -> u64 {
        self.number::<2>(COMMON + 2)
    }

    /// Whether the last parameter of a function is `...T`.
    pub fn is_variadic(&self) -> bool {
        self.out_count_word() & 1 << 15 != 0
    }

    /// The parameters of a function.
    pub fn parameters(&self) -> impl ExactSizeIterator<Item = GoSymbol> + use<'_, 'a, 'data> {
        let count = self.number::<2>(COMMON) as u32;
        (0..count).map(|index| self.function_type(index))
    }

    /// The results of a function.
    pub fn results(&self) -> impl ExactSizeIterator<Item = GoSymbol> + use<'_, 'a, 'data> {
        let (first, count) = (self.number::<2>(COMMON) as u32, (self.out_count_word() & 0x7fff) as u32);
        (first..first + count).map(|index| self.function_type(index))
    }

    fn function_type(&self, index: u32) -> GoSymbol {
        self.target(self.behind_uncommon() + index * POINTER)
    }

    /// Where what follows the fixed parts begins.
    fn behind_uncommon(&self) -> u32 {
        let uncommon = if self.has_uncommon() { UNCOMMON } else { 0 };
        self.kind().descriptor_size(self.release) + uncommon
    }

    /// How many fields a struct has; no more than have room in the descriptor.
    fn field_count(&self) -> u32 {
        let room = self.symbols.size(self.symbol) / u64::from(STRUCT_FIELD);
        self.number::<8>(COMMON + 2 * POINTER).min(room) as u32
    }

    /// The fields of a struct.
    pub fn fields(&self) -> impl Iterator<Item = Field> + use<'_, 'a, 'data> {
        // Relocations come in the order of fields, and are gone through once; any other order is found one by one.
        let mut relocations = self.symbols.relocations(self.symbol).peekable();
        let mut target = move |at: u32| {
            while relocations.next_if(|relocation| i64::from(relocation.offset) < i64::from(at)).is_some() {}
            let next = relocations.peek().filter(|relocation| i64::from(relocation.offset) == i64::from(at));
            next.map_or_else(|| self.target(at), |relocation| relocation.target)
        };
        let first = self.behind_uncommon();
        (0..self.field_count()).map(move |index| {
            let at = first.saturating_add(index.saturating_mul(STRUCT_FIELD));
            let (name, kind) = (target(at), target(at.saturating_add(POINTER)));
            Field { name, kind, offset: self.number::<8>(at.saturating_add(2 * POINTER)) }
        })
    }

    /// How many methods an interface has.
    pub fn interface_method_count(&self) -> u64 {
        self.number::<8>(COMMON + 2 * POINTER)
    }

    /// The method of an interface at an offset of its descriptor.
    pub fn interface_method(&self, at: u32) -> Signature<'a> {
        Signature { name: self.name(at), kind: self.target(at.saturating_add(4)) }
    }

    /// The methods of a type.
    pub fn methods(&self) -> impl ExactSizeIterator<Item = Signature<'a>> + use<'_, 'a, 'data> {
        let uncommon = self.kind().descriptor_size(self.release);
        let count = if self.has_uncommon() { self.number::<2>(uncommon + 4) as u32 } else { 0 };
        let first = uncommon.saturating_add(self.number::<4>(uncommon + 8) as u32);
        (0..count).map(move |index| self.interface_method(first.saturating_add(index * METHOD)))
    }
}

/// The type that an itab is for.
pub fn type_of_itab(symbols: &Symbols<'_>, itab: GoSymbol) -> GoSymbol {
    let found = symbols.relocations(itab).find(|relocation| relocation.offset == POINTER as i32);
    found.map_or(GoSymbol::NONE, |found| found.target)
}

/// The text of a field's name, and whether the field is embedded.
pub(super) fn reflected_name(data: &[u8]) -> (&[u8], bool) {
    (name_text(data), data.first().is_some_and(|flags| flags & 1 << 3 != 0))
}

/// How some types are written, each as [`GoType::string`] tells.
pub(super) fn strings<'a>(symbols: &'a Symbols<'_>, release: &'static Release, types: &[GoSymbol]) -> Vec<Text<'a>> {
    let of_batch = |batch: &[GoSymbol]| {
        ahead::look(symbols, batch.iter().copied());
        let types: Vec<_> = batch.iter().map(|symbol| GoType::of(symbols, release, *symbol)).collect();
        let names: Vec<GoSymbol> = types.iter().map(|of_type| of_type.target(STRING)).collect();
        ahead::look(symbols, names.into_iter());
        types.into_iter().map(|of_type| Text::new(of_type.string())).collect::<Vec<_>>()
    };
    types.par_chunks(ahead::BATCH).with_min_len(16).flat_map_iter(of_batch).collect()
}

/// The text of a name: a byte of flags, the length in groups of seven bits, the bytes.
pub(super) fn name_text(data: &[u8]) -> &[u8] {
    let mut length = 0usize;
    for (index, byte) in data.iter().skip(1).take(5).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let start = index + 2;
            return data.get(start..start.saturating_add(length)).unwrap_or_default();
        }
    }
    &[]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_at_their_length() {
        let long = [&[1, 0x80, 0x01][..], &[b'x'; 130]].concat();
        assert_eq!(name_text(b"\x01\x03abcd"), b"abc");
        assert_eq!(name_text(&long), [b'x'; 128]);
        for damaged in [&b""[..], b"\x01", b"\x01\x05abc", b"\x01\xff\xff\xff\xff\xff\xff"] {
            assert_eq!(name_text(damaged), b"");
        }
    }

    #[test]
    fn exported_names_start_with_an_upper_case_letter() {
        let is_exported = |name: &str| Signature { name: name.as_bytes(), kind: GoSymbol::NONE }.is_exported();
        assert!(is_exported("String") && is_exported("Ärger"));
        assert!(!is_exported("string") && !is_exported("_x") && !is_exported("") && !is_exported("世"));
    }
}

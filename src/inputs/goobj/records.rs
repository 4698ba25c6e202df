//! The records of a Go object: symbols, relocations, auxiliary symbols (Go 1.26 and 1.27,
//! `cmd/internal/goobj/objfile.go`). Records are views of the mapped bytes; nothing is decoded before it is asked for.

/// Bytes of a string reference: length, offset.
pub(super) const STRING: usize = 8;
/// Bytes of a symbol.
pub(super) const SYMBOL: usize = 21;
/// Bytes of a relocation.
pub(super) const RELOCATION: usize = 23;
/// Bytes of an auxiliary symbol.
pub(super) const AUX: usize = 9;
/// Bytes of the flags of a referenced symbol.
pub(super) const REFERENCE_FLAGS: usize = 10;

/// Package indices with a meaning of their own; every other one is an index of the object's list of packages.
pub mod package_index {
    /// No symbol.
    pub const INVALID: u32 = 0;
    /// A named symbol that belongs to no package: `SymIdx` counts non-package definitions, then references.
    pub const NONE: u32 = (1 << 31) - 1;
    /// A content-addressed symbol of at most 8 bytes.
    pub const HASHED64: u32 = NONE - 1;
    /// A content-addressed symbol.
    pub const HASHED: u32 = NONE - 2;
    /// A function of the runtime that compilers call, by its index in a list fixed for the release.
    pub const BUILTIN: u32 = NONE - 3;
    /// A symbol of the package itself.
    pub const SELF: u32 = NONE - 4;
}

/// A reference as an object has it: an index of a package and an index of one of its symbols.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Reference {
    /// One of [`package_index`], or an index of the object's packages.
    pub package: u32,
    /// Which of the symbols.
    pub index: u32,
}

impl Reference {
    #[inline]
    pub(super) fn read(bytes: &[u8]) -> Self {
        Reference { package: u32_at(bytes, 0), index: u32_at(bytes, 4) }
    }

    /// Whether it names no symbol at all.
    pub const fn is_nil(self) -> bool {
        self.package == 0 && self.index == 0
    }
}

/// The four bytes at a place, 0 past the end.
#[inline]
pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |word| u32::from_le_bytes(*word))
}

/// A symbol's first byte of flags.
pub mod flag {
    /// Any of several definitions will do.
    pub const DUPLICATE_OK: u8 = 1 << 0;
    /// Visible in this module only.
    pub const LOCAL: u8 = 1 << 1;
    /// A type that reflection may look up by its name.
    pub const TYPELINK: u8 = 1 << 2;
    /// A function without calls.
    pub const LEAF: u8 = 1 << 3;
    /// A function that does not check for stack space.
    pub const NO_SPLIT: u8 = 1 << 4;
    /// A function that calls `reflect.Type.Method` or `MethodByName` in a way that may name any method.
    pub const REFLECT_METHOD: u8 = 1 << 5;
    /// A type descriptor.
    pub const GO_TYPE: u8 = 1 << 6;
}

/// A symbol's second byte of flags, as far as releases agree; see [`crate::inputs::goabi::Release`] for the others.
pub mod flag2 {
    /// A type that is converted to an interface.
    pub const USED_IN_IFACE: u8 = 1 << 0;
    /// An itab.
    pub const ITAB: u8 = 1 << 1;
    /// A dictionary of a generic function.
    pub const DICTIONARY: u8 = 1 << 2;
    /// A function that initialises the package.
    pub const PACKAGE_INIT: u8 = 1 << 3;
    /// `//go:linkname` names it.
    pub const LINKNAME: u8 = 1 << 4;
}

/// The ABI of symbols that only their own object can refer to.
pub const ABI_STATIC: u16 = u16::MAX;

/// One symbol: name (8), ABI (2), type, two bytes of flags, size (4), alignment (4).
#[derive(Clone, Copy, Debug)]
pub struct SymbolRecord<'data>(pub(super) &'data [u8; SYMBOL]);

impl SymbolRecord<'_> {
    /// Length and offset of its name.
    #[inline]
    pub(super) fn name(self) -> (u32, u32) {
        (u32_at(self.0, 0), u32_at(self.0, 4))
    }

    /// Whether it has no name.
    #[inline]
    pub fn is_unnamed(self) -> bool {
        u32_at(self.0, 0) == 0
    }

    /// 0, 1 (internal), or [`ABI_STATIC`].
    #[inline]
    pub fn abi(self) -> u16 {
        u16::from_le_bytes([self.0[8], self.0[9]])
    }

    /// What it is: `cmd/internal/objabi/symkind.go`.
    #[inline]
    pub fn kind(self) -> u8 {
        self.0[10]
    }

    /// [`flag`]s.
    #[inline]
    pub fn flags(self) -> u8 {
        self.0[11]
    }

    /// [`flag2`]s.
    #[inline]
    pub fn flags2(self) -> u8 {
        self.0[12]
    }

    /// Bytes it takes.
    #[inline]
    pub fn size(self) -> u32 {
        u32_at(self.0, 13)
    }

    /// Its alignment in bytes; 0 if its size decides.
    #[inline]
    pub fn alignment(self) -> u32 {
        u32_at(self.0, 17)
    }
}

/// One relocation: offset (4), size (1), type (2), addend (8), symbol (8).
#[derive(Clone, Copy, Debug)]
pub struct RelocationRecord<'data>(pub(super) &'data [u8; RELOCATION]);

/// The bit of a weak relocation: its target is not kept alive by it.
const WEAK: u16 = 1 << 15;

impl RelocationRecord<'_> {
    /// Offset in the symbol, in bytes.
    #[inline]
    pub fn offset(self) -> i32 {
        u32_at(self.0, 0) as i32
    }

    /// Bytes that are patched; 0 marks a fact about the program and patches nothing.
    #[inline]
    pub fn size(self) -> u8 {
        self.0[4]
    }

    /// The raw type without the weak bit.
    #[inline]
    pub fn raw_kind(self) -> u16 {
        u16::from_le_bytes([self.0[5], self.0[6]]) & !WEAK
    }

    /// Whether it does not keep its target alive.
    #[inline]
    pub fn is_weak(self) -> bool {
        self.0[6] & 0x80 != 0
    }

    /// The addend.
    #[inline]
    pub fn addend(self) -> i64 {
        self.0[7..].first_chunk().map_or(0, |word| i64::from_le_bytes(*word))
    }

    /// What it refers to.
    #[inline]
    pub fn target(self) -> Reference {
        Reference::read(&self.0[15..])
    }
}

/// What an auxiliary symbol says of the symbol that it belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum AuxKind {
    /// The Go type of a variable.
    GoType = 0,
    /// The record of [`super::funcinfo::FuncInfo`].
    FuncInfo = 1,
    /// One of the function's funcdata, in order.
    Funcdata = 2,
    /// Its `.debug_info`.
    DwarfInfo = 3,
    /// Its `.debug_loc` or `.debug_loclists`.
    DwarfLocations = 4,
    /// Its `.debug_ranges` or `.debug_rnglists`.
    DwarfRanges = 5,
    /// Its part of the line program.
    DwarfLines = 6,
    /// PC to stack pointer.
    Pcsp = 7,
    /// PC to file.
    Pcfile = 8,
    /// PC to line.
    Pcline = 9,
    /// PC to index of the inline tree.
    Pcinline = 10,
    /// One of the function's pcdata, in order.
    Pcdata = 11,
    /// `//go:wasmimport`.
    WasmImport = 12,
    /// A type of a WebAssembly function.
    WasmType = 13,
    /// Windows unwind information.
    SehUnwindInfo = 14,
}

impl AuxKind {
    /// Whether it describes code or a variable to debuggers or to the runtime's tables of functions. Those who make debug information
    /// and tables copy it, and it refers to nothing else that is not part of the program without it.
    pub const fn is_description(self) -> bool {
        use AuxKind::*;
        matches!(self, FuncInfo | DwarfInfo | DwarfLocations | DwarfRanges | DwarfLines)
            || matches!(self, Pcsp | Pcfile | Pcline | Pcinline | Pcdata)
    }

    fn decode(raw: u8) -> Option<Self> {
        use AuxKind::*;
        const ALL: [AuxKind; 15] = [
            GoType,
            FuncInfo,
            Funcdata,
            DwarfInfo,
            DwarfLocations,
            DwarfRanges,
            DwarfLines,
            Pcsp,
            Pcfile,
            Pcline,
            Pcinline,
            Pcdata,
            WasmImport,
            WasmType,
            SehUnwindInfo,
        ];
        ALL.get(usize::from(raw)).copied()
    }
}

/// One auxiliary symbol: type (1), symbol (8).
#[derive(Clone, Copy, Debug)]
pub struct AuxRecord<'data>(pub(super) &'data [u8; AUX]);

impl AuxRecord<'_> {
    /// What it says; `None` for a kind of a later release.
    #[inline]
    pub fn kind(self) -> Option<AuxKind> {
        AuxKind::decode(self.0[0])
    }

    /// The symbol that holds it.
    #[inline]
    pub fn symbol(self) -> Reference {
        Reference::read(&self.0[1..])
    }
}

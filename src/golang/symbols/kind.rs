//! What a Go symbol is: which section it belongs to, or that it has none (Go 1.26 and 1.27,
//! `cmd/link/internal/sym/symkind.go`, `cmd/internal/objabi/symkind.go`).

/// The kind of a symbol. The order means nothing: sections are laid out as the release has them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[repr(u8)]
pub enum Kind {
    /// Not defined.
    #[default]
    Undefined,
    /// Code.
    Text,
    /// Before the code of the FIPS module.
    TextFipsStart,
    /// Code of the FIPS module.
    TextFips,
    /// Behind the code of the FIPS module.
    TextFipsEnd,
    /// The end of all code.
    TextEnd,
    /// Code that the linker makes in a section of its own: `.plt`.
    ElfExecutable,
    /// Type descriptors.
    Type,
    /// Contents of strings.
    GoString,
    /// Function values and funcdata.
    GoFunc,
    /// Pointer masks of the garbage collector.
    GcBits,
    /// Other read-only data.
    Rodata,
    /// Before the read-only data of the FIPS module.
    RodataFipsStart,
    /// Read-only data of the FIPS module.
    RodataFips,
    /// Behind the read-only data of the FIPS module.
    RodataFipsEnd,
    /// The end of read-only data.
    RodataEnd,
    /// Behind the types.
    FuncTab,
    /// The function table.
    PclnTab,
    /// A read-only section of its own: notes, `.interp`, dynamic tables.
    ElfReadOnly,
    /// [`Kind::Type`] that the dynamic linker relocates.
    TypeRelro,
    /// Strings that the dynamic linker relocates.
    GoStringRelro,
    /// [`Kind::GoFunc`] that the dynamic linker relocates.
    GoFuncRelro,
    /// [`Kind::GcBits`] that the dynamic linker relocates.
    GcBitsRelro,
    /// [`Kind::Rodata`] that the dynamic linker relocates.
    RodataRelro,
    /// [`Kind::FuncTab`] that the dynamic linker relocates.
    FuncTabRelro,
    /// A section of its own that is read-only once relocated.
    ElfRelro,
    /// Offsets of types (Go 1.26).
    TypeLink,
    /// Addresses of itabs (Go 1.26).
    ItabLink,
    /// What `go version -m` prints.
    BuildInfo,
    /// Where the FIPS module lies, and its sum.
    FipsInfo,
    /// A writable section of its own: `.dynamic`, `.got.plt`.
    ElfWritable,
    /// `runtime.moduledata`.
    ModuleData,
    /// The GOT.
    ElfGot,
    /// Data without pointers.
    NoptrData,
    /// Before the FIPS module's data without pointers.
    NoptrDataFipsStart,
    /// The FIPS module's data without pointers.
    NoptrDataFips,
    /// Behind the FIPS module's data without pointers.
    NoptrDataFipsEnd,
    /// The end of data without pointers.
    NoptrDataEnd,
    /// `.init_array`.
    InitArray,
    /// Data with pointers.
    Data,
    /// Before the FIPS module's data.
    DataFipsStart,
    /// The FIPS module's data.
    DataFips,
    /// Behind the FIPS module's data.
    DataFipsEnd,
    /// The end of data with pointers.
    DataEnd,
    /// Zeroed data with pointers.
    Bss,
    /// Pointers to masks that are made at start-up (Go 1.27).
    GcMask,
    /// Zeroed data without pointers.
    NoptrBss,
    /// Counters of libFuzzer.
    FuzzerCounter,
    /// Counters of coverage.
    CoverageCounter,
    /// What belongs to them.
    CoverageAuxiliary,
    /// Zeroed data of each thread.
    TlsBss,
    /// Referred to by a host object.
    HostReference,
    /// Defined by a shared library.
    DynamicImport,
    /// Defined by a host object.
    HostObject,
    /// A section of debug information.
    DwarfSection,
    /// Debug information of a compilation unit.
    DwarfUnit,
    /// Constants.
    DwarfConst,
    /// A function.
    DwarfFunction,
    /// A function that is inlined elsewhere.
    DwarfAbstractFunction,
    /// A type.
    DwarfType,
    /// A global variable.
    DwarfVariable,
    /// Ranges.
    DwarfRanges,
    /// Locations.
    DwarfLocations,
    /// A part of a line program.
    DwarfLines,
    /// `.debug_addr`.
    DwarfAddresses,
    /// Windows unwind information.
    SehUnwindInfo,
    /// A kind that the table does not know.
    Unknown,
}

impl Kind {
    /// The kind of a symbol in an object. Numbers are those of Go 1.25 to 1.27.
    pub const fn of_object(raw: u8) -> Self {
        const KINDS: [Kind; 26] = [
            Kind::Undefined,
            Kind::Text,
            Kind::TextFips,
            Kind::Rodata,
            Kind::RodataFips,
            Kind::NoptrData,
            Kind::NoptrDataFips,
            Kind::Data,
            Kind::DataFips,
            Kind::Bss,
            Kind::NoptrBss,
            Kind::TlsBss,
            Kind::DwarfUnit,
            Kind::DwarfConst,
            Kind::DwarfFunction,
            Kind::DwarfAbstractFunction,
            Kind::DwarfType,
            Kind::DwarfVariable,
            Kind::DwarfRanges,
            Kind::DwarfLocations,
            Kind::DwarfLines,
            Kind::DwarfAddresses,
            Kind::FuzzerCounter,
            Kind::CoverageCounter,
            Kind::CoverageAuxiliary,
            Kind::SehUnwindInfo,
        ];
        if (raw as usize) < KINDS.len() { KINDS[raw as usize] } else { Kind::Unknown }
    }

    /// Whether it is code.
    pub const fn is_text(self) -> bool {
        use Kind::*;
        matches!(self, Text | TextFipsStart | TextFips | TextFipsEnd | TextEnd)
    }

    /// Whether it is writable data, zeroed or not, but no counter and not of a thread.
    pub const fn is_data(self) -> bool {
        use Kind::*;
        matches!(self, NoptrBss | Bss | GcMask | InitArray) || self.is_noptr_data() || self.is_pointer_data()
    }

    /// Whether it is initialised data without pointers.
    pub const fn is_noptr_data(self) -> bool {
        use Kind::*;
        matches!(self, NoptrData | NoptrDataFipsStart | NoptrDataFips | NoptrDataFipsEnd | NoptrDataEnd)
    }

    /// Whether it is initialised data with pointers.
    pub const fn is_pointer_data(self) -> bool {
        use Kind::*;
        matches!(self, Data | DataFipsStart | DataFips | DataFipsEnd | DataEnd)
    }

    /// Whether it is general read-only data.
    pub const fn is_rodata(self) -> bool {
        use Kind::*;
        matches!(self, Rodata | RodataFipsStart | RodataFips | RodataFipsEnd | RodataEnd)
    }

    /// Whether it is a section of dynamic linking.
    pub const fn is_elf(self) -> bool {
        use Kind::*;
        matches!(self, ElfExecutable | ElfReadOnly | ElfRelro | ElfWritable | ElfGot)
    }

    /// Whether it is debug information.
    pub const fn is_dwarf(self) -> bool {
        use Kind::*;
        matches!(self, DwarfSection | DwarfUnit | DwarfConst | DwarfFunction | DwarfAbstractFunction | DwarfType)
            || matches!(self, DwarfVariable | DwarfRanges | DwarfLocations | DwarfLines | DwarfAddresses)
    }

    /// Whether a symbol of this kind without a name is still laid out by itself.
    pub const fn is_top_level_unnamed(self) -> bool {
        use Kind::*;
        matches!(self, DwarfFunction | DwarfAbstractFunction | DwarfType | DwarfConst | DwarfUnit | DwarfRanges)
            || matches!(self, DwarfLocations | DwarfLines | GoFunc)
    }
}

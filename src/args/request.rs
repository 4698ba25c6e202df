//! What a link is asked to do, whichever door it came through. Immutable once built; the engine reads nothing else.

use std::path::PathBuf;

use crate::script::ast::Expression;
use crate::target::Target;

/// One link.
#[derive(Clone, PartialEq, Debug)]
pub struct LinkRequest {
    /// What to link for; the objects decide when the command line does not say.
    pub target: Option<Target>,
    /// Where the result goes.
    pub output: PathBuf,
    /// `-o` says so; else a script's OUTPUT may say otherwise.
    pub output_named: bool,
    /// What kind of file the result is.
    pub kind: OutputKind,
    /// Inputs in command-line order.
    pub inputs: Vec<Input>,
    /// `-L`, in order. A leading `=` or `$SYSROOT` stands for the sysroot.
    pub library_paths: Vec<PathBuf>,
    /// `--sysroot`.
    pub sysroot: Option<PathBuf>,
    /// `-e`: the entry symbol; the script's, else `_start`, by default.
    pub entry: Option<String>,
    /// `-u`: symbols to be treated as undefined, so that archive members are taken for them.
    pub undefined: Vec<String>,
    /// `--require-defined`: like `undefined`, and an error if nothing defines them.
    pub require_defined: Vec<String>,
    /// `--defsym NAME=EXPRESSION`.
    pub definitions: Vec<(String, Expression)>,
    /// `--wrap NAME`.
    pub wrap: Vec<String>,
    /// `-T`: replaces the embedded section order.
    pub script: Option<PathBuf>,
    /// `--version-script`s.
    pub version_scripts: Vec<PathBuf>,
    /// `--dynamic-list`s.
    pub dynamic_lists: Vec<PathBuf>,
    /// `--export-dynamic-symbol` globs: kept alive, and exported where there is a dynamic symbol table.
    pub export_dynamic_symbols: Vec<String>,
    /// `--export-dynamic`, `-rdynamic`.
    pub export_dynamic: bool,
    /// `--exclude-libs`: archive file names whose symbols become local; `ALL` for every archive.
    pub exclude_libs: Vec<String>,
    /// What is dropped.
    pub garbage: GarbageCollection,
    /// What is left of symbols and debug information.
    pub strip: Strip,
    /// `-x` (all locals) and `-X` (compilers' temporaries).
    pub discard: Discard,
    /// `--build-id`.
    pub build_id: BuildId,
    /// `--compress-debug-sections`.
    pub compress_debug: DebugCompression,
    /// `-Map`; `-` is standard output.
    pub map: Option<PathBuf>,
    /// `-z` keywords and what belongs to segments.
    pub segments: SegmentOptions,
    /// What `.note.gnu.property` says beside what the inputs do.
    pub properties: PropertyOptions,
    /// `--hash-style`, `--dynamic-linker`, `-rpath`, `-soname`: for dynamic outputs, which are handed off.
    pub dynamic: DynamicOptions,
    /// How symbol problems are treated.
    pub symbol_policy: SymbolPolicy,
    /// `--sort-section`: the order of input sections for which the script names none.
    pub sort_sections: Option<SectionSort>,
    /// `--orphan-handling`: sections that the script does not mention.
    pub orphans: OrphanHandling,
    /// `--relax` (on by default) and `--no-relax`: whether instructions may be replaced by shorter or faster ones.
    pub relax: bool,
    /// `--warn-search-mismatch` (on by default): tell of libraries for another target that a search passed over.
    pub warn_search_mismatch: bool,
    /// `--trace-symbol`, `--trace`, `--print-map`-like reports.
    pub trace_symbols: Vec<String>,
    /// `-t`: print the files as they are taken.
    pub trace_files: bool,
    /// Worker threads; the machine's number by default.
    pub threads: Option<usize>,
}

/// `--sort-section`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SectionSort {
    /// By the section's name.
    Name,
    /// By alignment, largest first.
    Alignment,
}

/// `--orphan-handling`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum OrphanHandling {
    /// In a fitting place.
    #[default]
    Place,
    /// The same, with a warning.
    Warn,
    /// The link fails.
    Error,
    /// They are left out.
    Discard,
}

/// What kind of file is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OutputKind {
    /// `-static -no-pie`: at a fixed address, without a dynamic linker.
    StaticExecutable,
    /// `-static-pie`: relocates itself.
    StaticPie,
    /// An executable with PT_INTERP; `pie` if position independent.
    DynamicExecutable {
        /// ET_DYN rather than ET_EXEC.
        pie: bool,
    },
    /// `-shared`.
    SharedObject,
    /// `-r`.
    Relocatable,
}

impl OutputKind {
    /// Whether the image may be loaded anywhere.
    pub const fn is_position_independent(self) -> bool {
        matches!(self, Self::StaticPie | Self::DynamicExecutable { pie: true } | Self::SharedObject)
    }

    /// Whether no dynamic linker takes part.
    pub const fn is_static(self) -> bool {
        matches!(self, Self::StaticExecutable | Self::StaticPie)
    }
}

/// One input as written, with the positional switches in force where it stood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Input {
    /// The file or library.
    pub what: InputName,
    /// The positional switches.
    pub modifiers: InputModifiers,
}

/// How an input was named.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum InputName {
    /// A path.
    File(PathBuf),
    /// `-lNAME`: `libNAME.so` or `libNAME.a` on the search path; `-l:FILE` is `FILE` itself there.
    Library(String),
    /// The C++ library, if it turns out that the program needs one: as [`crate::symbols::supply::Supply`] finds it.
    CppLibrary,
}

/// Positional switches. Archives are resolved as one group to a fixpoint, so groups need no record.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
pub struct InputModifiers {
    /// `--whole-archive`: every member is taken.
    pub whole_archive: bool,
    /// `--as-needed`.
    pub as_needed: bool,
    /// `-Bstatic`: `-l` looks for archives only.
    pub only_static: bool,
}

/// `--gc-sections` and its reports.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct GarbageCollection {
    /// Drop sections that nothing reaches.
    pub sections: bool,
    /// `--print-gc-sections`.
    pub print: bool,
    /// `-z start-stop-gc`: a `__start_`/`__stop_` reference does not keep its sections.
    pub start_stop: bool,
    /// `--gc-keep-exported`.
    pub keep_exported: bool,
}

/// `-S` and `-s`.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Strip {
    /// Keep everything.
    #[default]
    Nothing,
    /// `-S`: no debug sections.
    Debug,
    /// `-s`: no debug sections and no symbol table.
    All,
}

/// `-x` and `-X`.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Discard {
    /// Locals of merged string sections only (GNU ld's default): names with the `.L` prefix in SHF_MERGE sections.
    #[default]
    MergeTemporaries,
    /// `--discard-none`.
    Nothing,
    /// `-X`: every local whose name has the `.L` prefix.
    Temporaries,
    /// `-x`: every local.
    Locals,
}

/// `--build-id` in every form of GNU ld's, and lld's `fast`.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub enum BuildId {
    /// No note.
    #[default]
    None,
    /// 8 bytes of a fast hash of the output.
    Fast,
    /// 16 bytes of MD5 over the output.
    Md5,
    /// 20 bytes of SHA-1 over the output; also what a bare `--build-id` asks for.
    Sha1,
    /// 16 random bytes.
    Uuid,
    /// `0xHEX`.
    Hex(Vec<u8>),
}

impl BuildId {
    /// Bytes of the id; 0 for no note.
    pub fn size(&self) -> u64 {
        match self {
            BuildId::None => 0,
            BuildId::Fast => 8,
            BuildId::Md5 | BuildId::Uuid => 16,
            BuildId::Sha1 => 20,
            BuildId::Hex(id) => id.len() as u64,
        }
    }
}

/// `--compress-debug-sections`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum DebugCompression {
    /// Uncompressed.
    #[default]
    None,
    /// ELFCOMPRESS_ZLIB (`zlib`, `zlib-gabi`).
    Zlib,
    /// ELFCOMPRESS_ZSTD.
    Zstd,
}

/// `-z` keywords, and `-N`/`-n`-like choices, that shape segments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SegmentOptions {
    /// `-z relro` (on by default) and `norelro`.
    pub relro: bool,
    /// `-z now` and `lazy`.
    pub now: bool,
    /// `-z execstack`; off by default whatever the objects say, as lld does.
    pub executable_stack: bool,
    /// `-z stack-size=N` in bytes: `p_memsz` of PT_GNU_STACK. musl makes threads of that size.
    pub stack_size: Option<u64>,
    /// `-z max-page-size=N` in bytes.
    pub max_page_size: Option<u64>,
    /// `-z common-page-size=N` in bytes.
    pub common_page_size: Option<u64>,
    /// `-z separate-code`: text shares no page with data.
    pub separate_code: bool,
    /// `--image-base`, `-Ttext-segment`.
    pub image_base: Option<u64>,
    /// `--eh-frame-hdr` (the drivers pass it for dynamic links; on by default here).
    pub eh_frame_hdr: bool,
    /// `-z pack-relative-relocs`: DT_RELR.
    pub pack_relative_relocations: bool,
}

impl Default for SegmentOptions {
    fn default() -> Self {
        SegmentOptions {
            relro: true,
            now: false,
            executable_stack: false,
            stack_size: None,
            max_page_size: None,
            common_page_size: None,
            separate_code: true,
            image_base: None,
            eh_frame_hdr: true,
            pack_relative_relocations: false,
        }
    }
}

/// `-z ibt` and its like: what is promised whatever the inputs say, and whether to tell of those that do not keep it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct PropertyOptions {
    /// `-z ibt`, `shstk`, `lam-u48`, `lam-u57`: bits of GNU_PROPERTY_X86_FEATURE_1_AND.
    pub x86_features: u64,
    /// `-z x86-64-v2` and its like: bits of GNU_PROPERTY_X86_ISA_1_NEEDED.
    pub x86_isa_needed: u64,
    /// `-z force-bti`: branch target identification on aarch64.
    pub force_bti: bool,
    /// `-z cet-report`: inputs without IBT or SHSTK.
    pub cet_report: PropertyReport,
    /// `-z bti-report`: inputs without BTI; `-z force-bti` asks for warnings.
    pub bti_report: Option<PropertyReport>,
}

/// What to say of an input that lacks a property.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum PropertyReport {
    /// Nothing.
    #[default]
    None,
    /// A warning.
    Warning,
    /// The link fails.
    Error,
}

/// What only dynamic outputs use.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct DynamicOptions {
    /// `--dynamic-linker`.
    pub interpreter: Option<PathBuf>,
    /// `-rpath`, in order.
    pub run_paths: Vec<String>,
    /// `-soname`.
    pub soname: Option<String>,
    /// `--hash-style`.
    pub hash_style: Option<String>,
}

/// How symbol problems are treated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SymbolPolicy {
    /// `--allow-multiple-definition`, `-z muldefs`: the first definition wins silently.
    pub allow_multiple_definition: bool,
    /// `--unresolved-symbols`, `--warn-unresolved-symbols`, `-z defs`.
    pub unresolved: Unresolved,
    /// `--warn-common`.
    pub warn_common: bool,
    /// `--fatal-warnings`.
    pub fatal_warnings: bool,
}

/// What an undefined symbol does.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Unresolved {
    /// The link fails.
    #[default]
    Error,
    /// A warning; the address is 0.
    Warn,
    /// Nothing; the address is 0.
    Ignore,
}

impl Default for SymbolPolicy {
    fn default() -> Self {
        SymbolPolicy {
            allow_multiple_definition: false,
            unresolved: Unresolved::Error,
            warn_common: false,
            fatal_warnings: false,
        }
    }
}

impl LinkRequest {
    /// A link with every option at its default.
    pub fn new(output: impl Into<PathBuf>, kind: OutputKind) -> Self {
        LinkRequest {
            target: None,
            output: output.into(),
            output_named: true,
            kind,
            inputs: Vec::new(),
            library_paths: Vec::new(),
            sysroot: None,
            entry: None,
            undefined: Vec::new(),
            require_defined: Vec::new(),
            definitions: Vec::new(),
            wrap: Vec::new(),
            script: None,
            version_scripts: Vec::new(),
            dynamic_lists: Vec::new(),
            export_dynamic_symbols: Vec::new(),
            export_dynamic: false,
            exclude_libs: Vec::new(),
            garbage: GarbageCollection::default(),
            strip: Strip::default(),
            discard: Discard::default(),
            build_id: BuildId::default(),
            compress_debug: DebugCompression::default(),
            map: None,
            segments: SegmentOptions::default(),
            properties: PropertyOptions::default(),
            dynamic: DynamicOptions::default(),
            symbol_policy: SymbolPolicy::default(),
            sort_sections: None,
            orphans: OrphanHandling::default(),
            relax: true,
            warn_search_mismatch: true,
            trace_symbols: Vec::new(),
            trace_files: false,
            threads: None,
        }
    }
}

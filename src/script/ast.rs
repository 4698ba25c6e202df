//! What a linker script says, as plain data. Names and semantics: the GNU ld manual, chapter "Linker Scripts".

use std::path::PathBuf;

/// One script.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Script {
    /// Commands in the order of the text.
    pub commands: Vec<Command>,
}

/// A command at the top level of a script.
#[derive(Clone, PartialEq, Debug)]
pub enum Command {
    /// `ENTRY(symbol)`.
    Entry(String),
    /// `OUTPUT_FORMAT(default, big, little)`: the first name.
    OutputFormat(String),
    /// `OUTPUT_ARCH(name)`.
    OutputArch(String),
    /// `INPUT(...)` and `GROUP(...)`: both are resolved to a fixpoint here.
    Input(Vec<ScriptInput>),
    /// `STARTUP(...)`: a file that is linked before all others.
    Startup(Vec<ScriptInput>),
    /// `OUTPUT(file)`: where the result goes if `-o` does not say.
    Output(PathBuf),
    /// `SEARCH_DIR(path)`.
    SearchDir(PathBuf),
    /// `EXTERN(symbol ...)`: as `-u`.
    Extern(Vec<String>),
    /// `ASSERT(expression, message)`.
    Assert(Expression, String),
    /// `symbol = expression;` and the PROVIDE forms.
    Assignment(Assignment),
    /// `SECTIONS { ... }`.
    Sections(Vec<SectionCommand>),
    /// `VERSION { ... }`, or a whole version script.
    Version(Vec<VersionNode>),
    /// `PHDRS { ... }`.
    ProgramHeaders(Vec<ProgramHeader>),
    /// `MEMORY { ... }`.
    Memory(Vec<MemoryRegion>),
    /// `REGION_ALIAS("alias", region)`.
    RegionAlias {
        /// The new name.
        alias: String,
        /// The region it stands for.
        region: String,
    },
    /// `INSERT AFTER section` (or BEFORE): the SECTIONS commands in front of it join the default script there.
    Insert {
        /// AFTER rather than BEFORE.
        after: bool,
        /// The output section of the default script.
        section: String,
    },
}

/// A file of `INPUT`/`GROUP`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScriptInput {
    /// A path, or `-lNAME`.
    pub name: String,
    /// Inside `AS_NEEDED(...)`.
    pub as_needed: bool,
}

/// `symbol = expression`.
#[derive(Clone, PartialEq, Debug)]
pub struct Assignment {
    /// The symbol, or `.`.
    pub symbol: String,
    /// `=`, or the operator of `+=` and its like.
    pub operator: Option<Operator>,
    /// The right side.
    pub value: Expression,
    /// `PROVIDE`: only if referenced and not defined.
    pub provide: bool,
    /// `HIDDEN`, `PROVIDE_HIDDEN`.
    pub hidden: bool,
}

/// A statement of `SECTIONS`.
#[derive(Clone, PartialEq, Debug)]
pub enum SectionCommand {
    /// Symbols and the location counter.
    Assignment(Assignment),
    /// An output section.
    Output(Box<OutputSection>),
    /// `ASSERT`.
    Assert(Expression, String),
    /// `ENTRY`.
    Entry(String),
}

/// An output section description.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct OutputSection {
    /// The name; `/DISCARD/` drops what it matches.
    pub name: String,
    /// The address expression before the colon.
    pub address: Option<Expression>,
    /// `(NOLOAD)`.
    pub no_load: bool,
    /// `(COPY)`, `(INFO)`, `(DSECT)`, `(OVERLAY)`: no part of the image.
    pub not_allocated: bool,
    /// `(READONLY)`.
    pub read_only: bool,
    /// `AT(lma)`.
    pub load_address: Option<Expression>,
    /// `ALIGN(n)` after the colon.
    pub align: Option<Expression>,
    /// `SUBALIGN(n)`.
    pub sub_align: Option<Expression>,
    /// `ONLY_IF_RO`, `ONLY_IF_RW`.
    pub constraint: Option<Constraint>,
    /// What it holds, in order.
    pub contents: Vec<Content>,
    /// `>region`.
    pub region: Option<String>,
    /// `AT>region`.
    pub load_region: Option<String>,
    /// `:phdr`, in order.
    pub segments: Vec<String>,
    /// `=fill`, as the bytes of the repeated pattern.
    pub fill: Option<Vec<u8>>,
}

/// Which input sections an output section description takes part for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Constraint {
    /// Only if all its input sections are read-only.
    ReadOnly,
    /// Only if one of them is writable.
    ReadWrite,
}

/// A statement inside an output section.
#[derive(Clone, PartialEq, Debug)]
pub enum Content {
    /// Symbols and the location counter; `.` is relative to the section's start.
    Assignment(Assignment),
    /// Input sections.
    Input(InputPattern),
    /// `BYTE`, `SHORT`, `LONG`, `QUAD`: width in bytes and value.
    Data(u8, Expression),
    /// `FILL(value)`: the pattern from here on.
    Fill(Vec<u8>),
    /// `ASSERT`.
    Assert(Expression, String),
}

/// `KEEP(file(section ...))`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InputPattern {
    /// `KEEP`: what matches is a root of liveness.
    pub keep: bool,
    /// Glob over the file's name, or `archive:member`.
    pub file: String,
    /// `EXCLUDE_FILE` in front of the file's parenthesis: globs.
    pub exclude_files: Vec<String>,
    /// The section globs, in order.
    pub sections: Vec<SectionPattern>,
}

/// One glob inside an input pattern.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SectionPattern {
    /// Glob over the section's name.
    pub name: String,
    /// `EXCLUDE_FILE` before this glob.
    pub exclude_files: Vec<String>,
    /// Outermost sort first; at most two.
    pub sort: Vec<Sort>,
}

/// How matches of one glob are ordered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sort {
    /// `SORT_BY_NAME`, `SORT`.
    Name,
    /// `SORT_BY_ALIGNMENT`: largest first.
    Alignment,
    /// `SORT_BY_INIT_PRIORITY`: the number at the end of the name.
    InitPriority,
    /// `SORT_NONE`: input order, whatever the command line says.
    None,
}

/// A node of a version script.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct VersionNode {
    /// The version; empty for an anonymous node.
    pub name: String,
    /// What is exported.
    pub global: Vec<VersionPattern>,
    /// What becomes local.
    pub local: Vec<VersionPattern>,
    /// The versions it inherits.
    pub parents: Vec<String>,
}

/// One pattern of a version node or dynamic list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VersionPattern {
    /// A glob; an exact name if `exact`.
    pub pattern: String,
    /// Written in quotation marks.
    pub exact: bool,
    /// Inside `extern "C++"`: matched against the demangled name.
    pub cpp: bool,
}

/// A line of `PHDRS`.
#[derive(Clone, PartialEq, Debug)]
pub struct ProgramHeader {
    /// The name that output sections refer to.
    pub name: String,
    /// `p_type`.
    pub kind: u32,
    /// `FILEHDR`.
    pub file_header: bool,
    /// `PHDRS`.
    pub program_headers: bool,
    /// `AT(address)`.
    pub address: Option<Expression>,
    /// `FLAGS(n)`.
    pub flags: Option<u32>,
}

/// A line of `MEMORY`.
#[derive(Clone, PartialEq, Debug)]
pub struct MemoryRegion {
    /// The name that output sections refer to.
    pub name: String,
    /// The attribute letters, as written.
    pub attributes: String,
    /// `ORIGIN`.
    pub origin: Expression,
    /// `LENGTH`.
    pub length: Expression,
}

/// An expression over 64-bit numbers.
#[derive(Clone, PartialEq, Debug)]
pub enum Expression {
    /// A number.
    Number(u64),
    /// `.`.
    Dot,
    /// A symbol's address.
    Symbol(String),
    /// `-a`, `~a`, `!a`.
    Unary(UnaryOperator, Box<Expression>),
    /// `a + b` and its like.
    Binary(Operator, Box<Expression>, Box<Expression>),
    /// `a ? b : c`.
    Conditional(Box<Expression>, Box<Expression>, Box<Expression>),
    /// A function of expressions.
    Call(Function, Vec<Expression>),
    /// A function of an output section, region or symbol name: `ADDR(.text)`.
    Named(NamedFunction, String),
    /// `SEGMENT_START("text-segment", default)`.
    SegmentStart(String, Box<Expression>),
    /// `SIZEOF_HEADERS`.
    SizeOfHeaders,
    /// `CONSTANT(MAXPAGESIZE)`.
    MaxPageSize,
    /// `CONSTANT(COMMONPAGESIZE)`.
    CommonPageSize,
    /// Where the file header lies in memory, 0 if nowhere. Has no spelling: it is the value of `__ehdr_start`.
    FileHeader,
    /// `ASSERT(e, message)` as a value: that of `e`, which may not be 0.
    Assert(Box<Expression>, String),
}

/// Operators of one operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnaryOperator {
    /// `-`
    Negate,
    /// `~`
    Complement,
    /// `!`
    Not,
}

/// Operators of two operands; arithmetic wraps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // the names are the operators'
pub enum Operator {
    Multiply,
    Divide,
    Remainder,
    Add,
    Subtract,
    ShiftLeft,
    ShiftRight,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    And,
    Or,
    Xor,
    LogicalAnd,
    LogicalOr,
}

/// Functions of expressions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Function {
    /// `ALIGN(n)`, `ALIGN(e, n)`: one or two arguments.
    Align,
    /// `ABSOLUTE(e)`.
    Absolute,
    /// `MAX(a, b)`.
    Max,
    /// `MIN(a, b)`.
    Min,
    /// `LOG2CEIL(e)`.
    Log2Ceil,
    /// `DATA_SEGMENT_ALIGN(max, common)`.
    DataSegmentAlign,
    /// `DATA_SEGMENT_RELRO_END(offset, e)`.
    DataSegmentRelroEnd,
    /// `DATA_SEGMENT_END(e)`.
    DataSegmentEnd,
}

/// Functions of a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NamedFunction {
    /// `ADDR(section)`.
    Address,
    /// `LOADADDR(section)`.
    LoadAddress,
    /// `SIZEOF(section)`.
    SizeOf,
    /// `ALIGNOF(section)`.
    AlignOf,
    /// `DEFINED(symbol)`.
    Defined,
    /// `ORIGIN(region)`.
    Origin,
    /// `LENGTH(region)`.
    Length,
}

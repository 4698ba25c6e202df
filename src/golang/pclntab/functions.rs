//! What compilers say of functions, in the form in which the table is made from it.

use super::super::symbols::{GoSymbol, ObjectId, Symbols};
use super::claims::{Claims, Role};
use super::damaged;
use super::pctables::{Contents, Listed, PcTable};
use crate::diag::Diagnostic;
use crate::inputs::goobj::funcinfo::FuncInfo;
use crate::inputs::goobj::{AuxKind, Reference};

/// How many functions are worked on as one. Nothing in the output depends on it.
pub(super) const CHUNK: usize = 512;

/// Bytes of a function in `runtime.functab`, without its lists (`runtime/runtime2.go`, `_func`).
pub(super) const FUNCTION: u64 = 44;

/// Positions in the list of pcdata (`internal/abi/symtab.go`).
pub(super) mod pcdata {
    /// Index into the tree of inlined calls.
    pub const INLINE_TREE_INDEX: u32 = 2;
}

/// Positions in the list of funcdata (`internal/abi/symtab.go`).
pub(super) mod funcdata {
    /// Which arguments are pointers.
    pub const ARGUMENT_POINTERS: usize = 0;
    /// The tree of inlined calls.
    pub const INLINE_TREE: usize = 3;
    /// How arguments are printed.
    pub const ARGUMENT_INFO: usize = 5;
}

/// A function.
#[derive(Clone, Copy, Debug)]
pub(super) struct Function {
    /// Which.
    pub symbol: GoSymbol,
    /// Whether its object describes it.
    pub is_described: bool,
    /// Bytes of arguments.
    pub arguments: u32,
    /// Line of the `func` keyword.
    pub start_line: i32,
    /// How many calls were inlined into it.
    pub inlined: u32,
    /// How many lists of pcdata its object has.
    pub pcdata: u32,
    /// How many entries its list of funcdata has, that of the inlined calls included.
    pub funcdata: u8,
    /// `FuncID`.
    pub id: u8,
    /// `FuncFlag`.
    pub flags: u8,
}

impl Function {
    /// How many entries its list of pcdata has, that of the inlined calls included.
    pub fn pcdata_count(&self) -> u32 {
        if self.inlined > 0 { self.pcdata.max(pcdata::INLINE_TREE_INDEX + 1) } else { self.pcdata }
    }

    /// Bytes it takes in `runtime.functab`.
    pub fn size(&self) -> u64 {
        FUNCTION + 4 * (u64::from(self.pcdata_count()) + u64::from(self.funcdata))
    }

    /// How many tables of program counters it has a place for.
    fn tables(&self) -> usize {
        if self.is_described { KINDS + self.pcdata as usize + 1 } else { 0 }
    }
}

/// How many kinds of tables of program counters each described function has before pcdata: depth of the stack, file and line.
pub(super) const KINDS: usize = 3;

/// A call that was inlined into a function.
#[derive(Clone, Copy, Debug)]
pub(super) struct InlinedCall {
    /// What was called.
    pub function: GoSymbol,
    /// Where, as an offset in the function.
    pub parent_pc: u32,
}

/// What a function names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Uses<'a> {
    /// The calls that were inlined.
    pub inlined: &'a [InlinedCall],
    /// Its tables of program counters in the order in which they are laid out: [`KINDS`] of them, then what [`pcdata`] lists, then
    /// that of inlined calls. Empty if nothing describes the function.
    pub tables: &'a [PcTable],
    /// What [`funcdata`] lists; [`GoSymbol::NONE`] where there is none, and for the tree of inlined calls, which the linker makes.
    pub funcdata: &'a [GoSymbol],
}

impl Uses<'_> {
    /// One of its tables of program counters.
    pub fn table(&self, position: usize) -> PcTable {
        self.tables.get(position).copied().unwrap_or(PcTable::NONE)
    }

    /// What [`pcdata`] lists.
    pub fn pcdata(&self, index: usize) -> PcTable {
        let end = self.tables.len().saturating_sub(1);
        self.tables[..end].get(KINDS + index).copied().unwrap_or(PcTable::NONE)
    }

    /// The table of inlined calls.
    pub fn inline_table(&self) -> PcTable {
        self.tables.last().copied().unwrap_or(PcTable::NONE)
    }
}

/// The symbols that a function names, itself first, and for what.
pub(super) fn roles(
    function: GoSymbol,
    inlined: &[InlinedCall],
    funcdata: &[GoSymbol],
) -> impl Iterator<Item = (GoSymbol, Role)> {
    let names = std::iter::once(function).chain(inlined.iter().map(|call| call.function));
    let funcdata = funcdata.iter().copied().filter(|data| !data.is_none());
    names.map(|name| (name, Role::Name)).chain(funcdata.map(|data| (data, Role::Funcdata)))
}

/// Functions that are worked on as one.
#[derive(Default, Debug)]
pub(super) struct Chunk {
    /// They, by address.
    pub functions: Vec<Function>,
    /// The calls that were inlined into them, one behind the other.
    inlined: Vec<InlinedCall>,
    /// Their funcdata, one behind the other.
    funcdata: Vec<GoSymbol>,
    /// Their tables of program counters, one behind the other.
    pub tables: Vec<PcTable>,
    /// The number of the first of these among those of all chunks.
    pub first_table: u32,
}

/// What frames are told from.
#[derive(Clone, Copy, Debug)]
pub(in crate::golang) struct Outline {
    /// The function.
    pub symbol: GoSymbol,
    /// `FuncFlag`.
    pub flags: u8,
    /// By program counter: depth of the stack. A position in the function's object.
    pub depths: Option<u32>,
}

/// The files that functions of a chunk name.
#[derive(Default, Debug)]
pub(super) struct UsedFiles {
    /// The units that they belong to, in the order of functions.
    pub units: Vec<ObjectId>,
    /// Indices of files of units, in the order in which they are named; some of them more than once.
    pub files: Vec<(ObjectId, u32)>,
}

impl Chunk {
    /// Takes apart what is said of functions, and claims what they name. `first` is the number of the first.
    pub fn describe(
        symbols: &Symbols<'_>,
        order: &[GoSymbol],
        first: usize,
        claims: &Claims,
    ) -> Result<(Self, UsedFiles, Contents), Diagnostic> {
        let chunk = Chunk {
            functions: Vec::with_capacity(order.len()),
            inlined: Vec::with_capacity(4 * order.len()),
            funcdata: Vec::with_capacity(6 * order.len()),
            tables: Vec::new(),
            first_table: 0,
        };
        let tables = Listed::with_capacity(8 * order.len());
        let (files, auxiliary) = (FileReader::default(), Auxiliary::default());
        let mut reader = Reader { symbols, chunk, tables, files, auxiliary };
        for (number, symbol) in (first..).zip(order) {
            let function = reader.read(*symbol)?;
            reader.chunk.functions.push(function);
            let Chunk { inlined, funcdata, .. } = &reader.chunk;
            let inlined = &inlined[inlined.len() - function.inlined as usize..];
            let funcdata = &funcdata[funcdata.len() - usize::from(function.funcdata)..];
            roles(*symbol, inlined, funcdata).for_each(|(named, role)| claims.claim(named, role, number));
        }
        reader.chunk.inlined.shrink_to_fit();
        reader.chunk.funcdata.shrink_to_fit();
        let (tables, contents) = reader.tables.finish();
        Ok((Chunk { tables, ..reader.chunk }, reader.files.used, contents))
    }

    /// The functions that are described.
    pub fn outlines(&self) -> impl Iterator<Item = Outline> {
        let described = self.each().filter(|(function, _)| function.is_described);
        described.map(|(Function { symbol, flags, .. }, uses)| Outline {
            symbol: *symbol,
            flags: *flags,
            depths: uses.table(0).position(),
        })
    }

    /// The functions with what they name.
    pub fn each(&self) -> impl Iterator<Item = (&Function, Uses<'_>)> {
        let (mut calls, mut data, mut all) = (&self.inlined[..], &self.funcdata[..], &self.tables[..]);
        self.functions.iter().map(move |function| {
            let (inlined, funcdata, tables);
            (inlined, calls) = calls.split_at(function.inlined as usize);
            (funcdata, data) = data.split_at(usize::from(function.funcdata));
            (tables, all) = all.split_at(function.tables());
            (function, Uses { inlined, tables, funcdata })
        })
    }
}

/// What is auxiliary to one function.
#[derive(Default)]
struct Auxiliary {
    info: Option<GoSymbol>,
    /// In the order of [`Uses::tables`].
    tables: Vec<Option<Reference>>,
    inline_table: Option<Reference>,
    funcdata: Vec<GoSymbol>,
}

impl Auxiliary {
    fn read(&mut self, symbols: &Symbols<'_>, (id, local): (ObjectId, u32)) {
        let entry = symbols.object(id);
        (self.info, self.inline_table) = (None, None);
        self.tables.clear();
        self.tables.resize(KINDS, None);
        self.funcdata.clear();
        for record in entry.object.aux(local) {
            let (kind, reference) = (record.kind(), record.symbol());
            match kind {
                Some(kind @ AuxKind::FuncInfo) if self.info.is_none() => {
                    self.info = Some(symbols.resolve_aux(entry, kind, reference));
                }
                Some(AuxKind::Pcsp) => self.tables[0] = Some(reference),
                Some(AuxKind::Pcfile) => self.tables[1] = Some(reference),
                Some(AuxKind::Pcline) => self.tables[2] = Some(reference),
                Some(AuxKind::Pcinline) => self.inline_table = Some(reference),
                Some(AuxKind::Pcdata) => self.tables.push(Some(reference)),
                Some(AuxKind::Funcdata) => self.funcdata.push(symbols.resolve_in(entry, reference)),
                _ => {}
            }
        }
    }
}

struct Reader<'a, 'data> {
    symbols: &'a Symbols<'data>,
    chunk: Chunk,
    tables: Listed<'data>,
    files: FileReader,
    auxiliary: Auxiliary,
}

impl Reader<'_, '_> {
    fn read(&mut self, symbol: GoSymbol) -> Result<Function, Diagnostic> {
        let mut function = Function {
            symbol,
            is_described: false,
            arguments: 0,
            start_line: 0,
            inlined: 0,
            pcdata: 0,
            funcdata: 0,
            id: 0,
            flags: 0,
        };
        let Some((unit, local)) = self.symbols.origin(symbol) else { return Ok(function) };
        self.files.enter(self.symbols, unit);
        self.auxiliary.read(self.symbols, (unit, local));
        let Some(info) = self.auxiliary.info else { return Ok(function) };
        let damaged = |what: &str| damaged(self.symbols, symbol, what);
        if info.is_none() {
            return Err(damaged("it is kept in a symbol that its object does not have"));
        }
        function.is_described = true;
        let info = FuncInfo::parse(self.symbols.data(info));
        (function.arguments, function.start_line) = (info.args(), info.start_line());
        (function.id, function.flags) = (info.func_id(), info.func_flag());
        function.inlined = info.inlined_count() as u32;
        for file in info.files() {
            self.files.add(file).ok_or_else(|| damaged("it names a file that its object does not have"))?;
        }
        for call in info.inlined() {
            self.files.add(call.file).ok_or_else(|| damaged("it names a file that its object does not have"))?;
            let inlined = self.symbols.resolve(unit, call.function);
            if inlined.is_none() {
                return Err(damaged("a function was inlined that its object does not know"));
            }
            self.chunk.inlined.push(InlinedCall { function: inlined, parent_pc: call.parent_pc as u32 });
        }
        self.auxiliary.normalize(self.symbols, unit, function.inlined > 0);
        function.pcdata = (self.auxiliary.tables.len() - KINDS) as u32;
        function.funcdata = u8::try_from(self.auxiliary.funcdata.len())
            .map_err(|_| damaged("it has more than 255 symbols of funcdata"))?;
        self.chunk.funcdata.extend_from_slice(&self.auxiliary.funcdata);
        self.add_tables(unit)
            .ok_or_else(|| damaged("it has a table of program counters that its object does not define"))?;
        Ok(function)
    }

    /// Adds the tables of program counters; nothing if one of them is no definition of the function's object.
    fn add_tables(&mut self, unit: ObjectId) -> Option<()> {
        let object = &self.symbols.object(unit).object;
        for reference in self.auxiliary.tables.iter().copied().chain([self.auxiliary.inline_table]) {
            match reference.filter(|reference| !reference.is_nil()) {
                None => self.tables.push_none(),
                Some(reference) => self.tables.push(object, object.local(reference)?),
            }
        }
        Some(())
    }
}

impl Auxiliary {
    /// Makes the lists what the table has: with a place for the tree of inlined calls if there are any, and without what
    /// assemblers refer to in case a compiler makes it.
    fn normalize(&mut self, symbols: &Symbols<'_>, unit: ObjectId, has_inlined: bool) {
        if has_inlined {
            let count = self.funcdata.len().max(funcdata::INLINE_TREE + 1);
            self.funcdata.resize(count, GoSymbol::NONE);
            self.funcdata[funcdata::INLINE_TREE] = GoSymbol::NONE;
        } else {
            self.inline_table = None;
        }
        for optional in [funcdata::ARGUMENT_POINTERS, funcdata::ARGUMENT_INFO] {
            if let Some(data) = self.funcdata.get_mut(optional)
                && symbols.object(unit).object.is_from_assembly()
                && symbols.data(*data).is_empty()
            {
                *data = GoSymbol::NONE;
            }
        }
    }
}

/// Notes files, mostly once.
#[derive(Default)]
struct FileReader {
    used: UsedFiles,
    /// Which files of the last unit were noted since it was entered.
    noted: Vec<bool>,
}

impl FileReader {
    fn enter(&mut self, symbols: &Symbols<'_>, unit: ObjectId) {
        if self.used.units.last() != Some(&unit) {
            self.used.units.push(unit);
            self.noted.clear();
            self.noted.resize(symbols.object(unit).object.files().len(), false);
        }
    }

    /// Nothing if there is no such file.
    fn add(&mut self, file: u32) -> Option<()> {
        let noted = self.noted.get_mut(file as usize)?;
        if !std::mem::replace(noted, true) {
            self.used.files.extend(self.used.units.last().map(|unit| (*unit, file)));
        }
        Some(())
    }
}

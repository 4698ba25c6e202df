//! What compilers say of functions, in the form in which the table is made from it.

use super::super::symbols::{GoSymbol, ObjectId, Symbols};
use super::claims::{Claims, Role};
use super::damaged;
use crate::diag::Diagnostic;
use crate::inputs::goobj::AuxKind;
use crate::inputs::goobj::funcinfo::FuncInfo;

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
    /// Its `FuncInfo`; none if nothing describes the function.
    pub info: GoSymbol,
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

    /// How many symbols it names.
    fn used(&self) -> usize {
        let tables = if self.info.is_none() { 0 } else { TABLES };
        self.inlined as usize + tables + self.pcdata as usize + usize::from(self.funcdata)
    }
}

/// How many tables of program counters each described function has, besides pcdata.
const TABLES: usize = 4;

/// The symbols that a function names; [`GoSymbol::NONE`] where there is none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Uses<'a> {
    /// The functions that were inlined, call by call.
    pub inlined: &'a [GoSymbol],
    /// By program counter: depth of the stack, file, line, and inlined call if there are any; empty if nothing describes the
    /// function.
    pub tables: &'a [GoSymbol],
    /// By program counter: what [`pcdata`] lists.
    pub pcdata: &'a [GoSymbol],
    /// What [`funcdata`] lists; nothing for the tree of inlined calls, which the linker makes.
    pub funcdata: &'a [GoSymbol],
}

impl<'a> Uses<'a> {
    /// One of the tables of program counters: 0 is depth of the stack, 1 file, 2 line, 3 inlined call.
    pub fn table(&self, position: usize) -> GoSymbol {
        self.tables.get(position).copied().unwrap_or_default()
    }

    /// The tables of program counters in the order in which they are laid out.
    pub fn pc_tables(&self) -> impl Iterator<Item = GoSymbol> + use<'a> {
        let (first, last) = self.tables.split_at(self.tables.len().min(TABLES - 1));
        first.iter().chain(self.pcdata).chain(last).copied().filter(|symbol| !symbol.is_none())
    }

    /// What a function names, itself first, and for what.
    pub fn roles(self, function: GoSymbol) -> impl Iterator<Item = (GoSymbol, Role)> + use<'a> {
        let names = std::iter::once(function).chain(self.inlined.iter().copied());
        let funcdata = self.funcdata.iter().copied().filter(|data| !data.is_none());
        let tables = self.pc_tables().map(|table| (table, Role::PcTable));
        names.map(|name| (name, Role::Name)).chain(tables).chain(funcdata.map(|data| (data, Role::Funcdata)))
    }
}

/// Functions that are worked on as one.
#[derive(Default, Debug)]
pub(super) struct Chunk {
    /// They, by address.
    pub functions: Vec<Function>,
    /// What they name, one behind the other.
    uses: Vec<GoSymbol>,
}

/// What frames are told from.
#[derive(Clone, Copy, Debug)]
pub(in crate::golang) struct Outline {
    /// The function.
    pub symbol: GoSymbol,
    /// `FuncFlag`.
    pub flags: u8,
    /// By program counter: depth of the stack.
    pub depths: GoSymbol,
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
    ) -> Result<(Self, UsedFiles), Diagnostic> {
        let chunk = Chunk { functions: Vec::with_capacity(order.len()), uses: Vec::with_capacity(16 * order.len()) };
        let mut reader = Reader { symbols, chunk, files: FileReader::default(), auxiliary: Auxiliary::default() };
        for (number, symbol) in (first..).zip(order) {
            let function = reader.read(*symbol)?;
            reader.chunk.functions.push(function);
            let at = reader.chunk.uses.len() - function.used();
            let uses = split(&function, &reader.chunk.uses[at..]).0;
            uses.roles(*symbol).for_each(|(named, role)| claims.claim(named, role, number));
        }
        reader.chunk.uses.shrink_to_fit();
        Ok((reader.chunk, reader.files.used))
    }

    /// The functions that are described.
    pub fn outlines(&self) -> impl Iterator<Item = Outline> {
        let described = self.each().filter(|(function, _)| !function.info.is_none());
        described.map(|(Function { symbol, flags, .. }, uses)| Outline {
            symbol: *symbol,
            flags: *flags,
            depths: uses.table(0),
        })
    }

    /// The functions with what they name.
    pub fn each(&self) -> impl Iterator<Item = (&Function, Uses<'_>)> {
        let mut rest = &self.uses[..];
        self.functions.iter().map(move |function| {
            let uses;
            (uses, rest) = split(function, rest);
            (function, uses)
        })
    }
}

/// Takes what a function names off a list.
fn split<'a>(function: &Function, list: &'a [GoSymbol]) -> (Uses<'a>, &'a [GoSymbol]) {
    let (inlined, rest) = list.split_at(function.inlined as usize);
    let (tables, rest) = rest.split_at(if function.info.is_none() { 0 } else { TABLES });
    let (pcdata, rest) = rest.split_at(function.pcdata as usize);
    let (funcdata, rest) = rest.split_at(usize::from(function.funcdata));
    (Uses { inlined, tables, pcdata, funcdata }, rest)
}

/// The auxiliary symbols of one function.
#[derive(Default)]
struct Auxiliary {
    is_described: bool,
    info: GoSymbol,
    tables: [GoSymbol; TABLES],
    pcdata: Vec<GoSymbol>,
    funcdata: Vec<GoSymbol>,
}

impl Auxiliary {
    fn read(&mut self, symbols: &Symbols<'_>, function: GoSymbol) {
        (self.is_described, self.info, self.tables) = (false, GoSymbol::NONE, Default::default());
        self.pcdata.clear();
        self.funcdata.clear();
        match symbols.definition(function) {
            Some((id, local)) => {
                for record in symbols.object(id).object.aux(local) {
                    if let Some(kind) = record.kind() {
                        self.add(kind, || symbols.resolve(id, record.symbol()));
                    }
                }
            }
            None => symbols.aux(function).for_each(|(kind, symbol)| self.add(kind, || symbol)),
        }
    }

    fn add(&mut self, kind: AuxKind, symbol: impl FnOnce() -> GoSymbol) {
        match kind {
            AuxKind::FuncInfo if !self.is_described => (self.is_described, self.info) = (true, symbol()),
            AuxKind::Pcsp => self.tables[0] = symbol(),
            AuxKind::Pcfile => self.tables[1] = symbol(),
            AuxKind::Pcline => self.tables[2] = symbol(),
            AuxKind::Pcinline => self.tables[3] = symbol(),
            AuxKind::Pcdata => self.pcdata.push(symbol()),
            AuxKind::Funcdata => self.funcdata.push(symbol()),
            _ => {}
        }
    }
}

struct Reader<'a, 'data> {
    symbols: &'a Symbols<'data>,
    chunk: Chunk,
    files: FileReader,
    auxiliary: Auxiliary,
}

impl Reader<'_, '_> {
    fn read(&mut self, symbol: GoSymbol) -> Result<Function, Diagnostic> {
        let mut function = Function {
            symbol,
            info: GoSymbol::NONE,
            arguments: 0,
            start_line: 0,
            inlined: 0,
            pcdata: 0,
            funcdata: 0,
            id: 0,
            flags: 0,
        };
        let unit = self.symbols.unit(symbol);
        let Some(unit) = unit else { return Ok(function) };
        self.files.enter(self.symbols, unit);
        self.auxiliary.read(self.symbols, symbol);
        if !self.auxiliary.is_described {
            return Ok(function);
        }
        let damaged = |what: &str| damaged(self.symbols, symbol, what);
        function.info = self.auxiliary.info;
        if function.info.is_none() {
            return Err(damaged("it is kept in a symbol that its object does not have"));
        }
        let info = FuncInfo::parse(self.symbols.data(function.info));
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
            self.chunk.uses.push(inlined);
        }
        self.auxiliary.normalize(self.symbols, unit, function.inlined > 0);
        function.pcdata = self.auxiliary.pcdata.len() as u32;
        function.funcdata = u8::try_from(self.auxiliary.funcdata.len())
            .map_err(|_| damaged("it has more than 255 symbols of funcdata"))?;
        self.chunk.uses.extend(self.auxiliary.tables);
        self.chunk.uses.extend_from_slice(&self.auxiliary.pcdata);
        self.chunk.uses.extend_from_slice(&self.auxiliary.funcdata);
        Ok(function)
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
            self.tables[3] = GoSymbol::NONE;
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

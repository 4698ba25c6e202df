//! The table of functions: names, files, lines, stack frames, inlined calls and pointer maps of all code, for tracebacks
//! and the garbage collector (Go 1.26 and 1.27, `cmd/link/internal/ld/pcln.go`; its reader is `runtime/symtab.go`).
//!
//! ```text
//! runtime.pclntab      where the section starts
//!   runtime.pcheader     magic, counts, and how far from here the other parts are
//!   runtime.funcnametab  names of functions and of functions inlined into them, each ended by a zero
//!   runtime.cutab        unit by unit: for each file of the unit its place in runtime.filetab
//!   runtime.filetab      names of files, each ended by a zero
//!   runtime.pctab        what compilers say of program counters, equal contents once
//!   runtime.functab      { entry:u32 function:u32 }[functions] end:u32, and behind it the functions
//!   go:func.*            what compilers say of functions, equal contents once, and the trees of inlined calls
//! runtime.findfunctab  from an address to the first function of its 256 bytes
//! ```
//!
//! Everything is in the order in which functions, as they lie in memory, name it first. To find that order without going
//! through a million references one by one, chunks of functions are worked on in parallel: each reference leaves the
//! number of its function at the symbol unless a smaller one is there ([`claims`]); then each function's own symbols are
//! those that bear its number, and places follow from the sizes of chunks ([`places`]). Tables of program counters are no symbols; the
//! first of equal ones is found by what they hold ([`pctables`]). What is filled late is only bytes.

mod claims;
mod deferreturn;
mod files;
mod find;
mod functab;
mod functions;
mod pctables;
mod places;
mod tables;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use hashbrown::HashMap;
use rayon::prelude::*;

use self::claims::{Claims, MOST_FUNCTIONS, Role};
use self::deferreturn::DeferReturn;
use self::files::Files;
use self::find::FindTable;
use self::functab::FunctionTable;
pub(super) use self::functions::Outline;
use self::functions::{CHUNK, Chunk, UsedFiles, roles};
use self::places::{Piece, Places, Tally};
use self::tables::{FileNames, Funcdata, Header, Names, PcTables, UnitFiles};
use super::layout::{Text, TextPlaces};
use super::machine::{Machine, POINTER};
use super::moduledata::FunctionTables;
use super::program::Program;
use super::symbols::{GoSymbol, Kind, Symbols, Version, attribute};
use super::table::{Table, Tables};
use crate::diag::{Diagnostic, Origin};

/// No part of the table may have more bytes: its reader counts with signed 32 bits.
const LARGEST_PART: u64 = i32::MAX as u64;

/// What compilers say of the functions, taken apart.
pub struct Described {
    functions: Functions,
    used: Vec<UsedFiles>,
    claims: Claims,
    tallies: Vec<Tally>,
}

/// The functions, chunk by chunk, as their objects describe them.
#[derive(Clone, Debug)]
pub struct Functions(Arc<Vec<Chunk>>);

/// What all parts of the table are made from.
struct Contents<'data> {
    /// The functions, [`CHUNK`] by [`CHUNK`].
    chunks: Arc<Vec<Chunk>>,
    files: Files<'data>,
    places: Places,
    /// Where code starts: functions are told by their offset from here.
    text: u64,
    defer_return: DeferReturn,
}

/// The table, measured: all but the symbols that hold it.
pub struct Plan<'data> {
    contents: Arc<Contents<'data>>,
    machine: Machine,
    find: FindTable<'data>,
    first_function: GoSymbol,
    last_function: GoSymbol,
}

/// Takes apart what compilers say of the functions, and finds out which of them is the first to name what.
///
/// # Errors
/// Objects that describe their functions in ways that no compiler does.
pub fn describe(symbols: &Symbols<'_>, text: &Text) -> Result<Described, Diagnostic> {
    if text.order.len() > MOST_FUNCTIONS {
        let message = format!("the program has {} functions, but at most {MOST_FUNCTIONS} fit", text.order.len());
        return Err(Diagnostic::error("table-too-large", message).help("link less code"));
    }
    let claims = Claims::new(symbols.count());
    let described = text.order.par_chunks(CHUNK).enumerate();
    let described = described.map(|(at, order)| Chunk::describe(symbols, order, at * CHUNK, &claims)).collect();
    let (mut chunks, mut used, mut contents) = (Vec::new(), Vec::new(), Vec::new());
    for (chunk, files, tables) in first_error(described)? {
        chunks.push(chunk);
        used.push(files);
        contents.push(tables);
    }
    if claims.is_confused() {
        return Err(confused(symbols, &chunks));
    }
    pctables::find_firsts(&mut chunks, contents)?;
    let tallies = chunks.par_iter().enumerate();
    let tallies = tallies.map(|(at, chunk)| Tally::settle(symbols, chunk, at * CHUNK, &claims)).collect();
    let tallies = first_error(tallies)?;
    Ok(Described { functions: Functions(Arc::new(chunks)), used, claims, tallies })
}

/// Measures the table.
///
/// # Errors
/// Objects that describe their functions in ways that no compiler does.
pub fn measure<'data>(
    symbols: &Symbols<'data>,
    program: &Program<'data>,
    text: &Text,
    places: &TextPlaces,
    described: Described,
) -> Result<Plan<'data>, Diagnostic> {
    let (Some(&first_function), Some(&last_function)) = (text.order.first(), text.order.last()) else {
        let message = "the program has no code at all";
        return Err(Diagnostic::error("no-code", message).help("give the archive of a main package"));
    };
    let machine = Machine::of(program)?;
    let contents = Arc::new(contents(symbols, program, text, places, described)?);
    let find = FindTable::new(symbols, places, Arc::clone(&contents), first_function, last_function);
    Ok(Plan { contents, machine, find, first_function, last_function })
}

impl Described {
    /// The functions, for others to read.
    pub fn functions(&self) -> Functions {
        self.functions.clone()
    }
}

impl Functions {
    /// The functions that are described, chunk by chunk.
    pub(super) fn chunks(&self) -> impl IndexedParallelIterator<Item = impl Iterator<Item = Outline> + use<'_>> {
        self.0.par_iter().map(Chunk::outlines)
    }
}

impl<'data> Plan<'data> {
    /// Makes the symbols of the table, whose contents follow later.
    ///
    /// Go makes a symbol of each tree of inlined calls too; here these are pieces of `go:func.*` only. Nothing tells the
    /// difference, as such symbols have no name and are laid out by nothing else.
    pub fn make<'a>(self, symbols: &mut Symbols<'data>, tables: &mut Tables<'a>) -> FunctionTables
    where
        'data: 'a,
    {
        let Plan { contents, machine, find, first_function, last_function } = self;
        let alignment = contents.places.funcdata_alignment;
        let carrier = symbols.define(b"runtime.pclntab", Kind::PclnTab);
        symbols.set_alignment(carrier, POINTER.max(alignment));
        let shared = || Arc::clone(&contents);
        let header = Header::new(shared(), machine.smallest_instruction);
        let pcheader = part(symbols, tables, (b"runtime.pcheader", POINTER), header);
        let funcnametab = part(symbols, tables, (b"runtime.funcnametab", 1), Names(shared()));
        let cutab = part(symbols, tables, (b"runtime.cutab", 4), UnitFiles(shared()));
        let filetab = part(symbols, tables, (b"runtime.filetab", 1), FileNames(shared()));
        let pctab = part(symbols, tables, (b"runtime.pctab", 1), PcTables(shared()));
        let functab = part(symbols, tables, (b"runtime.functab", 4), FunctionTable(shared()));
        let funcdata = part(symbols, tables, (b"go:func.*", alignment), Funcdata(shared()));
        // Tools look for this one.
        symbols.clear(funcdata, attribute::NOT_IN_SYMTAB);
        hide_funcdata(symbols, &contents.places.tallies);
        let findfunctab = symbols.define(b"runtime.findfunctab", Kind::PclnTab);
        symbols.set_alignment(findfunctab, 4);
        symbols.set(findfunctab, attribute::LOCAL);
        tables.plan(symbols, findfunctab, find);
        FunctionTables {
            pcheader,
            funcnametab,
            cutab,
            filetab,
            pctab,
            functab,
            findfunctab,
            function_count: contents.function_count(),
            first_function,
            last_function,
        }
    }
}

impl Contents<'_> {
    fn function_count(&self) -> u32 {
        self.chunks.iter().map(|chunk| chunk.functions.len() as u32).sum()
    }
}

/// Makes a part of the table: its name and its alignment are given.
fn part<'a>(
    symbols: &mut Symbols<'_>,
    tables: &mut Tables<'a>,
    (name, alignment): (&[u8], u64),
    table: impl Table + 'a,
) -> GoSymbol {
    let symbol = symbols.define(name, Kind::PclnTab);
    symbols.set_alignment(symbol, alignment);
    symbols.set(symbol, attribute::NOT_IN_SYMTAB);
    tables.plan(symbols, symbol, table);
    symbol
}

/// Everything but what needs addresses of data.
fn contents<'data>(
    symbols: &Symbols<'data>,
    program: &Program<'data>,
    text: &Text,
    places: &TextPlaces,
    described: Described,
) -> Result<Contents<'data>, Diagnostic> {
    let Described { functions: Functions(chunks), used, claims, tallies } = described;
    let start = symbols.find(b"runtime.text", Version::Abi0);
    Ok(Contents {
        files: Files::collect(symbols, program, &used)?,
        places: Places::assign(tallies, &chunks, claims)?,
        text: start.map_or(places.section.address, |start| places.of(start)),
        defer_return: DeferReturn::find(symbols, program.architecture, &text.order),
        chunks,
    })
}

/// The error of the first function that names a symbol for another purpose than a function before it.
fn confused(symbols: &Symbols<'_>, chunks: &[Chunk]) -> Diagnostic {
    let mut known = HashMap::new();
    let mut is_confused = |(symbol, role): (GoSymbol, Role)| *known.entry(symbol).or_insert(role) != role;
    let mut functions = chunks.iter().flat_map(Chunk::each);
    let function =
        functions.find(|(function, uses)| roles(function.symbol, uses.inlined, uses.funcdata).any(&mut is_confused));
    let symbol = function.map_or(GoSymbol::NONE, |(function, _)| function.symbol);
    damaged(symbols, symbol, "it uses one symbol for two purposes")
}

/// Funcdata is laid out here and nowhere else, and is not listed in `.symtab`.
fn hide_funcdata(symbols: &mut Symbols<'_>, tallies: &[Tally]) {
    let attributes = symbols.attributes_mut();
    for piece in tallies.iter().flat_map(|tally| &tally.funcdata) {
        if let Piece::Data(symbol) = piece {
            attributes[symbol.index()] |= attribute::SPECIAL | attribute::NOT_IN_SYMTAB;
        }
    }
}

/// All results, or the first error in their order, whoever came upon it first.
fn first_error<T>(results: Vec<Result<T, Diagnostic>>) -> Result<Vec<T>, Diagnostic> {
    results.into_iter().collect()
}

/// The error of a function that its object describes as no compiler does.
fn damaged(symbols: &Symbols<'_>, function: GoSymbol, what: &str) -> Diagnostic {
    let message = format!("what is said of {} for tracebacks is damaged: {what}", symbols.display(function));
    let package = symbols.package_path(function).to_owned();
    let origin = Origin { package: (!package.is_empty()).then_some(package), ..Origin::default() };
    Diagnostic::error("bad-function", message).at(origin).help("build the package again")
}

/// Refuses a part of the table that its reader could not read.
fn check_size(name: &str, size: u64) -> Result<u64, Diagnostic> {
    if size <= LARGEST_PART {
        return Ok(size);
    }
    let message = format!("{name} would take {size} bytes, but its reader counts with signed 32 bits");
    Err(Diagnostic::error("table-too-large", message).help("link less code, or rebuild its packages if one is damaged"))
}

//! Where things lie in the tables: each chunk sums up what it is the first to name, then follows the chunks before it.

use std::cmp::Reverse;
use std::ops::Range;

use rayon::prelude::*;

use super::super::symbols::{GoSymbol, ObjectId, Symbols};
use super::claims::{Claims, Owner};
use super::functions::{Chunk, Function, Uses, funcdata};
use super::pctables::PcTable;
use super::{check_size, damaged};
use crate::diag::Diagnostic;
use crate::inputs::goobj::AuxKind;
use crate::inputs::goobj::funcinfo::FuncInfo;

/// Bytes of an inlined call (`runtime/symtabinl.go`, `inlinedCall`).
pub(super) const INLINED_CALL: u64 = 16;
/// Logarithm to base 2 of the alignment of a tree of inlined calls.
const INLINE_TREE_POWER: u8 = 2;
/// No data is aligned to more than this for its size (`maxAlign` of `cmd/link/internal/{amd64,arm64}/l.go`).
const LARGEST_NATURAL_ALIGNMENT: u64 = 32;
/// The runtime takes an offset of zero into `runtime.pctab` for none.
const FIRST_PC_TABLE: u64 = 1;

/// A function whose name is in `runtime.funcnametab`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Name {
    /// The function.
    pub symbol: GoSymbol,
    /// Where its name starts.
    pub offset: u32,
    /// Line of the `func` keyword.
    pub start_line: i32,
    /// `FuncID`.
    pub id: u8,
    /// Whether anything describes the function.
    pub is_described: bool,
}

/// A part of `go:func.*`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Piece {
    /// Contents of a symbol.
    Data(GoSymbol),
    /// The calls that were inlined into a function: its position in the chunk.
    InlineTree(u32),
}

/// A table of program counters that is the first to hold what it does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct PlacedTable {
    /// The object that defines it.
    pub object: ObjectId,
    /// Its position there.
    pub local: u32,
    /// Its position in [`Chunk::tables`].
    position: u32,
}

/// Pieces of one chunk that have the same alignment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Run {
    /// The chunk.
    pub chunk: usize,
    /// Which of its pieces.
    pub pieces: Range<usize>,
    /// Logarithm to base 2 of their alignment.
    power: u8,
    /// Bytes from the start of the first to the end of the last.
    pub size: u64,
    /// Where in `go:func.*` the first one starts.
    pub base: u64,
}

/// What the functions of a chunk are the first to name, in order.
#[derive(Default, Debug)]
pub(super) struct Tally {
    names: Vec<Name>,
    /// Positions in [`Places::names`].
    pub name_range: Range<usize>,
    /// Bytes of the names.
    pub name_size: u64,
    /// Tables of program counters that are not empty.
    pub pc_tables: Vec<PlacedTable>,
    /// By position in [`Chunk::tables`]: where in `runtime.pctab` a table starts that is the first to hold what it does.
    pc_places: Vec<u32>,
    /// Where in `runtime.pctab` the first one starts.
    pub pc_base: u64,
    /// Their bytes.
    pub pc_size: u64,
    /// Parts of `go:func.*`, by falling alignment.
    pub funcdata: Vec<Piece>,
    /// The same, run by run.
    runs: Vec<Run>,
    /// By position of functions: where in `go:func.*` the tree of calls starts that were inlined into it.
    pub inline_trees: Vec<u32>,
    /// Where in `runtime.functab` the first function starts.
    pub function_base: u64,
    /// Bytes from there to the end of the last.
    pub function_size: u64,
}

impl Tally {
    /// Sums up what the functions of a chunk are the first to name; `first` is the number of the first.
    pub fn settle(symbols: &Symbols<'_>, chunk: &Chunk, first: usize, claims: &Claims) -> Result<Self, Diagnostic> {
        let mut settler = Settler {
            symbols,
            claims,
            tally: Tally { pc_places: Vec::with_capacity(chunk.tables.len()), ..Tally::default() },
            first_table: chunk.first_table,
            owners: Vec::new(),
            number: first,
            pieces: Vec::new(),
            ends: [0; 64],
        };
        for (position, (function, uses)) in chunk.each().enumerate() {
            settler.number = first + position;
            settler.function(position as u32, function, uses)?;
        }
        Ok(settler.finish())
    }
}

/// A position that is checked later, when sums are known: no place of an accepted table is beyond 32 bits.
fn place(offset: u64) -> u32 {
    u32::try_from(offset).unwrap_or(0)
}

struct Settler<'a, 'data> {
    symbols: &'a Symbols<'data>,
    claims: &'a Claims,
    tally: Tally,
    /// The number of the chunk's first table of program counters.
    first_table: u32,
    /// Room for who owns what a function names.
    owners: Vec<Owner>,
    /// The function that is worked on.
    number: usize,
    /// Logarithm to base 2 of the alignment, and the piece.
    pieces: Vec<(u8, Piece)>,
    /// By the same logarithm: the end of the last piece, from the start of the first.
    ends: [u64; 64],
}

impl Settler<'_, '_> {
    fn function(&mut self, position: u32, function: &Function, uses: Uses<'_>) -> Result<(), Diagnostic> {
        let symbol = function.symbol;
        // All owners first: finding one waits for memory, and does not depend on the others.
        let mut owners = std::mem::take(&mut self.owners);
        let used = uses.inlined.iter().map(|call| call.function).chain(uses.funcdata.iter().copied());
        owners.clear();
        owners.extend(used.map(|used| self.claims.owner(used)));
        let mut next = owners.iter().copied();
        let mut owner = || next.next().unwrap_or(Owner::NOBODY);
        if self.is_first(symbol, self.claims.owner(symbol)) {
            let &Function { start_line, id, is_described, .. } = function;
            self.name(Name { symbol, offset: 0, start_line, id, is_described });
        }
        for inlined in uses.inlined.iter().map(|call| call.function) {
            if self.is_first(inlined, owner()) {
                let info = self.symbols.aux_of(inlined, AuxKind::FuncInfo);
                let read = info.map(|info| FuncInfo::parse(self.symbols.data(info)));
                let (start_line, id) = read.map_or((0, 0), |info| (info.start_line(), info.func_id()));
                self.name(Name { symbol: inlined, offset: 0, start_line, id, is_described: read.is_some() });
            }
        }
        uses.tables.iter().for_each(|table| self.pc_table(symbol, *table));
        self.tally.function_size = self.tally.function_size.next_multiple_of(8) + function.size();
        self.tally.inline_trees.push(0);
        for (index, &data) in uses.funcdata.iter().enumerate() {
            let owner = owner();
            if index == funcdata::INLINE_TREE && function.inlined > 0 {
                let size = INLINED_CALL * u64::from(function.inlined);
                let at = self.piece(INLINE_TREE_POWER, Piece::InlineTree(position), size);
                self.tally.inline_trees[position as usize] = at;
            } else if !data.is_none() && self.is_first(data, owner) {
                let size = self.symbols.size(data);
                if size == 0 {
                    return Err(damaged(self.symbols, symbol, &format!("its funcdata {index} is empty")));
                }
                let power = alignment_power(self.symbols.alignment(data), size);
                let at = self.piece(power, Piece::Data(data), size);
                self.claims.place(data, at);
            }
        }
        self.owners = owners;
        Ok(())
    }

    fn is_first(&self, symbol: GoSymbol, owner: Owner) -> bool {
        self.claims.is_first(symbol, owner, self.number)
    }

    fn name(&mut self, name: Name) {
        self.tally.names.push(Name { offset: place(self.tally.name_size), ..name });
        self.tally.name_size += self.symbols.name(name.symbol).len() as u64 + 1;
        // The position is known once all names are counted; until then this says that there is one.
        self.claims.place(name.symbol, 0);
    }

    /// An empty table of program counters has the place 0.
    fn pc_table(&mut self, function: GoSymbol, table: PcTable) {
        let position = self.tally.pc_places.len() as u32;
        self.tally.pc_places.push(0);
        let is_first = table.first() == Some(self.first_table + position);
        let Some((object, local)) = self.symbols.unit(function).zip(table.position()).filter(|_| is_first) else {
            return;
        };
        let size = self.symbols.object(object).object.data(local).len() as u64;
        if size > 0 {
            self.tally.pc_places[position as usize] = place(self.tally.pc_size);
            self.tally.pc_tables.push(PlacedTable { object, local, position });
            self.tally.pc_size += size;
        }
    }

    fn piece(&mut self, power: u8, piece: Piece, size: u64) -> u32 {
        let end = &mut self.ends[usize::from(power)];
        let at = end.next_multiple_of(1 << power);
        *end = at + size;
        self.pieces.push((power, piece));
        place(at)
    }

    fn finish(mut self) -> Tally {
        self.pieces.sort_by_key(|(power, _)| Reverse(*power));
        let mut start = 0;
        for pieces in self.pieces.chunk_by(|a, b| a.0 == b.0) {
            let power = pieces[0].0;
            let range = start..start + pieces.len();
            start = range.end;
            let size = self.ends[usize::from(power)];
            self.tally.runs.push(Run { chunk: 0, pieces: range, power, size, base: 0 });
        }
        self.tally.funcdata = self.pieces.into_iter().map(|(_, piece)| piece).collect();
        self.tally
    }
}

/// The logarithm to base 2 of the alignment of data: what is asked for, else what suits its size.
fn alignment_power(alignment: u64, size: u64) -> u8 {
    let alignment = match alignment {
        0 => LARGEST_NATURAL_ALIGNMENT.min(1 << size.max(1).ilog2()),
        asked => asked,
    };
    alignment.trailing_zeros() as u8
}

/// Where everything lies.
#[derive(Default, Debug)]
pub(super) struct Places {
    /// By chunk.
    pub tallies: Vec<Tally>,
    /// By symbol: the position in [`Places::names`] or the offset in `go:func.*`; and 1. 0 for none.
    of: Vec<u32>,
    /// By number of a table of program counters that is the first to hold what it does: the offset in `runtime.pctab`, 0 if it is
    /// empty.
    pc_tables: Vec<u32>,
    /// All names, in order.
    pub names: Vec<Name>,
    /// Bytes of `runtime.funcnametab`.
    pub name_size: u64,
    /// Bytes of `runtime.pctab`.
    pub pc_size: u64,
    /// The parts of `go:func.*`, in order.
    pub runs: Vec<Run>,
    /// Bytes of `go:func.*`.
    pub funcdata_size: u64,
    /// Its alignment; 0 if it is empty.
    pub funcdata_alignment: u64,
    /// Bytes of `runtime.functab`.
    pub functab_size: u64,
}

impl Places {
    /// Lets each chunk follow those before it.
    pub fn assign(tallies: Vec<Tally>, chunks: &[Chunk], claims: Claims) -> Result<Self, Diagnostic> {
        let functions: usize = chunks.iter().map(|chunk| chunk.functions.len()).sum();
        let mut places = Places { tallies, pc_size: FIRST_PC_TABLE, ..Places::default() };
        places.functab_size = 8 * functions as u64 + 4;
        let mut bases = Vec::with_capacity(places.tallies.len());
        let mut names = 0;
        for tally in &mut places.tallies {
            bases.push(places.name_size);
            tally.name_range = names..names + tally.names.len();
            names = tally.name_range.end;
            places.name_size += tally.name_size;
            tally.pc_base = places.pc_size;
            places.pc_size += tally.pc_size;
            tally.function_base = places.functab_size.next_multiple_of(8);
            places.functab_size = tally.function_base + tally.function_size;
        }
        places.assign_funcdata();
        check_size("runtime.funcnametab", places.name_size)?;
        check_size("runtime.pctab", places.pc_size)?;
        check_size("runtime.functab", places.functab_size)?;
        check_size("go:func.*", places.funcdata_size)?;
        places.tallies.par_iter_mut().zip(bases).for_each(|(tally, base)| tally.follow(base as u32, &claims));
        places.names.reserve_exact(names);
        places.pc_tables.reserve_exact(chunks.iter().map(|chunk| chunk.tables.len()).sum());
        for tally in &mut places.tallies {
            places.names.append(&mut std::mem::take(&mut tally.names));
            places.pc_tables.append(&mut std::mem::take(&mut tally.pc_places));
        }
        places.of = claims.into_places();
        Ok(places)
    }

    /// Puts the runs of all chunks in order: by falling alignment, then by chunk.
    fn assign_funcdata(&mut self) {
        for (chunk, tally) in self.tallies.iter().enumerate() {
            self.runs.extend(tally.runs.iter().map(|run| Run { chunk, ..run.clone() }));
        }
        self.runs.sort_by_key(|run| Reverse(run.power));
        self.funcdata_alignment = self.runs.first().map_or(0, |run| 1 << run.power);
        for run in &mut self.runs {
            run.base = self.funcdata_size.next_multiple_of(1 << run.power);
            self.funcdata_size = run.base + run.size;
            let of_chunk = &mut self.tallies[run.chunk].runs;
            if let Some(same) = of_chunk.iter_mut().find(|same| same.power == run.power) {
                same.base = run.base;
            }
        }
    }

    /// The place of a symbol; 0 if there is none.
    #[inline]
    pub fn of(&self, symbol: GoSymbol) -> u32 {
        if symbol.is_none() { 0 } else { self.of[symbol.index()].wrapping_sub(1) }
    }

    /// Where in `runtime.pctab` lies what a table holds; 0 for nothing.
    #[inline]
    pub fn pc_table(&self, table: PcTable) -> u32 {
        table.first().map_or(0, |first| self.pc_tables[first as usize])
    }

    /// A function that is named: itself in memory, or inlined.
    #[inline]
    pub fn name(&self, function: GoSymbol) -> &Name {
        &self.names[self.of(function) as usize]
    }
}

impl Tally {
    /// Moves what was counted from the start of the chunk to where the chunk starts. All sums have been checked.
    fn follow(&mut self, name_base: u32, claims: &Claims) {
        for (position, name) in self.name_range.clone().zip(&mut self.names) {
            name.offset += name_base;
            claims.place(name.symbol, position as u32);
        }
        for table in &self.pc_tables {
            self.pc_places[table.position as usize] += self.pc_base as u32;
        }
        for run in &self.runs {
            for piece in &self.funcdata[run.pieces.clone()] {
                match piece {
                    Piece::Data(symbol) => claims.move_by(*symbol, run.base as u32),
                    Piece::InlineTree(position) => self.inline_trees[*position as usize] += run.base as u32,
                }
            }
        }
    }
}

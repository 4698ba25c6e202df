//! The bytes of the parts, apart from `runtime.functab` and `runtime.findfunctab`.

use std::sync::Arc;

use super::super::layout::Addresses;
use super::super::machine::POINTER;
use super::super::symbols::{GoSymbol, Symbols};
use super::super::table::Table;
use super::functions::{Function, Uses};
use super::places::{INLINED_CALL, Piece, Run, Tally};
use super::{Contents, damaged};
use crate::diag::Diagnostic;
use crate::inputs::goobj::RelocationKind;

/// The parts end at multiples of this.
pub(super) const PADDED_TO: u64 = POINTER;
/// What the table starts with (`internal/abi/symtab.go`, `CurrentPCLnTabMagic`).
const MAGIC: u32 = 0xffff_fff1;

/// Writes one thing behind the other.
pub(super) struct Bytes<'a> {
    out: &'a mut [u8],
    at: usize,
}

impl<'a> Bytes<'a> {
    /// Starts at the start.
    pub fn new(out: &'a mut [u8]) -> Self {
        Bytes { out, at: 0 }
    }

    /// Writes a number.
    #[inline]
    pub fn u32(&mut self, value: u32) {
        self.bytes(&value.to_le_bytes());
    }

    /// Writes bytes.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) {
        let end = self.at + bytes.len();
        self.out[self.at..end].copy_from_slice(bytes);
        self.at = end;
    }
}

/// The ends of parts as [`Table::cuts`] tells them: that of the last part is the table's.
pub(super) fn but_last(ends: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut ends: Vec<u64> = ends.collect();
    ends.pop();
    ends
}

/// `runtime.pcheader`.
pub(super) struct Header<'data> {
    contents: Arc<Contents<'data>>,
    smallest_instruction: u8,
}

impl<'data> Header<'data> {
    /// The header for code whose instructions have at least so many bytes.
    pub fn new(contents: Arc<Contents<'data>>, smallest_instruction: u64) -> Self {
        Header { contents, smallest_instruction: smallest_instruction as u8 }
    }
}

impl Table for Header<'_> {
    fn size(&self) -> u64 {
        8 + 8 * POINTER
    }

    fn fill(&self, _: usize, symbols: &Symbols<'_>, addresses: &Addresses, out: &mut [u8]) -> Result<(), Diagnostic> {
        let place = |name: &[u8]| {
            let symbol = symbols.find(name, super::Version::Abi0);
            symbol.map_or(0, |symbol| addresses.of(symbol))
        };
        let start = place(b"runtime.pcheader");
        let functions: usize = self.contents.chunks.iter().map(|chunk| chunk.functions.len()).sum();
        let mut out = Bytes::new(out);
        out.u32(MAGIC);
        out.bytes(&[0, 0, self.smallest_instruction, POINTER as u8]);
        out.bytes(&(functions as u64).to_le_bytes());
        out.bytes(&(self.contents.files.names.len() as u64).to_le_bytes());
        // Once the address of code.
        out.bytes(&[0; 8]);
        for part in ["runtime.funcnametab", "runtime.cutab", "runtime.filetab", "runtime.pctab", "runtime.functab"] {
            let offset = place(part.as_bytes()).checked_sub(start).ok_or_else(|| {
                let message = format!("{part} lies before runtime.pcheader, which tells how far behind itself it is");
                Diagnostic::error("bad-layout", message).help("report this: no input can ask for it")
            })?;
            out.bytes(&offset.to_le_bytes());
        }
        Ok(())
    }
}

/// `runtime.funcnametab`.
pub(super) struct Names<'data>(pub Arc<Contents<'data>>);

impl Table for Names<'_> {
    fn size(&self) -> u64 {
        self.0.places.name_size.next_multiple_of(PADDED_TO)
    }

    fn cuts(&self) -> Vec<u64> {
        let ends = self.0.places.tallies.iter().scan(0, |end, tally| {
            *end += tally.name_size;
            Some(*end)
        });
        but_last(ends)
    }

    fn fill(&self, part: usize, symbols: &Symbols<'_>, _: &Addresses, out: &mut [u8]) -> Result<(), Diagnostic> {
        let places = &self.0.places;
        let Some(tally) = places.tallies.get(part) else { return Ok(()) };
        let mut out = Bytes::new(out);
        for name in &places.names[tally.name_range.clone()] {
            out.bytes(symbols.name(name.symbol));
            out.bytes(&[0]);
        }
        Ok(())
    }
}

/// `runtime.cutab`.
pub(super) struct UnitFiles<'data>(pub Arc<Contents<'data>>);

impl Table for UnitFiles<'_> {
    fn size(&self) -> u64 {
        (4 * self.0.files.of_units.len() as u64).next_multiple_of(PADDED_TO)
    }

    fn fill(&self, _: usize, _: &Symbols<'_>, _: &Addresses, out: &mut [u8]) -> Result<(), Diagnostic> {
        let mut out = Bytes::new(out);
        self.0.files.of_units.iter().for_each(|offset| out.u32(*offset));
        Ok(())
    }
}

/// `runtime.filetab`.
pub(super) struct FileNames<'data>(pub Arc<Contents<'data>>);

impl Table for FileNames<'_> {
    fn size(&self) -> u64 {
        self.0.files.size.next_multiple_of(PADDED_TO)
    }

    fn fill(&self, _: usize, _: &Symbols<'_>, _: &Addresses, out: &mut [u8]) -> Result<(), Diagnostic> {
        let mut out = Bytes::new(out);
        for name in &self.0.files.names {
            out.bytes(&self.0.files.expand(name));
            out.bytes(&[0]);
        }
        Ok(())
    }
}

/// `runtime.pctab`.
pub(super) struct PcTables<'data>(pub Arc<Contents<'data>>);

impl Table for PcTables<'_> {
    fn size(&self) -> u64 {
        self.0.places.pc_size.next_multiple_of(PADDED_TO)
    }

    fn cuts(&self) -> Vec<u64> {
        self.0.places.tallies.iter().skip(1).map(|tally| tally.pc_base).collect()
    }

    fn fill(&self, part: usize, symbols: &Symbols<'_>, _: &Addresses, out: &mut [u8]) -> Result<(), Diagnostic> {
        let places = &self.0.places;
        let Some(tally) = places.tallies.get(part) else { return Ok(()) };
        // The first part has the byte of the empty table, too.
        let mut at = if part == 0 { tally.pc_base as usize } else { 0 };
        for table in &tally.pc_tables {
            let data = symbols.object(table.object).object.data(table.local);
            out[at..at + data.len()].copy_from_slice(data);
            at += data.len();
        }
        Ok(())
    }
}

/// Copies the contents of a symbol; zeros that they end with may be left out of an object.
fn copy(symbols: &Symbols<'_>, symbol: GoSymbol, out: &mut [u8]) {
    let data = symbols.data(symbol);
    let length = data.len().min(symbols.size(symbol) as usize);
    out[..length].copy_from_slice(&data[..length]);
}

/// `go:func.*`.
pub(super) struct Funcdata<'data>(pub Arc<Contents<'data>>);

impl Table for Funcdata<'_> {
    fn size(&self) -> u64 {
        self.0.places.funcdata_size.next_multiple_of(PADDED_TO)
    }

    fn cuts(&self) -> Vec<u64> {
        self.0.places.runs.iter().skip(1).map(|run| run.base).collect()
    }

    fn fill(
        &self,
        part: usize,
        symbols: &Symbols<'_>,
        addresses: &Addresses,
        out: &mut [u8],
    ) -> Result<(), Diagnostic> {
        let run = self.0.places.runs.get(part);
        run.map_or(Ok(()), |run| self.run(symbols, addresses, run, out))
    }
}

impl Funcdata<'_> {
    fn run(&self, symbols: &Symbols<'_>, addresses: &Addresses, run: &Run, out: &mut [u8]) -> Result<(), Diagnostic> {
        let places = &self.0.places;
        let tally: &Tally = &places.tallies[run.chunk];
        let mut functions = self.0.chunks[run.chunk].each().enumerate();
        for piece in &tally.funcdata[run.pieces.clone()] {
            match *piece {
                Piece::Data(symbol) => {
                    let at = u64::from(places.of(symbol)) - run.base;
                    let size = symbols.size(symbol);
                    let out = &mut out[at as usize..(at + size) as usize];
                    copy(symbols, symbol, out);
                    relocate(symbols, addresses, symbol, out)?;
                }
                Piece::InlineTree(position) => {
                    let at = u64::from(tally.inline_trees[position as usize]) - run.base;
                    // Pieces are in the order of functions.
                    let found = functions.find(|(at, _)| *at == position as usize);
                    if let Some((_, (function, uses))) = found {
                        self.inline_tree(symbols, function, uses, &mut out[at as usize..])?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Writes the calls that were inlined into a function: what was called, and where.
    fn inline_tree(
        &self,
        symbols: &Symbols<'_>,
        function: &Function,
        uses: Uses<'_>,
        out: &mut [u8],
    ) -> Result<(), Diagnostic> {
        for (call, out) in uses.inlined.iter().zip(out.chunks_mut(INLINED_CALL as usize)) {
            let name = self.0.places.name(call.function);
            if !name.is_described {
                let what = format!("nothing describes {}, which was inlined into it", symbols.display(call.function));
                return Err(damaged(symbols, function.symbol, &what));
            }
            let mut out = Bytes::new(out);
            out.bytes(&[name.id, 0, 0, 0]);
            out.u32(name.offset);
            out.u32(call.parent_pc);
            out.u32(name.start_line as u32);
        }
        Ok(())
    }
}

/// Says where the functions are that funcdata refers to: offsets from the start of their section.
fn relocate(symbols: &Symbols<'_>, addresses: &Addresses, symbol: GoSymbol, out: &mut [u8]) -> Result<(), Diagnostic> {
    for relocation in symbols.relocations(symbol) {
        let bad = |what: &str| {
            let target = symbols.display(relocation.target);
            let message = format!("funcdata refers to {target} at offset {}, but {what}", relocation.offset);
            Diagnostic::error("bad-funcdata", message).help("rebuild the package: its object is damaged or too new")
        };
        if relocation.kind != RelocationKind::AddressOffset || relocation.size != 4 {
            return Err(bad("only offsets of 4 bytes are known there"));
        }
        // What is no part of the program ends the list, as it does in Go's linker.
        if relocation.weak && !symbols.is_reachable(relocation.target) {
            return Ok(());
        }
        let section = addresses.section_of(relocation.target).ok_or_else(|| bad("that has no place in memory"))?;
        let offset =
            addresses.of(relocation.target).wrapping_sub(section.address).wrapping_add_signed(relocation.addend);
        let fits = u32::try_from(offset).is_ok() || i32::try_from(offset as i64).is_ok();
        let place = usize::try_from(relocation.offset).ok().and_then(|at| out.get_mut(at..at.checked_add(4)?));
        match (fits, place) {
            (true, Some(place)) => place.copy_from_slice(&(offset as u32).to_le_bytes()),
            (false, _) => return Err(bad("that is too far from the start of its section")),
            (_, None) => return Err(bad("the funcdata ends before that")),
        }
    }
    Ok(())
}

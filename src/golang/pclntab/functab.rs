//! `runtime.functab`: the functions by address, and what is known of each (`runtime/runtime2.go`, `_func`).
//!
//! ```text
//! functab  = { entry:u32 function:u32 }[functions] end:u32          offsets in the code and in runtime.functab
//! function = entry:u32 name:u32 arguments:u32 deferreturn:u32
//!            pcsp:u32 pcfile:u32 pcline:u32 pcdata_count:u32         offsets in runtime.pctab, 0 for none
//!            unit:u32 start_line:u32 id:u8 flags:u8 0:u8 funcdata_count:u8
//!            pcdata:u32[pcdata_count] funcdata:u32[funcdata_count]   offsets in runtime.pctab and in go:func.*
//! ```

use std::sync::Arc;

use super::super::layout::Addresses;
use super::super::symbols::{GoSymbol, Symbols};
use super::super::table::Table;
use super::Contents;
use super::functions::{Chunk, Function, KINDS, Uses, funcdata, pcdata};
use super::places::Tally;
use super::tables::{Bytes, PADDED_TO, but_last};
use crate::diag::Diagnostic;

/// What stands for a missing unit, and for missing funcdata.
const NONE: u32 = u32::MAX;
/// Bytes of an entry of the list at the start.
const ENTRY: u64 = 8;

/// The table.
pub(super) struct FunctionTable<'data>(pub Arc<Contents<'data>>);

impl Table for FunctionTable<'_> {
    fn size(&self) -> u64 {
        self.0.places.functab_size.next_multiple_of(PADDED_TO)
    }

    /// The parts are those of the list, a chunk each, and then those of the functions. The end of the list belongs to its last part.
    fn cuts(&self) -> Vec<u64> {
        let ends = self.0.chunks.iter().scan(0, |end, chunk| {
            *end += ENTRY * chunk.functions.len() as u64;
            Some(*end)
        });
        let functions = self.0.places.tallies.iter().map(|tally| tally.function_base);
        but_last(ends).into_iter().chain(functions).collect()
    }

    fn fill(
        &self,
        part: usize,
        symbols: &Symbols<'_>,
        addresses: &Addresses,
        out: &mut [u8],
    ) -> Result<(), Diagnostic> {
        let filler = Filler { contents: &self.0, symbols, addresses };
        let Contents { chunks, places, .. } = &*self.0;
        let position = if part < chunks.len() { part } else { part - chunks.len() };
        let Some((chunk, tally)) = chunks.get(position).zip(places.tallies.get(position)) else { return Ok(()) };
        match part == position {
            true => filler.list(chunk, tally, position + 1 == chunks.len(), out),
            false => filler.functions(chunk, tally, out),
        }
    }
}

struct Filler<'a, 'data> {
    contents: &'a Contents<'data>,
    symbols: &'a Symbols<'data>,
    addresses: &'a Addresses,
}

impl Filler<'_, '_> {
    /// Where the functions of a chunk are, and in the last list where code ends.
    fn list(&self, chunk: &Chunk, tally: &Tally, is_last: bool, out: &mut [u8]) -> Result<(), Diagnostic> {
        let mut out = Bytes::new(out);
        let mut at = tally.function_base;
        for function in &chunk.functions {
            out.u32(self.entry(function.symbol)?);
            out.u32(at as u32);
            at = (at + function.size()).next_multiple_of(PADDED_TO);
        }
        if let Some(last) = chunk.functions.last().filter(|_| is_last) {
            let code_end = u64::from(self.entry(last.symbol)?) + self.symbols.size(last.symbol);
            out.u32(code_end as u32);
        }
        Ok(())
    }

    /// What is known of the functions of a chunk.
    fn functions(&self, chunk: &Chunk, tally: &Tally, out: &mut [u8]) -> Result<(), Diagnostic> {
        let mut at = 0;
        for (position, (function, uses)) in chunk.each().enumerate() {
            let entry = self.entry(function.symbol)?;
            let end = at + function.size() as usize;
            self.function(entry, function, uses, tally.inline_trees[position], &mut out[at..end]);
            at = end.next_multiple_of(PADDED_TO as usize);
        }
        Ok(())
    }

    /// The offset of a function in the code.
    fn entry(&self, function: GoSymbol) -> Result<u32, Diagnostic> {
        let offset = self.addresses.of(function).checked_sub(self.contents.text);
        offset.and_then(|offset| u32::try_from(offset).ok()).ok_or_else(|| {
            let (name, address) = (self.symbols.display(function), self.addresses.of(function));
            let message = format!("function {name} is at {address:#x}, not within 4 GiB of the start of the code");
            Diagnostic::error("code-out-of-range", message).help("link less code, or do not place functions by hand")
        })
    }

    fn function(&self, entry: u32, function: &Function, uses: Uses<'_>, inline_tree: u32, out: &mut [u8]) {
        let places = &self.contents.places;
        let mut out = Bytes::new(out);
        out.u32(entry);
        out.u32(places.name(function.symbol).offset);
        out.u32(function.arguments);
        out.u32(self.contents.defer_return.call(self.symbols, function.symbol));
        (0..KINDS).for_each(|kind| out.u32(places.pc_table(uses.table(kind))));
        out.u32(function.pcdata_count());
        let unit = self.symbols.unit(function.symbol);
        out.u32(unit.map_or(NONE, |unit| self.contents.files.unit_start[unit.index()]));
        out.u32(function.start_line as u32);
        out.bytes(&[function.id, function.flags, 0, function.funcdata]);
        for index in 0..function.pcdata_count() {
            let is_inline_tree = index == pcdata::INLINE_TREE_INDEX && function.inlined > 0;
            let table = if is_inline_tree { uses.inline_table() } else { uses.pcdata(index as usize) };
            out.u32(places.pc_table(table));
        }
        for (index, data) in uses.funcdata.iter().enumerate() {
            out.u32(match data.is_none() {
                _ if index == funcdata::INLINE_TREE && function.inlined > 0 => inline_tree,
                true => NONE,
                false => places.of(*data),
            });
        }
    }
}

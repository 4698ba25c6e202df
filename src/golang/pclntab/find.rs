//! `runtime.findfunctab`: from an address to the functions around it, without a search over all functions
//! (`runtime/symtab.go`, `findfuncbucket`).

use std::sync::Arc;

use super::super::layout::{Addresses, TextPlaces};
use super::super::symbols::{GoSymbol, Symbols};
use super::super::table::Table;
use super::Contents;
use crate::diag::Diagnostic;

/// Bytes of code of a slot: of which the number of the first function is told, relative to its bucket.
const SLOT: u64 = 256;
/// Slots of a bucket.
const SLOTS: usize = 16;
/// Bytes of a bucket: the number of its first function, and a byte for each slot.
const BUCKET: usize = 4 + SLOTS;

/// The table.
pub(super) struct FindTable<'data> {
    contents: Arc<Contents<'data>>,
    /// Bytes from the first function to the end of the last.
    length: u64,
    last: GoSymbol,
}

impl<'data> FindTable<'data> {
    /// Sizes the table for the functions from the first to the last.
    pub fn new(
        symbols: &Symbols<'_>,
        places: &TextPlaces,
        contents: Arc<Contents<'data>>,
        first: GoSymbol,
        last: GoSymbol,
    ) -> Self {
        let end = places.of(last) + symbols.size(last);
        FindTable { contents, length: end.saturating_sub(places.of(first)), last }
    }

    /// The offset of each function, and the end of all.
    fn starts(&self, addresses: &Addresses) -> Vec<u64> {
        let functions = self.contents.chunks.iter().flat_map(|chunk| &chunk.functions);
        let mut starts: Vec<u64> = functions.map(|function| addresses.of(function.symbol)).collect();
        let first = starts.first().copied().unwrap_or(0);
        starts.iter_mut().for_each(|start| *start = start.saturating_sub(first));
        starts.push(self.length);
        starts
    }
}

impl Table for FindTable<'_> {
    fn size(&self) -> u64 {
        4 * self.length.div_ceil(SLOT * SLOTS as u64) + self.length.div_ceil(SLOT)
    }

    fn fill(&self, _: usize, symbols: &Symbols<'_>, addresses: &Addresses, out: &mut [u8]) -> Result<(), Diagnostic> {
        let firsts = first_functions(&self.starts(addresses), self.length.div_ceil(SLOT) as usize);
        for (bucket, (out, firsts)) in out.chunks_mut(BUCKET).zip(firsts.chunks(SLOTS)).enumerate() {
            let (base, slots) = out.split_at_mut(4);
            base.copy_from_slice(&firsts[0].to_le_bytes());
            for (slot, first) in slots.iter_mut().zip(firsts) {
                *slot = u8::try_from(first - firsts[0]).map_err(|_| {
                    let at = bucket as u64 * SLOT * SLOTS as u64;
                    let end = symbols.display(self.last);
                    let message = format!(
                        "more than 256 functions lie within {} bytes, {at:#x} bytes into the code that ends with {end}",
                        SLOT * SLOTS as u64
                    );
                    Diagnostic::error("crowded-code", message)
                        .help("rebuild the packages: functions take at least 16 bytes")
                })?;
            }
        }
        Ok(())
    }
}

/// By slot: the number of the first function that has bytes in it. `starts` ends with the end of the last.
pub(super) fn first_functions(starts: &[u64], slots: usize) -> Vec<u32> {
    let mut firsts = Vec::with_capacity(slots);
    for (number, bounds) in starts.windows(2).enumerate() {
        // A function without bytes reaches back to where the one before it ends.
        let end = bounds[1].max(1).div_ceil(SLOT) as usize;
        while firsts.len() < end.min(slots) {
            firsts.push(number as u32);
        }
    }
    firsts
}

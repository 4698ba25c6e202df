//! The contents of a job: symbols copied, tables made, relocations applied, gaps filled.

use std::ops::Range;

use super::Input;
use super::plan::Job;
use crate::diag::Diagnostic;
use crate::golang::ahead;
use crate::golang::layout::{Addresses, Segment};
use crate::golang::relocate::{Problem, Relocator};
use crate::golang::symbols::{GoSymbol, Symbols};
use crate::golang::table::{Planned, Tables};
use crate::target::Architecture;

/// What is between functions on AMD64: `int3`.
const CODE_FILL: u8 = 0xcc;

/// Bytes of a job that is looked at for zeros.
const LARGE: u64 = 2 << 20;

/// What went wrong in a job.
#[derive(Default, Debug)]
pub struct Faults {
    /// With tables.
    pub errors: Vec<Diagnostic>,
    /// With relocations.
    pub problems: Vec<Problem>,
}

impl Faults {
    /// Whether nothing went wrong.
    pub fn is_empty(&self) -> bool {
        self.errors.is_empty() && self.problems.is_empty()
    }

    /// Adds those of another job.
    pub fn append(&mut self, other: Faults) {
        self.errors.extend(other.errors);
        self.problems.extend(other.problems);
    }
}

/// What contents are made from.
pub struct Contents<'a, 'data> {
    symbols: &'a Symbols<'data>,
    addresses: &'a Addresses,
    tables: &'a Tables<'a>,
    relocator: &'a Relocator<'a, 'data>,
    architecture: Architecture,
}

impl<'a, 'data> Contents<'a, 'data> {
    /// The contents of a program.
    pub fn new(input: &Input<'a, 'data>, relocator: &'a Relocator<'a, 'data>) -> Self {
        Contents {
            symbols: input.symbols,
            addresses: input.addresses,
            tables: input.tables,
            relocator,
            architecture: input.program.architecture,
        }
    }

    /// Where symbols are.
    pub fn addresses(&self) -> &Addresses {
        self.addresses
    }

    /// Makes the bytes of a job; zeros at its end may be missing.
    pub fn make(&self, job: &Job, out: &mut Vec<u8>, faults: &mut Faults) {
        let section = &self.addresses.sections[job.section];
        let symbols = &section.symbols[job.symbols.clone()];
        let is_code = section.segment == Segment::Text && section.name == b".text";
        let fill = if is_code && self.architecture == Architecture::X86_64 { CODE_FILL } else { 0 };
        let size = job.range.end - job.range.start;
        if let Some(parts) = &job.parts {
            out.resize(size as usize, 0);
            return self.make_parts(symbols[0], parts, out, faults);
        }
        // Only the last symbol makes a job large, and most of that may be zeros.
        let size = match symbols.last() {
            Some(&last) if fill == 0 && size > LARGE => {
                size.min(self.addresses.of(last) - job.range.start + self.initialised(last))
            }
            _ => size,
        };
        // What was in the buffer is overwritten: by symbols, and between them.
        out.resize(size as usize, fill);
        let mut end = 0;
        for batch in symbols.chunks(ahead::BATCH) {
            ahead::look(self.symbols, batch.iter().copied());
            for &symbol in batch {
                let start = (self.addresses.of(symbol) - job.range.start) as usize;
                if let Some(gap) = out.get_mut(end..start) {
                    gap.fill(fill);
                }
                end = end.max(start + self.put(symbol, start, out, faults));
            }
        }
        if let Some(gap) = out.get_mut(end..) {
            gap.fill(fill);
        }
    }

    /// Makes some parts of a table, and zeros behind it.
    fn make_parts(&self, symbol: GoSymbol, parts: &Range<usize>, out: &mut [u8], faults: &mut Faults) {
        let Some(table) = self.table(symbol) else { return };
        let size = table.start(parts.end) - table.start(parts.start);
        let (bytes, gap) = out.split_at_mut(size as usize);
        gap.fill(0);
        faults.errors.extend(table.fill(parts.clone(), self.symbols, self.addresses, bytes).err());
    }

    /// Bytes of a symbol before the zeros at its end.
    fn initialised(&self, symbol: GoSymbol) -> u64 {
        match self.table(symbol) {
            Some(_) => self.symbols.size(symbol),
            None => self.symbols.data(symbol).len() as u64,
        }
    }

    fn table(&self, symbol: GoSymbol) -> Option<&Planned<'a>> {
        if self.symbols.is_made(symbol) { self.tables.get(symbol) } else { None }
    }

    /// Puts a symbol into its place. Returns how many bytes it has there.
    fn put(&self, symbol: GoSymbol, start: usize, out: &mut [u8], faults: &mut Faults) -> usize {
        let table = self.table(symbol);
        let data = if table.is_some() { &[] } else { self.symbols.data(symbol) };
        let size = table.map_or(data.len(), |table| table.size() as usize);
        if size == 0 {
            return 0;
        }
        let Some(place) = out.get_mut(start..start.saturating_add(size)) else {
            let name = self.symbols.display(symbol);
            let message = format!("{name} has {size} bytes of contents, more than its place holds");
            faults
                .errors
                .push(Diagnostic::error("bad-object", message).help("rebuild its package: the object is damaged"));
            return 0;
        };
        match table {
            Some(table) => {
                faults.errors.extend(table.fill(0..table.parts(), self.symbols, self.addresses, place).err());
            }
            None => {
                place.copy_from_slice(data);
                self.relocator.apply(symbol, place, &mut faults.problems);
            }
        }
        size
    }
}

//! The output's `.eh_frame` and `.eh_frame_hdr`, planned before addresses exist.
//!
//! Compilers write one unwind table for a whole object, with a record for each function. Copied as it is, it would name
//! functions that the link dropped, and each object would bring its own copy of the same CIE. So the tables are taken
//! apart ([`UnwindTables::read`]), the records of live functions kept, equal CIEs written once ([`UnwindTables::plan`]),
//! and the rest laid end to end, in the order of the inputs, with one terminator at the end.
//!
//! The bytes are filled later, in chunks of any size that own disjoint parts of the section ([`UnwindPlan::chunks`],
//! [`UnwindTables::fill`]); the caller then applies the relocations of each record at its new place. The search table of
//! `.eh_frame_hdr` is made from the functions' addresses, not by reading `.eh_frame` back.

mod header;

use std::collections::HashMap;
use std::ops::Range;

use object::LittleEndian as LE;
use object::elf::Rela64;
use rayon::prelude::*;

use crate::diag::{Diagnostic, Diagnostics, Origin, Result};
use crate::ids::{AtomId, FileId};
use crate::inputs::eh_frame::{self, Cie, EhFrame, Extent, Fde};
use header::HEADER_SIZE;
pub use header::{HeaderEntry, write_header};

/// One input `.eh_frame`: an atom with that name, be its type SHT_PROGBITS or SHT_X86_64_UNWIND.
#[derive(Clone, Copy, Debug)]
pub struct UnwindInput<'data> {
    /// The section.
    pub atom: AtomId,
    /// Its file, which gives the relocations' symbol indexes their meaning.
    pub file: FileId,
    /// Its bytes.
    pub data: &'data [u8],
    /// Its relocations, in any order.
    pub relocations: &'data [Rela64<LE>],
}

/// Every input table, taken apart.
#[derive(Debug)]
pub struct UnwindTables<'data> {
    inputs: Vec<Table<'data>>,
}

#[derive(Debug)]
struct Table<'data> {
    atom: AtomId,
    file: FileId,
    frame: EhFrame<'data>,
    /// By index of FDE: the function's atom, or `None` if it belongs to nothing in this program.
    functions: Vec<Option<AtomId>>,
}

/// Which records are kept, and where. Sizes are exact.
#[derive(Debug)]
pub struct UnwindPlan {
    /// In order of output offset, without gaps.
    pub records: Vec<Record>,
    /// By input: where its part of the output starts; one more for the end of the last.
    input_starts: Vec<u32>,
    /// Bytes of `.eh_frame`, the terminator included; 0 if no input has any unwind table.
    pub size: u64,
    /// The FDEs among the records.
    pub fde_count: u32,
}

/// One kept record: 16 bytes each, as a large C++ program has some hundred thousand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record {
    /// Offset in the output section.
    pub output: u32,
    /// Which input it comes from.
    pub input: u32,
    /// Which CIE or FDE of that input.
    index: u32,
    /// For an FDE, the output offset of its CIE; [`Record::IS_CIE`] otherwise.
    cie: u32,
}

impl Record {
    const IS_CIE: u32 = u32::MAX;
}

/// Where the bytes of a kept record come from, and what relocates them.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The input section.
    pub atom: AtomId,
    /// Its file.
    pub file: FileId,
    /// The record's offset in the input section.
    pub offset: u32,
    /// Bytes.
    pub size: u32,
    /// In order of offset. `r_offset` counts from the start of the input section: the place in the output is
    /// `r_offset - offset + record.output`.
    pub relocations: &'a [Rela64<LE>],
}

/// A part of the output that can be filled independently of the others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chunk {
    /// Indexes in [`UnwindPlan::records`].
    pub records: Range<usize>,
    /// Its bytes of the output section; the chunks follow each other without gaps.
    pub output: Range<usize>,
}

/// FDEs by the function that they describe, for the liveness walk: what an FDE refers to (the language-specific data,
/// and through its CIE the personality routine) lives if the function does.
#[derive(Debug)]
pub struct FunctionIndex {
    /// Function, input, FDE; sorted.
    entries: Vec<(AtomId, u32, u32)>,
}

/// Bytes of a record of length zero, which ends the table for unwinders that walk it.
const TERMINATOR: u64 = 4;

impl<'data> UnwindTables<'data> {
    /// Takes every input table apart, in parallel. The inputs come in order of their atoms, which is that of the output.
    ///
    /// `atom_of` gives the atom in which a symbol (by file and index in its symbol table) is defined, and `None` if it is
    /// undefined or its section was discarded with a COMDAT group. `origin_of` is asked for the place of an error only.
    pub fn read(
        inputs: &[UnwindInput<'data>],
        atom_of: impl Fn(FileId, u32) -> Option<AtomId> + Sync,
        origin_of: impl Fn(AtomId) -> Origin + Sync,
    ) -> Result<UnwindTables<'data>> {
        let read_one = |input: &UnwindInput<'data>| {
            let frame = eh_frame::split(input.data, input.relocations).map_err(|error| {
                let origin = origin_of(input.atom).at(error.offset);
                Diagnostics::from(Diagnostic::error("bad-unwind-table", error.problem).at(origin))
            })?;
            let function_of = |fde: &Fde| atom_of(input.file, frame.function(fde)?.r_sym(LE, false));
            let functions = frame.fdes.iter().map(function_of).collect();
            Ok(Table { atom: input.atom, file: input.file, frame, functions })
        };
        let results: Vec<Result<Table>> = inputs.par_iter().map(read_one).collect();
        let (mut tables, mut errors) = (Vec::with_capacity(inputs.len()), Vec::new());
        for result in results {
            match result {
                Ok(table) => tables.push(table),
                Err(error) => errors.extend(error),
            }
        }
        Diagnostics::check(UnwindTables { inputs: tables }, errors)
    }

    /// The FDEs by function.
    pub fn by_function(&self) -> FunctionIndex {
        let mut entries: Vec<(AtomId, u32, u32)> = (self.inputs.par_iter().enumerate())
            .flat_map_iter(|(input, table)| {
                let owned = table.functions.iter().enumerate();
                owned.filter_map(move |(fde, function)| Some(((*function)?, input as u32, fde as u32)))
            })
            .collect();
        entries.par_sort_unstable();
        FunctionIndex { entries }
    }

    /// The relocations that an alive `function` makes matter: for each of its FDEs, the file and the relocations of the
    /// FDE and of its CIE. The one to the function itself is among them.
    pub fn references<'a>(
        &'a self,
        index: &'a FunctionIndex,
        function: AtomId,
    ) -> impl Iterator<Item = (FileId, &'a Rela64<LE>)> + 'a {
        let start = index.entries.partition_point(|entry| entry.0 < function);
        let entries = index.entries[start..].iter().take_while(move |entry| entry.0 == function);
        entries.flat_map(|&(_, input, fde)| {
            let table = &self.inputs[input as usize];
            let fde = &table.frame.fdes[fde as usize];
            let cie = &table.frame.cies[fde.cie as usize];
            let of_both = [fde.extent, cie.extent].into_iter().flat_map(|extent| table.frame.relocations(extent));
            of_both.map(|relocation| (table.file, relocation))
        })
    }

    /// Decides what is kept. `is_alive` says whether a function's atom is in the output; `identity_of` gives a number
    /// that two symbols share exactly if they are the same definition, so that CIEs with the same personality routine
    /// are recognised across files.
    pub fn plan(
        &self,
        is_alive: impl Fn(AtomId) -> bool + Sync,
        identity_of: impl Fn(FileId, u32) -> u64 + Sync,
    ) -> Result<UnwindPlan> {
        let selections: Vec<Selection> =
            self.inputs.par_iter().map(|table| table.select(&is_alive, &identity_of)).collect();
        let layout = self.lay_out(&selections)?;
        let mut records = vec![Record { output: 0, input: 0, index: 0, cie: 0 }; layout.record_count];
        let mut parts = Vec::with_capacity(self.inputs.len());
        let mut rest = records.as_mut_slice();
        for (input, place) in layout.places.iter().enumerate() {
            let (part, after) = rest.split_at_mut(place.record_count);
            parts.push((input, part));
            rest = after;
        }
        parts.into_par_iter().for_each(|(input, part)| {
            self.inputs[input].place(input as u32, &layout.places[input], &selections[input], part);
        });
        let mut input_starts: Vec<u32> = layout.places.iter().map(|place| place.start).collect();
        input_starts.push(layout.end);
        let any = layout.record_count > 0 || self.inputs.iter().any(|table| table.frame.terminated);
        let size = u64::from(layout.end) + if any { TERMINATOR } else { 0 };
        let fde_count = selections.iter().map(|selection| selection.fdes.len() as u32).sum();
        Ok(UnwindPlan { records, input_starts, size, fde_count })
    }

    /// Gives each input its part of the output, and each CIE that is used the offset of its one copy: in the first input
    /// that uses it, before that input's FDEs.
    fn lay_out(&self, selections: &[Selection]) -> Result<Layout> {
        let mut known: HashMap<&[u8], u32> = HashMap::new();
        let (mut end, mut record_count) = (0u64, 0);
        let mut places = Vec::with_capacity(selections.len());
        for (table, selection) in self.inputs.iter().zip(selections) {
            let mut place = Place {
                start: end as u32,
                cies: vec![Record::IS_CIE; table.frame.cies.len()],
                own: Vec::new(),
                fdes_start: 0,
                record_count: selection.fdes.len(),
            };
            for (cie, key) in &selection.cies {
                place.cies[*cie as usize] = *known.entry(key).or_insert_with(|| {
                    place.own.push(*cie);
                    let at = end;
                    end += u64::from(table.frame.cies[*cie as usize].extent.size);
                    at as u32
                });
            }
            place.fdes_start = end as u32;
            place.record_count += place.own.len();
            record_count += place.record_count;
            end += selection.fde_bytes;
            if end > u64::from(u32::MAX) - TERMINATOR {
                return Err(Diagnostic::error("output-too-large", ".eh_frame would be larger than 4 GiB").into());
            }
            places.push(place);
        }
        Ok(Layout { places, end: end as u32, record_count })
    }

    /// Where a record comes from.
    pub fn source(&self, record: &Record) -> Source<'_> {
        let table = &self.inputs[record.input as usize];
        let extent = table.extent(record);
        let relocations = table.frame.relocations(extent);
        Source { atom: table.atom, file: table.file, offset: extent.offset, size: extent.size, relocations }
    }

    /// Fills a chunk's bytes, relocations not applied.
    ///
    /// # Panics
    /// If `out` has not the size of `chunk.output`.
    pub fn fill(&self, plan: &UnwindPlan, chunk: &Chunk, out: &mut [u8]) {
        assert_eq!(out.len(), chunk.output.len(), "a chunk of .eh_frame has the wrong size");
        let mut at = 0;
        for record in &plan.records[chunk.records.clone()] {
            let table = &self.inputs[record.input as usize];
            let bytes = table.frame.bytes(table.extent(record));
            let place = &mut out[at..at + bytes.len()];
            place.copy_from_slice(bytes);
            if record.cie != Record::IS_CIE {
                let header = usize::from(table.frame.fdes[record.index as usize].begin) - 4;
                let distance = record.output + header as u32 - record.cie;
                place[header..header + 4].copy_from_slice(&distance.to_le_bytes());
            }
            at += bytes.len();
        }
        out[at..].fill(0);
    }

    /// Where a position in an input table lies in the output: for symbols that crt files define there. What was dropped
    /// collapses into what follows it.
    pub fn output_offset(&self, plan: &UnwindPlan, atom: AtomId, offset: u64) -> Option<u64> {
        let input = self.inputs.binary_search_by_key(&atom, |table| table.atom).ok()?;
        let (start, end) = (plan.input_starts[input], plan.input_starts[input + 1]);
        let first = plan.records.partition_point(|record| record.output < start);
        let last = plan.records.partition_point(|record| record.output < end);
        for record in &plan.records[first..last] {
            let extent = self.inputs[input].extent(record);
            if offset < u64::from(extent.offset) {
                return Some(u64::from(record.output));
            }
            if offset < u64::from(extent.offset) + u64::from(extent.size) {
                return Some(u64::from(record.output) + offset - u64::from(extent.offset));
            }
        }
        Some(u64::from(end))
    }

    /// The rows of the search table, in no order. `address_of` gives the value of a symbol by file and index, `None` if it
    /// has none, in which case the function cannot be found by unwinders.
    pub fn header_entries(
        &self,
        plan: &UnwindPlan,
        address_of: impl Fn(FileId, u32) -> Option<u64> + Sync,
    ) -> Vec<HeaderEntry> {
        let entry = |record: &Record| {
            let table = &self.inputs[record.input as usize];
            if record.cie == Record::IS_CIE {
                return None;
            }
            let relocation = table.frame.function(&table.frame.fdes[record.index as usize])?;
            let value = address_of(table.file, relocation.r_sym(LE, false))?;
            let function = value.wrapping_add_signed(relocation.r_addend.get(LE));
            Some(HeaderEntry { function, fde: record.output })
        };
        plan.records.par_iter().with_min_len(4096).filter_map(entry).collect()
    }
}

/// What one input keeps.
struct Selection {
    /// Indexes of the live FDEs.
    fdes: Vec<u32>,
    /// Bytes of those.
    fde_bytes: u64,
    /// The CIEs they use, in order of first use, with what makes two CIEs equal.
    cies: Vec<(u32, Vec<u8>)>,
}

struct Layout {
    places: Vec<Place>,
    /// Bytes of all records.
    end: u32,
    record_count: usize,
}

/// One input's part of the output.
struct Place {
    start: u32,
    /// By index of CIE: the output offset of its copy.
    cies: Vec<u32>,
    /// The CIEs whose copy is this input's.
    own: Vec<u32>,
    fdes_start: u32,
    record_count: usize,
}

impl Table<'_> {
    fn extent(&self, record: &Record) -> Extent {
        match record.cie {
            Record::IS_CIE => self.frame.cies[record.index as usize].extent,
            _ => self.frame.fdes[record.index as usize].extent,
        }
    }

    fn select(&self, is_alive: impl Fn(AtomId) -> bool, identity_of: impl Fn(FileId, u32) -> u64) -> Selection {
        let mut selection =
            Selection { fdes: Vec::with_capacity(self.frame.fdes.len()), fde_bytes: 0, cies: Vec::new() };
        let mut seen = vec![false; self.frame.cies.len()];
        for (index, (fde, function)) in self.frame.fdes.iter().zip(&self.functions).enumerate() {
            if fde.covers_nothing || !function.is_some_and(&is_alive) {
                continue;
            }
            selection.fdes.push(index as u32);
            selection.fde_bytes += u64::from(fde.extent.size);
            if !std::mem::replace(&mut seen[fde.cie as usize], true) {
                selection.cies.push((fde.cie, self.key(&self.frame.cies[fde.cie as usize], &identity_of)));
            }
        }
        selection
    }

    /// What makes two CIEs equal: their bytes, and what relocates them.
    fn key(&self, cie: &Cie, identity_of: impl Fn(FileId, u32) -> u64) -> Vec<u8> {
        let mut key = self.frame.bytes(cie.extent).to_vec();
        for relocation in self.frame.relocations(cie.extent) {
            key.extend((relocation.r_offset.get(LE) - u64::from(cie.extent.offset)).to_le_bytes());
            key.extend(relocation.r_type(LE, false).to_le_bytes());
            key.extend(relocation.r_addend.get(LE).to_le_bytes());
            key.extend(identity_of(self.file, relocation.r_sym(LE, false)).to_le_bytes());
        }
        key
    }

    /// Writes this input's records.
    fn place(&self, input: u32, place: &Place, selection: &Selection, out: &mut [Record]) {
        let (own, fdes) = out.split_at_mut(place.own.len());
        for (record, &cie) in own.iter_mut().zip(&place.own) {
            *record = Record { output: place.cies[cie as usize], input, index: cie, cie: Record::IS_CIE };
        }
        let mut output = place.fdes_start;
        for (record, &index) in fdes.iter_mut().zip(&selection.fdes) {
            let fde = &self.frame.fdes[index as usize];
            *record = Record { output, input, index, cie: place.cies[fde.cie as usize] };
            output += fde.extent.size;
        }
    }
}

impl UnwindPlan {
    /// Bytes of `.eh_frame_hdr`; 0 if there is no `.eh_frame`.
    pub fn header_size(&self) -> u64 {
        if self.size == 0 { 0 } else { HEADER_SIZE + 8 * u64::from(self.fde_count) }
    }

    /// The output in parts of about `size` bytes; a record is never split.
    pub fn chunks(&self, size: usize) -> Vec<Chunk> {
        let mut chunks = Vec::new();
        let (mut record, mut offset) = (0, 0);
        let total = self.size as usize;
        while offset < total {
            let wanted = offset.saturating_add(size.max(1));
            let ahead = self.records[record..].partition_point(|one| (one.output as usize) < wanted);
            let end = self.records.get(record + ahead).map_or(total, |one| one.output as usize);
            chunks.push(Chunk { records: record..record + ahead, output: offset..end });
            (record, offset) = (record + ahead, end);
        }
        chunks
    }
}

#[cfg(test)]
mod tests {
    use gimli::{BaseAddresses, CieOrFde, EhFrame as GimliFrame, EhFrameHdr, LittleEndian, UnwindSection};

    use super::*;
    use crate::inputs::eh_frame::samples::{PC32, Table as Sample};

    const FRAME: u64 = 0x10_0000;
    const HEADER: u64 = 0x20_0000;

    fn inputs(samples: &[Sample]) -> Vec<UnwindInput<'_>> {
        fn input((index, sample): (usize, &Sample)) -> UnwindInput<'_> {
            UnwindInput {
                atom: AtomId::new(1000 + index),
                file: FileId::new(index),
                data: &sample.bytes,
                relocations: &sample.relocations,
            }
        }
        samples.iter().enumerate().map(input).collect()
    }

    /// Symbol `n` of any file is at the start of atom `n`, except 0, which has no atom.
    fn read<'a>(samples: &'a [Sample]) -> UnwindTables<'a> {
        let atom_of = |_: FileId, symbol: u32| (symbol != 0).then_some(AtomId(symbol));
        UnwindTables::read(&inputs(samples), atom_of, |_| Origin::default()).unwrap()
    }

    fn address(symbol: u32) -> u64 {
        0x40_0000 + 0x100 * u64::from(symbol)
    }

    /// The finished section, as the relocation loop would leave it.
    fn fill(tables: &UnwindTables, plan: &UnwindPlan, chunk_size: usize) -> Vec<u8> {
        let mut out = vec![0xcc; plan.size as usize];
        let mut expected = 0;
        for chunk in plan.chunks(chunk_size) {
            assert_eq!(chunk.output.start, expected);
            expected = chunk.output.end;
            tables.fill(plan, &chunk, &mut out[chunk.output.clone()]);
            for record in &plan.records[chunk.records] {
                let source = tables.source(record);
                for relocation in source.relocations {
                    assert_eq!(relocation.r_type(LE, false), PC32);
                    let at = relocation.r_offset.get(LE) - u64::from(source.offset) + u64::from(record.output);
                    let target = address(relocation.r_sym(LE, false)) as i64 + relocation.r_addend.get(LE);
                    let value = (target - (FRAME + at) as i64) as i32;
                    out[at as usize..][..4].copy_from_slice(&value.to_le_bytes());
                }
            }
        }
        assert_eq!(expected as u64, plan.size);
        out
    }

    /// The function's address and size, and the offset of the CIE.
    type ReadFde = (u64, u64, usize);

    /// What gimli reads: the CIEs' personalities, and the FDEs.
    fn read_back(bytes: &[u8]) -> (Vec<Option<u64>>, Vec<ReadFde>) {
        let bases = BaseAddresses::default().set_eh_frame(FRAME);
        let section = GimliFrame::new(bytes, LittleEndian);
        let (mut cies, mut fdes) = (Vec::new(), Vec::new());
        let mut entries = section.entries(&bases);
        while let Some(entry) = entries.next().unwrap() {
            match entry {
                CieOrFde::Cie(cie) => cies.push(cie.personality().map(|pointer| match pointer {
                    gimli::Pointer::Direct(value) | gimli::Pointer::Indirect(value) => value,
                })),
                CieOrFde::Fde(partial) => {
                    let fde = partial.parse(|section, bases, offset| section.cie_from_offset(bases, offset)).unwrap();
                    fdes.push((fde.initial_address(), fde.len(), fde.cie().offset()));
                }
            }
        }
        (cies, fdes)
    }

    fn samples() -> Vec<Sample> {
        let mut first = Sample::default();
        let cie = first.cie(None);
        first.fde(cie, 1, 0x10, 5, None);
        first.fde(cie, 2, 0, 6, None); // dead
        first.fde(cie, 0, 0, 6, None); // discarded
        let mut second = Sample::default();
        let plain = second.cie(None);
        let special = second.cie(Some(90));
        second.fde(special, 3, 0, 7, Some(80));
        second.fde(plain, 4, 0, 8, None);
        second.fde(plain, 4, 4, 0, None); // covers nothing
        second.terminator();
        let mut third = Sample::default();
        let special = third.cie(Some(90));
        let other = third.cie(Some(91));
        third.fde(special, 5, 0, 9, Some(81));
        third.fde(other, 6, 0, 10, Some(82));
        vec![first, second, third]
    }

    #[test]
    fn keeps_live_functions_and_merges_equal_cies() {
        let samples = samples();
        let tables = read(&samples);
        let plan = tables.plan(|atom| atom != AtomId(2), |_, symbol| u64::from(symbol)).unwrap();
        assert_eq!(plan.fde_count, 5);
        assert_eq!(plan.records.len(), 8);
        let bytes = fill(&tables, &plan, usize::MAX);
        let (cies, fdes) = read_back(&bytes);
        assert_eq!(cies, [None, Some(address(90)), Some(address(91))]);
        let functions: Vec<_> = fdes.iter().map(|fde| (fde.0, fde.1)).collect();
        assert_eq!(
            functions,
            [(address(1) + 0x10, 5), (address(3), 7), (address(4), 8), (address(5), 9), (address(6), 10)]
        );
        assert_eq!((fdes[0].2, fdes[2].2), (0, 0), "the plain CIE is written once");
        assert_eq!(fdes[1].2, fdes[3].2, "as is that of the same personality");
        assert_ne!(fdes[3].2, fdes[4].2);
        assert_eq!(bytes[bytes.len() - 4..], [0; 4]);
        for size in [1, 30, 100] {
            assert_eq!(fill(&tables, &plan, size), bytes);
        }
        assert!(plan.chunks(30).len() > 3);
    }

    #[test]
    fn personality_routines_are_told_apart_by_identity() {
        let samples = samples();
        let tables = read(&samples);
        let plan = tables.plan(|_| true, |file, symbol| u64::from(file.0) << 32 | u64::from(symbol)).unwrap();
        let (cies, _) = read_back(&fill(&tables, &plan, 64));
        assert_eq!(cies, [None, Some(address(90)), Some(address(90)), Some(address(91))]);
    }

    #[test]
    fn the_search_table_is_sorted_and_finds_every_function() {
        let samples = samples();
        let tables = read(&samples);
        let plan = tables.plan(|_| true, |_, symbol| u64::from(symbol)).unwrap();
        let frame = fill(&tables, &plan, 64);
        let mut entries = tables.header_entries(&plan, |_, symbol| (symbol != 6).then(|| address(7 - symbol)));
        entries.push(HeaderEntry { fde: 0xffff, ..entries[0] }); // the same function once more
        let mut header = vec![0xcc; plan.header_size() as usize];
        assert_eq!(header.len(), 12 + 8 * 6);
        write_header(&mut header, HEADER, FRAME, entries).unwrap();
        let bases = BaseAddresses::default().set_eh_frame_hdr(HEADER).set_eh_frame(FRAME);
        let parsed = EhFrameHdr::new(&header, LittleEndian).parse(&bases, 8).unwrap();
        assert_eq!(parsed.eh_frame_ptr(), gimli::Pointer::Direct(FRAME));
        let table = parsed.table().unwrap();
        let mut rows = Vec::new();
        let mut iterator = table.iter(&bases);
        while let Some((function, fde)) = iterator.next().unwrap() {
            let (gimli::Pointer::Direct(function), gimli::Pointer::Direct(fde)) = (function, fde) else {
                panic!("the rows are direct");
            };
            assert_eq!(table.lookup(function, &bases).unwrap(), gimli::Pointer::Direct(fde));
            rows.push((function, fde - FRAME));
        }
        let expected: Vec<_> =
            [5, 4, 3, 2, 1].map(|symbol| address(7 - symbol) + if symbol == 1 { 16 } else { 0 }).into();
        assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), expected);
        assert!(rows.iter().all(|row| (row.1 as usize) < frame.len()));
        assert_eq!(header[header.len() - 8..], [0; 8], "the row left over");
    }

    #[test]
    fn nothing_alive_leaves_a_terminator_or_nothing() {
        let samples = samples();
        let tables = read(&samples);
        let plan = tables.plan(|_| false, |_, _| 0).unwrap();
        assert_eq!((plan.size, plan.fde_count, plan.header_size()), (4, 0, 12));
        assert_eq!(fill(&tables, &plan, 64), [0; 4]);
        let none = read(&samples[..1]).plan(|_| false, |_, _| 0).unwrap();
        assert_eq!((none.size, none.header_size()), (0, 0));
        assert!(none.chunks(10).is_empty());
    }

    #[test]
    fn tells_what_a_live_function_refers_to() {
        let samples = samples();
        let tables = read(&samples);
        let index = tables.by_function();
        let of = |function| -> Vec<_> {
            let references = tables.references(&index, AtomId(function));
            references.map(|(file, relocation)| (file.0, relocation.r_sym(LE, false))).collect()
        };
        assert_eq!(of(3), [(1, 3), (1, 80), (1, 90)]);
        assert_eq!(of(4), [(1, 4), (1, 4)]);
        assert_eq!(of(7), []);
    }

    #[test]
    fn positions_of_crt_symbols_follow_the_records() {
        let mut samples = samples();
        samples.insert(1, Sample::default()); // crtbeginT.o: nothing but __EH_FRAME_BEGIN__
        let tables = read(&samples);
        let plan = tables.plan(|atom| atom != AtomId(2), |_, symbol| u64::from(symbol)).unwrap();
        let second = plan.records.iter().find(|record| record.input == 2).unwrap().output;
        let at = |input: usize, offset| tables.output_offset(&plan, AtomId::new(1000 + input), offset).unwrap();
        assert_eq!(at(1, 0), u64::from(second));
        assert_eq!(at(0, 0), 0);
        let first_fde = samples[0].bytes.len() as u64 / 2;
        assert!(at(0, first_fde) <= u64::from(second));
        assert_eq!(at(3, samples[3].bytes.len() as u64), plan.size - 4);
        assert_eq!(tables.output_offset(&plan, AtomId(1), 0), None);
    }

    #[test]
    fn errors_of_all_inputs_come_together() {
        let mut bad = samples();
        bad[0].bytes[0] = 0xf0;
        bad[2].bytes[0] = 0xf0;
        let origin = |atom: AtomId| Origin::file(format!("{}.o", atom.0)).in_section(".eh_frame");
        let error = UnwindTables::read(&inputs(&bad), |_, _| None, origin).unwrap_err();
        let text = error.to_string();
        assert_eq!(error.iter().count(), 2);
        assert!(
            text.contains("1000.o:(.eh_frame+0x0): a record is longer than the rest of the unwind table"),
            "{text}"
        );
    }
}

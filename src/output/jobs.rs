//! The contents of the output cut into jobs that fit into a processor's own cache, each a stretch of one section that a worker makes in a
//! buffer of its own and writes at its place. The output is never mapped: a buffer stays in the worker's cache, and the
//! memory of the link does not grow with the output.

use std::ops::Range;

use hashbrown::HashMap;
use object::elf::{SHF_EXECINSTR, SHT_NOBITS};

use super::relocate::is_sorted;
use crate::ids::{AtomId, OutputSectionId};
use crate::inputs::atoms::Atom;
use crate::inputs::elf::LE;
use crate::layout::image::Image;
use crate::layout::plan::SectionAddress;
use crate::layout::unwind;

/// Bytes after which a job is full, if nothing speaks for more: what it is made from fits into the same cache.
pub const JOB: u64 = 256 << 10;
/// Bytes of most jobs at most: only what cannot be cut is longer.
pub const LONGEST: usize = 2 * JOB as usize + 4096;
/// How many bytes around an instruction's field its relaxation reads and writes.
const INSTRUCTION_REACH: u64 = 16;
/// Bytes of the widest field.
const FIELD: u64 = 8;

/// A stretch of an output section.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Job {
    /// The section.
    pub section: OutputSectionId,
    /// Its bytes of the section; the jobs of a section follow each other without gaps.
    pub range: Range<u64>,
    /// What it holds: a range of [`Jobs::parts`].
    pub parts: Range<usize>,
}

/// A piece of contents; between pieces lies fill.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// Offset in the section.
    pub at: u64,
    /// What goes there.
    pub what: What,
}

/// Where bytes come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// A range of an input atom, relocated.
    Input(AtomId, Range<u64>),
    /// A chunk of a merged table: table, chunk, bytes.
    Merged(usize, usize, u64),
    /// A chunk of the unwind table.
    Unwind(unwind::Chunk),
    /// The bytes of one of the linker's tables.
    Table(AtomId),
    /// Element of `Addresses::script_data`.
    Data(usize),
}

/// Every job, in file order.
#[derive(Default, Debug)]
pub struct Jobs {
    /// Section by section.
    pub jobs: Vec<Job>,
    /// The pieces of all jobs.
    pub parts: Vec<Part>,
}

/// Whether the relocations of large atoms are taken to be in order of place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// They are, as every compiler writes them. Who writes a part of an atom finds out if they are not, while it has its
    /// records in the cache; reading all of them here would cost a tenth of a large link.
    Assumed,
    /// They are looked at first, and an atom with others is not cut.
    Checked,
}

/// Cuts the contents of every section that has bytes in the file. `size_in` says how many bytes fill a job of a section.
pub fn cut(image: &Image<'_>, order: Order, size_in: impl Fn(OutputSectionId) -> u64) -> Jobs {
    let merged = image.merged.places.iter().enumerate().map(|(table, &place)| (place, table)).collect();
    let mut cutter = Cutter { image, order, merged, job: JOB };
    let mut jobs = Jobs::default();
    for (index, section) in image.plan.sections.iter().enumerate() {
        let id = OutputSectionId::new(index);
        let place = image.addresses.sections[index];
        if !place.omitted && place.size > 0 && section.kind != SHT_NOBITS {
            cutter.job = size_in(id);
            jobs.add(id, place.size, cutter.job, cutter.parts_of(id, &place));
        }
    }
    jobs
}

impl Jobs {
    fn add(&mut self, section: OutputSectionId, size: u64, job: u64, parts: Vec<Part>) {
        let mut start = 0;
        let mut first = self.parts.len();
        for part in parts {
            if part.at - start >= job {
                self.jobs.push(Job { section, range: start..part.at, parts: first..self.parts.len() });
                (start, first) = (part.at, self.parts.len());
            }
            self.parts.push(part);
        }
        self.jobs.push(Job { section, range: start..size, parts: first..self.parts.len() });
    }
}

struct Cutter<'a, 'data> {
    image: &'a Image<'data>,
    order: Order,
    /// By the atom that stands for it: the merged table.
    merged: HashMap<AtomId, usize>,
    /// Bytes of a job.
    job: u64,
}

impl Cutter<'_, '_> {
    /// The contents of one section in order, none much larger than a job.
    fn parts_of(&self, id: OutputSectionId, place: &SectionAddress) -> Vec<Part> {
        let image = self.image;
        let section = image.plan.get(id);
        let mut parts = Vec::new();
        for atom in image.plan.atoms_of(section) {
            if image.atoms.get(atom).size > 0 {
                self.push_atom(atom, image.addresses.atoms[atom.index()].wrapping_sub(place.address), &mut parts);
            }
        }
        let data = image.addresses.script_data.iter().enumerate().filter(|(_, (owner, ..))| *owner == id);
        let data: Vec<Part> = data.map(|(index, (_, at, _))| Part { at: *at, what: What::Data(index) }).collect();
        if !data.is_empty() {
            parts.extend(data);
            parts.sort_by_key(|part| part.at);
        }
        parts
    }

    fn push_atom(&self, id: AtomId, at: u64, parts: &mut Vec<Part>) {
        let image = self.image;
        if let Some(&table) = self.merged.get(&id) {
            let chunks = image.merged.tables.tables[table].chunks();
            parts.extend(chunks.map(|(chunk, range)| Part {
                at: at + range.start as u64,
                what: What::Merged(table, chunk, range.len() as u64),
            }));
        } else if image.unwind.place == Some(id) {
            let chunks = image.unwind.plan.chunks(self.job as usize).into_iter();
            parts.extend(chunks.map(|chunk| Part { at: at + chunk.output.start as u64, what: What::Unwind(chunk) }));
        } else if id.index() >= image.resolution.files.atom_bound {
            parts.push(Part { at, what: What::Table(id) });
        } else {
            let ranges = split(image.atoms.get(id), self.order, self.job).into_iter();
            parts.extend(ranges.map(|range| Part { at: at + range.start, what: What::Input(id, range) }));
        }
    }
}

/// Cuts a large atom where no relocation reaches across.
fn split(atom: &Atom<'_>, order: Order, job: u64) -> Vec<Range<u64>> {
    if atom.size <= 2 * job || (order == Order::Checked && !is_sorted(atom)) {
        let whole = 0..atom.size;
        return std::iter::once(whole).collect();
    }
    let records = atom.relocations.records();
    let is_code = atom.flags & u64::from(SHF_EXECINSTR) != 0;
    let (before, after) = if is_code { (INSTRUCTION_REACH, INSTRUCTION_REACH) } else { (FIELD, 0) };
    let mut ranges = Vec::new();
    let mut start = 0;
    while atom.size - start > 2 * job {
        let mut cut = start + job;
        let mut next = records.partition_point(|record| record.r_offset.get(LE).saturating_add(before) <= cut);
        while let Some(record) = records.get(next) {
            let place = record.r_offset.get(LE);
            if place >= cut.saturating_add(after) {
                break;
            }
            cut = cut.max(place.saturating_add(before));
            next += 1;
        }
        if cut >= atom.size {
            break;
        }
        ranges.push(start..cut);
        start = cut;
    }
    ranges.push(start..atom.size);
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::FileId;
    use crate::inputs::atoms::Relocations;
    use crate::inputs::elf::Rela;
    use object::{I64, LittleEndian, U64};

    fn records(offsets: impl Iterator<Item = u64>) -> Vec<Rela> {
        let record = |offset| Rela {
            r_offset: U64::new(LittleEndian, offset),
            r_info: U64::new(LittleEndian, 1),
            r_addend: I64::new(LittleEndian, 0),
        };
        offsets.map(record).collect()
    }

    fn atom(size: u64, flags: u32, records: &[Rela]) -> Atom<'_> {
        Atom {
            file: FileId(1),
            name: b".text",
            data: &[],
            size,
            alignment: 1,
            flags: u64::from(flags),
            kind: object::elf::SHT_PROGBITS,
            entry_size: 0,
            relocations: Relocations::Rela(records),
        }
    }

    #[test]
    fn no_relocation_reaches_across_a_cut() {
        // One every 24 bytes, but for a stretch around the first megabyte with one every 8.
        let sparse = (0..JOB - 4096).step_by(24);
        let dense = (JOB - 4096..JOB + 4096).step_by(8);
        let offsets: Vec<u64> = sparse.chain(dense).chain((JOB + 4096..5 * JOB).step_by(40)).collect();
        let records = records(offsets.iter().copied());
        for flags in [0, SHF_EXECINSTR] {
            let ranges = split(&atom(5 * JOB + 8, flags, &records), Order::Assumed, JOB);
            assert!(ranges.len() > 1);
            assert_eq!(ranges.first().map(|range| range.start), Some(0));
            assert_eq!(ranges.last().map(|range| range.end), Some(5 * JOB + 8));
            assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start));
            let (before, after) = if flags == 0 { (FIELD, 0) } else { (INSTRUCTION_REACH, INSTRUCTION_REACH) };
            for cut in ranges.iter().skip(1).map(|range| range.start) {
                assert!(offsets.iter().all(|&place| place + before <= cut || place >= cut + after), "cut at {cut:#x}");
            }
        }
    }

    #[test]
    fn unsorted_relocations_keep_an_atom_whole() {
        let records = records([JOB, 0].into_iter());
        assert_eq!(split(&atom(4 * JOB, 0, &records), Order::Checked, JOB).len(), 1);
    }
}

//! How the image is cut into jobs.

use crate::golang::address::{Addresses, Section};
use std::ops::Range;

/// Bytes of a job, about; a symbol is never cut. Few enough to stay in a worker's cache until they are in the file.
const JOB: u64 = 1 << 18;

/// A piece of a section that a worker makes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Job {
    /// The section, by position.
    pub section: usize,
    /// Its symbols, by position in the section.
    pub symbols: Range<usize>,
    /// Its addresses.
    pub range: Range<u64>,
    /// Where it lies in the file.
    pub file_offset: u64,
}

/// The jobs of all sections that have contents in the file.
pub fn cut(addresses: &Addresses) -> Vec<Job> {
    let mut jobs = Vec::new();
    for place in &addresses.segments {
        let segment = place.address..place.address + place.file_length;
        for index in place.sections.clone() {
            let Some(section) = addresses.sections.get(index) else { continue };
            let end = (section.address + section.length).min(segment.end);
            if section.address < segment.start || section.address >= end || section.name == b".tbss" {
                continue;
            }
            let file_offset = place.file_offset + (section.address - segment.start);
            cut_range(addresses, index, section.address..end, |range, symbols| {
                let file_offset = file_offset + (range.start - section.address);
                jobs.push(Job { section: index, symbols, range, file_offset });
            });
        }
    }
    jobs
}

/// Cuts a range of a section, from the start of one symbol to the start of another or to the section's end.
pub fn cut_range(
    addresses: &Addresses,
    section: usize,
    range: Range<u64>,
    mut each: impl FnMut(Range<u64>, Range<usize>),
) {
    let symbols = addresses.sections.get(section).map_or(&[][..], |section: &Section| &section.symbols);
    let address = |index: usize| addresses.of(symbols[index]);
    let before =
        |limit: u64, from: usize| from + symbols[from..].partition_point(|&symbol| addresses.of(symbol) < limit);
    let mut first = before(range.start, 0);
    let last = before(range.end, first);
    let mut start = range.start;
    while start < range.end {
        let next = before(start.saturating_add(JOB).min(range.end), first).min(last);
        let end = if next < last { address(next) } else { range.end };
        each(start..end, first..next);
        (start, first) = (end, next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golang::address::{Segment, access};
    use crate::golang::symbols::GoSymbol;

    #[test]
    fn jobs_cover_a_section_and_cut_no_symbol() {
        let starts = [0x10, 0x10, 0x2_0000, 0x8_0000, 0x8_4000, 0x8_4000];
        let section = Section {
            name: b".data".to_vec(),
            access: access::WRITE,
            alignment: 1,
            address: 0x10,
            length: 0x10_0000,
            segment: Segment::Data,
            has_bytes: true,
            file_offset: 0,
            symbols: (0..starts.len() as u32).map(GoSymbol).collect(),
        };
        let addresses =
            Addresses { value: starts.to_vec(), section: vec![1; 6], sections: vec![section], segments: Vec::new() };
        let mut jobs = Vec::new();
        cut_range(&addresses, 0, 0x10..0x10_0010, |range, symbols| jobs.push((range, symbols)));
        assert_eq!(jobs, [(0x10..0x8_0000, 0..3), (0x8_0000..0x10_0010, 3..6)]);
        jobs.clear();
        cut_range(&addresses, 0, 0x2_0000..0x8_4000, |range, symbols| jobs.push((range, symbols)));
        assert_eq!(jobs, [(0x2_0000..0x8_0000, 2..3), (0x8_0000..0x8_4000, 3..4)]);
    }
}

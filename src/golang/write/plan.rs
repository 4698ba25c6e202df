//! How the image is cut into jobs.

use std::ops::Range;

use crate::golang::layout::{Addresses, Section};
use crate::golang::table::{Planned, Tables};

/// Bytes of a job, about; of symbols only tables are cut, where their parts begin. Few enough to stay in a worker's cache until they are
/// in the file.
const JOB: u64 = 1 << 18;

/// A piece of a section that a worker makes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Job {
    /// The section, by position.
    pub section: usize,
    /// Its symbols, by position in the section.
    pub symbols: Range<usize>,
    /// If it is a piece of its only symbol, which is a table: the parts of that.
    pub parts: Option<Range<usize>>,
    /// Its addresses.
    pub range: Range<u64>,
    /// Where it lies in the file.
    pub file_offset: u64,
}

/// The jobs of all sections that have contents in the file.
pub fn cut(addresses: &Addresses, tables: &Tables<'_>) -> Vec<Job> {
    let mut jobs = Vec::new();
    for place in &addresses.segments {
        let segment = place.address..place.address + place.file_length;
        for index in place.sections.clone() {
            let Some(section) = addresses.sections.get(index) else { continue };
            let end = (section.address + section.length).min(segment.end);
            if section.address < segment.start || section.address >= end || section.name == b".tbss" {
                continue;
            }
            let first = jobs.len();
            cut_range(addresses, index, section.address..end, |range, symbols| {
                let job = Job { section: index, symbols, parts: None, range, file_offset: 0 };
                cut_table(job, section, addresses, tables, &mut jobs);
            });
            for job in &mut jobs[first..] {
                job.file_offset = place.file_offset + (job.range.start - segment.start);
            }
        }
    }
    jobs
}

/// Cuts a job once more if its last symbol is a table of many parts: no other symbol makes a job large.
fn cut_table(job: Job, section: &Section, addresses: &Addresses, tables: &Tables<'_>, jobs: &mut Vec<Job>) {
    let last = job.symbols.clone().last();
    let table = last.and_then(|last| Some((last, tables.get(section.symbols[last])?)));
    let Some((last, table)) = table.filter(|(_, table)| table.parts() > 1 && table.size() > JOB) else {
        return jobs.push(job);
    };
    let start = addresses.of(section.symbols[last]);
    if last > job.symbols.start {
        jobs.push(Job { symbols: job.symbols.start..last, range: job.range.start..start, ..job.clone() });
    }
    for parts in groups(table) {
        // What lies behind the table is filled with its last part.
        let end = if parts.end < table.parts() { start + table.start(parts.end) } else { job.range.end };
        let range = start + table.start(parts.start)..end;
        jobs.push(Job { symbols: last..last + 1, parts: Some(parts), range, ..job });
    }
}

/// Parts of a table, as many at a time as make a job.
fn groups(table: &Planned<'_>) -> Vec<Range<usize>> {
    let mut groups = Vec::new();
    let mut first = 0;
    for part in 1..=table.parts() {
        if part == table.parts() || table.start(part + 1) - table.start(first) > JOB {
            groups.push(first..part);
            first = part;
        }
    }
    groups
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
    use crate::args::golink::GoLink;
    use crate::golang::fixture::{self, Numbered};
    use crate::golang::layout::{Segment, SegmentPlace, access};
    use crate::golang::symbols::{GoSymbol, Version};
    use crate::target::Architecture;

    /// A section of 1 MiB at address 16.
    fn section(symbols: Vec<GoSymbol>) -> Section {
        Section {
            name: b".data".to_vec(),
            access: access::WRITE,
            alignment: 1,
            address: 0x10,
            length: 0x10_0000,
            segment: Segment::Data,
            has_bytes: true,
            file_offset: 0,
            symbols,
        }
    }

    #[test]
    fn large_tables_are_cut_where_parts_begin() {
        let options = GoLink::default();
        let program = fixture::program(&options, Architecture::X86_64, &[("main", &[])]);
        let objects = [fixture::object(&[])];
        let mut symbols = fixture::load(&program, &objects);
        let all = [b"before", b"small ", b"large ", b"whole ", b"behind"];
        let all = all.map(|name| symbols.make_alone(name, Version::Abi0));
        let [before, small, large, whole, behind] = all;
        let mut tables = Tables::default();
        tables.plan(&mut symbols, small, Numbered(&[0x1000, 0x1000]));
        tables.plan(&mut symbols, large, Numbered(&[0x3_0000, 0x1_0000, 0x1, 0x5_0000, 0x1000, 0x1000]));
        tables.plan(&mut symbols, whole, Numbered(&[0x5_0000]));
        let mut value = vec![0; symbols.count()];
        let places = [(before, 0x10), (small, 0x1010), (large, 0x3010), (whole, 0x9_5020), (behind, 0xe_5020)];
        places.into_iter().for_each(|(symbol, address)| value[symbol.index()] = address);
        let segment = SegmentPlace {
            segment: Segment::Data,
            access: access::WRITE,
            address: 0x10,
            length: 0x10_0000,
            file_offset: 0x1000,
            file_length: 0x10_0000,
            sections: 0..1,
        };
        let addresses =
            Addresses { value, sections: vec![section(all.into())], segments: vec![segment], section: Vec::new() };
        let job = |symbols: Range<usize>, parts: Option<Range<usize>>, range: Range<u64>| {
            let file_offset = 0x1000 + range.start - 0x10;
            Job { section: 0, symbols, parts, range, file_offset }
        };
        // Of the gap behind a table, and of a part that is larger than a job, none is left out.
        assert_eq!(
            cut(&addresses, &tables),
            [
                job(0..2, None, 0x10..0x3010),
                job(2..3, Some(0..2), 0x3010..0x4_3010),
                job(2..3, Some(2..3), 0x4_3010..0x4_3011),
                job(2..3, Some(3..4), 0x4_3011..0x9_3011),
                job(2..3, Some(4..6), 0x9_3011..0x9_5020),
                job(3..4, None, 0x9_5020..0xe_5020),
                job(4..5, None, 0xe_5020..0x10_0010),
            ]
        );
    }

    #[test]
    fn jobs_cover_a_section_and_cut_no_symbol() {
        let starts = [0x10, 0x10, 0x2_0000, 0x8_0000, 0x8_4000, 0x8_4000];
        let section = section((0..starts.len() as u32).map(GoSymbol).collect());
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

//! Where everything is: sections, segments, and the address of each symbol (Go 1.26 and 1.27, `address` and `layout` of
//! `cmd/link/internal/ld/data.go`).

use super::buckets::Buckets;
use super::groups::{GC_MASKS, mark};
use super::sections::{self, Bounds, Sections};
use super::segments::{Section, Segment, SegmentPlace, access};
use super::text::TextPlaces;
use crate::diag::{Diagnostic, Result};
use crate::golang::machine::{HEADER, Machine};
use crate::golang::moduledata::Module;
use crate::golang::program::Program;
use crate::golang::symbols::{GoSymbol, Kind, Symbols, Version};

/// Where everything is. Nothing moves any more.
#[derive(Clone, Default, Debug)]
pub struct Addresses {
    /// By symbol: its address, or its offset in the block of each thread.
    pub value: Vec<u64>,
    /// By symbol: 1 and the position of its section; 0 if it has none.
    pub section: Vec<u16>,
    /// The sections, segment by segment in the order of the file.
    pub sections: Vec<Section>,
    /// The segments in the order of the file. [`Segment::Relro`] is there if it has sections, the others always.
    pub segments: Vec<SegmentPlace>,
}

impl Addresses {
    /// A symbol's address; 0 if it has none.
    #[inline]
    pub fn of(&self, symbol: GoSymbol) -> u64 {
        self.value.get(symbol.index()).copied().unwrap_or(0)
    }

    /// A symbol's section.
    pub fn section_of(&self, symbol: GoSymbol) -> Option<&Section> {
        let position = self.section.get(symbol.index()).copied()?.checked_sub(1)?;
        self.sections.get(usize::from(position))
    }

    /// A segment, if there is one.
    pub fn segment(&self, segment: Segment) -> Option<&SegmentPlace> {
        self.segments.iter().find(|place| place.segment == segment)
    }

    /// A section by its name.
    pub fn named(&self, name: &[u8]) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }
}

/// Gives everything its address; debug information has none.
pub fn place(
    symbols: &mut Symbols<'_>,
    program: &Program<'_>,
    text: TextPlaces,
    buckets: Buckets,
    module: &Module,
) -> Result<Addresses> {
    let machine = Machine::of(program)?;
    let Sections { all, offsets, value, bounds } = sections::plan(symbols, program, text, buckets, module)?;
    let mut addresses = Addresses { value, sections: all, ..Addresses::default() };
    addresses.place_segments(&machine);
    addresses.place_in_file(&machine)?;
    addresses.section = vec![0; symbols.count()];
    // A column for each of two workers: both mostly wait for memory, as symbols of a section lie far apart in the columns.
    let Addresses { value, section: section_of, sections, .. } = &mut addresses;
    rayon::join(
        || {
            for (section, offsets) in sections.iter().zip(offsets) {
                for (symbol, offset) in section.symbols.iter().zip(offsets) {
                    value[symbol.index()] = section.address + u64::from(offset);
                }
            }
        },
        || {
            for (position, section) in (1..).zip(sections.iter()) {
                section.symbols.iter().for_each(|symbol| section_of[symbol.index()] = position);
            }
        },
    );
    addresses.place_marks(symbols, program, bounds);
    Ok(addresses)
}

impl Addresses {
    fn place_segments(&mut self, machine: &Machine) {
        let mut end = 0_u64;
        for (segment, access) in [
            (Segment::Text, access::EXECUTE),
            (Segment::Rodata, access::READ),
            (Segment::Relro, access::WRITE),
            (Segment::Data, access::WRITE),
        ] {
            let first = self.sections.partition_point(|section| section.segment < segment);
            let range = first..self.sections.partition_point(|section| section.segment <= segment);
            if segment == Segment::Relro && range.is_empty() {
                continue;
            }
            let sections = &mut self.sections[range.clone()];
            let address = match segment {
                Segment::Text => machine.text_address,
                Segment::Data => machine.data_address.unwrap_or(end.next_multiple_of(machine.round)),
                _ => end.next_multiple_of(machine.round),
            };
            end = match segment {
                Segment::Data => place_together(sections, address),
                _ => place_in_turn(sections, address),
            };
            let zeroed = sections.iter().find(|section| !section.has_bytes).map_or(end, |section| section.address);
            let (length, file_length) = (end - address, zeroed - address);
            let place = SegmentPlace { segment, access, address, length, file_offset: 0, file_length, sections: range };
            self.segments.push(place);
        }
    }

    /// Gives segments and sections their offsets in the file.
    fn place_in_file(&mut self, machine: &Machine) -> Result<()> {
        let mut end = HEADER;
        for place in &mut self.segments {
            if place.segment != Segment::Text {
                end = end.next_multiple_of(machine.round);
                if place.address % machine.round != 0 {
                    let message = format!(
                        "{:#x} is no address for a segment: no multiple of {:#x}",
                        place.address, machine.round
                    );
                    let problem = Diagnostic::error("bad-address", message);
                    return Err(problem.help("give -D a multiple of what -R says").into());
                }
            }
            place.file_offset = end;
            end += place.file_length;
            for section in &mut self.sections[place.sections.clone()] {
                // The blocks of threads are nowhere.
                let offset = section.address.checked_sub(place.address);
                section.file_offset = offset.map_or(0, |offset| place.file_offset + offset);
            }
        }
        Ok(())
    }

    /// Gives the marks at the bounds of sections their addresses.
    fn place_marks(&mut self, symbols: &mut Symbols<'_>, program: &Program<'_>, bounds: Bounds) {
        let walked = program.release.types_are_walked;
        let types: &[&[u8]] = match (walked, program.is_position_independent()) {
            (true, true) => &[b".data.rel.ro.go.type"],
            (true, false) => &[b".go.type"],
            (false, true) => &[b".data.rel.ro"],
            (false, false) => &[b".rodata"],
        };
        for (section, start, end, kinds) in [
            (&b".rodata"[..], "rodata", "erodata", [Kind::Rodata; 2]),
            (types[0], "types", "etypes", [Kind::Rodata; 2]),
            (b".gopclntab", "pclntab", "epclntab", [Kind::Rodata; 2]),
            (b".noptrdata", "noptrdata", "enoptrdata", [Kind::NoptrData, Kind::NoptrDataEnd]),
            (b".bss", "bss", "ebss", [Kind::Bss; 2]),
            (b".data", "data", "edata", [Kind::Data, Kind::DataEnd]),
            (b".noptrbss", "noptrbss", "enoptrbss", [Kind::NoptrBss; 2]),
        ] {
            let length = self.named(section).map_or(0, |section| section.length);
            self.mark_in(symbols, section, &format!("runtime.{start}"), kinds[0], 0);
            self.mark_in(symbols, section, &format!("runtime.{end}"), kinds[1], length);
        }
        let (first, behind) = (bounds.counters, bounds.counters + bounds.counters_length);
        if walked {
            let name = String::from_utf8_lossy(GC_MASKS);
            self.mark_in(symbols, b".noptrbss", &name, Kind::GcMask, bounds.masks);
        }
        self.mark_in(symbols, b".noptrbss", "runtime.covctrs", Kind::CoverageCounter, first);
        self.mark_in(symbols, b".noptrbss", "runtime.ecovctrs", Kind::CoverageCounter, behind);
        self.mark_code(symbols);
        self.mark_masks(symbols);
        self.mark_function_tables(symbols);
        self.mark_fuzzer(symbols);
        self.mark_end(symbols);
    }

    fn mark_in(&mut self, symbols: &mut Symbols<'_>, section: &[u8], name: &str, kind: Kind, offset: u64) {
        if let Some(position) = self.sections.iter().position(|found| found.name == section) {
            let address = self.sections[position].address + offset;
            self.mark_at(symbols, position as u16 + 1, name, kind, address);
        }
    }

    fn mark_at(&mut self, symbols: &mut Symbols<'_>, section: u16, name: &str, kind: Kind, address: u64) {
        let symbol = mark(symbols, name.as_bytes(), kind);
        self.value.resize(symbols.count().max(self.value.len()), 0);
        self.section.resize(self.value.len(), 0);
        self.value[symbol.index()] = address;
        self.section[symbol.index()] = section;
    }

    /// The bounds of code have their addresses already.
    fn mark_code(&mut self, symbols: &Symbols<'_>) {
        for name in [&b"runtime.text"[..], b"runtime.etext"] {
            if let Some(symbol) = symbols.find(name, Version::Abi0) {
                self.section[symbol.index()] = 1;
            }
        }
    }

    fn mark_masks(&mut self, symbols: &mut Symbols<'_>) {
        for (name, end) in [(&b"runtime.gcdata"[..], "runtime.egcdata"), (b"runtime.gcbss", "runtime.egcbss")] {
            if let Some(symbol) = symbols.find(name, Version::Abi0) {
                let address = self.of(symbol) + symbols.size(symbol);
                self.mark_at(symbols, self.section[symbol.index()], end, Kind::Rodata, address);
            }
        }
    }

    /// The parts of the function tables have addresses; they become marks, as what points to them expects.
    fn mark_function_tables(&mut self, symbols: &mut Symbols<'_>) {
        let parts = ["pcheader", "funcnametab", "cutab", "filetab", "pctab", "functab"];
        for name in parts.map(|part| format!("runtime.{part}")).into_iter().chain(["go:func.*".to_owned()]) {
            if let Some(symbol) = symbols.find(name.as_bytes(), Version::Abi0) {
                let address = self.of(symbol);
                let section = self.section.get(symbol.index()).copied().unwrap_or(0);
                self.mark_at(symbols, section, &name, Kind::Rodata, address);
            }
        }
    }

    fn mark_fuzzer(&mut self, symbols: &mut Symbols<'_>) {
        let section = &b".go.fuzzcntrs"[..];
        let Some(length) = self.named(section).map(|section| section.length) else { return };
        for (name, offset) in [
            ("runtime.__start___sancov_cntrs", 0),
            ("runtime.__stop___sancov_cntrs", length),
            ("internal/fuzz._counters", 0),
            ("internal/fuzz._ecounters", length),
        ] {
            self.mark_in(symbols, section, name, Kind::FuzzerCounter, offset);
        }
    }

    /// The end of everything belongs to the last section before the blocks of threads.
    fn mark_end(&mut self, symbols: &mut Symbols<'_>) {
        let Some(data) = self.segment(Segment::Data).cloned() else { return };
        let last = data.sections.rev().find(|position| self.sections[*position].name != b".tbss");
        let section = last.map_or(0, |position| position as u16 + 1);
        self.mark_at(symbols, section, "runtime.end", Kind::Bss, data.address + data.length);
    }
}

/// Each section behind the one before; returns the end.
fn place_in_turn(sections: &mut [Section], address: u64) -> u64 {
    let mut end = address;
    for section in sections {
        section.address = end.next_multiple_of(section.alignment.max(1));
        end = section.address + section.length;
    }
    end
}

/// Sections whose offsets are fixed; returns the end. The blocks of threads take no space.
fn place_together(sections: &mut [Section], address: u64) -> u64 {
    let mut end = address;
    for section in sections.iter_mut().filter(|section| section.name != b".tbss") {
        section.address += address;
        end = section.address + section.length;
    }
    end
}

//! Debug information: sections that compilers wrote the parts of, for live functions and variables, and that the linker
//! completes with types, units, tables of addresses and of frames (Go 1.26 and 1.27, `cmd/link/internal/ld/dwarf.go`,
//! `cmd/internal/dwarf/dwarf.go`).
//!
//! Nothing here has the address of data before all is laid out, and nothing needs it for its size. So [`scan()`] and
//! [`Scan::draft`] find out what there is to tell, [`Draft::outline`] lists for each unit what it is put together from,
//! [`Outline::plan`] puts the units together, which settles all offsets within debug sections, and [`Dwarf::fill`] makes the
//! bytes, stretch by stretch and in any order. What compilers wrote is copied from the objects only then.

mod abbreviations;
mod column;
mod contents;
mod copy;
mod entries;
mod frames;
mod lines;
mod put;
mod scan;
mod synthesis;
#[cfg(test)]
mod tests;
mod types;
mod units;

use std::ops::Range;

use rayon::prelude::*;

use self::abbreviations::Version;
use self::column::Column;
use self::contents::{Contents, Run, Source};
use self::entries::{Entries, EntryId, Places, Unplaced};
use self::frames::{Records, Registers};
use self::put::{Count, Fixed, Growing, Put};
use self::scan::{Global, UnitScan};
use self::types::Types;
use self::units::{Head, Portion, Ranges, Unit};
use super::ahead;
use super::layout::{Addresses, Text, TextPlaces};
use super::pclntab::Functions;
use super::program::Program;
use super::symbols::{GoSymbol, ObjectId, Symbols};
use crate::diag::Diagnostic;
use crate::inputs::goobj::RelocationKind;
use crate::par::largest_first;

/// A section of debug information.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DebugSection {
    /// Its name.
    pub name: &'static str,
    /// Bytes it takes.
    pub size: u64,
    /// In how many pieces it is filled, each of a quarter or half a megabyte, about.
    pub pieces: usize,
}

/// The debug information of a program, planned.
#[derive(Debug)]
pub struct Dwarf {
    sections: Vec<DebugSection>,
    contents: Vec<Contents>,
    known: Vec<Vec<u8>>,
    frames: Vec<Records>,
    units: Vec<PlannedUnit>,
    entries: Entries,
    /// By entry: its offset in `.debug_info`.
    entry_offsets: Vec<u32>,
    /// The offset in its section of what describes a symbol; of a function the number in its unit.
    places: Column,
    /// By object: its first function.
    first_functions: Vec<GoSymbol>,
}

/// What is filled of a unit once addresses are known.
#[derive(Debug)]
struct PlannedUnit {
    head: Head,
    first: GoSymbol,
    addresses: Vec<GoSymbol>,
}

/// What debug information mentions.
pub struct Scan {
    version: Version,
    units: Vec<UnitScan>,
    globals: Vec<Global>,
}

/// By object: the head of its part of the line table; empty if it has no code.
pub struct LineHeads(Vec<Vec<u8>>);

/// Debug information without frames: the types are made.
pub struct Draft<'a, 'data> {
    types: Types<'a, 'data>,
    units: Vec<Unit>,
}

/// What each unit is put together from. Nothing more is asked of the symbols: data can be laid out while this becomes a plan.
pub struct Outline {
    assembly: Assembly,
    units: Vec<Unit>,
    /// By unit.
    portions: Vec<Portion>,
    records: Vec<Records>,
    gdb_script: Option<Vec<u8>>,
}

/// The frames of all functions that are described, and where these are.
pub struct Frames {
    records: Vec<Records>,
    /// By object.
    ranges: Vec<Ranges>,
}

/// Finds out what the debug information of all live functions and variables mentions.
pub fn scan(symbols: &Symbols<'_>, program: &Program<'_>, text: &Text) -> Scan {
    let version = if program.has_experiment("dwarf5") { Version::Five } else { Version::Four };
    let (units, globals) = rayon::join(|| scan::functions(symbols, text, version), || scan::globals(symbols));
    Scan { version, units, globals }
}

/// Makes the frames.
pub fn frames(
    symbols: &Symbols<'_>,
    program: &Program<'_>,
    text: &Text,
    places: &TextPlaces,
    functions: &Functions,
) -> Frames {
    let registers = Registers::of(program.architecture);
    let records = functions.chunks().map(|functions| registers.records(symbols, functions));
    let records: Vec<Records> = records.collect();
    let ranges = units::ranges(symbols, text, places, records.iter().flat_map(Records::functions));
    Frames { records, ranges }
}

impl Scan {
    /// Makes the types, one after the other. Nothing takes longer: there is time for [`frames()`], and for other tables,
    /// meanwhile.
    ///
    /// # Errors
    /// Types that debug information needs and no package describes.
    pub fn draft<'a, 'data>(
        &self,
        symbols: &'a Symbols<'data>,
        program: &Program<'_>,
        text: &Text,
    ) -> Result<Draft<'a, 'data>, Diagnostic> {
        let mut types = Types::new(symbols, program.release)?;
        let units = units::collect(&mut types, program, text, &self.units, &self.globals)?;
        synthesis::complete(&mut types)?;
        types.entries.names.check()?;
        Ok(Draft { types, units })
    }

    /// Makes the heads of the line table, which are names of files: for the time that [`Scan::draft`] takes.
    pub fn line_heads(&self, symbols: &Symbols<'_>, program: &Program<'_>) -> LineHeads {
        let scans = self.units.par_iter().enumerate().with_max_len(1);
        let heads = scans.map(|(index, scan)| match scan.functions.is_empty() {
            true => Vec::new(),
            false => units::line_head(ObjectId(index as u32), scan, symbols, program, self.version),
        });
        LineHeads(heads.collect())
    }
}

impl Draft<'_, '_> {
    /// Lists what each unit is put together from.
    ///
    /// # Errors
    /// Types that debug information needs and no package describes; damaged objects.
    pub fn outline(
        self,
        scan: &Scan,
        program: &Program<'_>,
        text: &Text,
        (LineHeads(mut heads), frames): (LineHeads, Frames),
    ) -> Result<Outline, Diagnostic> {
        let &Scan { version, units: ref scans, .. } = scan;
        let Draft { mut types, mut units } = self;
        let Frames { records, mut ranges } = frames;
        let symbols = types.symbols;
        for unit in &mut units {
            unit.ranges = std::mem::take(&mut ranges[unit.object.index()]);
        }
        units::sort(&mut units, program);
        let described = described_by_variables(&units, symbols);
        for info in described {
            types.describe(info)?;
        }
        let scan = |unit: &Unit| &scans[unit.object.index()];
        let portion = |_: &mut (), unit: &Unit| units::portion(unit, scan(unit), symbols, program, version);
        let mut portions = largest_first(&units, |unit| scan(unit).functions.len(), || (), portion);
        for (unit, portion) in units.iter().zip(&mut portions) {
            portion.line_head = std::mem::take(&mut heads[unit.object.index()]);
        }
        let gdb_script = gdb_script(&units, symbols, program);
        let first_functions = text.units.iter().map(|unit| unit.first().copied().unwrap_or_default()).collect();
        let assembly = Assembly::new(version, Registers::of(program.architecture), types, first_functions);
        Ok(Outline { assembly, units, portions, records, gdb_script })
    }
}

impl Outline {
    /// Plans the debug information, one unit after the other: each has its place behind the one before.
    ///
    /// # Errors
    /// A section of 4 GiB or more.
    pub fn plan(self) -> Result<Dwarf, Diagnostic> {
        let Outline { assembly, units, portions, records, gdb_script } = self;
        assembly.finish(&units, portions, records, gdb_script)
    }
}

impl Dwarf {
    /// The sections in the order of the file.
    pub fn sections(&self) -> &[DebugSection] {
        &self.sections
    }

    /// Where in its section a piece lies.
    pub fn piece_range(&self, section: usize, piece: usize) -> Range<u64> {
        self.contents[section].range(piece)
    }

    /// Makes the bytes of a piece: `out` has exactly as many as [`Dwarf::piece_range`] tells, and all are overwritten.
    ///
    /// # Errors
    /// Damaged objects.
    pub fn fill(
        &self,
        section: usize,
        piece: usize,
        symbols: &Symbols<'_>,
        addresses: &Addresses,
        out: &mut [u8],
    ) -> Result<(), Diagnostic> {
        let items = self.contents[section].items(piece);
        let mut next = items.clone();
        for (index, (source, range)) in items.enumerate() {
            if index % ahead::BATCH == 0 {
                ahead::look(symbols, next.by_ref().take(ahead::BATCH).filter_map(|(source, _)| source.copied()));
            }
            let Some(out) = out.get_mut(range) else { return Err(wrong_size(self.sections[section].name)) };
            if let Source::Copy(symbol) = source {
                self.copy(symbol, symbols, addresses, out)?;
                continue;
            }
            if let Source::Frames(position) = source {
                let put = self.frames[position as usize].put(|function| addresses.of(function), out);
                put.ok_or_else(|| wrong_size(self.sections[section].name))?;
                continue;
            }
            let mut out = Fixed::new(out);
            match source {
                Source::Known(position) => out.bytes(&self.known[position as usize]),
                Source::Entry(id) => {
                    let places = Filling { offsets: &self.entry_offsets, addresses };
                    self.entries.put(id, &places, &mut out);
                }
                Source::Head(position) => self.units[position as usize].put_head(addresses, &mut out),
                Source::Addresses(position) => {
                    for &function in &self.units[position as usize].addresses {
                        out.u64(addresses.of(function));
                    }
                }
                Source::Copy(_) | Source::Frames(_) => {}
            }
            if !out.is_full() {
                return Err(wrong_size(self.sections[section].name));
            }
        }
        Ok(())
    }
}

fn wrong_size(section: &str) -> Diagnostic {
    Diagnostic::error("internal", format!("a part of {section} has another size than was planned"))
        .help("report this, and link with -w meanwhile")
}

impl PlannedUnit {
    fn put_head(&self, addresses: &Addresses, out: &mut Fixed<'_>) {
        let (Head { bytes, low_pc_at, .. }, address) = (&self.head, addresses.of(self.first));
        if self.first.is_none() {
            return out.bytes(bytes);
        }
        out.bytes(&bytes[..*low_pc_at]);
        out.u64(address);
        out.bytes(&bytes[low_pc_at + 8..]);
    }
}

/// Where entries refer to, once everything has its place.
struct Filling<'a> {
    offsets: &'a [u32],
    addresses: &'a Addresses,
}

impl Places for Filling<'_> {
    fn of_entry(&self, id: EntryId) -> u32 {
        self.offsets[id.index()]
    }

    fn of_type(&self, symbol: GoSymbol) -> u64 {
        copy::offset_in_section(self.addresses, symbol)
    }
}

/// What the entries of variables refer to: their types were made, but under the names of the types.
fn described_by_variables(units: &[Unit], symbols: &Symbols<'_>) -> Vec<GoSymbol> {
    let variables = units.par_iter().flat_map_iter(|unit| &unit.variables);
    let relocations = variables.flat_map_iter(|&variable| symbols.relocations(variable));
    let to_entries = relocations.filter(|relocation| relocation.kind == RelocationKind::DwarfSectionReference);
    to_entries.filter_map(|relocation| relocation.target.some()).collect()
}

/// The script for pretty-printing that lies beside the runtime's sources.
fn gdb_script(units: &[Unit], symbols: &Symbols<'_>, program: &Program<'_>) -> Option<Vec<u8>> {
    const SOURCE: &[u8] = b"runtime/proc.go";
    let is_runtime = |unit: &&Unit| program.packages[unit.package.index()].path == "runtime";
    let with_code = units.iter().filter(is_runtime).filter(|unit| !unit.first.is_none());
    with_code.flat_map(|unit| units::files(unit.object, symbols, program)).find_map(|file| {
        let at = memchr::memmem::find(&file, SOURCE)?;
        Some([&file[..at], b"runtime/runtime-gdb.py"].concat())
    })
}

/// The sections while they grow.
struct Assembly {
    version: Version,
    known: Vec<Vec<u8>>,
    line: Run,
    frame: Run,
    info: Run,
    locations: Run,
    ranges: Run,
    addresses: Run,
    registers: Registers,
    entries: Entries,
    /// Bytes of each entry.
    sizes: Vec<u32>,
    entry_offsets: Vec<u32>,
    of: Column,
    /// The offset in its section of what describes a symbol; of a function the number in its unit.
    places: Column,
    units: Vec<PlannedUnit>,
    first_functions: Vec<GoSymbol>,
}

impl Assembly {
    fn new(version: Version, registers: Registers, types: Types<'_, '_>, first_functions: Vec<GoSymbol>) -> Self {
        let Types { symbols, entries, of, .. } = types;
        let size = |index: usize| {
            let mut count = Count::default();
            entries.put(EntryId::at(index), &Unplaced, &mut count);
            count.0 as u32
        };
        Assembly {
            version,
            known: Vec::new(),
            line: Run::default(),
            frame: Run::default(),
            info: Run::default(),
            locations: Run::default(),
            ranges: Run::default(),
            addresses: Run::default(),
            registers,
            sizes: (0..entries.all.len()).into_par_iter().map(size).collect(),
            entry_offsets: Vec::with_capacity(entries.all.len()),
            entries,
            places: Column::of(symbols),
            of,
            units: Vec::new(),
            first_functions,
        }
    }

    fn finish(
        mut self,
        units: &[Unit],
        portions: Vec<Portion>,
        frames: Vec<Records>,
        gdb_script: Option<Vec<u8>>,
    ) -> Result<Dwarf, Diagnostic> {
        let (ranges, locations) = self.put_heads(&portions);
        self.reserve(&portions);
        for (unit, portion) in units.iter().zip(portions) {
            self.put_unit(unit, portion);
        }
        let common = self.registers.common();
        self.frame = Run::from_iter([self.put_known(common)]);
        for (position, records) in (0..).zip(&frames) {
            self.frame.push(Source::Frames(position), records.size());
        }
        for (symbol, position) in self.of.iter() {
            if let Some(&offset) = self.entry_offsets.get(position as usize) {
                self.places.set(symbol, offset);
            }
        }
        let abbreviations = Run::from_iter([self.put_known(abbreviations::section(self.version))]);
        let script = gdb_script.map(|script| {
            let mut out = Growing::default();
            out.u8(1); // a file in Python
            out.string(&script);
            Run::from_iter([self.put_known(out.bytes)])
        });
        let mut runs = vec![(".debug_abbrev", abbreviations), (".debug_line", self.line), (".debug_frame", self.frame)];
        runs.extend(script.map(|script| (".debug_gdb_scripts", script)));
        runs.push((".debug_info", self.info));
        if self.version == Version::Five || !self.locations.items.is_empty() {
            runs.push((locations, self.locations));
        }
        runs.push((ranges, self.ranges));
        if self.version == Version::Five {
            runs.push((".debug_addr", self.addresses));
        }
        let mut dwarf = Dwarf {
            sections: Vec::with_capacity(runs.len()),
            contents: Vec::with_capacity(runs.len()),
            known: self.known,
            frames,
            units: self.units,
            entries: self.entries,
            entry_offsets: self.entry_offsets,
            places: self.places,
            first_functions: self.first_functions,
        };
        for (name, run) in runs {
            let contents = Contents::new(name, run)?;
            dwarf.sections.push(DebugSection { name, size: contents.size(), pieces: contents.pieces() });
            dwarf.contents.push(contents);
        }
        Ok(dwarf)
    }

    /// Makes room for what units bring: lists that grow are copied again and again.
    fn reserve(&mut self, portions: &[Portion]) {
        let sum =
            |part: fn(&Portion) -> &Run| portions.iter().map(|portion| part(portion).items.len() + 1).sum::<usize>();
        self.line.items.reserve_exact(sum(|portion| &portion.lines));
        self.ranges.items.reserve_exact(sum(|portion| &portion.ranges));
        self.locations.items.reserve_exact(sum(|portion| &portion.locations));
        self.info.items.reserve_exact(sum(|portion| &portion.info) + portions.len() + self.sizes.len());
    }

    /// Keeps some bytes.
    fn put_known(&mut self, bytes: Vec<u8>) -> (Source, u64) {
        let size = bytes.len() as u64;
        self.known.push(bytes);
        (Source::Known(self.known.len() as u32 - 1), size)
    }

    /// In version 5 some sections start with a header (DWARF 5, 7.27 to 7.29). Returns the names of the sections of ranges
    /// and of locations.
    fn put_heads(&mut self, portions: &[Portion]) -> (&'static str, &'static str) {
        if self.version == Version::Four {
            return (".debug_ranges", ".debug_loc");
        }
        let sum = |part: fn(&Portion) -> u64| portions.iter().map(part).sum::<u64>();
        let ranges = sum(|portion| portion.range_head.len() as u64 + portion.ranges.size);
        let locations = sum(|portion| portion.locations.size);
        let addresses = sum(|portion| 8 * portion.addresses.len() as u64);
        let mut head = |rest: u64, has_offsets: bool| {
            let mut out = Growing::default();
            let after = if has_offsets { 8 } else { 4 };
            out.u32((rest + after) as u32);
            out.bytes(&[5, 0, 8, 0]);
            if has_offsets {
                out.u32(0);
            }
            Run::from_iter([self.put_known(out.bytes)])
        };
        (self.ranges, self.locations, self.addresses) =
            (head(ranges, true), head(locations, true), head(addresses, false));
        (".debug_rnglists", ".debug_loclists")
    }

    fn put_unit(&mut self, unit: &Unit, portion: Portion) {
        let position = self.units.len() as u32;
        let Portion { line_head, lines, mut head, info, locations, range_head, ranges, addresses } = portion;
        let (source, size) = self.put_known(line_head);
        let line_at = self.line.push(source, size);
        self.line.append(lines);
        let (source, size) = self.put_known(range_head);
        let range_at = self.ranges.push(source, size);
        place(&mut self.ranges, ranges, &mut self.places);
        place(&mut self.locations, locations, &mut self.places);
        let address_at = self.addresses.push(Source::Addresses(position), 8 * addresses.len() as u64);
        for (number, &function) in addresses.iter().enumerate() {
            self.places.set(function, number as u32);
        }
        if !head.bytes.is_empty() {
            let start = self.info.size;
            self.info.push(Source::Head(position), head.bytes.len() as u64);
            place(&mut self.info, info, &mut self.places);
            if unit.has_types {
                for (index, &size) in self.sizes.iter().enumerate() {
                    let offset = self.info.push(Source::Entry(EntryId::at(index)), u64::from(size));
                    self.entry_offsets.push(offset);
                }
            }
            let (source, size) = self.put_known(vec![0]);
            self.info.push(source, size);
            set_u32(&mut head.bytes, 0, (self.info.size - start - 4) as u32);
            if !unit.first.is_none() {
                set_u32(&mut head.bytes, head.lines_at, line_at);
                set_u32(&mut head.bytes, head.ranges_at, range_at);
                if self.version == Version::Five {
                    set_u32(&mut head.bytes, head.addresses_at, address_at);
                }
            }
        }
        self.units.push(PlannedUnit { head, first: unit.first, addresses });
    }
}

fn set_u32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// Appends a run, and notes where the symbols are that it is copied from.
fn place(to: &mut Run, run: Run, places: &mut Column) {
    let first = to.items.len();
    to.append(run);
    for item in &to.items[first..] {
        if let Source::Copy(symbol) = item.source {
            places.set(symbol, item.offset);
        }
    }
}

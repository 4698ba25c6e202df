//! Which unit and entry a byte of a debug section belongs to, and line programs compared by their rows.

use gimli::{
    AttributeSpecification, AttributeValue, BaseAddresses, CieOrFde, DebugFrame, DwTag, Dwarf, EndianSlice, EntriesRaw,
    LineRow, LittleEndian, SectionId, Unit, UnwindSection, constants,
};

use super::findings::{Findings, text};
use super::lists::{self, Names};
use super::locate::Locator;

type Slice<'a> = EndianSlice<'a, LittleEndian>;
type Value<'a> = AttributeValue<Slice<'a>>;

/// The debug information of one file.
pub struct Debug<'a> {
    dwarf: Dwarf<Slice<'a>>,
    units: Vec<NamedUnit<'a>>,
    address_size: u8,
}

struct NamedUnit<'a> {
    name: &'a [u8],
    /// Where it starts and ends in `.debug_info`.
    start: usize,
    end: usize,
    unit: Unit<Slice<'a>>,
}

/// Compares the lists of units, if any of the sections differ.
pub fn compare_units(sides: &[Locator<'_>; 2], findings: &mut Findings) {
    let [a, b] = sides.each_ref().map(|side| side.plain(".debug_info"));
    if a == b || a.is_empty() || b.is_empty() {
        return;
    }
    let debug = sides.each_ref().map(Debug::of);
    let [a, b] = debug.each_ref().map(|debug| {
        let units = debug.units.iter().map(|unit| (unit.name, (unit.end - unit.start) as u64));
        units.collect::<Vec<_>>()
    });
    lists::compare(Names { section: "DWARF units", entries: "units", number: "size" }, &a, &b, findings);
}

/// Compares the rows of line programs of units with the same name; the first difference of each.
pub fn compare_lines(a: &Debug<'_>, b: &Debug<'_>, findings: &mut Findings) {
    for (one, other) in a.units.iter().zip(&b.units).filter(|(one, other)| one.name == other.name) {
        if !findings.has_room("DWARF lines") {
            return;
        }
        let (rows, others) = (one.rows(a), other.rows(b));
        if let Some(at) = (0..rows.len().max(others.len())).find(|at| rows.get(*at) != others.get(*at)) {
            let say = |rows: &[String]| rows.get(at).cloned().unwrap_or_else(|| format!("only {} rows", rows.len()));
            findings.add("DWARF lines", format!("unit {}, row {at}", text(one.name)), say(&rows), say(&others));
        }
    }
}

impl<'a> Debug<'a> {
    /// Reads the units' headers. What is damaged is left out.
    pub fn of(side: &'a Locator<'_>) -> Self {
        let load = |id: SectionId| Ok::<_, gimli::Error>(EndianSlice::new(side.plain(id.name()), LittleEndian));
        let mut debug = Debug { dwarf: Dwarf::load(load).unwrap_or_default(), units: Vec::new(), address_size: 8 };
        let mut headers = debug.dwarf.units();
        while let Ok(Some(header)) = headers.next() {
            let Some(start) = header.debug_info_offset() else { break };
            let end = start.0.saturating_add(header.length_including_self());
            let Ok(unit) = debug.dwarf.unit(header) else { continue };
            let name = unit.name.map_or(&b"?"[..], |name| name.slice());
            debug.address_size = unit.encoding().address_size;
            debug.units.push(NamedUnit { name, start: start.0, end, unit });
        }
        debug
    }

    /// What a byte of a debug section belongs to.
    pub fn explain(&self, section: &str, offset: usize, side: &Locator<'_>) -> String {
        let found = match section {
            ".debug_info" => self.entry(offset),
            ".debug_frame" => self.frame(offset, side),
            ".debug_line" => self.user(offset, "unit", &|value| match value {
                AttributeValue::DebugLineRef(at) => Some(at.0),
                _ => None,
            }),
            ".debug_loclists" | ".debug_loc" => self.user(offset, "locations", &|value| match value {
                AttributeValue::LocationListsRef(at) => Some(at.0),
                AttributeValue::DebugLocListsBase(at) => Some(at.0),
                _ => None,
            }),
            ".debug_rnglists" | ".debug_ranges" => self.user(offset, "ranges", &|value| match value {
                AttributeValue::RangeListsRef(at) => Some(at.0),
                AttributeValue::DebugRngListsBase(at) => Some(at.0),
                _ => None,
            }),
            ".debug_addr" => self.user(offset, "addresses", &|value| match value {
                AttributeValue::DebugAddrBase(at) => Some(at.0),
                _ => None,
            }),
            _ => None,
        };
        found.unwrap_or_default()
    }

    /// The entry of `.debug_info` at an offset, and the attribute in it.
    fn entry(&self, offset: usize) -> Option<String> {
        let unit = self.units.iter().find(|unit| (unit.start..unit.end).contains(&offset))?;
        let mut found = String::new();
        unit.walk(&mut |entry| {
            let at = entry.start;
            if at > offset {
                return false;
            }
            if offset < entry.end {
                let attribute = entry.attributes.iter().find(|(start, end, ..)| (*start..*end).contains(&offset));
                let attribute = attribute.map_or_else(
                    || "abbreviation code".to_owned(),
                    |(.., spec, value)| format!("{} {}", spec.name(), self.value(value)),
                );
                found = format!("unit {}, {} {}: {attribute}", text(unit.name), entry.tag, entry.path());
            }
            true
        });
        if found.is_empty() { Some(format!("unit {}", text(unit.name))) } else { Some(found) }
    }

    /// A value, as far as it refers to something with a name.
    fn value(&self, value: &Value<'_>) -> String {
        match value {
            AttributeValue::DebugInfoRef(target) => {
                let entry = self.entry(target.0).unwrap_or_else(|| "nothing".to_owned());
                format!("refers to {:#x}: {entry}", target.0)
            }
            AttributeValue::String(name) => format!("'{}'", text(name.slice())),
            AttributeValue::Exprloc(_) | AttributeValue::Block(_) => String::new(),
            other => format!("{other:?}"),
        }
    }

    /// The entry whose attribute points at an offset of another section, or closest before it.
    fn user(&self, offset: usize, what: &str, target: &dyn Fn(&Value<'_>) -> Option<usize>) -> Option<String> {
        let mut best: Option<(usize, String)> = None;
        for unit in &self.units {
            unit.walk(&mut |entry| {
                for (.., value) in entry.attributes {
                    let Some(at) = target(value).filter(|at| *at <= offset) else { continue };
                    if best.as_ref().is_none_or(|(before, _)| *before < at) {
                        best = Some((at, format!("{} {}", entry.tag, entry.path())));
                    }
                }
                true
            });
        }
        best.map(|(at, entry)| format!("{what} of {entry}, +{:#x}", offset - at))
    }

    /// The function whose record of `.debug_frame` an offset lies in.
    fn frame(&self, offset: usize, side: &Locator<'_>) -> Option<String> {
        let mut frame = DebugFrame::new(side.plain(".debug_frame"), LittleEndian);
        frame.set_address_size(self.address_size);
        let bases = BaseAddresses::default();
        let mut entries = frame.entries(&bases);
        while let Ok(Some(entry)) = entries.next() {
            let (start, length, fde) = match entry {
                CieOrFde::Cie(cie) => (cie.offset(), cie.entry_len(), None),
                CieOrFde::Fde(fde) => (fde.offset(), fde.entry_len(), Some(fde)),
            };
            if offset >= start.saturating_add(length).saturating_add(4) {
                continue;
            }
            let Some(fde) = fde else { return Some("the CIE".to_owned()) };
            let fde = fde.parse(DebugFrame::cie_from_offset).ok()?;
            return Some(format!("FDE of {}, +{:#x}", side.name(fde.initial_address()), offset.saturating_sub(start)));
        }
        None
    }
}

/// An entry of `.debug_info` that [`NamedUnit::walk`] passes.
struct Passed<'a, 'b> {
    start: usize,
    end: usize,
    tag: DwTag,
    /// Names of the entries around it, and its own; empty where there is none.
    names: &'b [&'a [u8]],
    attributes: &'b [(usize, usize, AttributeSpecification, Value<'a>)],
}

impl Passed<'_, '_> {
    fn path(&self) -> String {
        let named = self.names.iter().filter(|name| !name.is_empty()).map(|name| text(name));
        named.collect::<Vec<_>>().join(" / ")
    }
}

impl<'a> NamedUnit<'a> {
    /// Shows each entry until told to stop.
    fn walk(&self, show: &mut dyn FnMut(&Passed<'a, '_>) -> bool) {
        let Ok(mut entries) = self.unit.entries_raw(None) else { return };
        let mut names: Vec<&'a [u8]> = Vec::new();
        let mut attributes = Vec::new();
        while !entries.is_empty() {
            let (start, depth) = (self.start + entries.next_offset().0, entries.next_depth().max(0) as usize);
            let Ok(abbreviation) = entries.read_abbreviation() else { return };
            let Some(abbreviation) = abbreviation else { continue };
            attributes.clear();
            if self.attributes(&mut entries, abbreviation.attributes(), &mut attributes).is_none() {
                return;
            }
            let name = attributes.iter().find_map(|(_, _, spec, value)| match value {
                AttributeValue::String(name) if spec.name() == constants::DW_AT_name => Some(name.slice()),
                _ => None,
            });
            names.truncate(depth);
            names.resize(depth, b"");
            names.push(name.unwrap_or(b""));
            let end = self.start + entries.next_offset().0;
            if !show(&Passed { start, end, tag: abbreviation.tag(), names: &names, attributes: &attributes }) {
                return;
            }
        }
    }

    fn attributes(
        &self,
        entries: &mut EntriesRaw<'_, Slice<'a>>,
        specs: &[AttributeSpecification],
        into: &mut Vec<(usize, usize, AttributeSpecification, Value<'a>)>,
    ) -> Option<()> {
        for spec in specs {
            let start = self.start + entries.next_offset().0;
            let value = entries.read_attribute(*spec).ok()?.value();
            into.push((start, self.start + entries.next_offset().0, *spec, value));
        }
        Some(())
    }

    /// The rows of its line program as text.
    fn rows(&self, debug: &Debug<'a>) -> Vec<String> {
        let Some(program) = self.unit.line_program.clone() else { return Vec::new() };
        let mut rows = program.rows();
        let mut all = Vec::new();
        while let Ok(Some((header, row))) = rows.next_row() {
            let name = row.file(header).and_then(|file| debug.dwarf.attr_string(&self.unit, file.path_name()).ok());
            all.push(row_text(row, name.map_or(&b"?"[..], |name| name.slice())));
        }
        all
    }
}

fn row_text(row: &LineRow, file: &[u8]) -> String {
    let line = row.line().map_or(0, |line| line.get());
    let marks = [
        (row.is_stmt(), " statement"),
        (row.end_sequence(), " end of sequence"),
        (row.prologue_end(), " prologue end"),
        (row.epilogue_begin(), " epilogue begin"),
    ];
    let marks: String = marks.iter().filter(|(set, _)| *set).map(|(_, mark)| *mark).collect();
    format!("{:#x} {}:{line}{marks}", row.address(), text(file))
}

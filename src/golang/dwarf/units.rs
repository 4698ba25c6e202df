//! Compilation units: which there are, in what order, and what each brings to the sections (Go 1.26 and 1.27,
//! `dwarfGenerateDebugInfo`, `calcCompUnitRanges`, `dwUnitPortion` and `writeUnitInfo` of
//! `cmd/link/internal/ld/dwarf.go`).

use std::borrow::Cow;
use std::cmp::Ordering;
use std::os::unix::ffi::OsStrExt;

use super::abbreviations::{Shape, Version, at};
use super::contents::{Run, Source};
use super::lines;
use super::put::{Growing, Put};
use super::scan::{FunctionParts, Global, Mention, Part, UnitScan};
use super::types::Types;
use crate::diag::Diagnostic;
use crate::golang::layout::{Text, TextPlaces};
use crate::golang::program::Program;
use crate::golang::sort::sort_like_go;
use crate::golang::source_path;
use crate::golang::symbols::{GoSymbol, ObjectId, PackageId, SymbolSet, Symbols, Version as SymbolVersion};
use crate::inputs::goobj::RelocationKind;

/// DW_LANG_Go.
const LANGUAGE: u8 = 0x16;
/// DW_UT_compile.
const UNIT_TYPE: u8 = 1;

/// DW_RLE_*.
mod range_entry {
    pub const END: u8 = 0;
    pub const BASE_ADDRESSX: u8 = 1;
    pub const OFFSET_PAIR: u8 = 4;
}

/// Where the code of a unit is, as offsets from its first function; parts of other units may lie in between.
pub(super) type Ranges = Vec<(i64, i64)>;

/// A unit: what one object brings.
#[derive(Debug)]
pub(super) struct Unit {
    /// The object.
    pub object: ObjectId,
    /// Its package.
    pub package: PackageId,
    /// Its first function; none if it has no code.
    pub first: GoSymbol,
    /// Where its code is.
    pub ranges: Ranges,
    /// The constants of the package, in its first unit.
    pub constants: GoSymbol,
    /// Functions that are inlined, and that no unit before described.
    pub abstracts: Vec<GoSymbol>,
    /// Its variables.
    pub variables: Vec<GoSymbol>,
    /// Whether the types of the whole program are here.
    pub has_types: bool,
}

/// All units in the order of packages, after the types that they mention were made.
pub(super) fn collect(
    types: &mut Types<'_, '_>,
    program: &Program<'_>,
    text: &Text,
    scans: &[UnitScan],
    globals: &[Global],
) -> Result<Vec<Unit>, Diagnostic> {
    let symbols = types.symbols;
    let mut units: Vec<Unit> = Vec::with_capacity(text.units.len());
    let mut position_of = vec![usize::MAX; symbols.objects.len()];
    let mut described = SymbolSet::new(symbols.count());
    let mut runtime = None;
    for &package in &text.packages {
        let path = &program.packages[package.index()].path;
        let name = [b"go:constinfo.", path.as_bytes()].concat();
        let mut constants = symbols.find(&name, SymbolVersion::Abi0).unwrap_or_default();
        for object in program.packages[package.index()].object_ids() {
            if path == "runtime" {
                runtime = Some(units.len());
            }
            position_of[object.index()] = units.len();
            let mut unit = Unit {
                object,
                package,
                first: text.units[object.index()].first().copied().unwrap_or_default(),
                ranges: Vec::new(),
                constants: std::mem::take(&mut constants),
                abstracts: Vec::new(),
                variables: Vec::new(),
                has_types: false,
            };
            describe_all(types, unit.constants)?;
            for mention in &scans[object.index()].mentions {
                match *mention {
                    Mention::Type(symbol) => _ = types.define(symbol)?,
                    Mention::Described(info) => types.describe(info)?,
                    Mention::Abstract(info) if described.insert(info) => {
                        unit.abstracts.push(info);
                        describe_all(types, info)?;
                    }
                    Mention::Abstract(_) => {}
                }
            }
            units.push(unit);
        }
    }
    for global in globals {
        match *global {
            Global::Variable(gotype, entry, object) => {
                types.define(gotype)?;
                if let Some(unit) = units.get_mut(position_of[object.index()]) {
                    unit.variables.push(entry);
                }
            }
            Global::Dictionary(symbol) => define_all(types, symbol)?,
        }
    }
    if let Some(runtime) = runtime {
        units[runtime].has_types = true;
    }
    Ok(units)
}

/// Makes the types that a constant or an inlined function mentions.
fn describe_all(types: &mut Types<'_, '_>, info: GoSymbol) -> Result<(), Diagnostic> {
    for relocation in types.symbols.relocations(info) {
        if relocation.kind == RelocationKind::DwarfSectionReference && !relocation.target.is_none() {
            types.describe(relocation.target)?;
        }
    }
    Ok(())
}

/// Makes the types that a dictionary lists.
fn define_all(types: &mut Types<'_, '_>, dictionary: GoSymbol) -> Result<(), Diagnostic> {
    for relocation in types.symbols.relocations(dictionary) {
        if relocation.kind == RelocationKind::UseIface {
            types.define(relocation.target)?;
        }
    }
    Ok(())
}

/// Finds out where the code of each object is. `described` are the functions that have debug information, in the
/// order of code.
pub(super) fn ranges(
    symbols: &Symbols<'_>,
    text: &Text,
    places: &TextPlaces,
    described: impl Iterator<Item = GoSymbol>,
) -> Vec<Ranges> {
    let mut all = vec![Ranges::new(); symbols.objects.len()];
    let mut previous = None;
    for function in described {
        let Some(object) = symbols.unit(function) else { continue };
        let first = text.units[object.index()].first().copied().unwrap_or_default();
        let start = places.of(function).wrapping_sub(places.of(first)) as i64;
        let end = start + symbols.data(function).len() as i64;
        let ranges = &mut all[object.index()];
        match ranges.last_mut().filter(|_| previous == Some(object)) {
            Some(last) => last.1 = end,
            None => ranges.push((start, end)),
        }
        previous = Some(object);
    }
    all
}

/// Puts units in the order of the output. Starts are relative to the unit itself, so most units compare equal, and the
/// order is what Go's sort makes of ties.
pub(super) fn sort(units: &mut [Unit], program: &Program<'_>) {
    let path = |unit: &Unit| program.packages[unit.package.index()].path.as_str();
    let compare = |left: &Unit, right: &Unit| match (left.first.is_none(), right.first.is_none()) {
        (true, true) => path(left).cmp(path(right)),
        (false, true) => Ordering::Less,
        (true, false) => Ordering::Greater,
        (false, false) => {
            let start = |unit: &Unit| unit.ranges.first().map_or(0, |range| range.0);
            start(left).cmp(&start(right))
        }
    };
    sort_like_go(units, |left, right| compare(left, right).is_lt());
}

/// What a unit brings to each section.
#[derive(Debug, Default)]
pub(super) struct Portion {
    /// Head of its part of the line table.
    pub line_head: Vec<u8>,
    /// What its functions bring to the line table.
    pub lines: Run,
    /// Head of its entries.
    pub head: Head,
    /// Its entries but types, and without the byte that ends them.
    pub info: Run,
    /// Lists of locations.
    pub locations: Run,
    /// Its own ranges.
    pub range_head: Vec<u8>,
    /// Ranges of its functions.
    pub ranges: Run,
    /// The functions that it refers to by number.
    pub addresses: Vec<GoSymbol>,
}

/// The head of a unit's entries, and where in it things go that are found out later.
#[derive(Clone, Debug, Default)]
pub(super) struct Head {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Offset in the bytes of the offset in the line table.
    pub lines_at: usize,
    /// Of the first function's address.
    pub low_pc_at: usize,
    /// Of the offset of its ranges.
    pub ranges_at: usize,
    /// Of the offset of its addresses; only in version 5.
    pub addresses_at: usize,
}

/// Makes the head of an object's part of the line table.
pub(super) fn line_head(
    object: ObjectId,
    scan: &UnitScan,
    symbols: &Symbols<'_>,
    program: &Program<'_>,
    version: Version,
) -> Vec<u8> {
    let lines: u64 = scan.functions.iter().map(|parts| u64::from(parts.lines.size)).sum();
    lines::head(version, &files(object, symbols, program), lines)
}

/// Makes a unit's portion, but for the head of the line table.
pub(super) fn portion(
    unit: &Unit,
    scan: &UnitScan,
    symbols: &Symbols<'_>,
    program: &Program<'_>,
    version: Version,
) -> Portion {
    let mut portion = Portion::default();
    let copy = |symbol: GoSymbol| (Source::Copy(symbol), symbols.data(symbol).len() as u64);
    let has_code = !unit.first.is_none();
    if has_code {
        let functions = scan.functions.iter();
        let those =
            |part: fn(&FunctionParts) -> Part| functions.clone().map(part).filter_map(copy_part).collect::<Run>();
        portion.lines = those(|parts| parts.lines);
        portion.addresses = scan.addresses.clone();
        portion.range_head = range_head(unit, &mut portion.addresses, version);
        portion.ranges = those(|parts| parts.ranges);
        portion.locations = those(|parts| parts.locations);
    }
    if !has_code && !unit.has_types && unit.variables.is_empty() {
        return portion;
    }
    portion.head = head(unit, symbols, program, version);
    let functions = scan.functions.iter().filter_map(|parts| copy_part(parts.info));
    let behind = unit.constants.some().into_iter().chain(unit.variables.iter().copied());
    portion.info = unit.abstracts.iter().copied().map(copy).chain(functions).chain(behind.map(copy)).collect();
    portion
}

fn copy_part(part: Part) -> Option<(Source, u64)> {
    Some((Source::Copy(part.symbol.some()?), part.size.into()))
}

/// The unit's source files, by their names on the machine that links; none is empty.
pub(super) fn files<'data>(object: ObjectId, symbols: &Symbols<'data>, program: &Program<'_>) -> Vec<Cow<'data, [u8]>> {
    let goroot = program.options.goroot.as_deref().map(OsStrExt::as_bytes);
    let names = symbols.object(object).object.files().enumerate();
    let expand = |(index, name)| match source_path::expand(name, goroot) {
        empty if empty.is_empty() => format!("<missing>_{index}").into_bytes().into(),
        name => name,
    };
    names.map(expand).collect()
}

/// The unit's own ranges. In version 5 they start from its first function, which gets a number if it has none.
fn range_head(unit: &Unit, addresses: &mut Vec<GoSymbol>, version: Version) -> Vec<u8> {
    let mut out = Growing::default();
    match version {
        Version::Five => {
            let known = addresses.iter().position(|&function| function == unit.first);
            let number = known.unwrap_or_else(|| {
                addresses.push(unit.first);
                addresses.len() - 1
            });
            out.u8(range_entry::BASE_ADDRESSX);
            // Four bytes whatever the number: the object format has a relocation of this size.
            for shift in [0, 7, 14, 21] {
                out.u8((number >> shift) as u8 & 0x7f | if shift < 21 { 0x80 } else { 0 });
            }
            for &(start, end) in &unit.ranges {
                out.u8(range_entry::OFFSET_PAIR);
                out.uleb(start as u64);
                out.uleb(end as u64);
            }
            out.u8(range_entry::END);
        }
        Version::Four => {
            for &(start, end) in unit.ranges.iter().chain([&(0, 0)]) {
                out.u64(start as u64);
                out.u64(end as u64);
            }
        }
    }
    out.bytes
}

/// The unit's header and its own entry (DWARF 5, 7.5.1).
fn head(unit: &Unit, symbols: &Symbols<'_>, program: &Program<'_>, version: Version) -> Head {
    let package = &program.packages[unit.package.index()].path;
    let text_of = |prefix: &[u8]| {
        let found = symbols.find(&[prefix, package.as_bytes()].concat(), SymbolVersion::Abi0);
        found.map_or(&b""[..], |symbol| symbols.data(symbol))
    };
    let mut out = Growing::default();
    out.u32(0);
    match version {
        Version::Five => {
            out.u16(5);
            out.bytes(&[UNIT_TYPE, 8]);
            out.u32(0);
        }
        Version::Four => {
            out.u16(4);
            out.u32(0);
            out.u8(8);
        }
    }
    let shape = if unit.first.is_none() { Shape::TextlessUnit } else { Shape::Unit };
    out.uleb(shape as u64);
    let mut head = Head::default();
    for &(attribute, _) in shape.attributes() {
        match attribute {
            at::NAME => out.string(package.as_bytes()),
            at::LANGUAGE => out.u8(LANGUAGE),
            at::STMT_LIST => {
                head.lines_at = out.bytes.len();
                out.u32(0);
            }
            at::LOW_PC => {
                head.low_pc_at = out.bytes.len();
                out.u64(0);
            }
            at::RANGES => {
                head.ranges_at = out.bytes.len();
                out.u32(0);
            }
            at::COMP_DIR => out.string(b"."),
            at::PRODUCER => {
                let flags = text_of(b"go:cuinfo.producer.");
                out.bytes(b"Go cmd/compile ");
                out.bytes(program.version.as_bytes());
                out.bytes(if flags.is_empty() { b"" } else { b"; " });
                out.string(flags);
            }
            at::GO_PACKAGE_NAME => out.string(text_of(b"go:cuinfo.packagename.")),
            _ => {}
        }
    }
    if shape == Shape::Unit && version == Version::Five {
        head.addresses_at = out.bytes.len();
        out.u32(0);
    }
    Head { bytes: out.bytes, ..head }
}

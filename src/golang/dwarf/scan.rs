//! What the debug information of live functions and variables mentions, unit by unit and in parallel (Go 1.26 and 1.27,
//! `dwarfVisitFunction`, `writedebugaddr`, `collectUnitLocs` and the pass over variables of `dwarfGenerateDebugInfo` in
//! `cmd/link/internal/ld/dwarf.go`).
//!
//! Types are made when they are first mentioned. A second mention changes nothing, so each unit's list names each type once,
//! and the lists taken one behind the other make the same types in the same order as all mentions would.

use rayon::prelude::*;

use super::abbreviations::Version as DwarfVersion;
use crate::golang::layout::Text;
use crate::golang::symbols::{GoSymbol, Kind, ObjectId, SymbolSet, Symbols};
use crate::inputs::goobj::records::flag2;
use crate::inputs::goobj::{AuxKind, RelocationKind};
use crate::par::largest_first;

/// What compilers wrote about a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct FunctionParts {
    /// Its entry.
    pub info: Part,
    /// Where its variables are, as far as its entry says that it is told.
    pub locations: Part,
    /// Ranges of its blocks, if it has an entry.
    pub ranges: Part,
    /// Its part of the line table.
    pub lines: Part,
}

/// A symbol, or none, and how many bytes it holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Part {
    pub symbol: GoSymbol,
    pub size: u32,
}

impl Part {
    fn of(symbols: &Symbols<'_>, symbol: GoSymbol) -> Self {
        Part { symbol, size: symbols.data(symbol).len() as u32 }
    }
}

/// Something that an entry mentions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mention {
    /// A type by its own symbol.
    Type(GoSymbol),
    /// A type by the name of its entry.
    Described(GoSymbol),
    /// The entry of a function that is inlined.
    Abstract(GoSymbol),
}

/// What the functions of a unit mention.
#[derive(Clone, Debug, Default)]
pub(super) struct UnitScan {
    /// Its functions, in order.
    pub functions: Vec<FunctionParts>,
    /// What they mention, each once, in order.
    pub mentions: Vec<Mention>,
    /// The functions that entries refer to by number, in order; none in version 4.
    pub addresses: Vec<GoSymbol>,
}

impl UnitScan {
    /// Takes what the unit mentions out of a set, so that the next one starts from nothing.
    fn forget(&self, seen: &mut SymbolSet) {
        self.addresses.iter().for_each(|&function| seen.remove(function));
        for mention in &self.mentions {
            let (Mention::Type(symbol) | Mention::Described(symbol) | Mention::Abstract(symbol)) = *mention;
            seen.remove(symbol);
        }
    }
}

/// Scans the functions of all units.
pub(super) fn functions(symbols: &Symbols<'_>, text: &Text, version: DwarfVersion) -> Vec<UnitScan> {
    let nothing = || SymbolSet::new(symbols.count());
    let scan = |seen: &mut SymbolSet, unit: &Vec<GoSymbol>| {
        let mut scan = scan_unit(symbols, unit, version, seen);
        scan.forget(seen);
        if version == DwarfVersion::Four {
            scan.addresses.clear();
        }
        scan
    };
    largest_first(&text.units, Vec::len, nothing, scan)
}

fn scan_unit(symbols: &Symbols<'_>, unit: &[GoSymbol], version: DwarfVersion, seen: &mut SymbolSet) -> UnitScan {
    const PARTS: [AuxKind; 4] =
        [AuxKind::DwarfInfo, AuxKind::DwarfRanges, AuxKind::DwarfLocations, AuxKind::DwarfLines];
    let (functions, mentions) = (Vec::with_capacity(unit.len()), Vec::with_capacity(unit.len()));
    let mut scan = UnitScan { functions, mentions, ..UnitScan::default() };
    for &function in unit {
        let [info, ranges, locations, lines] = symbols.aux_of_kinds(function, PARTS);
        let told = scan_info(symbols, info, seen, &mut scan);
        if version == DwarfVersion::Five {
            for part in [ranges, locations] {
                scan_addresses(symbols, part, seen, &mut scan.addresses);
            }
        }
        let ranges = if info.is_none() { GoSymbol::NONE } else { ranges };
        let [info, locations, ranges, lines] = [info, told, ranges, lines].map(|symbol| Part::of(symbols, symbol));
        scan.functions.push(FunctionParts { info, locations, ranges, lines });
    }
    scan
}

/// Notes what a function's entry mentions, and finds the list of locations that it refers to.
fn scan_info(symbols: &Symbols<'_>, info: GoSymbol, seen: &mut SymbolSet, scan: &mut UnitScan) -> GoSymbol {
    let mut locations = GoSymbol::NONE;
    symbols.relocations(info).filter(|relocation| !relocation.target.is_none()).for_each(|relocation| {
        let target = relocation.target;
        let mention = match relocation.kind {
            RelocationKind::UseType => Mention::Type(target),
            RelocationKind::DwarfTextAddress(_) => {
                if seen.insert(target) {
                    scan.addresses.push(target);
                }
                return;
            }
            RelocationKind::DwarfSectionReference if target.description().is_some() => {
                if locations.is_none() && symbols.kind(target) == Kind::DwarfLocations {
                    locations = target;
                }
                return;
            }
            // Most were mentioned before: what they are need not be looked up.
            RelocationKind::DwarfSectionReference if seen.contains(target) => return,
            RelocationKind::DwarfSectionReference => match symbols.kind(target) {
                Kind::DwarfAbstractFunction => Mention::Abstract(target),
                Kind::DwarfType | Kind::Undefined => Mention::Described(target),
                Kind::DwarfLocations if locations.is_none() => {
                    locations = target;
                    return;
                }
                _ => return,
            },
            _ => return,
        };
        if seen.insert(target) {
            scan.mentions.push(mention);
        }
    });
    locations
}

fn scan_addresses(symbols: &Symbols<'_>, part: GoSymbol, seen: &mut SymbolSet, addresses: &mut Vec<GoSymbol>) {
    symbols.relocations(part).for_each(|relocation| {
        let is_address = matches!(relocation.kind, RelocationKind::DwarfTextAddress(_));
        if is_address && !relocation.target.is_none() && seen.insert(relocation.target) {
            addresses.push(relocation.target);
        }
    });
}

/// What is not code but has debug information.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Global {
    /// A variable: its type, its entry, its unit.
    Variable(GoSymbol, GoSymbol, ObjectId),
    /// A dictionary of a generic function: what it lists are types.
    Dictionary(GoSymbol),
}

/// The live variables and dictionaries, in the order of symbols.
pub(super) fn globals(symbols: &Symbols<'_>) -> Vec<Global> {
    let of = |index: u32| global(symbols, GoSymbol(index));
    (1..symbols.first_external().0).into_par_iter().with_min_len(4096).filter_map(of).collect()
}

fn global(symbols: &Symbols<'_>, symbol: GoSymbol) -> Option<Global> {
    let kind = symbols.kind(symbol);
    if !has_data(kind) || !symbols.is_reachable(symbol) || symbols.is_hidden(symbol) {
        return None;
    }
    let [gotype, entry] = symbols.aux_of_kinds(symbol, [AuxKind::GoType, AuxKind::DwarfInfo]);
    let found = if !gotype.is_none() {
        Global::Variable(gotype, entry.some()?, symbols.unit(symbol)?)
    } else if kind == Kind::Rodata && !symbols.is_made(symbol) && symbols.has_flag2(symbol, flag2::DICTIONARY) {
        Global::Dictionary(symbol)
    } else {
        return None;
    };
    (!symbols.is_file_local(symbol)).then_some(found)
}

fn has_data(kind: Kind) -> bool {
    use Kind::*;
    kind.is_rodata()
        || kind.is_pointer_data()
        || kind.is_noptr_data()
        || matches!(kind, Type | Bss | NoptrBss | TlsBss | ModuleData)
}

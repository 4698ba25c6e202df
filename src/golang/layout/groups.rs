//! The symbols that mark the bounds of sections, and the groups that read-only data is laid out in (Go 1.26 and 1.27,
//! `symtab` of `cmd/link/internal/ld/symtab.go`).
//!
//! Types, strings, function values and pointer masks lie together, each group behind a symbol that stands for it in
//! `.symtab`. The order in which these symbols are made is part of the output: it breaks ties of the layout.

use super::signs::{Sign, Signs};
use crate::golang::machine::POINTER;
use crate::golang::program::Program;
use crate::golang::symbols::{GoSymbol, Kind, Symbols, attribute};

/// Marks that stand at the bounds of sections, in the order in which they are made.
const BOUNDS: [(&[u8], Kind); 16] = [
    (b"runtime.rodata", Kind::Rodata),
    (b"runtime.erodata", Kind::RodataEnd),
    (b"runtime.types", Kind::Rodata),
    (b"runtime.etypes", Kind::Rodata),
    (b"runtime.noptrdata", Kind::NoptrData),
    (b"runtime.enoptrdata", Kind::NoptrDataEnd),
    (b"runtime.data", Kind::Data),
    (b"runtime.edata", Kind::DataEnd),
    (b"runtime.bss", Kind::Bss),
    (b"runtime.ebss", Kind::Bss),
    (b"runtime.noptrbss", Kind::NoptrBss),
    (b"runtime.enoptrbss", Kind::NoptrBss),
    (b"runtime.covctrs", Kind::NoptrBss),
    (b"runtime.ecovctrs", Kind::NoptrBss),
    (b"runtime.end", Kind::Bss),
    (b"runtime.epclntab", Kind::Rodata),
];

/// Where the mark of the masks that are made at start-up goes among [`BOUNDS`] (Go 1.27).
const MASKS_AT: usize = 12;
/// The group of these masks.
pub(super) const GC_MASKS: &[u8] = b"runtime.gcmask.*";

/// Makes a symbol that is no part of any section's contents: its address is said, not found.
pub(super) fn mark(symbols: &mut Symbols<'_>, name: &[u8], kind: Kind) -> GoSymbol {
    let symbol = symbols.define(name, kind);
    symbols.set(symbol, attribute::SPECIAL | attribute::LOCAL);
    symbol
}

/// Makes the marks and the groups.
pub fn make(symbols: &mut Symbols<'_>, program: &Program<'_>) -> Groups {
    let rules = Groups::of_program(program);
    let Groups { walked, relro } = rules;
    for (at, (name, kind)) in BOUNDS.into_iter().enumerate() {
        if walked && at == MASKS_AT {
            mark(symbols, GC_MASKS, Kind::NoptrBss);
        }
        mark(symbols, name, kind);
    }
    for (name, end) in [(&b"runtime.gcdata"[..], &b"runtime.egcdata"[..]), (b"runtime.gcbss", b"runtime.egcbss")] {
        let masks = symbols.define(name, Kind::Rodata);
        symbols.set(masks, attribute::LOCAL);
        mark(symbols, end, Kind::Rodata);
    }
    carrier(symbols, b"type:*", Kind::Type);
    if relro {
        carrier(symbols, b"typerel.*", Kind::TypeRelro);
    }
    let mut groups = vec![
        (&b"go:string.*"[..], Kind::GoString),
        (b"go:funcdesc", Kind::GoFunc),
        (b"runtime.gcbits.*", Kind::GcBits),
    ];
    if walked {
        groups.push((GC_MASKS, Kind::GcMask));
    }
    if relro {
        groups.push((b"go:funcdescrel", Kind::GoFuncRelro));
    }
    for (name, kind) in groups {
        let group = carrier(symbols, name, kind);
        symbols.set(group, attribute::LOCAL);
    }
    rules
}

fn carrier(symbols: &mut Symbols<'_>, name: &[u8], kind: Kind) -> GoSymbol {
    let symbol = symbols.define(name, kind);
    symbols.edit(symbol).size = 0;
    symbols.set_alignment(symbol, POINTER);
    symbol
}

/// Which group a symbol belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Groups {
    /// [`crate::inputs::goabi::Release::types_are_walked`].
    walked: bool,
    /// Types and function values go where the dynamic linker may write.
    relro: bool,
}

impl Groups {
    /// The rules for a program.
    pub(super) fn of_program(program: &Program<'_>) -> Self {
        let walked = program.release.types_are_walked;
        Groups { walked, relro: program.is_position_independent() && !walked }
    }

    /// The group of a symbol that is part of the program, if it belongs to one.
    pub(super) fn of(self, symbols: &Symbols<'_>, symbol: GoSymbol, signs: &Signs) -> Option<Kind> {
        let sign = || signs.of(symbols, symbol);
        match symbols.kind(symbol) {
            _ if symbols.is(symbol, attribute::SPECIAL) => None,
            Kind::Rodata | Kind::GoFunc => self.by_sign(sign()).or_else(|| self.of_itab(symbols, symbol)),
            Kind::NoptrBss if self.walked && sign().has(Sign::GC_MASK) => Some(Kind::GcMask),
            _ => None,
        }
    }

    /// Whether a symbol is not listed in `.symtab` although it belongs to no group: counters of coverage, and what nobody
    /// outside of its object can name.
    pub(super) fn is_hidden(self, symbols: &Symbols<'_>, symbol: GoSymbol) -> bool {
        symbols.kind(symbol) == Kind::CoverageCounter
            || symbols.is_file_local(symbol)
                && symbols.unit(symbol).is_some_and(|unit| !symbols.object(unit).object.is_from_assembly())
                && !symbols.package_path(symbol).is_empty()
    }

    fn by_sign(self, sign: Sign) -> Option<Kind> {
        let is_mask = sign.has(Sign::GC_BITS) || !self.walked && sign.has(Sign::GC_PROGRAM);
        let kinds = [
            (sign.has(Sign::STRING), Kind::GoString, Kind::GoString),
            (is_mask, Kind::GcBits, Kind::GcBits),
            (sign.has(Sign::FUNCTION), Kind::GoFunc, Kind::GoFuncRelro),
            (sign.has(Sign::TYPE), Kind::Type, Kind::TypeRelro),
        ];
        let (_, kind, relro) = kinds.into_iter().find(|(is_it, ..)| *is_it)?;
        Some(if self.relro { relro } else { kind })
    }

    fn of_itab(self, symbols: &Symbols<'_>, symbol: GoSymbol) -> Option<Kind> {
        (self.walked && symbols.is_itab(symbol)).then_some(Kind::Type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::golink::{BuildMode, GoLink};
    use crate::golang::fixture::{self, Definition};
    use crate::golang::layout::buckets;
    use crate::inputs::goabi::Release;
    use crate::target::Architecture;

    /// The kinds and marks of one symbol of each sort.
    fn groups(version: &str, mode: BuildMode) -> Vec<(Kind, bool)> {
        let options = GoLink::default();
        let mut program = fixture::program(&options, Architecture::X86_64, &[("main", &[])]);
        program.release = Release::of_version(version).expect("a release");
        program.build_mode = mode;
        let rodata = |name| Definition { name, kind: 3, size: 8, ..Definition::default() };
        let objects = [fixture::object(&[
            rodata("go:string.\"x\""),
            rodata("runtime.gcbits.01"),
            rodata("main.f·f"),
            rodata("type:int"),
            rodata("main.table"),
            Definition { abi: u16::MAX, ..rodata("main.local") },
            Definition { kind: 10, ..rodata("type:.gcmask.T") },
        ])];
        let mut symbols = fixture::load(&program, &objects);
        fixture::reach_all(&mut symbols);
        let known: Vec<GoSymbol> = symbols.all().take(7).collect();
        let groups = make(&mut symbols, &program);
        buckets::collect(&mut symbols, program.release, groups, &Signs::default());
        let of = |symbol: &GoSymbol| (symbols.kind(*symbol), symbols.is(*symbol, attribute::NOT_IN_SYMTAB));
        known.iter().map(of).collect()
    }

    #[test]
    fn names_decide_the_group() {
        let tail = |mask, hidden| [(Kind::Rodata, false), (Kind::Rodata, true), (mask, hidden)];
        let kinds = |kinds: [Kind; 4]| kinds.map(|kind| (kind, true)).to_vec();
        let plain = kinds([Kind::GoString, Kind::GcBits, Kind::GoFunc, Kind::Type]);
        let relro = kinds([Kind::GoString, Kind::GcBits, Kind::GoFuncRelro, Kind::TypeRelro]);
        let new = tail(Kind::GcMask, true);
        let old = tail(Kind::NoptrBss, false);
        assert_eq!(groups("go1.26", BuildMode::Exe), [&plain[..], &old].concat());
        assert_eq!(groups("go1.26", BuildMode::Pie), [&relro[..], &old].concat());
        assert_eq!(groups("go1.27", BuildMode::Pie), [&plain[..], &new].concat());
    }

    #[test]
    fn marks_are_made_in_order() {
        let options = GoLink::default();
        let program = fixture::program(&options, Architecture::X86_64, &[("main", &[])]);
        let objects = [fixture::object(&[])];
        let mut symbols = fixture::load(&program, &objects);
        let before = symbols.count();
        make(&mut symbols, &program);
        let made: Vec<_> = symbols.all().skip(before - 1).collect();
        assert_eq!(made.len(), 16 + 4 + 4);
        assert_eq!(symbols.name(made[0]), b"runtime.rodata");
        assert!(symbols.is(made[0], attribute::SPECIAL | attribute::LOCAL | attribute::REACHABLE));
        assert_eq!(symbols.name(made[23]), b"runtime.gcbits.*");
        assert_eq!((symbols.alignment(made[23]), symbols.kind(made[23])), (8, Kind::GcBits));
    }
}

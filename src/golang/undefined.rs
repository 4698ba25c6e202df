//! Symbols that the program needs and nothing defines, all at once and with who needs them (Go 1.26 and 1.27,
//! `cmd/link/internal/ld/data.go` relocsym, `errors.go`).

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::program::Program;
use super::report;
use super::symbols::{GoSymbol, Kind, Symbols, Version};
use crate::diag::{Diagnostic, Diagnostics, Result};

/// What names of descriptions of arguments end in.
const ARGUMENTS: [&[u8]; 2] = [b".args_stackmap", b".arginfo0"];

/// How many places that need a symbol are named.
const NAMED: usize = 5;

/// Checks that everything that is reached is defined; when no stage will define symbols any more.
pub fn check(symbols: &Symbols<'_>, program: &Program<'_>) -> Result<()> {
    let externals = symbols.first_external().0..symbols.count() as u32;
    // Sections that the image may turn out not to have are reserved by name, debug information is made without symbols for
    // its types, and assembly functions need not describe their arguments.
    let is_missing = |symbol: GoSymbol| {
        symbols.is_reachable(symbol)
            && symbols.kind(symbol) == Kind::Undefined
            && !symbols.name(symbol).starts_with(b".")
            && !symbols.name(symbol).starts_with(b"go:info.")
            && !ARGUMENTS.iter().any(|suffix| symbols.name(symbol).ends_with(suffix))
    };
    if !externals.into_par_iter().with_min_len(1 << 10).map(GoSymbol).any(is_missing) {
        return Ok(());
    }
    let needs = |user: GoSymbol| -> Vec<(GoSymbol, Need)> {
        let patched = symbols.relocations(user).filter(|relocation| relocation.size > 0);
        let missing = patched.filter(|relocation| !relocation.target.is_none());
        let missing = missing.filter(|relocation| symbols.kind(relocation.target) == Kind::Undefined);
        missing.map(|relocation| (relocation.target, Need { user, offset: relocation.offset as u32 })).collect()
    };
    let all = (1..symbols.count() as u32).into_par_iter().map(GoSymbol);
    let needed: Vec<(GoSymbol, Need)> = all
        .filter(|symbol| symbols.is_reachable(*symbol) && !symbols.kind(*symbol).is_dwarf())
        .flat_map_iter(needs)
        .collect();
    let mut by_symbol: BTreeMap<GoSymbol, Vec<Need>> = BTreeMap::new();
    for (missing, need) in needed {
        by_symbol.entry(missing).or_default().push(need);
    }
    let errors = by_symbol.into_iter().map(|(missing, needs)| error(symbols, program, missing, needs));
    Diagnostics::check((), errors.collect())
}

/// A place that needs a symbol.
#[derive(Clone, Copy)]
struct Need {
    user: GoSymbol,
    /// Bytes from its start.
    offset: u32,
}

fn error(symbols: &Symbols<'_>, program: &Program<'_>, missing: GoSymbol, mut needs: Vec<Need>) -> Diagnostic {
    needs.dedup_by_key(|need| need.user);
    let first = needs.first().map_or(GoSymbol::NONE, |need| need.user);
    let (what, help) = problem(symbols, missing);
    let message = format!("{}: {what}", symbols.display(first));
    let mut diagnostic = Diagnostic::error("undefined-symbol", message).at(report::origin(symbols, program, first));
    for (at, need) in needs.iter().take(NAMED).enumerate() {
        let place = report::position(symbols, program, need.user, need.offset);
        diagnostic = match (at, place) {
            (0, None) => diagnostic,
            (0, Some(place)) => diagnostic.note(format!("needed at {place}")),
            (_, place) => {
                let place = place.map_or(String::new(), |place| format!(" at {place}"));
                diagnostic.note(format!("also needed by {}{place}", symbols.display(need.user)))
            }
        };
    }
    if needs.len() > NAMED {
        diagnostic = diagnostic.note(format!("and by {} more", needs.len() - NAMED));
    }
    diagnostic.help(help)
}

/// What is wrong, and what most likely helps.
fn problem(symbols: &Symbols<'_>, missing: GoSymbol) -> (String, &'static str) {
    let name = symbols.display(missing);
    let (other, wanted, defined) = match symbols.version(missing) {
        Version::Abi0 => (Version::AbiInternal, "ABI0", "ABIInternal"),
        _ => (Version::Abi0, "ABIInternal", "ABI0"),
    };
    let other = symbols.find(symbols.name(missing), other);
    if name == "main.main" {
        ("function main is undeclared in the main package".to_owned(), "declare it: func main()")
    } else if other.is_some_and(|other| symbols.kind(other) != Kind::Undefined) {
        let what = format!("relocation target {name} not defined for {wanted} (but is defined for {defined})");
        (what, "declare the function in the Go files of the package whose assembly defines or calls it")
    } else {
        (format!("relocation target {name} not defined"), "define it in Go or assembly, or link the package that does")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::golink::GoLink;
    use crate::golang::fixture::{self, Definition};
    use crate::golang::symbols::attribute;
    use crate::target::Architecture;

    const CALL: u16 = 7;

    /// What is said of a program in which `main.f` and `main.g` call three symbols that nothing defines, if these are reached.
    fn said(reached: bool) -> String {
        let options = GoLink::default();
        let program = fixture::program(&options, Architecture::X86_64, &[("main", &[])]);
        let function = |name, targets: &[u32]| Definition {
            name,
            abi: 1,
            kind: 1,
            size: 16,
            relocations: targets.iter().map(|target| (0, 4, CALL, 0, *target)).collect(),
            ..Definition::default()
        };
        let missing = |name, abi| Definition { name, abi, is_reference: true, ..Definition::default() };
        let all = [
            function("main.f", &[3, 4, 5]),
            function("main.g", &[4, 4]),
            function("main.h", &[]),
            missing("main.main", 1),
            missing("main.x", 1),
            missing("main.h", 0),
        ];
        let objects = [fixture::object(&all)];
        let mut symbols = fixture::load(&program, &objects);
        for symbol in symbols.all() {
            if reached || symbol < symbols.first_external() {
                symbols.set(symbol, attribute::REACHABLE);
            }
        }
        check(&symbols, &program).err().map_or(String::new(), |errors| errors.to_string())
    }

    #[test]
    fn all_missing_symbols_are_told_with_who_needs_them() {
        let text = said(true);
        for want in [
            "main.f: function main is undeclared in the main package",
            "main.f: relocation target main.x not defined\n  note: also needed by main.g\n",
            "main.f: relocation target main.h not defined for ABI0 (but is defined for ABIInternal)",
        ] {
            assert!(text.contains(want), "{want} in {text}");
        }
        assert_eq!(text.matches("error:").count(), 3);
    }

    #[test]
    fn what_is_not_reached_need_not_exist() {
        assert_eq!(said(false), "");
    }
}

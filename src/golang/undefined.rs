//! Symbols that the program needs and nothing defines, all at once and with who needs them (Go 1.26 and 1.27,
//! `cmd/link/internal/ld/data.go` relocsym, `errors.go`).

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::kind::Kind;
use super::program::Program;
use super::report;
use super::symbols::{GoSymbol, Symbols, Version};
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
    if !externals.map(GoSymbol).any(is_missing) {
        return Ok(());
    }
    let needs = |symbol: &GoSymbol| -> Vec<(GoSymbol, GoSymbol)> {
        let patched = symbols.relocations(*symbol).filter(|relocation| relocation.size > 0);
        let missing = patched.map(|relocation| relocation.target).filter(|target| !target.is_none());
        missing.filter(|target| symbols.kind(*target) == Kind::Undefined).map(|target| (target, *symbol)).collect()
    };
    let all = (1..symbols.count() as u32).into_par_iter().map(GoSymbol);
    let needed: Vec<(GoSymbol, GoSymbol)> = all
        .filter(|symbol| symbols.is_reachable(*symbol) && !symbols.kind(*symbol).is_dwarf())
        .flat_map_iter(|symbol| needs(&symbol))
        .collect();
    let mut by_symbol: BTreeMap<GoSymbol, Vec<GoSymbol>> = BTreeMap::new();
    for (missing, user) in needed {
        by_symbol.entry(missing).or_default().push(user);
    }
    let errors = by_symbol.into_iter().map(|(missing, users)| error(symbols, program, missing, users));
    Diagnostics::check((), errors.collect())
}

fn error(symbols: &Symbols<'_>, program: &Program<'_>, missing: GoSymbol, mut users: Vec<GoSymbol>) -> Diagnostic {
    users.dedup();
    let first = users.first().copied().unwrap_or_default();
    let (what, help) = problem(symbols, missing);
    let message = format!("{}: {what}", symbols.display(first));
    let mut diagnostic = Diagnostic::error("undefined-symbol", message).at(report::origin(symbols, program, first));
    for user in users.iter().skip(1).take(NAMED - 1) {
        diagnostic = diagnostic.note(format!("also needed by {}", symbols.display(*user)));
    }
    if users.len() > NAMED {
        diagnostic = diagnostic.note(format!("and by {} more", users.len() - NAMED));
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

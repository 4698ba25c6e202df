//! Symbols as errors name them: with the package and the file they come from.

use super::program::Program;
use super::symbols::{GoSymbol, Symbols};
use crate::diag::{Diagnostic, Origin};

/// Where a symbol comes from.
pub fn origin(symbols: &Symbols<'_>, program: &Program<'_>, symbol: GoSymbol) -> Origin {
    let package = symbols.package(symbol).and_then(|package| program.packages.get(package.index()));
    match package {
        Some(package) => Origin { package: Some(package.path.clone()), ..Origin::file(package.file) },
        None => Origin::default(),
    }
}

/// An error about a symbol that no compiler writes like this.
pub fn damaged(symbols: &Symbols<'_>, program: &Program<'_>, symbol: GoSymbol, what: &str) -> Diagnostic {
    Diagnostic::error("bad-go-object", format!("the symbol {} {what}", symbols.display(symbol)))
        .at(origin(symbols, program, symbol))
        .help("build the package again: go clean -cache, then go build")
}

//! Symbols as errors name them: with the package and the file they come from.

use super::pcvalue::PcValues;
use super::program::Program;
use super::symbols::{GoSymbol, Symbols};
use crate::diag::{Diagnostic, Origin};
use crate::inputs::goobj::AuxKind;
use crate::target::Architecture;

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

/// The source line of an instruction of a function, `file:line`, if its object tells.
pub fn position(symbols: &Symbols<'_>, program: &Program<'_>, function: GoSymbol, offset: u32) -> Option<String> {
    let scale = match program.architecture {
        Architecture::X86_64 => 1,
        Architecture::Aarch64 => 4,
    };
    let value = |kind| {
        let table = symbols.aux_contents(function, kind)?;
        PcValues::new(table, scale).find(|span| span.end > offset).map(|span| span.value)
    };
    let file = u32::try_from(value(AuxKind::Pcfile)?).ok()?;
    let file = symbols.object(symbols.unit(function)?).object.file(file)?;
    Some(format!("{}:{}", String::from_utf8_lossy(file), value(AuxKind::Pcline)?))
}

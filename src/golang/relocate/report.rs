//! What a user reads of relocations that failed: undefined targets first of all, each once, with who needs it and what
//! may have been forgotten (Go 1.26 and 1.27, `cmd/link/internal/ld/errors.go`).

use indexmap::IndexMap;

use super::{Fault, Problem};
use crate::diag::{Diagnostic, Origin};
use crate::golang::program::Program;
use crate::golang::symbols::{GoSymbol, Kind, Symbols, Version};
use crate::inputs::goobj::RelocationKind;

/// References to an undefined symbol that are named; the others are counted.
const SHOWN: usize = 3;

/// The diagnostics of all problems of a link.
pub fn report(mut problems: Vec<Problem>, symbols: &Symbols<'_>, program: &Program<'_>) -> Vec<Diagnostic> {
    problems.sort_by_key(|problem| (problem.symbol, problem.relocation.offset));
    let mut undefined: IndexMap<GoSymbol, Vec<GoSymbol>> = IndexMap::new();
    let mut found = Vec::new();
    let mut shared = Vec::new();
    for problem in &problems {
        match problem.fault {
            Fault::Undefined => {
                let references = undefined.entry(problem.relocation.target).or_default();
                if references.last() != Some(&problem.symbol) {
                    references.push(problem.symbol);
                }
            }
            Fault::SharedCode => shared.push(problem),
            _ => found.push(explain(problem, symbols, program)),
        }
    }
    // Where there is one, there are hundreds.
    if let Some((first, others)) = shared.split_first() {
        let told = explain(first, symbols, program);
        found.push(if others.is_empty() { told } else { told.note(format!("and {} more like it", others.len())) });
    }
    found.extend(undefined.iter().map(|(target, references)| missing(*target, references, symbols, program)));
    found
}

/// The archive and package that a symbol comes from.
fn origin(symbol: GoSymbol, symbols: &Symbols<'_>, program: &Program<'_>) -> Origin {
    let package = symbols.package(symbol).and_then(|id| program.packages.get(id.index()));
    package.map_or_else(Origin::default, |package| Origin {
        package: Some(package.path.clone()),
        ..Origin::file(package.file)
    })
}

fn missing(target: GoSymbol, references: &[GoSymbol], symbols: &Symbols<'_>, program: &Program<'_>) -> Diagnostic {
    let name = symbols.display(target);
    let from = references.first().copied().unwrap_or_default();
    let other = other_abi(target, symbols);
    let message = match other {
        _ if name == "main.main" => "function main is undeclared in the main package".to_owned(),
        Some(have) => format!(
            "relocation target {name} not defined for {} (but is defined for {have})",
            abi_name(symbols.version(target))
        ),
        None => format!("relocation target {name} not defined"),
    };
    let mut diagnostic = Diagnostic::error("undefined-symbol", message).at(origin(from, symbols, program));
    for &reference in references.iter().take(SHOWN) {
        let package = symbols.package_path(reference);
        diagnostic = diagnostic.note(format!("needed by {} (package {package})", symbols.display(reference)));
    }
    if references.len() > SHOWN {
        diagnostic = diagnostic.note(format!("and by {} more", references.len() - SHOWN));
    }
    match hint(&name, other.is_some(), symbols.package_path(from), program) {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

/// The calling convention for which a symbol of the name is defined.
fn other_abi(target: GoSymbol, symbols: &Symbols<'_>) -> Option<&'static str> {
    let other = match symbols.version(target) {
        Version::Abi0 => Version::AbiInternal,
        Version::AbiInternal => Version::Abi0,
        Version::Static => return None,
    };
    let found = symbols.find(symbols.name(target), other)?;
    (symbols.kind(found) != Kind::Undefined).then(|| abi_name(other))
}

const fn abi_name(version: Version) -> &'static str {
    match version {
        Version::AbiInternal => "ABIInternal",
        Version::Abi0 | Version::Static => "ABI0",
    }
}

/// What may have been forgotten.
fn hint(name: &str, has_other_abi: bool, from: &str, program: &Program<'_>) -> Option<String> {
    if name == "main.main" {
        return Some("declare func main in package main".to_owned());
    }
    if has_other_abi {
        return Some(
            "let assembly and Go refer to it by one calling convention: assembly defines ABI0 symbols".to_owned(),
        );
    }
    // The package is what stands before the first dot after the last slash.
    let slash = name.rfind('/').map_or(0, |at| at + 1);
    let package = &name[..slash + name[slash..].find('.')?];
    let is_loaded = |package: &str| program.packages.iter().any(|loaded| loaded.path == package);
    if package == from {
        return Some(format!("{name} has no body: add the assembly file that defines it to package {package}"));
    }
    if is_loaded(package) {
        return Some(format!("rebuild package {from}: package {package} has changed since, or {name} has no body"));
    }
    Some(format!("list package {package} in the importcfg: it is not part of the link"))
}

fn explain(problem: &Problem, symbols: &Symbols<'_>, program: &Program<'_>) -> Diagnostic {
    let relocation = &problem.relocation;
    let target = match relocation.target.some() {
        Some(target) => format!("to {}", symbols.display(target)),
        None => "without a target".to_owned(),
    };
    let what = format!(
        "relocation {} {target} at {}+{:#x}",
        kind_name(relocation.kind),
        symbols.display(problem.symbol),
        relocation.offset
    );
    let (code, message) = match problem.fault {
        Fault::Undefined => ("undefined-symbol", format!("{what}: it is not defined")),
        Fault::Unreachable => ("internal-error", format!("{what}: the target was dropped")),
        Fault::NoTarget => ("bad-object", format!("{what}: it needs one")),
        Fault::NoSection => ("bad-object", format!("{what}: the target is in no section")),
        Fault::Outside => ("bad-object", format!("{what} lies outside of the symbol")),
        Fault::BadSize => ("bad-object", format!("{what} patches {} bytes", relocation.size)),
        Fault::TooFar(value) => ("relocation-overflow", format!("{what} does not reach: its value is {value:#x}")),
        Fault::Misaligned(value, multiple) => {
            ("relocation-overflow", format!("{what}: {value:#x} is no multiple of {multiple}"))
        }
        Fault::Instruction(word) => ("bad-object", format!("{what} does not fit the instruction {word:#x}")),
        Fault::PositionDependent => {
            ("absolute-code", format!("{what}: the program may be loaded anywhere, and code is not relocated"))
        }
        Fault::SharedCode => {
            ("shared-code", format!("{what}: the package is compiled with -shared or -dynlink, for another build mode"))
        }
        Fault::Unsupported => ("unsupported-relocation", format!("{what} is not supported")),
    };
    let diagnostic = Diagnostic::error(code, message).at(origin(problem.symbol, symbols, program));
    match problem.fault {
        Fault::TooFar(_) => diagnostic.help("the program is too large for its code model: make its data smaller"),
        Fault::PositionDependent => diagnostic.help("link with -buildmode=exe, or load the address relative to the PC"),
        Fault::SharedCode => {
            diagnostic.help("build the packages without such flags of the compiler, or link with -buildmode=pie")
        }
        Fault::Unreachable => diagnostic.help("report this as a bug of cgolink"),
        _ => diagnostic.help("rebuild the package: its object is damaged or from another toolchain"),
    }
}

/// Go's name of a relocation kind, where the Debug form is not one.
fn kind_name(kind: RelocationKind) -> String {
    match kind {
        RelocationKind::Address => "R_ADDR".to_owned(),
        RelocationKind::AddressArm64 => "R_ADDRARM64".to_owned(),
        RelocationKind::AddressOffset => "R_ADDROFF".to_owned(),
        RelocationKind::Call => "R_CALL".to_owned(),
        RelocationKind::CallArm64 => "R_CALLARM64".to_owned(),
        RelocationKind::PcRelative => "R_PCREL".to_owned(),
        RelocationKind::MethodOffset => "R_METHODOFF".to_owned(),
        RelocationKind::TlsLe => "R_TLS_LE".to_owned(),
        RelocationKind::TlsIe => "R_TLS_IE".to_owned(),
        RelocationKind::Other(raw) => format!("of type {raw}"),
        other => format!("of kind {other:?}"),
    }
}

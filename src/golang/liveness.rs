//! What is part of the program: what can be reached from its entry point, with methods that no reachable call can name left
//! out (Go 1.26 and 1.27, `cmd/link/internal/ld/deadcode.go`).
//!
//! A method is named by its receiver's type descriptor, in three relocations that do not keep it alive. It lives if the
//! type may become an interface's value, and
//! * a reachable call goes through an interface that has the method, or
//! * a reachable call names it, whatever the receiver (calls in generic functions, `MethodByName` with a constant), or
//! * it is exported, and something reachable looks methods up by reflection.
//!
//! Go's linker also marks what describes code: debug information, and what tables of functions are made from. That leads nowhere
//! but to more of it, and the stages that copy it start from the code that lives, so it is not visited unless it is to be told of.
//!
//! Every rule only ever adds, so the result is a set that does not depend on the order of visits: workers share the
//! queue, and `-dumpdep`, whose lines have an order, visits the symbols one by one as Go does.

mod flood;
mod marks;
mod serial;
mod signatures;
#[cfg(test)]
mod tests;
mod visit;

use std::io::Write;

use rayon::prelude::*;

use super::program::Program;
use super::report;
use super::symbols::{GoSymbol, Relocation, Symbols, Version, attribute};
use crate::args::golink::BuildMode;
use crate::diag::{Diagnostic, Diagnostics, Result};
use marks::Marks;
use visit::Graph;

/// What lives besides the entry point.
#[derive(Clone, Copy, Debug, Default)]
pub struct Roots<'a> {
    /// `go:main.inittasks`.
    pub init_tasks: Option<GoSymbol>,
    /// What cgo exports dynamically.
    pub exports: &'a [GoSymbol],
}

/// Marks what is part of the program. `trace` gets the lines of `-dumpdep`.
pub fn mark(
    symbols: &mut Symbols<'_>,
    program: &Program<'_>,
    roots: Roots<'_>,
    trace: Option<&mut dyn Write>,
) -> Result<()> {
    let marks = Marks::of(symbols);
    let starts = starts(symbols, program, roots);
    let graph = Graph::new(symbols, program, &marks);
    let initialisers = match trace {
        Some(trace) => serial::walk(&graph, &starts, trace)?,
        None => flood::walk(&graph, &starts)?,
    };
    marks.store(symbols);
    if program.options.prune_weak_maps {
        prune_maps(symbols, program, &initialisers)?;
    }
    Ok(())
}

/// Where the walk starts, in Go's order.
fn starts(symbols: &Symbols<'_>, program: &Program<'_>, roots: Roots<'_>) -> Vec<GoSymbol> {
    // Methods that do not live are replaced by one that says so.
    let names = [entry_name(program), "runtime.unreachableMethod".to_owned()];
    let versions = [Version::Abi0, Version::AbiInternal];
    let named = names.iter().flat_map(|name| versions.map(|version| symbols.find(name.as_bytes(), version)));
    named.flatten().chain(roots.exports.iter().copied()).chain(roots.init_tasks).collect()
}

/// The name of the symbol that the program starts with (`lib.go`, libinit).
pub fn entry_name(program: &Program<'_>) -> String {
    if let Some(entry) = &program.options.entry {
        return entry.clone();
    }
    let machine = program.architecture.goarch();
    match program.build_mode {
        BuildMode::CShared | BuildMode::CArchive => format!("_rt0_{machine}_linux_lib"),
        BuildMode::Exe | BuildMode::Pie => format!("_rt0_{machine}_linux"),
        BuildMode::Shared | BuildMode::Plugin => String::new(),
    }
}

/// Package initialisers call the functions that fill large maps weakly. Where the map is not used the function is not part
/// of the program, and the call goes to one that does nothing.
fn prune_maps(symbols: &mut Symbols<'_>, program: &Program<'_>, initialisers: &[GoSymbol]) -> Result<()> {
    let nothing = symbols.find(b"runtime.mapinitnoop", Version::AbiInternal);
    let is_dropped = |relocation: &Relocation| {
        relocation.weak && relocation.kind.is_direct_call() && !symbols.is_reachable(relocation.target)
    };
    let dropped_by = |&initialiser: &GoSymbol| {
        let relocations = symbols.relocations(initialiser).enumerate();
        let dropped = relocations.filter(|(_, relocation)| is_dropped(relocation));
        let dropped: Vec<(usize, GoSymbol)> = dropped.map(|(index, relocation)| (index, relocation.target)).collect();
        (!dropped.is_empty()).then_some((initialiser, dropped))
    };
    let dropped: Vec<_> = initialisers.par_iter().filter_map(dropped_by).collect();
    let mut errors = Vec::new();
    for (initialiser, dropped) in dropped {
        let Some(nothing) = nothing else {
            errors.push(no_runtime("runtime.mapinitnoop"));
            break;
        };
        let stranger =
            dropped.iter().find(|(_, target)| memchr::memmem::find(symbols.name(*target), b"map.init").is_none());
        if let Some((_, target)) = stranger {
            let what = format!("calls {} weakly, which fills no map", symbols.display(*target));
            errors.push(report::damaged(symbols, program, initialiser, &what));
            continue;
        }
        let relocations = &mut symbols.edit(initialiser).relocations;
        for (index, _) in dropped {
            relocations[index].target = nothing;
        }
        symbols.set(nothing, attribute::REACHABLE);
    }
    Diagnostics::check((), errors)
}

fn no_runtime(name: &str) -> Diagnostic {
    Diagnostic::error("missing-symbol", format!("the program has no {name}, which every Go program needs"))
        .help("link package runtime of the same toolchain")
}

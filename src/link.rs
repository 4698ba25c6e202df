//! The pipeline: each stage takes the value of the one before and returns one that later stages cannot change.
//!
//! ```text
//! inputs::load -> symbols::{extract, resolve} -> liveness::{candidates, mark} -> layout::{scan, got, sections, strings,
//! address, image} -> output::write
//! ```
//!
//! Frozen, one after the other: the files, the names, what lives, the slots, the sections, the addresses.

use std::path::{Path, PathBuf};

use crate::args::request::LinkRequest;
use crate::diag::{Diagnostic, Diagnostics, Origin, Result, io_error};
use crate::ids::SymbolId;
use crate::inputs::libsearch::SearchPath;
use crate::inputs::load::{self, Loaded};
use crate::inputs::store::Store;
use crate::layout::{arrange, living, report};
use crate::output::map_file;
use crate::output::{Output, write};
use crate::par;
use crate::relocation::Machine;
use crate::relocation::aarch64::Aarch64;
use crate::relocation::refusal::OUT_OF_RANGE;
use crate::relocation::x86_64::X86_64;
use crate::script;
use crate::script::ast::{Command, Expression, Script};
use crate::script::symbols::ScriptSymbols;
use crate::symbols::confine::{self, Confined};
use crate::symbols::extract;
use crate::symbols::resolve::{self, Resolution, UNDEFINED};
use crate::symbols::supply::Supply;
use crate::target::Architecture;
use crate::trace::{self, Told};

/// What a link that succeeded has to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Linked {
    /// What deserves a look although the output is complete.
    pub warnings: Vec<Diagnostic>,
}

/// Links what a request asks for, and what `supply` finds for it. What it was asked to tell is added to `told`, also if
/// the link fails.
pub fn run(request: &LinkRequest, supply: &dyn Supply, told: &mut Told) -> Result<Linked> {
    par::with_threads(request.threads, || link(request, supply, told))?
}

/// An instruction that loads an address from the GOT reaches its slot; what it is relaxed to has to reach the target, or hold its
/// address in 32 bits (AMD64 psABI, B.2; AAELF64, "Relaxation"). Where it does not, in images beyond 2 GiB, all of them
/// stay as they are: addresses are known only when everything else is.
fn link(request: &LinkRequest, supply: &dyn Supply, told: &mut Told) -> Result<Linked> {
    let before = told.clone();
    match link_once(request, supply, told) {
        Err(errors) if request.relax && errors.iter().any(|error| error.code == OUT_OF_RANGE) => {
            tracing::info!("addresses do not fit into relaxed instructions: linking again with slots in the GOT");
            *told = before;
            link_once(&LinkRequest { relax: false, ..request.clone() }, supply, told)
        }
        done => done,
    }
}

fn link_once(request: &LinkRequest, supply: &dyn Supply, told: &mut Told) -> Result<Linked> {
    let store = Store::default();
    let own = own_script(request)?;
    let own_inputs = request.script.as_deref().zip(own.as_ref());
    let mut loaded = load::load(request, own_inputs, &store)?;
    let renamed = own.as_ref().and_then(output_of).filter(|_| !request.output_named);
    let renamed = renamed.map(|output| LinkRequest { output, ..request.clone() });
    let request = renamed.as_ref().unwrap_or(request);
    store.check_output(&request.output)?;
    let added = std::mem::take(&mut loaded.directives.commands);
    let script = section_order(request, own, added, loaded.target.architecture)?;
    match loaded.target.architecture {
        Architecture::X86_64 => link_for::<X86_64>(request, supply, &store, loaded, &script, told),
        Architecture::Aarch64 => link_for::<Aarch64>(request, supply, &store, loaded, &script, told),
    }
}

fn link_for<M: Machine>(
    request: &LinkRequest,
    supply: &dyn Supply,
    store: &Store,
    loaded: Loaded<'_>,
    script: &Script,
    told: &mut Told,
) -> Result<Linked> {
    let target = loaded.target;
    let entry = entry_name(request, &loaded, script);
    let roots = needed_names(request, &loaded, script, &entry);
    let script_symbols = ScriptSymbols::collect(script, &request.definitions);
    let versions = confine::version_nodes(request, &loaded.directives.versions, script)?;
    let extraction = extract::extract(request, loaded, &roots, supply, store)?;
    let resolution = resolve::resolve(extraction, &script_symbols, target.architecture)?;
    if request.trace_files {
        told.answers.extend(trace::files(&resolution));
    }
    told.remarks.extend(trace::symbols(&resolution, &request.trace_symbols));
    report::duplicates(&resolution, request.symbol_policy, target)?;
    report::required(&resolution, &request.require_defined)?;
    let mut warnings = Vec::new();
    if request.warn_search_mismatch {
        warnings.extend(report::passed_over(&resolution));
    }
    if request.symbol_policy.warn_common {
        warnings.extend(report::commons::warnings(&resolution));
    }
    let living = living::choose(&resolution, request, &kept_symbols(&resolution, request), script, store)?;
    warnings.extend(report::orphans(&resolution, &living, request.orphans)?);
    told.remarks.extend(trace::unused(&resolution, &living.atoms, &living.unused));
    let arranged = arrange::arrange::<M>(request, target, script, &script_symbols, resolution, living)?;
    let resolution = &arranged.image.resolution;
    let (entry, no_entry) = entry_address(resolution, &arranged.image.values, &entry);
    warnings.extend(no_entry);
    warnings.extend(arranged.warnings);
    if request.symbol_policy.fatal_warnings {
        Diagnostics::check((), warnings.clone()).map_err(Diagnostics::because_warnings_are_fatal)?;
    }
    let confined = Confined::new(resolution, &request.exclude_libs, &versions);
    let is_confined = |file, index| confined.contains(resolution, file, index);
    let output = Output { request, store, entry, property: arranged.property, confined: &is_confined };
    write::write::<M>(&arranged.image, &output)?;
    if let Some(map) = &request.map {
        map_file::write(&arranged.image, map, &request.output)?;
    }
    Ok(Linked { warnings })
}

/// The script of `-T`.
fn own_script(request: &LinkRequest) -> Result<Option<Script>> {
    let Some(path) = &request.script else { return Ok(None) };
    let text = std::fs::read(path).map_err(|error| io_error("read the linker script", path, &error))?;
    let search = SearchPath::new(request);
    script::parse_including(&text, path, &|name, script| search.script_input(name, script)).map(Some)
}

/// `OUTPUT(file)`.
fn output_of(script: &Script) -> Option<PathBuf> {
    script.commands.iter().rev().find_map(|command| match command {
        Command::Output(path) => Some(path.clone()),
        _ => None,
    })
}

/// The script that orders the sections: the user's, or the one that comes with cgolink; with what the scripts among the
/// inputs add.
fn section_order(
    request: &LinkRequest,
    own: Option<Script>,
    added: Vec<Command>,
    architecture: Architecture,
) -> Result<Script> {
    let default = script::embedded::script(architecture, request.segments.separate_code)?;
    let mut script = match own {
        None => default,
        Some(own) => {
            let path = request.script.as_deref().unwrap_or(Path::new(""));
            script::embedded::check_format(&own, architecture).map_err(|error| error.at(Origin::file(path)))?;
            script::complete(own, default)?
        }
    };
    script.commands.extend(added);
    Ok(script::standard::with_linker_symbols(script, request.kind.is_position_independent()))
}

/// The entry symbol: `-e`, else the ENTRY of a script, else `_start`.
fn entry_name(request: &LinkRequest, loaded: &Loaded<'_>, script: &Script) -> String {
    let of_script = script.commands.iter().rev().find_map(|command| match command {
        Command::Entry(name) => Some(name.clone()),
        _ => None,
    });
    let asked = request.entry.clone().or_else(|| loaded.directives.entry.clone()).or(of_script);
    asked.unwrap_or_else(|| "_start".to_owned())
}

/// Names that archive members are taken for although no object may mention them.
fn needed_names(request: &LinkRequest, loaded: &Loaded<'_>, script: &Script, entry: &str) -> Vec<String> {
    let mut names = vec![entry.to_owned()];
    names.extend(request.undefined.iter().cloned());
    names.extend(request.require_defined.iter().cloned());
    names.extend(loaded.directives.undefined.iter().cloned());
    for command in &script.commands {
        if let Command::Extern(symbols) = command {
            names.extend(symbols.iter().cloned());
        }
    }
    for (_, value) in &request.definitions {
        symbols_in(value, &mut names);
    }
    names
}

fn symbols_in(expression: &Expression, names: &mut Vec<String>) {
    match expression {
        Expression::Symbol(name) => names.push(name.clone()),
        Expression::Unary(_, operand) => symbols_in(operand, names),
        Expression::Binary(_, left, right) => [left, right].into_iter().for_each(|side| symbols_in(side, names)),
        Expression::Conditional(condition, yes, no) => {
            [condition, yes, no].into_iter().for_each(|part| symbols_in(part, names));
        }
        Expression::Call(_, arguments) => arguments.iter().for_each(|argument| symbols_in(argument, names)),
        _ => {}
    }
}

/// Symbols that `--gc-sections` keeps although nothing refers to them.
fn kept_symbols(resolution: &Resolution<'_>, request: &LinkRequest) -> Vec<SymbolId> {
    let roots = resolution.roots.iter().map(|&name| resolution.by_name(name)).filter(|&symbol| symbol != UNDEFINED);
    let exported = request.export_dynamic_symbols.iter().filter_map(|name| resolution.find(name.as_bytes()));
    roots.chain(exported).collect()
}

/// The address that `-e` means: a symbol's, or a number (GNU ld manual, "Setting the Entry Point").
fn entry_address(resolution: &Resolution<'_>, values: &[u64], entry: &str) -> (u64, Vec<Diagnostic>) {
    let value = |symbol: SymbolId| values[symbol.index()];
    if let Some(symbol) = resolution.find(entry.as_bytes()) {
        return (value(symbol), Vec::new());
    }
    let number = match entry.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => entry.parse().ok(),
    };
    if let Some(address) = number {
        return (address, Vec::new());
    }
    let warning =
        Diagnostic::warning("no-entry", format!("nothing defines the entry symbol {entry}; the program cannot start"))
            .help("link the C library's start files (crt1.o), or name another entry with -e");
    (0, vec![warning])
}

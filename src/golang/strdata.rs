//! String variables that the linker sets: `-X`, and what the runtime says of its build (Go 1.26 and 1.27,
//! `cmd/link/internal/ld/data.go` addstrdata, `main.go`, `internal/buildcfg/exp.go`).

use indexmap::IndexMap;

use super::kind::Kind;
use super::program::{self, Program};
use super::report;
use super::symbols::{GoSymbol, Symbols, Version, attribute};
use crate::diag::{Diagnostic, Diagnostics, Result};
use crate::inputs::goobj::AuxKind;

/// The values, by symbol name, in the order in which they were first set: it is the order of the symbols that hold them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definitions(IndexMap<String, Vec<u8>>);

/// Name of the variable with the version of the toolchain.
pub const BUILD_VERSION: &str = "runtime.buildVersion";
/// Name of the variable with what `go version -m` prints.
pub const MODULE_INFO: &str = "runtime.modinfo";

impl Definitions {
    /// What the linker knows of itself, and what it was told; the last value of a name counts.
    pub fn of(program: &Program<'_>) -> Self {
        use std::os::unix::ffi::OsStrExt;
        let mut values = IndexMap::new();
        if let Some(root) = &program.options.goroot {
            values.insert("runtime.defaultGOROOT".to_owned(), root.as_bytes().to_vec());
        }
        values.insert(BUILD_VERSION.to_owned(), build_version(program).into_bytes());
        if let Some(info) = &program.module_info {
            values.insert(MODULE_INFO.to_owned(), info.clone());
        }
        for (name, value) in &program.options.definitions {
            let name = match name.rfind('.') {
                Some(dot) => program::escape_path(&name[..dot]) + &name[dot..],
                None => name.clone(),
            };
            values.insert(name, value.clone());
        }
        Definitions(values)
    }

    /// A value; empty if none was set.
    pub fn value(&self, name: &str) -> &[u8] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// Sets the variables that are part of the program; names that are none are ignored.
    pub fn apply(&self, symbols: &mut Symbols<'_>, program: &Program<'_>) -> Result<()> {
        let set = self.0.iter().map(|(name, value)| set(symbols, program, name, value));
        let failed: Vec<Diagnostic> = set.filter_map(Result::err).flatten().collect();
        Diagnostics::check((), failed)
    }
}

/// Sets a variable of type `string`.
pub fn set(symbols: &mut Symbols<'_>, program: &Program<'_>, name: &str, value: &[u8]) -> Result<()> {
    let Some(variable) = symbols.find(name.as_bytes(), Version::Abi0) else { return Ok(()) };
    let Some(kind) = symbols.aux_of(variable, AuxKind::GoType) else { return Ok(()) };
    if symbols.name(kind) != b"type:string" {
        let message = format!("{name}: cannot set with -X: not a var of type string ({})", symbols.display(kind));
        return Err(Diagnostic::error("bad-definition", message)
            .at(report::origin(symbols, program, variable))
            .help("-X sets string variables only: declare it as 'var name string'")
            .into());
    }
    if !symbols.is_reachable(variable) {
        return Ok(());
    }
    if symbols.kind(variable) == Kind::Bss {
        symbols.set_kind(variable, Kind::Data);
    }
    let text = symbols.define(format!("{name}.str").as_bytes(), Kind::Rodata);
    let contents = symbols.edit(text);
    contents.push_bytes(value);
    contents.push_bytes(b"\0");
    point(symbols, variable, text, value.len() as u64);
    Ok(())
}

/// Makes a variable a string. Sanitizers make variables larger than they are: its size stays.
fn point(symbols: &mut Symbols<'_>, variable: GoSymbol, text: GoSymbol, length: u64) {
    symbols.set(variable, attribute::REACHABLE);
    let contents = symbols.edit(variable);
    contents.data = Vec::new().into();
    contents.relocations.clear();
    contents.push_address(text, 0);
    contents.push_u64(length);
}

/// The version of the toolchain with its experiments, as `runtime.Version` returns it.
fn build_version(program: &Program<'_>) -> String {
    let version = program.version;
    match program.release.unusual_experiments(program.experiments) {
        experiments if experiments.is_empty() => version.to_owned(),
        // A version takes one dash.
        experiments if version.contains('-') => format!("{version} X:{experiments}"),
        experiments => format!("{version}-X:{experiments}"),
    }
}

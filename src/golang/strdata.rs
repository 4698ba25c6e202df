//! String variables that the linker sets: `-X`, and what the runtime says of its build (Go 1.26 and 1.27,
//! `cmd/link/internal/ld/data.go` addstrdata, `main.go`, `internal/buildcfg/exp.go`).

use indexmap::IndexMap;

use super::program::{self, Program};
use super::report;
use super::symbols::{GoSymbol, Kind, Symbols, Version, attribute};
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
        let asked = &program.options.definitions;
        let (before, after) = asked.split_at(program.options.definitions_before_importcfg.min(asked.len()));
        values.extend(before.iter().map(symbol_and_value));
        values.extend(program.module_info.iter().map(|info| (MODULE_INFO.to_owned(), info.clone())));
        values.extend(after.iter().map(symbol_and_value));
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

/// The symbol that a definition names, and the value.
fn symbol_and_value((name, value): &(String, Vec<u8>)) -> (String, Vec<u8>) {
    let symbol = match name.rfind('.') {
        Some(dot) => program::escape_path(&name[..dot]) + &name[dot..],
        None => name.clone(),
    };
    (symbol, value.clone())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::golink::GoLink;
    use crate::golang::fixture::{self, Definition};
    use crate::inputs::goobj::records::flag;
    use crate::target::Architecture;

    fn options(definitions: &[(&str, &str)], before_importcfg: usize) -> GoLink {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), value.as_bytes().to_vec());
        GoLink {
            definitions: definitions.iter().map(own).collect(),
            definitions_before_importcfg: before_importcfg,
            ..GoLink::default()
        }
    }

    #[test]
    fn the_first_mention_gives_the_place_and_the_last_the_value() {
        let options = options(&[("x.v2/p.b", "1"), ("main.a", "2"), ("x.v2/p.b", "3"), (MODULE_INFO, "y")], 1);
        let mut program = fixture::program(&options, Architecture::X86_64, &[("main", &[])]);
        program.module_info = Some(b"modules".to_vec());
        let definitions = Definitions::of(&program);
        let names: Vec<&str> = definitions.0.keys().map(String::as_str).collect();
        assert_eq!(names, [BUILD_VERSION, "x.v2/p.b", MODULE_INFO, "main.a"]);
        assert_eq!(definitions.value("x.v2/p.b"), b"3");
        assert_eq!(definitions.value(MODULE_INFO), b"y");
        assert_eq!(definitions.value("nothing"), b"");
    }

    /// A program with a string, a number and a string that is not used.
    fn apply(definitions: &[(&str, &str)], look: impl Fn(&Symbols<'_>)) -> Result<()> {
        let options = options(definitions, 0);
        let program = fixture::program(&options, Architecture::X86_64, &[("main", &[])]);
        let variable = |name, aux| Definition { name, kind: 9, size: 24, aux: vec![(0, aux)], ..Definition::default() };
        let kind = |name| Definition { name, kind: 3, flags: flag::GO_TYPE, size: 48, ..Definition::default() };
        let all = [
            kind("type:string"),
            kind("type:int"),
            variable("main.s", 0),
            variable("main.n", 1),
            variable("main.unused", 0),
        ];
        let objects = [fixture::object(&all)];
        let mut symbols = fixture::load(&program, &objects);
        for name in ["main.s", "main.n"] {
            let symbol = symbols.find(name.as_bytes(), Version::Abi0).expect("a definition");
            symbols.set(symbol, attribute::REACHABLE);
        }
        let result = Definitions::of(&program).apply(&mut symbols, &program);
        look(&symbols);
        result
    }

    #[test]
    fn a_variable_gets_a_text_and_keeps_its_size() {
        let result = apply(&[("main.s", "abc"), ("main.unused", "x"), ("main.missing", "y")], |symbols| {
            let find = |name: &str| symbols.find(name.as_bytes(), Version::Abi0);
            let (variable, text) = (find("main.s").expect("it"), find("main.s.str").expect("its text"));
            assert_eq!((symbols.kind(variable), symbols.size(variable)), (Kind::Data, 24));
            assert_eq!(symbols.data(variable), [[0; 8], 3u64.to_le_bytes()].concat());
            let targets: Vec<GoSymbol> = symbols.relocations(variable).map(|relocation| relocation.target).collect();
            assert_eq!(targets, [text]);
            assert_eq!((symbols.kind(text), symbols.data(text)), (Kind::Rodata, &b"abc\0"[..]));
            assert!(symbols.is_reachable(text));
            assert_eq!((find("main.unused.str"), find("main.missing")), (None, None));
        });
        result.expect("strings");
    }

    #[test]
    fn only_strings_are_set() {
        let errors = apply(&[("main.n", "3")], |_| {}).expect_err("a number");
        let want = "main.n: cannot set with -X: not a var of type string (type:int)";
        assert!(errors.to_string().contains(want), "{errors}");
    }
}

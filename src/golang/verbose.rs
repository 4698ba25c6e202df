//! What `-v` says of a link: as Go's linker, what is made and how many symbols there are; said twice, each package that is
//! read (Go 1.26 and 1.27, `cmd/link/internal/ld/main.go` and `lib.go`, `Stat` of `cmd/link/internal/loader/loader.go`).

use std::fmt::Write;

use super::machine::Machine;
use super::program::Program;
use super::symbols::{GoSymbol, ObjectEntry, Symbols};
use crate::args::golink::BuildMode;

/// Go's number of the format that Linux has.
const HEADER_TYPE: u32 = 5;

/// Symbols by how objects refer to them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Definitions {
    package: usize,
    hashed: usize,
    other: usize,
}

impl Definitions {
    /// Counts what objects define, before a stage takes a definition over.
    pub fn count(symbols: &Symbols<'_>) -> Self {
        let of_packages = |entry: &ObjectEntry<'_>| entry.object.counts().package as usize;
        let package = symbols.objects.iter().map(of_packages).sum();
        let all = symbols.first_external().index() - 1;
        let is_hashed = |symbol: &GoSymbol| {
            symbols.definition(*symbol).is_some_and(|(id, local)| {
                let counts = symbols.object(id).object.counts();
                local < counts.definitions() - counts.non_package
            })
        };
        let hashed = symbols.all().take(all).skip(package).filter(is_hashed).count();
        Definitions { package, hashed, other: all - package - hashed }
    }

    /// What there is at the end of the link.
    pub fn tell(self, symbols: &Symbols<'_>, told: &mut String) {
        let all = symbols.count() - 1;
        let reachable = symbols.all().filter(|symbol| symbols.is_reachable(*symbol)).count();
        let Definitions { package, hashed, other } = self;
        let external = all - package - hashed - other;
        let _ = writeln!(told, "{all} symbols, {reachable} reachable"); // a string takes everything
        let _ = writeln!(
            told,
            "\t{package} package symbols, {hashed} hashed symbols, {other} non-package symbols, {external} external symbols"
        );
    }
}

/// What is made, and where it goes.
pub fn tell_request(program: &Program<'_>, machine: &Machine, told: &mut String) {
    let on = |is_on: bool| if is_on { "on" } else { "off" };
    let mode = if program.build_mode == BuildMode::Pie { "pie" } else { "exe" };
    let (symtab, dwarf) = (on(!program.options.omit_symtab), on(!program.options.omits_dwarf()));
    let _ = writeln!(told, "build mode: {mode}, symbol table: {symtab}, DWARF: {dwarf}");
    let Machine { text_address, round, .. } = machine;
    let _ = writeln!(told, "HEADER = -H{HEADER_TYPE} -T{text_address:#x} -R{round:#x}");
    if program.options.verbose > 1 {
        for package in &program.packages {
            let _ = writeln!(told, "ldobj: {} ({})", package.file.display(), package.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::golink::GoLink;
    use crate::golang::fixture::{self, Definition};
    use crate::target::Architecture;

    #[test]
    fn says_what_is_made_of_what() {
        let options = GoLink { verbose: 2, omit_symtab: true, ..GoLink::default() };
        let program = fixture::program(&options, Architecture::Aarch64, &[("main", &[])]);
        let mut told = String::new();
        tell_request(&program, &Machine::of(&program).expect("a machine"), &mut told);
        let want =
            "build mode: exe, symbol table: off, DWARF: off\nHEADER = -H5 -T0x11000 -R0x10000\nldobj: p.a (main)\n";
        assert_eq!(told, want);
    }

    #[test]
    fn counts_symbols_by_kind() {
        let options = GoLink::default();
        let program = fixture::program(&options, Architecture::X86_64, &[("main", &[])]);
        let reference = Definition { name: "main.g", is_reference: true, ..Definition::default() };
        let objects = [fixture::object(&[Definition { name: "main.f", kind: 1, ..Definition::default() }, reference])];
        let mut symbols = fixture::load(&program, &objects);
        let definitions = Definitions::count(&symbols);
        symbols.define(b"main.f", crate::golang::symbols::Kind::Text);
        let mut told = String::new();
        definitions.tell(&symbols, &mut told);
        let numbers: Vec<usize> = told.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        assert_eq!(numbers, [2, 1, 0, 0, 1, 1], "{told}");
    }
}

//! Definitions that may be repeated must be repeated with the same contents: what `-strictdups` checks (Go 1.26 and 1.27,
//! `checkdup` of `cmd/link/internal/loader/loader.go`).

use hashbrown::HashMap;
use hashbrown::HashSet;
use hashbrown::hash_map::Entry;

use super::program::Program;
use super::symbols::{GoSymbol, ObjectEntry, ObjectId, Symbols, Version};
use crate::diag::{Diagnostic, Diagnostics, Origin, Result, Severity};
use crate::inputs::goobj::records::flag;

/// Compilers disagree about line numbers of what they generate themselves, so these are told of and no reason to fail.
const NEVER_FATAL: [&[u8]; 3] = [b"go:info.go.interface", b"go:info.go.builtin", b"go:debuglines"];

/// Compares what is defined more than once, object by object, with the definition that counts until then.
///
/// # Errors
/// What differs, at level 2, unless packages were compiled with different flags and debug information says so.
pub fn check(symbols: &Symbols<'_>, program: &Program<'_>) -> Result<Vec<Diagnostic>> {
    let options = program.options;
    if options.strict_duplicates == 0 {
        return Ok(Vec::new());
    }
    let is_fatal = options.strict_duplicates > 1 && (options.omits_dwarf() || !has_flag_variants(symbols));
    let mut kept = HashMap::new();
    let mut found = Vec::new();
    for id in (0..symbols.objects.len() as u32).map(ObjectId) {
        let counts = symbols.object(id).object.counts();
        for local in counts.definitions() - counts.non_package..counts.definitions() {
            let repeated = Definition { object: id, local };
            let Some((old, reason)) = repeated.compare(symbols, program, &mut kept) else { continue };
            let name = repeated.name(symbols);
            let message = format!("duplicate symbol {} has other contents: {reason}", String::from_utf8_lossy(name));
            let diagnostic = match is_fatal && !NEVER_FATAL.iter().any(|prefix| name.starts_with(prefix)) {
                true => Diagnostic::error("duplicate-contents", message),
                false => Diagnostic::warning("duplicate-contents", message),
            };
            let diagnostic = diagnostic.at(repeated.origin(symbols, program));
            let diagnostic = diagnostic.note(format!("the earlier definition: {}", old.origin(symbols, program)));
            found.push(
                diagnostic
                    .help("build both packages with the same flags; each compiler run decides anew what to inline"),
            );
        }
    }
    match found.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        true => Diagnostics::check(Vec::new(), found),
        false => Ok(found),
    }
}

/// Whether packages were compiled with different flags.
fn has_flag_variants(symbols: &Symbols<'_>) -> bool {
    let flags = |entry: &ObjectEntry<'_>| {
        let name = [b"go:cuinfo.producer.", symbols.packages[entry.package.index()].as_bytes()].concat();
        symbols.find(&name, Version::Abi0).map_or(&b""[..], |producer| symbols.data(producer)).to_vec()
    };
    symbols.objects.iter().map(flags).collect::<HashSet<Vec<u8>>>().len() > 1
}

/// A definition of an object.
#[derive(Clone, Copy)]
struct Definition {
    object: ObjectId,
    local: u32,
}

impl Definition {
    /// The definition that counted before this one, and how this one differs. What counts from now on is kept.
    fn compare(
        self,
        symbols: &Symbols<'_>,
        program: &Program<'_>,
        kept: &mut HashMap<GoSymbol, Definition>,
    ) -> Option<(Definition, String)> {
        let object = &symbols.object(self.object).object;
        let record = object.symbol(self.local);
        if record.is_unnamed() || Version::of_abi(record.abi()) == Version::Static {
            return None;
        }
        let symbol = symbols.of_local(self.object, self.local);
        let old = match kept.entry(symbol) {
            Entry::Occupied(found) => *found.get(),
            Entry::Vacant(free) => match Definition::in_package(symbols, symbol) {
                Some(old) => *free.insert(old),
                None => {
                    free.insert(self);
                    return None;
                }
            },
        };
        if !self.may_be_repeated(symbols) {
            if program.release.strong_wins_over_duplicates && old.may_be_repeated(symbols) {
                kept.insert(symbol, self);
            }
            return None;
        }
        if program.release.strong_wins_over_duplicates && !old.may_be_repeated(symbols) {
            return None;
        }
        let difference = self.difference(old, symbols);
        if self.size(symbols) > old.size(symbols) {
            kept.insert(symbol, self);
        }
        difference.map(|reason| (old, reason))
    }

    /// The definition of a symbol that belongs to a package, and so is there before all others.
    fn in_package(symbols: &Symbols<'_>, symbol: GoSymbol) -> Option<Self> {
        let (index, entry) = symbols
            .objects
            .iter()
            .enumerate()
            .find(|(_, entry)| (entry.own.first..entry.own.first + entry.own.count).contains(&symbol.0))?;
        Some(Definition { object: ObjectId(index as u32), local: symbol.0 - entry.own.first })
    }

    fn difference(self, old: Self, symbols: &Symbols<'_>) -> Option<String> {
        let [new_data, old_data] = [self, old].map(|one| symbols.object(one.object).object.data(one.local));
        let (new_size, old_size) = (self.size(symbols), old.size(symbols));
        match () {
            () if new_data.len() != old_data.len() => {
                Some(format!("new length {} != old length {}", new_data.len(), old_data.len()))
            }
            () if new_data != old_data => Some("same length but different contents".to_owned()),
            // Zeroed data has no contents to compare.
            () if new_size != old_size => Some(format!("different sizes: new size {new_size} != old size {old_size}")),
            () => None,
        }
    }

    fn may_be_repeated(self, symbols: &Symbols<'_>) -> bool {
        symbols.object(self.object).object.symbol(self.local).flags() & flag::DUPLICATE_OK != 0
    }

    fn size(self, symbols: &Symbols<'_>) -> u32 {
        symbols.object(self.object).object.symbol(self.local).size()
    }

    fn name<'data>(self, symbols: &Symbols<'data>) -> &'data [u8] {
        let object = &symbols.object(self.object).object;
        object.name(object.symbol(self.local))
    }

    fn origin(self, symbols: &Symbols<'_>, program: &Program<'_>) -> Origin {
        let package = &program.packages[symbols.object(self.object).package.index()];
        Origin { package: Some(package.path.clone()), ..Origin::file(package.file) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::golink::GoLink;
    use crate::golang::fixture::{self, Definition};
    use crate::inputs::goabi::Release;
    use crate::target::Architecture;

    const CODE: u8 = 1;
    const DATA: u8 = 5;
    const ZEROED: u8 = 9;
    const OK: u8 = flag::DUPLICATE_OK;

    /// A program of two packages, the first one main, in which each defines a symbol.
    struct Twice {
        level: u8,
        release: &'static str,
        name: &'static str,
        kind: u8,
        /// Of both packages, like what follows.
        flags: [u8; 2],
        sizes: [u32; 2],
        contents: [&'static [u8]; 2],
        /// What their compilers were told.
        producers: [&'static [u8]; 2],
    }

    const TWICE: Twice = Twice {
        level: 1,
        release: "go1.26",
        name: "x.f",
        kind: CODE,
        flags: [OK; 2],
        sizes: [4; 2],
        contents: [b"code"; 2],
        producers: [b"regabi"; 2],
    };

    impl Twice {
        fn check(self) -> Result<Vec<Diagnostic>> {
            let options = GoLink { strict_duplicates: self.level, ..GoLink::default() };
            let mut program = fixture::program(&options, Architecture::X86_64, &[("main", &[]), ("a", &[])]);
            program.release = Release::of_version(self.release).expect("a known release");
            let objects = [0, 1].map(|at| {
                let producer = self.producers[at];
                let unit = ["go:cuinfo.producer.main", "go:cuinfo.producer.a"][at];
                fixture::object(&[
                    Definition {
                        name: self.name,
                        kind: self.kind,
                        flags: self.flags[at],
                        size: self.sizes[at],
                        data: self.contents[at],
                        ..Definition::default()
                    },
                    Definition {
                        name: unit,
                        kind: 3,
                        size: producer.len() as u32,
                        data: producer,
                        ..Definition::default()
                    },
                ])
            });
            let symbols = fixture::load(&program, &objects);
            check(&symbols, &program)
        }

        /// The messages of warnings, if there are no errors.
        fn warnings(self) -> Vec<String> {
            let found = self.check().unwrap_or_else(|errors| panic!("{errors}"));
            found.into_iter().map(|one| one.message).collect()
        }
    }

    #[test]
    fn repeated_definitions_are_compared_when_asked_to() {
        assert_eq!(Twice { level: 0, contents: [b"code", b"CODE"], ..TWICE }.warnings(), [""; 0]);
        assert_eq!(Twice { ..TWICE }.warnings(), [""; 0]);
        for (contents, reason) in [
            ([&b"code"[..], &b"CODE"[..]], "same length but different contents"),
            ([b"code", b""], "new length 0 != old length 4"),
            ([b"cod", b"code"], "new length 4 != old length 3"),
        ] {
            let message = format!("duplicate symbol x.f has other contents: {reason}");
            assert_eq!(Twice { contents, ..TWICE }.warnings(), [message]);
        }
        let zeroed = Twice { kind: ZEROED, sizes: [4, 8], contents: [b"", b""], ..TWICE }.warnings();
        let reason = "different sizes: new size 8 != old size 4";
        assert_eq!(zeroed, [format!("duplicate symbol x.f has other contents: {reason}")]);
    }

    #[test]
    fn level_1_warns_of_what_level_2_refuses() {
        let warnings = Twice { contents: [b"code", b"CODE"], ..TWICE }.check().expect("a warning");
        let errors = Twice { level: 2, contents: [b"code", b"CODE"], ..TWICE }.check().expect_err("an error");
        let errors: Vec<Diagnostic> = errors.into_iter().collect();
        for (found, severity) in [(&warnings, Severity::Warning), (&errors, Severity::Error)] {
            let [one] = &found[..] else { panic!("{found:?}") };
            assert_eq!((one.severity, one.code), (severity, "duplicate-contents"));
            let text = one.to_string();
            assert!(text.contains("p.a [Go package a]: duplicate symbol x.f has other contents"), "{text}");
            assert_eq!(one.notes, ["the earlier definition: p.a [Go package main]"]);
            assert!(one.help.as_ref().is_some_and(|help| help.contains("same flags")), "{text}");
        }
    }

    #[test]
    fn other_flags_excuse_other_contents() {
        let producers = [&b"regabi"[..], b"-N"];
        assert_eq!(Twice { level: 2, contents: [b"code", b"CODE"], producers, ..TWICE }.warnings().len(), 1);
    }

    #[test]
    fn line_numbers_of_what_compilers_generate_may_differ() {
        for (name, is_fatal) in [("go:debuglines.x", false), ("go:info.go.interface", false), ("go:info.x", true)] {
            let found = Twice { level: 2, name, kind: DATA, contents: [b"line", b"LINE"], ..TWICE }.check();
            assert_eq!(found.is_err(), is_fatal, "{name}");
            assert!(is_fatal || found.is_ok_and(|warnings| warnings.len() == 1), "{name}");
        }
    }

    #[test]
    fn a_definition_that_must_not_be_repeated_is_not_compared() {
        // Where it counts before others, there is nothing that it could have been mistaken for.
        let contents = [&b"code"[..], b"CODE"];
        for (release, flags, warnings) in
            [("go1.26", [0, OK], 1), ("go1.27", [0, OK], 0), ("go1.26", [OK, 0], 0), ("go1.27", [OK, 0], 0)]
        {
            assert_eq!(Twice { release, flags, contents, ..TWICE }.warnings().len(), warnings, "{release} {flags:?}");
        }
    }
}

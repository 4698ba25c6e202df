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
    use crate::target::Architecture;

    const CODE: u8 = 1;

    fn found(level: u8, flags: u8, contents: [&'static [u8]; 2], producers: [&'static [u8]; 2]) -> Result<usize> {
        let options = GoLink { strict_duplicates: level, ..GoLink::default() };
        let program = fixture::program(&options, Architecture::X86_64, &[("main", &[]), ("a", &[])]);
        let objects = [0, 1].map(|at| {
            let (name, size) = (["go:cuinfo.producer.main", "go:cuinfo.producer.a"][at], producers[at].len() as u32);
            fixture::object(&[
                Definition { name: "x.f", kind: CODE, flags, size: 4, data: contents[at], ..Definition::default() },
                Definition { name, kind: 3, size, data: producers[at], ..Definition::default() },
            ])
        });
        let symbols = fixture::load(&program, &objects);
        check(&symbols, &program).map(|warnings| warnings.len())
    }

    #[test]
    fn repeated_definitions_are_compared_when_asked_to() {
        let same = [&b"regabi"[..]; 2];
        for (level, contents, warnings) in [
            (0, [&b"code"[..], b"CODE"], 0),
            (1, [b"code", b"code"], 0),
            (1, [b"code", b"CODE"], 1),
            (1, [b"code", b""], 1),
        ] {
            assert_eq!(found(level, flag::DUPLICATE_OK, contents, same), Ok(warnings), "{level} {contents:?}");
        }
        let error = found(2, flag::DUPLICATE_OK, [b"code", b"CODE"], same).expect_err("an error").to_string();
        assert!(error.contains("x.f") && error.contains("same length") && error.contains("Go package a"), "{error}");
    }

    #[test]
    fn other_flags_excuse_other_contents() {
        assert_eq!(found(2, flag::DUPLICATE_OK, [b"code", b"CODE"], [b"regabi", b"-N"]), Ok(1));
    }
}

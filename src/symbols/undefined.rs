//! The report on symbols that nothing defines: all at once, sorted, in the words of the source languages, each with the
//! places that need it, the Go package behind them, and a likely fix. Symbols with the same cause share one message,
//! so that a missing library is one screen and not two hundred.

use std::collections::BTreeMap;

use indexmap::{IndexMap, IndexSet};

use crate::diag::{Diagnostic, Origin};

use super::cgo::CgoName;
use super::demangle::demangle;
use super::hints::{self, Hint};
use super::missing::{Context, Reference, Undefined};
use super::spelling::Dictionary;

/// Places shown for each symbol.
const PLACES: usize = 3;
/// Symbols of a group shown with their places; of the others only the names are.
const DETAILED: usize = 8;
/// Symbols without a hint that get a message each; more are gathered by the beginning of their names.
const SINGLE: usize = 12;

/// The errors, one for each cause. Sorted by [`crate::diag::Diagnostics::check`].
pub fn report(symbols: &[Undefined<'_>], context: &Context<'_>) -> Vec<Diagnostic> {
    let symbols = merge(symbols);
    if symbols.is_empty() {
        return Vec::new();
    }
    let dictionary = Dictionary::new(context.known);
    let used = hints::cpp_library_used(&symbols);
    let mut groups: IndexMap<Hint, Vec<&Undefined<'_>>> = IndexMap::new();
    let mut others: Vec<&Undefined<'_>> = Vec::new();
    for symbol in &symbols {
        match hints::hint(symbol, context, &dictionary, used) {
            Some(hint) => groups.entry(hint).or_default().push(symbol),
            None => others.push(symbol),
        }
    }
    let mut errors: Vec<Diagnostic> = Vec::new();
    for (hint, members) in gather_families(groups) {
        errors.push(match members.as_slice() {
            [only] => single(only, context).note(hint.cause).help(hint.help),
            _ => group(&format!("of {}", hint.family), &members, context).note(hint.cause).help(hint.help),
        });
    }
    if others.len() <= SINGLE {
        errors.extend(others.into_iter().map(|symbol| single(symbol, context).help(NO_HINT)));
    } else {
        errors.extend(unexplained(others, context));
    }
    errors
}

const NO_HINT: &str = "add the library or object that defines it to `#cgo LDFLAGS` or -extldflags";

/// Each name once, with all its places, sorted by name.
fn merge<'a>(symbols: &[Undefined<'a>]) -> Vec<Undefined<'a>> {
    let mut merged: BTreeMap<&[u8], Undefined<'a>> = BTreeMap::new();
    for symbol in symbols.iter().filter(|symbol| symbol.is_strong) {
        match merged.entry(symbol.name) {
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(symbol.clone());
            }
            std::collections::btree_map::Entry::Occupied(mut place) => {
                place.get_mut().references.extend(symbol.references.iter().cloned());
            }
        }
    }
    merged.into_values().collect()
}

/// Hints that differ in their causes only (each names another definition) become one where family and remedy agree.
fn gather_families<'s, 'a>(
    groups: IndexMap<Hint, Vec<&'s Undefined<'a>>>,
) -> impl Iterator<Item = (Hint, Vec<&'s Undefined<'a>>)> {
    let mut families: IndexMap<(String, String), (String, Vec<&'s Undefined<'a>>)> = IndexMap::new();
    for (hint, members) in groups {
        families.entry((hint.family, hint.help)).or_insert((hint.cause, Vec::new())).1.extend(members);
    }
    families.into_iter().map(|((family, help), (cause, members))| (Hint { family, cause, help }, members))
}

/// One symbol: its places as notes.
fn single(symbol: &Undefined<'_>, context: &Context<'_>) -> Diagnostic {
    let mut error = Diagnostic::error("undefined-symbol", format!("undefined symbol: {}", full_name(symbol.name)));
    let Some((first, rest)) = symbol.references.split_first() else { return error };
    let mut origin = first.origin.clone();
    origin.package = context.package(symbol.name, first);
    error = error.at(origin);
    if let Some(function) = first.function {
        error = error.note(caller(function));
    }
    // One function may stand in several sections; its name says it once.
    let own = place(symbol.name, first, context);
    let others: IndexSet<String> = rest.iter().map(|reference| place(symbol.name, reference, context)).collect();
    let others: Vec<String> = others.into_iter().filter(|other| *other != own).collect();
    for other in others.iter().take(PLACES - 1) {
        error = error.note(format!("also needed by {other}"));
    }
    match others.len().saturating_sub(PLACES - 1) {
        0 => error,
        more => error.note(format!("and in {more} more {}", if more == 1 { "place" } else { "places" })),
    }
}

/// Several symbols with one cause.
fn group(what: &str, symbols: &[&Undefined<'_>], context: &Context<'_>) -> Diagnostic {
    let message = format!("{} undefined symbols {what}", symbols.len());
    let mut error = Diagnostic::error("undefined-symbol", message).at(common_origin(symbols, context));
    for symbol in symbols.iter().take(DETAILED) {
        let mut line = demangle(symbol.name).into_owned();
        if let Some(first) = symbol.references.first() {
            line += &format!(": needed by {}", place(symbol.name, first, context));
        }
        if symbol.references.len() > 1 {
            line += &format!(", and {} more", symbol.references.len() - 1);
        }
        error = error.note(line);
    }
    if symbols.len() > DETAILED {
        let names: Vec<_> = symbols[DETAILED..].iter().map(|symbol| demangle(symbol.name)).collect();
        error = error.note(format!("and {}: {}", names.len(), names.join(", ")));
    }
    error
}

/// Many symbols that no rule knows, by the beginning of their names; a library's names tend to share it.
fn unexplained(symbols: Vec<&Undefined<'_>>, context: &Context<'_>) -> Vec<Diagnostic> {
    let mut by_prefix: BTreeMap<&[u8], Vec<&Undefined<'_>>> = BTreeMap::new();
    for symbol in symbols {
        by_prefix.entry(prefix(symbol.name)).or_default().push(symbol);
    }
    let (shared, lone): (Vec<_>, Vec<_>) =
        by_prefix.into_iter().partition(|(start, symbols)| !start.is_empty() && symbols.len() >= 4);
    let mut errors: Vec<Diagnostic> = Vec::new();
    for (start, symbols) in shared {
        let what = format!("that start with `{}`", String::from_utf8_lossy(start));
        errors.push(
            group(&what, &symbols, context).help("add the library that defines them to `#cgo LDFLAGS` or -extldflags"),
        );
    }
    let lone: Vec<&Undefined<'_>> = lone.into_iter().flat_map(|(_, symbols)| symbols).collect();
    if lone.len() <= SINGLE {
        errors.extend(lone.into_iter().map(|symbol| single(symbol, context).help(NO_HINT)));
    } else {
        errors.push(
            group("of no known library", &lone, context)
                .help("add the libraries that define them to `#cgo LDFLAGS` or -extldflags"),
        );
    }
    errors
}

/// The part of a C name up to its first underscore, of a mangled one its first path element; empty if it has none.
fn prefix(name: &[u8]) -> &[u8] {
    if name.starts_with(b"_ZN") || name.starts_with(b"_ZNK") {
        let start = if name.starts_with(b"_ZNK") { 4 } else { 3 };
        let digits = name[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let length =
            std::str::from_utf8(&name[start..start + digits]).ok().and_then(|digits| digits.parse::<usize>().ok());
        return length.and_then(|length| name[start + digits..].get(..length)).unwrap_or_default();
    }
    let leading = name.iter().take_while(|byte| **byte == b'_').count();
    match memchr::memchr(b'_', &name[leading..]) {
        Some(at) if at >= 2 => &name[..leading + at + 1],
        _ => &[],
    }
}

/// The origin that all symbols' first places share, as far as they do.
fn common_origin(symbols: &[&Undefined<'_>], context: &Context<'_>) -> Origin {
    let mut origins = symbols.iter().filter_map(|symbol| {
        let first = symbol.references.first()?;
        Some(Origin {
            package: context.package(symbol.name, first),
            section: None,
            offset: None,
            ..first.origin.clone()
        })
    });
    let Some(mut common) = origins.next() else { return Origin::default() };
    for origin in origins {
        if common.file != origin.file {
            (common.file, common.member) = (None, None);
        }
        if common.member != origin.member {
            common.member = None;
        }
        if common.package != origin.package {
            common.package = None;
        }
    }
    common
}

/// The readable name, followed by the linker's where they differ and it is not endless.
fn full_name(name: &[u8]) -> String {
    let readable = demangle(name);
    let raw = String::from_utf8_lossy(name);
    if readable == raw || raw.len() > 100 { readable.into_owned() } else { format!("{readable} [{raw}]") }
}

fn place(symbol: &[u8], reference: &Reference<'_>, context: &Context<'_>) -> String {
    let mut origin = reference.origin.clone();
    origin.package = context.package(symbol, reference);
    match reference.function {
        // The function says it better than the section and offset.
        Some(function) => format!("{}, {}", Origin { section: None, offset: None, ..origin }, caller(function)),
        None => origin.to_string(),
    }
}

/// `in function f`, or the call as the Go source has it.
fn caller(function: &[u8]) -> String {
    match CgoName::of(function) {
        Some(CgoName::Call { function, .. }) => format!("in Go's call of C.{}", demangle(function)),
        _ => format!("in function `{}`", demangle(function)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::cgo::Packages;
    use super::super::spelling::Known;
    use super::*;
    use crate::diag::Diagnostics;
    use crate::target::{Architecture, Libc, Target};

    const TARGET: Target = Target { architecture: Architecture::Aarch64, libc: Some(Libc::Musl) };

    fn reference(file: &str, member: &str, function: Option<&'static str>) -> Reference<'static> {
        let origin = if member.is_empty() { Origin::file(file) } else { Origin::member(file, member) };
        Reference { origin: origin.in_section(".text").at(0x53), function: function.map(str::as_bytes) }
    }

    fn undefined<'a>(name: &'a str, references: &[Reference<'a>]) -> Undefined<'a> {
        Undefined { name: name.as_bytes(), is_strong: true, references: references.to_vec() }
    }

    fn text(symbols: &[Undefined<'_>], packages: &Packages) -> String {
        let context = Context { target: TARGET, known: &[], files: &[], packages, libraries: &[], skipped: &[] };
        Diagnostics::check((), report(symbols, &context)).map_or_else(|errors| errors.to_string(), |()| String::new())
    }

    #[test]
    fn a_preamble_cut_off_by_an_empty_line_is_named() {
        let packages = Packages::from_symbols([b"cgo/app._cgo_f1a74d84225f_Cfunc_initial_setup".as_slice()]);
        let call = reference("/tmp/go-link-1/000001.o", "", Some("_cgo_f1a74d84225f_Cfunc_initial_setup"));
        assert_eq!(
            text(&[undefined("initial_setup", &[call])], &packages),
            "cgolink: error: /tmp/go-link-1/000001.o:(.text+0x53) [Go package cgo/app]: undefined symbol: initial_setup\n  \
             note: in Go's call of C.initial_setup\n  \
             note: Go package cgo/app calls it through cgo, and no input defines it\n  \
             help: if it is defined in the comment above `import \"C\"`, remove the empty line between the two: cgo reads only a \
             comment that touches the import; else add the library that has it to `#cgo LDFLAGS`"
        );
    }

    #[test]
    fn shows_three_places_and_counts_the_rest() {
        let places: Vec<Reference> = ["a.o", "b.o", "c.o", "d.o", "e.o"]
            .map(|member| reference("libx.a", member, Some("_ZN3foo3barEi")))
            .to_vec();
        let got = text(&[undefined("mystery", &places)], &Packages::default());
        assert_eq!(
            got,
            "cgolink: error: libx.a(a.o):(.text+0x53): undefined symbol: mystery\n  note: in function `foo::bar(int)`\n  \
             note: also needed by libx.a(b.o), in function `foo::bar(int)`\n  \
             note: also needed by libx.a(c.o), in function `foo::bar(int)`\n  \
             note: and in 2 more places\n  \
             help: add the library or object that defines it to `#cgo LDFLAGS` or -extldflags"
        );
    }

    #[test]
    fn a_place_is_told_once() {
        let inline = |offset| Reference {
            origin: Origin::file("a.o").in_section(".text.inline").at(offset),
            function: Some(b"caller"),
        };
        let elsewhere = reference("b.o", "", Some("caller"));
        let places = [inline(1), inline(2), elsewhere.clone(), inline(3), elsewhere];
        let got = text(&[undefined("mystery", &places)], &Packages::default());
        assert_eq!(got.matches("also needed by").count(), 1, "{got}");
        assert!(got.contains("also needed by b.o, in function `caller`") && !got.contains("more place"), "{got}");
    }

    #[test]
    fn a_missing_library_is_one_message() {
        let names: Vec<String> = (0..200).map(|index| format!("sqlite3_f{index:03}")).collect();
        let place = [reference("libx.a", "db.o", None)];
        let symbols: Vec<Undefined> = names.iter().map(|name| undefined(name, &place)).collect();
        let got = text(&symbols, &Packages::default());
        assert!(got.starts_with("cgolink: error: libx.a(db.o): 200 undefined symbols of SQLite\n"), "{got}");
        assert!(got.lines().count() < 14 && names.iter().all(|name| got.contains(name)), "{got}");
        assert!(got.ends_with("and `-L` with the folder of its archive"));
    }

    #[test]
    fn many_unknown_symbols_are_gathered_by_their_beginning() {
        let names: Vec<String> = (0..30).map(|index| format!("acme_{index}")).chain(["lone".to_owned()]).collect();
        let place = [reference("x.o", "", None)];
        let symbols: Vec<Undefined> = names.iter().map(|name| undefined(name, &place)).collect();
        let got = text(&symbols, &Packages::default());
        assert!(got.contains("error: x.o: 30 undefined symbols that start with `acme_`"), "{got}");
        assert!(got.contains("undefined symbol: lone"));
    }

    #[test]
    fn merges_repeats_and_leaves_weak_ones_out() {
        let one = undefined("x_y", &[reference("a.o", "", None)]);
        let weak = Undefined { is_strong: false, ..undefined("weak", &[]) };
        let got = text(&[one.clone(), weak, undefined("x_y", &[reference("b.o", "", None)])], &Packages::default());
        assert_eq!(got.matches("undefined symbol").count(), 1);
        assert!(got.contains("also needed by b.o"), "{got}");
        assert_eq!(text(&[], &Packages::default()), "");
        let named_by_option = text(&[undefined("wanted", &[])], &Packages::default());
        assert!(named_by_option.starts_with("cgolink: error: undefined symbol: wanted"), "{named_by_option}");
    }

    #[test]
    fn large_programs_are_no_burden() {
        let names: Vec<String> = (0..60_000).map(|index| format!("function_number_{index}_of_many")).collect();
        let known: Vec<Known> =
            names.iter().map(|name| Known { name: name.as_bytes(), file: 0, is_local: false }).collect();
        let wanted: Vec<String> = (0..300).map(|index| format!("functoin_numbr_{index}xx_of_mayn")).collect();
        let symbols: Vec<Undefined> = wanted.iter().map(|name| undefined(name, &[])).collect();
        let packages = Packages::default();
        let context =
            Context { target: TARGET, known: &known, files: &[], packages: &packages, libraries: &[], skipped: &[] };
        assert!(!report(&symbols, &context).is_empty());
    }
}

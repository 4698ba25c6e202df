//! The report on names that several inputs define: both places, their sizes, whether their bytes are the same, and a
//! likely reason. Names that collide between the same two files share one message: two copies of one library collide
//! in hundreds of names.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use crate::diag::{Diagnostic, Origin};

use super::cgo::Packages;
use super::demangle::{demangle, is_rust};

/// A name with more than one strong definition.
#[derive(Clone, Debug)]
pub struct Duplicate<'a> {
    /// The name.
    pub name: &'a [u8],
    /// The definitions in the order of the link, at least two; the first is the one that the others collide with.
    pub definitions: Vec<Definition<'a>>,
}

/// One definition.
#[derive(Clone, Debug)]
pub struct Definition<'a> {
    /// Where.
    pub origin: Origin,
    /// `st_size`, in bytes.
    pub size: u64,
    /// Its bytes as they stand in the file, before relocation; `None` if it has none (`.bss`, absolute).
    pub bytes: Option<&'a [u8]>,
    /// Whether it is code.
    pub is_function: bool,
}

/// Names of a pair that are shown with their sizes; of the others only the names are.
const DETAILED: usize = 6;

/// The errors, one for each pair of files. Sorted by [`crate::diag::Diagnostics::check`].
pub fn report(duplicates: &[Duplicate<'_>], packages: &Packages) -> Vec<Diagnostic> {
    let mut sorted: BTreeMap<&[u8], &Duplicate<'_>> = BTreeMap::new();
    for duplicate in duplicates.iter().filter(|duplicate| duplicate.definitions.len() > 1) {
        sorted.entry(duplicate.name).or_insert(duplicate);
    }
    let mut pairs: IndexMap<(Side, Side), Vec<&Duplicate<'_>>> = IndexMap::new();
    for duplicate in sorted.into_values() {
        let [first, second, ..] = duplicate.definitions.as_slice() else { continue };
        pairs.entry((side(&first.origin), side(&second.origin))).or_default().push(duplicate);
    }
    let errors = pairs.into_iter().map(|((first, second), members)| {
        let error = match members.as_slice() {
            [only] => single(only, packages),
            _ => group(&first, &second, &members),
        };
        let (cause, help) = reason(&first, &second, &members, packages);
        match cause {
            Some(cause) => error.note(cause).help(help),
            None => error.help(help),
        }
    });
    errors.collect()
}

/// What of an origin makes two collisions the same: the file, not the member.
type Side = Origin;

fn side(origin: &Origin) -> Side {
    Origin { file: origin.file.clone(), package: origin.package.clone(), ..Origin::default() }
}

fn single(duplicate: &Duplicate<'_>, packages: &Packages) -> Diagnostic {
    let readable = demangle(duplicate.name);
    let raw = String::from_utf8_lossy(duplicate.name);
    let name = if readable == raw || raw.len() > 100 { readable.into_owned() } else { format!("{readable} [{raw}]") };
    let first = &duplicate.definitions[0];
    let mut error = Diagnostic::error("duplicate-symbol", format!("duplicate symbol: {name}"));
    let mut origin = duplicate.definitions[1].origin.clone();
    origin.package = origin.package.or_else(|| packages.of_symbol(duplicate.name).map(str::to_owned));
    error = error.at(origin).note(format!("first defined in {} ({})", first.origin, bytes(first.size)));
    for other in duplicate.definitions[1..].iter().take(DETAILED) {
        error =
            error.note(format!("also defined in {} ({}): {}", other.origin, bytes(other.size), compare(first, other)));
    }
    match duplicate.definitions.len() - 1 {
        count if count > DETAILED => error.note(format!("and in {} more files", count - DETAILED)),
        _ => error,
    }
}

fn group(first: &Side, second: &Side, members: &[&Duplicate<'_>]) -> Diagnostic {
    let message = match first == second {
        true => format!("{} duplicate symbols within one file", members.len()),
        false => format!("{} duplicate symbols: {first} and this file define the same names", members.len()),
    };
    let mut error = Diagnostic::error("duplicate-symbol", message).at(second.clone());
    for duplicate in members.iter().take(DETAILED) {
        let (one, other) = (&duplicate.definitions[0], &duplicate.definitions[1]);
        // Section names of Rust are longer than all the rest, and the name says which function it is.
        let place = |of: &Definition<'_>| Origin { section: None, offset: None, ..of.origin.clone() };
        let places = format!("{} ({}) and {} ({})", place(one), bytes(one.size), place(other), bytes(other.size));
        error = error.note(format!("{}: {places}: {}", demangle(duplicate.name), compare(one, other)));
    }
    if members.len() > DETAILED {
        let names: Vec<_> = members[DETAILED..].iter().map(|duplicate| demangle(duplicate.name)).collect();
        error = error.note(format!("and {}: {}", names.len(), names.join(", ")));
    }
    let identical = members.iter().filter(|one| is_identical(&one.definitions[0], &one.definitions[1])).count();
    error.note(format!(
        "{identical} of {} are identical on both sides, {} differ",
        members.len(),
        members.len() - identical
    ))
}

/// The likely reason and the remedy.
fn reason(first: &Side, second: &Side, members: &[&Duplicate<'_>], packages: &Packages) -> (Option<String>, String) {
    let definitions = || members.iter().flat_map(|duplicate| duplicate.definitions.iter().take(2));
    if first.file == second.file && members.iter().all(|one| one.definitions[0].origin == one.definitions[1].origin) {
        return (
            Some("the same file is given twice".to_owned()),
            "remove one of the two from the command line".to_owned(),
        );
    }
    if members.iter().any(|duplicate| is_rust_runtime(duplicate.name)) {
        let cause = "both are Rust static libraries, and each brings its own copy of the standard library";
        let help = "make one crate of type staticlib that depends on both crates and re-exports their C functions, and link that one";
        return (Some(cause.to_owned()), help.to_owned());
    }
    let package = |origin: &Origin| origin.package.clone();
    let is_go = definitions().all(|one| is_cgo_object(&one.origin));
    if is_go && (first.package == second.package || first.package.is_none() || second.package.is_none()) {
        let whose = package(first)
            .or_else(|| package(second))
            .map_or("a Go package".to_owned(), |name| format!("Go package {name}"));
        let cause = format!(
            "two objects of {whose} have it: with `//export` cgo copies the preamble of that file into two C files"
        );
        let help = "only declare functions and variables in the preamble of a Go file with `//export`, and define them in a .c file of the \
                    package or in the preamble of another Go file (or make them `static inline`)";
        return (Some(cause), help.to_owned());
    }
    if let (Some(one), Some(other)) = (package(first), package(second))
        && one != other
    {
        let cause = format!("Go packages {one} and {other} each bring the same C code");
        let help = "use one release of the module (look for a vendored copy or two major versions with `go mod why`), or build one against \
                    the system's library, if it has a build tag for that";
        return (Some(cause), help.to_owned());
    }
    if members.iter().all(|one| packages.of_go_function(one.name).is_some()) {
        let cause = "a Go function is exported under the name of a C function";
        return (Some(cause.to_owned()), "give one of the two another name".to_owned());
    }
    let is_data = definitions().all(|one| !one.is_function);
    if is_data && members.iter().all(|one| is_identical(&one.definitions[0], &one.definitions[1])) {
        let cause = "a variable that a header defines is defined by every file that includes it";
        return (Some(cause.to_owned()), "declare it `extern` in the header and define it in one .c file".to_owned());
    }
    let help = if members.iter().all(|one| is_identical(&one.definitions[0], &one.definitions[1])) {
        "link one of the two only; as the copies are the same, `-Wl,-z,muldefs` may keep the first"
    } else {
        "link one of the two only, or rename one side with `objcopy --redefine-sym old=new`; `-Wl,-z,muldefs` keeps the first, and \
         callers of the other get the wrong one"
    };
    (None, help.to_owned())
}

/// Whether it is of the part of Rust's standard library that every staticlib carries.
fn is_rust_runtime(name: &[u8]) -> bool {
    if name.starts_with(b"__rust_") || name.starts_with(b"__rdl_") || name.starts_with(b"rust_") {
        return true;
    }
    let readable = demangle(name);
    is_rust(name) && ["core::", "std::", "alloc::", "__rustc::", "<"].iter().any(|path| readable.starts_with(path))
}

/// Whether the go command compiled it: `000012.o` beside go.o, `_x002.o`, or the loader knows its package.
fn is_cgo_object(origin: &Origin) -> bool {
    let file = origin.file.as_deref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
    let name = origin.member.clone().or(file).unwrap_or_default();
    let Some(stem) = name.strip_suffix(".o") else { return false };
    let digits = stem.strip_prefix("_x").unwrap_or(stem);
    digits.len() >= 3 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_identical(one: &Definition<'_>, other: &Definition<'_>) -> bool {
    one.size == other.size && one.bytes == other.bytes
}

fn compare(one: &Definition<'_>, other: &Definition<'_>) -> &'static str {
    match (is_identical(one, other), one.size == other.size) {
        (true, _) => "identical",
        (false, true) => "different contents",
        (false, false) => "different",
    }
}

fn bytes(size: u64) -> String {
    if size == 1 { "1 byte".to_owned() } else { format!("{size} bytes") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Diagnostics;

    fn definition(origin: Origin, bytes: &'static [u8]) -> Definition<'static> {
        Definition { origin, size: bytes.len() as u64, bytes: Some(bytes), is_function: true }
    }

    fn duplicate<'a>(name: &'a str, first: Definition<'a>, second: Definition<'a>) -> Duplicate<'a> {
        Duplicate { name: name.as_bytes(), definitions: vec![first, second] }
    }

    fn text(duplicates: &[Duplicate<'_>]) -> String {
        let errors = report(duplicates, &Packages::default());
        Diagnostics::check((), errors).map_or_else(|errors| errors.to_string(), |()| String::new())
    }

    #[test]
    fn names_both_places_sizes_and_whether_they_differ() {
        let one = definition(Origin::member("liba.a", "x.o"), b"abcd");
        let got = text(&[duplicate("twice", one.clone(), definition(Origin::file("y.o"), b"abcdef"))]);
        assert_eq!(
            got,
            "cgolink: error: y.o: duplicate symbol: twice\n  note: first defined in liba.a(x.o) (4 bytes)\n  \
             note: also defined in y.o (6 bytes): different\n  \
             help: link one of the two only, or rename one side with `objcopy --redefine-sym old=new`; `-Wl,-z,muldefs` keeps the \
             first, and callers of the other get the wrong one"
        );
        let same = text(&[duplicate("twice", one.clone(), definition(Origin::file("y.o"), b"abcd"))]);
        assert!(same.contains("y.o (4 bytes): identical") && same.contains("may keep the first"), "{same}");
        let again = text(&[duplicate("twice", one.clone(), one)]);
        assert!(again.contains("note: the same file is given twice"), "{again}");
    }

    #[test]
    fn two_rust_libraries_are_one_message() {
        let names: Vec<String> = (0..100)
            .map(|index| format!("_ZN3std3foo{index:03}17h0123456789abcdefE").replace("3foo", "6foo"))
            .collect();
        let of = |library: &str, bytes| definition(Origin::member(library, "std.o"), bytes);
        let mut all: Vec<Duplicate> =
            names.iter().map(|name| duplicate(name, of("liba.a", b"1"), of("libb.a", b"2"))).collect();
        all.push(duplicate("rust_eh_personality", of("liba.a", b"12"), of("libb.a", b"12")));
        let got = text(&all);
        assert!(
            got.starts_with(
                "cgolink: error: libb.a: 101 duplicate symbols: liba.a and this file define the same names"
            ),
            "{got}"
        );
        assert!(got.contains("1 of 101 are identical on both sides, 100 differ"), "{got}");
        assert!(
            got.contains("each brings its own copy of the standard library") && got.contains("of type staticlib"),
            "{got}"
        );
        assert!(
            got.contains("std::foo000") && got.contains("rust_eh_personality") && got.lines().count() < 14,
            "{got}"
        );
    }

    #[test]
    fn definitions_in_a_preamble_with_export_are_explained() {
        let object = |name: &str| Origin {
            package: Some("cgo/app".to_owned()),
            ..Origin::file(format!("/tmp/go-link-1/{name}"))
        };
        let got =
            text(&[duplicate("helper", definition(object("000000.o"), b"12"), definition(object("000001.o"), b"12"))]);
        assert!(got.contains("two objects of Go package cgo/app have it: with `//export`"), "{got}");
        assert!(got.contains("define them in a .c file"), "{got}");
    }

    #[test]
    fn two_packages_with_the_same_c_code_are_named() {
        let object = |name: &str, package: &str| Origin { package: Some(package.to_owned()), ..Origin::file(name) };
        let got = text(&[duplicate(
            "sqlite3_open",
            definition(object("000004.o", "github.com/a/sqlite"), b"12"),
            definition(object("000009.o", "github.com/b/sqlite"), b"123"),
        )]);
        assert!(
            got.contains("Go packages github.com/a/sqlite and github.com/b/sqlite each bring the same C code"),
            "{got}"
        );
    }

    #[test]
    fn variables_in_headers_are_explained() {
        let of = |file: &str| Definition { is_function: false, ..definition(Origin::file(file), b"\0\0\0\0") };
        let got = text(&[duplicate("counter", of("a.o"), of("b.o"))]);
        assert!(got.contains("a variable that a header defines") && got.contains("`extern`"), "{got}");
    }

    #[test]
    fn one_definition_is_no_duplicate() {
        let lone = Duplicate { name: b"x", definitions: vec![definition(Origin::file("a.o"), b"")] };
        assert_eq!(text(&[lone]), "");
    }
}

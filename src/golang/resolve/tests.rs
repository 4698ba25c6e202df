//! Which definition counts, and which number it gets.

use super::*;
use crate::args::golink::GoLink;
use crate::args::mutation::Mutation;
use crate::golang::fixture::{Definition, object, program};
use crate::target::Architecture;

const TEXT: u8 = 1;
const DATA: u8 = 7;
const BSS: u8 = 9;

fn definition(name: &'static str, kind: u8, size: u32, data: &'static [u8]) -> Definition {
    Definition { name, kind, size, data, ..Definition::default() }
}

/// Resolves a program of packages `main`, `p1`, `p2`, ... with one object each; the first symbol of `name`, its size and contents.
fn winner(release: &str, objects: &[Vec<u8>], name: &str) -> Result<(u32, u64, Vec<u8>)> {
    let options = GoLink::default();
    let names = ["main", "p1", "p2"];
    let packages: Vec<(&str, &[u32])> = names[..objects.len()].iter().map(|name| (*name, &[][..])).collect();
    let program = program(&options, Architecture::X86_64, &packages);
    let inputs = (0u32..)
        .zip(objects)
        .map(|(at, bytes)| ObjectInput { object: Object::parse(bytes).expect("an object"), package: PackageId(at) });
    let release = Release::of_version(release).expect("a release");
    let symbols = resolve(inputs.collect(), &program.packages, release)?;
    let symbol = symbols.find(name.as_bytes(), Version::Abi0).expect("a symbol");
    Ok((symbol.0, symbols.size(symbol), symbols.data(symbol).to_vec()))
}

#[test]
fn declarations_give_way_to_contents() {
    let declared = definition("x", BSS, 8, b"");
    let initialised = definition("x", DATA, 8, b"contents");
    let (declared, initialised) = (object(&[declared]), object(&[initialised]));
    for objects in [[declared.clone(), initialised.clone()], [initialised, declared]] {
        let (number, size, data) = winner("go1.26", &objects, "x").expect("one definition");
        assert_eq!((number, size, &data[..]), (1, 8, &b"contents"[..]));
    }
}

#[test]
fn the_larger_size_of_a_variable_counts() {
    let small = object(&[definition("x", DATA, 4, b"four")]);
    let large = object(&[definition("x", BSS, 16, b"")]);
    for objects in [[small.clone(), large.clone()], [large, small]] {
        let (_, size, data) = winner("go1.26", &objects, "x").expect("one definition");
        assert_eq!((size, &data[..]), (16, &b"four"[..]));
    }
}

#[test]
fn functions_win_over_variables_that_stand_for_their_address() {
    let variable = object(&[definition("f", BSS, 8, b"")]);
    let function = object(&[definition("f", TEXT, 1, b"\xc3")]);
    for objects in [[variable.clone(), function.clone()], [function, variable]] {
        assert_eq!(winner("go1.26", &objects, "f").expect("one definition").2, b"\xc3");
    }
}

#[test]
fn two_contents_are_an_error_that_names_both_packages() {
    let one = object(&[definition("x", DATA, 3, b"one")]);
    let two = object(&[definition("x", DATA, 3, b"two")]);
    let error = winner("go1.26", &[one, two], "x").expect_err("a duplicate").to_string();
    assert!(
        error.contains("x is defined twice") && error.contains("package main") && error.contains("package p1"),
        "{error}"
    );
}

#[test]
fn of_repeatable_definitions_the_largest_counts_then_the_first() {
    let may_repeat = |size, data| Definition { flags: flag::DUPLICATE_OK, ..definition("x", DATA, size, data) };
    let objects = [object(&[may_repeat(2, b"aa")]), object(&[may_repeat(3, b"bbb")]), object(&[may_repeat(3, b"ccc")])];
    let (number, size, data) = winner("go1.26", &objects, "x").expect("one definition");
    assert_eq!((number, size, &data[..]), (1, 3, &b"bbb"[..]));
    // Whether an ordinary definition wins over repeatable ones depends on the release.
    let ordinary = object(&[definition("x", DATA, 1, b"o")]);
    let objects = [object(&[may_repeat(2, b"aa")]), ordinary];
    assert_eq!(winner("go1.26", &objects, "x").expect("one definition").2, b"aa");
    assert_eq!(winner("go1.27", &objects, "x").expect("one definition").2, b"o");
}

#[test]
fn numbers_follow_the_order_of_first_appearance() {
    let first = object(&[definition("a", DATA, 1, b"a"), definition("b", BSS, 1, b"")]);
    let second = object(&[definition("b", DATA, 1, b"b"), definition("c", DATA, 1, b"c")]);
    let objects = [first, second];
    let number = |name| winner("go1.26", &objects, name).expect("one definition").0;
    assert_eq!([number("a"), number("b"), number("c")], [1, 2, 3]);
}

#[test]
fn damaged_objects_are_refused_or_resolved() {
    let definitions = [
        Definition { relocations: vec![(0, 8, 1, 0, 1), (8, 4, 14, 4, 2)], ..definition("a", DATA, 16, b"0123456789") },
        Definition { aux: vec![(0, 0), (1, 2)], ..definition("b", TEXT, 4, b"\xc3") },
        definition("c", BSS, 64, b""),
    ];
    let whole = object(&definitions);
    let mut mutation = Mutation::new(0x5eed_0004);
    let mut refused = 0;
    for _ in 0..4000 {
        let bytes = mutation.of(&whole);
        let Ok(parsed) = Object::parse(&bytes) else {
            refused += 1;
            continue;
        };
        let options = GoLink::default();
        let program = program(&options, Architecture::X86_64, &[("main", &[])]);
        let input = ObjectInput { object: parsed, package: PackageId(0) };
        let release = Release::of_version("go1.26").expect("a release");
        let Ok(symbols) = resolve(vec![input], &program.packages, release) else { continue };
        for symbol in symbols.all() {
            let _ = (symbols.name(symbol), symbols.data(symbol), symbols.size(symbol), symbols.kind(symbol));
            assert!(symbols.relocations(symbol).all(|relocation| relocation.target.index() < symbols.count()));
            assert!(symbols.aux(symbol).all(|(_, aux)| aux.index() < symbols.count()));
        }
    }
    assert!((400..3900).contains(&refused), "{refused} of 4000 were refused");
}

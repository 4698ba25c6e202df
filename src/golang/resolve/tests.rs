//! Which definition counts, and which number it gets.

use super::slots::Meaning;
use super::*;
use crate::args::golink::GoLink;
use crate::golang::fixture::{Definition, object, program, with_own};
use crate::inputs::goobj::records::{flag, package_index};
use crate::inputs::goobj::{AuxKind, Reference};
use crate::mutation::Mutation;
use crate::target::Architecture;

const TEXT: u8 = 1;
const DATA: u8 = 7;
const BSS: u8 = 9;

fn definition(name: &'static str, kind: u8, size: u32, data: &'static [u8]) -> Definition {
    Definition { name, kind, size, data, ..Definition::default() }
}

/// Resolves a program of packages `main`, `p1`, `p2`, ... with one object each, and looks at it.
fn resolved<T>(release: &str, objects: &[Vec<u8>], look: impl Fn(&Symbols<'_>) -> T) -> Result<T> {
    resolved_with(release, objects, Unnamed::LeftOut, look)
}

fn resolved_with<T>(
    release: &str,
    objects: &[Vec<u8>],
    unnamed: Unnamed,
    look: impl Fn(&Symbols<'_>) -> T,
) -> Result<T> {
    let options = GoLink::default();
    let names = ["main", "p1", "p2"];
    let packages: Vec<(&str, &[u32])> = names[..objects.len()].iter().map(|name| (*name, &[][..])).collect();
    let program = program(&options, Architecture::X86_64, &packages);
    let inputs = (0u32..)
        .zip(objects)
        .map(|(at, bytes)| ObjectInput { object: Object::parse(bytes).expect("an object"), package: PackageId(at) });
    let release = Release::of_version(release).expect("a release");
    Ok(look(&resolve(inputs.collect(), &program.packages, release, unnamed)?))
}

/// The symbol of `name`, its size and contents.
fn winner(release: &str, objects: &[Vec<u8>], name: &str) -> Result<(u32, u64, Vec<u8>)> {
    resolved(release, objects, |symbols| {
        let symbol = symbols.find(name.as_bytes(), Version::Abi0).expect("a symbol");
        (symbol.0, symbols.size(symbol), symbols.data(symbol).to_vec())
    })
}

/// An object whose first definitions are content-addressed, with these hashes.
fn with_hashes(hashes: &[[u8; 16]], definitions: &[Definition]) -> Vec<u8> {
    let mut bytes = object(definitions);
    let block = |index: usize| 20 + 4 * index..24 + 4 * index;
    let offset = |bytes: &[u8], index: usize| u32::from_le_bytes(bytes[block(index)].try_into().expect("an offset"));
    let others = offset(&bytes, 6) + 21 * hashes.len() as u32;
    bytes[block(6)].copy_from_slice(&others.to_le_bytes());
    let start = offset(&bytes, 10) as usize;
    bytes.splice(start..start, hashes.concat());
    for index in 11..=18 {
        let moved = offset(&bytes, index) + 16 * hashes.len() as u32;
        bytes[block(index)].copy_from_slice(&moved.to_le_bytes());
    }
    bytes
}

#[test]
fn tables_of_program_counters_are_symbols_on_request() {
    let object = |name| {
        let table = Definition { kind: 3, size: 2, data: b"\x02\x01", ..Definition::default() };
        let string = definition("go:string.\"s\"", 3, 1, b"s");
        with_hashes(&[[1; 16], [2; 16]], &[table, string, definition(name, TEXT, 1, b"\xc3")])
    };
    let objects = [object("f"), object("g")];
    let of = |unnamed| {
        let look = |symbols: &Symbols<'_>| {
            let all = [0, 1].map(|id| [0, 1, 2].map(|local| symbols.of_local(ObjectId(id), local).0));
            (all, symbols.count())
        };
        resolved_with("go1.27", &objects, unnamed, look).expect("a program")
    };
    // Equal contents are one symbol, functions of different names are two.
    assert_eq!(of(Unnamed::Symbols), ([[1, 2, 3], [1, 2, 4]], 5));
    assert_eq!(of(Unnamed::LeftOut), ([[0, 1, 2], [0, 1, 3]], 4));
}

#[test]
fn who_knows_a_name_is_what_the_definition_that_counts_says() {
    let named = |name, abi, size| Definition { abi, ..definition(name, 3, size, b"s") };
    let of = |first, second| {
        let objects = [first, second].map(|definition| with_hashes(&[[1; 16]], &[definition]));
        let look = |symbols: &Symbols<'_>| {
            let symbol = symbols.of_local(ObjectId(0), 0);
            assert_eq!(symbol, symbols.of_local(ObjectId(1), 0));
            assert_eq!(symbols.is_named(symbol), !symbols.name(symbol).is_empty());
            assert_eq!(symbols.is_file_local(symbol), symbols.version(symbol) == Version::Static);
            (symbols.display(symbol).into_owned(), symbols.is_file_local(symbol))
        };
        resolved_with("go1.27", &objects, Unnamed::Symbols, look).expect("a program")
    };
    // The zeros at the end may be left out: the larger one of equal contents counts.
    let known = |size| named("main..stmp_1", u16::MAX, size);
    let (other, unnamed) = (|size| named("p.x", 0, size), |size| named("", 0, size));
    let [is_known, is_other, is_unnamed] = [("main..stmp_1", true), ("p.x", false), ("", false)]
        .map(|(name, is_file_local)| (name.to_owned(), is_file_local));
    assert_eq!([of(known(1), other(2)), of(other(1), known(2))], [is_other.clone(), is_known.clone()]);
    assert_eq!([of(known(2), other(1)), of(other(2), known(1))], [is_known.clone(), is_other]);
    assert_eq!([of(known(1), unnamed(2)), of(unnamed(1), known(2))], [is_unnamed, is_known]);
}

#[test]
fn descriptions_are_known_to_what_they_describe() {
    const LINES: u8 = 20;
    // What follows the last thing with a name describes code; the object has nothing else from there on.
    let object = |name, count: usize| {
        let parts = [(7, &b"i"[..]), (LINES, b"li")].into_iter().cycle().take(count);
        let parts = parts.map(|(kind, data)| Definition { kind, data, ..definition("", kind, 1, data) });
        let table = definition("", 3, 1, b"t");
        let all: Vec<Definition> = [table, definition(name, TEXT, 1, b"\xc3")].into_iter().chain(parts).collect();
        with_own(all.len() as u32, &all)
    };
    let counts = [3, 0, 200];
    let objects = [object("f", counts[0]), object("g", counts[1]), object("h", counts[2])];
    let look = |symbols: &Symbols<'_>| {
        let mut described = 0;
        for (id, count) in (0..).map(ObjectId).zip(counts) {
            let entry = symbols.object(id);
            for local in 0..count as u32 + 2 {
                let symbol = symbols.of_local(id, local);
                assert_eq!(symbols.definition(symbol), Some((id, local)));
                assert_eq!(symbols.data(symbol), entry.object.data(local));
                assert_eq!(symbols.kind(symbol), Kind::of_object(entry.object.symbol(local).kind()));
                assert_eq!(symbol.description().is_some(), local >= 2);
                described += usize::from(symbol.description().is_some());
                let reference = Reference { package: package_index::SELF, index: local };
                assert_eq!(symbols.resolve_aux(entry, AuxKind::FuncInfo, reference), symbol);
                let by_others = if local < 2 { symbol } else { GoSymbol::NONE };
                assert_eq!(symbols.resolve_aux(entry, AuxKind::Funcdata, reference), by_others);
                assert_eq!(symbols.resolve(id, reference), by_others);
            }
            let beyond = Reference { package: package_index::SELF, index: count as u32 + 2 };
            assert!(symbols.resolve_aux(entry, AuxKind::FuncInfo, beyond).is_none());
        }
        assert_eq!((described, symbols.description_count(), symbols.count()), (203, 203, 7));
        let none = GoSymbol::of_description(203);
        assert_eq!(
            (symbols.definition(none), symbols.kind(none), symbols.is_reachable(none)),
            (None, Kind::Undefined, false)
        );
    };
    resolved("go1.26", &objects, look).expect("a program");
    let all = |symbols: &Symbols<'_>| (symbols.description_count(), symbols.count());
    assert_eq!(resolved_with("go1.26", &objects, Unnamed::Symbols, all).expect("a program"), (0, 210));
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
fn what_a_package_defines_is_found_by_name_from_everywhere() {
    let reference = Definition { is_reference: true, ..definition("f", TEXT, 0, b"") };
    let first = object(&[definition("a", DATA, 1, b"a"), reference.clone()]);
    let unnamed = definition("", DATA, 3, b"aux");
    let second = with_own(2, &[unnamed, definition("f", TEXT, 1, b"\xc3"), definition("b", DATA, 1, b"b"), reference]);
    let objects = [first, second];
    let [main, other] = [ObjectId(0), ObjectId(1)];
    resolved("go1.26", &objects, |symbols| {
        let function = symbols.find(b"f", Version::Abi0).expect("a symbol");
        assert_eq!((function, symbols.data(function)), (GoSymbol(2), &b"\xc3"[..]));
        assert_eq!([0, 1].map(|local| symbols.of_local(main, local)), [GoSymbol(3), function]);
        assert_eq!([0, 1, 2, 3].map(|local| symbols.of_local(other, local).0), [1, 2, 4, 2]);
        assert_eq!((symbols.first_external(), symbols.count()), (GoSymbol(5), 5));
    })
    .expect("a table");
}

#[test]
fn of_a_package_and_another_object_the_rules_are_the_same() {
    let declared = with_own(1, &[definition("x", BSS, 16, b"")]);
    let initialised = object(&[definition("x", DATA, 4, b"four")]);
    for objects in [[declared.clone(), initialised.clone()], [initialised.clone(), declared]] {
        assert_eq!(winner("go1.26", &objects, "x").expect("one definition"), (1, 16, b"four".to_vec()));
    }
    let contents = with_own(1, &[definition("x", DATA, 4, b"more")]);
    let error = winner("go1.26", &[initialised, contents], "x").expect_err("a duplicate").to_string();
    assert!(error.contains("x is defined twice"), "{error}");
}

#[test]
fn names_that_nothing_defines_come_last_and_are_one_symbol_each() {
    let refer = |name| Definition { is_reference: true, ..definition(name, 0, 0, b"") };
    let first = object(&[refer("y"), refer("x")]);
    let second = object(&[definition("a", DATA, 1, b"a"), refer("x"), refer("z")]);
    resolved("go1.26", &[first, second], |symbols| {
        let number = |name: &[u8]| symbols.find(name, Version::Abi0).expect("a symbol").0;
        assert_eq!([number(b"a"), number(b"y"), number(b"x"), number(b"z")], [1, 2, 3, 4]);
        assert_eq!(symbols.of_local(ObjectId(1), 1), GoSymbol(3));
        assert!((2..5).all(|symbol| symbols.is_made(GoSymbol(symbol))) && symbols.name(GoSymbol(4)) == b"z");
    })
    .expect("a table");
}

#[test]
fn references_without_a_name_are_one_symbol() {
    let refer = |name| Definition { is_reference: true, ..definition(name, 0, 0, b"") };
    let first = object(&[refer("x"), refer(""), refer("")]);
    let second = object(&[definition("a", DATA, 1, b"a"), refer(""), refer("x")]);
    resolved("go1.26", &[first, second], |symbols| {
        let [first, second] = [ObjectId(0), ObjectId(1)];
        assert_eq!([0, 1, 2].map(|local| symbols.of_local(first, local).0), [2, 3, 3]);
        assert_eq!([0, 1, 2].map(|local| symbols.of_local(second, local).0), [1, 3, 2]);
        assert_eq!(symbols.count(), 4);
    })
    .expect("a table");
}

#[test]
fn slots_lead_to_their_symbol_by_way_of_others() {
    let slots = Slots::new(4);
    for (slot, meaning) in [(3, Meaning::Slot(2)), (2, Meaning::Slot(0)), (0, Meaning::Symbol(GoSymbol(7)))] {
        slots.set(slot, meaning.value());
    }
    slots.set(1, Meaning::Symbol(GoSymbol(5)).value());
    assert_eq!(slots.resolved().iter().map(|symbol| symbol.0).collect::<Vec<_>>(), [7, 5, 7, 7]);
}

#[test]
fn later_definitions_add_to_the_facts_of_the_first() {
    let repeated = |alignment, flags| {
        let flags = flags | flag::DUPLICATE_OK;
        object(&[Definition { alignment, flags, ..definition("x", DATA, 4, b"four") }])
    };
    let objects = [repeated(2, 0), repeated(16, 0), repeated(8, flag::LOCAL)];
    resolved("go1.26", &objects, |symbols| {
        let symbol = symbols.find(b"x", Version::Abi0).expect("a symbol");
        assert_eq!((symbols.alignment(symbol), symbols.is(symbol, attribute::LOCAL)), (16, true));
    })
    .expect("a table");
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
        let Ok(symbols) = resolve(vec![input], &program.packages, release, Unnamed::LeftOut) else { continue };
        for symbol in symbols.all() {
            let _ = (symbols.name(symbol), symbols.data(symbol), symbols.size(symbol), symbols.kind(symbol));
            assert!(symbols.relocations(symbol).all(|relocation| relocation.target.index() < symbols.count()));
            let Some((id, local)) = symbols.definition(symbol) else { continue };
            let entry = symbols.object(id);
            let mut aux = entry
                .object
                .aux(local)
                .filter_map(|record| Some(symbols.resolve_aux(entry, record.kind()?, record.symbol())));
            assert!(aux.all(|aux| aux.index() < symbols.count()));
        }
    }
    assert!((400..3900).contains(&refused), "{refused} of 4000 were refused");
}

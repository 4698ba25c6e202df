//! The order and the addresses of code.

use super::order::order;
use super::text::measure;
use crate::args::golink::GoLink;
use crate::golang::fixture::{self, Definition};
use crate::golang::symbols::{GoSymbol, ObjectId, PackageId, Symbols, Version, attribute};
use crate::inputs::goobj::records::flag;
use crate::target::Architecture;

fn function(name: &'static str, flags: u8, size: u32, alignment: u32) -> Definition {
    Definition { name, abi: 1, kind: 1, flags, size, alignment, ..Definition::default() }
}

fn names<'a>(symbols: &'a Symbols<'_>, order: &[GoSymbol]) -> Vec<std::borrow::Cow<'a, str>> {
    order.iter().map(|symbol| symbols.display(*symbol)).collect()
}

#[test]
fn packages_follow_what_they_import_and_the_runtime_is_first() {
    let options = GoLink::default();
    let packages: [(&str, &[u32]); 4] = [("main", &[2, 1]), ("a", &[3]), ("b", &[1, 3]), ("runtime", &[])];
    let program = fixture::program(&options, Architecture::X86_64, &packages);
    let shared = flag::DUPLICATE_OK;
    let objects = [
        fixture::object(&[function("g", shared, 1, 0), function("main.main", 0, 1, 0)]),
        fixture::object(&[function("g", shared, 1, 0), function("a.a", 0, 1, 0)]),
        fixture::object(&[function("b.b", 0, 1, 0), function("b.dead", 0, 1, 0)]),
        fixture::object(&[function("runtime.r", 0, 1, 0)]),
    ];
    let mut symbols = fixture::load(&program, &objects);
    fixture::reach_all(&mut symbols);
    let dead = symbols.find(b"b.dead", Version::AbiInternal).expect("a symbol");
    symbols.clear(dead, attribute::REACHABLE);
    let text = order(&mut symbols, &program).expect("an order");
    assert_eq!(names(&symbols, &text.order), ["runtime.r", "a.a", "g", "b.b", "main.main"]);
    assert_eq!(text.packages, [3, 1, 2, 0].map(PackageId));
    let shared = symbols.find(b"g", Version::AbiInternal).expect("a symbol");
    // The first definition counts, and it is laid out with the package that comes first.
    assert_eq!((symbols.unit(shared), symbols.package(shared)), (Some(ObjectId(0)), Some(PackageId(1))));
    assert_eq!(text.units.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1, 1, 1]);
}

#[test]
fn cycles_of_imports_are_refused() {
    let options = GoLink::default();
    let program = fixture::program(&options, Architecture::X86_64, &[("main", &[1]), ("a", &[0])]);
    let objects = [fixture::object(&[]), fixture::object(&[])];
    let mut symbols = fixture::load(&program, &objects);
    assert_eq!(order(&mut symbols, &program).expect_err("a cycle").code, "import-cycle");
}

#[test]
fn functions_are_aligned_and_take_sixteen_bytes() {
    let options = GoLink::default();
    let program = fixture::program(&options, Architecture::X86_64, &[("main", &[])]);
    let objects = [fixture::object(&[
        function("a", 0, 1, 0),
        function("b", 0, 40, 64),
        Definition { kind: 2, ..function("fips", 0, 1, 0) },
        function("c", 0, 1, 16),
    ])];
    let mut symbols = fixture::load(&program, &objects);
    fixture::reach_all(&mut symbols);
    let mut text = order(&mut symbols, &program).expect("an order");
    let measured = measure(&symbols, &program, &text.order).expect("addresses");
    let places = measured.settle(&mut symbols, &program, &mut text).expect("addresses");
    assert_eq!(names(&symbols, &text.order), ["a", "b", "c", "fips"]);
    let values: Vec<u64> = text.order.iter().map(|symbol| places.of(*symbol)).collect();
    assert_eq!(values, [0x40_1000, 0x40_1040, 0x40_1080, 0x40_10a0]);
    assert_eq!((places.section.address, places.section.length, places.section.alignment), (0x40_1000, 0xb1, 64));
    let end = symbols.find(b"runtime.etext", Version::Abi0).expect("the end");
    assert_eq!(places.of(end), 0x40_10b0);
}

#[test]
fn addresses_and_code_that_no_machine_has_are_refused() {
    for options in [
        GoLink { text_address: Some(u64::MAX - 5), ..GoLink::default() },
        GoLink { text_address: Some(0x1020), ..GoLink::default() },
        GoLink { function_alignment: Some(1 << 40), ..GoLink::default() },
    ] {
        let program = fixture::program(&options, Architecture::X86_64, &[("main", &[])]);
        let objects = [fixture::object(&[function("a", 0, 1, 0), function("b", 0, 1, 64)])];
        let mut symbols = fixture::load(&program, &objects);
        fixture::reach_all(&mut symbols);
        let mut text = order(&mut symbols, &program).expect("an order");
        let measured = measure(&symbols, &program, &text.order);
        let settled = measured.and_then(|measured| measured.settle(&mut symbols, &program, &mut text));
        let error = settled.expect_err("no addresses");
        assert!(["bad-address", "misaligned-text", "too-much-code"].contains(&error.code), "{}", error.code);
    }
}

#[test]
fn a_function_is_as_long_as_its_code() {
    for (size, is_damaged) in [(1 << 12, false), (1 << 20, true), (u32::MAX, true)] {
        let options = GoLink::default();
        let program = fixture::program(&options, Architecture::X86_64, &[("main", &[])]);
        let objects = [fixture::object(&[Definition { data: b"code", ..function("main.f", 0, size, 0) }])];
        let mut symbols = fixture::load(&program, &objects);
        fixture::reach_all(&mut symbols);
        let mut text = order(&mut symbols, &program).expect("an order");
        let measured = measure(&symbols, &program, &text.order);
        let error = measured.and_then(|measured| measured.settle(&mut symbols, &program, &mut text)).err();
        let text = error.map_or(String::new(), |error| error.to_string());
        assert_eq!(text.contains("main.f") && text.contains("holds 4"), is_damaged, "{size}: {text}");
    }
}

#[test]
fn every_call_between_packages_can_be_made_to_need_a_thunk() {
    let options = GoLink { debug_thunks: 2, ..GoLink::default() };
    let packages: [(&str, &[u32]); 2] = [("main", &[1]), ("a", &[])];
    let program = fixture::program(&options, Architecture::Aarch64, &packages);
    // R_CALLARM64 to a.a twice, with and without an addend, and within the package.
    let calls = vec![(0, 4, 9, 0, 1), (4, 4, 9, 0, 1), (8, 4, 9, 8, 1), (12, 4, 9, 0, 2)];
    let objects = [
        fixture::object(&[
            Definition { relocations: calls, ..function("main.main", 0, 16, 0) },
            function("a.a", flag::DUPLICATE_OK, 16, 0),
            function("main.b", 0, 4, 0),
        ]),
        fixture::object(&[function("a.a", flag::DUPLICATE_OK, 16, 0)]),
    ];
    let mut symbols = fixture::load(&program, &objects);
    fixture::reach_all(&mut symbols);
    let mut text = order(&mut symbols, &program).expect("an order");
    let measured = measure(&symbols, &program, &text.order).expect("addresses");
    let places = measured.settle(&mut symbols, &program, &mut text).expect("addresses");
    let want = ["a.a", "main.main", "a.a+0-tramp0", "a.a+8-tramp0", "main.b"];
    assert_eq!(names(&symbols, &text.order), want);
    let values: Vec<u64> = text.order.iter().map(|symbol| places.of(*symbol)).collect();
    assert_eq!(values, [0x1_1000, 0x1_1010, 0x1_1020, 0x1_1030, 0x1_1040]);
    let called: Vec<_> = symbols.relocations(text.order[1]).map(|call| (call.target, call.addend)).collect();
    assert_eq!(called, [2, 2, 3, 4].map(|at| (text.order[at], 0)));
    let thunk = symbols.relocations(text.order[3]).next().expect("a relocation");
    assert_eq!((thunk.target, thunk.addend, thunk.size), (text.order[0], 8, 8));
}

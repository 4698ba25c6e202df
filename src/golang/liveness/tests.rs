//! Tiny programs, and what lives of them.

use super::{Roots, mark};
use crate::args::golink::GoLink;
use crate::golang::fixture::{Definition, load, object, program};
use crate::golang::symbols::{Symbols, Version, attribute};
use crate::inputs::goobj::records::{flag, flag2};
use crate::target::Architecture;

const ADDRESS: u16 = 1;
const OFFSET: u16 = 5;
const CALL: u16 = 7;
const USE_IFACE: u16 = 23;
const USE_IFACE_METHOD: u16 = 24;
const USE_NAMED_METHOD: u16 = 25;
const METHOD: u16 = 26;
const WEAK: u16 = 1 << 15;

const TEXT: u8 = 1;
const RODATA: u8 = 3;

/// A program under construction: definitions by name, and references between them by name.
struct Sketch {
    definitions: Vec<Definition>,
    edges: Vec<(&'static str, i32, u16, i64, &'static str)>,
}

impl Sketch {
    fn new() -> Self {
        let mut sketch = Sketch { definitions: Vec::new(), edges: Vec::new() };
        for name in ["_rt0_amd64_linux", "runtime.unreachableMethod"] {
            sketch.add(name, TEXT);
        }
        sketch.definitions.push(Definition {
            name: "runtime.mapinitnoop",
            abi: 1,
            kind: TEXT,
            ..Definition::default()
        });
        sketch
    }

    fn add(&mut self, name: &'static str, kind: u8) -> &mut Definition {
        self.definitions.push(Definition { name, kind, size: 8, ..Definition::default() });
        self.definitions.last_mut().expect("one was pushed")
    }

    fn edge(&mut self, from: &'static str, kind: u16, to: &'static str) {
        self.edges.push((from, 0, kind, 0, to));
    }

    fn edge_at(&mut self, from: &'static str, offset: i32, kind: u16, to: &'static str) {
        self.edges.push((from, offset, kind, 0, to));
    }

    /// A named type with one method, of the types of these methods' functions.
    fn type_with_method(&mut self, name: &'static str, method: &'static str, parts: [&'static str; 3]) {
        // Kind int, with an uncommon part: one method, 16 bytes behind its start.
        let mut data = vec![0; 64];
        (data[20], data[23], data[48 + 4], data[48 + 8]) = (1, 2, 1, 16);
        *self.add(name, RODATA) = Definition {
            name,
            kind: RODATA,
            flags: flag::GO_TYPE,
            size: 80,
            data: data.leak(),
            ..Definition::default()
        };
        self.edge_at(name, 64, OFFSET, method);
        for (offset, part) in [68, 72, 76].into_iter().zip(parts) {
            self.edge_at(name, offset, METHOD, part);
        }
    }

    /// An interface type with one method at offset 80.
    fn interface(&mut self, name: &'static str, method: &'static str, function: &'static str) {
        let mut data = vec![0; 80];
        (data[23], data[64]) = (20, 1);
        *self.add(name, RODATA) = Definition {
            name,
            kind: RODATA,
            flags: flag::GO_TYPE,
            size: 88,
            data: data.leak(),
            ..Definition::default()
        };
        self.edge_at(name, 80, OFFSET, method);
        self.edge_at(name, 84, OFFSET, function);
    }

    fn name(&mut self, symbol: &'static str, text: &'static str) {
        let data = [&[1, text.len() as u8], text.as_bytes()].concat();
        self.add(symbol, RODATA).data = data.leak();
    }

    fn object(mut self) -> Vec<u8> {
        let names: Vec<&str> = self.definitions.iter().map(|definition| definition.name).collect();
        let find = |name: &str| names.iter().position(|known| *known == name).expect(name) as u32;
        for (from, offset, kind, addend, to) in self.edges {
            let size = if kind == OFFSET || kind == METHOD { 4 } else { 0 };
            self.definitions[find(from) as usize].relocations.push((offset, size, kind, addend, find(to)));
        }
        object(&self.definitions)
    }

    /// Links the program, with and without a trace; names of definitions that live.
    fn living(self) -> Vec<String> {
        let options = GoLink::default();
        let program = program(&options, Architecture::X86_64, &[("main", &[])]);
        let objects = [self.object()];
        let mut trace = Vec::new();
        let [parallel, serial] = [false, true].map(|traced| {
            let mut symbols = load(&program, &objects);
            let wanted = traced.then_some(&mut trace as &mut dyn std::io::Write);
            mark(&mut symbols, &program, Roots::default(), wanted).expect("a link");
            living(&symbols)
        });
        assert_eq!(parallel, serial);
        parallel
    }
}

fn living(symbols: &Symbols<'_>) -> Vec<String> {
    let mut names: Vec<String> = symbols
        .all()
        .filter(|symbol| symbols.is_reachable(*symbol))
        .map(|symbol| symbols.display(symbol).into_owned())
        .filter(|name| !name.starts_with("_rt0") && !name.starts_with("runtime."))
        .collect();
    names.sort();
    names
}

/// `main` converts T to an interface if `converts`, and calls what `call` says.
fn with_method(converts: bool, call: impl FnOnce(&mut Sketch)) -> Vec<String> {
    let mut sketch = Sketch::new();
    for name in ["main", "T.M.ifn", "T.M.tfn"] {
        sketch.add(name, TEXT);
    }
    for name in ["func()", "func(int)"] {
        sketch.add(name, RODATA).flags = flag::GO_TYPE;
    }
    sketch.name("name.M", "M");
    sketch.name("name.N", "N");
    sketch.add("M", RODATA).data = b"M";
    sketch.add("N", RODATA).data = b"N";
    sketch.type_with_method("T", "name.M", ["func()", "T.M.ifn", "T.M.tfn"]);
    sketch.interface("I", "name.M", "func()");
    sketch.interface("J", "name.M", "func(int)");
    sketch.edge("_rt0_amd64_linux", CALL, "main");
    sketch.edge("main", ADDRESS, "T");
    if converts {
        sketch.edge("main", USE_IFACE, "T");
    }
    call(&mut sketch);
    sketch.living()
}

fn call_through(interface: &'static str) -> impl FnOnce(&mut Sketch) {
    move |sketch| sketch.edges.push(("main", 0, USE_IFACE_METHOD, 80, interface))
}

#[test]
fn methods_live_if_a_call_through_an_interface_names_them() {
    let (without, with) = (["T", "main", "name.M"], ["T", "T.M.ifn", "T.M.tfn", "func()", "main", "name.M"]);
    assert_eq!(with_method(true, |_| {}), without);
    assert_eq!(with_method(true, call_through("I")), with);
    assert_eq!(with_method(false, call_through("I")), without, "no value of type T is in an interface");
    assert_eq!(with_method(true, call_through("J")), without, "J's method has other parameters");
    assert_eq!(with_method(true, |sketch| sketch.edge("main", USE_NAMED_METHOD, "M")), with);
    assert_eq!(with_method(true, |sketch| sketch.edge("main", USE_NAMED_METHOD, "N")), without);
    let reflects = |sketch: &mut Sketch| {
        sketch.add("reflects", TEXT).flags = flag::REFLECT_METHOD;
        sketch.edge("main", CALL, "reflects");
    };
    assert_eq!(with_method(true, reflects).len(), with.len() + 1);
}

#[test]
fn types_that_are_found_late_to_be_used_are_looked_at_again() {
    // T is reached at once, and only a type that uses it is converted.
    let found = with_method(false, |sketch| {
        call_through("I")(sketch);
        sketch.add("chan T", RODATA).flags = flag::GO_TYPE;
        sketch.add("late", TEXT);
        sketch.edge("main", CALL, "late");
        sketch.edge("late", USE_IFACE, "chan T");
        sketch.edge("late", ADDRESS, "chan T");
        sketch.edge("chan T", OFFSET, "T");
    });
    assert!(found.contains(&"T.M.ifn".to_owned()), "{found:?}");
}

#[test]
fn maps_that_nobody_uses_are_not_filled() {
    for used in [false, true] {
        let mut sketch = Sketch::new();
        sketch.add("main.init", TEXT).flags2 = flag2::PACKAGE_INIT;
        sketch.add("main.map.init.0", TEXT);
        sketch.add("main.m", RODATA);
        sketch.add("info", RODATA);
        sketch.edge("_rt0_amd64_linux", CALL, "main.init");
        sketch.edges.push(("main.init", 1, CALL | WEAK, 0, "main.map.init.0"));
        let info = sketch.definitions.len() as u32 - 1;
        sketch.definitions[info as usize - 3].aux.push((1, info));
        sketch.edge("main.m", 27, "main.map.init.0");
        if used {
            sketch.edge("main.init", ADDRESS, "main.m");
        }
        let options = GoLink::default();
        let program = program(&options, Architecture::X86_64, &[("main", &[])]);
        let objects = [sketch.object()];
        let mut symbols = load(&program, &objects);
        mark(&mut symbols, &program, Roots::default(), None).expect("a link");
        let nothing = symbols.find(b"runtime.mapinitnoop", Version::AbiInternal).expect("a definition");
        let filler = symbols.find(b"main.map.init.0", Version::Abi0).expect("a definition");
        let initialiser = symbols.find(b"main.init", Version::Abi0).expect("a definition");
        let called = symbols.relocations(initialiser).next().expect("a call").target;
        assert_eq!(called, if used { filler } else { nothing });
        assert_eq!(symbols.is(nothing, attribute::REACHABLE), !used);
        assert_eq!(symbols.is_reachable(filler), used);
    }
}

#[test]
fn descriptions_of_code_are_visited_where_they_are_told_of() {
    const FUNCDATA: u8 = 2;
    const DWARF_INFO: u8 = 3;
    const PCSP: u8 = 7;
    let mut sketch = Sketch::new();
    let described = sketch.definitions.len();
    for (name, kind) in [("main", TEXT), ("map", RODATA), ("info", 14), ("abstract", 15), ("pcsp", RODATA)] {
        sketch.add(name, kind);
    }
    sketch.edge("_rt0_amd64_linux", CALL, "main");
    sketch.edge("info", ADDRESS, "main");
    sketch.edge("info", ADDRESS, "abstract");
    let parts = [(FUNCDATA, 1), (DWARF_INFO, 2), (PCSP, 4)];
    sketch.definitions[described].aux = parts.map(|(kind, at)| (kind, described as u32 + at)).to_vec();
    let objects = [sketch.object()];
    for (verbose, dump_dependencies) in [(0, false), (1, false), (0, true)] {
        let options = GoLink { verbose, dump_dependencies, ..GoLink::default() };
        let program = program(&options, Architecture::X86_64, &[("main", &[])]);
        let mut symbols = load(&program, &objects);
        mark(&mut symbols, &program, Roots::default(), None).expect("a link");
        let all: &[&str] = &["abstract", "info", "main", "map", "pcsp"];
        assert_eq!(living(&symbols), if verbose == 0 && !dump_dependencies { &["main", "map"] } else { all });
    }
}

#[test]
fn damaged_types_are_named() {
    let mut sketch = Sketch::new();
    sketch.add("T", RODATA).flags = flag::GO_TYPE;
    sketch.add("m", TEXT);
    sketch.edge("_rt0_amd64_linux", USE_IFACE, "T");
    sketch.edge("_rt0_amd64_linux", ADDRESS, "T");
    for offset in [0, 4, 8] {
        sketch.edge_at("T", offset, METHOD, "m");
    }
    let options = GoLink::default();
    let program = program(&options, Architecture::X86_64, &[("main", &[])]);
    let objects = [sketch.object()];
    let mut symbols = load(&program, &objects);
    let errors = mark(&mut symbols, &program, Roots::default(), None).expect_err("a damaged type");
    let text = errors.to_string();
    assert!(text.contains("the symbol T ") && text.contains("p.a") && text.contains("1 methods"), "{text}");
}

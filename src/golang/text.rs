//! The order and the addresses of code (Go 1.26 and 1.27, `AssignTextSymbolOrder` of `cmd/link/internal/loader`,
//! `postorder` and `textaddress` of `cmd/link/internal/ld`).
//!
//! Packages are laid out after those they import, what the runtime is made of before all others: calls go back, so that
//! on machines with short branches a function's callees mostly have their addresses when it gets its own.

use rayon::prelude::*;

use super::address::{Section, Segment, access};
use super::kind::Kind;
use super::machine::Machine;
use super::program::Program;
use super::set::SymbolSet;
use super::symbols::{GoSymbol, ObjectId, PackageId, Symbols, Version, attribute};
use super::{shuffle, thunks};
use crate::diag::{Diagnostic, Origin};
use crate::inputs::goobj::records::flag;

/// A function takes at least this, so that the table that finds functions has at most one for each slot.
pub const SMALLEST_FUNCTION: u64 = 16;

/// How many more symbols the columns of addresses have room for: more than stages make from here on, so that these
/// columns do not move. Thunks are many, but rare.
const ROOM: usize = 256;

/// What the runtime is made of (`cmd/internal/objabi/pkgspecial.go`).
const RUNTIME: [&str; 24] = [
    "runtime",
    "internal/runtime/atomic",
    "internal/runtime/cgroup",
    "internal/runtime/exithook",
    "internal/runtime/gc",
    "internal/runtime/gc/scan",
    "internal/runtime/maps",
    "internal/runtime/math",
    "internal/runtime/sys",
    "internal/runtime/syscall/linux",
    "internal/runtime/syscall/windows",
    "internal/abi",
    "internal/bytealg",
    "internal/byteorder",
    "internal/chacha8rand",
    "internal/coverage/rtcov",
    "internal/cpu",
    "internal/goarch",
    "internal/godebugs",
    "internal/goexperiment",
    "internal/goos",
    "internal/profilerecord",
    "internal/strconv",
    "internal/stringslite",
];

/// Whether a package is the runtime or something that the runtime imports.
pub(super) fn is_runtime_package(path: &str) -> bool {
    RUNTIME.contains(&path)
}

/// The code of the program.
#[derive(Clone, Default, Debug)]
pub struct Text {
    /// All functions in the order of their addresses; before [`measure`] those of the FIPS module are not yet together.
    pub order: Vec<GoSymbol>,
    /// By object: its functions, in the order of the program.
    pub units: Vec<Vec<GoSymbol>>,
    /// The packages, each after those it imports.
    pub packages: Vec<PackageId>,
}

/// Where code is.
#[derive(Clone, Debug)]
pub struct TextPlaces {
    /// By symbol, with room for some that are made later: the address of a function; 0 for what is no code.
    pub value: Vec<u64>,
    /// The section of it all.
    pub section: Section,
}

impl TextPlaces {
    /// A function's address; 0 for what is no code.
    #[inline]
    pub fn of(&self, symbol: GoSymbol) -> u64 {
        self.value.get(symbol.index()).copied().unwrap_or(0)
    }
}

/// Puts the functions that are part of the program in order.
pub fn order(symbols: &mut Symbols<'_>, program: &Program<'_>) -> Result<Text, Diagnostic> {
    let packages = postorder(program)?;
    // Many objects define the same symbol: what is asked of it each time is put together first, and stays in the cores' caches.
    let live = SymbolSet::of(symbols.count(), |symbol| symbols.kind(symbol).is_text() && symbols.is_reachable(symbol));
    // One by one: some objects are a hundred times as large as most.
    let ids = (0..symbols.objects.len()).into_par_iter().with_max_len(1);
    let objects: Vec<Functions> = ids.map(|id| functions(symbols, &live, ObjectId(id as u32))).collect();
    let mut merge = Merge {
        text: Text { units: vec![Vec::new(); objects.len()], ..Text::default() },
        placed: SymbolSet::new(symbols.count()),
    };
    for name in [&b"go:textfipsstart"[..], b"go:textfipsend"] {
        let found = symbols.find(name, Version::Abi0).filter(|symbol| symbols.is_reachable(*symbol));
        merge.text.order.extend(found);
    }
    for of_runtime in [true, false] {
        for id in &packages {
            let package = &program.packages[id.index()];
            if is_runtime_package(&package.path) != of_runtime {
                continue;
            }
            for object in package.object_ids() {
                merge.own(object, &objects[object.index()].own);
            }
            for object in package.object_ids() {
                merge.shared(symbols, &objects[object.index()].shared, *id);
            }
        }
    }
    merge.text.packages = packages;
    Ok(merge.text)
}

/// The packages, each after those it imports, and first those that the first one imports first.
fn postorder(program: &Program<'_>) -> Result<Vec<PackageId>, Diagnostic> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; program.packages.len()];
    let mut order = Vec::with_capacity(program.packages.len());
    for root in 0..program.packages.len() {
        let mut path = Vec::new();
        let mut next = Some(root);
        loop {
            if let Some(package) = next.take() {
                match marks[package] {
                    Mark::Done => {}
                    Mark::Open => return Err(cycle(program, package)),
                    Mark::New => {
                        marks[package] = Mark::Open;
                        path.push((package, 0));
                    }
                }
            }
            let Some((package, import)) = path.last_mut() else { break };
            match program.packages[*package].imports.get(*import) {
                Some(imported) => {
                    *import += 1;
                    next = Some(imported.index());
                }
                None => {
                    marks[*package] = Mark::Done;
                    order.push(PackageId(*package as u32));
                    path.pop();
                }
            }
        }
    }
    Ok(order)
}

fn cycle(program: &Program<'_>, package: usize) -> Diagnostic {
    let package = &program.packages[package];
    let message = format!("package {} imports itself by way of what it imports", package.path);
    Diagnostic::error("import-cycle", message)
        .at(Origin::file(package.file))
        .help("build the packages again: no compiler makes such archives")
}

/// The functions of an object that are part of the program.
struct Functions {
    /// Defined here and nowhere else.
    own: Vec<GoSymbol>,
    /// Possibly defined by others too, or changed by the linker.
    shared: Vec<GoSymbol>,
}

fn functions(symbols: &Symbols<'_>, live: &SymbolSet, id: ObjectId) -> Functions {
    let definitions = symbols.object(id).object.counts().definitions();
    let mut found = Functions { own: Vec::new(), shared: Vec::new() };
    for local in 0..definitions {
        let symbol = symbols.of_local(id, local);
        if live.contains(symbol) {
            let is_own =
                symbols.definition(symbol) == Some((id, local)) && !symbols.has_flag(symbol, flag::DUPLICATE_OK);
            if is_own { &mut found.own } else { &mut found.shared }.push(symbol);
        }
    }
    found
}

struct Merge {
    text: Text,
    /// What is in the order.
    placed: SymbolSet,
}

impl Merge {
    fn own(&mut self, object: ObjectId, functions: &[GoSymbol]) {
        let Merge { text, placed } = self;
        let first = text.order.len();
        text.order.extend(functions.iter().filter(|symbol| placed.insert(**symbol)));
        text.units[object.index()].extend_from_slice(&text.order[first..]);
    }

    /// A function that several packages have belongs to the one that it is laid out with.
    fn shared(&mut self, symbols: &mut Symbols<'_>, functions: &[GoSymbol], package: PackageId) {
        for symbol in functions {
            if self.place(symbols, *symbol) && symbols.package(*symbol) != Some(package) {
                symbols.set_package(*symbol, package);
            }
        }
    }

    fn place(&mut self, symbols: &Symbols<'_>, symbol: GoSymbol) -> bool {
        let is_new = self.placed.insert(symbol);
        if is_new {
            self.text.order.push(symbol);
            if let Some(unit) = symbols.unit(symbol) {
                self.text.units[unit.index()].push(symbol);
            }
        }
        is_new
    }
}

/// Code with addresses, but for what branches that do not reach change.
pub struct Measured {
    machine: Machine,
    order: Vec<GoSymbol>,
    base: u64,
    cursor: Cursor,
    needs_thunks: bool,
}

/// Gives every function its address as if every branch reached.
pub fn measure(symbols: &Symbols<'_>, program: &Program<'_>, order: &[GoSymbol]) -> Result<Measured, Diagnostic> {
    let machine = Machine::of(program)?;
    let mut order = order.to_vec();
    if program.options.random_layout != 0 {
        shuffle::shuffle(&mut order, program.options.random_layout);
    }
    order.sort_by_key(|symbol| rank(symbols.kind(*symbol)));
    let base = machine.text_address.next_multiple_of(machine.function_alignment);
    let mut cursor = Cursor {
        limit: base + u64::from(u32::MAX),
        address: base,
        least_alignment: machine.function_alignment,
        alignment: machine.function_alignment,
        value: vec![0; symbols.count() + ROOM],
    };
    let mut needs_thunks = false;
    for symbol in &order {
        cursor.place(symbols, *symbol)?;
        needs_thunks = cursor.address - base >= machine.branch_limit;
        if needs_thunks {
            break;
        }
    }
    Ok(Measured { machine, order, base, cursor, needs_thunks })
}

impl Measured {
    /// Makes the bounds of code. Where branches do not reach, [`thunks`] are made and put into the order.
    pub fn settle(
        self,
        symbols: &mut Symbols<'_>,
        program: &Program<'_>,
        text: &mut Text,
    ) -> Result<TextPlaces, Diagnostic> {
        let Measured { machine, order, base, mut cursor, needs_thunks } = self;
        text.order = order;
        let [start, end] =
            [(&b"runtime.text"[..], Kind::Text), (b"runtime.etext", Kind::TextEnd)].map(|(name, kind)| {
                let symbol = symbols.define(name, kind);
                symbols.set(symbol, attribute::SPECIAL | attribute::LOCAL);
                symbol
            });
        if needs_thunks {
            cursor = Cursor { address: base, value: vec![0; symbols.count() + ROOM], ..cursor };
            text.order = thunks::place(symbols, program, &text.order, &mut cursor)?;
        }
        if !base.is_multiple_of(cursor.alignment) {
            let message =
                format!("-T puts code at {base:#x}, but some function is aligned to {} bytes", cursor.alignment);
            return Err(Diagnostic::error("misaligned-text", message).help("give -T a multiple of that"));
        }
        cursor.value[end.index()] = cursor.address;
        cursor.value[start.index()] = base;
        let section = Section {
            name: b".text".to_vec(),
            access: access::EXECUTE,
            alignment: cursor.alignment,
            address: base,
            // One instruction more, so that the end is an address of its own.
            length: cursor.address - base + machine.smallest_instruction,
            segment: Segment::Text,
            has_bytes: true,
            file_offset: 0,
            symbols: text.order.clone(),
        };
        Ok(TextPlaces { value: cursor.value, section })
    }
}

/// The order of kinds of code.
fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::Text => 0,
        Kind::TextFipsStart => 1,
        Kind::TextFips => 2,
        Kind::TextFipsEnd => 3,
        _ => 4,
    }
}

/// Objects may leave out zeros at the end of contents, but no compiler ends a function with more of them.
const MOST_ZEROS: u64 = 1 << 16;

/// A function is made of the instructions that its object holds.
fn check_size(symbols: &Symbols<'_>, symbol: GoSymbol) -> Result<(), Diagnostic> {
    let size = symbols.size(symbol);
    if size <= MOST_ZEROS {
        return Ok(());
    }
    let held = symbols.data(symbol).len() as u64;
    if size <= held + MOST_ZEROS {
        return Ok(());
    }
    let name = symbols.display(symbol);
    let message = format!("the function {name} takes {size} bytes, and its object holds {held} of them");
    Err(Diagnostic::error("bad-object", message).help(format!("rebuild package {}", symbols.package_path(symbol))))
}

/// Where the next function goes.
pub(super) struct Cursor {
    /// The address behind the last function.
    pub address: u64,
    /// By symbol: its address.
    pub value: Vec<u64>,
    /// The largest alignment so far, at least that of functions.
    alignment: u64,
    least_alignment: u64,
    /// Code may not go beyond this address.
    limit: u64,
}

impl Cursor {
    /// Gives a function the next address.
    pub fn place(&mut self, symbols: &Symbols<'_>, symbol: GoSymbol) -> Result<(), Diagnostic> {
        check_size(symbols, symbol)?;
        let alignment = symbols.alignment(symbol).max(self.least_alignment);
        self.alignment = self.alignment.max(alignment);
        let address = self.address.next_multiple_of(alignment);
        self.address = address + symbols.size(symbol).max(SMALLEST_FUNCTION);
        if self.address > self.limit {
            let message = format!("the code takes more than 4 GiB: {} is beyond that", symbols.display(symbol));
            return Err(Diagnostic::error("too-much-code", message).help("link less code, or align it less"));
        }
        self.value[symbol.index()] = address;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, Definition};
    use super::*;
    use crate::args::golink::GoLink;
    use crate::target::Architecture;

    fn function(name: &'static str, flags: u8, size: u32, alignment: u32) -> Definition {
        Definition { name, abi: 1, kind: 1, flags, size, alignment, ..Definition::default() }
    }

    fn reach_all(symbols: &mut Symbols<'_>) {
        symbols.attributes_mut().iter_mut().for_each(|column| *column |= attribute::REACHABLE);
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
        reach_all(&mut symbols);
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
        assert_eq!(postorder(&program).expect_err("a cycle").code, "import-cycle");
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
        reach_all(&mut symbols);
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
            reach_all(&mut symbols);
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
            reach_all(&mut symbols);
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
        reach_all(&mut symbols);
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
}

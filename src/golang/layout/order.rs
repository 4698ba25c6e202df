//! The order of code (Go 1.26 and 1.27, `AssignTextSymbolOrder` of `cmd/link/internal/loader`, `postorder` of
//! `cmd/link/internal/ld`).
//!
//! Packages are laid out after those they import, what the runtime is made of before all others: calls go back, so that
//! on machines with short branches a function's callees mostly have their addresses when it gets its own.

use rayon::prelude::*;

use crate::diag::{Diagnostic, Origin};
use crate::golang::program::Program;
use crate::golang::symbols::{GoSymbol, ObjectId, PackageId, SymbolSet, Symbols, Version};
use crate::inputs::goobj::records::flag;

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
    /// All functions in the order of their addresses; before they are [measured](super::text::measure) those of the FIPS
    /// module are not yet together.
    pub order: Vec<GoSymbol>,
    /// By object: its functions, in the order of the program.
    pub units: Vec<Vec<GoSymbol>>,
    /// The packages, each after those it imports.
    pub packages: Vec<PackageId>,
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
    let mut found = Functions { own: Vec::new(), shared: Vec::new() };
    for local in symbols.object(id).definitions() {
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

//! The order in which packages are initialised (Go 1.26 and 1.27, `cmd/link/internal/ld/inittask.go`).
//!
//! A package's `..inittask` says what it runs, and by R_INITORDER after which other packages. Of those whose imports are
//! all done, the first by name is next. The runtime walks the tables that are made here.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hashbrown::HashMap;

use super::kind::Kind;
use super::program::Program;
use super::symbols::{GoSymbol, Symbols, Version};
use crate::args::golink::BuildMode;
use crate::diag::{Diagnostic, Result};
use crate::inputs::goobj::RelocationKind;

/// Bytes of a pointer, on both machines.
const POINTER: u64 = 8;
/// Bytes of a task without functions to run: it orders others, and the runtime need not know it.
const EMPTY_TASK: u64 = 8;

/// Makes the tables; the program's own, which is a root of liveness.
pub fn make(symbols: &mut Symbols<'_>, program: &Program<'_>) -> Result<Option<GoSymbol>> {
    let main = match program.build_mode {
        BuildMode::Exe | BuildMode::Pie | BuildMode::CArchive | BuildMode::CShared => {
            table(symbols, b"main..inittask", b"go:main.inittasks")?
        }
        // Refused before: the tables of shared libraries and plugins start from other packages.
        BuildMode::Shared | BuildMode::Plugin => None,
    };
    let Some(runtime) = symbols.find(b"runtime.runtime_inittasks", Version::Abi0) else { return Ok(main) };
    // The runtime runs its own tasks, and those of what it imports, before any other.
    if let Some(tasks) = table(symbols, b"runtime..inittask", b"go:runtime.inittasks")? {
        let count = symbols.size(tasks) / POINTER;
        symbols.set_kind(runtime, Kind::NoptrData);
        let slice = symbols.edit(runtime);
        (slice.size, slice.data) = (0, Vec::new().into());
        slice.push_address(tasks, 0);
        slice.push_u64(count);
        slice.push_u64(count);
    }
    Ok(main)
}

/// A table of the tasks that a root asks for; none if there is no such root.
fn table(symbols: &mut Symbols<'_>, root: &[u8], name: &[u8]) -> Result<Option<GoSymbol>> {
    let Some(root) = symbols.find(root, Version::Abi0) else { return Ok(None) };
    let order = schedule(symbols, root)?;
    let table = symbols.make_alone(name, Version::Abi0);
    symbols.set_kind(table, Kind::NoptrData);
    let needed: Vec<GoSymbol> = order.into_iter().filter(|task| symbols.size(*task) > EMPTY_TASK).collect();
    let contents = symbols.edit(table);
    for task in needed {
        contents.push_address(task, 0);
    }
    Ok(Some(table))
}

/// Tasks that a task waits for.
fn imports<'a>(symbols: &'a Symbols<'_>, task: GoSymbol) -> impl Iterator<Item = GoSymbol> + use<'a> {
    let relocations = symbols.relocations(task).filter(|relocation| relocation.kind == RelocationKind::InitOrder);
    relocations.map(|relocation| relocation.target)
}

/// The tasks that a root asks for, imports first.
fn schedule(symbols: &Symbols<'_>, root: GoSymbol) -> Result<Vec<GoSymbol>> {
    // By task: how many of its imports are not done, and who waits for it.
    let mut waits: HashMap<GoSymbol, usize> = HashMap::from([(root, 0)]);
    let mut importers: HashMap<GoSymbol, Vec<GoSymbol>> = HashMap::new();
    let mut ready = BinaryHeap::new();
    let mut found = vec![root];
    while let Some(task) = found.pop() {
        let mut count = 0;
        for import in imports(symbols, task) {
            count += 1;
            importers.entry(import).or_default().push(task);
            waits.entry(import).or_insert_with(|| {
                found.push(import);
                0
            });
        }
        waits.insert(task, count);
        if count == 0 {
            ready.push(Reverse((symbols.name(task), task)));
        }
    }
    let mut order = Vec::with_capacity(waits.len());
    while let Some(Reverse((_, task))) = ready.pop() {
        order.push(task);
        for importer in importers.remove(&task).unwrap_or_default() {
            let left = waits.entry(importer).or_insert(1);
            *left -= 1;
            if *left == 0 {
                ready.push(Reverse((symbols.name(importer), importer)));
            }
        }
    }
    if order.len() == waits.len() { Ok(order) } else { Err(cycle(symbols, &waits).into()) }
}

fn cycle(symbols: &Symbols<'_>, waits: &HashMap<GoSymbol, usize>) -> Diagnostic {
    let mut names: Vec<_> =
        waits.iter().filter(|(_, left)| **left > 0).map(|(task, _)| symbols.display(*task).into_owned()).collect();
    names.sort();
    let problem = "packages import each other, so there is no order to initialise them in";
    let diagnostic = Diagnostic::error("import-cycle", problem).help("build the packages again with one toolchain");
    names.into_iter().take(10).fold(diagnostic, |diagnostic, name| diagnostic.note(format!("waiting: {name}")))
}

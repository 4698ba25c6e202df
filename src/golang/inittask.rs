//! The order in which packages are initialised (Go 1.26 and 1.27, `cmd/link/internal/ld/inittask.go`).
//!
//! A package's `..inittask` says what it runs, and by R_INITORDER after which other packages. Of those whose imports are
//! all done, the first by name is next. The runtime walks the tables that are made here.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hashbrown::HashMap;
use rayon::prelude::*;

use super::program::Program;
use super::symbols::{GoSymbol, Kind, Symbols, Version};
use crate::args::golink::BuildMode;
use crate::diag::{Diagnostic, Result};
use crate::inputs::goobj::RelocationKind;

/// Bytes of a pointer, on both machines.
const POINTER: u64 = 8;
/// Bytes of a task without functions to run: it orders others, and the runtime need not know it.
const EMPTY_TASK: u64 = 8;

/// The tasks that have something to run, in order.
pub struct Plan {
    main: Option<Vec<GoSymbol>>,
    /// Tasks of the runtime, and the variable that tells it of them.
    runtime: Option<(Vec<GoSymbol>, GoSymbol)>,
}

/// Finds the order.
pub fn plan(symbols: &Symbols<'_>, program: &Program<'_>) -> Result<Plan> {
    let main = match program.build_mode {
        BuildMode::Exe | BuildMode::Pie | BuildMode::CArchive | BuildMode::CShared => {
            tasks(symbols, b"main..inittask")?
        }
        // Refused before: the tables of shared libraries and plugins start from other packages.
        BuildMode::Shared | BuildMode::Plugin => None,
    };
    let variable = symbols.find(b"runtime.runtime_inittasks", Version::Abi0);
    let Some(variable) = variable else { return Ok(Plan { main, runtime: None }) };
    // The runtime runs its own tasks, and those of what it imports, before any other.
    let runtime = tasks(symbols, b"runtime..inittask")?.map(|tasks| (tasks, variable));
    Ok(Plan { main, runtime })
}

/// Makes the tables; the program's own, which is a root of liveness.
pub fn make(symbols: &mut Symbols<'_>, plan: Plan) -> Option<GoSymbol> {
    let main = plan.main.map(|tasks| table(symbols, tasks, b"go:main.inittasks"));
    if let Some((tasks, variable)) = plan.runtime {
        let tasks = table(symbols, tasks, b"go:runtime.inittasks");
        let count = symbols.size(tasks) / POINTER;
        symbols.set_kind(variable, Kind::NoptrData);
        let slice = symbols.edit(variable);
        (slice.size, slice.data) = (0, Vec::new().into());
        slice.push_address(tasks, 0);
        slice.push_u64(count);
        slice.push_u64(count);
    }
    main
}

fn table(symbols: &mut Symbols<'_>, tasks: Vec<GoSymbol>, name: &[u8]) -> GoSymbol {
    let table = symbols.make_alone(name, Version::Abi0);
    symbols.set_kind(table, Kind::NoptrData);
    let contents = symbols.edit(table);
    for task in tasks {
        contents.push_address(task, 0);
    }
    table
}

/// What is to be run of the tasks that a root asks for; none if there is no such root.
fn tasks(symbols: &Symbols<'_>, root: &[u8]) -> Result<Option<Vec<GoSymbol>>> {
    let Some(root) = symbols.find(root, Version::Abi0) else { return Ok(None) };
    let mut order = schedule(symbols, root)?;
    order.retain(|task| symbols.size(*task) > EMPTY_TASK);
    Ok(Some(order))
}

/// Tasks that a task waits for.
fn imports<'a>(symbols: &'a Symbols<'_>, task: GoSymbol) -> impl Iterator<Item = GoSymbol> + use<'a> {
    let relocations = symbols.relocations(task).filter(|relocation| relocation.kind == RelocationKind::InitOrder);
    relocations.map(|relocation| relocation.target)
}

/// A task among others.
struct Waiting {
    task: GoSymbol,
    /// How many of its imports are not done.
    left: usize,
    /// By position: who waits for it.
    importers: Vec<usize>,
}

/// The tasks that a root asks for, imports first.
fn schedule(symbols: &Symbols<'_>, root: GoSymbol) -> Result<Vec<GoSymbol>> {
    let mut waits = all(symbols, root);
    let named = |at: usize, waiting: &Waiting| Reverse((symbols.name(waiting.task), waiting.task, at));
    let ready = (0..).zip(&waits).filter(|(_, waiting)| waiting.left == 0);
    let mut ready: BinaryHeap<_> = ready.map(|(at, waiting)| named(at, waiting)).collect();
    let mut order = Vec::with_capacity(waits.len());
    while let Some(Reverse((_, task, at))) = ready.pop() {
        order.push(task);
        for importer in std::mem::take(&mut waits[at].importers) {
            waits[importer].left -= 1;
            if waits[importer].left == 0 {
                ready.push(named(importer, &waits[importer]));
            }
        }
    }
    if order.len() == waits.len() { Ok(order) } else { Err(cycle(symbols, &waits).into()) }
}

/// The root and all tasks that it waits for.
fn all(symbols: &Symbols<'_>, root: GoSymbol) -> Vec<Waiting> {
    let waiting = |task| Waiting { task, left: 0, importers: Vec::new() };
    let mut waits = vec![waiting(root)];
    let mut position: HashMap<GoSymbol, usize> = HashMap::from([(root, 0)]);
    let mut done = 0;
    while done < waits.len() {
        // Each task's page is one that nobody has looked at before: that takes longer than what is done with it.
        let found = waits[done..].par_iter().map(|waiting| imports(symbols, waiting.task).collect::<Vec<_>>());
        let found: Vec<Vec<GoSymbol>> = found.collect();
        for (importer, imports) in (done..).zip(&found) {
            waits[importer].left = imports.len();
            for &import in imports {
                let at = *position.entry(import).or_insert_with(|| {
                    waits.push(waiting(import));
                    waits.len() - 1
                });
                waits[at].importers.push(importer);
            }
        }
        done += found.len();
    }
    waits
}

fn cycle(symbols: &Symbols<'_>, waits: &[Waiting]) -> Diagnostic {
    let left = waits.iter().filter(|waiting| waiting.left > 0);
    let mut names: Vec<_> = left.map(|waiting| symbols.display(waiting.task).into_owned()).collect();
    names.sort();
    let problem = "packages import each other, so there is no order to initialise them in";
    let diagnostic = Diagnostic::error("import-cycle", problem).help("build the packages again with one toolchain");
    names.into_iter().take(10).fold(diagnostic, |diagnostic, name| diagnostic.note(format!("waiting: {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::golink::GoLink;
    use crate::golang::fixture::{self, Definition};
    use crate::target::Architecture;

    /// R_INITORDER of Go 1.26.
    const INIT_ORDER: u16 = 95 + 4;

    /// The tables of a program of tasks: name, whether it has something to run, and after which others it runs.
    fn tables(tasks: &[(&'static str, bool, &[u32])]) -> Result<(Vec<String>, Vec<String>)> {
        let options = GoLink::default();
        let program = fixture::program(&options, Architecture::X86_64, &[("main", &[])]);
        let task = |&(name, runs, imports): &(&'static str, bool, &[u32])| Definition {
            name,
            kind: 5,
            size: if runs { 16 } else { 8 },
            relocations: imports.iter().map(|import| (0, 0, INIT_ORDER, 0, *import)).collect(),
            ..Definition::default()
        };
        let mut all: Vec<Definition> = tasks.iter().map(task).collect();
        all.push(Definition { name: "runtime.runtime_inittasks", kind: 9, size: 24, ..Definition::default() });
        let objects = [fixture::object(&all)];
        let mut symbols = fixture::load(&program, &objects);
        let plan = plan(&symbols, &program)?;
        let main = make(&mut symbols, plan).expect("main has a task");
        assert_eq!((symbols.name(main), symbols.kind(main)), (&b"go:main.inittasks"[..], Kind::NoptrData));
        let slice = symbols.find(b"runtime.runtime_inittasks", Version::Abi0).expect("a definition");
        let names = |table: GoSymbol| -> Vec<String> {
            assert_eq!(symbols.size(table), 8 * symbols.relocation_count(table) as u64);
            symbols.relocations(table).map(|task| symbols.display(task.target).into_owned()).collect()
        };
        let runtime = symbols.relocations(slice).next().map_or(GoSymbol::NONE, |table| table.target);
        let count = (symbols.size(runtime) / 8).to_le_bytes();
        assert_eq!(symbols.data(slice), [[0; 8], count, count].concat());
        Ok((names(main), names(runtime)))
    }

    #[test]
    fn imports_run_first_and_then_names_decide() {
        let (main, runtime) = tables(&[
            ("main..inittask", true, &[3, 1, 2]),
            ("b..inittask", true, &[4]),
            ("a..inittask", true, &[4, 1]),
            ("d..inittask", true, &[5]),
            ("z..inittask", false, &[5]),
            ("runtime..inittask", true, &[6]),
            ("y..inittask", true, &[]),
        ])
        .expect("an order");
        let want = ["y", "runtime", "d", "b", "a", "main"].map(|name| format!("{name}..inittask"));
        assert_eq!(main, want, "z has nothing to run");
        assert_eq!(runtime, ["y..inittask", "runtime..inittask"]);
    }

    #[test]
    fn packages_that_wait_for_each_other_are_named() {
        let tasks: [(&str, bool, &[u32]); 4] = [
            ("main..inittask", true, &[1]),
            ("a..inittask", true, &[2]),
            ("b..inittask", true, &[1]),
            ("runtime..inittask", true, &[]),
        ];
        let text = tables(&tasks).expect_err("a cycle").to_string();
        assert!(text.contains("waiting: a..inittask") && text.contains("waiting: b..inittask"), "{text}");
    }
}

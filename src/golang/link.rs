//! The pipeline of the Go door: each stage takes what the one before made (Go 1.26 and 1.27,
//! `cmd/link/internal/ld/main.go`).
//!
//! ```text
//! load -> resolve -> linkname::check -> setup::fips
//!      -> inittask -> liveness -> setup::module -> text::order -> strdata -> stackcheck
//!      -> elf::dynamic -> setup::image -> text::address -> typelink -> buildinfo -> pclntab -> dwarf
//!      -> groups -> moduledata -> data -> elf::dynamic -> undefined::check -> address -> write
//! ```

use std::io::Write;

use super::address;
use super::buildinfo;
use super::callgraph;
use super::data;
use super::dwarf;
use super::elf::dynamic;
use super::groups;
use super::inittask;
use super::linkname;
use super::liveness::{self, Roots};
use super::load;
use super::moduledata;
use super::pclntab;
use super::phases::Phases;
use super::program::Program;
use super::resolve;
use super::setup;
use super::stackcheck;
use super::strdata::Definitions;
use super::symbols::GoSymbol;
use super::table::Tables;
use super::write::{self, debug::DebugInfo};
use super::{text, typelink, undefined};
use crate::args::golink::{BuildMode, GoLink, LinkMode};
use crate::diag::{Diagnostic, Result};
use crate::inputs::store::Store;

/// What a link came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Linked {
    /// What was asked to be printed: dumps, times of phases.
    pub told: String,
    /// What deserves a look although the output is complete.
    pub warnings: Vec<Diagnostic>,
}

/// Links a Go program, or says why it is not one that is linked here.
pub fn run(options: &GoLink) -> Result<std::result::Result<Linked, String>> {
    match options.threads {
        None => link(options),
        Some(threads) => {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let pool =
                pool.map_err(|error| Diagnostic::error("threads", format!("cannot start {threads} threads: {error}")))?;
            pool.install(|| link(options))
        }
    }
}

fn link(options: &GoLink) -> Result<std::result::Result<Linked, String>> {
    if let Some(reason) = options_need_another(options) {
        return Ok(Err(reason));
    }
    let mut phases = Phases::new("Load");
    let store = Store::default();
    let loaded = load::load(options, &store)?;
    let program = loaded.program;
    if let Some(reason) = program_needs_another(&program) {
        return Ok(Err(reason));
    }
    phases.start("Resolve");
    let mut symbols = resolve::resolve(loaded.objects, &program.packages, program.release)?;
    linkname::check(&symbols, &program)?;
    let fips = setup::fips(&mut symbols);
    phases.start("Inittasks");
    let init_tasks = inittask::make(&mut symbols, &program)?;
    phases.start("Deadcode");
    let mut dump = Vec::new();
    let wanted = options.dump_dependencies.then_some(&mut dump as &mut dyn Write);
    liveness::mark(&mut symbols, &program, Roots { init_tasks, exports: &[] }, wanted)?;
    phases.start("Setup");
    let module = setup::module(&mut symbols)?;
    let mut text = text::order(&mut symbols, &program)?;
    let definitions = Definitions::of(&program);
    definitions.apply(&mut symbols, &program)?;
    if options.dump_call_graph {
        callgraph::write(&symbols, &text.order, &mut dump);
    }
    phases.start("StackCheck");
    stackcheck::check(&symbols, &program, &text.order, options.dump_nosplit.then_some(&mut dump))?;
    phases.start("Setup");
    let dynamic = dynamic::is_wanted(&program).then(|| dynamic::make(&mut symbols, &program));
    setup::image(&mut symbols);
    phases.start("Textaddress");
    let places = text::address(&mut symbols, &program, &mut text)?;
    phases.start("Typelink");
    typelink::make(&mut symbols, &program);
    buildinfo::make(&mut symbols, &definitions);
    phases.start("Pclntab");
    let mut tables = Tables::default();
    let functions = pclntab::plan(&mut symbols, &program, &text, &places, &mut tables)?;
    phases.start("Dwarf");
    let debug = match options.omits_dwarf() {
        true => None,
        false => Some(dwarf::plan(&symbols, &program, &text, &places)?),
    };
    phases.start("Symtab");
    groups::group(&mut symbols, &program);
    let module = moduledata::fill(&mut symbols, &program, module.moduledata, &functions, &places, init_tasks)?;
    phases.start("Dodata");
    let data = data::collect(&symbols, program.release);
    if let Some(dynamic) = dynamic {
        let lists: Vec<&[GoSymbol]> = data.all().map(|(_, list)| list).collect();
        dynamic.complete(&mut symbols, &program, &lists, &mut tables)?;
    }
    undefined::check(&symbols, &program)?;
    let addresses = address::place(&mut symbols, &program, places, data, &module)?;
    phases.start("Write");
    write::write(write::Input {
        program: &program,
        symbols: &symbols,
        text: &text.order,
        addresses: &addresses,
        tables: &tables,
        fips: &fips,
        debug: debug.as_ref().map(|debug| debug as &dyn DebugInfo),
    })?;
    let report = phases.report();
    let mut told = String::from_utf8_lossy(&dump).into_owned();
    if options.benchmark.is_some() {
        told.push_str(&report);
    }
    Ok(Ok(Linked { told, warnings: Vec::new() }))
}

/// Why the flags call for a linker of another kind.
fn options_need_another(options: &GoLink) -> Option<String> {
    let mode = match options.build_mode {
        None | Some(BuildMode::Exe | BuildMode::Pie) => None,
        Some(BuildMode::CArchive) => Some("-buildmode=c-archive"),
        Some(BuildMode::CShared) => Some("-buildmode=c-shared"),
        Some(BuildMode::Shared) => Some("-buildmode=shared"),
        Some(BuildMode::Plugin) => Some("-buildmode=plugin"),
    };
    let flags = [
        (options.link_mode == LinkMode::External, "-linkmode=external"),
        (options.link_shared, "-linkshared"),
        (options.race, "-race"),
        (options.msan, "-msan"),
        (options.asan, "-asan"),
    ];
    let flag = flags.into_iter().find_map(|(on, flag)| on.then_some(flag));
    mode.or(flag).map(|flag| format!("{flag} is not linked by cgolink itself"))
}

/// Why the program calls for a linker of another kind.
fn program_needs_another(program: &Program<'_>) -> Option<String> {
    if program.is_cgo {
        return Some("the program uses cgo, whose C objects the Go door does not link".to_owned());
    }
    let with_host_objects = program.packages.iter().find(|package| package.contents.has_host_objects());
    with_host_objects.map(|package| format!("package {} has objects that Go did not compile", package.path))
}

//! The pipeline of the Go door: each stage takes what the one before made (Go 1.26 and 1.27,
//! `cmd/link/internal/ld/main.go`).
//!
//! ```text
//! load -> resolve -> strictdups::check -> linkname::check | inittask::plan -> setup::fips
//!      -> inittask::make -> liveness -> setup::module -> layout::order -> strdata -> elf::dynamic -> setup::image
//!      -> stackcheck | text::measure | dwarf::scan -> text::settle
//!      -> pclntab::describe
//!      -> dwarf::Scan::draft | pclntab::measure, typelink::list | dwarf::frames | dwarf::Scan::line_heads, signs
//!      -> dwarf::Draft::outline
//!      -> dwarf::Outline::plan | (typelink -> buildinfo -> pclntab -> groups -> moduledata -> buckets -> elf::dynamic
//!                                 -> undefined::check -> address)
//!      -> write
//! ```
//!
//! Stages with a bar between them go on beside each other, as they only read the symbols; [`Outline::plan`] does not even that.

use std::io::Write;

use super::buildinfo;
use super::callgraph;
use super::dwarf::{self, Outline, Scan};
use super::elf::dynamic::{self, Dynamic};
use super::inittask;
use super::layout::signs::Signs;
use super::layout::{self, Addresses, Text, TextPlaces, address, buckets, groups, text};
use super::linkname;
use super::liveness::{self, Roots};
use super::load;
use super::machine::Machine;
use super::memory::{self, Behind};
use super::moduledata;
use super::pclntab;
use super::phases::{Measure, Phases};
use super::program::Program;
use super::resolve::{self, ObjectInput, Unnamed};
use super::setup::{self, FipsSymbols};
use super::stackcheck;
use super::strdata::Definitions;
use super::strictdups;
use super::symbols::{GoSymbol, Symbols};
use super::table::Tables;
use super::write::{self, Written, debug::DebugInfo};
use super::{typelink, undefined, verbose};
use crate::args::golink::{BuildMode, GoLink, LinkMode};
use crate::diag::{Diagnostic, Diagnostics, Result};
use crate::inputs::store::Store;
use crate::output::file::Replaced;
use crate::par;

/// What a link came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Linked {
    /// The output is complete; this deserves a look all the same.
    Complete(Vec<Diagnostic>),
    /// The program is none that is linked here, for this reason.
    Refused(String),
}

/// Links a Go program. What was asked to be printed is in `told` even if the link fails: dumps, times of phases.
pub fn run(options: &GoLink, told: &mut String) -> Result<Linked> {
    let linked = par::with_threads(options.threads, || link(options, told))?;
    linked.map_err(|errors| {
        let first = errors.iter().next().filter(|_| options.halt_on_error).cloned();
        first.map_or(errors, Diagnostics::from)
    })
}

fn link(options: &GoLink, told: &mut String) -> Result<Linked> {
    let store = Store::default();
    let (linked, replaced) = link_from(&store, options, told)?;
    // To unmap the packages and to drop what the output has replaced takes the system its time: it is left to the end of the
    // process, see `sys::end_before_memory`.
    std::mem::forget((replaced.remove()?, store));
    Ok(linked)
}

fn link_from(store: &Store, options: &GoLink, told: &mut String) -> Result<(Linked, Replaced)> {
    let refused = |reason| Ok((Linked::Refused(reason), Replaced::default()));
    if let Some(reason) = options_need_another(options) {
        return refused(reason);
    }
    let measure = if options.benchmark.as_deref() == Some("mem") { Measure::Memory } else { Measure::Time };
    let mut phases = Phases::new("Load", measure);
    let loaded = load::load(options, store)?;
    let program = loaded.program;
    if let Some(reason) = program_needs_another(&program) {
        return refused(reason);
    }
    if options.verbose > 0 {
        verbose::tell_request(&program, &Machine::of(&program)?, told);
    }
    let mut dump = Vec::new();
    memory::prepare(loaded.objects.iter().map(|input| &input.object));
    let reached = reach(store, loaded.objects, &program, &mut phases, &mut dump)?;
    let Reached { mut symbols, fips, init_tasks, warnings, definitions } = reached;
    phases.start("Setup");
    let module = setup::module(&mut symbols)?;
    let mut text = layout::order(&mut symbols, &program)?;
    let strings = Definitions::of(&program);
    strings.apply(&mut symbols, &program)?;
    if options.dump_call_graph {
        callgraph::write(&symbols, &text.order, &mut dump);
    }
    let dynamic = program.is_dynamic().then(|| dynamic::make(&mut symbols, &program));
    setup::image(&mut symbols);
    phases.start("StackCheck");
    let trace = options.dump_nosplit.then_some(&mut dump);
    let wants_debug = !options.omits_dwarf();
    let (checked, (measured, scan)) = rayon::join(
        || stackcheck::check(&symbols, &program, &text.order, trace),
        || {
            let scan = || wants_debug.then(|| dwarf::scan(&symbols, &program, &text));
            rayon::join(|| text::measure(&symbols, &program, &text.order), scan)
        },
    );
    told.push_str(&String::from_utf8_lossy(&dump));
    checked?;
    phases.start("Textaddress");
    let places = measured?.settle(&mut symbols, &program, &mut text)?;
    phases.start("Dwarf");
    let unread = memory::unread(&symbols, Behind::Scanning);
    let Measured { signs, links, functions, outline } =
        memory::while_giving_back(store, unread, || measure_tables(store, &symbols, &program, &text, &places, scan))?;
    let pending =
        Pending { signs, links, functions, strings, moduledata: module.moduledata, init_tasks, dynamic, places };
    let unread = memory::unread(&symbols, Behind::Measuring);
    let (debug, laid_out) = memory::while_giving_back(store, unread, || {
        // Debug information has places of its own, and needs no symbols to find them.
        rayon::join(|| outline.map(Outline::plan).transpose(), || lay_out(&mut symbols, &program, pending, &mut phases))
    });
    let (debug, (tables, addresses)) = (debug?, laid_out?);
    phases.start("Write");
    let give_back = |behind| store.give_back(memory::unread(&symbols, behind).into_iter());
    let input = write::Input {
        program: &program,
        symbols: &symbols,
        text: &text.order,
        addresses: &addresses,
        tables: &tables,
        fips: &fips,
        debug: debug.as_ref().map(|debug| debug as &dyn DebugInfo),
        give_back: &give_back,
    };
    let Written { symtab_size, replaced } = write::write(input)?;
    if options.dump_call_graph {
        callgraph::write_sizes(&addresses, symtab_size, told);
    }
    if let Some(definitions) = definitions {
        definitions.tell(&symbols, told);
    }
    let report = phases.report();
    if options.benchmark.is_some() {
        told.push_str(&report);
    }
    // As in `link`: what is taken apart piece by piece here is gone at once with the process.
    std::mem::forget((program.packages, symbols, text, tables, addresses, debug));
    Ok((Linked::Complete(warnings), replaced))
}

/// The symbols, once it is known which of them are part of the program.
struct Reached<'data> {
    symbols: Symbols<'data>,
    fips: FipsSymbols,
    init_tasks: Option<GoSymbol>,
    warnings: Vec<Diagnostic>,
    /// How many there were of each kind, if that is to be told.
    definitions: Option<verbose::Definitions>,
}

/// Finds the definition for each name, and what can be reached; `dump` gets the lines of `-dumpdep`.
fn reach<'data>(
    store: &Store,
    objects: Vec<ObjectInput<'data>>,
    program: &Program<'data>,
    phases: &mut Phases,
    dump: &mut Vec<u8>,
) -> Result<Reached<'data>> {
    phases.start("Resolve");
    let unnamed = if program.options.tells_every_symbol() { Unnamed::Symbols } else { Unnamed::LeftOut };
    let mut symbols = resolve::resolve(objects, &program.packages, program.release, unnamed)?;
    let warnings = strictdups::check(&symbols, program)?;
    let definitions = (program.options.verbose > 0).then(|| verbose::Definitions::count(&symbols));
    let (checked, plan) = rayon::join(|| linkname::check(&symbols, program), || inittask::plan(&symbols, program));
    checked?;
    let plan = plan?;
    let fips = setup::fips(&mut symbols);
    phases.start("Inittasks");
    let init_tasks = inittask::make(&mut symbols, plan);
    phases.start("Deadcode");
    let wanted = program.options.dump_dependencies.then_some(dump as &mut dyn Write);
    let unread = memory::unread(&symbols, Behind::Resolving);
    memory::while_giving_back(store, unread, || {
        liveness::mark(&mut symbols, program, Roots { init_tasks, exports: &[] }, wanted)
    })?;
    Ok(Reached { symbols, fips, init_tasks, warnings, definitions })
}

/// What is known of tables before there are symbols for them.
struct Measured<'data> {
    signs: Signs,
    links: Option<typelink::Lists>,
    functions: pclntab::Plan<'data>,
    outline: Option<Outline>,
}

/// Measures what only reads symbols: functions are taken apart first, then all goes on at the same time.
fn measure_tables<'data>(
    store: &Store,
    symbols: &Symbols<'data>,
    program: &Program<'data>,
    text: &Text,
    places: &TextPlaces,
    scan: Option<Scan>,
) -> std::result::Result<Measured<'data>, Diagnostic> {
    // Before types are made, not beside them: what describes functions is read once, and need not be there together with types.
    let described = pclntab::describe(symbols, text)?;
    let functions = described.functions();
    let (scan, unread) = (scan.as_ref(), memory::unread(symbols, Behind::Describing));
    let tables = || {
        rayon::join(
            || (pclntab::measure(symbols, program, text, places, described), typelink::list(symbols, program)),
            || {
                let frames = || scan.map(|_| dwarf::frames(symbols, program, text, places, &functions));
                // The smallest pieces of work at last, for all workers to have some until the end.
                let names = || (scan.map(|scan| scan.line_heads(symbols, program)), Signs::read(symbols));
                rayon::join(frames, names)
            },
        )
    };
    let (draft, ((functions, links), (frames, (heads, signs)))) = memory::while_giving_back(store, unread, || {
        // All of it goes on while one worker makes types.
        rayon::join(|| scan.map(|scan| scan.draft(symbols, program, text)).transpose(), tables)
    });
    let outline = scan.zip(draft?).zip(heads.zip(frames));
    let outline = outline.map(|((scan, draft), debug)| draft.outline(scan, program, text, debug)).transpose()?;
    Ok(Measured { signs, links, functions: functions?, outline })
}

/// What becomes symbols, and what these need to get their places.
struct Pending<'data> {
    signs: Signs,
    links: Option<typelink::Lists>,
    functions: pclntab::Plan<'data>,
    strings: Definitions,
    moduledata: GoSymbol,
    init_tasks: Option<GoSymbol>,
    dynamic: Option<Dynamic>,
    places: TextPlaces,
}

/// Makes the last symbols, and gives all of them their addresses.
fn lay_out<'data>(
    symbols: &mut Symbols<'data>,
    program: &Program<'data>,
    pending: Pending<'data>,
    phases: &mut Phases,
) -> Result<(Tables<'data>, Addresses)> {
    let Pending { signs, links, functions, strings, moduledata, init_tasks, dynamic, places } = pending;
    phases.start("Typelink");
    if let Some(links) = links {
        links.make(symbols);
    }
    buildinfo::make(symbols, &strings);
    phases.start("Pclntab");
    let mut tables = Tables::default();
    let functions = functions.make(symbols, &mut tables);
    phases.start("Symtab");
    let groups = groups::make(symbols, program);
    let module = moduledata::fill(symbols, program, moduledata, &functions, &places, init_tasks)?;
    phases.start("Dodata");
    let data = buckets::collect(symbols, program.release, groups, &signs);
    if let Some(dynamic) = dynamic {
        dynamic.complete(symbols, program, &data.symbols(), &mut tables)?;
    }
    undefined::check(symbols, program)?;
    let addresses = address::place(symbols, program, places, data, &module)?;
    Ok((tables, addresses))
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
    if program.options.track_fields.is_some() && program.has_experiment("fieldtrack") {
        return Some("-k lists tracked fields, which cgolink does not".to_owned());
    }
    let with_host_objects = program.packages.iter().find(|package| package.contents.has_host_objects());
    with_host_objects.map(|package| format!("package {} has objects that Go did not compile", package.path))
}

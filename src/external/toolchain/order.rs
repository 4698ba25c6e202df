//! The order in which C libraries are looked for.

use std::path::Path;

use super::answer::{CLibrary, Rung, ToolchainQuery};
use super::compiler::{CompilerCommand, CompilerFamily};
use super::probe::{Probe, SystemProbe};
use super::{gcc, rust, sysroot, zig};
use crate::diag::{self, Diagnostic};
use crate::target::{Architecture, Libc, Target};

/// One search for a C library.
pub(super) struct Search<'a> {
    /// The machine.
    pub probe: &'a dyn Probe,
    /// What is wanted; its `libc` is settled where the compiler settles it.
    pub query: &'a ToolchainQuery,
    /// Whether a compiler may be made to build its library, which takes long.
    pub prepare: bool,
}

/// Why a rung has no library.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Missing {
    /// One line.
    pub reason: String,
    /// It would have one if it were allowed to build it.
    pub unprepared: bool,
    /// The C library that the compiler would have linked, where it told.
    pub libc: Option<Libc>,
    /// It depends on the compiler alone, so that it can be remembered: no file that is added would mend it.
    pub lasting: bool,
}

impl Missing {
    /// For the given reason.
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Missing { reason: reason.into(), unprepared: false, libc: None, lasting: false }
    }
}

/// What one rung of the order gave.
pub(crate) struct Step {
    /// Which.
    pub rung: Rung,
    /// The compiler or folder asked.
    pub asked: String,
    /// What it has.
    pub found: Result<CLibrary, Missing>,
}

/// The C library for a link, by the fixed order (see the module above).
///
/// # Errors
/// `no-c-library`, with the reason of each rung, if none has one for the target.
pub fn find(query: &ToolchainQuery) -> diag::Result<CLibrary> {
    find_on(&SystemProbe, query)
}

/// [`find`] on a given machine.
pub(super) fn find_on(probe: &dyn Probe, query: &ToolchainQuery) -> diag::Result<CLibrary> {
    let mut missing = Vec::new();
    for step in steps(probe, query, true) {
        match step.found {
            Ok(library) => {
                tracing::debug!(rung = %step.rung, library = library.provenance.sentence, "C library");
                return Ok(library);
            }
            Err(why) => missing.push((step.rung, step.asked, why)),
        }
    }
    Err(nothing_found(query, &missing).into())
}

/// The rungs for a query in order, each climbed when it is asked for: what it has, or why it has nothing. A link takes the first
/// that has something. With `prepare`, a compiler may be made to build its library, which takes long.
pub(crate) fn steps(probe: &dyn Probe, query: &ToolchainQuery, prepare: bool) -> impl Iterator<Item = Step> {
    let mut query = settled(query);
    let mut rungs = rungs(&query).into_iter();
    std::iter::from_fn(move || {
        let Way { rung, command, libc } = rungs.next()?;
        let stated = query.target.libc;
        if let (Some(given), Some(stated)) = (libc, stated)
            && given != stated
        {
            let why =
                Missing::new(format!("it has {}, and the program is compiled for {}", given.name(), stated.name()));
            return Some(Step { rung, asked: asked(&query, rung, command.as_ref()), found: Err(why) });
        }
        let step = climb(&Search { probe, query: &query, prepare }, rung, command.as_ref());
        if let (Rung::NamedCompiler, Err(why)) = (rung, &step.found) {
            query.target.libc = stated.or(why.libc);
        }
        Some(step)
    })
}

/// The query with the C library that the named compiler compiles for: objects made for glibc do not go with musl.
fn settled(query: &ToolchainQuery) -> ToolchainQuery {
    let mut query = query.clone();
    if let (None, Some(compiler)) = (query.target.libc, &query.compiler) {
        let named = compiler.target().filter(|target| target.architecture == query.target.architecture);
        query.target.libc = named.and_then(|target| target.libc).or(match compiler.family {
            CompilerFamily::Zig | CompilerFamily::MuslGcc => Some(Libc::Musl),
            CompilerFamily::Gcc | CompilerFamily::Clang | CompilerFamily::Unknown => None,
        });
    }
    query
}

/// One way to a C library.
struct Way {
    rung: Rung,
    /// The compiler to ask.
    command: Option<CompilerCommand>,
    /// The only C library it can have.
    libc: Option<Libc>,
}

/// The ways that a query has, in order.
fn rungs(query: &ToolchainQuery) -> Vec<Way> {
    if query.sysroot.is_some() {
        // A sysroot is a statement: if it holds no C library, any other one would be the wrong one.
        return vec![Way { rung: Rung::Sysroot, command: query.compiler.clone(), libc: None }];
    }
    let program = |name: &str| Some(CompilerCommand::from_program(name));
    let architecture = query.target.architecture;
    let cross = |libc: Libc| program(&format!("{architecture}-linux-{}-gcc", libc.name()));
    let (musl, gnu) = (Some(Libc::Musl), Some(Libc::Gnu));
    let named =
        query.compiler.clone().map(|compiler| Way { rung: Rung::NamedCompiler, command: Some(compiler), libc: None });
    named
        .into_iter()
        .chain([
            Way { rung: Rung::Zig, command: Some(zig_on_path()), libc: musl },
            Way { rung: Rung::MuslGcc, command: program("musl-gcc"), libc: musl },
            Way { rung: Rung::Rust, command: None, libc: musl },
            Way { rung: Rung::CrossGcc, command: cross(Libc::Musl), libc: musl },
            Way { rung: Rung::CrossGcc, command: cross(Libc::Gnu), libc: gnu },
            Way { rung: Rung::Gcc, command: program("gcc"), libc: None },
        ])
        .collect()
}

fn zig_on_path() -> CompilerCommand {
    CompilerCommand {
        program: "zig".into(),
        arguments: vec!["cc".to_owned()],
        family: CompilerFamily::Zig,
        cxx: false,
        triple: None,
    }
}

fn climb(search: &Search<'_>, rung: Rung, command: Option<&CompilerCommand>) -> Step {
    let found = match (rung, command) {
        (Rung::Sysroot, _) => sysroot::find(search),
        (Rung::Rust, _) => rust::find(search),
        (_, Some(command)) => ask(search, command, rung),
        (_, None) => Err(Missing::new("no compiler is named")),
    };
    let found = found.and_then(|library| matching(search.query.target, library));
    Step { rung, asked: asked(search.query, rung, command), found }
}

/// What a person calls the thing that is asked.
fn asked(query: &ToolchainQuery, rung: Rung, command: Option<&CompilerCommand>) -> String {
    match (rung, &query.sysroot, command) {
        (Rung::Sysroot, Some(folder), _) => folder.display().to_string(),
        (Rung::Zig, ..) => "zig".to_owned(),
        (_, _, Some(command)) => command.to_string(),
        _ => "rustc".to_owned(),
    }
}

/// Asks a compiler in the way of its family.
fn ask(search: &Search<'_>, command: &CompilerCommand, rung: Rung) -> Result<CLibrary, Missing> {
    match command.family {
        CompilerFamily::Zig => zig::find(search, command, rung),
        CompilerFamily::Gcc | CompilerFamily::MuslGcc | CompilerFamily::Clang => gcc::find(search, command, rung),
        // A wrapper of unknown make: gcc's question does no harm to any, and only zig leaves it without an answer.
        CompilerFamily::Unknown => gcc::find(search, command, rung).or_else(|first| match first.lasting {
            true => Err(first),
            false => zig::find(search, command, rung).map_err(|second| Missing {
                reason: format!("{}; asked as zig: {}", first.reason, second.reason),
                ..second
            }),
        }),
    }
}

/// Passes a library on if it is the one wanted.
fn matching(wanted: Target, library: CLibrary) -> Result<CLibrary, Missing> {
    let have = library.target;
    if have.architecture != wanted.architecture || wanted.libc.is_some_and(|libc| have.libc != Some(libc)) {
        return Err(Missing { libc: have.libc, ..Missing::new(format!("it links for {have}, not for {wanted}")) });
    }
    Ok(library)
}

/// What to install so that a target can be linked, as commands of ordinary package managers.
pub(crate) fn remedies(target: Target) -> Vec<String> {
    let architecture = target.architecture;
    let mut ways = Vec::new();
    if target.libc != Some(Libc::Gnu) {
        ways.push(
            "pip install ziglang, then CC='python3 -m ziglang cc'; or install zig so that it is on the PATH".to_owned(),
        );
        if architecture == host_architecture() {
            ways.push("apt-get install musl-tools, for musl-gcc".to_owned());
        }
        ways.push(format!("rustup target add {architecture}-unknown-linux-musl"));
    }
    if target.libc != Some(Libc::Musl) {
        ways.push(match architecture == host_architecture() {
            true => "apt-get install gcc libc6-dev, for static glibc".to_owned(),
            false => {
                format!("apt-get install gcc-{}-linux-gnu, for static glibc", architecture.name().replace('_', "-"))
            }
        });
    }
    ways
}

/// The architecture that cgolink itself was built for.
fn host_architecture() -> Architecture {
    if cfg!(target_arch = "aarch64") { Architecture::Aarch64 } else { Architecture::X86_64 }
}

fn nothing_found(query: &ToolchainQuery, missing: &[(Rung, String, Missing)]) -> Diagnostic {
    let message = format!("no C library for a {} executable of {} was found", query.kind, query.target);
    let mut diagnostic = Diagnostic::error("no-c-library", message);
    for (rung, asked, why) in missing {
        let place = if *rung == Rung::NamedCompiler { format!("$CC ({asked})") } else { asked.clone() };
        diagnostic = diagnostic.note(format!("{place}: {}", why.reason));
    }
    let ways = if query.sysroot.is_some() { Vec::new() } else { remedies(query.target) };
    match ways.is_empty() {
        true => diagnostic.help("name a folder with crt1.o and libc.a for the target"),
        false => diagnostic.help(format!("install one of: {}; 'cgolink doctor' tells what is found", ways.join(" | "))),
    }
}

/// The machine of an object file, by its ELF header.
pub(super) fn object_architecture(probe: &dyn Probe, path: &Path) -> Option<Architecture> {
    let bytes = probe.read(path).ok()?;
    let header = bytes.get(..20).filter(|header| header.starts_with(b"\x7fELF\x02\x01"))?;
    Architecture::from_elf_machine(u16::from_le_bytes([header[18], header[19]]))
}

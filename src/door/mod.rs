//! What happens once a command line has been read: which door it came through, what is printed, who links, and the
//! status that the process ends with. Everything that depends on the machine comes in through [`Environment`] and
//! [`Engine`], so that a whole session can be tested without a process.

pub mod assemble;
mod cc;
mod compile;
mod cpp;
mod golang;
mod ld;
pub mod report;
mod target;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::args::cli::{self, Subcommand};
use crate::args::control::{self, Backend, ErrorFormat};
use crate::args::request::LinkRequest;
use crate::diag::{Diagnostic, Diagnostics, Result};
use crate::doctor;
use crate::external::run;
use crate::external::toolchain::{CLibrary, ToolchainQuery};
use crate::inspect;
use crate::symbols::supply::Supply;
use crate::target::Architecture;
use crate::trace::Told;
use crate::verify;
use report::Reporter;

/// What is read from the environment.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Environment {
    /// `CC`: the C compiler. The go command sets it for the linker, to its default where the user has not.
    pub cc: Option<OsString>,
    /// `CXX`, where there is no `CC`.
    pub cxx: Option<OsString>,
    /// `PATH`.
    pub path: OsString,
    /// `GOOS`: the system that the go command builds for.
    pub goos: Option<OsString>,
    /// `GOARCH`: the architecture that the go command builds for.
    pub goarch: Option<OsString>,
    /// `CGOLINK_BACKEND`.
    pub backend: Option<OsString>,
    /// `CGOLINK_ERROR_FORMAT`.
    pub error_format: Option<OsString>,
    /// `CGOLINK_THREADS`: `--threads`.
    pub threads: Option<OsString>,
    /// `GOROOT`: what a Go program remembers as its toolchain's folder; the go command clears it for `-trimpath`.
    pub goroot: Option<OsString>,
    /// `CGOLINK_FALLBACK`: what becomes of Go links that cgolink does not do itself.
    pub fallback: Option<OsString>,
    /// [`run::GUARD`]: what a link was handed to has started this process.
    pub handed_off: Option<run::Guard>,
}

impl Environment {
    /// The process's own.
    pub fn of_process() -> Self {
        let text = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        Environment {
            cc: text("CC"),
            cxx: text("CXX"),
            path: text("PATH").unwrap_or_default(),
            goos: text("GOOS"),
            goarch: text("GOARCH"),
            backend: text("CGOLINK_BACKEND"),
            error_format: text("CGOLINK_ERROR_FORMAT"),
            threads: text("CGOLINK_THREADS"),
            goroot: text("GOROOT"),
            fallback: text("CGOLINK_FALLBACK"),
            handed_off: text(run::GUARD).map(|value| run::Guard::of(&value)),
        }
    }

    /// How many threads work: what the command line says, else the environment.
    fn threads(&self, typed: Option<usize>) -> Result<Option<usize>> {
        match (typed, &self.threads) {
            (Some(_), _) | (None, None) => Ok(typed),
            (None, Some(value)) => match value.to_str().and_then(|text| text.parse().ok()) {
                Some(number @ 1..=1024) => Ok(Some(number)),
                _ => {
                    let value = value.to_string_lossy();
                    let message = format!("CGOLINK_THREADS: '{value}' is not a number from 1 to 1024");
                    Err(Diagnostic::error("bad-environment", message).into())
                }
            },
        }
    }

    /// The backend: what the command line says, else the environment.
    fn backend(&self, typed: Option<Backend>) -> Result<Backend> {
        match (typed, &self.backend) {
            (Some(backend), _) => Ok(backend),
            (None, None) => Ok(Backend::Auto),
            (None, Some(name)) => name.to_string_lossy().parse().map_err(|problem: String| {
                Diagnostic::error("bad-environment", format!("CGOLINK_BACKEND: {problem}")).into()
            }),
        }
    }
}

/// What the doors open to.
#[derive(Clone, Copy)]
pub struct Engine {
    /// Links; returns what deserves a look although the output is complete.
    pub link: fn(&LinkRequest, &dyn Supply, &mut Told) -> Result<Vec<Diagnostic>>,
    /// Finds the C library.
    pub find: fn(&ToolchainQuery) -> Result<CLibrary>,
}

/// The doors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Door {
    /// A driver's line.
    Cc,
    /// GNU ld's line.
    Ld,
    /// A line of `go tool link`.
    GoLink,
    /// A line of `-toolexec`.
    Tool,
    /// cgolink's own subcommands.
    Own(Subcommand),
}

/// Runs one process: `argv` with the program's name. The result is the exit status.
pub fn run(argv: &[OsString], environment: &Environment, engine: &Engine) -> u8 {
    let reporter = Reporter::new(error_format(argv, environment));
    let (door, arguments) = choose(argv, &environment.path);
    let session = Session { environment, engine, reporter };
    let outcome = match door {
        Door::Cc => cc::run(&session, arguments.to_vec()),
        Door::Ld => ld::run(&session, arguments.to_vec()),
        Door::GoLink => golang::run_link(&session, arguments),
        Door::Tool => golang::run_tool(&session, arguments),
        Door::Own(Subcommand::Doctor) => doctor::run(arguments, report::print),
        Door::Own(Subcommand::Inspect) => inspect::run(arguments, report::print),
        Door::Own(Subcommand::Verify) => verify::run(arguments, report::print),
        Door::Own(Subcommand::Help) => {
            report::print(&cli::help());
            Ok(0)
        }
        Door::Own(Subcommand::Version) => {
            report::print(&format!("cgolink {}\n", env!("CARGO_PKG_VERSION")));
            Ok(0)
        }
    };
    match outcome {
        Ok(status) => status,
        Err(errors) => {
            reporter.errors(&errors);
            1
        }
    }
}

/// What every door needs.
struct Session<'a> {
    environment: &'a Environment,
    engine: &'a Engine,
    reporter: Reporter,
}

impl Session<'_> {
    /// Links, and prints what the link tells. `earlier` are the warnings of the command line.
    fn link(&self, request: &LinkRequest, supply: &dyn Supply, earlier: &[Diagnostic]) -> Result<()> {
        let fatal = request.symbol_policy.fatal_warnings;
        if fatal {
            self.warn(earlier.to_vec(), fatal)?;
        }
        let mut told = Told::default();
        let linked = (self.engine.link)(request, supply, &mut told);
        self.reporter.tell(&told);
        self.warn([earlier, &linked?].concat(), fatal)
    }

    /// Prints warnings; an error if they stop the link.
    fn warn(&self, warnings: Vec<Diagnostic>, fatal: bool) -> Result<()> {
        match Diagnostics::check((), warnings) {
            Ok(()) => Ok(()),
            Err(all) if fatal => Err(all.because_warnings_are_fatal()),
            Err(all) => {
                self.reporter.errors(&all);
                Ok(())
            }
        }
    }
}

/// The machine that runs this, where it is one that cgolink links for.
fn host_architecture() -> Option<Architecture> {
    Architecture::ALL.into_iter().find(|architecture| architecture.name() == std::env::consts::ARCH)
}

/// The form of errors: what the command line says, else the environment. A wrong value in the environment means text.
pub fn error_format(argv: &[OsString], environment: &Environment) -> ErrorFormat {
    let environment = || environment.error_format.as_ref()?.to_str()?.parse().ok();
    control::requested_error_format(argv).or_else(environment).unwrap_or_default()
}

/// The door, and what is left of the line. The name decides first, then the first argument.
fn choose<'a>(argv: &'a [OsString], path: &OsStr) -> (Door, &'a [OsString]) {
    let (name, arguments) = match argv.split_first() {
        Some((name, arguments)) => (Path::new(name).file_name().unwrap_or_default(), arguments),
        None => (OsStr::new(""), argv),
    };
    if is_ld_name(name) {
        return (Door::Ld, arguments);
    }
    match arguments.first().and_then(|first| cli::subcommand(first)) {
        Some(cli::Word::Ld) => (Door::Ld, &arguments[1..]),
        Some(cli::Word::Link) => (Door::GoLink, &arguments[1..]),
        Some(cli::Word::Own(subcommand)) if arguments.len() == 1 || subcommand.takes_arguments() => {
            (Door::Own(subcommand), &arguments[1..])
        }
        None if arguments.first().is_some_and(|first| golang::is_tool(first, path)) => (Door::Tool, arguments),
        _ if arguments.is_empty() => (Door::Own(Subcommand::Help), arguments),
        _ => (Door::Cc, arguments),
    }
}

/// `ld`, `ld.cgolink`, `ld.lld`, `aarch64-linux-gnu-ld`: what drivers start as their linker.
fn is_ld_name(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name == b"ld" || name.starts_with(b"ld.") || name.ends_with(b"-ld")
}

#[cfg(test)]
mod tests;

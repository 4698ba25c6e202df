//! Sessions of the Go door: `cgolink link` with the flags of `go tool link`, and `cgolink TOOL ARGS...`, which is how
//! `go build -toolexec=cgolink` starts every tool of the toolchain.

mod response;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use xxhash_rust::xxh3::xxh3_64;

use crate::args::golink::{self, Asked, GoLink};
use crate::diag::{Diagnostic, Diagnostics, Result, io_error};
use crate::external::run;
use crate::golang::link::{self, Linked};

use super::Session;
use super::report::print;

/// A line of `cgolink link`: there is no tool of a toolchain to fall back on but that of the `go` on the PATH.
pub(super) fn run_link(session: &Session<'_>, arguments: &[OsString]) -> Result<u8> {
    if arguments.iter().any(|argument| matches!(argument.to_str(), Some("-help" | "--help"))) {
        print(&golink::usage());
        return Ok(0);
    }
    match parse(arguments)? {
        Asked::Version { .. } => {
            print(&format!("link version cgolink/{}\n", env!("CARGO_PKG_VERSION")));
            Ok(0)
        }
        Asked::Link(options) => link_or_pass_on(session, *options, || own_linker(session, arguments)),
    }
}

/// Reads a command line, response files expanded.
fn parse(arguments: &[OsString]) -> Result<Asked> {
    golink::parse(&response::expand(arguments)?)
}

/// Whether a line that starts with this argument runs a tool: it is a program, and no input of a linker.
pub(super) fn is_tool(first: &OsStr, path: &OsStr) -> bool {
    let bytes = first.as_bytes();
    let is_flag = bytes.starts_with(b"-") || bytes.starts_with(b"@");
    let is_input = Path::new(first).extension().is_some_and(|suffix| suffix != "exe");
    !is_flag && !is_input && run::find_program(Path::new(first), path).is_some_and(|file| !run::is_self(&file))
}

/// A line of `-toolexec`: every tool runs as it is, but for the linker.
pub(super) fn run_tool(session: &Session<'_>, line: &[OsString]) -> Result<u8> {
    let Some((tool, arguments)) = line.split_first() else { return Ok(0) };
    if !is_go_linker(tool) {
        return Err(become_program(session, line).into());
    }
    match parse(arguments) {
        Ok(Asked::Version { full }) => print_version(session, line, full),
        Ok(Asked::Link(options)) => link_or_pass_on(session, *options, || Ok(line.to_vec())),
        // What its flags mean is for the toolchain's own linker to say, of whatever release.
        Err(problem) => {
            if arguments.iter().any(|argument| matches!(argument.to_str(), Some("-v" | "--v"))) {
                say_why(session, line, &problem.to_string());
            }
            pass_on(session, line, &problem.to_string())
        }
    }
}

/// The linker of a toolchain: `.../pkg/tool/linux_amd64/link`.
fn is_go_linker(tool: &OsStr) -> bool {
    Path::new(tool).file_stem() == Some(OsStr::new("link"))
}

/// The toolchain's answer to `-V=full`, and what tells this very build of cgolink from every other one: the go
/// command keys its cache of links with the whole line.
fn print_version(session: &Session<'_>, line: &[OsString], full: bool) -> Result<u8> {
    let Some((tool, arguments)) = line.split_first() else { return Ok(0) };
    let file = program(session, tool)?;
    let output = Command::new(&file).args(arguments).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| io_error("run the program", &file, &error))?;
    let answer = String::from_utf8_lossy(&output.stdout);
    let answer = answer.trim_end();
    match (full, answer.rsplit_once(" buildID=")) {
        (false, _) => print(&format!("{answer}\n")),
        // A development toolchain is told by the last word alone.
        (true, Some((front, id))) => print(&format!("{front} buildID={id}/{}\n", own_version())),
        (true, None) => print(&format!("{answer} {}\n", own_version())),
    }
    Ok(output.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// `cgolink-0.1.0-0123456789abcdef`: the version, and a hash of the program.
fn own_version() -> String {
    let program = std::env::current_exe().and_then(std::fs::read).unwrap_or_default();
    format!("cgolink-{}-{:016x}", env!("CARGO_PKG_VERSION"), xxh3_64(&program))
}

fn link_or_pass_on(
    session: &Session<'_>,
    mut options: GoLink,
    other: impl FnOnce() -> Result<Vec<OsString>>,
) -> Result<u8> {
    options.threads = session.environment.threads(options.threads)?;
    options.goroot = session.environment.goroot.clone();
    let verbose = options.verbose > 0;
    let mut told = String::new();
    let reason = match link::run(&options, &mut told) {
        Ok(Linked::Complete(warnings)) => {
            print(&told);
            session.warn(warnings, false)?;
            return Ok(0);
        }
        Ok(Linked::Refused(reason)) => reason,
        Err(errors) if is_for_another(&errors) => {
            let messages: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
            messages.join("; ")
        }
        Err(errors) => {
            print(&told);
            return Err(errors);
        }
    };
    let line = other()?;
    if verbose {
        say_why(session, &line, &reason);
    }
    pass_on(session, &line, &reason)
}

/// Says why another program links.
fn say_why(session: &Session<'_>, line: &[OsString], reason: &str) {
    let words: Vec<_> = line.iter().take_while(|word| !word.as_bytes().starts_with(b"-")).collect();
    let program: Vec<_> = words.iter().take(3).map(|word| word.to_string_lossy()).collect();
    session.reporter.say(&format!("cgolink: {reason}: passed on to {}\n", program.join(" ")));
}

/// Whether a link failed for what cgolink does not do, and Go's linker does: other targets; addresses in code that may be
/// loaded anywhere, for which it makes slots in the GOT; code where no processor wants it, which it cuts off in front.
fn is_for_another(errors: &Diagnostics) -> bool {
    let codes = ["unsupported-target", "absolute-code", "misaligned-text"];
    errors.iter().all(|error| codes.contains(&error.code))
}

/// Hands a link over to the toolchain's own linker, unless `CGOLINK_FALLBACK=error` forbids it.
fn pass_on(session: &Session<'_>, line: &[OsString], reason: &str) -> Result<u8> {
    tracing::info!("the toolchain's own linker does this: {reason}");
    match session.environment.fallback.as_deref().and_then(OsStr::to_str) {
        None | Some("link") => Err(become_program(session, line).into()),
        Some("error") => Err(Diagnostic::error("not-native", format!("cgolink does not link this itself: {reason}"))
            .help("unset CGOLINK_FALLBACK to let the toolchain's own linker do it")
            .into()),
        Some(other) => {
            let message = format!("CGOLINK_FALLBACK: '{other}' is neither link nor error");
            Err(Diagnostic::error("bad-environment", message).into())
        }
    }
}

/// Runs a program in place of this process; comes back only to say why it could not.
fn become_program(session: &Session<'_>, line: &[OsString]) -> Diagnostic {
    let Some((tool, arguments)) = line.split_first() else {
        return Diagnostic::error("no-program", "there is no program to run");
    };
    match program(session, tool) {
        Ok(file) => {
            let error = Command::new(&file).args(arguments).exec();
            io_error("run the program", &file, &error)
        }
        Err(problem) => problem,
    }
}

fn program(session: &Session<'_>, name: &OsStr) -> std::result::Result<PathBuf, Diagnostic> {
    run::find_program(Path::new(name), &session.environment.path).ok_or_else(|| {
        let origin = crate::diag::Origin::file(Path::new(name));
        Diagnostic::error("program-not-found", "the program is not on the PATH").at(origin)
    })
}

/// The line that gives a link to the linker of the toolchain on the PATH.
fn own_linker(session: &Session<'_>, arguments: &[OsString]) -> Result<Vec<OsString>> {
    let go = run::find_program(Path::new("go"), &session.environment.path).ok_or_else(|| {
        Diagnostic::error("no-go", "cgolink does not link this itself, and there is no go on the PATH to pass it on to")
    })?;
    let mut line = vec![go.into_os_string(), OsString::from("tool"), OsString::from("link")];
    line.extend(arguments.iter().cloned());
    Ok(line)
}

//! Running another program: finding it, never ourselves, with its output going where ours goes.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::diag::{Diagnostic, Origin, Result, io_error};

/// The variable that is set for what is run, so that links handed off do not go round in circles.
pub const GUARD: &str = "CGOLINK_HANDED_OFF";

/// What a link was handed to. A driver may come back as far as the ld door; nothing else may come back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Guard {
    /// A compiler.
    Driver,
    /// Another linker.
    Linker,
}

impl Guard {
    /// The value of [`GUARD`].
    pub const fn value(self) -> &'static str {
        match self {
            Guard::Driver => "driver",
            Guard::Linker => "linker",
        }
    }

    /// What a value of [`GUARD`] means.
    pub fn of(value: &OsStr) -> Guard {
        if value == Guard::Linker.value() { Guard::Linker } else { Guard::Driver }
    }
}

/// Lines longer than this, in bytes, go into a response file; systems take 128 KiB in one argument and about 2 MiB in all.
const MAX_LINE: usize = 512 << 10;

/// The file that running `program` would start: `program` itself if it has a slash, else the first on `path`, the value
/// of `PATH`.
pub fn find_program(program: &Path, path: &OsStr) -> Option<PathBuf> {
    if program.as_os_str().as_bytes().contains(&b'/') {
        return is_executable(program).then(|| program.to_owned());
    }
    std::env::split_paths(path).map(|folder| folder.join(program)).find(|file| is_executable(file))
}

/// All files of that name on `path`, in order.
pub fn find_programs(program: &str, path: &OsStr) -> Vec<PathBuf> {
    std::env::split_paths(path).map(|folder| folder.join(program)).filter(|file| is_executable(file)).collect()
}

fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// Whether `program` is the running program under whatever name.
pub fn is_self(program: &Path) -> bool {
    let canonical = |path: &Path| path.canonicalize().ok();
    let own = std::env::current_exe().ok().and_then(|path| canonical(&path));
    own.is_some() && canonical(program) == own
}

/// Runs a line and waits: its exit status, 128 and the signal's number if a signal ended it.
///
/// Errors: the program is not found, is cgolink itself, or cannot be started.
pub fn run(argv: &[OsString], path: &OsStr, guard: Guard) -> Result<u8> {
    let Some((program, arguments)) = argv.split_first() else {
        return Err(Diagnostic::error("no-compiler", "there is no program to run").into());
    };
    let named = Path::new(program);
    let Some(file) = find_program(named, path) else {
        let error = Diagnostic::error("program-not-found", "the program is not on the PATH").at(Origin::file(named));
        return Err(error.help("install it, or name another in $CC").into());
    };
    if is_self(&file) {
        let message = "the link would be handed to cgolink itself";
        let error = Diagnostic::error("self-reference", message).at(Origin::file(file));
        return Err(error.help("let $CC name a compiler").into());
    }
    let mut command = Command::new(&file);
    command.env(GUARD, guard.value());
    let length: usize = arguments.iter().map(|argument| argument.len() + 1).sum();
    // Kept until the program has ended.
    let response = if length > MAX_LINE { Some(write_response_file(arguments)?) } else { None };
    match &response {
        Some(file) => {
            let mut argument = OsString::from("@");
            argument.push(file.path());
            command.arg(argument)
        }
        None => command.args(arguments),
    };
    let status = command.status().map_err(|error| io_error("run the program", &file, &error))?;
    Ok(match (status.code(), status.signal()) {
        (Some(code), _) => u8::try_from(code).unwrap_or(1),
        (None, signal) => 128u8.saturating_add(u8::try_from(signal.unwrap_or(0)).unwrap_or(0)),
    })
}

/// The arguments in GNU's form, each character of which that means something there has a backslash.
fn write_response_file(arguments: &[OsString]) -> Result<tempfile::NamedTempFile> {
    let mut text = Vec::new();
    for argument in arguments {
        if argument.is_empty() {
            text.extend_from_slice(b"\"\"");
        }
        for &byte in argument.as_bytes() {
            if byte.is_ascii_whitespace() || matches!(byte, b'\\' | b'"' | b'\'' | 0x0b) {
                text.push(b'\\');
            }
            text.push(byte);
        }
        text.push(b'\n');
    }
    let failed = |error: std::io::Error| io_error("write a response file", &std::env::temp_dir(), &error);
    let mut file = tempfile::Builder::new().prefix("cgolink-response-").tempfile().map_err(failed)?;
    file.write_all(&text).map_err(failed)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::rspfile;

    fn path() -> OsString {
        std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into())
    }

    fn sh(script: &str) -> Result<u8> {
        run(&["sh", "-c", script].map(OsString::from), &path(), Guard::Driver)
    }

    #[test]
    fn forwards_the_status() {
        assert_eq!(sh("exit 0"), Ok(0));
        assert_eq!(sh("exit 42"), Ok(42));
        assert_eq!(sh("kill -9 $$"), Ok(137));
        assert_eq!(sh("test \"$CGOLINK_HANDED_OFF\" = driver"), Ok(0));
    }

    #[test]
    fn never_runs_itself_or_nothing() {
        let own = std::env::current_exe().unwrap();
        let error = run(&[own.into_os_string()], &path(), Guard::Driver).unwrap_err().to_string();
        assert!(error.contains("handed to cgolink itself"), "{error}");
        let error = run(&["no-such-compiler-here".into()], &path(), Guard::Driver).unwrap_err().to_string();
        assert!(error.contains("not on the PATH"), "{error}");
        assert!(run(&[], &path(), Guard::Driver).is_err());
    }

    #[test]
    fn long_lines_survive_a_response_file() {
        let arguments: Vec<OsString> = ["a b", "", "'q\" \\", "-o", "é\t"].iter().map(OsString::from).collect();
        let file = write_response_file(&arguments).unwrap();
        assert_eq!(rspfile::split(&std::fs::read(file.path()).unwrap()).unwrap(), arguments);
        let mut long: Vec<OsString> = ["sh", "-c"].iter().map(OsString::from).collect();
        long.push("exit 0".into());
        long.resize(40_000, "an argument that is not used".into());
        // `sh` takes no response file: it fails to find the script, which shows that one was passed.
        assert_ne!(run(&long, &path(), Guard::Linker), Ok(0));
    }
}

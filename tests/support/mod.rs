//! What the end-to-end tests share: where the tools are, running a program with a deadline, scratch folders.
//!
//! A tool that is missing fails the test that needs it, with the command that installs it: nothing is skipped.

#![allow(dead_code)] // each test binary uses its own part

pub mod hosted;
pub mod mixed;
pub mod mutants;

use std::ffi::OsString;
use std::fs::Permissions;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How a program ended and what it wrote.
#[derive(Debug)]
pub struct Finished {
    /// The exit status, when the program ended by itself.
    pub code: Option<i32>,
    /// The signal that ended it, or none.
    pub signal: Option<i32>,
    /// Whether it was still running at the deadline.
    pub timed_out: bool,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    /// Whether the program ended by itself with status 0.
    pub fn success(&self) -> bool {
        self.code == Some(0) && !self.timed_out
    }

    /// What a successful link wrote to standard error, without the one line with which the first use of a target says that zig is
    /// building its C library.
    pub fn said(&self) -> String {
        let notice = |line: &&str| line.starts_with("cgolink: zig ") && line.contains(" prepares the C");
        self.stderr.lines().filter(|line| !notice(line)).collect::<Vec<_>>().join("\n")
    }

    /// The end in words, with all output: for the message of a failed test.
    pub fn describe(&self) -> String {
        let how = match (self.timed_out, self.code, self.signal) {
            (true, ..) => "did not end in time".to_owned(),
            (_, Some(code), _) => format!("exit status {code}"),
            (_, _, Some(signal)) => format!("killed by signal {signal}"),
            _ => "ended in an unknown way".to_owned(),
        };
        format!("{how}\n--- stdout\n{}--- stderr\n{}", self.stdout, self.stderr)
    }
}

/// The root of the project.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The program under test.
pub fn cgolink() -> &'static str {
    env!("CARGO_BIN_EXE_cgolink")
}

/// `PATH` with the project's own tools in front.
pub fn search_path() -> OsString {
    let mut path = root().join(".tools/bin").into_os_string();
    if let Some(rest) = std::env::var_os("PATH") {
        path.push(":");
        path.push(rest);
    }
    path
}

/// Where a program is, as the shell would find it.
pub fn which(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&search_path()).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// The path of a program that the test cannot do without.
pub fn need(name: &str) -> Result<PathBuf, String> {
    which(name).ok_or_else(|| format!("{name} is not installed; `make test` (tools/setup.py test) installs it"))
}

/// A command that finds the project's tools, in a neutral locale and with no settings of the person who runs it.
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env("PATH", search_path()).env("LC_ALL", "C").stdin(Stdio::null());
    for name in ["CGOLINK_BACKEND", "CGOLINK_LOG", "CGOLINK_ERROR_FORMAT", "CC", "GOFLAGS", "CGO_LDFLAGS", "CGO_CFLAGS"]
    {
        command.env_remove(name);
    }
    command
}

/// A command from a compiler such as `zig cc --target=...`: several words, the first of them a program that must be there.
pub fn compiler(words: &str) -> Result<Command, String> {
    let mut parts = words.split_whitespace();
    let mut made = command(need(parts.next().unwrap_or_default())?);
    made.args(parts);
    Ok(made)
}

/// The words of a command, for the message of a failed test.
pub fn shown(command: &Command) -> String {
    let words: Vec<_> =
        std::iter::once(command.get_program()).chain(command.get_args()).map(|w| w.to_string_lossy()).collect();
    words.join(" ")
}

/// Runs a command to its end, or kills it at the deadline.
pub fn run(command: &mut Command, deadline: Duration) -> Finished {
    let mut child = match command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn() {
        Ok(child) => child,
        Err(error) => panic!("{command:?} could not be started: {error}"),
    };
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let status = wait(&mut child, deadline);
    let timed_out = status.is_none();
    if timed_out {
        let _ = child.kill();
    }
    let status = status.unwrap_or_else(|| child.wait().expect("a killed child can be waited for"));
    Finished {
        code: status.code(),
        signal: status.signal(),
        timed_out,
        stdout: stdout.join().expect("reading cannot panic"),
        stderr: stderr.join().expect("reading cannot panic"),
    }
}

/// Runs a command that has to succeed; the error says what it was and what it wrote.
pub fn run_ok(command: &mut Command, deadline: Duration) -> Result<Finished, String> {
    let finished = run(command, deadline);
    if finished.success() { Ok(finished) } else { Err(format!("{}\n{}", shown(command), finished.describe())) }
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn wait(child: &mut Child, deadline: Duration) -> Option<std::process::ExitStatus> {
    let end = Instant::now() + deadline;
    let mut pause = Duration::from_micros(500);
    loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return Some(status);
        }
        if Instant::now() > end {
            return None;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// A command that runs `program` on a terminal of its own: C programs write whole lines at once only there, and what a
/// Go program's C half still holds in its buffer is lost at the end.
pub fn under_pty(program: &Command) -> Result<Command, String> {
    let mut made = command(need("python3")?);
    made.arg("-c").arg("import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))");
    made.arg(program.get_program()).args(program.get_args());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => made.env(name, value),
            None => made.env_remove(name),
        };
    }
    Ok(made)
}

/// A command that runs a linked program, under an emulator when it is for aarch64 and this machine is not.
pub fn runner(program: &Path, aarch64: bool) -> Result<Command, String> {
    if aarch64 == cfg!(target_arch = "aarch64") {
        return Ok(command(program));
    }
    let mut made = command(need(if aarch64 { "qemu-aarch64-static" } else { "qemu-x86_64-static" })?);
    made.arg(program);
    Ok(made)
}

/// Writes a program that runs a few lines of shell.
pub fn script(file: &Path, lines: &str) {
    let written = std::fs::write(file, format!("#!/bin/sh\n{lines}\n"));
    written
        .and_then(|()| std::fs::set_permissions(file, Permissions::from_mode(0o755)))
        .expect("a script can be written");
}

/// A folder for one test, under cargo's own; emptied first, kept afterwards so that a failure can be looked at.
pub fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("the build folder can be written");
    folder
}

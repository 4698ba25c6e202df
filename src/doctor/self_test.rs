//! `cgolink doctor --self-test`: links a small C program with what was found, through the same door as a user, and runs it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Serialize;

use crate::external::toolchain::{CLibrary, StaticKind};
use crate::target::Architecture;

/// A constructor, a thread-local variable, formatted output and an exit status of its own: each needs something that a
/// linker may get wrong.
const PROGRAM: &str = r#"#include <stdio.h>
static __thread int slot = 2;
static int made;
__attribute__((constructor)) static void make(void) { made = 40; }
int main(void) { printf("%d\n", made + slot); return fflush(stdout) ? 1 : made + slot; }
"#;

/// What [`PROGRAM`] prints, and its exit status.
const EXPECTED: i32 = 42;

/// How it went.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "result", content = "why")]
pub(super) enum SelfTest {
    /// Linked, run, and right.
    Passed,
    /// Linked; the machine cannot run it.
    Linked(String),
    /// Not tried.
    Skipped(String),
    /// Something went wrong.
    Failed(String),
}

impl SelfTest {
    /// For people.
    pub(super) fn text(&self) -> String {
        match self {
            SelfTest::Passed => "self-test passed".to_owned(),
            SelfTest::Linked(why) => format!("self-test linked, but was not run: {why}"),
            SelfTest::Skipped(why) => format!("self-test skipped: {why}"),
            SelfTest::Failed(why) => format!("self-test FAILED: {why}"),
        }
    }
}

/// Links and runs the program with `library`, by the cgolink at `cgolink`.
pub(super) fn run(library: &CLibrary, cgolink: &Path) -> SelfTest {
    let Some(compiler) = &library.compiler else {
        return SelfTest::Skipped("no compiler comes with this C library".to_owned());
    };
    let folder = match tempfile::Builder::new().prefix("cgolink-self-test-").tempdir() {
        Ok(folder) => folder,
        Err(error) => return SelfTest::Failed(format!("no temporary folder: {error}")),
    };
    let program = folder.path().join("program");
    let source = folder.path().join("program.c");
    if let Err(error) = std::fs::write(&source, PROGRAM) {
        return SelfTest::Failed(format!("{}: {error}", source.display()));
    }
    let mut link = Command::new(cgolink);
    link.env("CC", compiler.to_string()).env("CGOLINK_BACKEND", "native");
    link.arg(match library.kind {
        StaticKind::Executable => "-static",
        StaticKind::Pie => "-static-pie",
    });
    if library.kind == StaticKind::Pie {
        link.arg("-fPIE");
    }
    link.arg("-o").arg(&program).arg(&source);
    match output_of(&mut link) {
        Ok((Some(0), _, _)) => {}
        Ok((_, _, errors)) => return SelfTest::Failed(format!("the link: {}", first_line(&errors))),
        Err(why) => return SelfTest::Failed(why),
    }
    start(library.target.architecture, &program)
}

fn start(architecture: Architecture, program: &Path) -> SelfTest {
    let mut command = if architecture.name() == std::env::consts::ARCH {
        Command::new(program)
    } else {
        let Some(emulator) = emulator(architecture) else {
            return SelfTest::Linked(format!("there is no qemu-{architecture} on the PATH"));
        };
        let mut command = Command::new(emulator);
        command.arg(program);
        command
    };
    match output_of(&mut command) {
        Ok((Some(EXPECTED), output, _)) if output.trim() == EXPECTED.to_string() => SelfTest::Passed,
        Ok((Some(status), output, errors)) => {
            SelfTest::Failed(format!("the program ended with status {status}: {}", first_line(&(output + &errors))))
        }
        Ok((None, ..)) => SelfTest::Failed("the program died of a signal".to_owned()),
        Err(why) => SelfTest::Failed(why),
    }
}

fn emulator(architecture: Architecture) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = [format!("qemu-{architecture}"), format!("qemu-{architecture}-static")];
    std::env::split_paths(&path)
        .flat_map(|folder| names.each_ref().map(|name| folder.join(name)))
        .find(|file| file.is_file())
}

/// Exit status (`None` for a signal), standard output and standard error.
fn output_of(command: &mut Command) -> Result<(Option<i32>, String, String), String> {
    let program = command.get_program().to_owned();
    let output =
        command.stdin(Stdio::null()).output().map_err(|error| format!("cannot run {}: {error}", program.display()))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((output.status.code(), text(&output.stdout), text(&output.stderr)))
}

fn first_line(text: &str) -> &str {
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no message")
}

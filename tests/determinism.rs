//! The same inputs give the same bytes: with 1, 2 and 8 threads, from another folder, into another output.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(120);

/// A link that can be repeated with other circumstances.
struct Link {
    name: String,
    folder: PathBuf,
    /// All arguments but `-o`.
    args: Vec<String>,
    cc: Option<&'static str>,
}

impl Link {
    fn command(&self, output: &Path) -> Command {
        let mut command = support::command(support::cgolink());
        match self.cc {
            Some(cc) => command.env("CC", cc).arg("-static"),
            None => command.arg("ld"),
        };
        command.current_dir(&self.folder).arg("-o").arg(output).args(&self.args);
        command
    }

    /// The flag that fixes the number of threads, for this link's door.
    fn threads(&self, count: &str) -> String {
        let flag = format!("--threads={count}");
        if self.cc.is_some() { format!("-Wl,{flag}") } else { flag }
    }

    fn bytes(&self, command: &mut Command, output: &Path) -> Vec<u8> {
        support::run_ok(command, DEADLINE).unwrap_or_else(|e| panic!("{}: {e}", self.name));
        std::fs::read(output).unwrap()
    }

    /// Links under every circumstance and compares.
    fn assert_same(&self) {
        let output = self.folder.join("output");
        let first = self.bytes(&mut self.command(&output), &output);
        for threads in ["1", "2", "8"] {
            let again = self.bytes(self.command(&output).arg(self.threads(threads)), &output);
            assert!(again == first, "{}: {threads} threads made other bytes", self.name);
        }
        let elsewhere = support::scratch(&format!("determinism-elsewhere-{}", self.name));
        let other = elsewhere.join("another-name");
        let moved = self.bytes(self.command(&other).current_dir("/"), &other);
        assert!(moved == first, "{}: another folder and output path made other bytes", self.name);
    }
}

/// The small program that has a little of everything, with flags that make most tables.
fn mixed(architecture: &str) -> Link {
    let folder = support::scratch(&format!("determinism-mixed-{architecture}"));
    let compiled = support::mixed::compile(architecture, &folder).unwrap();
    let mut args: Vec<String> =
        ["-e", "begin", "--build-id=sha1", "--eh-frame-hdr", "--gc-sections", "--compress-debug-sections=zlib"]
            .map(str::to_owned)
            .into();
    args.extend(compiled.inputs.iter().map(|p| p.display().to_string()));
    Link { name: format!("mixed-{architecture}"), folder, args, cc: None }
}

/// A C++ program with its whole library: thousands of symbols and sections.
fn cxx(name: &str, cc: &'static str, cxx: &str) -> Link {
    let folder = support::scratch(&format!("determinism-cxx-{name}"));
    let case = support::root().join("testdata/link/cxx");
    let mut args = Vec::new();
    for source in ["main.cpp", "other.cpp"] {
        let object = folder.join(source).with_extension("o");
        let mut compile = support::compiler(cxx).unwrap();
        compile.current_dir(&case).args(["-std=c++17", "-O1", "-g", "-c", source, "-o"]).arg(&object);
        support::run_ok(&mut compile, Duration::from_secs(600)).unwrap();
        args.push(object.display().to_string());
    }
    args.extend(
        ["-lstdc++", "-pthread", "-Wl,--build-id=sha1", "-Wl,--compress-debug-sections=zlib"].map(str::to_owned),
    );
    Link { name: format!("cxx-{name}"), folder, args, cc: Some(cc) }
}

#[test]
fn a_small_program_for_x86_64() {
    mixed("x86_64").assert_same();
}

#[test]
fn a_small_program_for_aarch64() {
    mixed("aarch64").assert_same();
}

#[test]
fn cxx_on_musl_for_x86_64() {
    cxx("x86_64", "zig cc --target=x86_64-linux-musl", "zig c++ --target=x86_64-linux-musl").assert_same();
}

#[test]
fn cxx_on_musl_for_aarch64() {
    cxx("aarch64", "zig cc --target=aarch64-linux-musl", "zig c++ --target=aarch64-linux-musl").assert_same();
}

#[test]
fn cxx_on_static_glibc() {
    cxx("glibc", "gcc", "g++").assert_same();
}

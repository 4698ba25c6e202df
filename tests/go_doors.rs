//! Go programs with a C and with a Rust half, built by `go build -ldflags=-extld=cgolink` as a person would.
//!
//! The programs are those of `testdata/programs`. What comes out is looked at with `readelf` and run on a terminal, for
//! aarch64 under qemu.

mod support;

use std::path::{Path, PathBuf};
use std::time::Duration;

use support::Finished;

/// How long a whole build may take: the first one compiles Go's runtime and zig's C library.
const BUILD: Duration = Duration::from_secs(900);
const RUN: Duration = Duration::from_secs(120);

/// A pair of Go target and C compiler.
struct Toolchain {
    goarch: &'static str,
    /// What makes the library: `CC` of its Makefile.
    library: &'static str,
    /// `CC` of the go command.
    cc: &'static str,
    rust: &'static str,
    ldflags: &'static str,
}

const X86_64_ZIG: Toolchain = Toolchain {
    goarch: "amd64",
    library: "zig cc --target=x86_64-linux-musl",
    cc: "zig cc --target=x86_64-linux-musl -static",
    rust: "x86_64-unknown-linux-musl",
    ldflags: "-extld=cgolink",
};

const AARCH64_ZIG: Toolchain = Toolchain {
    goarch: "arm64",
    library: "zig cc --target=aarch64-linux-musl",
    cc: "zig cc --target=aarch64-linux-musl -static",
    rust: "aarch64-unknown-linux-musl",
    ldflags: "-extld=cgolink",
};

const MUSL_GCC: Toolchain = Toolchain {
    goarch: "amd64",
    library: "musl-gcc",
    cc: "musl-gcc",
    rust: "x86_64-unknown-linux-musl",
    ldflags: "-extld=cgolink -extldflags=-static",
};

const GCC: Toolchain = Toolchain {
    goarch: "amd64",
    library: "gcc",
    cc: "gcc",
    rust: "x86_64-unknown-linux-gnu",
    ldflags: "-extld=cgolink -extldflags=-static",
};

/// A copy of a sample program that can be changed and built.
struct Program {
    folder: PathBuf,
    output: PathBuf,
}

impl Program {
    /// Copies the sample and makes its library.
    fn new(sample: &str, test: &str, toolchain: &Toolchain) -> Self {
        let folder = support::scratch(&format!("go-{test}"));
        copy(&support::root().join("testdata/programs").join(sample), &folder);
        let mut make = support::command(support::need("make").unwrap());
        make.arg("-C").arg(folder.join("c")).env("CC", toolchain.library).env("RUST_TARGET", toolchain.rust);
        support::run_ok(&mut make, BUILD).unwrap();
        Self { output: folder.join("program"), folder }
    }

    /// Runs `go` in the program's folder, with cgolink on the path by its name.
    fn go(&self, toolchain: &Toolchain, args: &[&str], env: &[(&str, &str)]) -> Finished {
        let mut path = Path::new(support::cgolink()).parent().unwrap().as_os_str().to_owned();
        path.push(":");
        path.push(support::search_path());
        let mut go = support::command(support::need("go").unwrap());
        go.current_dir(&self.folder).args(args).env("PATH", path);
        go.env("CGO_ENABLED", "1").env("GOOS", "linux").env("GOARCH", toolchain.goarch).env("CC", toolchain.cc);
        // Nothing here may come from the network, and no stamp of the repository around the copy.
        go.env("GOTOOLCHAIN", "local").env("GOPROXY", "off").env("GOFLAGS", "-buildvcs=false");
        go.envs(env.iter().copied());
        support::run(&mut go, BUILD)
    }

    /// `go build -ldflags=-extld=cgolink`, anew.
    fn build(&self, toolchain: &Toolchain, env: &[(&str, &str)]) -> Finished {
        let _ = std::fs::remove_file(&self.output);
        let ldflags = format!("-ldflags={}", toolchain.ldflags);
        self.go(toolchain, &["build", "-o", self.output.to_str().unwrap(), &ldflags, "."], env)
    }

    /// A build that has to succeed without a word.
    fn build_silently(&self, toolchain: &Toolchain, env: &[(&str, &str)]) {
        let built = self.build(toolchain, env);
        assert!(built.success(), "{}", built.describe());
        // The go command puts the package's name above what its linker says.
        let silent = built.stdout.is_empty() && built.said().lines().all(|line| line.starts_with("# "));
        assert!(silent, "a successful link says nothing: {}", built.describe());
    }

    /// Nothing asks for a loader or a shared library.
    fn assert_static(&self) {
        let mut readelf = support::command(support::need("readelf").unwrap());
        let said = support::run_ok(readelf.args(["-W", "-l", "-d"]).arg(&self.output), RUN).unwrap();
        assert!(said.stdout.contains("LOAD"), "{}", said.describe());
        assert!(!said.stdout.contains("INTERP") && !said.stdout.contains("NEEDED"), "not static: {}", said.describe());
        assert!(said.stderr.is_empty(), "readelf has doubts: {}", said.describe());
    }

    /// The program on a terminal writes exactly this and ends well.
    fn assert_writes(&self, toolchain: &Toolchain, expected: &str) {
        let program = support::runner(&self.output, toolchain.goarch == "arm64").unwrap();
        let ran = support::run(&mut support::under_pty(&program).unwrap(), RUN);
        assert!(ran.success(), "{}", ran.describe());
        assert_eq!(ran.stdout.replace("\r\n", "\n"), expected, "{}", ran.describe());
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else if !matches!(entry.path().extension().and_then(|e| e.to_str()), Some("o" | "a")) {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn builds_and_runs(sample: &str, test: &str, toolchain: &Toolchain, env: &[(&str, &str)]) {
    let program = Program::new(sample, test, toolchain);
    program.build_silently(toolchain, env);
    program.assert_static();
    program.assert_writes(toolchain, "Dog: 42\n");
}

#[test]
fn a_c_library_for_x86_64_by_zig() {
    builds_and_runs("animals", "c-x86_64", &X86_64_ZIG, &[]);
}

#[test]
fn a_c_library_for_aarch64_by_zig() {
    builds_and_runs("animals", "c-aarch64", &AARCH64_ZIG, &[]);
}

#[test]
fn a_rust_library_for_x86_64_by_zig() {
    builds_and_runs("animals-rust", "rust-x86_64", &X86_64_ZIG, &[("CGO_LDFLAGS", "-lunwind")]);
}

#[test]
fn a_rust_library_for_aarch64_by_zig() {
    builds_and_runs("animals-rust", "rust-aarch64", &AARCH64_ZIG, &[("CGO_LDFLAGS", "-lunwind")]);
}

#[test]
fn the_unwinder_may_stand_in_cc() {
    let toolchain = Toolchain { cc: "zig cc --target=x86_64-linux-musl -static -lunwind", ..X86_64_ZIG };
    builds_and_runs("animals-rust", "rust-cc-unwind", &toolchain, &[]);
}

#[test]
fn a_c_library_by_musl_gcc() {
    builds_and_runs("animals", "c-musl-gcc", &MUSL_GCC, &[]);
}

#[test]
fn a_c_library_on_static_glibc() {
    builds_and_runs("animals", "c-glibc", &GCC, &[]);
}

#[test]
fn a_rust_library_on_static_glibc() {
    builds_and_runs("animals-rust", "rust-glibc", &GCC, &[]);
}

/// A program for a dynamic glibc is not linked natively: the compiler does it, and it works all the same.
#[test]
fn a_dynamic_program_is_handed_to_the_compiler() {
    let toolchain = Toolchain { ldflags: "-extld=cgolink", ..GCC };
    let program = Program::new("animals", "dynamic", &toolchain);
    program.build_silently(&toolchain, &[]);
    program.assert_writes(&toolchain, "Dog: 42\n");
}

#[test]
fn go_test_links_its_programs_too() {
    let program = Program::new("animals", "go-test", &X86_64_ZIG);
    let tested = program.go(&X86_64_ZIG, &["test", "-count=1", "-ldflags=-extld=cgolink", "./app/"], &[]);
    assert!(tested.success(), "{}", tested.describe());
    assert!(tested.stdout.starts_with("ok"), "{}", tested.describe());
}

/// The same bytes from two builds and from any number of threads, though the go command links in a new folder each time. (The flag
/// `--threads` would change the build identifier, which covers all flags.)
#[test]
fn builds_are_reproducible() {
    for (name, toolchain) in [("x86_64", &X86_64_ZIG), ("aarch64", &AARCH64_ZIG)] {
        let program = Program::new("animals-rust", &format!("reproducible-{name}"), toolchain);
        let mut first: Option<Vec<u8>> = None;
        for threads in ["1", "2", "8", "2"] {
            program.build_silently(toolchain, &[("CGO_LDFLAGS", "-lunwind"), ("RAYON_NUM_THREADS", threads)]);
            let bytes = std::fs::read(&program.output).unwrap();
            let first = first.get_or_insert_with(|| bytes.clone());
            assert!(*first == bytes, "{name}: {threads} threads made other bytes");
        }
    }
}

/// An empty line before `import "C"` cuts the preamble off, and the function in it is nowhere: the error says just that.
#[test]
fn a_preamble_that_is_cut_off_is_recognised() {
    let program = Program::new("animals", "blank-line", &X86_64_ZIG);
    let cfuncs = program.folder.join("app/cfuncs.go");
    let text = std::fs::read_to_string(&cfuncs).unwrap();
    assert!(text.contains("*/\nimport \"C\""));
    std::fs::write(&cfuncs, text.replace("*/\nimport \"C\"", "*/\n\nimport \"C\"")).unwrap();
    let built = program.build(&X86_64_ZIG, &[]);
    assert!(!built.success(), "{}", built.describe());
    assert!(!program.output.exists());
    assert!(built.stderr.contains("initial_setup"), "the function has to be named: {}", built.describe());
    assert!(built.stderr.contains("cgo/app"), "the package has to be named: {}", built.describe());
    let hint = built.stderr.to_lowercase();
    assert!(
        hint.contains("blank line") || hint.contains("empty line"),
        "no hint at the blank line: {}",
        built.describe()
    );
}

/// Rust's library leaves the unwinder to the link, and nobody named one: it is found.
#[test]
fn the_unwinder_is_found_without_being_named() {
    builds_and_runs("animals-rust", "rust-no-unwind", &X86_64_ZIG, &[]);
}

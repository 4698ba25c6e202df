//! The programs of `testdata/golang`, linked by `cgolink link` and by Go's own linker from the same archives and with the same
//! arguments: the files must be the same byte for byte. With compressed debug sections they must hold the same and be no
//! larger. What was linked is run. Some are linked by a cgolink for the other architecture as well, which must make the same of them.
//!
//! The archives come from the real go command through `tools/corpus.py`, for two releases and both architectures. All builds
//! share one cache in the target folder, so that only the first run compiles Go's library.
//!
//! `CGOLINK_TEST_LINKER=go cargo test --test identity` proves the cases themselves: Go's linker then stands in for cgolink.

mod support;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use cgolink::verify::{self, Verdict};
use libtest_mimic::{Arguments, Failed, Trial};
use serde::Deserialize;

/// The first build for a target compiles all of Go's library that net/http needs.
const BUILD: Duration = Duration::from_secs(1800);
const LINK: Duration = Duration::from_secs(300);
const RUN: Duration = Duration::from_secs(120);

/// One build of all programs.
struct Build {
    /// The go command, by the name that the set-up gives it.
    go: &'static str,
    goarch: &'static str,
    /// What the flags are called in the names of tests.
    mode: &'static str,
    flags: &'static [&'static str],
    /// Variables of the go command, NAME=VALUE.
    env: &'static [&'static str],
    /// The only program that is built; empty for all.
    only: &'static str,
    /// Whether the results can be run here, or under the emulator.
    runs: bool,
    captured: OnceLock<Result<Vec<PathBuf>, String>>,
}

const fn build(
    go: &'static str,
    goarch: &'static str,
    mode: &'static str,
    flags: &'static [&'static str],
    runs: bool,
) -> Build {
    Build { go, goarch, mode, flags, env: &[], only: "", runs, captured: OnceLock::new() }
}

/// A build of one program that can be run, for what the others would only show again.
const fn of(
    only: &'static str,
    [go, goarch, mode]: [&'static str; 3],
    env: &'static [&'static str],
    flags: &'static [&'static str],
) -> Build {
    Build { go, goarch, mode, flags, env, only, runs: true, captured: OnceLock::new() }
}

static BUILDS: [Build; 10] = [
    build("go1.26", "amd64", "exe", &[], true),
    build("go1.26", "arm64", "exe", &[], true),
    build("go1.27", "amd64", "exe", &[], true),
    build("go1.27", "arm64", "exe", &[], true),
    build("go1.26", "amd64", "pie", &["-buildmode=pie"], true),
    // The loader that such a file names is not in the emulator's reach.
    build("go1.27", "arm64", "pie", &["-buildmode=pie"], false),
    build("go1.27", "amd64", "noopt", &["-trimpath", "-gcflags=all=-N -l"], true),
    of("hello", ["go1.26", "amd64", "dwarf4"], &["GOEXPERIMENT=nodwarf5"], &[]),
    of("hello", ["go1.27", "arm64", "cover"], &[], &["-cover", "-coverpkg=./hello,fmt"]),
    of("web", ["go1.27", "amd64", "fips"], &["GOFIPS140=latest"], &[]),
];

/// What is added to the command line of the go command.
const VARIANTS: [(&str, &[&str]); 4] = [
    ("plain", &["-compressdwarf=false"]),
    ("default", &[]),
    ("strip", &["-s", "-w"]),
    ("x", &["-compressdwarf=false", "-X=main.x=from the command line", "-X", "main.y=nothing"]),
];

/// The tests of a cgolink that runs on aarch64: program, go command, GOARCH, mode.
const HOSTED: [[&str; 4]; 2] = [["hello", "go1.26", "amd64", "exe"], ["hello", "go1.27", "arm64", "exe"]];

/// The part of a captured program's `link.json` that is used here.
#[derive(Deserialize)]
struct Captured {
    link: PathBuf,
    argv: Vec<String>,
    env: std::collections::BTreeMap<String, String>,
}

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for program in programs() {
        for build in &BUILDS {
            for (variant, flags) in VARIANTS {
                // Only this program has a variable for -X.
                if (variant == "x" && program != "hello") || !build.has(&program) {
                    continue;
                }
                let key = [&program, build.go, build.goarch, build.mode];
                let label = [&key[..], &[variant]].concat().join("/");
                let emulated = HOSTED.contains(&key).then_some((Host::Aarch64, format!("{label}/on-aarch64")));
                for (host, label) in std::iter::once((Host::This, label)).chain(emulated) {
                    let program = program.clone();
                    let test = move || one(&program, build, variant, flags, host).map_err(Failed::from);
                    trials.push(Trial::test(label, test));
                }
            }
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// The folders of `testdata/golang`.
fn programs() -> Vec<String> {
    let entries = std::fs::read_dir(sources()).expect("testdata/golang can be read");
    let folders = entries.filter_map(|entry| entry.ok()).filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> = folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn sources() -> PathBuf {
    support::root().join("testdata/golang")
}

impl Build {
    fn has(&self, program: &str) -> bool {
        self.only.is_empty() || self.only == program
    }

    /// The folders of the captured programs; made by the first test that asks.
    fn capture(&self) -> Result<&[PathBuf], String> {
        let made = self.captured.get_or_init(|| {
            let folder = support::scratch(&format!("identity-{}-{}-{}", self.go, self.goarch, self.mode));
            let mut command = support::command(support::need("python3")?);
            command.arg(support::root().join("tools/corpus.py")).args(["capture", "--variants", "", "-o"]).arg(&folder);
            command.arg("--go").arg(support::need(self.go)?).args(["--goarch", self.goarch, "--cwd"]).arg(sources());
            command.args(self.env.iter().flat_map(|setting| ["--env", setting]));
            command.args([&format!("./{}...", self.only), "--", "-buildvcs=false"]).args(self.flags);
            command.env("GOCACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-cache"));
            let finished = support::run_ok(&mut command, BUILD)?;
            Ok(finished.stdout.lines().map(PathBuf::from).collect())
        });
        made.as_deref().map_err(String::clone)
    }

    fn program(&self, name: &str) -> Result<&Path, String> {
        let wanted = format!("{}-{}-{name}", self.go.trim_start_matches("go"), self.goarch);
        let is_it = |folder: &&PathBuf| {
            let folder = folder.file_name().unwrap_or_default().to_string_lossy();
            folder.strip_prefix(wanted.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        let found = self.capture()?.iter().find(is_it);
        found.map(PathBuf::as_path).ok_or_else(|| format!("the go command did not link {wanted}"))
    }
}

/// Where cgolink runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Host {
    This,
    /// Emulated, where this machine is another.
    Aarch64,
}

impl Host {
    /// The words that start cgolink.
    fn cgolink(self) -> Result<Vec<OsString>, String> {
        let command = match self {
            Host::This => support::command(support::cgolink()),
            Host::Aarch64 => support::runner(support::hosted::for_aarch64()?, true)?,
        };
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        Ok(words.map(OsString::from).collect())
    }
}

fn one(program: &str, build: &Build, variant: &str, flags: &[&str], host: Host) -> Result<(), String> {
    let folder = build.program(program)?;
    let text = std::fs::read_to_string(folder.join("link.json")).map_err(|error| error.to_string())?;
    let captured: Captured = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let outputs = ["go", "cgolink"].map(|who| folder.join(format!("{variant}-{host:?}.{who}")));
    let go = [captured.link.as_os_str().to_owned()];
    let own = [host.cgolink()?, vec!["link".into()]].concat();
    let stands_in = std::env::var_os("CGOLINK_TEST_LINKER").is_some_and(|name| name == "go");
    link(&captured, &go, folder, flags, &outputs[0])?;
    link(&captured, if stands_in { &go[..] } else { &own[..] }, folder, flags, &outputs[1])?;
    let [theirs, ours] = outputs.each_ref().map(|output| std::fs::read(output).expect("a link makes its output"));
    let report = verify::compare([&theirs, &ours], &outputs, 3).map_err(|error| error.to_string())?;
    match report.verdict {
        Verdict::Identical => {}
        Verdict::EqualUncompressed if variant == "default" => {
            if ours.len() > theirs.len() {
                return Err(format!("{} bytes, but Go's linker needs only {}", ours.len(), theirs.len()));
            }
        }
        _ => return Err(report.text(&outputs)),
    }
    if variant == "plain" && build.runs && host == Host::This {
        runs(&outputs[1], program, build)?;
    }
    for output in outputs {
        std::fs::remove_file(&output).map_err(|error| format!("{}: {error}", output.display()))?;
    }
    Ok(())
}

/// Links as the go command asked for it, with more flags before the main package.
fn link(captured: &Captured, linker: &[OsString], folder: &Path, flags: &[&str], output: &Path) -> Result<(), String> {
    let config = folder.join("importcfg.link");
    let fill = |word: &String| {
        word.replace("{out}", &output.to_string_lossy()).replace("{importcfg}", &config.to_string_lossy())
    };
    let words: Vec<String> = captured.argv.iter().map(fill).collect();
    let (main, before) = words.split_last().ok_or("link.json has no arguments")?;
    let mut command = support::command(&linker[0]);
    command.args(&linker[1..]).args(before).args(flags).arg(main);
    command.envs(&captured.env).env("CGOLINK_FALLBACK", "error");
    let finished = support::run_ok(&mut command, LINK)?;
    match finished.stdout.is_empty() && finished.stderr.is_empty() {
        true => Ok(()),
        false => Err(format!("the link was not silent: {}{}", finished.stdout, finished.stderr)),
    }
}

fn runs(file: &Path, program: &str, build: &Build) -> Result<(), String> {
    let finished = support::run_ok(&mut support::runner(file, build.goarch == "arm64")?, RUN)?;
    let wanted =
        std::fs::read_to_string(sources().join(program).join("output.txt")).map_err(|error| error.to_string())?;
    match finished.stdout == wanted {
        true => Ok(()),
        false => Err(format!("{program} wrote\n{}but should have written\n{wanted}", finished.stdout)),
    }
}

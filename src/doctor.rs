//! `cgolink doctor`: what a link would find on this machine. For both targets it climbs every rung of the order in which C
//! libraries are looked for, says what each has or why it has nothing, which one a link takes, and what to install where
//! there is none. It changes nothing but the memory of the compilers' answers; with `--prepare` it lets zig make its
//! libraries, so that no later link waits for that, and with `--self-test` it links and runs a program with each.

mod self_test;

use std::ffi::OsString;
use std::fmt::Write;
use std::path::PathBuf;

use serde::Serialize;

use crate::args::quoted;
use crate::diag::{self, Diagnostic};
use crate::external::toolchain::{
    self, CLibrary, CompilerCommand, Probe, Rung, StaticKind, Step, SystemProbe, ToolchainQuery,
};
use crate::target::{Architecture, Target};
use self_test::SelfTest;

/// The text of `cgolink doctor --help`.
pub const HELP: &str = "\
Usage: cgolink doctor [--json] [--prepare] [--self-test]

Prints the C libraries and compilers that a static link finds for x86_64 and aarch64 Linux, in the order in which they
are looked for. The exit status is 0 if both targets can be linked, else 1.

  --prepare    let zig make its C libraries now, so that the first link does not wait for them
  --self-test  prepare, then link a small program with each C library that a link takes, and run it
  --json       print the same as one JSON object
";

/// The flags of `cgolink doctor`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Options {
    /// `--json`.
    pub json: bool,
    /// `--prepare`.
    pub prepare: bool,
    /// `--self-test`.
    pub self_test: bool,
    /// `--help`.
    pub help: bool,
}

/// All that was found.
#[derive(Serialize, Debug)]
pub struct Report {
    /// cgolink's version.
    version: &'static str,
    /// `$CC`, where it is set.
    compiler: Option<String>,
    /// Where compilers' answers are remembered.
    cache: Option<PathBuf>,
    /// Both targets.
    targets: Vec<TargetReport>,
}

/// What was found for one target.
#[derive(Serialize, Debug)]
struct TargetReport {
    target: String,
    /// Whether a static executable can be linked.
    linkable: bool,
    kinds: Vec<KindReport>,
    /// What to install; empty if the target can be linked.
    install: Vec<String>,
}

/// The rungs for one kind of executable.
#[derive(Serialize, Debug)]
struct KindReport {
    kind: StaticKind,
    rungs: Vec<RungReport>,
    /// Where it was asked for.
    self_test: Option<SelfTest>,
}

/// One rung.
#[derive(Serialize, Debug)]
struct RungReport {
    rung: Rung,
    /// The compiler or program asked.
    asked: String,
    state: State,
    /// What it has, or why it has nothing.
    answer: String,
    library: Option<CLibrary>,
}

/// What a rung is for a link.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Debug)]
#[serde(rename_all = "kebab-case")]
enum State {
    /// A link takes it.
    Used,
    /// It would do if those before it were not there.
    Found,
    /// It has nothing.
    Missing,
}

/// Runs `cgolink doctor`; `print` gets the report. The result is the exit status: 0 if both targets can be linked, else 1.
///
/// # Errors
/// Those of [`options`] and [`Report::json`].
pub fn run(arguments: &[OsString], print: impl FnOnce(&str)) -> diag::Result<u8> {
    let options = options(arguments)?;
    if options.help {
        print(HELP);
        return Ok(0);
    }
    let mut report = examine(options);
    if options.self_test {
        report.test_itself()?;
    }
    print(&if options.json { report.json()? } else { report.text() });
    Ok(u8::from(!report.is_healthy()))
}

/// Reads the flags.
///
/// # Errors
/// `unknown-flag` for any other word.
pub fn options(arguments: &[OsString]) -> diag::Result<Options> {
    let mut options = Options::default();
    for argument in arguments {
        match argument.to_str() {
            Some("--json") => options.json = true,
            Some("--prepare") => options.prepare = true,
            Some("--self-test") => (options.prepare, options.self_test) = (true, true),
            Some("--help" | "-h") => options.help = true,
            _ => {
                let message = format!("cgolink doctor has no flag {}", argument.display());
                return Err(Diagnostic::error("unknown-flag", message).help("see 'cgolink doctor --help'").into());
            }
        }
    }
    Ok(options)
}

/// Examines this machine.
pub fn examine(options: Options) -> Report {
    examine_on(&SystemProbe, options)
}

fn examine_on(probe: &dyn Probe, options: Options) -> Report {
    let words = probe.variable("CC").and_then(|value| quoted::split_fields(&value));
    let compiler = words.and_then(|words| CompilerCommand::from_words(&words));
    let targets = Architecture::ALL.map(|architecture| {
        // The compiler speaks for its own target alone.
        let own = compiler.clone().filter(|compiler| match (compiler.target(), &compiler.triple) {
            (Some(target), _) => target.architecture == architecture,
            (None, triple) => triple.is_none(),
        });
        examine_target(probe, Target { architecture, libc: None }, own, options.prepare)
    });
    Report {
        version: env!("CARGO_PKG_VERSION"),
        compiler: compiler.map(|compiler| compiler.to_string()),
        cache: toolchain::cache_folder(probe),
        targets: targets.into(),
    }
}

fn examine_target(probe: &dyn Probe, target: Target, compiler: Option<CompilerCommand>, prepare: bool) -> TargetReport {
    let kinds = StaticKind::ALL.map(|kind| {
        let cxx = compiler.as_ref().is_some_and(|compiler| compiler.cxx);
        let query = ToolchainQuery { target, kind, cxx, sysroot: None, compiler: compiler.clone() };
        let mut taken = false;
        let rungs = toolchain::steps(probe, &query, prepare).map(|step| RungReport::of(step, &mut taken)).collect();
        KindReport { kind, rungs, self_test: None }
    });
    let linkable = kinds[0].used().is_some();
    TargetReport {
        target: target.to_string(),
        linkable,
        install: if linkable { Vec::new() } else { toolchain::remedies(target) },
        kinds: kinds.into(),
    }
}

impl RungReport {
    /// `taken` tells whether a rung before is used.
    fn of(step: Step, taken: &mut bool) -> Self {
        let (usable, answer, library) = match step.found {
            Ok(library) => (true, library.provenance.sentence.clone(), Some(library)),
            Err(why) => (why.unprepared, why.reason, None),
        };
        let state = match usable {
            true if *taken => State::Found,
            true => State::Used,
            false => State::Missing,
        };
        *taken |= usable;
        RungReport { rung: step.rung, asked: step.asked, state, answer, library }
    }

    /// What stands in front of the answer.
    fn name(&self) -> String {
        match self.rung {
            Rung::NamedCompiler => format!("$CC ({})", self.asked),
            _ => self.asked.clone(),
        }
    }
}

impl KindReport {
    fn used(&self) -> Option<&RungReport> {
        self.rungs.iter().find(|rung| rung.state == State::Used)
    }
}

impl Report {
    /// Whether both targets can be linked, and no self-test failed.
    pub fn is_healthy(&self) -> bool {
        let failed = |kind: &KindReport| matches!(kind.self_test, Some(SelfTest::Failed(_)));
        self.targets.iter().all(|target| target.linkable && !target.kinds.iter().any(failed))
    }

    /// Links and runs a program with each library that a link takes.
    fn test_itself(&mut self) -> diag::Result<()> {
        let own = std::env::current_exe()
            .map_err(|error| Diagnostic::error("io-error", format!("cgolink does not find itself: {error}")))?;
        for kind in self.targets.iter_mut().flat_map(|target| &mut target.kinds) {
            kind.self_test =
                kind.used().and_then(|rung| rung.library.as_ref()).map(|library| self_test::run(library, &own));
        }
        Ok(())
    }

    /// For programs: one JSON object and a line end.
    ///
    /// # Errors
    /// A path that is not UTF-8, which JSON cannot hold.
    pub fn json(&self) -> diag::Result<String> {
        let text = serde_json::to_string_pretty(self).map_err(|error| {
            Diagnostic::error("not-utf-8", format!("the report cannot be written as JSON: {error}"))
        })?;
        Ok(text + "\n")
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = format!("cgolink {}\n", self.version);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "$CC:   {}", self.compiler.as_deref().unwrap_or("not set"));
        if let Some(folder) = &self.cache {
            let _ = writeln!(text, "cache: {}", folder.display());
        }
        for target in &self.targets {
            target.describe(&mut text);
        }
        text
    }
}

impl TargetReport {
    fn describe(&self, text: &mut String) {
        for kind in &self.kinds {
            // Writing to a String cannot fail, here and below.
            let _ = writeln!(text, "\n{}, {}", self.target, kind.kind);
            let width = kind.rungs.iter().map(|rung| rung.name().len()).max().unwrap_or_default();
            for rung in &kind.rungs {
                let mark = match rung.state {
                    State::Used => "->",
                    State::Found => " +",
                    State::Missing => " -",
                };
                let _ = writeln!(text, " {mark} {:width$}  {}", rung.name(), rung.answer);
            }
            match kind.used().map(|rung| &rung.library) {
                Some(Some(library)) => describe_files(text, library),
                Some(None) => text.push_str("    'cgolink doctor --prepare' makes it now\n"),
                None => text.push_str("    nothing to link with\n"),
            }
            if let Some(outcome) = &kind.self_test {
                let _ = writeln!(text, "    {}", outcome.text());
            }
        }
        if !self.install.is_empty() {
            let _ = writeln!(text, "\nTo link for {}, install one of:", self.target);
            self.install.iter().for_each(|way| text.push_str(&format!("    {way}\n")));
        }
    }
}

fn describe_files(text: &mut String, library: &CLibrary) {
    let rows = [
        ("start", &library.crt_begin),
        ("end", &library.crt_end),
        ("libraries", &library.default_libraries),
        ("C++", &library.cxx),
    ];
    for (name, paths) in rows.into_iter().filter(|(_, paths)| !paths.is_empty()) {
        for (index, path) in paths.iter().enumerate() {
            let label = if index == 0 { name } else { "" };
            let _ = writeln!(text, "    {label:10} {}", path.display());
        }
    }
    if let Some(compiler) = &library.compiler {
        let _ = writeln!(text, "    {:10} {compiler}", "compiler");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::external::toolchain::fake::FakeProbe;

    fn words(text: &str) -> Vec<OsString> {
        text.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn reads_its_flags() {
        let both = Options { json: true, prepare: true, ..Options::default() };
        assert_eq!(options(&words("--json --prepare")), Ok(both));
        assert!(options(&words("--jsn")).unwrap_err().to_string().contains("no flag --jsn"));
    }

    #[test]
    fn says_what_to_install_where_nothing_is_found() {
        let report = examine_on(&FakeProbe::new(), Options::default());
        assert!(!report.is_healthy());
        let text = report.text();
        for part in [
            "$CC:   not set",
            " - musl-gcc               no musl-gcc on the PATH",
            "To link for aarch64-linux, install one of:",
            "rustup target add aarch64-unknown-linux-musl",
            "pip install ziglang",
        ] {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
    }

    #[test]
    fn one_target_without_a_library_is_not_healthy() {
        let mut probe = FakeProbe::new();
        probe.add_gcc("gcc", "x86_64-linux-gnu");
        let report = examine_on(&probe, Options::default());
        let linkable: Vec<bool> = report.targets.iter().map(|target| target.linkable).collect();
        assert_eq!(linkable, [true, false]);
        assert!(!report.is_healthy());
    }

    #[test]
    fn tells_which_one_a_link_takes() {
        let mut probe = FakeProbe::new();
        probe.add_zig();
        probe.add_gcc("gcc", "x86_64-linux-gnu");
        probe.set("CC", "zig cc --target=aarch64-linux-musl -static");
        let before = examine_on(&probe, Options::default());
        assert!(before.is_healthy());
        assert!(before.text().contains("'cgolink doctor --prepare' makes it now"), "{}", before.text());
        let after = examine_on(&probe, Options { prepare: true, ..Options::default() });
        let text = after.text();
        for part in [
            "x86_64-linux, static\n -> zig ",
            " + gcc ",
            "-> $CC (zig cc --target=aarch64-linux-musl -static)  musl of zig 0.15.2 (/bin/zig)",
            "    start      /zc/aarch64-linux-musl/rcrt1.o",
        ] {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
        let json: serde_json::Value = serde_json::from_str(&after.json().unwrap()).unwrap();
        assert_eq!(json["targets"][1]["kinds"][0]["rungs"][0]["state"], "used");
        assert_eq!(json["targets"][1]["kinds"][0]["rungs"][0]["library"]["target"], "aarch64-linux-musl");
    }

    #[test]
    fn changes_nothing_but_the_cache() {
        let mut probe = FakeProbe::new();
        probe.add_zig();
        probe.add_gcc("gcc", "x86_64-linux-gnu");
        let before: Vec<PathBuf> = probe.files.borrow().keys().cloned().collect();
        examine_on(&probe, Options { prepare: true, ..Options::default() });
        let cache = toolchain::cache_folder(&probe).unwrap();
        let files = probe.files.borrow();
        let others: Vec<&PathBuf> = files.keys().filter(|path| !path.starts_with(&cache)).collect();
        assert_eq!(others, before.iter().collect::<Vec<_>>());
        assert!(files.len() > others.len());
    }
}

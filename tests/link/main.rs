//! Every case under `testdata/link`, compiled, linked and run for each of its targets.
//!
//! `testdata/README.md` describes the directives. `CGOLINK_TEST_LINKER=lld cargo test --test link` proves the cases
//! themselves against another linker.

mod check;
mod directives;
mod peer;
#[path = "../support/mod.rs"]
mod support;
mod toolchain;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use check::Linked;
use directives::{Door, Mode, Plan};
use libtest_mimic::{Arguments, Failed, Trial};
use toolchain::{Built, TARGETS, Target};

/// How long a link, and then the linked program, may take before it counts as hanging.
const DEADLINE: Duration = Duration::from_secs(120);

fn main() {
    let arguments = Arguments::from_args();
    match trials() {
        Ok(trials) => libtest_mimic::run(&arguments, trials).exit(),
        Err(message) => {
            eprintln!("testdata/link: {message}");
            std::process::exit(1);
        }
    }
}

/// One trial for each case, variant and target.
fn trials() -> Result<Vec<Trial>, String> {
    let mut trials = Vec::new();
    let peer = peer::named();
    for case in cases()? {
        let name = case.file_name().expect("a case has a name").to_string_lossy().into_owned();
        let text = main_source(&case)?;
        for target in &TARGETS {
            let plans = directives::read(&text, target.name).map_err(|e| format!("{name}: {e}"))?;
            for (variant, plan) in plans {
                let asked =
                    if plan.targets.is_empty() { target.usual } else { plan.targets.iter().any(|t| t == target.name) };
                let spared = peer.as_ref().is_some_and(|p| plan.skip_peers.contains(p) || !peer::knows(p, target));
                if !asked || spared {
                    continue;
                }
                let label = [name.as_str(), variant.as_str(), target.name]
                    .iter()
                    .filter(|w| !w.is_empty())
                    .copied()
                    .collect::<Vec<_>>()
                    .join("/");
                let (case, peer, folder) = (case.clone(), peer.clone(), label.replace('/', "-"));
                trials.push(Trial::test(label, move || {
                    one(&case, target, &plan, peer.as_deref(), &folder).map_err(Failed::from)
                }));
            }
        }
    }
    Ok(trials)
}

fn cases() -> Result<Vec<PathBuf>, String> {
    let folder = support::root().join("testdata/link");
    let entries = std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut cases: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).filter(|p| p.is_dir()).collect();
    cases.sort();
    Ok(cases)
}

/// The text of the source that carries the directives.
fn main_source(case: &Path) -> Result<String, String> {
    for name in ["main.c", "main.cpp", "main.s", "main.S"] {
        if let Ok(text) = std::fs::read_to_string(case.join(name)) {
            return Ok(text);
        }
    }
    Err(format!("{} has no main.c, main.cpp, main.s or main.S", case.display()))
}

/// Compiles, links, checks and runs one case.
fn one(case: &Path, target: &Target, plan: &Plan, peer: Option<&str>, folder: &str) -> Result<(), String> {
    let out = support::scratch(&format!("link/{folder}"));
    let built = toolchain::build(target, case, plan, &out)?;
    let program = out.join("program");
    let mut command = link_command(target, case, plan, &built, peer, &out)?;
    let linked = support::run(command.current_dir(&out), DEADLINE);
    let shown = support::shown(&command);
    let report = |message: &str| format!("{message}\n{shown}\n{}", linked.describe());
    if linked.timed_out || linked.signal.is_some() {
        return Err(report("the linker did not end by itself"));
    }
    if !plan.errors.is_empty() {
        return refused(plan, peer, &linked, &program).map_err(|m| report(&m));
    }
    if linked.code != Some(0) {
        return Err(report("the link failed"));
    }
    if peer.is_none() {
        quiet(plan, &linked).map_err(|m| report(&m))?;
    }
    let facts = Linked::read(&program)?;
    facts.audit()?;
    let broken: Vec<String> = plan.checks.iter().filter_map(|c| facts.check(c, &out).err()).collect();
    if !broken.is_empty() {
        return Err(format!("{}\n{shown}", broken.join("\n")));
    }
    if plan.run { run(&program, target, plan) } else { Ok(()) }
}

/// The command that links the case, through the door that it names.
fn link_command(
    target: &Target,
    case: &Path,
    plan: &Plan,
    built: &Built,
    peer: Option<&str>,
    out: &Path,
) -> Result<Command, String> {
    let fill =
        |arg: &String| arg.replace("{dir}", &case.display().to_string()).replace("{out}", &out.display().to_string());
    let mut args: Vec<String> = plan.link_args.iter().map(fill).collect();
    // cgolink's cc door finds by itself that a C++ library is needed.
    if built.has_cxx && (plan.door == Door::Driver || peer.is_some()) {
        args.push("-lstdc++".to_owned());
    }
    if let Some(peer) = peer {
        return peer::link_command(peer, target, plan, built, &args, out);
    }
    let output = out.join("program");
    let mut command = match plan.door {
        Door::Cc => {
            let mut command = support::command(support::cgolink());
            command.env("CC", target.cc);
            command
        }
        Door::Ld => {
            let mut command = support::command(support::cgolink());
            command.arg("ld");
            command
        }
        Door::Driver => {
            let folder = toolchain::ld_folder(out, Path::new(support::cgolink()))?;
            toolchain::driver(target, built, &folder)?
        }
    };
    match (plan.door, plan.mode) {
        (Door::Ld, _) | (_, Mode::AsIs) => {}
        (_, Mode::Static) => drop(command.arg("-static")),
        (_, Mode::StaticPie) => drop(command.arg("-static-pie")),
    }
    command.arg("-o").arg(output).args(&built.objects).args(args);
    Ok(command)
}

/// The link has to fail with an ordinary error that says all that is expected, and leave no output.
fn refused(plan: &Plan, peer: Option<&str>, linked: &support::Finished, program: &Path) -> Result<(), String> {
    if linked.code == Some(0) {
        return Err("the link succeeded, but has to be refused".to_owned());
    }
    if peer.is_some() {
        return Ok(());
    }
    if linked.code != Some(1) {
        return Err("a refused link ends with status 1".to_owned());
    }
    if program.exists() {
        return Err("a refused link left an output".to_owned());
    }
    for pattern in &plan.errors {
        if !check::matches(&linked.stderr, pattern)? {
            return Err(format!("the error does not match {pattern}"));
        }
    }
    Ok(())
}

/// A successful link is silent, but for the warnings that the case expects.
fn quiet(plan: &Plan, linked: &support::Finished) -> Result<(), String> {
    let all = format!("{}{}", linked.stdout, linked.said());
    for pattern in &plan.warnings {
        if !check::matches(&all, pattern)? {
            return Err(format!("no warning matches {pattern}"));
        }
    }
    let silent = all.is_empty() || !plan.warnings.is_empty();
    if silent { Ok(()) } else { Err("a successful link has to be silent".to_owned()) }
}

/// Runs the program and compares how it ends and what it writes.
fn run(program: &Path, target: &Target, plan: &Plan) -> Result<(), String> {
    let mut command = support::runner(program, target.aarch64)?;
    command.args(&plan.run_args).envs(plan.run_env.iter().map(|(k, v)| (k, v)));
    let finished = support::run(&mut command, DEADLINE);
    if finished.code != Some(plan.exit) {
        return Err(format!("the program has to end with status {}: {}", plan.exit, finished.describe()));
    }
    let lines: Vec<&str> = finished.stdout.lines().map(str::trim_end).collect();
    if !plan.output.is_empty() && lines != plan.output {
        return Err(format!("the program has to write {:?}: {}", plan.output, finished.describe()));
    }
    let all = format!("{}{}", finished.stdout, finished.stderr);
    for pattern in &plan.output_patterns {
        if !check::matches(&all, pattern)? {
            return Err(format!("the program's output does not match {pattern}: {}", finished.describe()));
        }
    }
    Ok(())
}

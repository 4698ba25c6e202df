//! cgolink as the linker that rustc calls: static programs for the targets that are installed, with debug information and optimised.
//! Nothing but the command line says what they are for.

mod support;

use std::time::Duration;

use support::{run_ok, scratch};

const DEADLINE: Duration = Duration::from_secs(120);
/// What the program writes.
const WRITTEN: &str = "[2, 3, 4, 5] true [\"dropped\"] 1\n";

/// Links the program with some flags of rustc, and runs it.
fn links(target: &str, flags: &[&str]) {
    let folder = scratch(&format!("rustc-{target}{}", flags.concat().replace('=', "-")));
    let program = folder.join("program");
    let mut rustc = support::command(support::need("rustc").expect("a Rust toolchain"));
    rustc.current_dir(&folder).arg(support::root().join("testdata/rustc/main.rs")).args(["--target", target]);
    rustc.args(["-C", "target-feature=+crt-static", "-C"]).arg(format!("linker={}", support::cgolink()));
    rustc.args(flags).env("CGOLINK_BACKEND", "native").arg("-o").arg(&program);
    let made = run_ok(&mut rustc, DEADLINE).unwrap_or_else(|error| panic!("{error}"));
    assert!(made.stderr.is_empty(), "{}", made.stderr);
    let mut command = support::runner(&program, target.starts_with("aarch64")).expect("an emulator");
    let finished = run_ok(&mut command, DEADLINE).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(finished.stdout, WRITTEN, "{target} {flags:?}");
}

#[test]
fn debug_builds_run() {
    for target in ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"] {
        links(target, &["-g"]);
        links(target, &["-g", "-Crelocation-model=static"]);
    }
}

#[test]
fn optimised_builds_run() {
    for target in ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"] {
        links(target, &["-O", "-Cstrip=symbols"]);
        links(target, &["-O", "-Crelocation-model=static", "-Clto=fat"]);
    }
}

#[test]
#[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
fn rusts_libraries_say_that_the_program_is_for_glibc() {
    links("x86_64-unknown-linux-gnu", &["-g"]);
    links("x86_64-unknown-linux-gnu", &["-O", "-Crelocation-model=static"]);
}

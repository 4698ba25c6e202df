//! Discovery on this machine: zig on the PATH, musl-gcc, the installed Rust targets and gcc, each asked for real.

use std::ffi::OsString;
use std::process::Command;
use std::time::{Duration, Instant};

use cgolink::external::toolchain::{CLibrary, CompilerCommand, Rung, StaticKind, ToolchainQuery, find};
use cgolink::target::{Libc, Target};

fn query(target: &str, kind: StaticKind, compiler: Option<&str>) -> ToolchainQuery {
    let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
    ToolchainQuery {
        target: target.parse::<Target>().expect("a target"),
        kind,
        cxx: false,
        sysroot: None,
        compiler: compiler.and_then(|text| CompilerCommand::from_words(&words(text))),
    }
}

fn check(library: &CLibrary, rung: Rung) {
    assert_eq!(library.provenance.rung, rung, "{library:#?}");
    for file in library.files() {
        assert!(file.is_absolute() && file.is_file(), "{} is not there", file.display());
    }
    let has = |name: &str| library.default_libraries.iter().any(|path| path.file_name().unwrap() == name);
    assert!(has("libc.a"), "{library:#?}");
    assert!(!library.crt_begin.is_empty());
}

#[test]
fn zig_has_musl_for_both_targets_and_kinds() {
    for target in ["x86_64-linux-musl", "aarch64-linux-musl"] {
        for kind in StaticKind::ALL {
            let compiler = format!("zig cc --target={target} -static");
            let library = find(&query(target, kind, Some(&compiler))).expect("zig has a C library");

            check(&library, Rung::NamedCompiler);
            assert!(library.unwind.is_some() && library.ubsan.is_some(), "{library:#?}");
            assert_eq!(library.stack_size, Some(16 << 20));
            let started = Instant::now();
            let again = find(&query(target, kind, None)).expect("the same without $CC");
            let took = started.elapsed();

            check(&again, Rung::Zig);
            assert!(took < Duration::from_millis(20), "a warm search took {took:?}");
        }
    }
}

#[test]
fn named_compilers_come_first() {
    let native = std::env::consts::ARCH;
    for kind in StaticKind::ALL {
        let musl = find(&query(&format!("{native}-linux"), kind, Some("musl-gcc"))).expect("musl-tools is installed");
        check(&musl, Rung::NamedCompiler);
        let glibc = find(&query(&format!("{native}-linux"), kind, Some("gcc"))).expect("a C compiler is installed");

        check(&glibc, Rung::NamedCompiler);
        assert_eq!(glibc.target.libc, Some(Libc::Gnu));
        // Debian's gcc has two names, of which the longer is that of a cross compiler too.
        let unnamed = find(&query(&format!("{native}-linux-gnu"), kind, None)).expect("gcc");
        assert!(matches!(unnamed.provenance.rung, Rung::CrossGcc | Rung::Gcc), "{unnamed:#?}");
        assert_eq!(unnamed.default_libraries, glibc.default_libraries);
    }
}

#[test]
fn doctor_reports_both_targets() {
    let output = Command::new(env!("CARGO_BIN_EXE_cgolink")).args(["doctor", "--json"]).output().expect("cgolink runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let targets: Vec<&str> =
        report["targets"].as_array().unwrap().iter().filter_map(|t| t["target"].as_str()).collect();
    assert_eq!(targets, ["x86_64-linux", "aarch64-linux"]);
    let text = Command::new(env!("CARGO_BIN_EXE_cgolink")).arg("doctor").output().expect("cgolink runs");
    assert!(String::from_utf8_lossy(&text.stdout).contains("\n -> "));
    let unknown = Command::new(env!("CARGO_BIN_EXE_cgolink")).args(["doctor", "--jso"]).output().expect("cgolink runs");
    assert_eq!(unknown.status.code(), Some(1));
}

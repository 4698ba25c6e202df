//! Whole sessions with an engine that only looks at what it is asked.

use super::*;
use crate::args::request::{Input, InputName, OutputKind};
use crate::external::toolchain::{Provenance, Rung};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// What a link takes, in order, in short.
pub(super) fn input_names(request: &LinkRequest) -> Vec<String> {
    let name = |input: &Input| match &input.what {
        InputName::File(path) => path.display().to_string(),
        InputName::Library(name) => format!("-l{name}"),
        InputName::CppLibrary => "C++".to_owned(),
    };
    request.inputs.iter().map(name).collect()
}

/// Accepts a static link of `a.o` for aarch64 musl into `out`, completed from the toolchain below.
fn link(request: &LinkRequest, _: &dyn Supply, _: &mut Told) -> Result<Vec<Diagnostic>> {
    let expected = (OutputKind::StaticExecutable, PathBuf::from("out"), "aarch64-linux-musl".parse().ok());
    assert_eq!((request.kind, request.output.clone(), request.target), expected);
    assert_eq!(input_names(request), ["/z/crt1.o", "a.o", "C++", "/z/libc.a"]);
    Ok(Vec::new())
}

fn panics(_: &LinkRequest, _: &dyn Supply, _: &mut Told) -> Result<Vec<Diagnostic>> {
    panic!("the engine must not be asked")
}

fn warns(_: &LinkRequest, _: &dyn Supply, _: &mut Told) -> Result<Vec<Diagnostic>> {
    Ok(vec![Diagnostic::warning("odd", "something is odd")])
}

fn find(query: &ToolchainQuery) -> Result<CLibrary> {
    Ok(CLibrary {
        target: query.target,
        kind: query.kind,
        provenance: Provenance { rung: Rung::Zig, sentence: "zig".to_owned() },
        crt_begin: vec!["/z/crt1.o".into()],
        crt_end: Vec::new(),
        default_libraries: vec!["/z/libc.a".into()],
        library_dirs: Vec::new(),
        unwind: None,
        cxx: Vec::new(),
        ubsan: None,
        stack_size: None,
        compiler: None,
    })
}

const ENGINE: Engine = Engine { link, find };
const NOBODY: Engine = Engine { link: panics, find };

fn session(program: &str, line: &str, environment: &Environment, engine: &Engine) -> u8 {
    let argv: Vec<OsString> = std::iter::once(program).chain(line.split_whitespace()).map(OsString::from).collect();
    run(&argv, environment, engine)
}

fn environment(cc: &str) -> Environment {
    Environment { cc: Some(cc.into()), path: "/nowhere".into(), ..Environment::default() }
}

#[test]
fn a_user_with_cc_needs_nothing_more() {
    let cc = environment("zig cc --target=aarch64-linux-musl -static");
    assert_eq!(session("/bin/cgolink", "-o out a.o -no-pie -O2 -g", &cc, &ENGINE), 0);
    let plain = environment("gcc");
    assert_eq!(session("cgolink", "--target=aarch64-linux-musl -o out a.o", &plain, &ENGINE), 0);
}

#[test]
fn questions_do_not_reach_the_engine() {
    let env = environment("gcc");
    assert_eq!(session("cgolink", "-fuse-ld=gold -Wl,--version", &env, &NOBODY), 0);
    assert_eq!(session("cgolink", "--version", &env, &NOBODY), 0);
    assert_eq!(session("cgolink", "", &env, &NOBODY), 0);
    assert_eq!(session("cgolink", "doctor --help", &env, &NOBODY), 0);
    assert_eq!(session("cgolink", "doctor --no-such-flag", &env, &NOBODY), 1);
    assert_eq!(session("ld", "--version", &env, &NOBODY), 0);
    assert_eq!(session("/x/ld.cgolink", "-v", &env, &NOBODY), 0);
    assert_eq!(session("cgolink", "ld --help", &env, &NOBODY), 0);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("trivial.c"), "int main() { return 0; }").unwrap();
    let probe = |flag: &str| format!("-m64 -o {} {flag} {}", path("a.out"), path("trivial.c"));
    assert_eq!(session("cgolink", &probe("-no-pie"), &env, &NOBODY), 0);
    assert_eq!(session("cgolink", &probe("-Wl,--no-such-flag"), &env, &NOBODY), 1);
    std::fs::write(path("response"), "").unwrap();
    assert_eq!(session("cgolink", &probe(&format!("@{}", path("response"))), &env, &NOBODY), 0);
}

#[test]
fn what_cannot_be_done_is_an_error() {
    let env = environment("gcc");
    for line in
        ["-o out", "--backend=native a.o", "-static --backend=zig a.o", "-Wl,-bad a.o", "a.o -shared", "@/no/such"]
    {
        assert_eq!(session("cgolink", line, &env, &NOBODY), 1, "{line}");
    }
    assert_eq!(session("cgolink", "a.o", &environment("'gcc"), &NOBODY), 1);
    let wrong = Environment { backend: Some("fast".into()), ..environment("gcc") };
    assert_eq!(session("cgolink", "-static a.o", &wrong, &NOBODY), 1);
    for line in ["", "a.o --backend=native -shared", "-shared a.o", "-Ttext=1 a.o"] {
        assert_eq!(session("ld", line, &env, &NOBODY), 1, "{line}");
    }
}

#[test]
fn warnings_can_be_fatal() {
    let engine = Engine { link: warns, ..ENGINE };
    let env = environment("gcc");
    assert_eq!(session("cgolink", "-static a.o", &env, &engine), 0);
    assert_eq!(session("cgolink", "-static a.o -Wl,--fatal-warnings", &env, &engine), 1);
    assert_eq!(session("ld", "a.o --fatal-warnings", &env, &engine), 1);
}

#[test]
fn doors_are_chosen_by_name_and_first_word() {
    let tools = tempfile::tempdir().expect("a folder");
    let tool = tools.path().join("compile");
    std::fs::write(&tool, "#!/bin/sh\n").expect("a tool");
    std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).expect("a program");
    let path = tools.path().as_os_str();
    let door = |line: &str| choose(&line.split(' ').map(OsString::from).collect::<Vec<_>>(), path).0;
    assert_eq!(door("cgolink link -o x y.a"), Door::GoLink);
    assert_eq!(door("cgolink compile -V=full"), Door::Tool);
    assert_eq!(door(&format!("cgolink {} -p x", tool.display())), Door::Tool);
    assert_eq!(door("cgolink compile.o"), Door::Cc);
    for line in ["ld a.o", "/usr/bin/ld.cgolink a.o", "aarch64-linux-gnu-ld a.o", "cgolink ld a.o"] {
        assert_eq!(door(line), Door::Ld, "{line}");
    }
    for line in ["cgolink a.o", "/bin/gcc -static", "cgolink -m64 doctor", "cgolink --version a.o"] {
        assert_eq!(door(line), Door::Cc, "{line}");
    }
    assert_eq!(door("cgolink doctor"), Door::Own(Subcommand::Doctor));
    assert_eq!(choose(&[], path).0, Door::Own(Subcommand::Help));
}

#[test]
fn the_form_of_errors() {
    let json = Environment { error_format: Some("json".into()), ..Environment::default() };
    assert_eq!(error_format(&["cgolink".into()], &json), ErrorFormat::Json);
    assert_eq!(error_format(&["cgolink".into(), "--error-format=text".into()], &json), ErrorFormat::Text);
    assert_eq!(error_format(&[], &Environment::default()), ErrorFormat::Text);
}

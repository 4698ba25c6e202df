//! `go build -toolexec=cgolink`: Go programs linked by cgolink from their packages, and what it passes on to the
//! toolchain's own linker.

mod support;

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const BUILD: Duration = Duration::from_secs(900);
const RUN: Duration = Duration::from_secs(60);

fn programs() -> PathBuf {
    support::root().join("testdata/golang")
}

/// `go build` of a program without cgo.
fn plain_build(folder: &Path) -> Command {
    let mut go = support::command("go");
    go.arg("build").current_dir(folder).env("CGO_ENABLED", "0").env("GOTOOLCHAIN", "local");
    go
}

fn toolexec() -> String {
    format!("-toolexec={}", support::cgolink())
}

/// `go build` of one of the sample programs with cgolink as the tool runner.
fn build(package: &str, output: &Path, flags: &[&str]) -> Command {
    let mut go = plain_build(&programs());
    go.args([&toolexec(), "-o"]).arg(output).args(flags).arg(package);
    // A cache of its own: what other builds linked is not what is tested.
    go.env("GOCACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-toolexec-cache"));
    go.env("CGOLINK_FALLBACK", "error");
    go
}

fn expected(package: &str) -> String {
    std::fs::read_to_string(programs().join(package).join("output.txt")).expect("what the program prints")
}

fn prints_what_it_should(output: &Path, package: &str, aarch64: bool) {
    let mut program = support::runner(output, aarch64).expect("a way to run it");
    let ran = support::run(&mut program, RUN);
    assert!(ran.success(), "{}", ran.describe());
    assert_eq!(ran.stdout, expected(package));
}

#[test]
fn the_go_command_builds_programs_that_run() {
    let folder = support::scratch("toolexec");
    for (goarch, aarch64) in [("amd64", false), ("arm64", true)] {
        for (package, flags) in [("hello", &[][..]), ("reflection", &["-ldflags=-s -w"]), ("generics", &["-trimpath"])]
        {
            let output = folder.join(format!("{package}-{goarch}"));
            let built = support::run(build(&format!("./{package}"), &output, flags).env("GOARCH", goarch), BUILD);
            assert!(built.success(), "{package} for {goarch}: {}", built.describe());
            assert_eq!(built.stderr, "", "a build that succeeds is silent");
            prints_what_it_should(&output, package, aarch64);
        }
    }
}

/// cgolink answers for the compiler what the compiler says of itself, so the go command finds in its cache what it compiled without
/// cgolink.
#[test]
fn what_was_compiled_before_is_not_compiled_again() {
    let folder = support::scratch("toolexec-cache");
    let source = "package main\n\nfunc main() { println(\"SOURCE\") }\n";
    std::fs::write(folder.join("go.mod"), "module example.com/once\n\ngo 1.26\n").expect("a module");
    let compilations = |tool_runner: bool, text: &str| {
        std::fs::write(folder.join("main.go"), source.replace("SOURCE", text)).expect("a source");
        let mut go = plain_build(&folder);
        go.args(["-x", "-o", "once"]).args(tool_runner.then(toolexec)).env("GOCACHE", folder.join("cache"));
        let built = support::run(&mut go, BUILD);
        assert!(built.success(), "{}", built.describe());
        built.stderr.lines().filter(|line| line.contains("/compile -o ")).count()
    };
    assert!(compilations(false, "first") > 10, "the runtime and what it imports");
    assert_eq!(compilations(true, "first"), 0);
    assert_eq!(compilations(true, "second"), 1);
}

#[test]
fn tests_run_with_their_flags_and_variables() {
    let folder = support::scratch("toolexec-test");
    std::fs::write(folder.join("go.mod"), "module example.com/set\n\ngo 1.26\n").expect("a module");
    let source = "package main\n\nimport \"fmt\"\n\nvar version = \"unset\"\n\nfunc main() { fmt.Println(version) }\n";
    std::fs::write(folder.join("main.go"), source).expect("a source");
    let output = folder.join("set");
    let mut go = build(".", &output, &["-ldflags=-X main.version=1.2.3"]);
    let built = support::run(go.current_dir(&folder), BUILD);
    assert!(built.success(), "{}", built.describe());
    let ran = support::run(&mut support::command(&output), RUN);
    assert_eq!(ran.stdout, "1.2.3\n");
}

/// A second process takes a large link's memory apart: it has to end soon, and to keep nobody waiting for what the first one says.
#[test]
fn a_link_leaves_no_process_behind() {
    let folder = support::scratch("toolexec-end");
    let (plain, lingering) = (folder.join("plain"), folder.join("lingering"));
    for (output, linger) in [(&plain, "0"), (&lingering, "1")] {
        let mut go = build("./hello", output, &[&format!("-ldflags=-X main.unused={linger}")]);
        go.process_group(0).env("CGOLINK_LINGER", linger).stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = go.spawn().expect("the go command");
        let group = format!("-{}", started.id());
        let ended = started.wait_with_output().expect("an end");
        assert!(ended.status.success() && ended.stderr.is_empty(), "{}", String::from_utf8_lossy(&ended.stderr));
        let is_alive = || {
            let asked = Command::new("kill").args(["-0", "--", &group]).stderr(Stdio::null()).status();
            asked.expect("kill").success()
        };
        let deadline = Instant::now() + Duration::from_secs(30);
        while is_alive() {
            assert!(Instant::now() < deadline, "a process of group {group} goes on");
            std::thread::sleep(Duration::from_millis(10));
        }
        prints_what_it_should(output, "hello", false);
    }
}

#[test]
fn what_is_not_linked_here_goes_to_the_toolchain() {
    let folder = support::scratch("toolexec-fallback");
    let output = folder.join("hello.exe");
    let mut windows = build("./hello", &output, &[]);
    windows.env("GOOS", "windows").env("GOARCH", "amd64");
    let refused = support::run(&mut windows, BUILD);
    assert!(!refused.success() && refused.stderr.contains("windows/amd64"), "{}", refused.describe());
    let passed_on = support::run(windows.env_remove("CGOLINK_FALLBACK"), BUILD);
    assert!(passed_on.success(), "{}", passed_on.describe());
    assert_eq!(std::fs::read(&output).expect("a program")[..2], *b"MZ");
}

#[test]
fn addresses_in_code_of_any_address_are_left_to_the_toolchain() {
    let folder = support::scratch("toolexec-absolute");
    let files = [
        ("go.mod", "module example.com/absolute\n\ngo 1.26\n"),
        ("main.go", "package main\n\nvar word int\n\nfunc code() bool\n\nfunc main() { println(word, code()) }\n"),
        ("code_arm64.s", "TEXT ·code(SB), 4, $0-1\n\tMOVB ZR, ret+0(FP)\n\tRET\n\tDWORD ·word(SB)\n"),
    ];
    files.iter().for_each(|(name, text)| std::fs::write(folder.join(name), text).expect("a source"));
    let output = folder.join("absolute");
    for (mode, is_linked) in [("exe", true), ("pie", false)] {
        let mut go = build(".", &output, &["-buildmode", mode, "-ldflags=-v"]);
        let built = support::run(go.current_dir(&folder).env("GOARCH", "arm64"), BUILD);
        assert_eq!(built.success(), is_linked, "{mode}: {}", built.describe());
        assert_eq!(built.stderr.contains("R_ADDR to main.word"), !is_linked, "{}", built.describe());
        let passed_on = support::run(go.env_remove("CGOLINK_FALLBACK"), BUILD);
        assert!(passed_on.success(), "{mode}: {}", passed_on.describe());
        assert_eq!(passed_on.stderr.contains("passed on to"), !is_linked, "{}", passed_on.describe());
    }
}

#[test]
fn the_answer_to_versions_tells_this_linker_from_others() {
    let tool = support::run_ok(support::command("go").args(["env", "GOTOOLDIR"]), RUN).expect("the tools' folder");
    let linker = Path::new(tool.stdout.trim()).join("link");
    let own = support::run_ok(support::command(&linker).arg("-V=full"), RUN).expect("a version").stdout;
    let ours =
        support::run_ok(support::command(support::cgolink()).arg(&linker).arg("-V=full"), RUN).expect("a version");
    assert!(ours.stdout.starts_with(own.trim_end()) && ours.stdout.contains(" cgolink-"), "{}", ours.stdout);
    let compiler = Path::new(tool.stdout.trim()).join("compile");
    let asked = |command: &mut Command| support::run_ok(command.arg("-V=full"), RUN).expect("a version").stdout;
    let through = asked(support::command(support::cgolink()).arg(&compiler));
    assert_eq!(through, asked(&mut support::command(&compiler)), "other tools are run as they are");
}

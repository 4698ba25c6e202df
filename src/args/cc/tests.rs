//! The cc door's golden tests, with command lines that cmd/link passes, and its mutation test.

use super::*;
use crate::args::control::{Backend, ErrorFormat};
use crate::args::request::{BuildId, Strip};
use crate::mutation::Mutation;

/// What `go build -ldflags=-extld=cgolink` passes for a program with one C library and `-static` from `$CC`.
const GO_STATIC: &str = "--target=aarch64-linux-musl -static -s -Wl,--build-id=0x4b6f -o /t/b001/exe/a.out \
-Wl,--export-dynamic-symbol=_cgo_panic -Wl,--export-dynamic-symbol=crosscall2 -Qunused-arguments \
-Wl,--compress-debug-sections=zlib /t/go-link-1/go.o /t/go-link-1/000000.o /t/go-link-1/000001.o -O2 -g \
/src/libapi.a -O2 -g -lpthread -no-pie";

const GO_PIE: &str = "-m64 -Wl,-z,relro -pie -Wl,--build-id=0x12 -o a.out -rdynamic go.o 000000.o -O2 -g -static-pie";

fn words(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

fn read(line: &str) -> CcCommand {
    parse(words(line)).unwrap_or_else(|errors| panic!("{line}: {errors}"))
}

fn input_names(command: &CcCommand) -> Vec<String> {
    let name = |input: &super::super::request::Input| match &input.what {
        InputName::File(path) => path.display().to_string(),
        InputName::Library(name) => format!("-l{name}"),
        InputName::CppLibrary => "C++".to_owned(),
    };
    command.link.request.inputs.iter().map(name).collect()
}

#[test]
fn reads_what_go_passes() {
    let command = read(GO_STATIC);
    assert_eq!(command.action, Action::Link);
    assert_eq!(command.kind(true), OutputKind::StaticExecutable);
    assert_eq!(command.driver.triple.as_deref(), Some("aarch64-linux-musl"));
    let names = ["/t/go-link-1/go.o", "/t/go-link-1/000000.o", "/t/go-link-1/000001.o", "/src/libapi.a", "-lpthread"];
    assert_eq!(input_names(&command), names);
    let request = &command.link.request;
    assert_eq!(request.output, PathBuf::from("/t/b001/exe/a.out"));
    assert_eq!((request.strip, &request.build_id), (Strip::All, &BuildId::Hex(vec![0x4b, 0x6f])));
    assert_eq!(request.export_dynamic_symbols, ["_cgo_panic", "crosscall2"]);
    assert!(command.driver.start_files && command.driver.c_library && command.driver.sources.is_empty());
    assert_eq!(command.driver.pie, Some(false));

    let command = read(GO_PIE);
    assert_eq!(command.kind(true), OutputKind::StaticPie);
    assert!(command.link.request.export_dynamic);
    assert_eq!(command.driver.pie, Some(true));
}

#[test]
fn kinds_follow_the_flags() {
    let kind = |line: &str| read(line).kind(true);
    let dynamic = |pie| OutputKind::DynamicExecutable { pie };
    assert_eq!(kind("a.o"), dynamic(false));
    assert_eq!(kind("-pie a.o"), dynamic(true));
    assert_eq!(kind("-pie -no-pie a.o"), dynamic(false));
    assert_eq!(kind("-static a.o -static"), OutputKind::StaticExecutable);
    assert_eq!(kind("-static -pie a.o"), OutputKind::StaticExecutable);
    assert_eq!(kind("-static-pie -nopie -static a.o"), OutputKind::StaticExecutable);
    assert_eq!(kind("-no-pie -static-pie a.o"), OutputKind::StaticPie);
    assert_eq!(kind("-static -shared a.o"), OutputKind::SharedObject);
    assert_eq!(kind("-r a.o"), OutputKind::Relocatable);
    assert_eq!(read("a.o").kind(false), OutputKind::StaticExecutable);
    assert_eq!(read("-pie a.o").kind(false), OutputKind::StaticPie);
}

#[test]
fn what_goes_to_the_linker_keeps_its_place() {
    let command = read(
        "a.o -Wl,--whole-archive b.a -Wl,--no-whole-archive -Xlinker --defsym -Xlinker x=1 -Wl,-rpath -Wl,/r -L dir -Lother \
         -l foo -T script.ld -e go -u sym -z now -znorelro -s -t",
    );
    assert_eq!(input_names(&command), ["a.o", "b.a", "-lfoo"]);
    let request = &command.link.request;
    let whole: Vec<bool> = request.inputs.iter().map(|input| input.modifiers.whole_archive).collect();
    assert_eq!(whole, [false, true, false]);
    assert_eq!(request.definitions.len(), 1);
    assert_eq!(request.dynamic.run_paths, ["/r"]);
    assert_eq!(request.library_paths, [PathBuf::from("dir"), PathBuf::from("other")]);
    assert_eq!((request.script.as_deref(), request.entry.as_deref()), (Some(Path::new("script.ld")), Some("go")));
    assert!(request.segments.now && !request.segments.relro && request.trace_files);
}

#[test]
fn sources_and_their_flags_are_kept_for_the_compiler() {
    let command =
        read("-O2 -g -DX=1 -I inc -include a.h -std=c11 -Wall main.c -x c++ odd.txt -x none lib.S x.o -o out -lm");
    let sources: Vec<(String, Option<&str>)> = command
        .driver
        .sources
        .iter()
        .map(|source| (source.path.display().to_string(), source.language.as_deref()))
        .collect();
    let expected = [("main.c".to_owned(), None), ("odd.txt".to_owned(), Some("c++")), ("lib.S".to_owned(), None)];
    assert_eq!(sources, expected);
    assert_eq!(input_names(&command), ["main.c", "odd.txt", "lib.S", "x.o", "-lm"]);
    let flags: Vec<&str> = command.driver.compile_flags.iter().map(|flag| flag.to_str().unwrap()).collect();
    assert_eq!(flags, ["-O2", "-g", "-DX=1", "-Iinc", "-include", "a.h", "-std=c11", "-Wall"]);
    assert!(command.driver.is_source(&command.link.request.inputs[0].what));
    assert!(!command.driver.is_source(&command.link.request.inputs[3].what));
}

#[test]
fn libraries_of_the_driver_can_be_left_out() {
    let parts = |line: &str| {
        let driver = read(line).driver;
        (driver.start_files, driver.runtime_library, driver.c_library)
    };
    assert_eq!(parts("a.o"), (true, true, true));
    assert_eq!(parts("-nostdlib a.o"), (false, false, false));
    assert_eq!(parts("-nostartfiles a.o"), (false, true, true));
    assert_eq!(parts("-nodefaultlibs a.o"), (true, false, false));
    assert_eq!(parts("-nolibc a.o"), (true, true, false));
    assert_eq!(parts("-r a.o"), (false, false, false));
}

#[test]
fn targets_sanitizers_and_control() {
    for line in ["--target=x86_64-linux-musl", "-target x86_64-linux-musl", "--target x86_64-linux-musl"] {
        assert_eq!(read(line).driver.triple.as_deref(), Some("x86_64-linux-musl"), "{line}");
    }
    let command =
        read("--sysroot=/s -fsanitize=undefined,address -fno-sanitize=address -pthread -B /b -fuse-ld=mold a.o");
    assert_eq!(command.link.request.sysroot, Some(PathBuf::from("/s")));
    assert_eq!(command.driver.sanitizers, ["undefined"]);
    assert!(command.driver.threads);
    assert_eq!(
        (command.driver.use_ld.as_deref(), &command.driver.prefixes[..]),
        (Some("mold"), &[PathBuf::from("/b")][..])
    );
    let control = read("--backend=zig -Wl,--error-format=json -v a.o").link.control;
    assert_eq!(
        (control.backend, control.error_format, control.verbose),
        (Some(Backend::Zig), Some(ErrorFormat::Json), true)
    );
    assert_eq!(read("-m32 -fopenmp -specs=x a.o").link.host_only, ["-m32", "-fopenmp", "-specs=x"]);
}

#[test]
fn actions() {
    let action = |line: &str| read(line).action;
    assert_eq!(action("-c a.c"), Action::Compile("-c".to_owned()));
    assert_eq!(action("-E -x c -"), Action::Compile("-E".to_owned()));
    assert_eq!(action("-print-file-name=libc.a"), Action::Ask("-print-file-name=libc.a".to_owned()));
    assert_eq!(action("-dumpmachine"), Action::Ask("-dumpmachine".to_owned()));
    assert_eq!(action("-fuse-ld=gold -Wl,--version"), Action::LinkerVersion { gold: true });
    assert_eq!(action("-Wl,-v"), Action::LinkerVersion { gold: false });
    assert_eq!(action("-Wl,-v a.o"), Action::Link);
    assert_eq!(action("-v"), Action::Version);
    assert_eq!(action("--version"), Action::Version);
    assert_eq!(action("--help"), Action::Help);
    assert!(read("-### a.o").driver.dry_run);
}

#[test]
fn errors_name_the_flag_and_come_together() {
    let text = parse(words("-Wl,--gc-setcions -statik a.o -o")).unwrap_err().to_string();
    assert_eq!(
        text,
        "cgolink: error: the flag -o needs a value\n\
         cgolink: error: unrecognized option '--gc-setcions'\n  help: did you mean '--gc-sections'?\n\
         cgolink: error: unrecognized option '-statik'\n  help: did you mean '-static'?"
    );
}

#[test]
fn names_are_unique() {
    let mut seen = std::collections::HashSet::new();
    for name in TABLES.iter().flat_map(|table| table.iter()).flat_map(|entry| entry.names.iter()) {
        assert!(seen.insert(name), "{name} stands twice in the tables");
    }
}

#[test]
fn mutated_command_lines_never_panic() {
    let seeds = [
        words(GO_STATIC),
        words(GO_PIE),
        words(
            "-Wl,-z,stack-size=8 -Xlinker -T -Xlinker s -x c a -x none b.c -I i -include j -fsanitize=undefined -target t",
        ),
    ];
    let mut mutation = Mutation::new(0x5eed_0003);
    for round in 0..6000 {
        let line = mutation.of_arguments(&seeds[round % seeds.len()]);
        // Either outcome is fine; the point is that there is one.
        let _ = parse(line);
    }
}

//! The ld door's golden tests, with command lines that compilers pass, and its mutation test.

use super::*;
use crate::args::control::{Backend, ErrorFormat};
use crate::args::request::{BuildId, DebugCompression, Discard, OrphanHandling, SectionSort, Strip};
use crate::mutation::Mutation;
use crate::script::ast::Expression;
use crate::target::Architecture;

/// What Debian's gcc 12 passes for `gcc -static x.o`, with shorter folders.
const GCC_STATIC: &str = "-plugin /gcc/liblto_plugin.so -plugin-opt=/gcc/lto-wrapper -plugin-opt=-fresolution=/tmp/c.res \
-plugin-opt=-pass-through=-lgcc -plugin-opt=-pass-through=-lgcc_eh -plugin-opt=-pass-through=-lc --build-id -m elf_x86_64 \
--hash-style=gnu --as-needed -static -o y /lib/crt1.o /lib/crti.o /gcc/crtbeginT.o -L/gcc -L/lib x.o --start-group -lgcc \
-lgcc_eh -lc --end-group /gcc/crtend.o /lib/crtn.o";

const GCC_STATIC_PIE: &str = "--build-id --eh-frame-hdr -m elf_x86_64 --hash-style=gnu --as-needed -static -pie \
--no-dynamic-linker -z text -pie -o y rcrt1.o x.o --start-group -lgcc -lgcc_eh -lc --end-group crtn.o";

const GCC_DYNAMIC: &str = "--build-id --eh-frame-hdr -m elf_x86_64 --hash-style=gnu --as-needed -dynamic-linker \
/lib64/ld-linux-x86-64.so.2 -pie -o y Scrt1.o x.o -lgcc --push-state --as-needed -lgcc_s --pop-state -lc crtn.o";

/// What clang passes for `clang --target=aarch64-linux-gnu -static`.
const CLANG_STATIC: &str = "--sysroot=/sysroot -EL --hash-style=both --build-id --eh-frame-hdr -m aarch64linux -static -o y \
-L=/usr/lib x.o --start-group -lgcc -lgcc_eh -lc --end-group --fix-cortex-a53-843419 -z relro -z now";

fn words(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

fn read(line: &str) -> LdCommand {
    parse(words(line)).unwrap_or_else(|errors| panic!("{line}: {errors}"))
}

fn request(line: &str) -> LinkRequest {
    read(line).request
}

fn errors(line: &str) -> String {
    parse(words(line)).map(|_| ()).unwrap_err().to_string()
}

fn input_names(request: &LinkRequest) -> Vec<String> {
    let name = |input: &Input| match &input.what {
        InputName::File(path) => path.display().to_string(),
        InputName::Library(name) => format!("-l{name}"),
        InputName::CppLibrary => "C++".to_owned(),
    };
    request.inputs.iter().map(name).collect()
}

#[test]
fn reads_what_gcc_passes() {
    let link = request(GCC_STATIC);
    assert_eq!(link.kind, OutputKind::StaticExecutable);
    assert_eq!(link.target.unwrap().architecture, Architecture::X86_64);
    assert_eq!(link.output, PathBuf::from("y"));
    assert_eq!(link.build_id, BuildId::Sha1);
    let inputs = [
        "/lib/crt1.o",
        "/lib/crti.o",
        "/gcc/crtbeginT.o",
        "x.o",
        "-lgcc",
        "-lgcc_eh",
        "-lc",
        "/gcc/crtend.o",
        "/lib/crtn.o",
    ];
    assert_eq!(input_names(&link), inputs);
    assert_eq!(link.library_paths, [PathBuf::from("/gcc"), PathBuf::from("/lib")]);
    assert!(link.inputs.iter().all(|input| input.modifiers.only_static && input.modifiers.as_needed));

    assert_eq!(request(GCC_STATIC_PIE).kind, OutputKind::StaticPie);
    let link = request(GCC_DYNAMIC);
    assert_eq!(link.kind, OutputKind::DynamicExecutable { pie: true });
    assert_eq!(link.dynamic.interpreter, Some(PathBuf::from("/lib64/ld-linux-x86-64.so.2")));
}

#[test]
fn reads_what_clang_passes() {
    let link = request(CLANG_STATIC);
    assert_eq!(link.kind, OutputKind::StaticExecutable);
    assert_eq!(link.target.unwrap().architecture, Architecture::Aarch64);
    assert_eq!(link.sysroot, Some(PathBuf::from("/sysroot")));
    assert_eq!(link.library_paths, [PathBuf::from("=/usr/lib")]);
    assert!(link.segments.relro && link.segments.now);
}

#[test]
fn kinds_follow_the_flags() {
    let kind = |line: &str| request(line).kind;
    assert_eq!(kind("a.o"), OutputKind::StaticExecutable);
    assert_eq!(kind("-shared a.o"), OutputKind::SharedObject);
    assert_eq!(kind("-r a.o"), OutputKind::Relocatable);
    assert_eq!(kind("-pie a.o"), OutputKind::DynamicExecutable { pie: true });
    assert_eq!(kind("-pie -no-pie a.o"), OutputKind::StaticExecutable);
    assert_eq!(kind("-pie --no-dynamic-linker a.o"), OutputKind::StaticPie);
    assert_eq!(kind("-static-pie a.o"), OutputKind::StaticPie);
    assert_eq!(kind("-dynamic-linker /ld.so a.o"), OutputKind::DynamicExecutable { pie: false });
    assert_eq!(kind("-static -dynamic-linker /ld.so a.o"), OutputKind::StaticExecutable);
}

#[test]
fn positional_switches_hold_from_where_they_stand() {
    let link =
        request("a.o --whole-archive b.a --push-state --as-needed -Bstatic -lc --pop-state d.a --no-whole-archive e.a");
    let switches: Vec<_> = link
        .inputs
        .iter()
        .map(|input| (input.modifiers.whole_archive, input.modifiers.as_needed, input.modifiers.only_static))
        .collect();
    let expected =
        [(false, false, false), (true, false, false), (true, true, true), (true, false, false), (false, false, false)];
    assert_eq!(switches, expected);
    assert!(errors("--pop-state").contains("--pop-state without"));
    assert!(errors("--end-group").contains("not started"));
    assert!(errors("-( -( a.a -) -)").contains("nested"));
}

#[test]
fn every_spelling_of_a_value() {
    for line in ["-o x", "-ox", "--output=x", "--output x", "-o y -o x", "--outp=x"] {
        assert_eq!(request(line).output, PathBuf::from("x"), "{line}");
    }
    for line in ["-e go", "-ego", "--entry=go", "-entry go"] {
        assert_eq!(request(line).entry.as_deref(), Some("go"), "{line}");
    }
    for line in ["-rpath /x", "-rpath=/x", "--rpath=/x"] {
        assert_eq!(request(line).dynamic.run_paths, ["/x"], "{line}");
    }
    assert_eq!(input_names(&request("-l foo -lbar -l:x.a --library=y -")), ["-lfoo", "-lbar", "-l:x.a", "-ly", "-"]);
}

#[test]
fn symbols_and_their_policies() {
    let link = request(
        "-u a --undefined=b --require-defined=c --wrap d --exclude-libs libx.a:liby.a,ALL -y t \
         --export-dynamic-symbol=main --version-script=v --dynamic-list=l -E --allow-multiple-definition --warn-common \
         --warn-unresolved-symbols --defsym n=0x10 --defsym=m=other",
    );
    assert_eq!(link.undefined, ["a", "b"]);
    assert_eq!((&link.require_defined[..], &link.wrap[..]), (&["c".to_owned()][..], &["d".to_owned()][..]));
    assert_eq!(link.exclude_libs, ["libx.a", "liby.a", "ALL"]);
    assert_eq!(link.export_dynamic_symbols, ["main"]);
    assert!(link.export_dynamic && link.symbol_policy.allow_multiple_definition && link.symbol_policy.warn_common);
    assert_eq!(link.symbol_policy.unresolved, Unresolved::Warn);
    let definitions =
        [("n".to_owned(), Expression::Number(16)), ("m".to_owned(), Expression::Symbol("other".to_owned()))];
    assert_eq!(link.definitions, definitions);
    for wrong in ["--defsym=x", "--defsym==1", "--defsym", "-u", "--unresolved-symbols=some"] {
        assert!(parse(words(wrong)).is_err(), "{wrong}");
    }
    let unresolved = |line: &str| request(line).symbol_policy.unresolved;
    assert_eq!(unresolved("--unresolved-symbols=ignore-all"), Unresolved::Ignore);
    assert_eq!(unresolved("--unresolved-symbols=ignore-in-shared-libs"), Unresolved::Error);
    assert_eq!(unresolved("-z undefs"), Unresolved::Ignore);
    assert_eq!(unresolved("-z undefs -z defs"), Unresolved::Error);
    assert_eq!(unresolved("--warn-unresolved-symbols --error-unresolved-symbols"), Unresolved::Error);
}

#[test]
fn stripping_keeps_the_stronger_flag() {
    assert_eq!(request("-s -S").strip, Strip::All);
    assert_eq!(request("-S").strip, Strip::Debug);
    assert_eq!(request("-x").discard, Discard::Locals);
    assert_eq!(request("-X").discard, Discard::Temporaries);
    assert_eq!(request("-x --discard-none").discard, Discard::Nothing);
}

#[test]
fn build_ids_in_every_form() {
    let id = |line: &str| request(line).build_id;
    assert_eq!(id(""), BuildId::None);
    assert_eq!(id("--build-id"), BuildId::Sha1);
    assert_eq!(id("--build-id=none"), BuildId::None);
    assert_eq!(id("--build-id=md5"), BuildId::Md5);
    assert_eq!(id("--build-id=uuid"), BuildId::Uuid);
    assert_eq!(id("--build-id=fast"), BuildId::Fast);
    assert_eq!(id("--build-id=0x1234567890abcdef"), BuildId::Hex(vec![0x12, 0x34, 0x56, 0x78, 0x90, 0xab, 0xcd, 0xef]));
    assert_eq!(id("--build-id=0xab-CD:ef"), BuildId::Hex(vec![0xab, 0xcd, 0xef]));
    for wrong in ["--build-id=0x", "--build-id=0x1", "--build-id=0xzz", "--build-id=crc"] {
        assert!(parse(words(wrong)).is_err(), "{wrong}");
    }
}

#[test]
fn z_keywords_shape_segments() {
    let segments = request(
        "-z norelro -znow -z stack-size=0x800000 -z max-page-size=65536 -z common-page-size=4096 -z noseparate-code \
         -z execstack -z pack-relative-relocs",
    )
    .segments;
    assert!(!segments.relro && segments.now && segments.executable_stack && !segments.separate_code);
    assert!(segments.pack_relative_relocations);
    assert_eq!((segments.stack_size, segments.max_page_size), (Some(0x80_0000), Some(65536)));
    assert_eq!(segments.common_page_size, Some(4096));
    assert!(request("-z muldefs").symbol_policy.allow_multiple_definition);
    assert!(request("-z start-stop-gc").garbage.start_stop);
    assert!(errors("-z max-page-size=3").contains("power of two"));
    assert!(errors("-z stack-size=big").contains("does not end in a number"));
    let command = read("-z nodelete -z zebra");
    assert_eq!(command.warnings.len(), 1);
    assert_eq!(command.warnings[0].to_string(), "warning: -z zebra is ignored");
}

#[test]
fn the_image_and_reports() {
    let link = request(
        "--gc-sections --print-gc-sections --gc-keep-exported --compress-debug-sections=zstd -Map=m --threads=3 --no-relax \
         --sort-section=name --orphan-handling=error --image-base=0x200000 --no-eh-frame-hdr -t",
    );
    assert!(link.garbage.sections && link.garbage.print && link.garbage.keep_exported);
    assert_eq!(link.compress_debug, DebugCompression::Zstd);
    assert_eq!(link.map, Some(PathBuf::from("m")));
    assert_eq!((link.threads, link.relax, link.trace_files), (Some(3), false, true));
    assert_eq!((link.sort_sections, link.orphans), (Some(SectionSort::Name), OrphanHandling::Error));
    assert_eq!((link.segments.image_base, link.segments.eh_frame_hdr), (Some(0x20_0000), false));
    assert_eq!(request("-M --no-threads").map, Some(PathBuf::from("-")));
    assert!(errors("--threads=0").contains("at least 1"));
}

#[test]
fn flags_for_other_linkers_are_remembered() {
    assert_eq!(read("-Ttext=0x1000 -q --oformat binary -b binary x.bin").host_only.len(), 4);
    assert_eq!(read("--oformat elf64-x86-64").host_only, [""; 0]);
}

#[test]
fn information_and_control() {
    assert_eq!(read("--version").information, Information::Version);
    assert_eq!(read("-v a.o").information, Information::VersionAndLink);
    assert_eq!(read("-V").information, Information::EmulationsAndLink);
    assert_eq!(read("--help").information, Information::Help);
    let control = read("--backend=native --error-format=json --verbose").control;
    assert_eq!(
        (control.backend, control.error_format, control.verbose),
        (Some(Backend::Native), Some(ErrorFormat::Json), true)
    );
    assert!(version_line().contains("GNU") && !version_line().starts_with("GNU ld "));
    assert!(help().contains("--gc-sections") && help().contains("supported targets:"));
}

#[test]
fn errors_name_the_flag_and_come_together() {
    let text = errors("--gc-setcions -m elf_i386 -o");
    assert_eq!(
        text,
        "cgolink: error: the value 'elf_i386' of -m is no emulation cgolink links for (elf_x86_64, aarch64linux)\n\
         cgolink: error: the flag -o needs a value\n\
         cgolink: error: unrecognized option '--gc-setcions'\n  help: did you mean '--gc-sections'?"
    );
    assert!(errors("-T a -T b").contains("a came first"));
    assert!(errors("-EB").contains("little-endian"));
}

#[test]
fn names_are_unique() {
    let mut seen = std::collections::HashSet::new();
    for name in TABLES.iter().flat_map(|table| names(table)) {
        assert!(seen.insert(name), "{name} stands twice in the tables");
    }
}

#[test]
fn mutated_command_lines_never_panic() {
    let seeds = [
        words(GCC_STATIC),
        words(GCC_STATIC_PIE),
        words(GCC_DYNAMIC),
        words(CLANG_STATIC),
        words(
            "-z stack-size=8 --defsym a=b+1 --build-id=0x12 -Ttext=1 --wrap x -y z --threads=9 -Map=m --exclude-libs a,b -( -)",
        ),
    ];
    let mut mutation = Mutation::new(0x5eed_0002);
    for round in 0..6000 {
        let line = mutation.of_arguments(&seeds[round % seeds.len()]);
        // Either outcome is fine; the point is that there is one.
        let _ = parse(line);
    }
}

//! What command lines of Go's linker mean, and how mistakes are named.

use std::ffi::OsString;

use super::*;

fn line(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

fn link(words: &[&str]) -> GoLink {
    match parse(&line(words)).expect("a link") {
        Asked::Link(link) => *link,
        other => panic!("{other:?}"),
    }
}

#[test]
fn reads_what_the_go_command_passes() {
    let words = [
        "-o",
        "/w/a.out",
        "-importcfg",
        "/w/importcfg.link",
        "-s",
        "-w",
        "-X=runtime.godebugDefault=a=1,b=2",
        "-buildmode=pie",
        "-buildid=a/b/c/d",
        "-extld=zig cc -static",
        "/w/_pkg_.a",
    ];
    let link = link(&words);
    assert_eq!(link.output, PathBuf::from("/w/a.out"));
    assert_eq!(link.definitions, [("runtime.godebugDefault".to_owned(), b"a=1,b=2".to_vec())]);
    assert_eq!(link.build_mode, Some(BuildMode::Pie));
    assert_eq!(link.gnu_build_id.as_deref(), Some("gobuildid"));
    assert_eq!(link.host_linker, ["zig", "cc", "-static"]);
    assert!(link.omit_symtab && link.omits_dwarf() && link.compress_dwarf);
    assert_eq!(link.input, PathBuf::from("/w/_pkg_.a"));
}

#[test]
fn symbols_go_without_debug_information_unless_said_otherwise() {
    assert!(link(&["-s", "x"]).omits_dwarf());
    assert!(!link(&["-s", "-w=0", "x"]).omits_dwarf());
    assert!(!link(&["x"]).omits_dwarf());
}

#[test]
fn numbers_are_those_of_go() {
    assert_eq!(link(&["-T", "0x401000", "x"]).text_address, Some(0x401000));
    assert_eq!(link(&["-T=-1", "x"]).text_address, None);
    assert_eq!(link(&["-randlayout", "-9223372036854775808", "x"]).random_layout, i64::MIN);
    assert_eq!(link(&["-randlayout=-0x1f", "x"]).random_layout, -31);
    for wrong in ["-+5", "+-5", "--5", "0x", "9223372036854775808", "5 "] {
        assert!(parse(&line(&["-randlayout", wrong, "x"])).is_err(), "{wrong}");
    }
    assert_eq!(link(&["-v", "-v", "x"]).verbose, 2);
    assert_eq!(link(&["-v=3", "x"]).verbose, 3);
}

#[test]
fn mistakes_are_named() {
    for (words, part) in [
        (&["-nonsense", "x"][..], "-nonsense"),
        (&["-o"], "-o"),
        (&[], "no input"),
        (&["a", "b"], "'b'"),
        (&["-X", "novalue", "x"], "importpath.name=value"),
        (&["-R", "3", "x"], "-R"),
        (&["-buildmode=dll", "x"], "dll"),
        (&["-s=maybe", "x"], "maybe"),
        (&["-H", "windowsgui", "x"], "windowsgui"),
        (&["-aslr=false", "x"], "c-shared"),
    ] {
        let error = parse(&line(words)).expect_err("a mistake").to_string();
        assert!(error.contains(part), "{words:?}: {error}");
    }
}

#[test]
fn addresses_are_fixed_for_shared_objects_only() {
    // Which are left to the toolchain's own linker, with all their flags.
    assert!(link(&["-aslr=false", "-buildmode=c-shared", "x"]).fixed_addresses);
    assert!(!link(&["-aslr", "x"]).fixed_addresses);
    for words in
        [&["-aslr=false", "x"][..], &["-aslr=0", "-buildmode=pie", "x"], &["-aslr=false", "-buildmode=exe", "x"]]
    {
        let error = parse(&line(words)).expect_err("a mistake");
        let error = error.iter().next().expect("a diagnostic");
        assert_eq!((error.code, &*error.message), ("bad-command-line", "-aslr: false is only for -buildmode=c-shared"));
    }
}

#[test]
fn headers_are_those_of_linux() {
    for name in ["linux", "android", ""] {
        assert_eq!(link(&["-H", name, "x"]), link(&["x"]), "{name}");
    }
    for name in ["windows", "darwin", "elf", "Linux"] {
        let error = parse(&line(&["-H", name, "x"])).expect_err("a mistake");
        let error = error.iter().next().expect("a diagnostic");
        assert_eq!((error.code, &*error.message), ("bad-command-line", &*format!("-H: '{name}' is not linux")));
    }
}

#[test]
fn versions_are_asked_in_two_forms() {
    assert_eq!(parse(&line(&["-V=full"])), Ok(Asked::Version { full: true }));
    assert_eq!(parse(&line(&["-V"])), Ok(Asked::Version { full: false }));
}

#[test]
fn every_flag_is_listed_once() {
    let text = usage();
    for flag in FLAGS {
        assert!(text.contains(&format!("  -{}", flag.name)));
        assert_eq!(FLAGS.iter().filter(|other| other.name == flag.name).count(), 1, "{}", flag.name);
    }
}

//! The order in which C libraries are looked for.

use super::answer::{CLibrary, Rung, ToolchainQuery};
use super::compiler::{CompilerCommand, CompilerFamily};
use super::probe::{Probe, SystemProbe};
use super::search::{Missing, Search};
use super::{gcc, rust, sysroot, zig};
use crate::diag::{self, Diagnostic};
use crate::target::{Architecture, Libc, Target};

/// What one rung of the order gave.
pub(crate) struct Step {
    /// Which.
    pub rung: Rung,
    /// The compiler or folder asked.
    pub asked: String,
    /// What it has.
    pub found: Result<CLibrary, Missing>,
}

/// The C library for a link, by the fixed order (see the module above).
///
/// # Errors
/// `no-c-library`, with the reason of each rung, if none has one for the target.
pub fn find(query: &ToolchainQuery) -> diag::Result<CLibrary> {
    find_on(&SystemProbe, query)
}

/// [`find`] on a given machine.
pub(super) fn find_on(probe: &dyn Probe, query: &ToolchainQuery) -> diag::Result<CLibrary> {
    let mut missing = Vec::new();
    for step in steps(probe, query, true) {
        match step.found {
            Ok(library) => {
                tracing::debug!(rung = %step.rung, library = library.provenance.sentence, "C library");
                return Ok(library);
            }
            Err(why) => missing.push((step.rung, step.asked, why)),
        }
    }
    Err(nothing_found(query, &missing).into())
}

/// The rungs for a query in order, each climbed when it is asked for: what it has, or why it has nothing. A link takes the first
/// that has something. With `prepare`, a compiler may be made to build its library, which takes long.
pub(crate) fn steps(probe: &dyn Probe, query: &ToolchainQuery, prepare: bool) -> impl Iterator<Item = Step> {
    let mut query = settled(query);
    let mut rungs = rungs(&query).into_iter();
    std::iter::from_fn(move || {
        let Way { rung, command, libc } = rungs.next()?;
        let stated = query.target.libc;
        if let (Some(given), Some(stated)) = (libc, stated)
            && given != stated
        {
            let why =
                Missing::new(format!("it has {}, and the program is compiled for {}", given.name(), stated.name()));
            return Some(Step { rung, asked: asked(&query, rung, command.as_ref()), found: Err(why) });
        }
        let step = climb(&Search { probe, query: &query, prepare }, rung, command.as_ref());
        if let (Rung::NamedCompiler, Err(why)) = (rung, &step.found) {
            query.target.libc = stated.or(why.libc);
        }
        Some(step)
    })
}

/// The query with the C library that the named compiler compiles for: objects made for glibc do not go with musl.
fn settled(query: &ToolchainQuery) -> ToolchainQuery {
    let mut query = query.clone();
    if let (None, Some(compiler)) = (query.target.libc, &query.compiler) {
        let named = compiler.target().filter(|target| target.architecture == query.target.architecture);
        query.target.libc = named.and_then(|target| target.libc).or(match compiler.family {
            CompilerFamily::Zig | CompilerFamily::MuslGcc => Some(Libc::Musl),
            CompilerFamily::Gcc | CompilerFamily::Clang | CompilerFamily::Unknown => None,
        });
    }
    query
}

/// One way to a C library.
struct Way {
    rung: Rung,
    /// The compiler to ask.
    command: Option<CompilerCommand>,
    /// The only C library it can have.
    libc: Option<Libc>,
}

/// The ways that a query has, in order.
fn rungs(query: &ToolchainQuery) -> Vec<Way> {
    if query.sysroot.is_some() {
        // A sysroot is a statement: if it holds no C library, any other one would be the wrong one.
        return vec![Way { rung: Rung::Sysroot, command: query.compiler.clone(), libc: None }];
    }
    let program = |name: &str| Some(CompilerCommand::from_program(name));
    let architecture = query.target.architecture;
    let cross = |libc: Libc| program(&format!("{architecture}-linux-{}-gcc", libc.name()));
    let (musl, gnu) = (Some(Libc::Musl), Some(Libc::Gnu));
    let named =
        query.compiler.clone().map(|compiler| Way { rung: Rung::NamedCompiler, command: Some(compiler), libc: None });
    named
        .into_iter()
        .chain([
            Way { rung: Rung::Zig, command: Some(zig_on_path()), libc: musl },
            Way { rung: Rung::MuslGcc, command: program("musl-gcc"), libc: musl },
            Way { rung: Rung::Rust, command: None, libc: musl },
            Way { rung: Rung::CrossGcc, command: cross(Libc::Musl), libc: musl },
            Way { rung: Rung::CrossGcc, command: cross(Libc::Gnu), libc: gnu },
            Way { rung: Rung::Gcc, command: program("gcc"), libc: None },
        ])
        .collect()
}

fn zig_on_path() -> CompilerCommand {
    CompilerCommand {
        program: "zig".into(),
        arguments: vec!["cc".to_owned()],
        family: CompilerFamily::Zig,
        cxx: false,
        triple: None,
    }
}

fn climb(search: &Search<'_>, rung: Rung, command: Option<&CompilerCommand>) -> Step {
    let found = match (rung, command) {
        (Rung::Sysroot, _) => sysroot::find(search),
        (Rung::Rust, _) => rust::find(search),
        (_, Some(command)) => ask(search, command, rung),
        (_, None) => Err(Missing::new("no compiler is named")),
    };
    let found = found.and_then(|library| matching(search.query.target, library));
    Step { rung, asked: asked(search.query, rung, command), found }
}

/// What a person calls the thing that is asked.
fn asked(query: &ToolchainQuery, rung: Rung, command: Option<&CompilerCommand>) -> String {
    match (rung, &query.sysroot, command) {
        (Rung::Sysroot, Some(folder), _) => folder.display().to_string(),
        (Rung::Zig, ..) => "zig".to_owned(),
        (_, _, Some(command)) => command.to_string(),
        _ => "rustc".to_owned(),
    }
}

/// Asks a compiler in the way of its family.
fn ask(search: &Search<'_>, command: &CompilerCommand, rung: Rung) -> Result<CLibrary, Missing> {
    match command.family {
        CompilerFamily::Zig => zig::find(search, command, rung),
        CompilerFamily::MuslGcc => gcc::find(search, command, rung),
        // A wrapper, a link or a distribution may call a zig by any name.
        CompilerFamily::Gcc | CompilerFamily::Clang | CompilerFamily::Unknown => gcc::find(search, command, rung)
            .or_else(|why| match why.is_zig {
                true => zig::find(search, command, rung),
                false => Err(why),
            }),
    }
}

/// Passes a library on if it is the one wanted.
fn matching(wanted: Target, library: CLibrary) -> Result<CLibrary, Missing> {
    let have = library.target;
    if have.architecture != wanted.architecture || wanted.libc.is_some_and(|libc| have.libc != Some(libc)) {
        return Err(Missing { libc: have.libc, ..Missing::new(format!("it links for {have}, not for {wanted}")) });
    }
    Ok(library)
}

/// What to install so that a target can be linked, as commands of ordinary package managers.
pub(crate) fn remedies(target: Target) -> Vec<String> {
    let architecture = target.architecture;
    let mut ways = Vec::new();
    if target.libc != Some(Libc::Gnu) {
        ways.push(
            "pip install ziglang, then CC='python3 -m ziglang cc'; or install zig so that it is on the PATH".to_owned(),
        );
        if architecture == host_architecture() {
            ways.push("apt-get install musl-tools, for musl-gcc".to_owned());
        }
        ways.push(format!("rustup target add {architecture}-unknown-linux-musl"));
    }
    if target.libc != Some(Libc::Musl) {
        ways.push(match architecture == host_architecture() {
            true => "apt-get install gcc libc6-dev, for static glibc".to_owned(),
            false => {
                format!("apt-get install gcc-{}-linux-gnu, for static glibc", architecture.name().replace('_', "-"))
            }
        });
    }
    ways
}

/// The architecture that cgolink itself was built for.
fn host_architecture() -> Architecture {
    if cfg!(target_arch = "aarch64") { Architecture::Aarch64 } else { Architecture::X86_64 }
}

fn nothing_found(query: &ToolchainQuery, missing: &[(Rung, String, Missing)]) -> Diagnostic {
    let message = format!("no C library for a {} executable of {} was found", query.kind, query.target);
    let mut diagnostic = Diagnostic::error("no-c-library", message);
    for (rung, asked, why) in missing {
        let place = if *rung == Rung::NamedCompiler { format!("$CC ({asked})") } else { asked.clone() };
        diagnostic = diagnostic.note(format!("{place}: {}", why.reason));
    }
    let ways = if query.sysroot.is_some() { Vec::new() } else { remedies(query.target) };
    match ways.is_empty() {
        true => diagnostic.help("name a folder with crt1.o and libc.a for the target"),
        false => diagnostic.help(format!("install one of: {}; 'cgolink doctor' tells what is found", ways.join(" | "))),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::answer::StaticKind;
    use super::super::fake::{FakeProbe, says};
    use super::super::probe::{Answer, Probe};
    use super::*;

    fn query(target: &str, compiler: Option<&str>) -> ToolchainQuery {
        let words: Vec<_> = compiler.unwrap_or_default().split_whitespace().map(Into::into).collect();
        ToolchainQuery {
            target: target.parse().unwrap(),
            kind: StaticKind::Executable,
            cxx: false,
            sysroot: None,
            compiler: CompilerCommand::from_words(&words),
        }
    }

    fn rung(probe: &FakeProbe, query: &ToolchainQuery) -> Option<Rung> {
        find_on(probe, query).ok().map(|library| library.provenance.rung)
    }

    #[test]
    fn climbs_the_rungs_in_order() {
        let mut probe = FakeProbe::new();
        let any = query("x86_64-linux", None);
        let refusal = find_on(&probe, &any).unwrap_err().to_string();
        for part in
            ["no C library for a static executable of x86_64-linux", "no musl-gcc on the PATH", "rustup target add"]
        {
            assert!(refusal.contains(part), "{refusal}");
        }
        probe.add_gcc("gcc", "x86_64-linux-gnu");
        assert_eq!(rung(&probe, &any), Some(Rung::Gcc));
        probe.add_gcc("x86_64-linux-gnu-gcc", "x86_64-linux-gnu");
        assert_eq!(rung(&probe, &any), Some(Rung::CrossGcc));
        probe.add_gcc("musl-gcc", "x86_64-linux-gnu");
        assert_eq!(rung(&probe, &any), Some(Rung::MuslGcc));
        probe.add_zig();
        assert_eq!(rung(&probe, &any), Some(Rung::Zig));
        assert_eq!(rung(&probe, &query("x86_64-linux", Some("gcc"))), Some(Rung::NamedCompiler));
    }

    #[test]
    fn passes_over_the_other_c_library() {
        let mut probe = FakeProbe::new();
        probe.add_zig();
        probe.add_gcc("gcc", "x86_64-linux-gnu");
        assert_eq!(rung(&probe, &query("x86_64-linux-gnu", None)), Some(Rung::Gcc));
        assert_eq!(rung(&probe, &query("x86_64-linux-musl", Some("gcc"))), Some(Rung::Zig));
        assert_eq!(rung(&probe, &query("aarch64-linux-gnu", None)), None);
    }

    #[test]
    fn does_not_give_musl_to_what_a_compiler_for_glibc_compiled() {
        let mut probe = FakeProbe::new();
        probe.add_zig();
        probe.add_gcc("gcc", "x86_64-linux-gnu");
        probe.remove("/gcc-files/libc.a");
        let refusal = find_on(&probe, &query("x86_64-linux", Some("gcc"))).unwrap_err().to_string();
        assert!(refusal.contains("$CC (gcc): it has no libc.a"), "{refusal}");
        assert!(refusal.contains("zig: it has musl, and the program is compiled for gnu"), "{refusal}");
    }

    #[test]
    fn reads_zigs_trial_and_asks_once() {
        let mut probe = FakeProbe::new();
        probe.add_zig();
        let named = query("aarch64-linux-musl", Some("zig cc --target=aarch64-linux-musl -static"));
        let library = find_on(&probe, &named).unwrap();
        assert_eq!(library.crt_begin, [Path::new("/zc/aarch64-linux-musl/crt1.o")]);
        assert_eq!(library.ubsan.as_deref(), Some(Path::new("/zc/aarch64-linux-musl/libubsan_rt.a")));
        assert_eq!(library.default_libraries.len(), 5);
        assert_eq!((library.stack_size, library.cxx.len()), (Some(1 << 24), 0));
        assert_eq!(library.compiler, named.compiler);
        assert_eq!(probe.runs.borrow().len(), 2, "zig env and the trial: {:?}", probe.runs);
        assert_eq!(
            probe.notices.borrow()[0],
            "Begin(\"zig 0.15.2 prepares the C library for aarch64-linux-musl (static), once\")"
        );
        assert_eq!(probe.notices.borrow()[1], "Progress(\"libc.a is ready (1)\")");
        // Warm, and asked through the other rung.
        let again = find_on(&probe, &query("aarch64-linux-musl", None)).unwrap();
        assert_eq!((again.provenance.rung, probe.runs.borrow().len()), (Rung::Zig, 2));
        // Another kind and the C++ runtime are other questions.
        let pie = find_on(&probe, &ToolchainQuery { kind: StaticKind::Pie, cxx: true, ..named }).unwrap();
        assert_eq!(pie.crt_begin, [Path::new("/zc/aarch64-linux-musl/rcrt1.o")]);
        assert_eq!(pie.cxx, [Path::new("/zc/aarch64-linux-musl/libc++.a")]);
    }

    #[test]
    fn asks_zig_again_when_its_files_are_gone_or_it_was_replaced() {
        let mut probe = FakeProbe::new();
        probe.add_zig();
        let any = query("x86_64-linux-musl", None);
        find_on(&probe, &any).unwrap();
        probe.remove("/zc/x86_64-linux-musl/libunwind.a");
        let refusal = find_on(&probe, &any).unwrap_err().to_string();
        assert!(refusal.contains("libunwind.a, which does not exist"), "{refusal}");
        probe.put("/zc/x86_64-linux-musl/libunwind.a", b"x");
        find_on(&probe, &any).unwrap();
        let runs = probe.runs.borrow().len();
        probe.put("/bin/zig", b"another program");
        find_on(&probe, &any).unwrap();
        assert_eq!(probe.runs.borrow().len(), runs + 2);
    }

    #[test]
    fn prepares_nothing_unless_allowed() {
        let mut probe = FakeProbe::new();
        probe.add_zig();
        let first = steps(&probe, &query("x86_64-linux", None), false).next().unwrap();
        assert!(first.found.unwrap_err().unprepared);
        assert_eq!(*probe.runs.borrow(), ["/bin/zig env"], "no trial");
    }

    #[test]
    fn a_failed_trial_says_why_and_is_not_remembered() {
        let mut probe = FakeProbe::new();
        probe.program("/bin/zig", |_| Answer { success: false, ..says("ld.lld x\nerror: unable to make libc\nmore") });
        for _ in 0..2 {
            let refusal = find_on(&probe, &query("x86_64-linux-musl", None)).unwrap_err().to_string();
            assert!(refusal.contains("zig: its trial link failed: error: unable to make libc"), "{refusal}");
        }
        assert_eq!(probe.runs.borrow().len(), 4);
    }

    #[test]
    fn asks_drivers_once_and_remembers_that_they_link_for_another_machine() {
        let mut probe = FakeProbe::new();
        probe.add_gcc("gcc", "x86_64-linux-gnu");
        let native = query("x86_64-linux-gnu", None);
        let library = find_on(&probe, &native).unwrap();
        let files = ["/gcc-files/libc.a", "/gcc-files/libgcc.a", "/gcc-files/libgcc_eh.a"];
        assert_eq!(library.default_libraries, files.map(Path::new));
        assert_eq!(library.crt_end, [Path::new("/gcc-files/crtn.o")]);
        assert_eq!(library.library_dirs, [Path::new("/gcc-files")]);
        assert_eq!(library.unwind.as_deref(), Some(Path::new("/gcc-files/libgcc_eh.a")));
        find_on(&probe, &native).unwrap();
        assert_eq!(probe.runs.borrow().len(), 1);
        for _ in 0..2 {
            assert!(
                find_on(&probe, &query("aarch64-linux-gnu", None))
                    .unwrap_err()
                    .to_string()
                    .contains("it links for x86_64-linux-gnu")
            );
        }
        assert_eq!(probe.runs.borrow().len(), 2);
    }

    #[test]
    fn musl_gcc_links_static_pie_with_rcrt1() {
        let mut probe = FakeProbe::new();
        probe.add_gcc("musl-gcc", "x86_64-linux-gnu");
        let pie = ToolchainQuery { kind: StaticKind::Pie, ..query("x86_64-linux-musl", None) };
        assert_eq!(find_on(&probe, &pie).unwrap().crt_begin[0], Path::new("/musl-gcc-files/rcrt1.o"));
    }

    #[test]
    fn a_wrapper_of_unknown_make_is_asked_as_gcc_then_as_zig() {
        let mut probe = FakeProbe::new();
        probe.add_gcc("my-cc", "aarch64-linux-gnu");
        assert_eq!(rung(&probe, &query("aarch64-linux", Some("my-cc"))), Some(Rung::NamedCompiler));
        let mut probe = FakeProbe::new();
        probe.add_zig();
        probe.put("/zc/wrapper", b"");
        let zig = probe.programs.remove(Path::new("/bin/zig")).unwrap();
        probe.program("/bin/zcc", move |words| {
            let version = "clang version 20.1.2\nTarget: x86_64-unknown-linux-musl\n";
            match (words.contains("-###"), words.contains(" -c ")) {
                (true, true) => says(&format!("{version} \"/opt/zig\" \"-cc1\" \"-triple\" \"x\"\n")),
                (true, false) => says(&format!("{version} \"/usr/bin/ld\" \"/usr/lib/crt1.o\" \"-lc\"\n")),
                _ => zig(words),
            }
        });
        let library = find_on(&probe, &query("x86_64-linux-musl", Some("zcc"))).unwrap();
        assert_eq!(library.crt_begin, [Path::new("/zc/x86_64-linux-musl/crt1.o")]);
        let runs = probe.runs.borrow().len();
        assert_eq!(find_on(&probe, &query("x86_64-linux-musl", Some("zcc"))).unwrap(), library);
        assert_eq!(probe.runs.borrow().len(), runs, "a warm search runs nothing");
    }

    #[test]
    fn glibc_is_not_taken_for_musl_whatever_the_triple_says() {
        let mut probe = FakeProbe::new();
        probe.add_gcc("clang", "x86_64-unknown-linux-musl");
        probe.put("/clang-files/libc_nonshared.a", b"x");
        let refusal = find_on(&probe, &query("x86_64-linux-musl", Some("clang"))).unwrap_err().to_string();
        assert!(refusal.contains("it links for x86_64-linux-gnu, not for x86_64-linux-musl"), "{refusal}");
    }

    #[test]
    fn takes_the_musl_of_an_installed_rust_target() {
        let mut probe = FakeProbe::new();
        probe.program("/bin/rustc", |_| Answer { output: "/rust\n".to_owned(), ..says("") });
        let refusal = find_on(&probe, &query("aarch64-linux-musl", None)).unwrap_err().to_string();
        assert!(refusal.contains("the Rust target aarch64-unknown-linux-musl is not installed in /rust"), "{refusal}");
        let folder = "/rust/lib/rustlib/aarch64-unknown-linux-musl/lib";
        for file in [
            "crt1.o",
            "rcrt1.o",
            "crti.o",
            "crtbegin.o",
            "crtbeginS.o",
            "crtend.o",
            "crtendS.o",
            "crtn.o",
            "libc.a",
            "libunwind.a",
        ] {
            probe.put(&format!("{folder}/self-contained/{file}"), b"x");
        }
        probe.put(&format!("{folder}/libcompiler_builtins-0a1b.rlib"), b"x");
        let library = find_on(&probe, &query("aarch64-linux-musl", None)).unwrap();
        assert_eq!(library.provenance.rung, Rung::Rust);
        assert!(library.crt_begin[2].ends_with("self-contained/crtbegin.o"));
        assert!(library.default_libraries[2].ends_with("lib/libcompiler_builtins-0a1b.rlib"));
        let runs = probe.runs.borrow().len();
        find_on(&probe, &query("aarch64-linux-musl", None)).unwrap();
        assert_eq!(probe.runs.borrow().len(), runs);
    }

    #[test]
    fn a_sysroot_is_searched_and_nothing_else() {
        let mut probe = FakeProbe::new();
        probe.add_zig();
        let root = ToolchainQuery { sysroot: Some("/root".into()), ..query("aarch64-linux", None) };
        probe.put_object("/root/usr/lib/crt1.o", Architecture::X86_64);
        let refusal = find_on(&probe, &root).unwrap_err().to_string();
        assert!(refusal.contains("/root: it has no crt1.o for aarch64"), "{refusal}");
        probe.put_object("/root/usr/lib/crt1.o", Architecture::Aarch64);
        for file in [
            "libc.a",
            "crti.o",
            "crtn.o",
            "gcc/aarch64-alpine-linux-musl/9.3.0/libgcc.a",
            "gcc/aarch64-alpine-linux-musl/13.2.1/libgcc.a",
        ] {
            probe.put(&format!("/root/usr/lib/{file}"), b"x");
        }
        probe.put("/root/lib/ld-musl-aarch64.so.1", b"x");
        let library = find_on(&probe, &root).unwrap();
        assert_eq!(library.target.libc, Some(Libc::Musl));
        assert!(library.default_libraries[1].ends_with("13.2.1/libgcc.a"), "{library:#?}");
        assert!(probe.runs.borrow().is_empty());
    }

    #[test]
    fn maps_names_of_libraries() {
        use super::super::answer::LibraryAnswer::*;
        let mut probe = FakeProbe::new();
        probe.add_zig();
        let library = find_on(&probe, &query("x86_64-linux-musl", None)).unwrap();
        let unwind = Archives(vec!["/zc/x86_64-linux-musl/libunwind.a".into()]);
        for name in ["unwind", "gcc_s", "gcc_eh"] {
            assert_eq!(library.library(name), unwind, "{name}");
        }
        for name in ["pthread", "m", "dl", "rt", "util", "resolv", "c", "gcc"] {
            assert_eq!(library.library(name), Provided, "{name}");
        }
        assert_eq!(library.library("stdc++"), Unknown);
        assert_eq!(library.library("z"), Unknown);
        let cxx = find_on(&probe, &ToolchainQuery { cxx: true, ..query("x86_64-linux-musl", None) }).unwrap();
        assert_eq!(cxx.library("c++"), Archives(vec!["/zc/x86_64-linux-musl/libc++.a".into()]));
    }

    #[test]
    fn damage_to_the_memory_only_costs_another_question() {
        let mut probe = FakeProbe::new();
        probe.add_zig();
        let any = query("x86_64-linux-musl", None);
        let first = find_on(&probe, &any).unwrap();
        let remembered: Vec<_> = probe
            .files
            .borrow()
            .keys()
            .filter(|path| path.extension().is_some_and(|end| end == "json"))
            .cloned()
            .collect();
        assert_eq!(remembered.len(), 1);
        for bytes in [&b""[..], b"{}", b"\xff\xfe", b"{\"format\":1}"] {
            probe.store(&remembered[0], bytes).unwrap();
            assert_eq!(find_on(&probe, &any).unwrap(), first);
        }
    }
}

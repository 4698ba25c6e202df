//! gcc, musl-gcc, clang and cross compilers: drivers that answer `-###` with the linker command line they would run,
//! together with their target and version, in one short question.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::answer::{CLibrary, Provenance, Rung, StaticKind, ToolchainQuery};
use super::cache;
use super::compiler::{CompilerCommand, CompilerFamily};
use super::driver_line::{self, DriverLine, Library};
use super::probe::{Invocation, Probe, find_program};
use super::search::{Missing, Search, libc_of, object_architecture};
use crate::target::{Libc, Target};

/// Why a zig with a name of its own has no answer here.
const ZIG: &str = "it is zig under another name";

/// Variables that change where a driver looks.
const VARIABLES: [&str; 3] = ["LIBRARY_PATH", "COMPILER_PATH", "GCC_EXEC_PREFIX"];

/// The C library of a driver that answers as gcc does.
pub(super) fn find(search: &Search<'_>, command: &CompilerCommand, rung: Rung) -> Result<CLibrary, Missing> {
    let (probe, query) = (search.probe, search.query);
    let program = find_program(probe, &command.program)
        .ok_or_else(|| Missing::new(format!("no {} on the PATH", command.program.display())))?;
    let arguments = arguments(command, query);
    let words: Vec<_> = arguments.iter().map(|word| word.to_string_lossy()).collect();
    let mut question = format!("driver {} {} for {}", program.display(), words.join(" "), query.target.architecture);
    question.push_str(if query.cxx { " with C++" } else { "" });
    for name in VARIABLES {
        if let Some(value) = probe.variable(name) {
            question.push_str(&format!(" {name}={}", value.to_string_lossy()));
        }
    }
    let remembered: Option<Result<CLibrary, String>> = cache::recall(probe, &question);
    if let Some(answer) = remembered {
        let lasting = |reason: String| Missing { lasting: true, is_zig: reason == ZIG, ..Missing::new(reason) };
        return answer.map(|library| library.given_by(rung, command)).map_err(lasting);
    }
    let found = ask(probe, query, command, &program, arguments, rung);
    let answer = match &found {
        Ok(library) => Ok(library.clone()),
        Err(why) if why.lasting => Err(why.reason.clone()),
        // A missing file may be installed tomorrow: nothing to remember.
        Err(_) => return found,
    };
    // A launcher or link keeps its own state, the compiler behind it another one.
    let witnesses = cache::witnesses(probe, [Some(program.clone()), probe.canonical(&program)]);
    cache::remember(probe, &question, witnesses, &answer);
    found
}

/// The question. The library stands for the input without which a driver links nothing.
fn arguments(command: &CompilerCommand, query: &ToolchainQuery) -> Vec<OsString> {
    let is_kind = |word: &&String| matches!(word.as_str(), "-static" | "-static-pie" | "-pie" | "-no-pie" | "-shared");
    let mut arguments: Vec<OsString> =
        command.arguments.iter().filter(|word| !is_kind(word)).map(OsString::from).collect();
    if command.family == CompilerFamily::Clang && command.triple.is_none() {
        // clang compiles for every target; without the flag it answers for the machine it runs on.
        if let Some(libc) = query.target.libc {
            arguments.push(format!("--target={}-linux-{}", query.target.architecture, libc.name()).into());
        }
    }
    if let Some(sysroot) = &query.sysroot {
        let mut flag = OsString::from("--sysroot=");
        flag.push(sysroot);
        arguments.push(flag);
    }
    let kind = match query.kind {
        StaticKind::Executable => "-static",
        StaticKind::Pie => "-static-pie",
    };
    arguments.extend([kind, "-###", "-lc"].map(OsString::from));
    arguments
}

fn ask(
    probe: &dyn Probe,
    query: &ToolchainQuery,
    command: &CompilerCommand,
    program: &Path,
    arguments: Vec<OsString>,
    rung: Rung,
) -> Result<CLibrary, Missing> {
    let environment = vec![("LC_ALL", OsString::from("C"))];
    let invocation = Invocation { program: program.to_owned(), arguments, environment, files: vec![] };
    let answer = probe
        .run(&invocation, &mut |_| ())
        .map_err(|error| Missing::new(format!("cannot run {}: {error}", program.display())))?;
    if answer.errors.contains("clang version") && is_zig(probe, command, program) {
        // zig passes the question on to the clang inside, which answers with this machine's files instead of zig's.
        return Err(Missing { is_zig: true, lasting: true, ..Missing::new(ZIG) });
    }
    let line = driver_line::last_link(&answer.errors, driver_line::split_quoted)
        .ok_or_else(|| Missing::new("it does not answer -### with a linker's command line"))?;
    let reply = Reply { text: &answer.errors, line, folder: &answer.folder };
    let target = reply.target(probe, command, query)?;
    let library = reply.assemble(probe, query, command, program, target, rung);
    library.map_err(|why| Missing { libc: target.libc, ..why })
}

/// Whether a driver that answers as clang does is a zig: the compiler that it would run is then zig itself.
fn is_zig(probe: &dyn Probe, command: &CompilerCommand, program: &Path) -> bool {
    let own = command.arguments.iter().map(String::as_str);
    let arguments = own.chain(["-###", "-c", "-x", "c", "/dev/null"]).map(OsString::from).collect();
    let environment = vec![("LC_ALL", OsString::from("C"))];
    let invocation = Invocation { program: program.to_owned(), arguments, environment, files: vec![] };
    let Ok(answer) = probe.run(&invocation, &mut |_| ()) else { return false };
    answer.errors.lines().any(|line| {
        let words = driver_line::split_quoted(line);
        let name = words.first().and_then(|word| Path::new(word).file_name()).unwrap_or_default();
        words.get(1).is_some_and(|word| word == "-cc1") && name.to_string_lossy().starts_with("zig")
    })
}

/// What the driver printed.
struct Reply<'a> {
    text: &'a str,
    line: DriverLine,
    folder: &'a Path,
}

impl Reply<'_> {
    /// A file of the answer without links and dots; a driver names a file it did not find by its bare name.
    fn file(&self, probe: &dyn Probe, path: &Path) -> Result<PathBuf, Missing> {
        let found = if path.components().count() > 1 { probe.canonical(&self.folder.join(path)) } else { None };
        found.ok_or_else(|| Missing::new(format!("it has no {}", path.display())))
    }

    /// What the driver says after `Target:`, with the C library that its files show: musl-gcc is a gcc for glibc with
    /// other paths.
    fn target(&self, probe: &dyn Probe, command: &CompilerCommand, query: &ToolchainQuery) -> Result<Target, Missing> {
        let stated = self.text.lines().find_map(|line| line.strip_prefix("Target: ")).map(str::trim);
        let triple: Option<Target> = stated.and_then(|triple| triple.parse().ok());
        let start = self.line.begin.first().and_then(|path| self.file(probe, path).ok());
        let architecture =
            start.as_deref().and_then(|path| object_architecture(probe, path)).or(triple.map(|t| t.architecture));
        let wanted = query.target.architecture;
        if architecture != Some(wanted) {
            let what = stated.map_or_else(|| "another machine".to_owned(), str::to_owned);
            return Err(Missing {
                lasting: start.is_some(),
                ..Missing::new(format!("it links for {what}, not for {wanted}"))
            });
        }
        let of_musl = command.family == CompilerFamily::MuslGcc
            || self.line.begin.iter().any(|path| path.to_string_lossy().contains("musl"));
        let libc = if of_musl { Some(Libc::Musl) } else { triple.and_then(|triple| triple.libc) };
        Ok(Target { architecture: wanted, libc: libc.or(Some(Libc::Gnu)) })
    }

    fn assemble(
        &self,
        probe: &dyn Probe,
        query: &ToolchainQuery,
        command: &CompilerCommand,
        program: &Path,
        target: Target,
        rung: Rung,
    ) -> Result<CLibrary, Missing> {
        let files = |paths: &[PathBuf]| paths.iter().map(|path| self.file(probe, path)).collect::<Result<Vec<_>, _>>();
        let mut crt_begin = files(&self.line.begin)?;
        if query.kind == StaticKind::Pie {
            relocate_start(probe, &mut crt_begin)?;
        }
        let mut folders: Vec<PathBuf> = Vec::new();
        for folder in &self.line.folders {
            if let Some(folder) = probe.canonical(&self.folder.join(folder))
                && !folders.contains(&folder)
            {
                folders.push(folder);
            }
        }
        let in_folders = |file: &str| {
            folders
                .iter()
                .map(|folder| folder.join(file))
                .find(|path| probe.identity(path).is_some_and(|found| !found.folder))
        };
        let mut default_libraries = Vec::new();
        for library in &self.line.libraries {
            let path = match library {
                Library::File(path) => self.file(probe, path)?,
                Library::Name(name) => in_folders(&format!("lib{name}.a"))
                    .ok_or_else(|| Missing::new(format!("it has no lib{name}.a, so that it links only dynamically")))?,
            };
            if !default_libraries.contains(&path) {
                default_libraries.push(path);
            }
        }
        let shown = libc_in(probe, default_libraries.iter().filter(|path| path.ends_with("libc.a")));
        let target = Target { libc: shown.or(target.libc), ..target };
        let named = |name: &str| default_libraries.iter().find(|path| path.ends_with(name)).cloned();
        let cxx = if query.cxx { in_folders("libstdc++.a").into_iter().collect() } else { Vec::new() };
        Ok(CLibrary {
            target,
            kind: query.kind,
            provenance: Provenance { rung, sentence: self.sentence(target, program) },
            crt_end: files(&self.line.end)?,
            unwind: named("libgcc_eh.a").or_else(|| named("libunwind.a")),
            ubsan: None,
            stack_size: self.line.stack_size,
            compiler: Some(command.clone()),
            crt_begin,
            default_libraries,
            library_dirs: folders,
            cxx,
        })
    }

    fn sentence(&self, target: Target, program: &Path) -> String {
        let library = if target.libc == Some(Libc::Musl) { "musl" } else { "static glibc" };
        let version =
            self.text.lines().find(|line| line.starts_with("gcc version ") || line.contains("clang version "));
        let version = version.map_or(String::new(), |line| {
            let words: Vec<&str> = line.split(' ').collect();
            let at = words.iter().position(|&word| word == "version").unwrap_or_default();
            format!("{} {}, ", words[at.saturating_sub(1)], words.get(at + 1).unwrap_or(&""))
        });
        format!("{library} of {} ({version}{})", program.file_name().unwrap_or_default().display(), program.display())
    }
}

/// The C library that the folders of `libc.a` show: clang takes this machine's glibc for any triple that it has nothing
/// better for.
fn libc_in<'a>(probe: &dyn Probe, archives: impl Iterator<Item = &'a PathBuf>) -> Option<Libc> {
    let folders: Vec<PathBuf> = archives.filter_map(|path| path.parent()).map(Path::to_owned).collect();
    libc_of(probe, &folders)
}

/// Puts `rcrt1.o` in the place of another start file: musl-gcc's specs know no static-pie.
fn relocate_start(probe: &dyn Probe, begin: &mut [PathBuf]) -> Result<(), Missing> {
    for path in begin.iter_mut().filter(|path| path.ends_with("Scrt1.o") || path.ends_with("crt1.o")) {
        let own = path.with_file_name("rcrt1.o");
        if probe.identity(&own).is_none() {
            return Err(Missing::new("it has no rcrt1.o, so that it links no static-pie"));
        }
        *path = own;
    }
    Ok(())
}

//! zig's musl: start files and archives that zig makes for a target when first needed and keeps in its own cache.
//!
//! zig has no question for their paths. With `ZIG_VERBOSE_LINK=1` it prints the command lines of its linker, so a trial
//! link of an empty program tells them, after making what is not there yet (half a minute). The trial is optimised, so that the
//! runtimes are, and asks for `-fsanitize=undefined`: `zig cc` instruments C for UBSan by itself, and leaves the runtime for
//! it out of optimised links unless told. Known to hold for zig 0.15 to 0.17.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::answer::{CLibrary, Provenance, Rung, StaticKind, ToolchainQuery};
use super::cache::{self, Witness};
use super::compiler::{CompilerCommand, CompilerFamily};
use super::driver_line::{self, Library};
use super::probe::{Invocation, Notice, Probe, find_program};
use super::search::{Missing, Search};
use crate::target::{Libc, Target};

/// What a trial link links.
const TRIAL: &str = "int main(void) { return 0; }\n";

/// Variables that change where zig keeps its files or which library it builds.
const VARIABLES: [&str; 4] = ["ZIG_GLOBAL_CACHE_DIR", "ZIG_LIB_DIR", "ZIG_LIBC", "PYTHONPATH"];

/// One way to start a zig, and what it is to be asked.
struct Zig<'a> {
    command: &'a CompilerCommand,
    program: PathBuf,
    triple: String,
    target: Target,
    rung: Rung,
}

/// What `zig env` tells.
struct Environment {
    version: String,
    executable: PathBuf,
    library: PathBuf,
}

/// The C library of the zig that `command` starts.
pub(super) fn find(search: &Search<'_>, command: &CompilerCommand, rung: Rung) -> Result<CLibrary, Missing> {
    let query = search.query;
    let program = find_program(search.probe, &command.program)
        .ok_or_else(|| Missing::new(format!("no {} on the PATH", command.program.display())))?;
    if query.target.libc == Some(Libc::Gnu) {
        return Err(Missing::new("zig links glibc only dynamically"));
    }
    let target = Target { libc: Some(Libc::Musl), ..query.target };
    // The triple as the user wrote it may say more: a version of the kernel.
    let written = command.triple.clone().filter(|_| command.target() == Some(target));
    let triple = written.unwrap_or_else(|| target.to_string());
    let zig = Zig { command, program, triple, target, rung };
    let question = zig.question(search.probe, query);
    let remembered: Option<Result<CLibrary, String>> = cache::recall(search.probe, &question);
    if let Some(answer) = remembered {
        return answer.map(|library| library.given_by(rung, &zig.compiler())).map_err(Missing::new);
    }
    if !search.prepare {
        let version = zig.environment(search.probe).map_or_else(String::new, |facts| format!("{} ", facts.version));
        let reason = format!("zig {version}({}) makes its musl at the first link", zig.program.display());
        return Err(Missing { unprepared: true, ..Missing::new(reason) });
    }
    let (library, witnesses) = zig.ask(search.probe, query)?;
    let answer = Ok(library);
    cache::remember(search.probe, &question, witnesses, &answer);
    answer.map_err(Missing::new)
}

impl Zig<'_> {
    /// Everything that decides the answer.
    fn question(&self, probe: &dyn Probe, query: &ToolchainQuery) -> String {
        let mut text = format!(
            "zig {} {:?} {} {} cxx={} {}",
            self.program.display(),
            self.command.bare(),
            self.triple,
            query.kind,
            query.cxx,
            self.processor_flags().join(" ")
        );
        for name in VARIABLES {
            if let Some(value) = probe.variable(name) {
                text.push_str(&format!(" {name}={}", value.to_string_lossy()));
            }
        }
        text
    }

    /// Flags of the user's for which zig builds its libraries anew.
    fn processor_flags(&self) -> Vec<&str> {
        let flags = self.command.arguments.iter().map(String::as_str);
        flags.filter(|flag| flag.starts_with("-mcpu=") || flag.starts_with("-march=")).collect()
    }

    /// The words that start the driver: `cc`, or `c++` where the C++ runtime is wanted.
    fn driver_words(&self, cxx: bool) -> Vec<OsString> {
        let mut words: Vec<OsString> = self.command.bare().into_iter().map(OsString::from).collect();
        if let (Some(last), true) = (words.last_mut(), cxx) {
            *last = "c++".into();
        }
        words
    }

    /// `zig env`; `None` for a wrapper that is `zig cc` under another name, or one that does not answer.
    fn environment(&self, probe: &dyn Probe) -> Option<Environment> {
        let mut arguments = self.driver_words(false);
        arguments.pop()?;
        arguments.push("env".into());
        let invocation = Invocation { program: self.program.clone(), arguments, environment: vec![], files: vec![] };
        let answer = probe.run(&invocation, &mut |_| ()).ok().filter(|answer| answer.success)?;
        // zig 0.15 prints to standard output; what it prints is Zon now and was JSON.
        let field = |name| quoted_field(&answer.output, name).or_else(|| quoted_field(&answer.errors, name));
        Some(Environment {
            version: field("version")?,
            executable: field("zig_exe")?.into(),
            library: field("lib_dir")?.into(),
        })
    }

    /// The trial link.
    fn invocation(&self, probe: &dyn Probe, query: &ToolchainQuery) -> Invocation {
        let wrapper_is_cxx = self.command.launch_words() == 0 && self.command.cxx;
        let cxx = query.cxx || wrapper_is_cxx;
        let mut arguments = self.driver_words(cxx);
        let source = if cxx { "trial.cc" } else { "trial.c" };
        arguments.push(format!("--target={}", self.triple).into());
        arguments.extend(self.processor_flags().into_iter().map(OsString::from));
        let flags = ["-static", "-O2", "-fsanitize=undefined", source, "-lunwind", "-o", "trial"];
        arguments.extend(flags.map(OsString::from));
        if query.kind == StaticKind::Pie {
            arguments.push("-pie".into());
        }
        let mut environment = vec![("ZIG_VERBOSE_LINK", OsString::from("1")), ("LC_ALL", "C".into())];
        for name in ["ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR", "ZIG_LIB_DIR"] {
            // The trial runs in a folder of its own, where a relative path would mean another place.
            let relative = probe.variable(name).map(PathBuf::from).filter(|path| path.is_relative());
            if let Some(absolute) = relative.and_then(|path| std::path::absolute(path).ok()) {
                environment.push((name, absolute.into()));
            }
        }
        Invocation { program: self.program.clone(), arguments, environment, files: vec![(source, TRIAL)] }
    }

    /// Asks zig itself.
    fn ask(&self, probe: &dyn Probe, query: &ToolchainQuery) -> Result<(CLibrary, Vec<Witness>), Missing> {
        let facts = self.environment(probe);
        let version = facts.as_ref().map_or_else(String::new, |facts| format!(" {}", facts.version));
        let what = if query.cxx { "the C and C++ libraries" } else { "the C library" };
        let begin = format!("zig{version} prepares {what} for {} ({}), once", self.triple, query.kind);
        probe.announce(Notice::Begin(&begin));
        let mut made = 0;
        let mut progress = |line: &str| {
            if let Some(name) = finished_library(line) {
                made += 1;
                probe.announce(Notice::Progress(&format!("{name} is ready ({made})")));
            }
        };
        let answer = probe.run(&self.invocation(probe, query), &mut progress);
        probe.announce(Notice::End);
        let answer = answer.map_err(|error| Missing::new(format!("cannot run {}: {error}", self.program.display())))?;
        if !answer.success {
            return Err(Missing::new(format!("its trial link failed: {}", complaint(&answer.errors))));
        }
        let absolute = |path: &Path| answer.folder.join(path);
        let split = |line: &str| driver_line::split_unquoted(line, |path| probe.identity(&absolute(path)).is_some());
        let line = driver_line::last_link(&answer.errors, split)
            .ok_or_else(|| Missing::new("its trial link does not show a linker's command line"))?;
        let sentence = format!("musl of zig{version} ({})", self.program.display());
        let provenance = Provenance { rung: self.rung, sentence };
        let library = self.assemble(probe, query, &line, &absolute, provenance)?;
        let (executable, folder) = facts.map(|facts| (facts.executable, facts.library)).unzip();
        let own = [Some(self.program.clone()), probe.canonical(&self.program), executable, folder];
        Ok((library, cache::witnesses(probe, own)))
    }

    /// The answer from the linker's command line.
    fn assemble(
        &self,
        probe: &dyn Probe,
        query: &ToolchainQuery,
        line: &driver_line::DriverLine,
        absolute: &dyn Fn(&Path) -> PathBuf,
        provenance: Provenance,
    ) -> Result<CLibrary, Missing> {
        let archives: Vec<PathBuf> = line
            .libraries
            .iter()
            .filter_map(|library| match library {
                Library::File(path) => Some(absolute(path)),
                Library::Name(_) => None,
            })
            .collect();
        let named =
            |name: &str| archives.iter().find(|path| path.file_name().is_some_and(|file| file == name)).cloned();
        if named("libc.a").is_none() {
            return Err(Missing::new("its trial link names no libc.a"));
        }
        let is_cxx = |path: &PathBuf| path.file_name().is_some_and(|file| file == "libc++.a" || file == "libc++abi.a");
        let (cxx, default_libraries): (Vec<_>, Vec<_>) = archives.iter().cloned().partition(is_cxx);
        let library = CLibrary {
            target: self.target,
            kind: query.kind,
            provenance,
            crt_begin: line.begin.iter().map(|path| absolute(path)).collect(),
            crt_end: line.end.iter().map(|path| absolute(path)).collect(),
            default_libraries,
            library_dirs: Vec::new(),
            unwind: named("libunwind.a"),
            cxx,
            ubsan: named("libubsan_rt.a"),
            stack_size: line.stack_size,
            compiler: Some(self.compiler()),
        };
        if let Some(gone) = library.files().find(|path| probe.identity(path).is_none()) {
            return Err(Missing::new(format!("its trial link names {}, which does not exist", gone.display())));
        }
        Ok(library)
    }

    /// The command that compiles for this library.
    fn compiler(&self) -> CompilerCommand {
        if self.command.target() == Some(self.target) {
            return self.command.clone();
        }
        let mut arguments = self.command.bare();
        arguments.push(format!("--target={}", self.triple));
        CompilerCommand {
            program: self.command.program.clone(),
            arguments,
            family: CompilerFamily::Zig,
            cxx: self.command.cxx,
            triple: Some(self.triple.clone()),
        }
    }
}

/// `libc.a` of a line that tells that zig has put it together.
fn finished_library(line: &str) -> Option<&str> {
    let path = line.strip_prefix("ar rcs ")?.split(' ').next()?;
    Path::new(path).file_name()?.to_str()
}

/// The first line of an error, without what is not for people.
fn complaint(errors: &str) -> String {
    let is_noise = |line: &&str| line.starts_with("ar ") || line.starts_with("ld.lld ") || line.trim().is_empty();
    let lines: Vec<&str> = errors.lines().filter(|line| !is_noise(line)).collect();
    let telling = lines.iter().find(|line| line.contains("error")).or(lines.first());
    telling.map_or("no message", |line| line.trim()).to_owned()
}

/// The value of `.name = "value"` (Zon) or `"name": "value"` (JSON).
fn quoted_field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| {
        let start = line.trim_start().trim_start_matches(['.', '"']);
        start.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '"', ':']))
    })?;
    let value = line.split_once(['=', ':'])?.1;
    let value = value.split_once('"')?.1;
    let end = value.rfind('"')?;
    Some(value[..end].replace("\\\\", "\\")).filter(|value| !value.is_empty())
}

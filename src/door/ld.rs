//! A session through the ld door: what gcc and clang call as their linker.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::args::control::Backend;
use crate::args::ld::{self, Information, LdCommand};
use crate::args::request::{InputName, LinkRequest, OutputKind};
use crate::args::rspfile;
use crate::diag::{Diagnostic, Origin, Result};
use crate::external::run;
use crate::inputs::kind::{ElfRole, FileKind};
use crate::symbols::supply::NoSupply;
use crate::target::Architecture;

use super::report::print;
use super::{Session, host_architecture, target};

/// Reads the line, and does what it asks for. The result is the exit status.
pub(super) fn run(session: &Session<'_>, arguments: Vec<OsString>) -> Result<u8> {
    let line = rspfile::expand(arguments)?;
    let mut command = ld::parse(line.iter().cloned())?;
    let has_inputs = !command.request.inputs.is_empty() || command.request.script.is_some();
    match command.information {
        Information::None => {}
        Information::Help => {
            print(&ld::help());
            return Ok(0);
        }
        Information::Version => {
            print(&format!("{}\n", ld::version_line()));
            return Ok(0);
        }
        Information::VersionAndLink => print(&format!("{}\n", ld::version_line())),
        Information::EmulationsAndLink => print(&format!("{}\n{}", ld::version_line(), ld::SUPPORTED)),
    }
    if !has_inputs {
        return match command.information {
            Information::None => Err(Diagnostic::error("no-input", "no input files").into()),
            _ => Ok(0),
        };
    }
    command.request.threads = session.environment.threads(command.request.threads)?;
    add_default_paths(&mut command);
    if let Some(file) = dynamic_input(&command) {
        command.request.kind = OutputKind::DynamicExecutable { pie: command.shape.pie };
        tracing::info!("{} is a shared object, so that the executable is a dynamic one", file.display());
    }
    let backend = session.environment.backend(command.control.backend)?;
    let against = against_native(&command, backend);
    if against.is_empty() {
        tracing::info!("cgolink links this itself");
        return link_natively(session, command, backend, &line);
    }
    if backend == Backend::Native {
        let error = Diagnostic::error("not-native", "--backend=native: cgolink cannot make this output itself");
        return Err(against.into_iter().fold(error, Diagnostic::note).into());
    }
    hand_over(session, &command, backend, &line, &against)
}

/// Why another linker has to do it; empty if cgolink does.
fn against_native(command: &LdCommand, backend: Backend) -> Vec<String> {
    let mut reasons = Vec::new();
    if !command.request.kind.is_static() {
        reasons.push("only static executables are linked by cgolink itself yet".to_owned());
    }
    reasons.extend(command.host_only.iter().map(|flag| format!("{flag} needs another linker")));
    if !matches!(backend, Backend::Auto | Backend::Native) {
        reasons.push(format!("--backend={} was asked for", backend.name()));
    }
    reasons
}

fn link_natively(session: &Session<'_>, command: LdCommand, backend: Backend, line: &[OsString]) -> Result<u8> {
    match session.link(&command.request, &NoSupply, &command.warnings) {
        Ok(()) => Ok(0),
        Err(errors) => {
            let refused = errors.iter().find(|error| error.code == "lto-object").map(|error| error.message.clone());
            match refused {
                Some(reason) if backend == Backend::Auto => {
                    hand_over(session, &command, backend, line, &[reason]).map_err(|more| errors.and(more))
                }
                _ => Err(errors),
            }
        }
    }
}

/// Where GNU ld looks without being told, unless `-nostdlib` forbids it.
fn add_default_paths(command: &mut LdCommand) {
    if !command.default_paths {
        return;
    }
    let architecture = command.request.target.map(|target| target.architecture);
    let architecture = architecture.or_else(|| target::of_objects(&command.request)).or_else(host_architecture);
    let Some(architecture) = architecture else { return };
    let sysroot = command.request.sysroot.clone().unwrap_or_default();
    let is_host = Some(architecture) == host_architecture() || command.request.sysroot.is_some();
    let multiarch = |folder: &str| format!("{folder}/{architecture}-linux-gnu");
    let mut folders: Vec<String> = ["/usr/local/lib", "/lib", "/usr/lib"].map(multiarch).to_vec();
    if is_host {
        // Folders without the architecture in their name hold the machine's own libraries.
        let own = ["/usr/local/lib64", "/lib64", "/usr/lib64", "/usr/local/lib", "/lib", "/usr/lib"];
        folders.extend(own.map(String::from));
    }
    let below = |folder: String| join(&sysroot, &folder);
    command.request.library_paths.extend(folders.into_iter().map(below).filter(|folder| folder.is_dir()));
}

/// `folder`, an absolute path, below `sysroot`.
fn join(sysroot: &Path, folder: &str) -> PathBuf {
    let mut path = sysroot.as_os_str().to_owned();
    path.push(folder);
    PathBuf::from(path)
}

/// A shared object that makes an executable dynamic although no flag says that it is, if there is one.
fn dynamic_input(command: &LdCommand) -> Option<PathBuf> {
    let request = &command.request;
    if request.kind != OutputKind::StaticExecutable || command.shape.static_link {
        return None;
    }
    request.inputs.iter().find_map(|input| match &input.what {
        InputName::File(path) => is_shared_object(path).then(|| path.clone()),
        InputName::Library(_) if input.modifiers.only_static => None,
        InputName::Library(name) => shared_library(request, name),
        InputName::CppLibrary => None,
    })
}

/// The shared library that `-lNAME` finds, if it finds one before an archive.
fn shared_library(request: &LinkRequest, name: &str) -> Option<PathBuf> {
    for folder in &request.library_paths {
        let folder = below_sysroot(request, folder);
        let (shared, archive) = match name.strip_prefix(':') {
            Some(file) => (folder.join(file), None),
            None => (folder.join(format!("lib{name}.so")), Some(folder.join(format!("lib{name}.a")))),
        };
        if shared.is_file() {
            return (archive.is_some() || is_shared_object(&shared)).then_some(shared);
        }
        if archive.is_some_and(|archive| archive.is_file()) {
            return None;
        }
    }
    None
}

fn below_sysroot(request: &LinkRequest, folder: &Path) -> PathBuf {
    let bytes = folder.as_os_str().as_bytes();
    let rest = bytes.strip_prefix(b"=").or_else(|| bytes.strip_prefix(b"$SYSROOT"));
    match (rest, &request.sysroot) {
        (None, _) => folder.to_owned(),
        (Some(rest), None) => PathBuf::from(OsStr::from_bytes(rest)),
        (Some(rest), Some(sysroot)) => {
            let mut path = sysroot.as_os_str().to_owned();
            path.push(OsStr::from_bytes(rest));
            PathBuf::from(path)
        }
    }
}

fn is_shared_object(path: &Path) -> bool {
    let mut head = Vec::with_capacity(512);
    let read = File::open(path).and_then(|file| file.take(512).read_to_end(&mut head));
    read.is_ok() && matches!(FileKind::of(&head), FileKind::Elf(kind) if kind.role == ElfRole::Shared)
}

/// Gives the line, as typed but for cgolink's own flags, to another linker.
fn hand_over(
    session: &Session<'_>,
    command: &LdCommand,
    backend: Backend,
    line: &[OsString],
    reasons: &[String],
) -> Result<u8> {
    for reason in reasons {
        tracing::info!("{reason}");
    }
    if session.environment.handed_off == Some(run::Guard::Linker) {
        let message = "a linker that cgolink handed a link to has started cgolink";
        return Err(Diagnostic::error("self-reference", message).into());
    }
    let architecture = command.request.target.map(|target| target.architecture);
    let architecture = architecture.or_else(|| target::of_objects(&command.request)).or_else(host_architecture);
    let names = linkers(backend, architecture);
    let found = names.iter().find_map(|words| {
        let files = run::find_programs(&words[0], &session.environment.path);
        let file = files.into_iter().find(|file| !run::is_self(file))?;
        Some([vec![file.into_os_string()], words[1..].iter().map(OsString::from).collect()].concat())
    });
    let Some(mut argv) = found else {
        let names: Vec<String> = names.iter().map(|words| words.join(" ")).collect();
        let message = "the link has to be handed to another linker, and none is installed";
        let error = Diagnostic::error("no-linker", message).note(format!("looked for: {}", names.join(", ")));
        let error = reasons.iter().cloned().fold(error, Diagnostic::note);
        return Err(error.help("install binutils, lld or zig").into());
    };
    argv.extend(without_own_flags(line));
    tracing::info!("running {}", Path::new(&argv[0]).display());
    let status = run::run(&argv, &session.environment.path, run::Guard::Linker)?;
    if status >= 128 {
        let message = format!("the linker ended with status {status}");
        return Err(Diagnostic::error("linker-failed", message).at(Origin::file(&argv[0])).into());
    }
    Ok(status)
}

/// Linkers to try, best first, as words.
fn linkers(backend: Backend, architecture: Option<Architecture>) -> Vec<Vec<String>> {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let gnu: Vec<Vec<String>> = match architecture {
        Some(architecture) if Some(architecture) != host_architecture() => {
            vec![words(&format!("{architecture}-linux-gnu-ld")), words(&format!("{architecture}-linux-musl-ld"))]
        }
        _ => vec![words("ld.bfd"), words("ld")],
    };
    let (lld, zig) = (words("ld.lld"), words("zig ld.lld"));
    match backend {
        Backend::Zig => vec![zig],
        Backend::Gcc | Backend::MuslGcc => gnu,
        Backend::Clang => [vec![lld], gnu].concat(),
        Backend::Auto | Backend::Native => [gnu, vec![lld, zig]].concat(),
    }
}

/// The line without `--backend` and `--error-format`.
fn without_own_flags(line: &[OsString]) -> Vec<OsString> {
    let mut kept = Vec::with_capacity(line.len());
    let mut rest = line.iter();
    while let Some(argument) = rest.next() {
        let own = ld::recognise(argument).filter(|known| matches!(known.names, ["backend"] | ["error-format"]));
        match own {
            Some(known) if known.wants_next => {
                rest.next();
            }
            Some(_) => {}
            None => kept.push(argument.clone()),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_linkers_do_not_see_cgolinks_flags() {
        let line = ["--backend=auto", "-o", "x", "--error-format", "json", "a.o"].map(OsString::from);
        assert_eq!(without_own_flags(&line), ["-o", "x", "a.o"]);
    }

    #[test]
    fn linkers_fit_the_architecture() {
        let other = Architecture::ALL.into_iter().find(|one| Some(*one) != host_architecture());
        let names = linkers(Backend::Auto, other);
        assert!(names[0][0].ends_with("-linux-gnu-ld") && names.contains(&vec!["ld.lld".to_owned()]));
        assert_eq!(linkers(Backend::Zig, None), [["zig".to_owned(), "ld.lld".to_owned()]]);
    }

    #[test]
    fn a_shared_library_makes_the_executable_dynamic() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["libboth.so", "libboth.a", "libold.a"] {
            std::fs::write(path(name), b"x").unwrap();
        }
        let command = |flags: &str| {
            let line = format!("a.o -L{} {flags}", folder.path().display());
            ld::parse(line.split_whitespace().map(OsString::from)).unwrap()
        };
        assert_eq!(dynamic_input(&command("-lboth")), Some(path("libboth.so")));
        assert_eq!(dynamic_input(&command("-lold")), None);
        assert_eq!(dynamic_input(&command("-Bstatic -lboth")), None);
        assert_eq!(dynamic_input(&command("-static -lboth")), None);
    }
}

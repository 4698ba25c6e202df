//! What is linked for: from the triple, the compiler's name, Rust's libraries, the objects, the go command, the machine, in this
//! order.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;

use crate::args::cc::CcCommand;
use crate::args::cc::words::{Word, words};
use crate::args::request::{InputName, LinkRequest};
use crate::external::toolchain::{CompilerCommand, CompilerFamily};
use crate::inputs::kind::FileKind;
use crate::target::{Architecture, Libc, Target};

use super::{Environment, host_architecture};

/// A target that is certainly none of cgolink's, as it was named: then not even the flags are cgolink's to judge.
pub(super) fn foreign(line: &[OsString], named: Option<&CompilerCommand>, environment: &Environment) -> Option<String> {
    let typed = words(line).into_iter().rev().find_map(|word| match word {
        Word::Driver(word) if matches!(word.flag.as_str(), "--target=" | "-target=" | "--target" | "-target") => {
            Some(word.value?.to_string_lossy().into_owned())
        }
        _ => None,
    });
    if let Some(triple) = typed.or_else(|| named?.triple.clone()) {
        return triple.parse::<Target>().is_err().then_some(triple);
    }
    let system = environment.goos.as_ref()?.to_string_lossy();
    let architecture = environment.goarch.as_ref().map(|name| name.to_string_lossy()).unwrap_or_default();
    (system != "linux").then(|| format!("{system}/{architecture}"))
}

/// The target of a driver's line; `None` if it is none that cgolink knows.
pub(super) fn of_driver(
    command: &CcCommand,
    named: Option<&CompilerCommand>,
    environment: &Environment,
) -> Option<Target> {
    let libc = match named.map(|compiler| compiler.family) {
        Some(CompilerFamily::MuslGcc) => Some(Libc::Musl),
        _ => None,
    };
    if let Some(triple) = &command.driver.triple {
        let target: Target = triple.parse().ok()?;
        // zig takes musl where a Linux triple names no C library.
        let zig = named.is_some_and(|compiler| compiler.family == CompilerFamily::Zig);
        return Some(Target { libc: target.libc.or(zig.then_some(Libc::Musl)).or(libc), ..target });
    }
    if let Some(target) = named.and_then(CompilerCommand::target) {
        return Some(target);
    }
    let request = &command.link.request;
    let rust = of_rust(request);
    let architecture = request
        .target
        .or(rust)
        .map(|target| target.architecture)
        .or_else(|| of_objects(request))
        .or_else(|| of_goarch(environment))
        .or_else(|| command.arguments.iter().any(|argument| argument == "-m64").then_some(Architecture::X86_64))
        .or_else(host_architecture)?;
    Some(Target { architecture, libc: libc.or(rust.and_then(|target| target.libc)) })
}

/// What Rust's own libraries among the inputs are compiled for: rustc tells its linker no target, but they lie in a folder of
/// this name. What is compiled for glibc does not go with musl.
fn of_rust(request: &LinkRequest) -> Option<Target> {
    request.inputs.iter().find_map(|input| {
        let InputName::File(path) = &input.what else { return None };
        let mut folders = path.iter().skip_while(|folder| *folder != "rustlib");
        folders.nth(1)?.to_str()?.parse().ok()
    })
}

/// The architecture of the first object among the inputs.
pub(super) fn of_objects(request: &LinkRequest) -> Option<Architecture> {
    request.inputs.iter().find_map(|input| match &input.what {
        InputName::File(path) => {
            let mut head = Vec::with_capacity(HEAD);
            File::open(path).ok()?.take(HEAD as u64).read_to_end(&mut head).ok()?;
            match FileKind::of(&head) {
                FileKind::Elf(kind) => Architecture::from_elf_machine(kind.machine),
                _ => None,
            }
        }
        InputName::Library(_) | InputName::CppLibrary => None,
    })
}

/// As many bytes as [`FileKind::of`] looks at.
const HEAD: usize = 512;

fn of_goarch(environment: &Environment) -> Option<Architecture> {
    let goarch = environment.goarch.as_ref()?;
    Architecture::ALL.into_iter().find(|architecture| goarch == architecture.goarch())
}

/// Whether an executable is dynamic if no flag says so. zig links musl statically, and so does this door where the
/// target is musl and no compiler for it is named; every other driver links dynamically.
pub(super) fn is_dynamic_by_default(target: Option<Target>, named: Option<&CompilerCommand>) -> bool {
    if target.and_then(|target| target.libc) != Some(Libc::Musl) {
        return true;
    }
    match named {
        Some(compiler) if compiler.family == CompilerFamily::Zig => false,
        Some(compiler) if compiler.family == CompilerFamily::MuslGcc => true,
        Some(compiler) => compiler.target().is_some_and(|own| own.libc == Some(Libc::Musl)),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::cc;

    fn split(text: &str) -> Vec<OsString> {
        text.split_whitespace().map(OsString::from).collect()
    }

    fn target(cc: &str, line: &str, goarch: &str) -> Option<String> {
        let named = CompilerCommand::from_words(&split(cc));
        let environment = Environment { goarch: Some(goarch.into()), ..Environment::default() };
        let command = cc::parse(split(line)).unwrap();
        of_driver(&command, named.as_ref(), &environment).map(|target| target.to_string())
    }

    #[test]
    fn the_order_is_fixed() {
        let is = |triple: &str| Some(triple.to_owned());
        assert_eq!(target("gcc", "--target=aarch64-linux-musl", "amd64"), is("aarch64-linux-musl"));
        assert_eq!(target("zig cc", "--target=aarch64-linux", "amd64"), is("aarch64-linux-musl"));
        assert_eq!(target("aarch64-linux-gnu-gcc", "-m64", "amd64"), is("aarch64-linux-gnu"));
        assert_eq!(target("gcc", "-Wl,-m,aarch64linux", "amd64"), is("aarch64-linux"));
        assert_eq!(target("musl-gcc", "a.o", "arm64"), is("aarch64-linux-musl"));
        assert_eq!(target("gcc", "-m64 a.o", "386"), is("x86_64-linux"));
        assert_eq!(target("zig cc", "--target=x86_64-windows-gnu", "amd64"), None);
    }

    #[test]
    fn rusts_libraries_tell_the_c_library() {
        let line = |triple: &str| format!("-m64 a.o /r/lib/rustlib/{triple}/lib/libstd-1.rlib -lc");
        let is = |triple: &str| Some(triple.to_owned());
        assert_eq!(target("gcc", &line("x86_64-unknown-linux-gnu"), "amd64"), is("x86_64-linux-gnu"));
        assert_eq!(target("gcc", &line("aarch64-unknown-linux-musl"), "amd64"), is("aarch64-linux-musl"));
        assert_eq!(target("gcc", &line("etc"), "amd64"), is("x86_64-linux"));
        for named in ["zig cc --target=x86_64-linux-musl", "musl-gcc"] {
            assert_eq!(target(named, &line("x86_64-unknown-linux-gnu"), "amd64"), is("x86_64-linux-musl"), "{named}");
        }
        assert_eq!(target("gcc", "-m64 a.o -L /r/rustlib /x/rustlib", "amd64"), is("x86_64-linux"));
    }

    #[test]
    fn foreign_targets_are_known_by_triple_or_system() {
        let foreign = |cc: &str, line: &str, goos: &str| {
            let environment = Environment { goos: Some(goos.into()), ..Environment::default() };
            foreign(&split(line), CompilerCommand::from_words(&split(cc)).as_ref(), &environment)
        };
        assert_eq!(foreign("zig cc", "--target=x86_64-windows-gnu a.o", "linux").unwrap(), "x86_64-windows-gnu");
        assert_eq!(foreign("zig cc -target aarch64-macos", "-arch arm64 a.o", "darwin").unwrap(), "aarch64-macos");
        assert_eq!(foreign("clang", "-Wl,-headerpad,1144 a.o", "darwin").unwrap(), "darwin/");
        assert_eq!(foreign("gcc", "a.o", "linux"), None);
        assert_eq!(foreign("gcc", "--target=x86_64-linux-musl a.o", "darwin"), None);
    }

    #[test]
    fn reads_the_architecture_of_an_object() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.o");
        let mut object = vec![0u8; 64];
        object[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        object[16] = 1;
        object[18..20].copy_from_slice(&object::elf::EM_AARCH64.to_le_bytes());
        std::fs::write(&path, object).unwrap();
        let line = format!("-m64 /no/such/file.o {}", path.display());
        assert_eq!(target("gcc", &line, "amd64"), Some("aarch64-linux".to_owned()));
    }

    #[test]
    fn musl_is_static_where_zig_would_link_it() {
        let dynamic = |triple: &str, cc: &str| {
            is_dynamic_by_default(triple.parse().ok(), CompilerCommand::from_words(&split(cc)).as_ref())
        };
        assert!(!dynamic("x86_64-linux-musl", "zig cc --target=x86_64-linux-musl"));
        assert!(!dynamic("x86_64-linux-musl", ""));
        assert!(!dynamic("x86_64-linux-musl", "gcc"));
        assert!(dynamic("x86_64-linux-musl", "musl-gcc"));
        assert!(dynamic("aarch64-linux-musl", "aarch64-linux-musl-gcc"));
        assert!(dynamic("x86_64-linux-gnu", "zig cc"));
    }
}

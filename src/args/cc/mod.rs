//! The cc door: command lines of gcc and clang, as drivers of a link.
//!
//! A driver's line is turned into a GNU ld line: every argument that is about linking becomes the arguments that a
//! driver would pass to `ld`, in the same order, and [`super::ld`] reads the result. What a driver adds by itself (start
//! files, the C library) depends on the machine and is added by the caller, who reads [`Driver`] for it.

mod compile;
mod linking;
pub mod words;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::control::{Control, Controlled};
use super::flag::{self, Flag, Given};
use super::ld::{self, LdCommand};
use super::request::{InputName, OutputKind};
use crate::diag::{Diagnostic, Diagnostics, Result};

/// A driver's command line, read.
#[derive(Clone, PartialEq, Debug)]
pub struct CcCommand {
    /// What is to be done.
    pub action: Action,
    /// The link, without what the driver adds. Its `kind` is preliminary: see [`CcCommand::kind`].
    pub link: LdCommand,
    /// What only a driver knows.
    pub driver: Driver,
    /// The line itself, response files expanded, for the compiler where it takes part.
    pub arguments: Vec<OsString>,
}

/// What a driver is asked to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Link, after compiling the sources.
    Link,
    /// `-c`, `-S`, `-E`, `-M`, `-fsyntax-only`: nothing is linked. The flag.
    Compile(String),
    /// `-dumpmachine`, `-print-file-name=`: a question to the compiler. The flag.
    Ask(String),
    /// `--version`, or `-v` without inputs.
    Version,
    /// `-Wl,--version`: the linker's version, in the form of the linker that `-fuse-ld=` names.
    LinkerVersion {
        /// `-fuse-ld=gold`: cmd/link wants to read "GNU gold".
        gold: bool,
    },
    /// `--help`.
    Help,
}

/// The language of a source, as `-x` names it or the file's ending tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// As typed.
    pub path: PathBuf,
    /// `-x LANGUAGE` in force where it stood.
    pub language: Option<String>,
}

/// What concerns the driver rather than the linker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Driver {
    /// `--target`, as typed.
    pub triple: Option<String>,
    /// `crt1.o` and its like are added: not `-nostartfiles`, `-nostdlib`, `-r`.
    pub start_files: bool,
    /// The compiler's runtime is added: not `-nodefaultlibs`, `-nostdlib`, `-r`.
    pub runtime_library: bool,
    /// The C library is added: not `-nolibc` or what leaves out the runtime too.
    pub c_library: bool,
    /// `--driver-mode=g++`: the C++ runtime is added.
    pub cxx: bool,
    /// The C++ library may be added: not `-nostdlib++` or what leaves out the runtime too.
    pub cxx_library: bool,
    /// `-no-pie`, `-static` and the like were given, so that the kind does not depend on the compiler's defaults.
    pub pie: Option<bool>,
    /// Inputs that have to be compiled first.
    pub sources: Vec<Source>,
    /// What the compiler gets besides a source: `-O2`, `-g`, `-D`.
    pub compile_flags: Vec<OsString>,
    /// `-B`: where start files and programs are looked for first.
    pub prefixes: Vec<PathBuf>,
    /// `-fuse-ld=`.
    pub use_ld: Option<String>,
    /// `-fsanitize=` minus `-fno-sanitize=`, in order.
    pub sanitizers: Vec<String>,
    /// `-pthread`: where threads are a library of their own, it is wanted.
    pub threads: bool,
    /// `-v`.
    pub verbose: bool,
    /// `-###`: say what would be done, and do nothing.
    pub dry_run: bool,
}

impl CcCommand {
    /// The kind of output; `dynamic` says what an executable is if no flag says so, which is the compiler's choice.
    pub fn kind(&self, dynamic: bool) -> OutputKind {
        self.link.shape.kind(dynamic)
    }

    /// Whether there is anything to link or compile.
    pub fn has_inputs(&self) -> bool {
        !self.link.request.inputs.is_empty()
    }
}

/// What the flags work on.
struct State {
    action: Option<Action>,
    driver: Driver,
    control: Control,
    /// What `ld` would be given.
    linker: Vec<OsString>,
    /// Flags that need another driver.
    host_only: Vec<String>,
    /// `-x`.
    language: Option<String>,
    shape: ShapeFlags,
}

/// Among these the last one wins, as gcc documents for the pie flags; `-static` is apart.
#[derive(Clone, Copy, Default)]
struct ShapeFlags {
    last: Option<ShapeFlag>,
    is_static: bool,
    relocatable: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ShapeFlag {
    Pie,
    NoPie,
    StaticPie,
    Shared,
}

impl Controlled for State {
    fn control(&mut self) -> &mut Control {
        &mut self.control
    }
}

impl State {
    fn new() -> Self {
        State {
            action: None,
            driver: Driver {
                triple: None,
                start_files: true,
                runtime_library: true,
                c_library: true,
                cxx: false,
                cxx_library: true,
                pie: None,
                sources: Vec::new(),
                compile_flags: Vec::new(),
                prefixes: Vec::new(),
                use_ld: None,
                sanitizers: Vec::new(),
                threads: false,
                verbose: false,
                dry_run: false,
            },
            control: Control::default(),
            linker: Vec::new(),
            host_only: Vec::new(),
            language: None,
            shape: ShapeFlags::default(),
        }
    }

    fn give_linker(&mut self, argument: impl Into<OsString>) {
        self.linker.push(argument.into());
    }

    /// The flag and its value, as they were typed, for the compiler.
    fn give_compiler(&mut self, given: &Given<'_>, joined: bool) {
        let mut argument = OsString::from(given.flag);
        match given.value {
            Some(value) if joined => argument.push(value),
            Some(value) => {
                self.driver.compile_flags.push(argument);
                argument = value.to_owned();
            }
            None => {}
        }
        self.driver.compile_flags.push(argument);
    }

    fn host_only(&mut self, given: &Given<'_>) {
        self.host_only.push(format!("{}{}", given.flag, given.raw().to_string_lossy()));
    }

    fn input(&mut self, argument: &OsStr) {
        if self.language.is_some() || is_source(Path::new(argument)) {
            self.driver.sources.push(Source { path: argument.into(), language: self.language.clone() });
        }
        self.give_linker(argument);
    }

    fn take(&mut self, argument: &OsStr, rest: &mut impl Iterator<Item = OsString>) -> Result<()> {
        if argument == "-" || !argument.as_bytes().starts_with(b"-") {
            self.input(argument);
            return Ok(());
        }
        let found = flag::find_driver(TABLES, argument).ok_or_else(|| {
            let names = TABLES.iter().flat_map(|table| table.iter()).flat_map(|entry| entry.names.iter().copied());
            flag::unknown_flag(argument, names)
        })?;
        let next = if found.wants_next() { Some(flag::take_value(&found.flag, rest)?) } else { None };
        let value = found.attached.or(next.as_deref());
        (found.entry.apply)(self, &Given { flag: &found.flag, value })
    }

    /// What the shape flags mean to `ld`, given first as drivers do.
    fn shape_arguments(&mut self) -> Vec<OsString> {
        let ShapeFlags { last, is_static, relocatable } = self.shape;
        if relocatable {
            self.driver.start_files = false;
            self.driver.runtime_library = false;
            self.driver.c_library = false;
            self.driver.cxx_library = false;
        }
        self.driver.pie = match last {
            Some(ShapeFlag::Pie | ShapeFlag::StaticPie) => Some(!is_static || last == Some(ShapeFlag::StaticPie)),
            Some(ShapeFlag::NoPie) => Some(false),
            Some(ShapeFlag::Shared) | None => is_static.then_some(false),
        };
        let flags: &[&str] = match last {
            _ if relocatable => &["-r"],
            Some(ShapeFlag::Shared) => &["-shared"],
            Some(ShapeFlag::StaticPie) => &["-static", "-pie", "--no-dynamic-linker"],
            _ if is_static => &["-static"],
            Some(ShapeFlag::Pie) => &["-pie"],
            _ => &[],
        };
        flags.iter().map(OsString::from).collect()
    }

    fn finish(mut self, arguments: Vec<OsString>, errors: Vec<Diagnostic>) -> Result<CcCommand> {
        let mut line = self.shape_arguments();
        line.append(&mut self.linker);
        let link = match (ld::parse(line), Diagnostics::check((), errors)) {
            (Ok(link), Ok(())) => link,
            (Ok(_), Err(errors)) | (Err(errors), Ok(())) => return Err(errors),
            (Err(linker), Err(driver)) => return Err(driver.and(linker)),
        };
        let mut command = CcCommand { action: Action::Link, link, driver: self.driver, arguments };
        let control = &mut command.link.control;
        control.backend = self.control.backend.or(control.backend);
        control.error_format = self.control.error_format.or(control.error_format);
        control.verbose |= command.driver.verbose;
        command.link.host_only.append(&mut self.host_only);
        let gold = command.driver.use_ld.as_deref() == Some("gold");
        command.action = match (self.action, command.link.information) {
            (Some(action), _) => action,
            (None, ld::Information::Version | ld::Information::Help) => Action::LinkerVersion { gold },
            (None, ld::Information::VersionAndLink | ld::Information::EmulationsAndLink) if !command.has_inputs() => {
                Action::LinkerVersion { gold }
            }
            (None, _) if command.driver.verbose && !command.has_inputs() => Action::Version,
            (None, _) => Action::Link,
        };
        Ok(command)
    }
}

const TABLES: &[&[Flag<State>]] = &[linking::FLAGS, compile::FLAGS];

/// Reads a driver's command line: what stands after the program's name, response files already expanded, the flags of
/// `$CC` in front.
///
/// Errors: all the flags that are unknown, lack a value or have a wrong one, those of `-Wl,` included.
pub fn parse(arguments: Vec<OsString>) -> Result<CcCommand> {
    let mut state = State::new();
    let mut errors = Vec::new();
    let mut rest = arguments.iter().cloned();
    while let Some(argument) = rest.next() {
        if let Err(found) = state.take(&argument, &mut rest) {
            errors.extend(found);
        }
    }
    drop(rest);
    state.finish(arguments, errors)
}

/// Whether a driver would compile this file: its ending is one of C, C++, Objective-C, assembler, Fortran or IR.
pub fn is_source(path: &Path) -> bool {
    const ENDINGS: [&str; 30] = [
        "c", "i", "cc", "cp", "cxx", "cpp", "CPP", "c++", "C", "ii", "h", "hh", "hpp", "hxx", "m", "mi", "mm", "M",
        "mii", "s", "S", "sx", "f", "F", "for", "f90", "F90", "ll", "d", "adb",
    ];
    path.extension().and_then(OsStr::to_str).is_some_and(|ending| ENDINGS.contains(&ending))
}

impl Driver {
    /// Whether `input` is one of the sources.
    pub fn is_source(&self, input: &InputName) -> bool {
        matches!(input, InputName::File(path) if self.sources.iter().any(|source| source.path == *path))
    }
}

#[cfg(test)]
mod tests;

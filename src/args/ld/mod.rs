//! The ld door: GNU ld command lines. What each flag means is what GNU ld's manual says; the flags are data in
//! the tables of [`inputs`], [`symbols`], [`image`] and [`accepted`].

mod accepted;
mod image;
mod inputs;
mod symbols;
mod zkeywords;

use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::control::{self, Control, Controlled};
use super::flag::{self, Flag, Given, Takes};
use super::request::{Input, InputModifiers, InputName, LinkRequest, OutputKind, Unresolved};
use crate::diag::{Diagnostic, Diagnostics, Result};

/// A GNU ld command line, read.
#[derive(Clone, PartialEq, Debug)]
pub struct LdCommand {
    /// The link that is asked for.
    pub request: LinkRequest,
    /// What decides the kind of the output.
    pub shape: Shape,
    /// What to print, and whether anything is linked after that.
    pub information: Information,
    /// Backend, error format, verbosity.
    pub control: Control,
    /// Flags that are understood but that only another linker carries out, as typed.
    pub host_only: Vec<String>,
    /// Whether libraries are looked for in the system's folders too: not with `-nostdlib`.
    pub default_paths: bool,
    /// Remarks that do not stop the link.
    pub warnings: Vec<Diagnostic>,
}

/// Requests for information.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Information {
    /// None.
    #[default]
    None,
    /// `-v`: the version, then the link if there are inputs.
    VersionAndLink,
    /// `-V`: the version and the emulations, then the link if there are inputs.
    EmulationsAndLink,
    /// `--version`.
    Version,
    /// `--help`.
    Help,
}

/// The flags that decide what kind of file is made.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Shape {
    /// `-r`.
    pub relocatable: bool,
    /// `-shared`.
    pub shared: bool,
    /// `-pie`.
    pub pie: bool,
    /// `-static`.
    pub static_link: bool,
    /// `--no-dynamic-linker`.
    pub no_dynamic_linker: bool,
}

impl Shape {
    /// The kind of output; `dynamic` says what an executable is if no flag says so.
    pub fn kind(&self, dynamic: bool) -> OutputKind {
        let is_static = self.static_link || self.no_dynamic_linker || !dynamic;
        match (self.relocatable, self.shared, is_static, self.pie) {
            (true, ..) => OutputKind::Relocatable,
            (_, true, ..) => OutputKind::SharedObject,
            (_, _, true, true) => OutputKind::StaticPie,
            (_, _, true, false) => OutputKind::StaticExecutable,
            (_, _, false, pie) => OutputKind::DynamicExecutable { pie },
        }
    }
}

/// What the flags work on while the command line is read.
struct State {
    command: LdCommand,
    /// The positional switches in force.
    modifiers: InputModifiers,
    /// `--push-state`.
    saved: Vec<InputModifiers>,
    in_group: bool,
    unresolved: UnresolvedFlags,
    errors: Vec<Diagnostic>,
}

/// GNU ld keeps apart whether unresolved symbols are reported and how loudly.
#[derive(Clone, Copy, Default)]
struct UnresolvedFlags {
    ignore: bool,
    warn: bool,
}

impl Controlled for State {
    fn control(&mut self) -> &mut Control {
        &mut self.command.control
    }
}

impl State {
    fn new() -> Self {
        State {
            command: LdCommand {
                request: LinkRequest { output_named: false, ..LinkRequest::new("a.out", OutputKind::StaticExecutable) },
                shape: Shape::default(),
                information: Information::None,
                control: Control::default(),
                host_only: Vec::new(),
                default_paths: true,
                warnings: Vec::new(),
            },
            modifiers: InputModifiers::default(),
            saved: Vec::new(),
            in_group: false,
            unresolved: UnresolvedFlags::default(),
            errors: Vec::new(),
        }
    }

    fn request(&mut self) -> &mut LinkRequest {
        &mut self.command.request
    }

    fn input(&mut self, what: InputName) {
        let modifiers = self.modifiers;
        self.command.request.inputs.push(Input { what, modifiers });
    }

    /// Notes a flag that only another linker carries out.
    fn host_only(&mut self, given: &Given<'_>) {
        let mut typed = given.flag.to_owned();
        if let Some(value) = given.value {
            let _ = write!(typed, "={}", value.to_string_lossy()); // writing to a String cannot fail
        }
        self.command.host_only.push(typed);
    }

    /// Reads one argument and, where it is a flag with a separate value, the next.
    fn take(&mut self, argument: &OsStr, rest: &mut impl Iterator<Item = OsString>) -> Result<()> {
        if argument == "-" || !argument.as_bytes().starts_with(b"-") {
            self.input(InputName::File(PathBuf::from(argument)));
            return Ok(());
        }
        let found = flag::find_gnu(TABLES, argument)
            .ok_or_else(|| flag::unknown_flag(argument, TABLES.iter().flat_map(|table| names(table))))?;
        let next = if found.wants_next() { Some(flag::take_value(&found.flag, rest)?) } else { None };
        let value = found.attached.or(next.as_deref());
        (found.entry.apply)(self, &Given { flag: &found.flag, value })
    }

    fn finish(mut self) -> Result<LdCommand> {
        self.command.request.symbol_policy.unresolved = match self.unresolved {
            UnresolvedFlags { ignore: true, .. } => Unresolved::Ignore,
            UnresolvedFlags { warn: true, .. } => Unresolved::Warn,
            _ => Unresolved::Error,
        };
        let dynamic = self.command.request.dynamic.interpreter.is_some() || self.command.shape.pie;
        self.command.request.kind = self.command.shape.kind(dynamic);
        Diagnostics::check(self.command, self.errors)
    }
}

const TABLES: &[&[Flag<State>]] =
    &[&CONTROL, inputs::FLAGS, symbols::FLAGS, image::FLAGS, INFORMATION, accepted::FLAGS];

const CONTROL: [Flag<State>; 2] = control::gnu_flags();

const INFORMATION: &[Flag<State>] = &[
    flag_nothing(&["v"], |state, _| inform(state, Information::VersionAndLink), "Print the version"),
    flag_nothing(
        &["V"],
        |state, _| inform(state, Information::EmulationsAndLink),
        "Print the version and the emulations",
    ),
    flag_nothing(&["version"], |state, _| inform(state, Information::Version), "Print the version and exit"),
    flag_nothing(&["help"], |state, _| inform(state, Information::Help), "Print this and exit"),
    Flag {
        names: &["verbose"],
        takes: Takes::Optional,
        apply: |state, _| {
            state.command.control.verbose = true;
            Ok(())
        },
        help: "Say what is decided and why",
    },
];

type Apply = fn(&mut State, &Given<'_>) -> Result<()>;

const fn flag_nothing(names: &'static [&'static str], apply: Apply, help: &'static str) -> Flag<State> {
    Flag { names, takes: Takes::Nothing, apply, help }
}

const fn flag_value(names: &'static [&'static str], apply: Apply, help: &'static str) -> Flag<State> {
    Flag { names, takes: Takes::Value, apply, help }
}

const fn flag_optional(names: &'static [&'static str], apply: Apply, help: &'static str) -> Flag<State> {
    Flag { names, takes: Takes::Optional, apply, help }
}

fn inform(state: &mut State, what: Information) -> Result<()> {
    state.command.information = what;
    Ok(())
}

fn names(table: &[Flag<State>]) -> impl Iterator<Item = &'static str> {
    table.iter().flat_map(|entry| entry.names.iter().copied())
}

/// Reads a command line: what stands after the program's name, response files already expanded.
///
/// Errors: all the flags that are unknown, lack a value or have a wrong one. That there are no inputs is no error here.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<LdCommand> {
    let mut state = State::new();
    let mut rest = arguments.into_iter();
    while let Some(argument) = rest.next() {
        if let Err(errors) = state.take(&argument, &mut rest) {
            state.errors.extend(errors);
        }
    }
    state.finish()
}

/// A flag recognised, but not acted on.
pub struct Recognised {
    /// All its names, without dashes.
    pub names: &'static [&'static str],
    /// The value that stands in the same argument.
    pub value: Option<OsString>,
    /// Whether the value is the next argument.
    pub wants_next: bool,
}

/// The flag that `argument` is; `None` if it is a file or unknown.
pub fn recognise(argument: &OsStr) -> Option<Recognised> {
    let found = flag::find_gnu(TABLES, argument)?;
    let wants_next = found.wants_next();
    Some(Recognised { names: found.entry.names, value: found.attached.map(OsStr::to_owned), wants_next })
}

/// The first line of `-v` and `--version`. Build systems look for "GNU" in it; none of its lines starts with "GNU ld ",
/// behind which cmd/link would look for the number of a GNU release.
pub fn version_line() -> String {
    format!("cgolink {} (compatible with GNU linkers)", env!("CARGO_PKG_VERSION"))
}

/// What `-V` prints after the version, and `--help` at its end. libtool looks for "supported targets:".
pub const SUPPORTED: &str = "cgolink: supported targets: elf64-x86-64 elf64-littleaarch64\n\
cgolink: supported emulations: elf_x86_64 aarch64linux\n";

/// The text of `--help`.
pub fn help() -> String {
    let mut text = String::from("Usage: ld [options] file...\nOptions:\n");
    let mut accepted = Vec::new();
    for entry in TABLES.iter().flat_map(|table| table.iter()) {
        let value = match entry.takes {
            Takes::Value => " VALUE",
            Takes::Optional => "[=VALUE]",
            Takes::Nothing | Takes::Rest => "",
        };
        let names: Vec<String> = entry
            .names
            .iter()
            .map(|name| if name.len() == 1 { format!("-{name}") } else { format!("--{name}") })
            .collect();
        if entry.help.is_empty() {
            accepted.push(format!("{}{value}", names.join(", ")));
        } else {
            let left = format!("  {}{value}", names.join(", "));
            let gap = if left.len() < 30 { "" } else { "\n" };
            let width = if left.len() < 30 { 30 } else { 0 };
            let indent = if gap.is_empty() { "" } else { "                              " };
            let _ = writeln!(text, "{left:width$}{gap}{indent}{}", entry.help); // writing to a String cannot fail
        }
    }
    let _ = write!(text, "Accepted, without a difference to the output:\n  {}\n{SUPPORTED}", accepted.join("\n  "));
    text
}

#[cfg(test)]
mod tests;

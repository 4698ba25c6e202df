//! What steers cgolink itself rather than the link: the backend, the form of the errors. Every door takes these flags.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::str::FromStr;

use super::flag::{Flag, Takes};

/// Who makes the output: `--backend=`, `CGOLINK_BACKEND`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
pub enum Backend {
    /// cgolink for what it can link itself, else the compiler that `$CC` or the target calls for.
    #[default]
    Auto,
    /// cgolink, or an error.
    Native,
    /// `zig cc`.
    Zig,
    /// gcc, the one for the target.
    Gcc,
    /// musl-gcc, of Debian's musl-tools and its like.
    MuslGcc,
    /// clang with its `--target`.
    Clang,
}

impl Backend {
    /// All, in the order in which help lists them.
    pub const ALL: [Backend; 6] =
        [Backend::Auto, Backend::Native, Backend::Zig, Backend::Gcc, Backend::MuslGcc, Backend::Clang];

    /// As typed.
    pub const fn name(self) -> &'static str {
        match self {
            Backend::Auto => "auto",
            Backend::Native => "native",
            Backend::Zig => "zig",
            Backend::Gcc => "gcc",
            Backend::MuslGcc => "musl-gcc",
            Backend::Clang => "clang",
        }
    }
}

impl FromStr for Backend {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Backend::ALL.into_iter().find(|backend| backend.name() == name).ok_or_else(|| {
            let names: Vec<&str> = Backend::ALL.iter().map(|backend| backend.name()).collect();
            format!("'{name}' is no backend; there are {}", names.join(", "))
        })
    }
}

/// How diagnostics are printed: `--error-format=`, `CGOLINK_ERROR_FORMAT`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum ErrorFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl FromStr for ErrorFormat {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "text" => Ok(ErrorFormat::Text),
            "json" => Ok(ErrorFormat::Json),
            _ => Err(format!("'{name}' is no error format; there are text and json")),
        }
    }
}

/// What was said on the command line; what was not is taken from the environment.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Control {
    /// `--backend=`.
    pub backend: Option<Backend>,
    /// `--error-format=`.
    pub error_format: Option<ErrorFormat>,
    /// `-v` of the drivers, `--verbose` of ld: say what is decided and why.
    pub verbose: bool,
}

/// States that hold a [`Control`].
pub trait Controlled {
    /// The control part.
    fn control(&mut self) -> &mut Control;
}

/// The flags of every door, for a table of GNU style.
pub const fn gnu_flags<State: Controlled>() -> [Flag<State>; 2] {
    [
        Flag {
            names: &["backend"],
            takes: Takes::Value,
            apply: |state, given| {
                state.control().backend = Some(given.text()?.parse().map_err(|_| given.wrong("is no backend"))?);
                Ok(())
            },
            help: "Who links: auto, native, zig, gcc, musl-gcc or clang",
        },
        Flag {
            names: &["error-format"],
            takes: Takes::Value,
            apply: |state, given| {
                let format = given.text()?.parse().map_err(|_| given.wrong("is no error format: text, json"))?;
                state.control().error_format = Some(format);
                Ok(())
            },
            help: "Print errors as text or as json, one object a line",
        },
    ]
}

/// The error format that a command line asks for, found before it is read properly, so that errors of reading it have
/// that form too.
pub fn requested_error_format(arguments: &[OsString]) -> Option<ErrorFormat> {
    let mut found = None;
    for argument in arguments {
        for part in argument.as_bytes().split(|&byte| byte == b',') {
            let value = part.strip_prefix(b"--error-format=").and_then(|value| std::str::from_utf8(value).ok());
            found = value.and_then(|value| value.parse().ok()).or(found);
        }
    }
    found
}

/// Whether a command line asks to be told what is decided, found before it is read properly.
pub fn wants_decisions(arguments: &[OsString]) -> bool {
    arguments.iter().any(|argument| argument == "-v" || argument == "--verbose" || argument == "-Wl,--verbose")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_backends_read_back() {
        for backend in Backend::ALL {
            assert_eq!(backend.name().parse(), Ok(backend));
        }
        assert!("ld".parse::<Backend>().unwrap_err().contains("musl-gcc"));
    }

    #[test]
    fn finds_the_error_format_wherever_it_stands() {
        let format =
            |arguments: &[&str]| requested_error_format(&arguments.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(format(&["a.o", "--error-format=json"]), Some(ErrorFormat::Json));
        assert_eq!(format(&["-Wl,-s,--error-format=json", "--error-format=text"]), Some(ErrorFormat::Text));
        assert_eq!(format(&["--error-format=xml", "a.o"]), None);
    }
}

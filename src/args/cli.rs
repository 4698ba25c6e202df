//! cgolink's own subcommands. Whatever is none of them is a driver's command line, which is how cmd/link calls its
//! external linker.

use std::ffi::OsStr;

use clap::{Arg, Command};

/// A subcommand that is not a door to the engine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subcommand {
    /// `cgolink doctor`.
    Doctor,
    /// `cgolink verify A B`.
    Verify,
    /// `cgolink inspect FILE`.
    Inspect,
    /// `cgolink --help`, `cgolink help`, `cgolink` alone.
    Help,
    /// `cgolink --version`.
    Version,
}

impl Subcommand {
    /// Whether more arguments may follow.
    pub const fn takes_arguments(self) -> bool {
        matches!(self, Subcommand::Doctor | Subcommand::Verify | Subcommand::Inspect)
    }
}

/// What the first argument means, if it is a word of cgolink's own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Word {
    /// `cgolink ld ...`: the rest is a GNU ld line.
    Ld,
    /// `cgolink link ...`: the rest is a line of `go tool link`.
    Link,
    /// A subcommand.
    Own(Subcommand),
}

/// Reads the first argument.
pub fn subcommand(first: &OsStr) -> Option<Word> {
    match first.to_str()? {
        "ld" => Some(Word::Ld),
        "link" => Some(Word::Link),
        "doctor" => Some(Word::Own(Subcommand::Doctor)),
        "inspect" => Some(Word::Own(Subcommand::Inspect)),
        "verify" => Some(Word::Own(Subcommand::Verify)),
        "help" | "--help" | "-h" => Some(Word::Own(Subcommand::Help)),
        "--version" | "-V" => Some(Word::Own(Subcommand::Version)),
        _ => None,
    }
}

/// The text of `cgolink --help`.
pub fn help() -> String {
    command().render_help().to_string()
}

fn command() -> Command {
    let flag = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    Command::new("cgolink")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A linker for programs that mix Go with C, C++ and Rust")
        .override_usage(
            "cgolink [gcc or clang flags] file...    as a driver: go build -ldflags=-extld=cgolink\n       \
             cgolink ld [GNU ld flags] file...       as a linker: also when called ld or ld.cgolink\n       \
             cgolink TOOL [argument...]              for the go command: go build -toolexec=cgolink\n       \
             cgolink link [go tool link flags] file  a Go program from its package archives\n       \
             cgolink doctor\n       \
             cgolink verify A B\n       \
             cgolink inspect FILE",
        )
        .subcommand(Command::new("ld").about("Link from a GNU ld command line; `cgolink ld --help` lists the flags"))
        .subcommand(
            Command::new("link")
                .about("Link a Go program from its package archives; `cgolink link -help` lists the flags"),
        )
        .subcommand(Command::new("doctor").about("Print the C libraries and compilers found for each target"))
        .subcommand(
            Command::new("verify")
                .about("Say where two Go executables differ; `cgolink verify --help` lists the flags"),
        )
        .arg(flag("target", "TRIPLE", "What to link for: x86_64-linux-musl, aarch64-linux-gnu, ..."))
        .arg(flag("sysroot", "DIR", "The root of the target's file system"))
        .arg(flag("backend", "NAME", "Who links: auto, native, zig, gcc, musl-gcc or clang"))
        .arg(flag("error-format", "FORM", "Print errors as text or as json, one object a line"))
        .arg(Arg::new("v").short('v').num_args(0).help("Say what is decided and why"))
        .after_help(
            "Environment:\n  \
             CC                    the compiler whose target and flags count as if typed before all others\n  \
             CGOLINK_BACKEND       --backend\n  \
             CGOLINK_ERROR_FORMAT  --error-format\n  \
             CGOLINK_FALLBACK      error: fail where a Go link is for the toolchain's own linker\n  \
             CGOLINK_THREADS       how many threads work; the machine's number by default\n  \
             CGOLINK_LOG           what to log: info, debug, or a filter such as cgolink::external=debug",
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_own_words() {
        assert_eq!(subcommand(OsStr::new("ld")), Some(Word::Ld));
        assert_eq!(subcommand(OsStr::new("doctor")), Some(Word::Own(Subcommand::Doctor)));
        assert_eq!(subcommand(OsStr::new("verify")), Some(Word::Own(Subcommand::Verify)));
        assert_eq!(subcommand(OsStr::new("-static")), None);
        assert_eq!(subcommand(OsStr::new("main.o")), None);
    }

    #[test]
    fn help_names_doors_flags_and_environment() {
        command().debug_assert();
        let text = help();
        for part in ["-extld=cgolink", "doctor", "--backend", "CGOLINK_LOG", "--error-format"] {
            assert!(text.contains(part), "{part} is missing from:\n{text}");
        }
    }
}

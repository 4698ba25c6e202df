//! cmd/link's questions to the host linker, answered from the command line alone.
//!
//! In external mode Go's linker asks whether a flag is supported (cmd/link/internal/ld/lib.go, `linkerFlagSupported`): it
//! writes `trivial.c` into its temporary folder and runs the linker with the flags it would pass anyway, `-o`
//! `a.out` in the same folder, the flag, and that file. The answer is yes if the status is 0 and the output
//! has neither "unrecognized" nor "unknown" in it; nobody looks at `a.out`. A driver would compile and link a
//! program for each question. Here the question is whether the line can be read, and that has been answered by the
//! time it is recognised.
//!
//! The other question, `-fuse-ld=gold -Wl,--version` (or without the first flag), is [`super::cc::Action::LinkerVersion`].

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::cc::{Action, CcCommand};
use super::request::InputName;

/// What cmd/link writes into `trivial.c`.
const PROGRAM: &[u8] = b"int main() { return 0; }";

/// Whether the line is one of cmd/link's questions: its source and nothing else, from cmd/link's own text, into an
/// `a.out` beside it.
pub fn is_probe(command: &CcCommand) -> bool {
    is_probe_with(command, &mut |path| {
        // One byte more than the program, so that a longer file is seen to be one.
        let mut text = Vec::with_capacity(PROGRAM.len() + 1);
        File::open(path)?.take(PROGRAM.len() as u64 + 1).read_to_end(&mut text)?;
        Ok(text)
    })
}

fn is_probe_with(command: &CcCommand, read: &mut dyn FnMut(&Path) -> std::io::Result<Vec<u8>>) -> bool {
    let request = &command.link.request;
    let [input] = &request.inputs[..] else { return false };
    let InputName::File(source) = &input.what else { return false };
    command.action == Action::Link
        && source.file_name().is_some_and(|name| name == "trivial.c")
        && request.output.file_name().is_some_and(|name| name == "a.out")
        && source.parent() == request.output.parent()
        && read(source).is_ok_and(|text| text == PROGRAM)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::cc;
    use std::ffi::OsString;

    fn probe(line: &str, text: &[u8]) -> Option<bool> {
        let command = cc::parse(line.split_whitespace().map(OsString::from).collect()).ok()?;
        Some(is_probe_with(&command, &mut |_| Ok(text.to_vec())))
    }

    /// The flags that cmd/link asks for on ELF systems.
    const ASKED: [&str; 6] = [
        "-Wl,--build-id=0x1234567890abcdef",
        "-Wl,--export-dynamic-symbol=main",
        "-Qunused-arguments",
        "-Wl,--compress-debug-sections=zlib",
        "-no-pie",
        "-nopie",
    ];

    #[test]
    fn says_yes_to_what_go_asks() {
        for flag in ASKED {
            let line = format!("-m64 -fuse-ld=lld -o /tmp/go-link-1/a.out {flag} /tmp/go-link-1/trivial.c");
            assert_eq!(probe(&line, PROGRAM), Some(true), "{line}");
        }
    }

    #[test]
    fn says_no_in_gos_words() {
        for flag in ["-Wl,--no-such-flag", "-no-such-flag"] {
            let line = format!("-m64 -o /t/a.out {flag} /t/trivial.c");
            let errors = cc::parse(line.split_whitespace().map(OsString::from).collect()).unwrap_err().to_string();
            assert!(errors.contains("unrecognized"), "{errors}");
        }
    }

    #[test]
    fn leaves_everything_else_to_the_compiler() {
        let real = "-o /t/a.out /t/trivial.c";
        assert_eq!(probe(real, b"int main() { return 1; }"), Some(false));
        assert_eq!(probe(real, b"int main() { return 0; }\n"), Some(false));
        for line in [
            "-c -o /t/a.out /t/trivial.c",
            "-o /t/b.out /t/trivial.c",
            "-o a.out /t/trivial.c",
            "-o /t/a.out /t/trivial.c x.o",
            "-o /t/a.out /t/trivial.c -lm",
        ] {
            assert_eq!(probe(line, PROGRAM), Some(false), "{line}");
        }
    }
}

//! Response files as the go command writes them for its tools (`cmd/internal/objabi/flag.go` and `encodeArg` of
//! `cmd/go/internal/work/exec.go`): Go 1.26 writes an argument a line, 1.27 words with quotation marks.
//!
//! Nothing in a file says which form it has. Where the two readings differ, the archive that each of them ends with is looked
//! at: what compiled it wrote the file.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::args::rspfile::{self, Split};
use crate::diag::Result;
use crate::inputs::goabi::{ObjectHeader, Release};

/// An archive says what compiled it within these first bytes.
const HEADER_BYTES: u64 = 512;

/// Replaces every `@file` by the arguments that it holds.
pub(super) fn expand(arguments: &[OsString]) -> Result<Vec<OsString>> {
    if !arguments.iter().any(|argument| argument.as_bytes().starts_with(b"@")) {
        return Ok(arguments.to_vec());
    }
    let expand = |split: Split| rspfile::expand_by(arguments.to_vec(), split);
    let quoted = expand(split_words);
    let of_quoted = quoted.as_ref().ok().and_then(|words| release_of(words));
    if of_quoted.is_some_and(|release| release.quotes_response_files) {
        return quoted;
    }
    match expand(split_lines) {
        Ok(lines) if release_of(&lines).is_some_and(|release| !release.quotes_response_files) => Ok(lines),
        Ok(lines) => Ok(quoted.unwrap_or(lines)),
        // Where nothing says that the file holds lines, it is no mistake that they are none.
        Err(_) if of_quoted.is_none() && quoted.is_ok() => quoted,
        Err(problem) => Err(problem),
    }
}

/// The release that compiled the archive at the end of a command line.
fn release_of(arguments: &[OsString]) -> Option<&'static Release> {
    let mut front = Vec::new();
    File::open(arguments.last()?).ok()?.take(HEADER_BYTES).read_to_end(&mut front).ok()?;
    let header = front.split(|&byte| byte == b'\n').find_map(ObjectHeader::parse)?;
    Release::of_version(header.version)
}

/// An argument a line, in which `\n` and `\\` stand for what they say.
fn split_lines(text: &[u8]) -> std::result::Result<Vec<OsString>, &'static str> {
    let text: Vec<u8> = text.iter().copied().filter(|&byte| byte != b'\r').collect();
    text.trim_ascii().split(|&byte| byte == b'\n').map(decode_line).collect()
}

fn decode_line(line: &[u8]) -> std::result::Result<OsString, &'static str> {
    let mut decoded = Vec::with_capacity(line.len());
    let mut bytes = line.iter().copied();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'\\' => match bytes.next() {
                Some(b'n') => b'\n',
                Some(b'\\') => b'\\',
                Some(_) => return Err(r"a backslash in the response file is followed by neither n nor \"),
                None => break,
            },
            other => other,
        });
    }
    Ok(OsString::from_vec(decoded))
}

/// Words between white space. In single quotation marks all is as it stands; in double ones a backslash takes `\`, `"`, `$` and
/// `` ` ``; outside, anything. A backslash before the end of a line joins two lines.
fn split_words(text: &[u8]) -> std::result::Result<Vec<OsString>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quote = None;
    let mut rest = text;
    while let Some((&byte, mut after)) = rest.split_first() {
        match (byte, quote) {
            (_, Some(mark)) if byte == mark => quote = None,
            (b'\\', None | Some(b'"')) => {
                let joined = after.strip_prefix(b"\n").or_else(|| after.strip_prefix(b"\r\n"));
                match (joined, after.split_first()) {
                    (Some(next), _) => after = next,
                    (None, Some((&taken, next))) if quote.is_none() || br#"\"$`"#.contains(&taken) => {
                        word.get_or_insert_default().push(taken);
                        after = next;
                    }
                    // At the end of the file it stands for nothing.
                    (None, None) if quote.is_none() => {}
                    (None, _) => word.get_or_insert_default().push(byte),
                }
            }
            (b'"' | b'\'', None) => {
                quote = Some(byte);
                word.get_or_insert_default();
            }
            (b' ' | b'\t' | b'\n' | b'\r', None) => words.extend(word.take().map(OsString::from_vec)),
            _ => word.get_or_insert_default().push(byte),
        }
        rest = after;
    }
    words.extend(word.map(OsString::from_vec));
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::golink::{self, Asked, GoLink};
    use crate::diag::Diagnostics;
    use crate::mutation::Mutation;
    use tempfile::TempDir;

    fn all(split: Split, text: &str) -> Vec<String> {
        let words = split(text.as_bytes()).expect("no error").into_iter();
        words.map(|word| String::from_utf8(word.into_vec()).expect("UTF-8")).collect()
    }

    #[test]
    fn lines_hold_an_argument_each() {
        assert_eq!(all(split_lines, "-o\r\na b\nx\\\\y\\nz\n\nend\n"), ["-o", "a b", "x\\y\nz", "", "end"]);
        assert!(split_lines(b"a\\tb").is_err());
    }

    #[test]
    fn words_are_quoted() {
        for (text, want) in [
            ("a\r\nb", &["a", "b"][..]),
            ("a\n''\nb \"\"", &["a", "", "b", ""]),
            ("'a\n\nb' '\\$x' '\"'", &["a\n\nb", "\\$x", "\""]),
            ("\"ab\\\ncd\" ef\\\r\ngh", &["abcd", "efgh"]),
            (r#""\$x" "\`" "\"" "\\" "\n""#, &["$x", "`", "\"", "\\", "\\n"]),
            (r"\abc a\ b", &["abc", "a b"]),
            (r"abc\", &["abc"]),
            ("'a'\"b\"c", &["abc"]),
            (" \t\n", &[]),
        ] {
            assert_eq!(all(split_words, text), want, "{text:?}");
        }
    }

    /// A folder with an archive that `version` compiled, and a response file that ends with it.
    fn folder(version: &str, arguments: &str) -> TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let header = format!("!<arch>\n__.PKGDEF       `\ngo object linux amd64 {version} X:none\n");
        std::fs::write(folder.path().join("main.a"), header).expect("an archive");
        let text = format!("{arguments}\n{}\n", folder.path().join("main.a").display());
        write(&folder, text.as_bytes());
        folder
    }

    fn write(folder: &TempDir, bytes: &[u8]) {
        let file = folder.path().join("arguments");
        // Some file systems write a file that is emptied and filled again to the disk at once.
        let _ = std::fs::remove_file(&file);
        std::fs::write(file, bytes).expect("a response file");
    }

    fn read(folder: &TempDir) -> Result<GoLink> {
        let argument = [b"@", folder.path().join("arguments").as_os_str().as_bytes()].concat();
        match golink::parse(&expand(&[OsString::from_vec(argument)])?)? {
            Asked::Link(link) => Ok(*link),
            Asked::Version { .. } => panic!("nobody asks for a version"),
        }
    }

    /// The code of an error, and its text with the folder's name left out.
    fn told(folder: &TempDir, problem: &Diagnostics) -> (&'static str, String) {
        let first = problem.iter().next().expect("a diagnostic");
        (first.code, first.to_string().replace(&format!("{}/", folder.path().display()), ""))
    }

    #[test]
    fn the_archive_says_which_form_it_is() {
        for (version, want) in [("go1.26.8", r#""c  d""#), ("go1.27.3", "c  d")] {
            let link = read(&folder(version, "-X=a.b=\"c  d\"")).expect("a link");
            assert_eq!(link.definitions, [("a.b".to_owned(), want.as_bytes().to_vec())], "{version}");
        }
        // Without one, the words that Go writes now.
        let folder = folder("go1.27.3", "");
        write(&folder, b"-X=a.b=\"c\\$d\"\nmissing.a\n");
        let link = read(&folder).expect("a link of an archive that is looked for later");
        assert_eq!((link.definitions[0].1.as_slice(), link.input.to_str()), (&b"c$d"[..], Some("missing.a")));
    }

    #[test]
    fn every_byte_of_an_argument_arrives() {
        for (version, arguments, want) in [
            ("go1.26.8", &b"-X=a.b=\xff \\n'\\\\"[..], &b"\xff \n'\\"[..]),
            ("go1.27.3", b"'-X=a.b=\xff \n'\\'\"\\\\\"", b"\xff \n'\\"),
        ] {
            let folder = folder(version, "");
            let archive = folder.path().join("main.a");
            write(&folder, &[arguments, b"\n", archive.as_os_str().as_bytes()].concat());
            let link = read(&folder).expect("a link");
            assert_eq!((link.definitions[0].1.as_slice(), &link.input), (want, &archive), "{version}");
            // A flag that has to be text says so.
            write(&folder, &[b"-buildid=\xff\n", archive.as_os_str().as_bytes()].concat());
            let (code, text) = told(&folder, &read(&folder).expect_err("an error"));
            assert_eq!((code, text.contains("-buildid") && text.contains("not UTF-8")), ("bad-command-line", true));
        }
    }

    #[test]
    fn damaged_files_are_named() {
        let lines = folder("go1.26.8", "-X=a.b=c\\td");
        let (code, text) = told(&lines, &read(&lines).expect_err("no such escape"));
        assert_eq!(code, "bad-response-file");
        assert!(text.contains("arguments: offset") && text.contains(r"neither n nor \"), "{text}");

        for version in ["go1.26.8", "go1.27.3"] {
            let inside = folder(version, "-s\n@gone");
            let (code, text) = told(&inside, &read(&inside).expect_err("a missing file"));
            assert_eq!(code, "file-not-found");
            assert!(text.contains("gone: cannot read response file"), "{text}");

            let itself = folder(version, "-s");
            write(&itself, format!("-s\n@{}\n", itself.path().join("arguments").display()).as_bytes());
            let (code, text) = told(&itself, &read(&itself).expect_err("a circle"));
            assert_eq!(code, "bad-response-file");
            assert!(text.contains("arguments: the response file includes itself"), "{text}");
        }
    }

    #[test]
    fn a_file_that_breaks_off_gives_what_is_left() {
        // As in Go: a quotation that is not closed goes on to the end, and what is missing is missing.
        let open = folder("go1.27.3", "-s '-X=a.b=c d");
        let (code, text) = told(&open, &read(&open).expect_err("the archive is part of the quotation"));
        assert_eq!((code, text.contains("no input")), ("bad-command-line", true), "{text}");
        write(&open, b"-s '-X=a.b=c d' 'ma in");
        assert_eq!(read(&open).expect("a link").input.to_str(), Some("ma in"));

        for (version, arguments) in [("go1.26.8", "-s\n-X=a.b=c\\\\d"), ("go1.27.3", "-s '-X=a.b=c d'")] {
            let folder = folder(version, arguments);
            let whole = std::fs::read(folder.path().join("arguments")).expect("the file");
            let archive = folder.path().join("main.a").into_os_string().into_vec();
            let inputs = (0..whole.len()).filter_map(|end| {
                write(&folder, &whole[..end]);
                read(&folder).ok().map(|link| link.input.into_os_string().into_vec())
            });
            // A dash or a quotation mark that nothing follows is no flag.
            let inputs: Vec<Vec<u8>> = inputs.filter(|input| input.starts_with(b"/")).collect();
            let starts: Vec<&[u8]> = (1..=archive.len()).map(|end| &archive[..end]).collect();
            assert_eq!(inputs, starts, "{version}");
        }
    }

    #[test]
    fn mutated_files_give_flags_or_an_error() {
        let mut mutation = Mutation::new(0x5eed_0003);
        for (version, arguments) in [
            ("go1.26.8", "-o\n/tmp/a b\n-X=a.b=c \\\\ \\n d\n-buildmode=exe\n-extld=gcc 'x y'"),
            ("go1.27.3", "-o '/tmp/a b'\n\"-X=a.b=c \\\\ \\$ \\\" d\"\n-buildmode=exe \\\n\"-extld=gcc 'x y'\""),
        ] {
            let folder = folder(version, arguments);
            let whole = std::fs::read(folder.path().join("arguments")).expect("the file");
            let (mut links, mut refused) = (0, 0);
            for _ in 0..600 {
                write(&folder, &mutation.of(&whole));
                match read(&folder) {
                    Ok(_) => links += 1,
                    Err(problem) => {
                        refused += 1;
                        assert!(problem.iter().all(|one| !one.message.is_empty()));
                    }
                }
            }
            assert!(links > 40 && refused > 100, "{version}: {links} give a link, {refused} do not");
        }
    }
}

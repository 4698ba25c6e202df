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
    if quoted.as_ref().is_ok_and(|words| release_of(words).is_some_and(|release| release.quotes_response_files)) {
        return quoted;
    }
    let lines = expand(split_lines)?;
    let is_for_lines = release_of(&lines).is_some_and(|release| !release.quotes_response_files);
    if is_for_lines { Ok(lines) } else { Ok(quoted.unwrap_or(lines)) }
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

    #[test]
    fn the_archive_says_which_form_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        for (version, want) in [("go1.26.8", r#"-X=a.b="c  d""#), ("go1.27.3", "-X=a.b=c  d")] {
            let archive = folder.path().join(version);
            let header = format!("!<arch>\n__.PKGDEF       `\ngo object linux amd64 {version} X:none\n");
            std::fs::write(&archive, header).expect("an archive");
            let file = folder.path().join("arguments");
            std::fs::write(&file, format!("-X=a.b=\"c  d\"\n{}\n", archive.display())).expect("a response file");
            let argument = OsString::from(format!("@{}", file.display()));
            let expanded = expand(&[argument]).expect("no error");
            assert_eq!(expanded, [OsString::from(want), archive.into_os_string()]);
        }
    }
}

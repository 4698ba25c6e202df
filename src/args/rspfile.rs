//! Response files: `@file` stands for the arguments that the file holds.
//!
//! Two forms are in use. cmd/link writes one `%q` literal a line (Go's escapes); everybody else writes GNU's form, in
//! which white space separates, quotation marks group, and a backslash takes the next character as it is. The form is
//! decided for each file: it is Go's if every line that is not empty is exactly one complete Go literal. Where both readings are
//! possible they differ only for escapes such as `\t`, which no writer of the GNU form puts between quotation marks.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::quoted;
use crate::diag::{Diagnostic, Origin, Result, io_error};

/// Response files may name others this deep.
const MAX_DEPTH: usize = 32;
/// Bound on the files of one command line, against files that name others many times over.
const MAX_FILES: usize = 4096;
/// Bound on one file, in bytes: larger than any command line, smaller than memory.
const MAX_BYTES: u64 = 256 << 20;

/// Replaces every `@file` by what the file holds, files inside files included.
///
/// As in GNU tools, an argument `@name` is left alone if `name` does not exist but a file called `@name` does.
/// Errors: a file that is missing, unreadable, too large, nested too deeply, or includes itself.
pub fn expand(arguments: Vec<OsString>) -> Result<Vec<OsString>> {
    expand_with(arguments, &mut read_file)
}

/// [`expand`] with the files read by `read`.
pub fn expand_with(
    arguments: Vec<OsString>,
    read: &mut dyn FnMut(&Path) -> io::Result<Vec<u8>>,
) -> Result<Vec<OsString>> {
    Expansion { split, read, open: Vec::new(), files: 0, arguments: Vec::new() }.expand(arguments)
}

/// What takes the text of a file apart; its errors are messages about the file's end.
pub type Split = fn(&[u8]) -> std::result::Result<Vec<OsString>, &'static str>;

/// [`expand`] of files in another form.
pub fn expand_by(arguments: Vec<OsString>, split: Split) -> Result<Vec<OsString>> {
    Expansion { split, read: &mut read_file, open: Vec::new(), files: 0, arguments: Vec::new() }.expand(arguments)
}

struct Expansion<'a> {
    split: Split,
    read: &'a mut dyn FnMut(&Path) -> io::Result<Vec<u8>>,
    /// The files being expanded, outermost first.
    open: Vec<PathBuf>,
    files: usize,
    arguments: Vec<OsString>,
}

impl Expansion<'_> {
    fn expand(mut self, arguments: Vec<OsString>) -> Result<Vec<OsString>> {
        self.arguments.reserve(arguments.len());
        for argument in arguments {
            self.push(argument)?;
        }
        Ok(self.arguments)
    }

    fn push(&mut self, argument: OsString) -> Result<()> {
        let Some(name) = argument.as_bytes().strip_prefix(b"@").filter(|name| !name.is_empty()) else {
            self.arguments.push(argument);
            return Ok(());
        };
        let path = PathBuf::from(OsStr::from_bytes(name));
        if self.open.contains(&path) {
            let message = "the response file includes itself";
            return Err(Diagnostic::error("bad-response-file", message).at(Origin::file(path)).into());
        }
        self.files += 1;
        if self.open.len() == MAX_DEPTH || self.files > MAX_FILES {
            let message = format!("more than {MAX_DEPTH} response files inside each other, or {MAX_FILES} in all");
            return Err(Diagnostic::error("bad-response-file", message).at(Origin::file(path)).into());
        }
        let bytes = match (self.read)(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound && Path::new(&argument).exists() => {
                self.arguments.push(argument);
                return Ok(());
            }
            Err(error) => return Err(io_error("read response file", &path, &error).into()),
        };
        let inner = (self.split)(&bytes).map_err(|message| {
            Diagnostic::error("bad-response-file", message).at(Origin::file(path.clone()).at(bytes.len() as u64))
        })?;
        self.open.push(path);
        for argument in inner {
            self.push(argument)?;
        }
        self.open.pop();
        Ok(())
    }
}

/// The whole file, unless it is larger than a response file can sensibly be (a device may be endless).
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if read as u64 > MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {} MiB", MAX_BYTES >> 20)));
    }
    Ok(bytes)
}

/// The arguments that a file holds, in whichever form it is. The error is a message about the file's end.
pub fn split(bytes: &[u8]) -> std::result::Result<Vec<OsString>, &'static str> {
    match go_literals(bytes) {
        Some(arguments) => Ok(arguments),
        None => gnu_words(bytes),
    }
}

/// All the lines as Go literals, or `None` if one of them is anything else, or there is none.
fn go_literals(bytes: &[u8]) -> Option<Vec<OsString>> {
    let mut arguments = Vec::new();
    for line in bytes.split(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if !line.is_empty() {
            arguments.push(OsString::from_vec(quoted::unquote(line)?));
        }
    }
    (!arguments.is_empty()).then_some(arguments)
}

/// GNU's form, as the manuals of gcc and ld describe it.
fn gnu_words(bytes: &[u8]) -> std::result::Result<Vec<OsString>, &'static str> {
    let mut arguments = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quote: Option<u8> = None;
    let mut rest = bytes.iter().copied();
    while let Some(byte) = rest.next() {
        match (byte, quote) {
            (b'\\', _) => {
                let taken = rest.next().ok_or("a backslash at the end of the response file")?;
                word.get_or_insert_default().push(taken);
            }
            (_, Some(mark)) if byte == mark => quote = None,
            (b'"' | b'\'', None) => {
                quote = Some(byte);
                word.get_or_insert_default();
            }
            (_, None) if byte.is_ascii_whitespace() || byte == 0x0b => {
                arguments.extend(word.take().map(OsString::from_vec));
            }
            _ => word.get_or_insert_default().push(byte),
        }
    }
    if quote.is_some() {
        return Err("a quotation in the response file is not closed");
    }
    arguments.extend(word.map(OsString::from_vec));
    Ok(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutation::Mutation;
    use std::collections::HashMap;

    fn words(text: &str) -> Vec<String> {
        split(text.as_bytes()).unwrap().into_iter().map(|word| word.into_string().unwrap()).collect()
    }

    fn expand_in(files: &[(&str, &str)], arguments: &[&str]) -> std::result::Result<Vec<String>, String> {
        let files: HashMap<PathBuf, Vec<u8>> =
            files.iter().map(|(name, text)| (PathBuf::from(name), text.as_bytes().to_vec())).collect();
        let mut read = |path: &Path| files.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into());
        let arguments = arguments.iter().map(OsString::from).collect();
        match expand_with(arguments, &mut read) {
            Ok(all) => Ok(all.into_iter().map(|one| one.into_string().unwrap()).collect()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn reads_gos_form() {
        assert_eq!(words("\"-o\"\n\"a b\"\n\"tab\\there\"\n"), ["-o", "a b", "tab\there"]);
        assert_eq!(words("\"-m64\"\r\n\"\"\r\n"), ["-m64", ""]);
        assert_eq!(words("\"\\x41\\u00e9\""), ["Aé"]);
    }

    #[test]
    fn reads_gnus_form() {
        assert_eq!(words("-o  out\n\t'a b' \"c d\"e f\\ g"), ["-o", "out", "a b", "c de", "f g"]);
        assert_eq!(words("\"a\\\\b\" '' \\\"q\\\""), ["a\\b", "", "\"q\""]);
        assert_eq!(words(""), [""; 0]);
        assert_eq!(words(" \n\n"), [""; 0]);
    }

    #[test]
    fn decides_by_the_whole_file() {
        // The second line holds two words, so the file is GNU's and `\t` is a `t`.
        assert_eq!(words("\"a\\tb\"\n\"c\" \"d\"\n"), ["atb", "c", "d"]);
        // A literal that Go would not write.
        assert_eq!(words("\"a\\qb\"\n"), ["aqb"]);
    }

    #[test]
    fn refuses_unfinished_files() {
        assert!(split(b"'abc").is_err());
        assert!(split(b"abc\\").is_err());
        let error = expand_in(&[("f", "'abc")], &["@f"]).unwrap_err();
        assert_eq!(error, "cgolink: error: f: offset 0x4: a quotation in the response file is not closed");
    }

    #[test]
    fn expands_files_inside_files() {
        let files = [("outer", "a @inner b"), ("inner", "\"x y\"\n\"z\"\n")];
        assert_eq!(expand_in(&files, &["cc", "@outer", "@", "end"]).unwrap(), ["cc", "a", "x y", "z", "b", "@", "end"]);
        assert_eq!(expand_in(&[("empty", "")], &["@empty"]).unwrap(), [""; 0]);
    }

    #[test]
    fn stops_at_cycles_bombs_and_missing_files() {
        let error = expand_in(&[("a", "@b"), ("b", "@a")], &["@a"]).unwrap_err();
        assert_eq!(error, "cgolink: error: a: the response file includes itself");
        // Each file names the next twice: 2^20 words, were there no bound.
        let mut bomb: Vec<(String, String)> =
            (0..20).map(|level| (format!("f{level}"), format!("@f{0} @f{0}", level + 1))).collect();
        bomb.push(("f20".to_owned(), "x".to_owned()));
        let bomb: Vec<(&str, &str)> = bomb.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        assert!(expand_in(&bomb, &["@f0"]).unwrap_err().contains("4096 in all"));
        let error = expand_in(&[], &["@gone"]).unwrap_err();
        assert!(error.starts_with("cgolink: error: gone: cannot read response file: "), "{error}");
    }

    #[test]
    fn mutated_files_never_panic() {
        let seeds: [&[u8]; 3] =
            [b"\"-o\"\n\"a\\tb\\x41\\u00e9\"\n\"@f\"\n", b"-o 'a b' \"c\\\\d\" e\\ f @f\n", b"\"\\U0001f600\"\n"];
        let mut mutation = Mutation::new(0x5eed_0001);
        for round in 0..6000 {
            let bytes = mutation.of(seeds[round % seeds.len()]);
            let mut read = |_: &Path| Ok(bytes.clone());
            // Either outcome is fine; the point is that there is one.
            let _ = expand_with(vec![OsString::from("@f")], &mut read);
        }
    }
}

//! A driver's line taken apart without acting on it: for the hand-off, which changes single flags and leaves the rest.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::TABLES;
use crate::args::flag;
use crate::args::ld;

/// A part of a driver's line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Word {
    /// A file.
    Input(OsString),
    /// A driver's flag.
    Driver(DriverWord),
    /// A linker's flag, from `-Wl,` or `-Xlinker`.
    Linker(LinkerWord),
}

/// A driver's flag with its value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DriverWord {
    /// As the table of flags spells it: `-o`, `--target=`.
    pub flag: String,
    /// The value.
    pub value: Option<OsString>,
    /// As typed: one argument, or two.
    pub typed: Vec<OsString>,
}

/// A linker's flag with its value, or a file given to the linker alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkerWord {
    /// All the names of the flag, without dashes; none for a file.
    pub names: &'static [&'static str],
    /// The value.
    pub value: Option<OsString>,
    /// As typed: one argument of the linker's, or two.
    pub typed: Vec<OsString>,
}

/// Takes a line apart; response files are already expanded.
pub fn words(arguments: &[OsString]) -> Vec<Word> {
    let mut words = Vec::new();
    // Index of a linker's flag that waits for its value, which may come with a later `-Wl,`.
    let mut waiting: Option<usize> = None;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == "-" || !argument.as_bytes().starts_with(b"-") {
            words.push(Word::Input(argument.clone()));
            continue;
        }
        let Some(found) = flag::find_driver(TABLES, argument) else {
            let flag = argument.to_string_lossy().into_owned();
            words.push(Word::Driver(DriverWord { flag, value: None, typed: vec![argument.clone()] }));
            continue;
        };
        let mut typed = vec![argument.clone()];
        let mut value = found.attached.map(OsStr::to_owned);
        if found.wants_next() {
            value = rest.next().cloned();
            typed.extend(value.clone());
        }
        match (found.flag.as_str(), &value) {
            ("-Wl," | "--for-linker=", Some(list)) => {
                for part in list.as_bytes().split(|&byte| byte == b',') {
                    push_linker(&mut words, &mut waiting, OsStr::from_bytes(part));
                }
            }
            ("-Xlinker" | "--for-linker", Some(one)) => push_linker(&mut words, &mut waiting, one),
            _ => words.push(Word::Driver(DriverWord { flag: found.flag, value, typed })),
        }
    }
    words
}

fn push_linker(words: &mut Vec<Word>, waiting: &mut Option<usize>, argument: &OsStr) {
    if let Some(Word::Linker(word)) = waiting.take().and_then(|index| words.get_mut(index)) {
        word.value = Some(argument.to_owned());
        word.typed.push(argument.to_owned());
        return;
    }
    let typed = vec![argument.to_owned()];
    let word = match ld::recognise(argument) {
        Some(known) => {
            if known.wants_next {
                *waiting = Some(words.len());
            }
            LinkerWord { names: known.names, value: known.value, typed }
        }
        None => LinkerWord { names: &[], value: None, typed },
    };
    words.push(Word::Linker(word));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_lines_apart() {
        let line = ["-static", "-o", "x", "-Wl,-rpath", "a.o", "-Wl,/r,-s", "--target=t", "-Xlinker", "b.a", "-lm"];
        let line: Vec<OsString> = line.iter().map(OsString::from).collect();
        let shown: Vec<String> = words(&line)
            .into_iter()
            .map(|word| match word {
                Word::Input(file) => file.into_string().unwrap(),
                Word::Driver(word) => format!("{} {:?}", word.flag, word.value.unwrap_or_default()),
                Word::Linker(word) => format!("ld {:?} {:?}", word.names, word.value.unwrap_or_default()),
            })
            .collect();
        let expected = [
            "-static \"\"",
            "-o \"x\"",
            "ld [\"rpath\"] \"/r\"",
            "a.o",
            "ld [\"s\", \"strip-all\"] \"\"",
            "--target= \"t\"",
            "ld [] \"\"",
            "-l \"m\"",
        ];
        assert_eq!(shown, expected);
    }
}

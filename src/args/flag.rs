//! Flags as data: the shape of a table entry, and how a typed argument finds its entry.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::diag::{Diagnostic, Diagnostics, Result};

/// How a flag takes its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Takes {
    /// No value.
    Nothing,
    /// A value: `--name=value`, `--name value`; for one-letter names `-xvalue` and `-x value`.
    Value,
    /// A value only if it is attached: `--name=value`; for one-letter names `-xvalue`.
    Optional,
    /// Whatever follows the name in the same argument, which may be nothing: `-fNAME`.
    Rest,
}

/// One flag of a door whose state is `State`.
pub struct Flag<State: 'static> {
    /// The names that mean the same. GNU tables leave the dashes out, driver tables write them.
    pub names: &'static [&'static str],
    /// How a value is given.
    pub takes: Takes,
    /// What the flag does.
    pub apply: fn(&mut State, &Given<'_>) -> Result<()>,
    /// One line of `--help`; empty for what is accepted and changes nothing.
    pub help: &'static str,
}

/// A flag as typed.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// The flag with its dashes, without its value.
    pub flag: &'a str,
    /// The value, if there is one.
    pub value: Option<&'a OsStr>,
}

impl<'a> Given<'a> {
    /// The value as it is; empty if none was given.
    pub fn raw(&self) -> &'a OsStr {
        self.value.unwrap_or_default()
    }

    /// The value as a path.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(self.raw())
    }

    /// The value as text; an error if it is not UTF-8.
    pub fn text(&self) -> Result<&'a str> {
        self.raw().to_str().ok_or_else(|| self.wrong("is not UTF-8"))
    }

    /// The value as a number in C's notation (`0x` hexadecimal, a leading 0 octal).
    pub fn number(&self) -> Result<u64> {
        parse_number(self.text()?).ok_or_else(|| self.wrong("is not a number"))
    }

    /// An error about the value: `problem` completes "the value 'v' of -x ...".
    pub fn wrong(&self, problem: &str) -> Diagnostics {
        let value = self.raw().to_string_lossy();
        Diagnostic::error("bad-flag-value", format!("the value '{value}' of {} {problem}", self.flag)).into()
    }
}

/// A number in C's notation.
pub fn parse_number(text: &str) -> Option<u64> {
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return unsigned(digits, 16);
    }
    match text.strip_prefix('0') {
        Some(digits) if !digits.is_empty() => unsigned(digits, 8),
        _ => unsigned(text, 10),
    }
}

/// `from_str_radix` without its tolerance of a sign.
fn unsigned(digits: &str, radix: u32) -> Option<u64> {
    if digits.starts_with('+') { None } else { u64::from_str_radix(digits, radix).ok() }
}

/// An argument that has found its entry.
pub struct Match<'t, 'a, State: 'static> {
    /// The entry.
    pub entry: &'t Flag<State>,
    /// The flag as typed, dashes included, value excluded.
    pub flag: String,
    /// The attached value.
    pub attached: Option<&'a OsStr>,
}

impl<State> Match<'_, '_, State> {
    /// Whether the value is the next argument.
    pub fn wants_next(&self) -> bool {
        self.entry.takes == Takes::Value && self.attached.is_none()
    }
}

/// Finds a GNU-style flag: one or two dashes before long names, unique abbreviations after two, joined values after
/// one-letter names. `None` if there is no such flag. Names that start with `o` need two dashes, since `-omagic`
/// means an output called `magic`.
pub fn find_gnu<'t, 'a, State>(tables: &[&'t [Flag<State>]], argument: &'a OsStr) -> Option<Match<'t, 'a, State>> {
    let bytes = argument.as_bytes();
    let double = bytes.starts_with(b"--");
    let body = if double { &bytes[2..] } else { bytes.strip_prefix(b"-")? };
    let (name, attached) = match body.iter().position(|&byte| byte == b'=') {
        Some(equals) => (&body[..equals], Some(OsStr::from_bytes(&body[equals + 1..]))),
        None => (body, None),
    };
    let long = |wanted: &[u8]| {
        entries(tables).find(|(entry, known)| {
            known.as_bytes() == wanted
                && (known.len() > 1 || !double)
                && (double || known.len() == 1 || !known.starts_with('o'))
                && (attached.is_none() || matches!(entry.takes, Takes::Value | Takes::Optional) && known.len() > 1)
        })
    };
    let typed = |length: usize| String::from_utf8_lossy(&bytes[..bytes.len() - body.len() + length]).into_owned();
    if let Some((entry, _)) = long(name) {
        return Some(Match { entry, flag: typed(name.len()), attached });
    }
    if double {
        let entry = abbreviated(tables, name, attached.is_some())?;
        return Some(Match { entry, flag: typed(name.len()), attached });
    }
    let (first, rest) = body.split_first()?;
    let (entry, _) = entries(tables)
        .find(|(entry, known)| known.as_bytes() == [*first] && (rest.is_empty() || entry.takes != Takes::Nothing))?;
    let attached = (!rest.is_empty()).then(|| OsStr::from_bytes(rest));
    Some(Match { entry, flag: typed(1), attached })
}

/// The entry that `name` abbreviates, if there is exactly one.
fn abbreviated<'t, State>(tables: &[&'t [Flag<State>]], name: &[u8], valued: bool) -> Option<&'t Flag<State>> {
    if name.len() < 2 {
        return None;
    }
    let fits = |entry: &Flag<State>| !valued || matches!(entry.takes, Takes::Value | Takes::Optional);
    let mut found: Option<&Flag<State>> = None;
    for (entry, known) in entries(tables) {
        if known.as_bytes().starts_with(name) && fits(entry) {
            match found {
                Some(other) if !std::ptr::eq(other, entry) => return None,
                _ => found = Some(entry),
            }
        }
    }
    found
}

/// Finds a driver flag: names are written with their dashes, and with a final `=` where the value must be attached; the
/// longest name that fits wins. A value is attached to [`Takes::Rest`] and to names of one letter, else it is the next
/// argument.
pub fn find_driver<'t, 'a, State>(tables: &[&'t [Flag<State>]], argument: &'a OsStr) -> Option<Match<'t, 'a, State>> {
    let bytes = argument.as_bytes();
    let mut best: Option<(usize, Match<'t, 'a, State>)> = None;
    for (entry, name) in entries(tables) {
        let Some(rest) = bytes.strip_prefix(name.as_bytes()) else { continue };
        if best.as_ref().is_some_and(|(length, _)| *length >= name.len()) {
            continue;
        }
        let attached = match (entry.takes, rest) {
            (Takes::Rest, rest) => Some(rest),
            (_, []) => None,
            (Takes::Value, value) if name.len() == 2 => Some(value),
            _ => continue,
        };
        let attached = attached.map(OsStr::from_bytes);
        best = Some((name.len(), Match { entry, flag: (*name).to_owned(), attached }));
    }
    best.map(|(_, found)| found)
}

fn entries<'s, 't: 's, State>(
    tables: &'s [&'t [Flag<State>]],
) -> impl Iterator<Item = (&'t Flag<State>, &'static str)> + 's {
    tables.iter().flat_map(|table| table.iter()).flat_map(|entry| entry.names.iter().map(move |name| (entry, *name)))
}

/// The error for a flag that nobody knows. The word "unrecognized" is part of the contract: Go's linker reads it as
/// "not supported".
pub fn unknown_flag<'n>(argument: &OsStr, names: impl Iterator<Item = &'n str>) -> Diagnostics {
    let typed = argument.to_string_lossy();
    let error = Diagnostic::error("unknown-flag", format!("unrecognized option '{typed}'"));
    let name = typed.split('=').next().unwrap_or_default().trim_start_matches('-');
    // A flag is at least as far as it is longer or shorter.
    let (length, most) = (name.chars().count(), 1 + name.len() / 4);
    let may_be_near = |known: &str| known.len() > 2 && known.len().abs_diff(length) <= most;
    let nearest = names
        .filter(|known| may_be_near(known.trim_start_matches('-')))
        .map(|known| (distance(name, known.trim_start_matches('-')), known))
        .min_by_key(|(distance, _)| *distance);
    match nearest {
        Some((distance, known)) if distance <= most => {
            let dashes = if known.starts_with('-') { "" } else { "--" };
            error.help(format!("did you mean '{dashes}{known}'?")).into()
        }
        _ => error.into(),
    }
}

/// The error for a flag at the end of the command line that wants a value.
pub fn missing_value(flag: &str) -> Diagnostics {
    Diagnostic::error("missing-flag-value", format!("the flag {flag} needs a value")).into()
}

/// How many letters have to be changed, put in, left out or swapped with their neighbour.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().take(64).collect(), other.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in one.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, against) in other.iter().enumerate() {
            let mut least = (previous[column] + usize::from(letter != against))
                .min(previous[column + 1] + 1)
                .min(current[column] + 1);
            if row > 0 && column > 0 && one[row - 1] == *against && other[column - 1] == *letter {
                least = least.min(before[column - 1] + 1);
            }
            current.push(least);
        }
        before = std::mem::replace(&mut previous, current);
    }
    previous[other.len()]
}

/// The next argument as the value of `flag`.
pub fn take_value(flag: &str, rest: &mut impl Iterator<Item = OsString>) -> Result<OsString> {
    rest.next().ok_or_else(|| missing_value(flag))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Flag<()>] = &[
        Flag { names: &["o", "output"], takes: Takes::Value, apply: |_, _| Ok(()), help: "" },
        Flag { names: &["gc-sections"], takes: Takes::Nothing, apply: |_, _| Ok(()), help: "" },
        Flag { names: &["build-id"], takes: Takes::Optional, apply: |_, _| Ok(()), help: "" },
        Flag { names: &["static"], takes: Takes::Nothing, apply: |_, _| Ok(()), help: "" },
        Flag { names: &["s", "strip-all"], takes: Takes::Nothing, apply: |_, _| Ok(()), help: "" },
        Flag { names: &["omagic"], takes: Takes::Nothing, apply: |_, _| Ok(()), help: "" },
    ];

    fn gnu(argument: &str) -> Option<(&'static str, String, Option<String>)> {
        find_gnu(&[TABLE], OsStr::new(argument)).map(|found| {
            (found.entry.names[0], found.flag.clone(), found.attached.map(|value| value.to_str().unwrap().to_owned()))
        })
    }

    #[test]
    fn finds_gnu_flags() {
        let found = |name, flag: &str, value: Option<&str>| Some((name, flag.to_owned(), value.map(str::to_owned)));
        assert_eq!(gnu("-o"), found("o", "-o", None));
        assert_eq!(gnu("-omagic"), found("o", "-o", Some("magic")));
        assert_eq!(gnu("--omagic"), found("omagic", "--omagic", None));
        assert_eq!(gnu("--output=a"), found("o", "--output", Some("a")));
        assert_eq!(gnu("--gc-s"), found("gc-sections", "--gc-s", None));
        assert_eq!(gnu("-static"), found("static", "-static", None));
        assert_eq!(gnu("-build-id=0x1"), found("build-id", "-build-id", Some("0x1")));
        assert_eq!(gnu("-s"), found("s", "-s", None));
        for unknown in ["--st", "-sx", "--s", "--gc-sections=1", "--nothing", "-q", "x", "-", "--"] {
            assert_eq!(gnu(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn suggests_near_misses() {
        let names = || TABLE.iter().flat_map(|entry| entry.names.iter().copied());
        let error = unknown_flag(OsStr::new("--gc-setcions"), names());
        assert!(error.to_string().ends_with("help: did you mean '--gc-sections'?"));
        assert!(!unknown_flag(OsStr::new("--zebra"), names()).to_string().contains("help"));
    }

    #[test]
    fn reads_numbers_as_c_does() {
        assert_eq!(parse_number("0x1F"), Some(31));
        assert_eq!(parse_number("010"), Some(8));
        assert_eq!(parse_number("0"), Some(0));
        assert_eq!(parse_number("12"), Some(12));
        for wrong in ["", "0x", "-1", "+1", "0x+1", "12k", "99999999999999999999"] {
            assert_eq!(parse_number(wrong), None, "{wrong}");
        }
    }
}

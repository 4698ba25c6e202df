//! `cgolink verify A B`: where two Go executables differ, said in the terms of a Go program. Differences of meaning come
//! first (functions, symbols, types, tables), then the bytes of sections, then headers, which mostly differ because of these.

mod contents;
mod dwarf;
mod findings;
mod functions;
mod headers;
mod instructions;
mod lists;
mod locate;
mod tables;

use std::ffi::OsString;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::diag::{self, Diagnostic, Origin};
use crate::executable::Image;
use crate::inputs::store::Store;
use findings::{Finding, Findings};
use locate::Locator;

/// The text of `cgolink verify --help`.
pub const HELP: &str = "\
Usage: cgolink verify [--limit=N] [--uncompressed] [--format=text|json] A B

Says where two Go executables differ: functions, symbols, types and tables by name, then bytes by the symbol that they lie
in, then headers. The exit status is 0 if they are identical, else 1.

  --limit=N       how many differences to print for each section; 3 by default
  --uncompressed  compressed debug sections count by what they hold, so that files that only compress otherwise are equal
  --format=FORM   text, or json: one object
";

/// The command line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    files: [PathBuf; 2],
    limit: usize,
    uncompressed: bool,
    json: bool,
}

/// How two files compare.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Byte for byte.
    Identical,
    /// All but the compressed form of debug sections, and the places that follow from it.
    EqualUncompressed,
    /// In something else.
    Different,
}

/// All that was found.
#[derive(Serialize, Debug)]
pub struct Report {
    /// How the files compare.
    pub verdict: Verdict,
    /// Bytes of each file.
    pub sizes: [u64; 2],
    /// Bytes that compressed sections take in each file.
    pub compressed: [u64; 2],
    /// The differences kept, in order.
    pub findings: Vec<Finding>,
    /// Whether the limit left out others.
    pub cut: bool,
}

/// Runs `cgolink verify`; `print` gets the report. The result is the exit status.
///
/// # Errors
/// Wrong command lines, and files that cannot be read or are no ELF files.
pub fn run(arguments: &[OsString], print: impl FnOnce(&str)) -> diag::Result<u8> {
    let Some(options) = options(arguments)? else {
        print(HELP);
        return Ok(0);
    };
    let store = Store::default();
    let data = [store.map(&options.files[0])?, store.map(&options.files[1])?];
    let report = compare(data, &options.files, options.limit)?;
    let text = if options.json { report.json()? } else { report.text(&options.files) };
    print(&text);
    let equal =
        report.verdict == Verdict::Identical || report.verdict == Verdict::EqualUncompressed && options.uncompressed;
    Ok(u8::from(!equal))
}

/// Reads the flags; nothing for `--help`.
fn options(arguments: &[OsString]) -> diag::Result<Option<Options>> {
    let wrong = |message: String| Diagnostic::error("bad-flag", message).help("see 'cgolink verify --help'");
    let (mut files, mut limit, mut uncompressed, mut json) = (Vec::new(), 3, false, false);
    for argument in arguments {
        let text = argument.to_str().unwrap_or_default();
        match text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value))) {
            ("--help" | "-h", None) => return Ok(None),
            ("--uncompressed", None) => uncompressed = true,
            ("--format", Some("json")) => json = true,
            ("--format", Some("text")) => json = false,
            ("--limit", Some(value)) => {
                let number = value.parse().ok().filter(|number| (1..=100_000).contains(number));
                limit = number.ok_or_else(|| wrong(format!("--limit: '{value}' is not a number from 1 to 100000")))?;
            }
            _ if text.starts_with('-') => {
                return Err(wrong(format!("cgolink verify has no flag {}", argument.display())).into());
            }
            _ => files.push(PathBuf::from(argument)),
        }
    }
    match <[PathBuf; 2]>::try_from(files) {
        Ok(files) => Ok(Some(Options { files, limit, uncompressed, json })),
        Err(files) => Err(wrong(format!("cgolink verify compares two files, not {}", files.len())).into()),
    }
}

/// Compares two files by their bytes; `names` are for errors, `limit` is the number of findings kept for each section.
///
/// # Errors
/// `bad-executable` for a file that is not ELF, or whose headers are damaged.
pub fn compare(data: [&[u8]; 2], names: &[PathBuf; 2], limit: usize) -> diag::Result<Report> {
    let sizes = data.map(|bytes| bytes.len() as u64);
    if data[0] == data[1] {
        return Ok(Report { verdict: Verdict::Identical, sizes, compressed: [0, 0], findings: Vec::new(), cut: false });
    }
    let parse = |index: usize| {
        let bad =
            |problem: String| Diagnostic::error("bad-executable", problem).at(Origin::file(Path::new(&names[index])));
        Image::parse(data[index]).map_err(bad)
    };
    let sides = [Locator::new(parse(0)?), Locator::new(parse(1)?)];
    let mut findings = Findings::new(limit);
    functions::compare(&sides, &mut findings);
    tables::compare(&sides, &mut findings);
    dwarf::compare_units(&sides, &mut findings);
    contents::compare(&sides, &mut findings);
    headers::compare(&sides, &mut findings);
    let compressed = [0, 1].map(|index| {
        let sections = sides[index].image.sections.iter();
        sections.filter(|section| section.is_compressed()).map(|section| section.contents.len() as u64).sum()
    });
    let only_compression = findings.is_empty() && headers::differ_by_compression(&sides);
    let verdict = if only_compression { Verdict::EqualUncompressed } else { Verdict::Different };
    if findings.is_empty() && !only_compression {
        headers::first_byte(&sides, &mut findings);
    }
    let cut = findings.is_cut();
    Ok(Report { verdict, sizes, compressed, findings: findings.into_all(), cut })
}

impl Report {
    /// For people: one line for each finding, and a last line with the verdict.
    pub fn text(&self, names: &[PathBuf; 2]) -> String {
        let mut out = String::new();
        for finding in &self.findings {
            let Finding { section, place, a, b, .. } = finding;
            let _ = writeln!(out, "{section}: {place}: {a} | {b}"); // a String takes everything
        }
        let _ = match self.verdict {
            Verdict::Identical => writeln!(out, "identical: {} bytes", self.sizes[0]),
            Verdict::EqualUncompressed => writeln!(
                out,
                "equal after uncompressing debug sections: compressed they take {} | {} bytes",
                self.compressed[0], self.compressed[1]
            ),
            Verdict::Different => writeln!(
                out,
                "different: {} differences shown{}; {} has {} bytes | {} has {}",
                self.findings.len(),
                if self.cut { ", others left out (--limit)" } else { "" },
                names[0].display(),
                self.sizes[0],
                names[1].display(),
                self.sizes[1],
            ),
        };
        out
    }

    /// For programs.
    fn json(&self) -> diag::Result<String> {
        let text = serde_json::to_string_pretty(self);
        let text =
            text.map_err(|error| Diagnostic::error("internal-error", format!("the report is no JSON: {error}")))?;
        Ok(text + "\n")
    }
}

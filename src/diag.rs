//! Errors as part of the product: what is wrong, where, why, and the likely fix.
//!
//! A stage collects every error a user can mend and returns them together as [`Diagnostics`]; they are sorted before
//! printing, so the order never depends on threads.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

/// What a diagnostic does to the link.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// The link fails.
    Error,
    /// The link goes on.
    Warning,
}

/// Where in the inputs something is wrong. Every part is optional; what is known is printed.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Origin {
    /// The file as the command line or the search named it.
    pub file: Option<PathBuf>,
    /// Line and column in a text file, both from 1.
    pub position: Option<(u32, u32)>,
    /// The archive member within `file`.
    pub member: Option<String>,
    /// The Go package that the file or a symbol belongs to.
    pub package: Option<String>,
    /// The section's name.
    pub section: Option<String>,
    /// Bytes from the start of the section if one is named, else of the member or file.
    pub offset: Option<u64>,
}

impl Origin {
    /// A whole file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Origin { file: Some(path.into()), ..Origin::default() }
    }

    /// A member of an archive.
    pub fn member(path: impl Into<PathBuf>, member: impl Into<String>) -> Self {
        Origin { file: Some(path.into()), member: Some(member.into()), ..Origin::default() }
    }

    /// The same place, narrowed to a section.
    pub fn in_section(mut self, section: impl Into<String>) -> Self {
        self.section = Some(section.into());
        self
    }

    /// The same place, narrowed to an offset in bytes.
    pub fn at(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(out, "{}", file.display())?;
        }
        if let Some((line, column)) = self.position {
            write!(out, ":{line}:{column}")?;
        }
        if let Some(member) = &self.member {
            write!(out, "({member})")?;
        }
        if let Some(section) = &self.section {
            write!(out, ":({section}")?;
            if let Some(offset) = self.offset {
                write!(out, "+{offset:#x}")?;
            }
            out.write_str(")")?;
        } else if let Some(offset) = self.offset {
            write!(out, ": offset {offset:#x}")?;
        }
        if let Some(package) = &self.package {
            write!(out, " [Go package {package}]")?;
        }
        Ok(())
    }
}

/// One thing wrong.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// A stable kebab-case name of the kind of problem, for `--error-format=json`: `undefined-symbol`, `bad-archive`…
    pub code: &'static str,
    /// What is wrong: one line, no final full stop.
    pub message: String,
    /// Where.
    pub origin: Origin,
    /// Further facts: the members that need a symbol, both sides of a duplicate. One line each.
    pub notes: Vec<String>,
    /// The likely fix, as an imperative sentence.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error of the given kind.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Diagnostic {
            severity: Severity::Error,
            code,
            message: message.into(),
            origin: Origin::default(),
            notes: Vec::new(),
            help: None,
        }
    }

    /// A warning of the given kind.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, message) }
    }

    /// The same, with its place.
    pub fn at(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    /// The same, with one more fact.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// The same, with the likely fix.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl Diagnostic {
    /// The diagnostic as one line of JSON, for `--error-format=json`: `severity` (`error`, `warning`), `code`, `message`,
    /// `file`, `line` and `column` (of a text file, from 1), `member`, `package`, `section`, `offset` (bytes), `notes` (an
    /// array) and `help`. What is not known is left out.
    pub fn to_json(&self) -> String {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let Origin { file, position, member, package, section, offset } = &self.origin;
        let json = Json {
            severity,
            code: self.code,
            message: &self.message,
            file: file.as_deref().map(Path::to_string_lossy),
            line: position.map(|(line, _)| line),
            column: position.map(|(_, column)| column),
            member: member.as_deref(),
            package: package.as_deref(),
            section: section.as_deref(),
            offset: *offset,
            notes: &self.notes,
            help: self.help.as_deref(),
        };
        serde_json::to_string(&json).unwrap_or_default() // strings and numbers: this cannot fail
    }
}

/// The JSON form, fields in order.
#[derive(serde::Serialize)]
struct Json<'a> {
    severity: &'a str,
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    package: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    section: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    notes: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(out, "{severity}: ")?;
        if self.origin != Origin::default() {
            write!(out, "{}: ", self.origin)?;
        }
        write!(out, "{}", self.message)?;
        for note in &self.notes {
            write!(out, "\n  note: {note}")?;
        }
        if let Some(help) = &self.help {
            write!(out, "\n  help: {help}")?;
        }
        Ok(())
    }
}

/// The errors of one stage: never empty, sorted, each once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostics(Vec<Diagnostic>);

/// What a stage returns.
pub type Result<T> = std::result::Result<T, Diagnostics>;

impl Diagnostics {
    /// `Ok(value)` if nothing was collected, else all that was.
    pub fn check<T>(value: T, mut collected: Vec<Diagnostic>) -> Result<T> {
        if collected.is_empty() {
            return Ok(value);
        }
        collected.sort();
        collected.dedup();
        Err(Diagnostics(collected))
    }

    /// Warnings as the reason that a link fails: `--fatal-warnings`.
    pub fn because_warnings_are_fatal(self) -> Diagnostics {
        self.and(Diagnostic::error("fatal-warnings", "warnings are errors: --fatal-warnings").into())
    }

    /// The diagnostics, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter()
    }

    /// All as JSON, one object a line; see [`Diagnostic::to_json`].
    pub fn to_json_lines(&self) -> String {
        self.0.iter().map(|one| one.to_json() + "\n").collect()
    }

    /// Everything of both.
    pub fn and(self, other: Diagnostics) -> Diagnostics {
        let mut all = self.0;
        all.extend(other.0);
        all.sort();
        all.dedup();
        Diagnostics(all)
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(one: Diagnostic) -> Self {
        Diagnostics(vec![one])
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, one) in self.0.iter().enumerate() {
            if index > 0 {
                out.write_str("\n")?;
            }
            write!(out, "cgolink: {one}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

/// An input/output error of the system, as a diagnostic about `path`.
pub fn io_error(action: &str, path: &Path, error: &std::io::Error) -> Diagnostic {
    let code = match error.kind() {
        std::io::ErrorKind::NotFound => "file-not-found",
        std::io::ErrorKind::PermissionDenied => "permission-denied",
        std::io::ErrorKind::StorageFull => "disk-full",
        _ => "io-error",
    };
    Diagnostic::error(code, format!("cannot {action}: {error}")).at(Origin::file(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_where_why_and_what_to_do() {
        let one = Diagnostic::error("bad-relocation", "relocation R_X86_64_PC32 is out of range")
            .at(Origin::member("libx.a", "y.o").in_section(".text").at(0x10))
            .note("the target is 0x80000000 bytes away")
            .help("rebuild y.o with -mcmodel=large");
        assert_eq!(
            one.to_string(),
            "error: libx.a(y.o):(.text+0x10): relocation R_X86_64_PC32 is out of range\n  note: the target is 0x80000000 bytes away\n  help: rebuild y.o with -mcmodel=large"
        );
    }

    #[test]
    fn json_has_what_is_known() {
        let mut one = Diagnostic::error("undefined-symbol", "undefined symbol: \"f\"")
            .at(Origin::member("libx.a", "y.o").in_section(".text").at(16))
            .note("in function `g`");
        one.origin.package = Some("cgo/app".to_owned());
        assert_eq!(
            Diagnostics::from(one).to_json_lines(),
            "{\"severity\":\"error\",\"code\":\"undefined-symbol\",\"message\":\"undefined symbol: \\\"f\\\"\",\
             \"file\":\"libx.a\",\"member\":\"y.o\",\"package\":\"cgo/app\",\"section\":\".text\",\"offset\":16,\
             \"notes\":[\"in function `g`\"]}\n"
        );
        let plain = Diagnostic::warning("a", "b").to_json();
        assert_eq!(plain, r#"{"severity":"warning","code":"a","message":"b","notes":[]}"#);
    }

    #[test]
    fn sorts_and_drops_repeats() {
        let errors = vec![Diagnostic::error("b", "two"), Diagnostic::error("a", "one"), Diagnostic::error("b", "two")];
        let all = Diagnostics::check((), errors).unwrap_err();
        assert_eq!(all.to_string(), "cgolink: error: one\ncgolink: error: two");
        assert!(Diagnostics::check(1, vec![]).is_ok());
    }
}

//! What reaches the terminal: errors and warnings on standard error, as text or as JSON; answers to questions on
//! standard output. A reader that has gone away is nobody's error.

use std::io::Write;

use crate::args::control::ErrorFormat;
use crate::diag::Diagnostics;
use crate::trace::Told;

/// Prints diagnostics in one form.
#[derive(Clone, Copy, Debug)]
pub struct Reporter {
    format: ErrorFormat,
}

impl Reporter {
    /// A reporter of this form.
    pub fn new(format: ErrorFormat) -> Self {
        Reporter { format }
    }

    /// Prints to standard error.
    pub fn errors(&self, diagnostics: &Diagnostics) {
        let text = self.render(diagnostics);
        let _ = std::io::stderr().lock().write_all(text.as_bytes()); // nowhere is left to report a failure to
    }

    /// Prints what a link was asked to tell. It is for people whatever the form of errors.
    pub fn tell(&self, told: &Told) {
        let text = |lines: &[String]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        print(&text(&told.answers));
        self.say(&text(&told.remarks));
    }

    /// Prints a text for people to standard error.
    pub fn say(&self, text: &str) {
        let _ = std::io::stderr().lock().write_all(text.as_bytes()); // as above
    }

    /// The lines that [`Reporter::errors`] prints.
    pub fn render(&self, diagnostics: &Diagnostics) -> String {
        match self.format {
            ErrorFormat::Text => format!("{diagnostics}\n"),
            ErrorFormat::Json => diagnostics.to_json_lines(),
        }
    }
}

/// Prints an answer to standard output.
pub fn print(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes()); // as above
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Diagnostic;

    #[test]
    fn one_object_a_line_or_text() {
        let all = Diagnostics::from(Diagnostic::error("a", "one")).and(Diagnostic::warning("b", "two").into());
        let lines = Reporter::new(ErrorFormat::Json).render(&all);
        assert_eq!(lines.lines().count(), 2);
        assert!(lines.lines().all(|line| line.starts_with('{') && line.ends_with('}')), "{lines}");
        assert_eq!(Reporter::new(ErrorFormat::Text).render(&all), "cgolink: error: one\ncgolink: warning: two\n");
    }
}

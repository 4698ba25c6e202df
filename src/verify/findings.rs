//! What is reported: differences, a few for each section.

use std::collections::HashMap;

use serde::Serialize;

/// One difference.
#[derive(Clone, PartialEq, Eq, Serialize, Debug)]
pub struct Finding {
    /// The section, or the part of a section that has a name of its own.
    pub section: String,
    /// Where in it: a symbol and offset, a field, the number of an entry.
    pub place: String,
    /// What the first file says.
    pub a: String,
    /// What the second file says.
    pub b: String,
}

/// Findings as they come, at most `limit` for each section.
pub struct Findings {
    limit: usize,
    all: Vec<Finding>,
    counts: HashMap<String, usize>,
}

impl Findings {
    /// None yet.
    pub fn new(limit: usize) -> Self {
        Findings { limit, all: Vec::new(), counts: HashMap::new() }
    }

    /// How many are kept for one section.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Whether another finding of this section would be kept.
    pub fn has_room(&self, section: &str) -> bool {
        self.counts.get(section).is_none_or(|count| *count < self.limit)
    }

    /// Whether a finding of this section was made.
    pub fn tell_of(&self, section: &str) -> bool {
        self.counts.contains_key(section)
    }

    /// Counts a difference, and keeps it while there is room.
    pub fn add(&mut self, section: &str, place: impl Into<String>, a: impl Into<String>, b: impl Into<String>) {
        let room = self.has_room(section);
        *self.counts.entry(section.to_owned()).or_default() += 1;
        if room {
            self.all.push(Finding { section: section.to_owned(), place: place.into(), a: a.into(), b: b.into() });
        }
    }

    /// Adds a difference between two numbers, if they differ.
    pub fn number(&mut self, section: &str, place: &str, a: u64, b: u64) {
        if a != b {
            self.add(section, place, number(a), number(b));
        }
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Whether some section may have more differences than were kept.
    pub fn is_cut(&self) -> bool {
        self.counts.values().any(|count| *count >= self.limit)
    }

    /// Those that were kept.
    pub fn into_all(self) -> Vec<Finding> {
        self.all
    }
}

/// A number as both of its usual forms, where they differ.
pub fn number(value: u64) -> String {
    if value < 10 { value.to_string() } else { format!("{value:#x} ({value})") }
}

/// Text out of a file, short and without control characters.
pub fn text(bytes: &[u8]) -> String {
    const MOST: usize = 200;
    let shown = &bytes[..bytes.len().min(MOST)];
    let dots = if bytes.len() > MOST { "..." } else { "" };
    format!("{}{dots}", String::from_utf8_lossy(shown).escape_debug())
}

/// A few bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

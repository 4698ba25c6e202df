//! What is printed: parts with facts and tables, once as aligned text and once as JSON.

use std::fmt::Write;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

/// A file, a member, an object.
#[derive(Clone, PartialEq, Debug)]
pub struct Part {
    title: String,
    entries: Vec<(&'static str, Entry)>,
}

#[derive(Clone, PartialEq, Debug)]
enum Entry {
    Fact(Value),
    Table(Table),
    Parts(Vec<Part>),
}

/// A fact.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// Text.
    Text(String),
    /// A count or size.
    Number(i64),
    /// An address, offset or flag word.
    Hex(u64),
    /// Yes or no.
    Flag(bool),
    /// Several words.
    List(Vec<String>),
}

/// Rows of facts.
#[derive(Clone, PartialEq, Debug)]
pub struct Table {
    columns: &'static [&'static str],
    rows: Vec<Vec<Value>>,
}

/// Columns grow to this width; longer facts push the rest of their row.
const WIDEST: usize = 48;

impl Part {
    /// An empty one.
    pub fn new(title: impl Into<String>) -> Self {
        Part { title: title.into(), entries: Vec::new() }
    }

    /// The same with one more fact.
    pub fn fact(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.entries.push((name, Entry::Fact(value.into())));
        self
    }

    /// The same with a table, if it has rows.
    pub fn table(mut self, name: &'static str, columns: &'static [&'static str], rows: Vec<Vec<Value>>) -> Self {
        if !rows.is_empty() {
            self.entries.push((name, Entry::Table(Table { columns, rows })));
        }
        self
    }

    /// The same with parts of its own, if there are any.
    pub fn parts(mut self, name: &'static str, parts: Vec<Part>) -> Self {
        if !parts.is_empty() {
            self.entries.push((name, Entry::Parts(parts)));
        }
        self
    }

    /// Drops the tables that are not named.
    pub fn keep(&mut self, names: &[String]) {
        self.entries.retain_mut(|(name, entry)| match entry {
            Entry::Table(_) => names.iter().any(|kept| kept == name),
            Entry::Fact(_) => true,
            Entry::Parts(parts) => {
                parts.iter_mut().for_each(|part| part.keep(names));
                true
            }
        });
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, 0);
        out
    }

    fn write(&self, out: &mut String, depth: usize) {
        let indent = "  ".repeat(depth);
        let _ = writeln!(out, "{indent}{}", self.title); // a String takes everything
        let widest = self.entries.iter().map(|(name, _)| name.len()).max().unwrap_or(0) + 1;
        for (name, entry) in &self.entries {
            match entry {
                Entry::Fact(value) => {
                    let _ = writeln!(out, "{indent}  {:widest$} {}", format!("{name}:"), value.text());
                }
                Entry::Table(table) => {
                    let _ = writeln!(out, "{indent}  {name} ({}):", table.rows.len());
                    table.write(out, depth + 2);
                }
                Entry::Parts(parts) => parts.iter().for_each(|part| part.write(out, depth + 1)),
            }
        }
    }
}

impl Table {
    fn write(&self, out: &mut String, depth: usize) {
        let rows: Vec<Vec<String>> = self.rows.iter().map(|row| row.iter().map(Value::text).collect()).collect();
        let mut widths: Vec<usize> = self.columns.iter().map(|column| column.len()).collect();
        for row in &rows {
            for (width, text) in widths.iter_mut().zip(row) {
                *width = (*width).max(text.chars().count()).min(WIDEST);
            }
        }
        let indent = "  ".repeat(depth);
        let mut line = |cells: &mut dyn Iterator<Item = &str>| {
            let padded = cells.zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            let _ = writeln!(out, "{indent}{}", padded.collect::<Vec<_>>().join("  ").trim_end());
        };
        line(&mut self.columns.iter().copied());
        for row in &rows {
            line(&mut row.iter().map(String::as_str));
        }
    }
}

impl Value {
    fn text(&self) -> String {
        match self {
            Value::Text(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Hex(number) => format!("{number:#x}"),
            Value::Flag(flag) => (if *flag { "yes" } else { "no" }).to_owned(),
            Value::List(words) => words.join(" "),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

impl From<&[u8]> for Value {
    /// Names in files need not be UTF-8.
    fn from(text: &[u8]) -> Self {
        Value::Text(String::from_utf8_lossy(text).escape_debug().to_string())
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Value::Flag(flag)
    }
}

impl From<Vec<String>> for Value {
    fn from(words: Vec<String>) -> Self {
        Value::List(words)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Value::Number(i64::from(number))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Number(number)
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Value::Number(number as i64)
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.entries.len() + 1))?;
        map.serialize_entry("title", &self.title)?;
        for (name, entry) in &self.entries {
            match entry {
                Entry::Fact(value) => map.serialize_entry(name, value)?,
                Entry::Table(table) => map.serialize_entry(name, table)?,
                Entry::Parts(parts) => map.serialize_entry(name, parts)?,
            }
        }
        map.end()
    }
}

impl Serialize for Table {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Row<'t>(&'t [&'static str], &'t [Value]);
        impl Serialize for Row<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map(self.0.iter().zip(self.1))
            }
        }
        let mut rows = serializer.serialize_seq(Some(self.rows.len()))?;
        for row in &self.rows {
            rows.serialize_element(&Row(self.columns, row))?;
        }
        rows.end()
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Text(text) => serializer.serialize_str(text),
            Value::Number(number) => serializer.serialize_i64(*number),
            Value::Hex(number) => serializer.serialize_u64(*number),
            Value::Flag(flag) => serializer.serialize_bool(*flag),
            Value::List(words) => words.serialize(serializer),
        }
    }
}

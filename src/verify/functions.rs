//! Symbols and `.gopclntab`: lists of functions, then the first functions whose records differ in what they say, then
//! the tables themselves.

use super::findings::{Findings, hex, number, text};
use super::lists::{self, Entry, Names};
use super::locate::Locator;
use crate::executable::Symbol;
use crate::executable::bytes::until_nul;
use crate::executable::functions::{Function, PcLineTable};

const SECTION: &str = ".gopclntab";

/// Compares symbol tables and function tables.
pub fn compare(sides: &[Locator<'_>; 2], findings: &mut Findings) {
    if let [Some(a), Some(b)] = sides.each_ref().map(|side| side.functions.as_ref()) {
        let names = Names { section: "functions", entries: "functions", number: "size" };
        let [one, other] = [a, b].map(function_list);
        lists::compare(names, &one, &other, findings);
        tables(a, b, findings);
    }
    symbols(sides, findings);
}

fn function_list<'data>(table: &PcLineTable<'data>) -> Vec<Entry<'data>> {
    table
        .functions
        .iter()
        .map(|function| (function.name, u64::from(function.end.wrapping_sub(function.entry))))
        .collect()
}

/// `.symtab`: names and sizes, then the first entries that differ in anything.
fn symbols(sides: &[Locator<'_>; 2], findings: &mut Findings) {
    let [a, b] = sides.each_ref().map(|side| side.image.symbols.as_slice());
    if a == b || a.is_empty() || b.is_empty() {
        return;
    }
    let section = ".symtab";
    fn list<'data>(symbols: &[Symbol<'data>]) -> Vec<Entry<'data>> {
        symbols.iter().map(|symbol| (symbol.name, symbol.size)).collect()
    }
    lists::compare(Names { section, entries: "symbols", number: "size" }, &list(a), &list(b), findings);
    let differing = a.iter().zip(b).enumerate().filter(|(_, (one, other))| one != other);
    for (index, (one, other)) in differing.take(findings.limit()) {
        let say = |symbol: &Symbol<'_>| {
            let Symbol { name, value, size, info, other, section } = symbol;
            format!("{} value {value:#x} size {size:#x} info {info:#x} other {other} section {section}", text(name))
        };
        findings.add(section, format!("entry {}", index + 1), say(one), say(other));
    }
}

fn tables(a: &PcLineTable<'_>, b: &PcLineTable<'_>, findings: &mut Findings) {
    for ((name, one), (_, other)) in a.header.iter().zip(&b.header) {
        findings.number("pclntab header", name, *one, *other);
    }
    let pairs = a.functions.iter().zip(&b.functions).filter(|(one, other)| one.name == other.name && one != other);
    for (one, other) in pairs {
        if !findings.has_room(SECTION) {
            break;
        }
        records((a, one), (b, other), findings);
    }
    for ((name, one), (_, other)) in a.tables.iter().zip(&b.tables) {
        if one != other {
            table(name, one, other, findings);
        }
    }
}

/// A function's record: what it says, and only if that is equal where it says it.
fn records(a: (&PcLineTable<'_>, &Function<'_>), b: (&PcLineTable<'_>, &Function<'_>), findings: &mut Findings) {
    let ((in_a, a), (in_b, b)) = (a, b);
    let mut add = |field: &str, one: String, other: String| {
        findings.add(SECTION, format!("{}: {field}", text(a.name)), one, other);
    };
    for ((field, one), (_, other)) in a.facts.iter().zip(&b.facts) {
        if one != other {
            return add(field, number(u64::from(*one)), number(u64::from(*other)));
        }
    }
    let pc_tables = |function: &Function<'_>| {
        let own = ["pcsp", "pcfile", "pcln"].map(|name| (name.to_owned(), function.offset(name)));
        let data = function.pcdata.iter().enumerate().map(|(index, offset)| (format!("pcdata {index}"), *offset));
        own.into_iter().chain(data).collect::<Vec<_>>()
    };
    let (one, other) = (pc_tables(a), pc_tables(b));
    for ((field, one), (_, other)) in one.iter().zip(&other) {
        let (from, to) = (in_a.pc_values(*one), in_b.pc_values(*other));
        if from != to {
            let few = |bytes: &[u8]| format!("{} ({} bytes)", hex(&bytes[..bytes.len().min(24)]), bytes.len());
            return add(field, few(from), few(to));
        }
    }
    let files = |table: &PcLineTable<'_>, function: &Function<'_>| text(table.first_file(function).unwrap_or(b""));
    let (from, to) = (files(in_a, a), files(in_b, b));
    if from != to {
        return add("file", from, to);
    }
    let funcdata = a.funcdata.iter().zip(&b.funcdata).enumerate().find(|(_, (one, other))| one != other);
    if let Some((index, (from, to))) = funcdata {
        return add(&format!("funcdata {index}"), number(u64::from(*from)), number(u64::from(*to)));
    }
    let places = one.into_iter().zip(other).find(|(one, other)| one != other);
    if let Some(((field, from), (_, to))) = places {
        return add(&format!("offset of {field}"), number(u64::from(from)), number(u64::from(to)));
    }
    for ((field, from), (_, to)) in a.offsets.iter().zip(&b.offsets) {
        if from != to {
            return add(field, number(u64::from(*from)), number(u64::from(*to)));
        }
    }
    let place = |function: &Function<'_>| format!("text+{:#x}, record at {:#x}", function.entry, function.record);
    add("place", place(a), place(b));
}

/// The first difference of a table: for names the names there, else the bytes.
fn table(name: &str, a: &[u8], b: &[u8], findings: &mut Findings) {
    let at = a.iter().zip(b).position(|(one, other)| one != other).unwrap_or(a.len().min(b.len()));
    let say = |bytes: &[u8]| match name {
        "funcnametab" | "filetab" => {
            let start = bytes[..at].iter().rposition(|byte| *byte == 0).map_or(0, |nul| nul + 1);
            text(until_nul(bytes, start).unwrap_or(b""))
        }
        _ => hex(&bytes[at..bytes.len().min(at + 16)]),
    };
    findings.add(
        &format!("pclntab {name}"),
        format!("offset {at:#x} of {:#x} | {:#x}", a.len(), b.len()),
        say(a),
        say(b),
    );
}

//! Two lists that should be the same: what is in one only, what differs in a number, where the order parts.

use std::collections::HashMap;

use super::findings::{Findings, number, text};

/// An entry: its name, and a number that belongs to it.
pub type Entry<'a> = (&'a [u8], u64);

/// What lists are of.
#[derive(Clone, Copy)]
pub struct Names {
    /// The section that findings go to.
    pub section: &'static str,
    /// What the entries are, in the plural.
    pub entries: &'static str,
    /// What the numbers are; empty if they do not count.
    pub number: &'static str,
}

/// Compares two lists by name.
pub fn compare(names: Names, a: &[Entry<'_>], b: &[Entry<'_>], findings: &mut Findings) {
    let Names { section, entries, number: counted } = names;
    if a == b {
        return;
    }
    let (extra, missing) = (without(a, b), without(b, a));
    if !extra.is_empty() || !missing.is_empty() {
        let few = |names: &[&[u8]]| {
            let shown: Vec<String> = names.iter().take(8).map(|name| text(name)).collect();
            let dots = if names.len() > 8 { ", ..." } else { "" };
            format!("{}: {}{dots}", names.len(), shown.join(", "))
        };
        findings.add(section, format!("{entries} that the other has not"), few(&extra), few(&missing));
    }
    if !counted.is_empty() {
        numbers(names, a, b, findings);
    }
    if extra.is_empty() && missing.is_empty() {
        let first = a.iter().zip(b).position(|(one, other)| one.0 != other.0);
        if let Some(at) = first {
            let say = |list: &[Entry<'_>]| {
                let before = at.checked_sub(1).map_or_else(|| "the start".to_owned(), |before| text(list[before].0));
                format!("{} (after {before})", text(list[at].0))
            };
            findings.add(section, format!("order of {entries}, entry {at}"), say(a), say(b));
        }
    }
}

/// The first entries of the same name whose numbers differ.
fn numbers(names: Names, a: &[Entry<'_>], b: &[Entry<'_>], findings: &mut Findings) {
    let mut others: HashMap<&[u8], Vec<u64>> = HashMap::new();
    for (name, number) in b.iter().rev() {
        others.entry(name).or_default().push(*number);
    }
    for (name, value) in a {
        if let Some(other) = others.get_mut(name).and_then(Vec::pop)
            && other != *value
        {
            let place = format!("{} of {}", names.number, text(name));
            findings.add(names.section, place, number(*value), number(other));
        }
    }
}

/// The names of `a` that `b` has fewer times.
fn without<'a>(a: &[Entry<'a>], b: &[Entry<'_>]) -> Vec<&'a [u8]> {
    let mut counts: HashMap<&[u8], usize> = HashMap::new();
    for (name, _) in b {
        *counts.entry(name).or_default() += 1;
    }
    let mut left = Vec::new();
    for (name, _) in a {
        match counts.get_mut(name) {
            Some(count) if *count > 0 => *count -= 1,
            _ => left.push(*name),
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(a: &[Entry<'_>], b: &[Entry<'_>]) -> Vec<[String; 3]> {
        let mut findings = Findings::new(9);
        compare(Names { section: "list", entries: "things", number: "size" }, a, b, &mut findings);
        findings.into_all().into_iter().map(|found| [found.place, found.a, found.b]).collect()
    }

    #[test]
    fn what_only_one_has_counts_before_order() {
        let found = found(&[(b"a", 1), (b"b", 2), (b"b", 2)], &[(b"b", 2), (b"c", 3)]);
        assert_eq!(found, [["things that the other has not", "2: a, b", "1: c"].map(str::to_owned)]);
    }

    #[test]
    fn numbers_and_order() {
        let found = found(&[(b"a", 1), (b"b", 2)], &[(b"b", 3), (b"a", 1)]);
        let expected =
            [["size of b", "2", "3"], ["order of things, entry 0", "a (after the start)", "b (after the start)"]];
        assert_eq!(found, expected.map(|line| line.map(str::to_owned)));
    }

    #[test]
    fn equal_lists_say_nothing() {
        assert!(found(&[(b"a", 1)], &[(b"a", 1)]).is_empty());
    }
}

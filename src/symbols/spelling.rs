//! "Did you mean": for a name that nothing defines, the definition that was probably meant.
//!
//! Only the error path builds a [`Dictionary`], so that a link that succeeds pays nothing. A lookup by exact form is one
//! hash; [`Dictionary::nearest`] compares with names of about the same length only.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;

/// One definition that the link could see: loaded, or offered by an archive's index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Known<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Which file has it: an index into [`super::missing::Context::files`].
    pub file: usize,
    /// Whether the name is local to its file (`static`, STB_LOCAL), so that others cannot refer to it.
    pub is_local: bool,
}

/// What a name can be mistaken for.
#[derive(Clone, Debug)]
pub struct Dictionary<'a> {
    /// Global names. Where several files define one, the first.
    exact: HashMap<&'a [u8], Known<'a>>,
    local: HashMap<&'a [u8], Known<'a>>,
    /// Mangled names by the identifier in the source.
    mangled: HashMap<Cow<'a, [u8]>, (Known<'a>, Language)>,
    lower: HashMap<Vec<u8>, Known<'a>>,
    /// Plain global names by length, sorted, each with its [`letters`].
    by_length: Vec<Vec<(u64, Known<'a>)>>,
    /// Comparisons letter by letter that [`Dictionary::nearest`] may still make.
    budget: Cell<u32>,
}

/// Who mangled a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Language {
    /// A C++ compiler.
    Cpp,
    /// rustc.
    Rust,
}

/// How the definition that was found differs from the name that was wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Difference {
    /// The definition is mangled: `extern "C"` or `#[no_mangle]` is missing there.
    Mangled(Language),
    /// The reference is mangled: `extern "C"` is missing in the header.
    ReferenceMangled,
    /// An underscore in front is missing or too many.
    Underscore,
    /// The definition is `static`.
    Local,
    /// Upper and lower case.
    Case,
    /// A letter or two.
    Letters,
}

/// Names longer than this are not compared letter by letter: they are mangled, and their neighbours are overloads.
const LONGEST: usize = 80;
/// Comparisons letter by letter for all names of a report together: well under a second, however large the program.
const COMPARISONS: u32 = 500_000;

impl<'a> Dictionary<'a> {
    /// Of all definitions, in the order in which the link saw them.
    pub fn new(known: &[Known<'a>]) -> Self {
        let mut dictionary = Dictionary {
            exact: HashMap::with_capacity(known.len()),
            local: HashMap::new(),
            mangled: HashMap::new(),
            lower: HashMap::new(),
            by_length: vec![Vec::new(); LONGEST + 1],
            budget: Cell::new(COMPARISONS),
        };
        for &one in known {
            if one.is_local {
                dictionary.local.entry(one.name).or_insert(one);
            } else {
                dictionary.exact.entry(one.name).or_insert(one);
            }
            if let Some((identifier, language)) = identifier(one.name) {
                dictionary.mangled.entry(identifier).or_insert((one, language));
            }
        }
        for &one in dictionary.exact.values() {
            if one.name.len() <= LONGEST && !one.name.starts_with(b"_Z") && !one.name.starts_with(b"_R") {
                dictionary.by_length[one.name.len()].push((letters(one.name), one));
            }
        }
        // The map's order is random: sorted, what is suggested never varies.
        for names in &mut dictionary.by_length {
            names.sort_unstable_by_key(|(_, one)| one.name);
            for (_, one) in names {
                dictionary.lower.entry(one.name.to_ascii_lowercase()).or_insert(*one);
            }
        }
        dictionary
    }

    /// The definition whose name is the wanted one in another form; certain enough to be shown first.
    pub fn other_form(&self, name: &[u8]) -> Option<(Known<'a>, Difference)> {
        if let Some((wanted, _)) = identifier(name) {
            return self.exact.get(wanted.as_ref()).map(|one| (*one, Difference::ReferenceMangled));
        }
        if let Some((one, language)) = self.mangled.get(name) {
            return Some((*one, Difference::Mangled(*language)));
        }
        if let Some(one) = self.local.get(name) {
            return Some((*one, Difference::Local));
        }
        let without = name.strip_prefix(b"_").filter(|rest| rest.len() > 1).and_then(|rest| self.exact.get(rest));
        let with = || self.exact.get([b"_", name].concat().as_slice());
        without.or_else(with).map(|one| (*one, Difference::Underscore))
    }

    /// The definition whose name is nearest: one edit for every six letters, at most three.
    pub fn nearest(&self, name: &[u8]) -> Option<(Known<'a>, Difference)> {
        if name.len() < 4 || name.len() > LONGEST {
            return None;
        }
        if let Some(one) = self.lower.get(&name.to_ascii_lowercase()) {
            return Some((*one, Difference::Case));
        }
        let mut allowed = (name.len() / 6).clamp(1, 3);
        let mut best = None;
        let mut budget = self.budget.get();
        let wanted = letters(name);
        for length in name.len().saturating_sub(allowed)..=(name.len() + allowed).min(LONGEST) {
            for (letters, one) in &self.by_length[length] {
                // An edit brings in one letter at most and takes one away.
                if (letters ^ wanted).count_ones() as usize > 2 * allowed || budget == 0 {
                    continue;
                }
                budget -= 1;
                if let Some(distance) = distance(name, one.name, allowed)
                    && best.is_none_or(|(_, least)| distance < least)
                {
                    best = Some((*one, distance));
                    allowed = distance;
                }
            }
        }
        self.budget.set(budget);
        best.map(|(one, _)| (one, Difference::Letters))
    }
}

/// The identifier in the source of a mangled name: of a C++ function outside classes and namespaces, or the last
/// element of a Rust path.
fn identifier(name: &[u8]) -> Option<(Cow<'_, [u8]>, Language)> {
    if name.starts_with(b"_R") {
        let readable = format!("{:#}", rustc_demangle::try_demangle(std::str::from_utf8(name).ok()?).ok()?);
        let last = readable.rsplit("::").next().unwrap_or_default().to_owned();
        return Some((Cow::Owned(last.into_bytes()), Language::Rust));
    }
    let rest = name.strip_prefix(b"_Z")?;
    let Some(mut path) = rest.strip_prefix(b"N") else {
        return element(rest).map(|(element, _)| (Cow::Borrowed(element), Language::Cpp));
    };
    let mut last_two = (None, None);
    while let Some((element, after)) = element(path) {
        last_two = (last_two.1, Some(element));
        path = after;
    }
    let (Some(function), Some(hash)) = last_two else { return None };
    let is_hash = hash.len() == 17 && hash[0] == b'h' && hash[1..].iter().all(u8::is_ascii_hexdigit);
    (is_hash && path == b"E").then_some((Cow::Borrowed(function), Language::Rust))
}

/// `<length><letters>` and what follows.
fn element(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let length: usize = std::str::from_utf8(&text[..digits]).ok()?.parse().ok()?;
    text[digits..].split_at_checked(length).filter(|(element, _)| !element.is_empty())
}

/// Which bytes occur, modulo 64, as a set.
fn letters(name: &[u8]) -> u64 {
    name.iter().fold(0, |set, byte| set | 1 << (byte & 63))
}

/// Insertions, deletions, replacements and swaps of neighbours that turn `from` into `to`, if at most `limit`.
fn distance(from: &[u8], to: &[u8], limit: usize) -> Option<usize> {
    if from.len().abs_diff(to.len()) > limit || from.len() > LONGEST || to.len() > LONGEST {
        return None;
    }
    // Cells further than `limit` from the diagonal cost more than `limit`: they are not computed, but stay "far".
    let far = limit as u8 + 1;
    let mut rows = [[far; LONGEST + 2]; 3];
    for (column, cell) in rows[1].iter_mut().enumerate().take(limit + 1) {
        *cell = column as u8;
    }
    for (row, &letter) in from.iter().enumerate() {
        let [before, above, current] = &mut rows;
        let (first, end) = (row.saturating_sub(limit), (row + limit + 1).min(to.len()));
        current[first] = if first == 0 { (row + 1).min(limit + 1) as u8 } else { far };
        current[end + 1] = far;
        let mut least = current[first];
        for column in first..end {
            let other = to[column];
            let replaced = above[column] + u8::from(letter != other);
            let mut cost = replaced.min(above[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && letter == to[column - 1] && from[row - 1] == other {
                cost = cost.min(before[column - 1] + 1);
            }
            cost = cost.min(far);
            current[column + 1] = cost;
            least = least.min(cost);
        }
        if least == far {
            return None;
        }
        rows.rotate_left(1);
    }
    let result = usize::from(rows[1][to.len()]);
    (result <= limit).then_some(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutation::numbers;

    fn dictionary(names: &[&'static str]) -> Dictionary<'static> {
        let known: Vec<Known> =
            names.iter().map(|name| Known { name: name.as_bytes(), file: 0, is_local: false }).collect();
        Dictionary::new(&known)
    }

    #[test]
    fn counts_edits() {
        let cases =
            [("kitten", "sitting", Some(3)), ("abcd", "abdc", Some(1)), ("same", "same", Some(0)), ("ab", "xyz", None)];
        for (from, to, expected) in cases {
            assert_eq!(
                distance(from.as_bytes(), to.as_bytes(), 3).filter(|_| expected.is_some()),
                expected,
                "{from} {to}"
            );
        }
        assert_eq!(distance(b"kitten", b"sitting", 2), None);
    }

    /// The same by the definition, without band or limit.
    fn plain_distance(from: &[u8], to: &[u8]) -> usize {
        let mut table = vec![vec![0usize; to.len() + 1]; from.len() + 1];
        for row in 0..=from.len() {
            for column in 0..=to.len() {
                table[row][column] = if row == 0 || column == 0 {
                    row + column
                } else {
                    let same = from[row - 1] == to[column - 1];
                    let mut cost = (table[row - 1][column - 1] + usize::from(!same))
                        .min(table[row - 1][column] + 1)
                        .min(table[row][column - 1] + 1);
                    if row > 1 && column > 1 && from[row - 1] == to[column - 2] && from[row - 2] == to[column - 1] {
                        cost = cost.min(table[row - 2][column - 2] + 1);
                    }
                    cost
                };
            }
        }
        table[from.len()][to.len()]
    }

    #[test]
    fn the_band_changes_no_distance() {
        let mut random = numbers(0x2545_f491_4f6c_dd1d);
        for _ in 0..5000 {
            let mut word = || (0..random(9)).map(|_| b'a' + random(3) as u8).collect::<Vec<u8>>();
            let (from, to) = (word(), word());
            let expected = plain_distance(&from, &to);
            for limit in 0..=3 {
                assert_eq!(
                    distance(&from, &to, limit),
                    (expected <= limit).then_some(expected),
                    "{from:?} {to:?} {limit}"
                );
            }
        }
    }

    #[test]
    fn finds_the_nearest_name() {
        let words = dictionary(&["animal_make_dog", "animal_make_cat", "animal_print", "Initial_Setup"]);
        let found = |name: &str| words.nearest(name.as_bytes()).map(|(one, how)| (one.name, how));
        assert_eq!(found("animal_make_dgo"), Some((&b"animal_make_dog"[..], Difference::Letters)));
        assert_eq!(found("animal_prints"), Some((&b"animal_print"[..], Difference::Letters)));
        assert_eq!(found("initial_setup"), Some((&b"Initial_Setup"[..], Difference::Case)));
        assert_eq!(found("something_else"), None);
        assert_eq!(found("dog"), None);
    }

    #[test]
    fn finds_other_forms_of_a_name() {
        let words =
            dictionary(&["_Z8greet_mei", "_ZN5mylib3run17h0123456789abcdefE", "_open_it", "plain", "_ZN3Foo4openEv"]);
        let found = |name: &str| words.other_form(name.as_bytes()).map(|(one, how)| (one.name.len(), how));
        assert_eq!(found("greet_me"), Some((12, Difference::Mangled(Language::Cpp))));
        assert_eq!(found("run"), Some((33, Difference::Mangled(Language::Rust))));
        assert_eq!(found("open_it"), Some((8, Difference::Underscore)));
        assert_eq!(found("_plain"), Some((5, Difference::Underscore)));
        assert_eq!(found("_Z5plainv"), Some((5, Difference::ReferenceMangled)));
        assert_eq!(found("open"), None); // a method is no function of that name
        let local = [Known { name: b"helper", file: 3, is_local: true }];
        let (one, how) = Dictionary::new(&local).other_form(b"helper").unwrap();
        assert_eq!((one.file, how), (3, Difference::Local));
    }

    #[test]
    fn odd_names_are_no_trouble() {
        let words = dictionary(&["", "_", "_Z", "_ZN", "_Z99999999999999999999x", "_R", "_RNv", "_ZN1aE", "_Z0"]);
        for name in [&b""[..], b"_", b"_Z", b"_ZN3", b"_R", b"\xff\xff\xff\xff\xff", &[b'x'; 500]] {
            let _ = (words.other_form(name), words.nearest(name));
        }
    }
}

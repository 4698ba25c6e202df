//! The patterns of scripts over file, section and symbol names: `*`, `?`, `[a-z]`, `[!a-z]` and `\` as in `fnmatch(3)`
//! without flags, so that `*` also stands for slashes.

/// A pattern, sorted by how dear it is to try.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Glob {
    /// `*`.
    Any,
    /// No wildcard.
    Exact(Vec<u8>),
    /// Text, then `*`.
    Prefix(Vec<u8>),
    /// Anything else.
    General(Vec<u8>),
}

impl Glob {
    /// Sorts a pattern.
    pub fn new(pattern: &[u8]) -> Self {
        let wild = |byte: &u8| matches!(byte, b'*' | b'?' | b'[' | b'\\');
        match pattern.iter().position(wild) {
            None => Glob::Exact(pattern.to_vec()),
            Some(0) if pattern == b"*" => Glob::Any,
            Some(at) if at + 1 == pattern.len() && pattern[at] == b'*' => Glob::Prefix(pattern[..at].to_vec()),
            Some(_) => Glob::General(pattern.to_vec()),
        }
    }

    /// Whether the whole of `text` fits.
    pub fn matches(&self, text: &[u8]) -> bool {
        match self {
            Glob::Any => true,
            Glob::Exact(name) => name == text,
            Glob::Prefix(prefix) => text.starts_with(prefix),
            Glob::General(pattern) => glob_matches(pattern, text),
        }
    }
}

/// Whether the whole of `text` fits `pattern`. Takes time in the product of the lengths at worst.
pub fn glob_matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut from) = (0, 0);
    // The last `*`, and where the text that it stands for ends so far: only the last one ever has to give way.
    let mut star: Option<(usize, usize)> = None;
    loop {
        let step = match pattern.get(at) {
            None if from == text.len() => return true,
            Some(b'*') => {
                star = Some((at + 1, from));
                at += 1;
                continue;
            }
            None => None,
            Some(_) => text.get(from).and_then(|&byte| one(&pattern[at..], byte)),
        };
        match (step, star) {
            (Some(length), _) => {
                at += length;
                from += 1;
            }
            (None, Some((after, covered))) if covered < text.len() => {
                star = Some((after, covered + 1));
                at = after;
                from = covered + 1;
            }
            (None, _) => return false,
        }
    }
}

/// How many bytes of the pattern stand for `byte`, if its first element does.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern[0] {
        b'?' => Some(1),
        b'\\' if pattern.len() > 1 => (pattern[1] == byte).then_some(2),
        b'[' => match class(pattern, byte) {
            Some((fits, length)) => fits.then_some(length),
            None => (byte == b'[').then_some(1),
        },
        plain => (plain == byte).then_some(1),
    }
}

/// Whether `byte` is in the class that opens the pattern, and the class's length; `None` if it has no end.
fn class(pattern: &[u8], byte: u8) -> Option<(bool, usize)> {
    let negated = matches!(pattern.get(1), Some(b'!' | b'^'));
    let first = if negated { 2 } else { 1 };
    let mut at = first;
    let mut fits = false;
    loop {
        let low = *pattern.get(at)?;
        if low == b']' && at > first {
            return Some((fits != negated, at + 1));
        }
        match (pattern.get(at + 1), pattern.get(at + 2)) {
            (Some(b'-'), Some(&high)) if high != b']' => {
                fits |= (low..=high).contains(&byte);
                at += 3;
            }
            _ => {
                fits |= low == byte;
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_fnmatch_does() {
        let cases = [
            ("*", "", true),
            ("*", "a/b", true),
            ("*.o", "/x/y.o", true),
            ("*.o", "/x/y.oo", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*crt?.o", "/lib/crt1.o", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[^a-c]x", "dx", true),
            ("[]a]", "]", true),
            ("[abc", "[abc", true),
            (r"\*", "*", true),
            (r"\*", "a", false),
            ("*a*b*c", "xaybzc", true),
            ("*a*b*c", "xaybz", false),
            (".text.*_unlikely", ".text.foo_unlikely", true),
            ("", "", true),
            ("", "a", false),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(Glob::new(pattern.as_bytes()).matches(text.as_bytes()), expected, "{pattern} {text}");
            assert_eq!(glob_matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let pattern = b"*a".repeat(50);
        let text = b"a".repeat(2000);
        assert!(Glob::new(&pattern).matches(&text));
        assert!(!Glob::new(&[&pattern[..], b"b"].concat()).matches(&text));
    }
}

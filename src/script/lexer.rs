//! The cursor over a script's text. What a name is made of depends on where it stands (`*` is a glob in a section
//! pattern and a product in an expression), so the parser asks for the next word or operator in the way it needs.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use crate::diag::{self, Diagnostic, Origin};

/// What a reader of scripts returns. Boxed, so that the good case stays small.
pub type Parsed<T> = Result<T, Box<Diagnostic>>;

/// Longest nesting of parentheses and blocks; deeper input is refused instead of exhausting the stack.
pub const MAX_DEPTH: u32 = 100;

/// Where a word stands, which decides which characters it may hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Words {
    /// Symbols in expressions: letters, digits, `_`, `.`, `$`.
    Symbol,
    /// Output section names, ended by a colon.
    Section,
    /// Statements and globs over files and sections; an assignment operator ends them.
    Glob,
    /// Files of INPUT and SEARCH_DIR, which may hold `=`.
    File,
    /// Patterns of version scripts; `::` is part of them.
    Version,
}

/// What ends a list of statements.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Until {
    /// `}`, in the script that has the `{`.
    Brace,
    /// The end of an included file.
    End,
}

impl Until {
    /// Whether the end is reached, separators skipped; takes the brace.
    pub fn reached(self, lexer: &mut Lexer) -> Parsed<bool> {
        lexer.skip_separators()?;
        match self {
            Until::Brace => lexer.take("}"),
            Until::End => lexer.at_end(),
        }
    }
}

/// How many files one script may include in all: each could include the next one twice.
pub(super) const FILES: u32 = 1000;

/// Where the files of INCLUDE are looked for.
pub struct Includes<'a> {
    pub(super) find: &'a Find<'a>,
    /// How many more may be included.
    pub(super) left: Cell<u32>,
}

/// The file that a name means in a script.
pub type Find<'a> = dyn Fn(&Path, &Path) -> Option<PathBuf> + 'a;

impl<'a> Includes<'a> {
    /// Looks for them with `find`, which is given the name and the script that says it.
    pub fn new(find: &'a Find<'a>) -> Self {
        Includes { find, left: Cell::new(FILES) }
    }
}

/// A position in a script.
pub struct Lexer<'a> {
    text: &'a str,
    pub(super) path: &'a Path,
    position: usize,
    depth: u32,
    /// Where INCLUDE looks, in scripts that may have it.
    pub(super) includes: Option<&'a Includes<'a>>,
    /// The scripts that include this one.
    pub(super) open: Vec<PathBuf>,
}

/// Scripts are UTF-8, of which GNU ld's own syntax needs only the ASCII part.
pub(super) fn decode<'a>(text: &'a [u8], path: &Path) -> diag::Result<&'a str> {
    std::str::from_utf8(text).map_err(|error| {
        let offset = error.valid_up_to() as u64;
        Diagnostic::error("bad-script", "not a linker script: bytes that are no UTF-8 text")
            .at(Origin::file(path).at(offset))
            .into()
    })
}

impl<'a> Lexer<'a> {
    /// Starts at the first character. `path` is what errors name; an empty one names nothing.
    pub fn new(text: &'a str, path: &'a Path) -> Self {
        Lexer { text, path, position: 0, depth: 0, includes: None, open: Vec::new() }
    }

    /// The same for a script that may include others, and is included by those that are `open`.
    pub(super) fn including(text: &'a str, path: &'a Path, includes: &'a Includes<'a>, open: Vec<PathBuf>) -> Self {
        Lexer { includes: Some(includes), open, ..Lexer::new(text, path) }
    }

    /// The text not yet read, blanks and comments skipped.
    pub fn rest(&mut self) -> Parsed<&'a str> {
        loop {
            let rest = &self.text[self.position..];
            let trimmed = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\u{b}');
            self.position += rest.len() - trimmed.len();
            if let Some(comment) = trimmed.strip_prefix("/*") {
                let Some(end) = comment.find("*/") else {
                    return Err(self.error("comment without an end"));
                };
                self.position += end + 4;
            } else if trimmed.starts_with('#') {
                self.position += trimmed.find('\n').unwrap_or(trimmed.len());
            } else {
                return Ok(trimmed);
            }
        }
    }

    /// Whether nothing is left.
    pub fn at_end(&mut self) -> Parsed<bool> {
        Ok(self.rest()?.is_empty())
    }

    /// Takes `token` if it is next.
    pub fn take(&mut self, token: &str) -> Parsed<bool> {
        let found = self.rest()?.starts_with(token);
        if found {
            self.position += token.len();
        }
        Ok(found)
    }

    /// Takes `token`, or fails with what stands there instead.
    pub fn expect(&mut self, token: &str) -> Parsed<()> {
        if self.take(token)? { Ok(()) } else { Err(self.expected(&format!("'{token}'"))) }
    }

    /// Takes as many semicolons and commas as there are.
    pub fn skip_separators(&mut self) -> Parsed<()> {
        while self.take(";")? || self.take(",")? {}
        Ok(())
    }

    /// The word next, without taking it; empty if a word cannot start here.
    pub fn peek_word(&mut self, words: Words) -> Parsed<&'a str> {
        let rest = self.rest()?;
        if let Some(quoted) = rest.strip_prefix('"') {
            let end = quoted.find('"').ok_or_else(|| self.error("quotation mark without an end"))?;
            return Ok(&quoted[..end]);
        }
        Ok(&rest[..word_length(rest, words)])
    }

    /// Takes the word next, quoted or plain; `None` if a word cannot start here.
    pub fn word(&mut self, words: Words) -> Parsed<Option<&'a str>> {
        let quoted = self.rest()?.starts_with('"');
        let word = self.peek_word(words)?;
        if word.is_empty() && !quoted {
            return Ok(None);
        }
        self.position += word.len() + if quoted { 2 } else { 0 };
        Ok(Some(word))
    }

    /// Takes the word next, or fails, saying that `what` was expected.
    pub fn name(&mut self, words: Words, what: &str) -> Parsed<&'a str> {
        match self.word(words)? {
            Some(word) if !word.is_empty() => Ok(word),
            _ => Err(self.expected(what)),
        }
    }

    /// Takes `keyword` if it is the next plain word.
    pub fn keyword(&mut self, keyword: &str) -> Parsed<bool> {
        let found = !self.rest()?.starts_with('"') && self.peek_word(Words::Symbol)? == keyword;
        if found {
            self.position += keyword.len();
        }
        Ok(found)
    }

    /// Takes `(`, what `inner` reads, and `)`.
    pub fn parenthesised<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.expect("(")?;
        let value = self.nested(inner)?;
        self.expect(")")?;
        Ok(value)
    }

    /// Runs `inner` one level deeper.
    pub fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            return Err(self.error(format!("more than {MAX_DEPTH} levels of nesting")));
        }
        self.depth += 1;
        let value = inner(self);
        self.depth -= 1;
        value
    }

    /// Advances over bytes that the caller has read from [`Lexer::rest`].
    pub fn advance(&mut self, bytes: usize) {
        self.position += bytes;
    }

    /// The offset in bytes, to return to with [`Lexer::back_to`].
    pub fn mark(&self) -> usize {
        self.position
    }

    /// Returns to a mark.
    pub fn back_to(&mut self, mark: usize) {
        self.position = mark;
    }

    /// An error that names what stands here and what should.
    pub fn expected(&mut self, what: &str) -> Box<Diagnostic> {
        let found = match self.rest() {
            Err(error) => return error,
            Ok("") => "the end of the script".to_owned(),
            Ok(rest) => {
                let length = word_length(rest, Words::Glob).max(rest.chars().next().map_or(0, char::len_utf8));
                let shown: String = rest[..length].chars().take(40).collect();
                format!("'{}'", shown.escape_debug())
            }
        };
        self.error(format!("expected {what}, found {found}"))
    }

    /// An error at this position.
    pub fn error(&self, message: impl Into<String>) -> Box<Diagnostic> {
        let before = &self.text.as_bytes()[..self.position.min(self.text.len())];
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        let column = 1 + before.iter().rev().take_while(|&&byte| byte != b'\n').count();
        let mut origin = Origin::default();
        if !self.path.as_os_str().is_empty() {
            origin = Origin::file(self.path);
            origin.position =
                Some((u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX)));
        }
        Box::new(Diagnostic::error("bad-script", message).at(origin))
    }
}

/// How many bytes of `text` make one word.
fn word_length(text: &str, words: Words) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let inside = match words {
            Words::Symbol => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'$') || byte >= 0x80,
            Words::Section => !ends_plain(byte) && byte != b':' && byte != b'=',
            Words::File => !ends_plain(byte),
            Words::Version => !ends_plain(byte) || byte == b'(' || byte == b')' || byte == b',',
            Words::Glob => match byte {
                b'[' => {
                    // A character class may hold what would end a word elsewhere.
                    let class = bytes[at..].iter().position(|&b| b == b']' || b.is_ascii_whitespace());
                    match class {
                        Some(length) if bytes[at + length] == b']' => at += length,
                        _ => {}
                    }
                    true
                }
                b'+' | b'-' | b'*' | b'/' | b'&' | b'|' | b'^' => bytes.get(at + 1) != Some(&b'='),
                b'<' | b'>' => false,
                _ => !ends_plain(byte) && byte != b'=',
            },
        };
        if !inside || (byte == b'/' && bytes.get(at + 1) == Some(&b'*') && words != Words::Glob) {
            break;
        }
        at += 1;
    }
    // The steps above only ever stop in front of an ASCII byte or at the end, so this is a character boundary.
    at.min(bytes.len())
}

/// Whether a byte ends every kind of word.
fn ends_plain(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'\x0b' | b'(' | b')' | b'{' | b'}' | b';' | b',' | b'"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_depend_on_where_they_stand() {
        let cases = [
            ("a*b", Words::Symbol, "a"),
            ("a*b(", Words::Glob, "a*b"),
            ("x+=1", Words::Glob, "x"),
            (".text:", Words::Section, ".text"),
            ("lib*.a:x.o (", Words::Glob, "lib*.a:x.o"),
            ("=/usr/lib/x.so)", Words::File, "=/usr/lib/x.so"),
            ("[!a-z ;]x", Words::Glob, "[!a-z"),
            ("[(]x)", Words::Glob, "[(]x"),
            ("ns::f*;", Words::Version, "ns::f*"),
            ("\"a b\"", Words::Symbol, "a b"),
        ];
        for (text, words, expected) in cases {
            assert_eq!(Lexer::new(text, Path::new("")).peek_word(words).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn skips_comments_and_counts_lines() {
        let mut lexer = Lexer::new("/* one\n two */ # three\n  four", Path::new("a.ld"));
        assert_eq!(lexer.rest().unwrap(), "four");
        let error = lexer.expected("five");
        assert_eq!(error.to_string(), "error: a.ld:3:3: expected five, found 'four'");
        assert!(Lexer::new("/* open", Path::new("")).rest().is_err());
    }
}

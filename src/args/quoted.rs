//! The two quotations that Go uses: fields of an environment variable such as `$CC` (cmd/internal/quoted), and
//! literals written by `%q` (package strconv).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// Splits a `$CC`-like value as the go command does: white space separates, a field that starts with a quotation mark
/// goes on to the next of the same kind, and nothing is escaped. `None` if a quotation is not closed.
pub fn split_fields(text: &OsStr) -> Option<Vec<OsString>> {
    let mut fields = Vec::new();
    let mut rest = text.as_bytes();
    loop {
        rest = rest.trim_ascii_start();
        let Some(&first) = rest.first() else { return Some(fields) };
        let field = if matches!(first, b'"' | b'\'') {
            let end = rest[1..].iter().position(|&byte| byte == first)?;
            let field = &rest[1..=end];
            rest = &rest[end + 2..];
            field
        } else {
            let end = rest.iter().position(|byte| byte.is_ascii_whitespace()).unwrap_or(rest.len());
            let (field, after) = rest.split_at(end);
            rest = after;
            field
        };
        fields.push(OsString::from_vec(field.to_vec()));
    }
}

/// The bytes of one `%q` literal, quotation marks included in `literal`; `None` if it is anything else. Go writes bytes
/// that are not UTF-8 as `\xHH`, so the value may be any bytes.
pub fn unquote(literal: &[u8]) -> Option<Vec<u8>> {
    let body = literal.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let mut value = Vec::with_capacity(body.len());
    let mut bytes = body.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' | b'\n' => return None,
            b'\\' => unescape(&mut bytes, &mut value)?,
            other => value.push(other),
        }
    }
    Some(value)
}

/// One escape sequence, after its backslash.
fn unescape(bytes: &mut impl Iterator<Item = u8>, value: &mut Vec<u8>) -> Option<()> {
    let simple = match bytes.next()? {
        b'a' => 0x07,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        b'\\' => b'\\',
        b'"' => b'"',
        b'x' => u8::try_from(hexadecimal(bytes, 2)?).ok()?,
        b'u' => return push_character(hexadecimal(bytes, 4)?, value),
        b'U' => return push_character(hexadecimal(bytes, 8)?, value),
        _ => return None,
    };
    value.push(simple);
    Some(())
}

/// Exactly `digits` hexadecimal digits.
fn hexadecimal(bytes: &mut impl Iterator<Item = u8>, digits: usize) -> Option<u32> {
    let mut number = 0;
    for _ in 0..digits {
        number = number << 4 | char::from(bytes.next()?).to_digit(16)?;
    }
    Some(number)
}

fn push_character(number: u32, value: &mut Vec<u8>) -> Option<()> {
    let character = char::from_u32(number)?;
    value.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Option<Vec<String>> {
        let fields = split_fields(OsStr::new(text))?;
        Some(fields.into_iter().map(|field| field.into_string().unwrap()).collect())
    }

    #[test]
    fn splits_a_compiler_command() {
        assert_eq!(
            fields("zig cc --target=aarch64-linux-musl  -static").unwrap(),
            ["zig", "cc", "--target=aarch64-linux-musl", "-static"]
        );
        assert_eq!(fields(" '/opt/my zig/zig' cc \"a'b\" ").unwrap(), ["/opt/my zig/zig", "cc", "a'b"]);
        assert_eq!(fields("a'b c'").unwrap(), ["a'b", "c'"], "a quotation mark inside a field is part of it");
        assert_eq!(fields("").unwrap(), [""; 0]);
        assert_eq!(fields("''").unwrap(), [""]);
        assert_eq!(fields("zig 'cc"), None);
    }

    #[test]
    fn reads_what_go_quotes() {
        let cases: [(&str, &[u8]); 6] = [
            (r#""""#, b""),
            (r#""-o""#, b"-o"),
            (r#""a\tb\n\"c\" \\d""#, b"a\tb\n\"c\" \\d"),
            (r#""\x00\xff\a\b\f\r\v""#, b"\x00\xff\x07\x08\x0c\r\x0b"),
            (r#""\u00e9\U0001f600""#, "é😀".as_bytes()),
            ("\"h\u{e9}\"", "hé".as_bytes()),
        ];
        for (literal, value) in cases {
            assert_eq!(unquote(literal.as_bytes()).as_deref(), Some(value), "{literal}");
        }
        for wrong in [r#"""#, r#""a"#, r#"a""#, r#""a"b""#, r#""\q""#, r#""\x1""#, r#""\ud800""#, r#""\""#, "\"\n\""] {
            assert_eq!(unquote(wrong.as_bytes()), None, "{wrong}");
        }
    }
}

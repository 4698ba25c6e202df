//! Names as their authors wrote them: Rust (legacy and v0) and C++ (Itanium ABI) names, and Go's package paths.
//!
//! For messages only; the link itself compares bytes. Names come from hostile files, so that both input and output are
//! bounded, and what cannot be read stays as it is.

use std::borrow::Cow;
use std::fmt::{self, Write};

/// Names longer than this are shown as they are, and cut.
const LONGEST_MANGLED: usize = 4096;
/// Bytes of the longest name shown; a substitution-rich C++ name can be of any length.
const LONGEST_SHOWN: usize = 600;

/// The name for people. Rust's hashes are left out; names that are no UTF-8 get replacement characters.
pub fn demangle(name: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(name);
    // Versions (`memcpy@GLIBC_2.14`, `f@@V1`) are no part of the mangled name.
    let (base, version) = text.split_at(text.find('@').filter(|&at| at > 0).unwrap_or(text.len()));
    let readable = if base.len() > LONGEST_MANGLED { None } else { rust(base).or_else(|| cpp(base)) };
    match readable {
        Some(readable) => Cow::Owned(readable + version),
        None if text.len() > LONGEST_SHOWN => Cow::Owned(cut(&text)),
        None => text,
    }
}

/// Whether rustc made the name: v0, or legacy with its hash.
pub fn is_rust(name: &[u8]) -> bool {
    std::str::from_utf8(name)
        .is_ok_and(|name| name.len() <= LONGEST_MANGLED && rustc_demangle::try_demangle(name).is_ok())
}

/// Whether a C++ compiler made the name. Rust's legacy names look alike and are none.
pub fn is_cpp(name: &[u8]) -> bool {
    (name.starts_with(b"_Z") || name.starts_with(b"__Z")) && !is_rust(name)
}

/// A package path as `go build` takes it: the linker's form escapes dots of the last element, and more, as `%2e`
/// (Go: `cmd/internal/objabi/path.go`, PathToPrefix).
pub fn go_package(path: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.filter(|_| first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn rust(name: &str) -> Option<String> {
    let readable = rustc_demangle::try_demangle(name).ok()?;
    shown(format_args!("{readable:#}"))
}

fn cpp(name: &str) -> Option<String> {
    // On macOS every C name has one more underscore.
    let name = if name.starts_with("__Z") { &name[1..] } else { name };
    if !name.starts_with("_Z") {
        return None;
    }
    let options = cpp_demangle::ParseOptions::default().recursion_limit(96);
    let symbol = cpp_demangle::Symbol::new_with_options(name, &options).ok()?;
    let options = cpp_demangle::DemangleOptions::default().recursion_limit(96);
    let mut out = Bounded(String::new());
    match symbol.structured_demangle(&mut out, &options) {
        Ok(()) if !out.0.is_empty() => Some(out.0),
        Err(_) if out.0.len() >= LONGEST_SHOWN => Some(cut(&out.0)),
        _ => None,
    }
}

/// The text, cut when it is too long.
fn shown(text: fmt::Arguments<'_>) -> Option<String> {
    let mut out = Bounded(String::new());
    match out.write_fmt(text) {
        Ok(()) => Some(out.0),
        Err(_) if out.0.len() >= LONGEST_SHOWN => Some(cut(&out.0)),
        Err(_) => None,
    }
}

fn cut(text: &str) -> String {
    let mut end = LONGEST_SHOWN.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}...", &text[..end])
}

/// Refuses to grow once the longest name that is shown has been reached.
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        if self.0.len() >= LONGEST_SHOWN {
            return Err(fmt::Error);
        }
        self.0.push_str(piece);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutation::numbers;

    #[test]
    fn reads_rust_and_cpp_names() {
        let names: [(&[u8], &str); 8] = [
            (b"_ZN4core3fmt9Formatter3pad17h0123456789abcdefE", "core::fmt::Formatter::pad"),
            (b"_RNvCs1234_7mycrate3foo", "mycrate::foo"),
            (b"_ZSt9terminatev", "std::terminate()"),
            (b"_ZN3foo3barEi", "foo::bar(int)"),
            (b"initial_setup", "initial_setup"),
            (b"memcpy@GLIBC_2.14", "memcpy@GLIBC_2.14"),
            (b"_Znotmangled", "_Znotmangled"),
            (b"\xffx", "\u{fffd}x"),
        ];
        for (name, readable) in names {
            assert_eq!(demangle(name), readable);
        }
        assert!(is_rust(names[0].0) && is_rust(names[1].0) && !is_rust(names[2].0));
        assert!(is_cpp(names[3].0) && !is_cpp(names[0].0) && !is_cpp(names[4].0));
    }

    #[test]
    fn unescapes_package_paths() {
        assert_eq!(go_package(b"gopkg.in/yaml%2ev3"), "gopkg.in/yaml.v3");
        assert_eq!(go_package(b"a/b%zz%2"), "a/b%zz%2");
    }

    #[test]
    fn long_names_are_cut() {
        let long = vec![b'x'; 10_000];
        assert_eq!(demangle(&long).len(), LONGEST_SHOWN + 3);
        let nested = [b"_Z1f".as_slice(), &b"St6vectorISt6vectorI".repeat(20), b"i", &b"EE".repeat(20)].concat();
        assert!(demangle(&nested).len() <= LONGEST_SHOWN + 3 + nested.len());
    }

    #[test]
    fn hostile_names_never_panic() {
        let mut random = numbers(0x0123_4567_89ab_cdef);
        let seeds: [&[u8]; 6] = [
            b"_ZN4core3fmt9Formatter3pad17h0123456789abcdefE",
            b"_RNvMNtCs1234_7mycrate3fooINtB2_3BarpE3baz",
            b"_ZNSt3__112basic_stringIcNS_11char_traitsIcEENS_9allocatorIcEEE6appendEPKcm",
            b"_ZNKSt8functionIFvvEEclEv",
            b"_ZZN3fooIiEEvT_ENKUlS1_E_clES1_",
            b"_ZN5boost3mpl4listIiNS_6detailE1fDpT_EE3getILi5EEEDTclfp_EE",
        ];
        let letters = b"_ZNKSIEThdit0123456789ELbJDpclfp_BRC.@%$\x00\xff";
        for seed in seeds {
            for _ in 0..2000 {
                let mut mutant = seed.to_vec();
                for _ in 0..=random(4) {
                    let at = random(mutant.len());
                    match random(3) {
                        0 => mutant[at] = letters[random(letters.len())],
                        1 => mutant.insert(at, letters[random(letters.len())]),
                        _ => mutant.truncate(at.max(3)),
                    }
                }
                let _ = (demangle(&mutant), is_rust(&mutant), go_package(&mutant));
            }
        }
        for opener in [b"_ZN".as_slice(), b"_ZSt", b"_Z1fI", b"_ZP", b"_RI", b"_RNv", b"_ZNSI"] {
            let deep = [opener, &opener[2..].repeat(2000)].concat();
            let _ = demangle(&deep);
        }
    }
}

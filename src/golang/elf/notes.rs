//! What stands at the end of the file's first page, before the code: the notes with the build ids, and the name of the
//! dynamic linker (Go 1.26 and 1.27, `elfnote`, `elfinterp` and `addbuildinfo` of `cmd/link/internal/ld/elf.go`).

use object::elf::{NT_GNU_BUILD_ID, SHF_ALLOC, SHT_NOTE, SHT_PROGBITS};
use sha2::{Digest, Sha256};

use super::sections::Header;
use crate::args::golink::GoLink;
use crate::diag::Diagnostic;
use crate::target::Architecture;

/// Bytes before the code, for the headers and for this.
pub const RESERVED: u64 = 4096;
/// The type of Go's note with the id of the build.
const GO_BUILD_ID: u32 = 4;
/// Bytes of the GNU build id that is made of Go's.
const DERIVED_ID: usize = 20;
/// Bytes that `-B` may give.
const MAX_ID: usize = 32;

/// A section in the reserved space, with its contents.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reserved {
    /// Its header.
    pub header: Header,
    /// Its contents.
    pub bytes: Vec<u8>,
}

/// Lays out the reserved space from its end to its start. `image` is the address of the file's first byte.
pub fn reserve(
    options: &GoLink,
    architecture: Architecture,
    is_dynamic: bool,
    image: u64,
) -> Result<Vec<Reserved>, Diagnostic> {
    let mut end = RESERVED;
    let mut place = |name: &str, kind: u32, alignment: u64, bytes: Vec<u8>| {
        let size = bytes.len() as u64;
        end = end.saturating_sub(size) / alignment * alignment;
        let header = Header {
            name: name.as_bytes().to_vec(),
            kind,
            flags: u64::from(SHF_ALLOC),
            address: image.wrapping_add(end),
            offset: end,
            size,
            alignment,
            ..Header::default()
        };
        Reserved { header, bytes }
    };
    let mut reserved = Vec::new();
    if is_dynamic {
        let mut path = interpreter(options, architecture).into_bytes();
        path.push(0);
        reserved.push(place(".interp", SHT_PROGBITS, 1, path));
    }
    let id = gnu_build_id(options)?;
    if !id.is_empty() {
        reserved.push(place(".note.gnu.build-id", SHT_NOTE, 4, note(b"GNU\0", NT_GNU_BUILD_ID, &id)));
    }
    if !options.build_id.is_empty() {
        let contents = note(b"Go\0\0", GO_BUILD_ID, options.build_id.as_bytes());
        reserved.push(place(".note.go.buildid", SHT_NOTE, 4, contents));
    }
    Ok(reserved)
}

/// A note (gABI, "Note Section"); the name has 4 bytes.
fn note(name: &[u8; 4], kind: u32, description: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + description.len().next_multiple_of(4));
    out.extend((name.len() as u32).to_le_bytes());
    out.extend((description.len() as u32).to_le_bytes());
    out.extend(kind.to_le_bytes());
    out.extend(name);
    out.extend(description);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

/// The bytes of the GNU build id; none without one.
fn gnu_build_id(options: &GoLink) -> Result<Vec<u8>, Diagnostic> {
    let bad = |message: String| Diagnostic::error("bad-command-line", message);
    let asked = match options.gnu_build_id.as_deref() {
        None | Some("" | "none") => return Ok(Vec::new()),
        Some("gobuildid") if options.build_id.is_empty() => {
            return Err(bad("-B gobuildid requires a Go build ID supplied via -buildid".to_owned()));
        }
        Some("gobuildid") => {
            let mut id = Sha256::digest(&options.build_id)[..DERIVED_ID].to_vec();
            // Nobody is to take it for a plain SHA-256.
            id[0] ^= 0xff;
            return Ok(id);
        }
        Some(asked) => asked,
    };
    let digits = asked.strip_prefix("0x").ok_or_else(|| bad(format!("-B argument must start with 0x: {asked}")))?;
    if digits.len() / 2 > MAX_ID {
        return Err(bad(format!("-B option too long (max {MAX_ID} bytes): {asked}")));
    }
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let digit = |digit: u8| char::from(digit).to_digit(16).map(|value| value as u8);
    let byte = |pair: &[u8; 2]| Some(digit(pair[0])? << 4 | digit(pair[1])?);
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    let bytes = bytes.ok_or_else(|| bad(format!("-B argument contains an invalid hex digit: {asked}")))?;
    match rest {
        [] => Ok(bytes),
        _ => Err(bad(format!("-B argument must have even number of digits: {asked}"))),
    }
}

/// The dynamic linker: that of `-I`, else glibc's, or musl's where only that one is there.
fn interpreter(options: &GoLink, architecture: Architecture) -> String {
    if let Some(path) = options.interpreter.as_ref().filter(|path| !path.is_empty()) {
        return path.clone();
    }
    let (glibc, musl) = match architecture {
        Architecture::X86_64 => ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-musl-x86_64.so.1"),
        Architecture::Aarch64 => ("/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-aarch64.so.1"),
    };
    let exists = |path: &str| std::path::Path::new(path).exists();
    if !exists(glibc) && exists(musl) { musl.to_owned() } else { glibc.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(build_id: &str, gnu: Option<&str>) -> GoLink {
        GoLink { build_id: build_id.to_owned(), gnu_build_id: gnu.map(str::to_owned), ..GoLink::default() }
    }

    #[test]
    fn notes_end_where_the_code_begins() {
        let options = asked("abcde", Some("gobuildid"));
        let reserved = reserve(&options, Architecture::X86_64, false, 0x40_0000).expect("notes");
        let places: Vec<_> = reserved.iter().map(|one| (one.header.offset, one.header.size)).collect();
        assert_eq!(places, [(4096 - 36, 36), (4096 - 36 - 24, 24)]);
        assert_eq!(reserved[1].header.address, 0x40_0000 + 4096 - 60);
        assert_eq!(reserved[1].bytes, b"\x04\0\0\0\x05\0\0\0\x04\0\0\0Go\0\0abcde\0\0\0");
        // SHA-256 of the id begins with 36 bb e5 0e.
        assert_eq!(reserved[0].bytes[..20], *b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0\xc9\xbb\xe5\x0e");
    }

    #[test]
    fn notes_stay_aligned_behind_an_odd_interpreter() {
        let mut options = asked("x", None);
        options.interpreter = Some("/ld".to_owned());
        let reserved = reserve(&options, Architecture::X86_64, true, 0).expect("notes");
        assert_eq!(reserved[0].bytes, b"/ld\0");
        options.interpreter = Some("/lib/ld".to_owned() + "12");
        let reserved = reserve(&options, Architecture::X86_64, true, 0).expect("notes");
        assert_eq!((reserved[0].header.offset, reserved[1].header.offset), (4086, 4064));
    }

    #[test]
    fn build_ids_are_what_was_asked_for() {
        for none in [None, Some(""), Some("none")] {
            assert_eq!(gnu_build_id(&asked("x", none)), Ok(Vec::new()));
        }
        assert_eq!(gnu_build_id(&asked("", Some("0x1aF0"))), Ok(vec![0x1a, 0xf0]));
        for (bad, part) in [("1a", "start with 0x"), ("0x1", "even"), ("0xg0", "hex digit"), ("gobuildid", "-buildid")]
        {
            let error = gnu_build_id(&asked("", Some(bad))).expect_err(bad);
            assert!(error.message.contains(part), "{error}");
        }
        let long = format!("0x{}", "00".repeat(33));
        assert!(gnu_build_id(&asked("", Some(&long))).is_err());
    }
}

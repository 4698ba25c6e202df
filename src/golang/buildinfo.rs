//! What `go version` reads from a program (Go 1.26 and 1.27, `cmd/link/internal/ld/data.go` buildinfo,
//! `debug/buildinfo/buildinfo.go`).
//!
//! ```text
//! magic[14] pointer_size:u8 flags:u8 pad[16]   flag 2: strings follow, each with its length in groups of seven bits
//! version  modules  pad to 16
//! ```

use super::strdata::{BUILD_VERSION, Definitions, MODULE_INFO};
use super::symbols::{GoSymbol, Kind, Symbols};

const MAGIC: &[u8] = b"\xff Go buildinf:";
const HEADER: usize = 32;
const ALIGNMENT: usize = 16;
const STRINGS_FOLLOW: u8 = 2;
/// Bytes of a pointer, on both machines.
const POINTER: u8 = 8;

/// Makes `go:buildinfo`, and a reference that keeps it in links by others.
pub fn make(symbols: &mut Symbols<'_>, definitions: &Definitions) -> GoSymbol {
    let info = symbols.define(b"go:buildinfo", Kind::BuildInfo);
    symbols.set_alignment(info, ALIGNMENT as u64);
    let contents = contents(definitions.value(BUILD_VERSION), definitions.value(MODULE_INFO));
    let made = symbols.edit(info);
    (made.size, made.data) = (contents.len() as u64, contents.into());
    let reference = symbols.define(b"go:buildinfo.ref", Kind::Rodata);
    symbols.set_alignment(reference, u64::from(POINTER));
    symbols.edit(reference).push_address(info, 0);
    info
}

fn contents(version: &[u8], modules: &[u8]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend([POINTER, STRINGS_FOLLOW]);
    bytes.resize(HEADER, 0);
    for text in [version, modules] {
        push_length(&mut bytes, text.len());
        bytes.extend(text);
    }
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
    bytes
}

fn push_length(bytes: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
}

#[cfg(test)]
mod tests {
    #[test]
    fn strings_follow_the_header() {
        let bytes = super::contents(b"go1.26.8", &[b'm'; 200]);
        assert_eq!(bytes.len() % 16, 0);
        assert_eq!(&bytes[..16], b"\xff Go buildinf:\x08\x02");
        assert_eq!(&bytes[32..43], b"\x08go1.26.8\xc8\x01");
        assert_eq!(bytes[43..243], [b'm'; 200]);
        assert!(bytes[243..].iter().all(|byte| *byte == 0) && bytes.len() - 243 < 16);
    }
}

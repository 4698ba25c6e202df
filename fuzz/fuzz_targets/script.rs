//! Any text as a linker script, a version script and a dynamic list. What follows a NUL is the name of a file, then, after
//! another one, its text, and so on: these files, and no others, are what INCLUDE finds.
#![no_main]

use std::fs;
use std::path::Path;

use cgolink::script::{parser, version};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut parts = data.split(|&byte| byte == 0);
    let text = parts.next().unwrap_or_default();
    let path = Path::new("fuzzed.ld");
    let _ = parser::looks_like_script(text);
    let _ = parser::parse(text, path);
    let _ = version::parse_version_script(text, path);
    let _ = version::parse_dynamic_list(text, path);

    let mut names = Vec::new();
    let folder = tempfile::tempdir().expect("a folder for included files");
    while let (Some(name), Some(text)) = (parts.next(), parts.next()) {
        let Some(name) = std::str::from_utf8(name).ok().filter(|name| is_plain(name)) else { continue };
        fs::write(folder.path().join(name), text).expect("the folder can be written");
        names.push(name);
    }
    let known = |name: &Path, _: &Path| {
        names.iter().find(|known| Path::new(known) == name).map(|known| folder.path().join(known))
    };
    let _ = parser::parse_including(text, path, &known);
});

/// Whether a name is that of a file in the folder itself.
fn is_plain(name: &str) -> bool {
    let is_usual = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.';
    (1..=32).contains(&name.len()) && name.bytes().all(is_usual) && name.bytes().any(|byte| byte != b'.')
}

//! Any bytes as an archive: its index and every member are read or refused, and a walk over them ends.
#![no_main]

use std::path::Path;

use cgolink::inputs::archive::Archive;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let archive = match Archive::parse(data) {
        Ok(archive) => archive,
        Err(error) => {
            let _ = error.diagnostic(Path::new("fuzzed.a")).to_string();
            return;
        }
    };
    let count = archive.members().take_while(Result::is_ok).count();
    assert!(count <= data.len(), "more members than bytes");
    if let Some(index) = archive.index() {
        for (_, header_offset) in index.iter() {
            let _ = archive.member_at(header_offset);
        }
    }
});

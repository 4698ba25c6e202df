//! Any text as a linker script, a version script and a dynamic list.
#![no_main]

use std::path::Path;

use cgolink::inputs::script::{parser, version};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let path = Path::new("fuzzed.ld");
    let _ = parser::looks_like_script(data);
    let _ = parser::parse(data, path);
    let _ = version::parse_version_script(data, path);
    let _ = version::parse_dynamic_list(data, path);
});

//! Any bytes: their kind is told, and a Mach-O file names its architectures or is refused.
#![no_main]

use cgolink::inputs::{kind::FileKind, macho::MachO};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = FileKind::of(data);
    if let Ok(file) = MachO::parse(data) {
        let _ = file.architectures();
    }
});

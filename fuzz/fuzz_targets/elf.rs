//! Any bytes as an ELF object: symbols, sections, atoms, compressed sections and unwind tables are read or refused.
#![no_main]

use std::path::Path;

use cgolink::ids::FileId;
use cgolink::inputs::{compressed, elf};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(compressed) = compressed::parse(data).or_else(|_| compressed::parse_zdebug(data)) {
        let _ = compressed.decompress();
    }
    let Ok(object) = elf::parse(Path::new("fuzzed.o"), None, data) else { return };
    for (index, symbol) in object.symbols.iter().enumerate() {
        let _ = (object.name(symbol), object.place(index));
    }
    let _ = object.atoms(FileId::new(0));
});

//! Any bytes as a package archive or a Go object: refused, or every record can be read.
#![no_main]

use std::path::Path;

use cgolink::inputs::goarchive;
use cgolink::inputs::goobj::funcinfo::FuncInfo;
use cgolink::inputs::importcfg;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = importcfg::parse(data, Path::new("fuzzed.cfg"));
    let package = match goarchive::read(Path::new("fuzzed.a"), data) {
        Ok(package) => package,
        Err(error) => {
            let _ = error.to_string();
            return;
        }
    };
    for (_, member) in package.go_members() {
        let object = &member.object;
        for (local, symbol) in (0u32..).zip(object.symbols()) {
            let _ = (object.name(symbol), object.content_hash(local));
            let _ = object.relocations(local).map(|relocation| relocation.target()).count();
            let _ = object.aux(local).map(|aux| aux.symbol()).count();
            let _ = FuncInfo::parse(object.data(local)).inlined().count();
        }
        let _ = (object.imports().count(), object.packages().count(), object.files().count());
    }
});

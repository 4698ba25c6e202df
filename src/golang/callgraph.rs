//! What `-c` prints: each call of one function by another, and the sizes of what is made (Go 1.26 and 1.27, `callgraph` of
//! `cmd/link/internal/ld/lib.go`, `asmb2` of `asmb.go`).

use std::fmt::Write;

use super::layout::{Addresses, Segment};
use super::machine::{FILE_HEADER, HEADER};
use super::symbols::{GoSymbol, Symbols};

/// Writes a line for each direct call, functions in their order in the program.
pub fn write(symbols: &Symbols<'_>, functions: &[GoSymbol], out: &mut Vec<u8>) {
    for &caller in functions {
        let calls = symbols.relocations(caller).filter(|relocation| relocation.kind.is_direct_call());
        for callee in calls.filter_map(|call| call.target.some()).filter(|callee| symbols.kind(*callee).is_text()) {
            for part in [symbols.name(caller), b" calls ", symbols.name(callee), b"\n"] {
                out.extend(part);
            }
        }
    }
}

/// Writes the sizes of a finished program in bytes: the code with the program headers before it, data, zeroed data, the symbol table.
pub fn write_sizes(addresses: &Addresses, symtab: u64, out: &mut String) {
    let segment = |segment| addresses.segment(segment).map_or((0, 0), |place| (place.length, place.file_length));
    let text = HEADER - FILE_HEADER + segment(Segment::Text).1;
    let (length, data) = segment(Segment::Data);
    // Tables of lines are debug information today, and no longer counted here.
    let lines = 0;
    for (name, size) in [
        ("textsize", text),
        ("datsize", data),
        ("bsssize", length - data),
        ("symsize", symtab),
        ("lcsize", lines),
        ("total", text + length + symtab + lines),
    ] {
        let _ = writeln!(out, "{name}={size}"); // a string takes everything
    }
}

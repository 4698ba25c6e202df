//! What `-c` prints: each call of one function by another (Go 1.26 and 1.27, `cmd/link/internal/ld/lib.go` callgraph).

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

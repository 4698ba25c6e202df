//! Waiting for memory once for many symbols.
//!
//! Contents, relocations and names lie in mapped objects, and nothing has read them lately when they are to be copied: each symbol would make
//! its worker wait for memory. But a processor goes on to the next read while it waits for one, if that does not depend on it. So the first bytes of some
//! symbols are read one after the other before the first of the symbols is copied, and their ways to the caches overlap.

use std::hint::black_box;

use super::symbols::{GoSymbol, Symbols};

/// Symbols that are looked at together: more than a processor can wait for at once, and few enough to stay in the innermost cache.
pub const BATCH: usize = 16;

/// Bytes that memory hands over at once.
const LINE: usize = 64;
/// Lines of a symbol that are asked for. The processor itself fetches what follows these.
const LINES: usize = 4;

/// Reads the first contents and relocations of symbols that are about to be copied.
pub fn look(symbols: &Symbols<'_>, batch: impl Iterator<Item = GoSymbol>) {
    let first = |symbol: GoSymbol| {
        let (id, local) = symbols.definition(symbol)?;
        let object = &symbols.object(id).object;
        let relocation = object.relocations(local).next().map_or(0, |record| record.size());
        Some(object.data(local).iter().step_by(LINE).take(LINES).fold(relocation, |sum, byte| sum ^ byte))
    };
    // What they are matters to nobody, which the compiler must not know.
    black_box(batch.filter_map(first).fold(0, |sum, byte| sum ^ byte));
}

/// Reads the first and the last byte of names that are about to be copied.
pub fn look_at_names(symbols: &Symbols<'_>, batch: impl Iterator<Item = GoSymbol>) {
    look_at_bytes(batch.map(|symbol| symbols.name(symbol)));
}

/// Reads the first and the last of some bytes that are about to be read.
pub fn look_at_bytes<'a>(batch: impl Iterator<Item = &'a [u8]>) {
    let ends = |bytes: &[u8]| Some(bytes.first()? ^ bytes.last()?);
    black_box(batch.filter_map(ends).fold(0, |sum, byte| sum ^ byte));
}

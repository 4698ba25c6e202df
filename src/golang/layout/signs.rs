//! What names say of how data is grouped, read early (Go 1.26 and 1.27, `symtab` of `cmd/link/internal/ld/symtab.go`).
//!
//! Names are a large part of what is read of objects. Stages that make tables need them; the layout that follows asks only what some of
//! them begin or end with. So that is found out beside the tables, and names need not be in memory when data is laid out.

use rayon::prelude::*;

use crate::golang::ahead;
use crate::golang::symbols::{GoSymbol, Kind, Symbols, attribute};

/// What a name says; bits.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Sign(u8);

impl Sign {
    /// A string.
    pub const STRING: Sign = Sign(1 << 1);
    /// A mask of pointers.
    pub const GC_BITS: Sign = Sign(1 << 2);
    /// A program that makes such a mask.
    pub const GC_PROGRAM: Sign = Sign(1 << 3);
    /// A mask that is made at start-up.
    pub const GC_MASK: Sign = Sign(1 << 4);
    /// A function value.
    pub const FUNCTION: Sign = Sign(1 << 5);
    /// A type, or what belongs to one.
    pub const TYPE: Sign = Sign(1 << 6);
    /// The name was looked at.
    const KNOWN: u8 = 1;

    /// What a name says.
    pub fn of(name: &[u8]) -> Self {
        let starts: [(&[u8], Sign); 5] = [
            (b"go:string.", Self::STRING),
            (b"runtime.gcbits.", Self::GC_BITS),
            (b"type:.gcprog.", Self::GC_PROGRAM),
            (b"type:.gcmask.", Self::GC_MASK),
            (b"type:", Self::TYPE),
        ];
        let found = starts.iter().filter(|(start, _)| name.starts_with(start));
        let function = if name.ends_with("·f".as_bytes()) { Self::FUNCTION.0 } else { 0 };
        Sign(found.fold(Self::KNOWN | function, |all, (_, sign)| all | sign.0))
    }

    /// Whether it says one of these.
    pub const fn has(self, any: Sign) -> bool {
        self.0 & any.0 != 0
    }
}

/// By number of a symbol: what its name says, if it was looked at.
#[derive(Clone, Debug, Default)]
pub struct Signs(Vec<Sign>);

/// Symbols that are looked at as one.
const CHUNK: usize = 1 << 13;

impl Signs {
    /// Looks at the names of data that is part of the program.
    pub fn read(symbols: &Symbols<'_>) -> Self {
        let mut signs = vec![Sign::default(); symbols.count()];
        signs.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, signs)| {
            let first = chunk * CHUNK;
            let ids = (first..first + signs.len()).map(|id| GoSymbol(id as u32));
            let asked: Vec<GoSymbol> = ids.filter(|&symbol| is_asked_for(symbols, symbol)).collect();
            for batch in asked.chunks(ahead::BATCH) {
                ahead::look_at_names(symbols, batch.iter().copied());
                batch.iter().for_each(|&symbol| signs[symbol.index() - first] = Sign::of(symbols.name(symbol)));
            }
        });
        Signs(signs)
    }

    /// What a symbol's name says.
    pub(super) fn of(&self, symbols: &Symbols<'_>, symbol: GoSymbol) -> Sign {
        let known = self.0.get(symbol.index()).copied().filter(|sign| *sign != Sign::default());
        known.unwrap_or_else(|| Sign::of(symbols.name(symbol)))
    }
}

/// Whether a symbol's name matters, as far as is known before tables are made.
fn is_asked_for(symbols: &Symbols<'_>, symbol: GoSymbol) -> bool {
    matches!(symbols.kind(symbol), Kind::Rodata | Kind::GoFunc | Kind::NoptrBss)
        && symbols.is_reachable(symbol)
        && !symbols.is(symbol, attribute::UNNAMED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::golink::GoLink;
    use crate::golang::fixture::{self, Definition};
    use crate::target::Architecture;

    #[test]
    fn names_say_what_they_begin_and_end_with() {
        let all = [Sign::STRING, Sign::GC_BITS, Sign::GC_PROGRAM, Sign::GC_MASK, Sign::FUNCTION, Sign::TYPE];
        let said = |name: &str| all.map(|sign| u8::from(Sign::of(name.as_bytes()).has(sign)));
        for (name, want) in [
            ("go:string.\"x\"", [1, 0, 0, 0, 0, 0]),
            ("runtime.gcbits.01", [0, 1, 0, 0, 0, 0]),
            ("type:.gcprog.T", [0, 0, 1, 0, 0, 1]),
            ("type:.gcmask.T", [0, 0, 0, 1, 0, 1]),
            ("main.f·f", [0, 0, 0, 0, 1, 0]),
            ("type:func()·f", [0, 0, 0, 0, 1, 1]),
            ("main.type:", [0; 6]),
            ("", [0; 6]),
        ] {
            assert_eq!(said(name), want, "{name}");
        }
    }

    #[test]
    fn names_are_the_same_whether_they_were_read_before_or_not() {
        let options = GoLink::default();
        let program = fixture::program(&options, Architecture::X86_64, &[("main", &[])]);
        let rodata = |name| Definition { name, kind: 3, size: 8, ..Definition::default() };
        let objects = [fixture::object(&[rodata("type:int"), rodata("main.f·f"), rodata("")])];
        let mut symbols = fixture::load(&program, &objects);
        fixture::reach_all(&mut symbols);
        let signs = Signs::read(&symbols);
        let later = symbols.define(b"go:string.*", Kind::GoString);
        let read: Vec<bool> =
            symbols.all().map(|symbol| signs.0.get(symbol.index()).is_some_and(|sign| sign.0 != 0)).collect();
        assert_eq!(read[..3], [true, true, false]);
        assert!(signs.of(&symbols, later).has(Sign::STRING) && !read[later.index() - 1]);
        for symbol in symbols.all() {
            assert_eq!(signs.of(&symbols, symbol), Signs::default().of(&symbols, symbol));
        }
    }
}

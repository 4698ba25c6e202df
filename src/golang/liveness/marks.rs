//! What is known of each symbol while workers walk: one byte each, that any worker may set bits in.

use std::sync::atomic::{AtomicU8, Ordering};

use rayon::prelude::*;

use crate::golang::symbols::{GoSymbol, Symbols, attribute};

const REACHED: u8 = 1 << 0;
const USED: u8 = 1 << 1;
const METHODS_KNOWN: u8 = 1 << 2;

/// By [`GoSymbol`].
pub(super) struct Marks(Vec<AtomicU8>);

impl Marks {
    /// What objects and earlier stages say.
    pub fn of(symbols: &mut Symbols<'_>) -> Self {
        let of_attributes = |attributes: &u16| {
            let bit = |attribute, mark| if attributes & attribute != 0 { mark } else { 0 };
            AtomicU8::new(bit(attribute::REACHABLE, REACHED) | bit(attribute::USED_IN_IFACE, USED))
        };
        Marks(symbols.attributes_mut().par_iter().with_min_len(1 << 14).map(of_attributes).collect())
    }

    /// Writes the result into the symbols.
    pub fn store(self, symbols: &mut Symbols<'_>) {
        let column = symbols.attributes_mut().par_iter_mut().with_min_len(1 << 14);
        column.zip(self.0).for_each(|(attributes, mark)| {
            let mark = mark.into_inner();
            let bit = |attribute, bit| if mark & bit != 0 { attribute } else { 0 };
            *attributes |= bit(attribute::REACHABLE, REACHED) | bit(attribute::USED_IN_IFACE, USED);
        });
    }

    /// Sets bits; says which of them were set before, by whoever did. Most bits are set already: looking is cheaper than
    /// writing. Workers learn of a symbol through the queue, which orders their memory accesses, or through these bits,
    /// of which each stands for itself.
    fn add(&self, symbol: GoSymbol, bits: u8) -> u8 {
        let mark = &self.0[symbol.index()];
        let now = mark.load(Ordering::Relaxed);
        if now & bits == bits { now } else { mark.fetch_or(bits, Ordering::Relaxed) }
    }

    /// Reaches a symbol; whether it is to be visited for that.
    pub fn reach(&self, symbol: GoSymbol) -> bool {
        self.add(symbol, REACHED) & REACHED == 0
    }

    /// Makes a type an interface's value; whether it is to be visited (again) for that.
    pub fn uses(&self, symbol: GoSymbol) -> bool {
        self.add(symbol, USED) & (USED | REACHED) == REACHED
    }

    /// Reaches a type as an interface's value; whether it is to be visited (again) for that.
    pub fn reach_as_used(&self, symbol: GoSymbol) -> bool {
        self.add(symbol, USED | REACHED) & (USED | REACHED) != USED | REACHED
    }

    /// Whether a type may be an interface's value.
    pub fn is_used(&self, symbol: GoSymbol) -> bool {
        self.0[symbol.index()].load(Ordering::Relaxed) & USED != 0
    }

    /// Says that the methods of a type are known from now on; whether they were not before.
    pub fn learn_methods(&self, symbol: GoSymbol) -> bool {
        self.add(symbol, METHODS_KNOWN) & METHODS_KNOWN == 0
    }
}

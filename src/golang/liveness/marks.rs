//! What is known of each symbol while workers walk: one byte each, that any worker may set bits in.

use std::sync::atomic::{AtomicU8, Ordering};

use rayon::prelude::*;

use crate::golang::symbols::{self, GoSymbol, Symbols, attribute};
use crate::inputs::goobj::records::{flag, flag2};

const REACHED: u8 = 1 << 0;
const USED: u8 = 1 << 1;
const METHODS_KNOWN: u8 = 1 << 2;
/// A type descriptor.
pub(super) const TYPE: u8 = 1 << 3;
/// An itab.
pub(super) const ITAB: u8 = 1 << 4;
/// A function that looks up methods by reflection.
pub(super) const REFLECTS: u8 = 1 << 5;
/// A function that initialises its package.
pub(super) const INITIALISER: u8 = 1 << 6;
/// No object's definition, or changed by the linker.
pub(super) const MADE: u8 = 1 << 7;

const fn bit(is_set: bool, mark: u8) -> u8 {
    if is_set { mark } else { 0 }
}

/// What each value of a byte of flags means here, if one flag stands for a mark and another one for another.
const fn marks_by_flags([first, second]: [(u8, u8); 2]) -> [u8; 256] {
    let mut marks = [0; 256];
    let mut flags = 0;
    while flags < marks.len() {
        marks[flags] = bit(flags as u8 & first.0 != 0, first.1) | bit(flags as u8 & second.0 != 0, second.1);
        flags += 1;
    }
    marks
}

/// What the flags of an object mean here: looking it up takes half the time of finding out.
static OF_FLAGS: [u8; 256] = marks_by_flags([(flag::GO_TYPE, TYPE), (flag::REFLECT_METHOD, REFLECTS)]);
/// The same for the second byte of flags.
static OF_FLAGS2: [u8; 256] = marks_by_flags([(flag2::ITAB, ITAB), (flag2::PACKAGE_INIT, INITIALISER)]);

/// By [`GoSymbol`].
pub(super) struct Marks(Vec<AtomicU8>);

impl Marks {
    /// What objects and earlier stages say.
    pub fn of(symbols: &Symbols<'_>) -> Self {
        let of_symbol = |((attributes, home), flags): ((&u16, &symbols::Home), &(u8, u8))| {
            let found = bit(attributes & attribute::REACHABLE != 0, REACHED)
                | bit(attributes & attribute::USED_IN_IFACE != 0, USED);
            // Of what the linker has changed, flags count no more.
            let is_made = home.object == symbols::MADE;
            AtomicU8::new(found | if is_made { MADE } else { OF_FLAGS[flags.0 as usize] | OF_FLAGS2[flags.1 as usize] })
        };
        let columns = symbols.attributes.par_iter().zip(&symbols.homes).zip(&symbols.flags);
        Marks(columns.with_min_len(1 << 14).map(of_symbol).collect())
    }

    /// Writes the result into the symbols.
    pub fn store(self, symbols: &mut Symbols<'_>) {
        let column = symbols.attributes_mut().par_iter_mut().with_min_len(1 << 14);
        column.zip(self.0).for_each(|(attributes, mark)| {
            let mark = mark.into_inner();
            let attribute = |attribute, bit| if mark & bit != 0 { attribute } else { 0 };
            *attributes |= attribute(attribute::REACHABLE, REACHED) | attribute(attribute::USED_IN_IFACE, USED);
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

    /// What is known of a symbol.
    pub fn of_symbol(&self, symbol: GoSymbol) -> u8 {
        self.0[symbol.index()].load(Ordering::Relaxed)
    }

    /// Whether a symbol is reached.
    #[inline]
    pub fn is_reached(&self, symbol: GoSymbol) -> bool {
        self.of_symbol(symbol) & REACHED != 0
    }

    /// Reaches a symbol; what was known of it if it is to be visited for that.
    pub fn reach(&self, symbol: GoSymbol) -> Option<u8> {
        Some(self.add(symbol, REACHED)).filter(|mark| mark & REACHED == 0)
    }

    /// Makes a type an interface's value; whether it is to be visited (again) for that.
    pub fn uses(&self, symbol: GoSymbol) -> bool {
        self.add(symbol, USED) & (USED | REACHED) == REACHED
    }

    /// Reaches a symbol, if it is a type as an interface's value; what was known of it if it is to be visited (again).
    pub fn reach_as_used(&self, symbol: GoSymbol) -> Option<u8> {
        if self.of_symbol(symbol) & TYPE == 0 {
            return self.reach(symbol);
        }
        Some(self.add(symbol, USED | REACHED)).filter(|mark| mark & (USED | REACHED) != USED | REACHED)
    }

    /// Whether a type may be an interface's value.
    pub fn is_used(&self, symbol: GoSymbol) -> bool {
        self.of_symbol(symbol) & USED != 0
    }

    /// Says that the methods of a type are known from now on; whether they were not before.
    pub fn learn_methods(&self, symbol: GoSymbol) -> bool {
        self.add(symbol, METHODS_KNOWN) & METHODS_KNOWN == 0
    }
}

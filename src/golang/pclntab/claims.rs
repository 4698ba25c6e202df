//! Who names a symbol first: a column of numbers that all threads lower, and that takes the places of what is named then.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use rayon::prelude::*;

use super::super::symbols::GoSymbol;

/// Bits of a claim that hold a [`Role`].
const ROLE_BITS: u32 = 1;
const ROLE: u32 = (1 << ROLE_BITS) - 1;
/// Tells claims from places.
const CLAIM: u32 = 1 << 31;
/// How many functions there may be: a claim is one of their numbers, and a role.
pub(super) const MOST_FUNCTIONS: usize = ((CLAIM - 1) >> ROLE_BITS) as usize;

/// What a symbol is to the function that names it. No compiler makes one symbol that is two of these.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub(super) enum Role {
    /// Its name goes to `runtime.funcnametab`.
    Name,
    /// Its contents go to `go:func.*`.
    Funcdata,
}

/// By symbol: the first function that names it, or, once that function has found it, 1 and its place in the table that it
/// goes to; 0 if nothing names it.
///
/// A claim is kept as what is left to the largest one, so that the first function has the greatest. One column is
/// enough, as nobody asks who the first function is after that one was there.
pub(super) struct Claims {
    column: Vec<AtomicU32>,
    /// Whether some symbol was claimed for two roles.
    is_confused: AtomicBool,
}

/// The first function that names a symbol, or that the symbol has its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner(u32);

impl Owner {
    /// Nobody names it.
    pub const NOBODY: Self = Owner(0);
}

impl Claims {
    /// Nothing is claimed of so many symbols.
    pub fn new(count: usize) -> Self {
        // The system has less to do for memory that is written to before it is read.
        let column = (0..count).into_par_iter().map(|_| AtomicU32::new(0)).collect();
        Claims { column, is_confused: AtomicBool::new(false) }
    }

    /// A function names a symbol.
    #[inline]
    pub fn claim(&self, symbol: GoSymbol, role: Role, function: usize) {
        let claim = !((function as u32) << ROLE_BITS | role as u32);
        let first = &self.column[symbol.index()];
        // Most symbols are named many times; reading does not take the line from other threads.
        let mut known = first.load(Relaxed);
        if known < claim {
            known = first.fetch_max(claim, Relaxed);
        }
        if known != 0 && (known ^ claim) & ROLE != 0 {
            self.is_confused.store(true, Relaxed);
        }
    }

    /// Whether some symbol was claimed for two roles. Then none may get a place.
    pub fn is_confused(&self) -> bool {
        self.is_confused.load(Relaxed)
    }

    /// Who has claimed a symbol, once all have.
    #[inline]
    pub fn owner(&self, symbol: GoSymbol) -> Owner {
        Owner(self.column[symbol.index()].load(Relaxed))
    }

    /// Whether a function is to give a symbol its place: it is the first to name it, and this is the first time.
    #[inline]
    pub fn is_first(&self, symbol: GoSymbol, Owner(first): Owner, function: usize) -> bool {
        first & CLAIM != 0 && !first >> ROLE_BITS == function as u32 && self.owner(symbol).0 == first
    }

    /// Gives a symbol a place; only the function that owns it does. A table with places that do not fit is refused when its
    /// size is known.
    #[inline]
    pub fn place(&self, symbol: GoSymbol, place: u32) {
        self.column[symbol.index()].store((place & (CLAIM - 1)) + 1, Relaxed);
    }

    /// Moves the place of a symbol.
    #[inline]
    pub fn move_by(&self, symbol: GoSymbol, by: u32) {
        let place = &self.column[symbol.index()];
        place.store(place.load(Relaxed).wrapping_add(by), Relaxed);
    }

    /// The places, final: 1 more than each.
    pub fn into_places(self) -> Vec<u32> {
        self.column.into_iter().map(AtomicU32::into_inner).collect()
    }
}

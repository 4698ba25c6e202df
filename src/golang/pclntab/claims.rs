//! Who names a symbol first: a column of numbers that all threads lower.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::super::symbols::GoSymbol;

/// Bits of a claim that hold a [`Role`].
const ROLE_BITS: u32 = 2;
/// How many functions there may be: a claim is one of their numbers, and a role.
pub(super) const MOST_FUNCTIONS: usize = (u32::MAX >> ROLE_BITS) as usize;
/// The place of what has none yet.
pub(super) const NO_PLACE: u32 = u32::MAX;

/// What a symbol is to the function that names it. No compiler makes one symbol that is two of these.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub(super) enum Role {
    /// Its name goes to `runtime.funcnametab`.
    Name,
    /// Its contents go to `runtime.pctab`.
    PcTable,
    /// Its contents go to `go:func.*`.
    Funcdata,
}

/// By symbol: the first function that names it, and its place in the table that it goes to. Both are kept as what is
/// left to [`u32::MAX`]: then zero stands for none, and memory of symbols that nothing names is never touched.
pub(super) struct Claims {
    first: Vec<AtomicU32>,
    places: Vec<AtomicU32>,
}

/// The first function that names a symbol, and the role in which it does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner(u32);

impl Owner {
    /// Nobody names it.
    pub const NOBODY: Self = Owner(u32::MAX);
}

/// Answer to whether a function is the first to name a symbol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Claim {
    /// It is, and this is the first time.
    First,
    /// Another function is, or it is not the first time.
    Later,
    /// The symbol is claimed for another role.
    Confused,
}

impl Claims {
    /// Nothing is claimed of so many symbols.
    pub fn new(count: usize) -> Self {
        let column = || vec![0; count].into_iter().map(AtomicU32::new).collect();
        Claims { first: column(), places: column() }
    }

    /// A function names a symbol.
    #[inline]
    pub fn claim(&self, symbol: GoSymbol, role: Role, function: usize) {
        let claim = !((function as u32) << ROLE_BITS | role as u32);
        let first = &self.first[symbol.index()];
        // Most symbols are named many times; reading does not take the line from other threads.
        if first.load(Relaxed) < claim {
            first.fetch_max(claim, Relaxed);
        }
    }

    /// Who has claimed a symbol, once all have.
    #[inline]
    pub fn owner(&self, symbol: GoSymbol) -> Owner {
        Owner(!self.first[symbol.index()].load(Relaxed))
    }

    /// Whether a function is to give a symbol its place.
    #[inline]
    pub fn check(&self, symbol: GoSymbol, owner: Owner, role: Role, function: usize) -> Claim {
        const ROLE: u32 = (1 << ROLE_BITS) - 1;
        let Owner(first) = owner;
        if first & ROLE != role as u32 {
            Claim::Confused
        } else if first >> ROLE_BITS == function as u32 && self.places[symbol.index()].load(Relaxed) == !NO_PLACE {
            Claim::First
        } else {
            Claim::Later
        }
    }

    /// Gives a symbol a place; only the function that owns it does.
    #[inline]
    pub fn place(&self, symbol: GoSymbol, place: u32) {
        self.places[symbol.index()].store(!place, Relaxed);
    }

    /// Moves the place of a symbol.
    #[inline]
    pub fn move_by(&self, symbol: GoSymbol, by: u32) {
        let place = &self.places[symbol.index()];
        // Less is left.
        place.store(place.load(Relaxed).wrapping_sub(by), Relaxed);
    }

    /// The places, final: what is left of each to [`u32::MAX`].
    pub fn into_places(self) -> Vec<u32> {
        self.places.into_iter().map(AtomicU32::into_inner).collect()
    }
}

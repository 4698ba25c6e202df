//! Sets of symbols.

use rayon::prelude::*;

use super::ids::GoSymbol;

/// A bit for each symbol of the program: a set that many symbols are put into, or that is emptied again.
#[derive(Clone, Debug)]
pub struct SymbolSet(Vec<u64>);

impl SymbolSet {
    /// None of so many symbols.
    pub fn new(symbols: usize) -> Self {
        SymbolSet(vec![0; symbols.div_ceil(u64::BITS as usize)])
    }

    /// Those of so many symbols that fulfil a condition.
    pub fn of(symbols: usize, is_in: impl Fn(GoSymbol) -> bool + Sync) -> Self {
        let word = |word: usize| {
            let first = word * u64::BITS as usize;
            let bit = |index: usize| u64::from(is_in(GoSymbol(index as u32))) << (index - first);
            (first..symbols.min(first + u64::BITS as usize)).map(bit).sum()
        };
        SymbolSet((0..symbols.div_ceil(u64::BITS as usize)).into_par_iter().with_min_len(1 << 10).map(word).collect())
    }

    /// Adds a symbol; whether it is new.
    #[inline]
    pub fn insert(&mut self, symbol: GoSymbol) -> bool {
        let (word, bit) = place(symbol);
        let is_new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        is_new
    }

    /// Whether a symbol is in it.
    #[inline]
    pub fn contains(&self, symbol: GoSymbol) -> bool {
        let (word, bit) = place(symbol);
        self.0[word] & bit != 0
    }

    /// Takes a symbol away.
    #[inline]
    pub fn remove(&mut self, symbol: GoSymbol) {
        let (word, bit) = place(symbol);
        self.0[word] &= !bit;
    }
}

/// The word with a symbol's bit, and the bit.
const fn place(symbol: GoSymbol) -> (usize, u64) {
    (symbol.index() / u64::BITS as usize, 1 << (symbol.index() % u64::BITS as usize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_symbol_is_new_once() {
        let mut set = SymbolSet::new(129);
        let symbols = [0, 63, 64, 128].map(GoSymbol);
        assert!(symbols.iter().all(|symbol| set.insert(*symbol)));
        assert!(!symbols.iter().any(|symbol| set.insert(*symbol)));
        set.remove(GoSymbol(64));
        assert_eq!(symbols.map(|symbol| set.contains(symbol)), [true, true, false, true]);
        assert_eq!(symbols.map(|symbol| set.insert(symbol)), [false, false, true, false]);
    }

    #[test]
    fn those_that_fulfil_a_condition_are_in_it() {
        let set = SymbolSet::of(129, |symbol| symbol.0 % 3 == 1);
        assert!((0..129).all(|index| set.contains(GoSymbol(index)) == (index % 3 == 1)));
    }
}

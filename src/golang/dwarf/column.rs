//! A number for some of the symbols.

use crate::golang::symbols::GoSymbol;

/// By symbol: a number, or none. Memory of symbols without one is never touched, as none is zero.
#[derive(Debug)]
pub(super) struct Column(Vec<u32>);

impl Column {
    /// Room for so many symbols, without numbers.
    pub fn new(symbols: usize) -> Self {
        Column(vec![0; symbols])
    }

    /// A symbol's number.
    #[inline]
    pub fn get(&self, symbol: GoSymbol) -> Option<u32> {
        self.0.get(symbol.index())?.checked_sub(1)
    }

    /// Gives a symbol a number below [`u32::MAX`].
    pub fn set(&mut self, symbol: GoSymbol, number: u32) {
        self.0[symbol.index()] = number.saturating_add(1);
    }

    /// The symbols that have numbers.
    pub fn iter(&self) -> impl Iterator<Item = (GoSymbol, u32)> {
        let all = self.0.iter().enumerate();
        all.filter_map(|(symbol, &number)| Some((GoSymbol(symbol as u32), number.checked_sub(1)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_a_number() {
        let mut column = Column::new(4);
        column.set(GoSymbol(2), 0);
        column.set(GoSymbol(3), 7);
        assert_eq!((column.get(GoSymbol(1)), column.get(GoSymbol(2))), (None, Some(0)));
        assert_eq!(column.get(GoSymbol(9)), None);
        assert_eq!(column.iter().collect::<Vec<_>>(), [(GoSymbol(2), 0), (GoSymbol(3), 7)]);
    }
}

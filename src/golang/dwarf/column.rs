//! A number for some of the symbols.

use crate::golang::symbols::{GoSymbol, Symbols};

/// Symbols of a block.
const BLOCK: usize = 32;

/// By symbol, descriptions included: a number, or none. There is room for numbers only block by block: symbols that have some lie beside
/// each other, and are few.
#[derive(Debug)]
pub(super) struct Column {
    /// By block of symbols: the position of its numbers, and 1; 0 if none has a number.
    blocks: Vec<u32>,
    /// 1 more than each number; 0 for none.
    numbers: Vec<[u32; BLOCK]>,
    /// How many symbols there are that are no descriptions, whose positions come first.
    symbols: usize,
}

impl Column {
    /// Room for all symbols, without numbers.
    pub fn of(symbols: &Symbols<'_>) -> Self {
        Self::new(symbols.count(), symbols.description_count())
    }

    fn new(symbols: usize, descriptions: usize) -> Self {
        let blocks = (symbols + descriptions).div_ceil(BLOCK);
        // Memory that is never touched costs nothing, and what is in use does not move.
        Column { blocks: vec![0; blocks], numbers: Vec::with_capacity(blocks), symbols }
    }

    #[inline]
    fn position(&self, symbol: GoSymbol) -> usize {
        symbol.description().map_or(symbol.index(), |number| self.symbols + number as usize)
    }

    fn symbol(&self, position: usize) -> GoSymbol {
        let description = position.checked_sub(self.symbols);
        description.map_or(GoSymbol(position as u32), |number| GoSymbol::of_description(number as u32))
    }

    /// A symbol's number.
    #[inline]
    pub fn get(&self, symbol: GoSymbol) -> Option<u32> {
        let position = self.position(symbol);
        let block = self.blocks.get(position / BLOCK)?.checked_sub(1)?;
        self.numbers[block as usize][position % BLOCK].checked_sub(1)
    }

    /// Gives a symbol a number below [`u32::MAX`].
    #[inline]
    pub fn set(&mut self, symbol: GoSymbol, number: u32) {
        let position = self.position(symbol);
        let block = &mut self.blocks[position / BLOCK];
        if *block == 0 {
            self.numbers.push([0; BLOCK]);
            *block = self.numbers.len() as u32;
        }
        self.numbers[*block as usize - 1][position % BLOCK] = number.saturating_add(1);
    }

    /// The symbols that have numbers, in order.
    pub fn iter(&self) -> impl Iterator<Item = (GoSymbol, u32)> {
        let blocks = self.blocks.iter().enumerate();
        let blocks = blocks.filter_map(|(at, block)| Some((at * BLOCK, block.checked_sub(1)?)));
        blocks.flat_map(|(first, block)| {
            let numbers = (first..).zip(&self.numbers[block as usize]);
            numbers.filter_map(|(position, number)| Some((self.symbol(position), number.checked_sub(1)?)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_a_number() {
        let mut column = Column::new(100, 10);
        let of_description = GoSymbol::of_description;
        for (symbol, number) in [(99, 7), (2, 0), (31, 5), (3, 6), (3, 8)] {
            column.set(GoSymbol(symbol), number);
        }
        column.set(of_description(9), 4);
        assert_eq!(
            [1, 2, 40, 99, 200].map(|symbol| column.get(GoSymbol(symbol))),
            [None, Some(0), None, Some(7), None]
        );
        assert_eq!([2, 9, 99].map(|number| column.get(of_description(number))), [None, Some(4), None]);
        let all = [(2, 0), (3, 8), (31, 5), (99, 7)].map(|(symbol, number)| (GoSymbol(symbol), number));
        assert_eq!(column.iter().collect::<Vec<_>>(), [&all[..], &[(of_description(9), 4)]].concat());
    }
}

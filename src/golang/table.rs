//! Contents that are sized early and made late: tables whose bytes need every address (Go 1.26 and 1.27, the generator
//! symbols of `cmd/link/internal/ld/link.go`).

use std::ops::Range;

use hashbrown::HashMap;

use super::layout::Addresses;
use super::symbols::{GoSymbol, Symbols};
use crate::diag::Diagnostic;

/// The contents of a symbol, made when every address is known. A large table is made in parts, apart from each other, so that what a
/// worker makes stays in its cache until it is in the file.
pub trait Table: Send + Sync {
    /// Exact bytes.
    fn size(&self) -> u64;

    /// Where its parts begin, but for the first one: offsets that do not fall. The last part reaches to the end.
    fn cuts(&self) -> Vec<u64> {
        Vec::new()
    }

    /// Fills `out`, which has exactly the bytes of a part, all zero.
    ///
    /// # Errors
    /// What damaged input makes impossible to say in the table.
    fn fill(&self, part: usize, symbols: &Symbols<'_>, addresses: &Addresses, out: &mut [u8])
    -> Result<(), Diagnostic>;
}

/// A table, and where its parts are.
pub struct Planned<'a> {
    table: Box<dyn Table + 'a>,
    /// By part: where it ends.
    ends: Vec<u64>,
}

impl<'a> Planned<'a> {
    fn new(table: impl Table + 'a) -> Self {
        let mut ends = table.cuts();
        ends.push(table.size());
        Planned { table: Box::new(table), ends }
    }

    /// Exact bytes.
    pub fn size(&self) -> u64 {
        self.start(self.parts())
    }

    /// How many parts it has.
    pub const fn parts(&self) -> usize {
        self.ends.len()
    }

    /// Where a part begins; behind the last one, where that ends.
    pub fn start(&self, part: usize) -> u64 {
        part.checked_sub(1).map_or(0, |before| self.ends[before])
    }

    /// Makes some parts. `out` has exactly their bytes, and all are overwritten.
    ///
    /// # Errors
    /// As [`Table::fill`], of the first part that has one.
    pub fn fill(
        &self,
        parts: Range<usize>,
        symbols: &Symbols<'_>,
        addresses: &Addresses,
        mut out: &mut [u8],
    ) -> Result<(), Diagnostic> {
        out.fill(0);
        for part in parts {
            let length = self.start(part + 1) - self.start(part);
            let (bytes, rest) = out.split_at_mut(length as usize);
            self.table.fill(part, symbols, addresses, bytes)?;
            out = rest;
        }
        Ok(())
    }
}

/// The symbols whose contents are tables.
#[derive(Default)]
pub struct Tables<'a> {
    of: HashMap<GoSymbol, Planned<'a>>,
}

impl<'a> Tables<'a> {
    /// Makes a table the contents of a symbol, and gives the symbol its size.
    pub fn plan(&mut self, symbols: &mut Symbols<'_>, symbol: GoSymbol, table: impl Table + 'a) {
        symbols.edit(symbol).size = table.size();
        self.of.insert(symbol, Planned::new(table));
    }

    /// The table of a symbol.
    pub fn get(&self, symbol: GoSymbol) -> Option<&Planned<'a>> {
        self.of.get(&symbol)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::golink::GoLink;
    use crate::golang::fixture::{self, Numbered};
    use crate::golang::symbols::Version;
    use crate::target::Architecture;

    #[test]
    fn parts_are_made_alone_and_together() {
        let options = GoLink::default();
        let program = fixture::program(&options, Architecture::X86_64, &[("main", &[])]);
        let objects = [fixture::object(&[])];
        let mut symbols = fixture::load(&program, &objects);
        let [large, small, broken] = [b"large", b"small", b"cut  "].map(|name| symbols.make_alone(name, Version::Abi0));
        let mut tables = Tables::default();
        tables.plan(&mut symbols, large, Numbered(&[2, 1, 3]));
        tables.plan(&mut symbols, small, Numbered(&[4]));
        tables.plan(&mut symbols, broken, Numbered(&[1, 0, 1]));
        assert_eq!([large, small].map(|symbol| symbols.size(symbol)), [6, 4]);
        let made = |symbol: GoSymbol, parts: Range<usize>| {
            let table = tables.get(symbol).expect("a table");
            // What was there before is gone.
            let mut out = vec![9; (table.start(parts.end) - table.start(parts.start)) as usize];
            table.fill(parts, &symbols, &Addresses::default(), &mut out).map(|()| out)
        };
        assert_eq!(tables.get(large).map(Planned::parts), Some(3));
        assert_eq!(made(large, 0..3), Ok(vec![1, 1, 2, 3, 3, 3]));
        assert_eq!(
            [0..1, 1..3, 2..2].map(|parts| made(large, parts)),
            [Ok(vec![1, 1]), Ok(vec![2, 3, 3, 3]), Ok(vec![])]
        );
        assert_eq!(made(small, 0..1), Ok(vec![1; 4]));
        assert!(made(broken, 0..1).is_ok() && made(broken, 0..3).is_err());
    }
}

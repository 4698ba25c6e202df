//! Contents that are sized early and made late: tables whose bytes need every address (Go 1.26 and 1.27, the generator
//! symbols of `cmd/link/internal/ld/link.go`).

use hashbrown::HashMap;

use super::address::Addresses;
use super::symbols::{GoSymbol, Symbols};
use crate::diag::Diagnostic;

/// The contents of a symbol, made when every address is known.
pub trait Table: Send + Sync {
    /// Exact bytes.
    fn size(&self) -> u64;

    /// Fills `out`, which has exactly [`Table::size`] bytes, all zero.
    ///
    /// # Errors
    /// What damaged input makes impossible to say in the table.
    fn fill(&self, symbols: &Symbols<'_>, addresses: &Addresses, out: &mut [u8]) -> Result<(), Diagnostic>;
}

/// The symbols whose contents are tables.
#[derive(Default)]
pub struct Tables<'a> {
    of: HashMap<GoSymbol, Box<dyn Table + 'a>>,
}

impl<'a> Tables<'a> {
    /// Makes a table the contents of a symbol, and gives the symbol its size.
    pub fn plan(&mut self, symbols: &mut Symbols<'_>, symbol: GoSymbol, table: impl Table + 'a) {
        symbols.edit(symbol).size = table.size();
        self.of.insert(symbol, Box::new(table));
    }

    /// The table of a symbol.
    pub fn get(&self, symbol: GoSymbol) -> Option<&(dyn Table + 'a)> {
        self.of.get(&symbol).map(Box::as_ref)
    }
}

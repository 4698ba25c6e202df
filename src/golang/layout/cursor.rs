//! Functions get their addresses one behind the other (Go 1.26 and 1.27, `assignAddress` of `cmd/link/internal/ld/data.go`).

use crate::diag::Diagnostic;
use crate::golang::symbols::{GoSymbol, Symbols};

/// A function takes at least this, so that the table that finds functions has at most one for each slot.
const SMALLEST_FUNCTION: u64 = 16;

/// Objects may leave out zeros at the end of contents, but no compiler ends a function with more of them.
const MOST_ZEROS: u64 = 1 << 16;

/// A function is made of the instructions that its object holds.
fn check_size(symbols: &Symbols<'_>, symbol: GoSymbol) -> Result<(), Diagnostic> {
    let size = symbols.size(symbol);
    if size <= MOST_ZEROS {
        return Ok(());
    }
    let held = symbols.data(symbol).len() as u64;
    if size <= held + MOST_ZEROS {
        return Ok(());
    }
    let name = symbols.display(symbol);
    let message = format!("the function {name} takes {size} bytes, and its object holds {held} of them");
    Err(Diagnostic::error("bad-object", message).help(format!("rebuild package {}", symbols.package_path(symbol))))
}

/// Where the next function goes.
pub(super) struct Cursor {
    /// The address behind the last function.
    pub address: u64,
    /// By symbol: its address.
    pub value: Vec<u64>,
    alignment: u64,
    least_alignment: u64,
    /// Code may not go beyond this address.
    limit: u64,
}

impl Cursor {
    /// At the start of the code, for so many symbols; `alignment` is that of functions.
    pub fn new(base: u64, alignment: u64, symbols: usize) -> Self {
        let limit = base + u64::from(u32::MAX);
        Cursor { address: base, value: vec![0; symbols], alignment, least_alignment: alignment, limit }
    }

    /// The largest alignment so far, at least that of functions.
    pub const fn alignment(&self) -> u64 {
        self.alignment
    }

    /// Gives a function the next address.
    pub fn place(&mut self, symbols: &Symbols<'_>, symbol: GoSymbol) -> Result<(), Diagnostic> {
        check_size(symbols, symbol)?;
        let alignment = symbols.alignment(symbol).max(self.least_alignment);
        self.alignment = self.alignment.max(alignment);
        let address = self.address.next_multiple_of(alignment);
        self.address = address + symbols.size(symbol).max(SMALLEST_FUNCTION);
        if self.address > self.limit {
            let message = format!("the code takes more than 4 GiB: {} is beyond that", symbols.display(symbol));
            return Err(Diagnostic::error("too-much-code", message).help("link less code, or align it less"));
        }
        self.value[symbol.index()] = address;
        Ok(())
    }
}

//! Debug information as the writer sees it: sections of pieces that can be made in any order, and how they are compressed
//! (Go 1.26 and 1.27, `dwarfcompress` and `compressSyms` of `cmd/link/internal/ld`).

use std::ops::Range;

use crate::diag::Diagnostic;
pub use crate::golang::dwarf::DebugSection;
use crate::golang::dwarf::Dwarf;
use crate::golang::layout::Addresses;
use crate::golang::symbols::Symbols;
pub use crate::output::compress::{Block, ZlibStream};

/// Debug information, sized and not yet made.
pub trait DebugInfo: Sync {
    /// Its sections, in the order of the file.
    fn sections(&self) -> &[DebugSection];

    /// Which bytes of a section a piece is. Pieces follow each other without gaps.
    fn piece_range(&self, section: usize, piece: usize) -> Range<u64>;

    /// Makes a piece when every address is known. `out` has exactly the bytes of the piece; all of them are overwritten, whatever they
    /// were.
    ///
    /// # Errors
    /// What damaged input makes impossible to describe.
    fn fill(
        &self,
        section: usize,
        piece: usize,
        symbols: &Symbols<'_>,
        addresses: &Addresses,
        out: &mut [u8],
    ) -> Result<(), Diagnostic>;
}

impl DebugInfo for Dwarf {
    fn sections(&self) -> &[DebugSection] {
        self.sections()
    }

    fn piece_range(&self, section: usize, piece: usize) -> Range<u64> {
        self.piece_range(section, piece)
    }

    fn fill(
        &self,
        section: usize,
        piece: usize,
        symbols: &Symbols<'_>,
        addresses: &Addresses,
        out: &mut [u8],
    ) -> Result<(), Diagnostic> {
        self.fill(section, piece, symbols, addresses, out)
    }
}

/// The alignment of debug sections, compressed or not: Go's is that of the machine's most lenient access.
const ALIGNMENT: u64 = 1;

/// Begins a compressed section; returns what comes before its first block.
pub fn begin(section: &DebugSection) -> (ZlibStream, Vec<u8>) {
    ZlibStream::begin(ALIGNMENT, section.size)
}

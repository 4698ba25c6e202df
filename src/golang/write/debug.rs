//! Debug information as the writer sees it: sections of pieces that can be made in any order, and how they are compressed
//! (Go 1.26 and 1.27, `dwarfcompress` and `compressSyms` of `cmd/link/internal/ld`).

use std::ops::Range;

use crate::args::request::DebugCompression;
use crate::diag::{Diagnostic, Diagnostics};
use crate::golang::address::Addresses;
use crate::golang::symbols::Symbols;
use crate::output::compress;
pub use crate::output::compress::{Block, CompressedSection as Packed};

/// A section of debug information.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DebugSection {
    /// Its name.
    pub name: &'static str,
    /// Exact bytes.
    pub size: u64,
    /// How many pieces it has, of about a megabyte.
    pub pieces: usize,
}

/// Debug information, sized and not yet made.
pub trait DebugInfo: Sync {
    /// Its sections, in the order of the file.
    fn sections(&self) -> &[DebugSection];

    /// Which bytes of a section a piece is. Pieces follow each other without gaps.
    fn piece_range(&self, section: usize, piece: usize) -> Range<u64>;

    /// Makes a piece when every address is known. `out` has exactly the bytes of the piece, all zero.
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

/// The alignment of debug sections, compressed or not: Go's is that of the machine's most lenient access.
const ALIGNMENT: u64 = 1;

/// Compresses a piece.
pub fn compress(bytes: &[u8]) -> Result<Block, Diagnostics> {
    compress::compress_block(DebugCompression::Zlib, bytes)
}

/// Joins the pieces of a section; `None` if it does not shrink.
pub fn pack(blocks: Vec<Block>) -> Option<Packed> {
    compress::finish(DebugCompression::Zlib, ALIGNMENT, blocks)
}

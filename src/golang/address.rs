//! Where everything is: sections, segments, and the address of each symbol (Go 1.26 and 1.27, `address` and `layout` of
//! `cmd/link/internal/ld/data.go`).

use std::ops::Range;

use super::symbols::GoSymbol;

/// A part of the file that is mapped as one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Segment {
    /// Code.
    Text,
    /// Read-only data.
    Rodata,
    /// Data that is read-only once it is relocated.
    Relro,
    /// Writable data; zeroed data follows what the file holds.
    Data,
    /// Debug information; not mapped.
    Dwarf,
}

/// What may be done with a section or a segment: read, write, execute.
pub mod access {
    /// Read.
    pub const READ: u8 = 4;
    /// Read and write.
    pub const WRITE: u8 = 6;
    /// Read and execute.
    pub const EXECUTE: u8 = 5;
}

/// A section of the output.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Section {
    /// Its name.
    pub name: Vec<u8>,
    /// One of [`access`].
    pub access: u8,
    /// A power of two in bytes.
    pub alignment: u64,
    /// Where it starts.
    pub address: u64,
    /// Bytes it takes.
    pub length: u64,
    /// The segment it is part of.
    pub segment: Segment,
    /// Whether the file holds its contents; zeroed data has none.
    pub has_bytes: bool,
    /// Where its contents are, if it has any.
    pub file_offset: u64,
    /// What it holds, in the order of addresses.
    pub symbols: Vec<GoSymbol>,
}

/// A segment of the output.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SegmentPlace {
    /// Which it is.
    pub segment: Segment,
    /// One of [`access`].
    pub access: u8,
    /// Where it starts.
    pub address: u64,
    /// Bytes it takes.
    pub length: u64,
    /// Where its contents start.
    pub file_offset: u64,
    /// Bytes that the file holds of it.
    pub file_length: u64,
    /// Its sections, by position.
    pub sections: Range<usize>,
}

/// Where everything is. Nothing moves any more, but debug sections that are compressed.
#[derive(Clone, Default, Debug)]
pub struct Addresses {
    /// By symbol: its address, or its offset in the block of each thread.
    pub value: Vec<u64>,
    /// By symbol: 1 and the position of its section; 0 if it has none.
    pub section: Vec<u16>,
    /// The sections, segment by segment in the order of the file.
    pub sections: Vec<Section>,
    /// The segments in the order of the file; those without sections are not there, but the code and the writable data
    /// always are.
    pub segments: Vec<SegmentPlace>,
}

impl Addresses {
    /// A symbol's address; 0 if it has none.
    #[inline]
    pub fn of(&self, symbol: GoSymbol) -> u64 {
        self.value.get(symbol.index()).copied().unwrap_or(0)
    }

    /// A symbol's section.
    pub fn section_of(&self, symbol: GoSymbol) -> Option<&Section> {
        let position = self.section.get(symbol.index()).copied()?.checked_sub(1)?;
        self.sections.get(usize::from(position))
    }

    /// A segment, if there is one.
    pub fn segment(&self, segment: Segment) -> Option<&SegmentPlace> {
        self.segments.iter().find(|place| place.segment == segment)
    }

    /// A section by its name.
    pub fn named(&self, name: &[u8]) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }
}

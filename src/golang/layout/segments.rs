//! Sections and segments of the output, as they grow and as they are in the end.

use std::ops::Range;

use crate::golang::symbols::GoSymbol;

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

//! Where everything goes: the order of code and data, their sections, and the address of each symbol (Go 1.26 and 1.27,
//! `cmd/link/internal/ld/data.go`).
//!
//! ```text
//! order -> text (shuffle, cursor, thunks)         code has its addresses early: tables are made of them
//! signs                                           what names say of data, while they are in memory
//! groups -> buckets -> sections (data, gcmask)    data is collected once everything is made
//! address                                         both together
//! ```

pub mod address;
pub mod buckets;
mod cursor;
mod data;
mod gcmask;
pub mod groups;
mod order;
mod sections;
mod segments;
mod shuffle;
pub mod signs;
#[cfg(test)]
mod tests;
pub mod text;
mod thunks;

pub use address::Addresses;
pub use order::{Text, order};
pub use segments::{Section, Segment, SegmentPlace, access};
pub use text::TextPlaces;

//! What only Go programs have: their objects, symbols and tables (Go 1.26 and 1.27, `cmd/link`).

pub mod address;
pub mod dwarf;
pub mod elf;
pub mod fips;
#[cfg(test)]
mod fixture;
pub mod groups;
pub mod kind;
pub mod link;
pub mod load;
mod machine;
pub mod moduledata;
mod names;
pub mod phases;
pub mod program;
pub mod relocate;
pub mod resolve;
pub mod setup;
mod shuffle;
pub mod sort;
pub mod symbols;
pub mod table;
pub mod text;
mod thunks;
pub mod write;

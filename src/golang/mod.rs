//! What only Go programs have: their objects, symbols and tables (Go 1.26 and 1.27, `cmd/link`).

pub mod address;
pub mod buildinfo;
pub mod data;
pub mod dwarf;
pub mod elf;
pub mod fips;
#[cfg(test)]
mod fixture;
mod gcmask;
pub mod groups;
pub mod inittask;
pub mod kind;
pub mod link;
pub mod linkname;
pub mod liveness;
pub mod load;
mod machine;
pub mod moduledata;
mod names;
pub mod phases;
pub mod program;
pub mod relocate;
mod report;
pub mod resolve;
mod sections;
pub mod setup;
mod shuffle;
pub mod sort;
pub mod strdata;
pub mod symbols;
pub mod table;
pub mod text;
mod thunks;
pub mod typelink;
pub mod types;
pub mod undefined;
pub mod write;

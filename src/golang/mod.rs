//! What only Go programs have: their objects, symbols and tables (Go 1.26 and 1.27, `cmd/link`).

pub mod ahead;
pub mod buildinfo;
pub mod callgraph;
pub mod dwarf;
pub mod elf;
#[cfg(test)]
pub(crate) mod fixture;
pub mod inittask;
pub mod layout;
pub mod link;
pub mod linkname;
pub mod liveness;
pub mod load;
mod machine;
mod memory;
pub mod moduledata;
pub mod pclntab;
pub mod pcvalue;
pub mod phases;
pub mod program;
pub mod relocate;
mod report;
pub mod resolve;
pub mod setup;
pub mod sort;
mod source_path;
pub mod stackcheck;
pub mod strdata;
pub mod strictdups;
pub mod symbols;
pub mod table;
pub mod typelink;
pub mod types;
pub mod undefined;
pub mod verbose;
pub mod write;

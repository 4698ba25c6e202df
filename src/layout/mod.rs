//! From live atoms to addresses: which output section each belongs to, in which order, how large the tables are that the
//! linker makes, and where everything lies.

pub mod address;
pub mod arrange;
pub mod branches;
mod evaluate;
pub mod facts;
pub mod got;
pub mod image;
pub mod living;
mod loads;
pub mod matching;
mod orphans;
pub mod packed;
mod passes;
pub mod plan;
mod program_headers;
pub mod properties;
mod regions;
pub mod report;
pub mod scan;
pub mod sections;
mod segments;
mod sort;
pub mod state;
pub mod strings;
pub mod tables;
pub mod thunks;
pub mod unwind;

#[cfg(test)]
mod samples;

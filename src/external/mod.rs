//! What lies outside cgolink: compilers, their C libraries, and links that are handed to them.

pub mod command;
pub mod decide;
mod rules;
pub mod run;
pub mod toolchain;

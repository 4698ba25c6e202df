//! Names to one definition each: which archive members take part, and which file defines each name.

pub mod extract;
pub mod files;
pub mod names;
pub mod resolve;

//! Names to one definition each: which archive members take part, and which file defines each name; and what to say of
//! names that have none, or several.

pub mod cgo;
pub mod demangle;
pub mod duplicate;
pub mod extract;
pub mod files;
pub mod hints;
pub mod known_names;
pub mod names;
pub mod resolve;
pub mod spelling;
pub mod undefined;

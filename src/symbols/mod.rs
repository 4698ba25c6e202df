//! Names to one definition each: which archive members take part, and which file defines each name; and what to say of
//! names that have none, or several.

pub mod cgo;
pub mod confine;
pub mod cpp_library;
pub mod demangle;
pub mod duplicate;
pub mod evidence;
pub mod extract;
pub mod files;
pub mod hints;
pub mod known_names;
pub mod missing;
pub mod names;
pub mod resolve;
pub mod spelling;
pub mod supply;
pub mod undefined;

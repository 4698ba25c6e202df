//! From the frozen image to a file: contents, headers, symbol table, compressed debug sections, build id.

pub mod buildid;
pub mod compress;
pub mod contents;
pub mod deflate;
pub mod file;
pub mod gnu_property;
pub mod headers;
pub mod jobs;
pub mod map;
pub mod map_file;
pub mod symtab;
pub mod tables;
pub mod write;

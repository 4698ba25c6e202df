//! GNU ld's script language: texts in place of libraries (`libc.so`), a user's `-T`, version scripts, and the embedded
//! section orders of `linkscripts/`, all read by one reader.

pub mod ast;
pub mod embedded;
pub mod expression;
pub mod glob;
pub mod include;
pub mod insert;
pub mod lexer;
mod memory;
pub mod parser;
mod program_headers;
mod sections;
pub mod standard;
mod statements;
pub mod symbols;
pub mod version;

pub use expression::parse_expression;
pub use insert::complete;
pub use parser::{looks_like_script, parse, parse_including};
pub use version::{parse_dynamic_list, parse_version_script};

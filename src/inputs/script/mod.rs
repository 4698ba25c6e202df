//! GNU ld's script language: texts in place of libraries (`libc.so`), a user's `-T`, version scripts, and the embedded
//! section orders of `linkscripts/`, all read by one reader.

pub mod ast;

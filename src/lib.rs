//! cgolink: a linker for programs that mix Go with C, C++ and Rust.
//!
//! A door ([`args`]) turns what was typed into one [`args::request::LinkRequest`]; the engine turns that into a file.

pub mod args;
pub mod diag;
pub mod doctor;
pub mod door;
pub mod executable;
pub mod external;
pub mod gnu_property;
pub mod golang;
pub mod ids;
pub mod inputs;
pub mod inspect;
pub mod layout;
pub mod link;
pub mod liveness;
#[cfg(test)]
mod mutation;
pub mod output;
pub mod par;
pub mod relocation;
pub mod script;
pub mod symbols;
pub mod sys;
pub mod target;
pub mod trace;
pub mod verify;

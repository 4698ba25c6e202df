//! Which atoms are part of the program: candidates first, then, with `--gc-sections`, those that a root reaches.

pub mod candidates;
pub mod mark;

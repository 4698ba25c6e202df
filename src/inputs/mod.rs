//! Bytes to typed views. Inputs are borrowed from their mappings for the whole link and never modified.

pub mod archive;
pub mod atoms;
pub mod eh_frame;
pub mod kind;
pub mod macho;
pub mod refuse;
pub mod script;

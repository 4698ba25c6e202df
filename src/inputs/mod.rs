//! Bytes to typed views. Inputs are borrowed from their mappings for the whole link and never modified.

pub mod archive;
pub mod atoms;
pub mod compressed;
pub mod eh_frame;
pub mod elf;
pub mod goabi;
pub mod goarchive;
pub mod goobj;
pub mod importcfg;
pub mod kind;
pub mod libsearch;
pub mod load;
pub mod macho;
pub mod overlap;
pub mod refuse;
pub mod store;

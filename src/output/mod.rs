//! The finished file: its bytes, and the parts of it that no input has.

pub mod buildid;
pub mod compress;
pub mod gnu_property;
pub mod map;

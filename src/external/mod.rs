//! What lies outside cgolink: compilers, their C libraries, and links that are handed to them.

pub mod toolchain;

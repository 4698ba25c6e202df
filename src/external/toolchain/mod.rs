//! Finding the C library: the start files, archives and folders that a C compiler would have added to a link, for a
//! target and a kind of executable, without being told.
//!
//! The order is fixed, and each answer says which rung of it was used ([`Provenance`]):
//!
//! 1. `--sysroot`;
//! 2. the compiler that `$CC` names;
//! 3. zig on the PATH: its musl;
//! 4. `musl-gcc`;
//! 5. the musl inside an installed Rust target;
//! 6. a gcc cross compiler on the PATH, for musl and then for glibc;
//! 7. `gcc`, for static glibc.
//!
//! A rung that gives another C library than the target states is passed over. What compilers answer is remembered,
//! and a remembered answer is checked with `stat` alone.

mod answer;
mod cache;
mod compiler;
mod driver_line;
#[cfg(test)]
pub(crate) mod fake;
mod gcc;
mod order;
mod probe;
mod rust;
mod search;
mod sysroot;
mod zig;

pub use answer::{CLibrary, LibraryAnswer, Provenance, Rung, StaticKind, ToolchainQuery};
pub(crate) use cache::folder as cache_folder;
pub use compiler::{CompilerCommand, CompilerFamily};
pub use order::find;
pub(crate) use order::{Step, remedies, steps};
pub(crate) use probe::{Probe, SystemProbe};

//! One search for a C library: what each rung is asked, why it has none, and what files tell of it.

use std::path::{Path, PathBuf};

use super::answer::ToolchainQuery;
use super::probe::Probe;
use crate::target::{Architecture, Libc};

/// One search for a C library.
pub(super) struct Search<'a> {
    /// The machine.
    pub probe: &'a dyn Probe,
    /// What is wanted; its `libc` is settled where the compiler settles it.
    pub query: &'a ToolchainQuery,
    /// Whether a compiler may be made to build its library, which takes long.
    pub prepare: bool,
}

/// Why a rung has no library.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Missing {
    /// One line.
    pub reason: String,
    /// It would have one if it were allowed to build it.
    pub unprepared: bool,
    /// The C library that the compiler would have linked, where it told.
    pub libc: Option<Libc>,
    /// The compiler is a zig that its name does not show.
    pub is_zig: bool,
    /// It depends on the compiler alone, so that it can be remembered: no file that is added would mend it.
    pub lasting: bool,
}

impl Missing {
    /// For the given reason.
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Missing { reason: reason.into(), unprepared: false, libc: None, is_zig: false, lasting: false }
    }
}

/// The machine of an object file, by its ELF header.
pub(super) fn object_architecture(probe: &dyn Probe, path: &Path) -> Option<Architecture> {
    let bytes = probe.read(path).ok()?;
    let header = bytes.get(..20).filter(|header| header.starts_with(b"\x7fELF\x02\x01"))?;
    Architecture::from_elf_machine(u16::from_le_bytes([header[18], header[19]]))
}

/// Which C library stands in the folders: each has files that the other has not.
pub(super) fn libc_of(probe: &dyn Probe, folders: &[PathBuf]) -> Option<Libc> {
    folders.iter().find_map(|folder| {
        let names = probe.list(folder);
        let any = |test: &dyn Fn(&String) -> bool| names.iter().any(test);
        if any(&|name| name.starts_with("ld-musl-")) || folder.to_string_lossy().contains("musl") {
            Some(Libc::Musl)
        } else if any(&|name| name == "libc_nonshared.a" || name == "libc.so.6" || name.starts_with("ld-linux-")) {
            Some(Libc::Gnu)
        } else {
            None
        }
    })
}

//! What asks the system for memory: the mappings of the inputs. One of the few files with `unsafe`.

use std::fs::File;
use std::io;

use memmap2::Mmap;

/// Maps a whole file for reading.
///
/// The mapping is private and read-only. A build that rewrites an input in place while it is being linked is a race
/// that no linker survives (a truncated file faults); build tools write new files and rename them.
pub fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: the mapping is never written through, and is only exposed as `&[u8]` while the `Mmap` lives. The bytes can
    // change under us only if another process rewrites the file, which the doc comment excludes.
    unsafe { Mmap::map(file) }
}

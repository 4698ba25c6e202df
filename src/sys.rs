//! What asks the system for memory: the mappings of the inputs, the allocator. One of the few files with `unsafe`.

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

/// Lets the C library's allocator keep what is freed. A link's stages make and drop columns of megabytes, and memory that goes
/// back to the system each time comes again page by page. To be called before there are threads.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    for (parameter, value) in [(libc::M_MMAP_THRESHOLD, 32 << 20), (libc::M_TRIM_THRESHOLD, i32::MAX)] {
        // SAFETY: sets a number that glibc's allocator looks at; no other thread exists that could do the same.
        let _ = unsafe { libc::mallopt(parameter, value) };
    }
}

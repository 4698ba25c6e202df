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

/// Sets up the C library's allocator for stages that make and drop columns of megabytes. It keeps what is freed, for memory
/// that goes back to the system comes again page by page; all threads share it, so that what one of them frees serves any;
/// and it asks the system for large pages, of which there are 512 times fewer. To be called before there are threads.
pub fn set_up_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        allocator::set(libc::M_MMAP_THRESHOLD, 32 << 20);
        allocator::set(libc::M_TRIM_THRESHOLD, i32::MAX);
        allocator::set(libc::M_ARENA_MAX, 1);
        allocator::reserve_large_pages();
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod allocator {
    const LARGE_PAGE: usize = 2 << 20;
    /// By how many bytes the heap grows at first: enough for most links. Only what is written to takes memory.
    const RESERVED: usize = 256 << 20;

    /// Sets one of the allocator's numbers; only while there is one thread.
    pub fn set(parameter: i32, value: i32) {
        // SAFETY: sets a number that glibc's allocator looks at; no other thread exists that could do the same.
        let _ = unsafe { libc::mallopt(parameter, value) };
    }

    /// Lets the heap grow at once, and asks for large pages there. A system that has none, or not so much, gives what it has.
    pub fn reserve_large_pages() {
        set(libc::M_TOP_PAD, RESERVED as i32);
        let mut first = Vec::<u8>::new();
        // More than the heap has, so that it grows.
        let is_reserved = first.try_reserve_exact(LARGE_PAGE).is_ok();
        set(libc::M_TOP_PAD, LARGE_PAGE as i32);
        let start = first.as_ptr().addr().next_multiple_of(LARGE_PAGE);
        // SAFETY: an increment of 0 only tells where the heap ends.
        let end = unsafe { libc::sbrk(0) }.addr();
        let length = end.saturating_sub(start);
        // What was given may lie elsewhere than in the heap.
        if is_reserved && (1..=RESERVED + LARGE_PAGE).contains(&length) {
            // SAFETY: the advice changes how memory is provided, never what it holds.
            let _ = unsafe { libc::madvise(std::ptr::without_provenance_mut(start), length, libc::MADV_HUGEPAGE) };
        }
    }
}

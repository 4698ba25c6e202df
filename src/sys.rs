//! What asks the system for memory: the mappings of the inputs, the allocator, and who takes it apart at the end. One of the few
//! files with `unsafe`.

use std::fs::File;
use std::io;

use memmap2::{Mmap, MmapOptions};

/// Maps a stretch of a file for reading: `length` bytes from `start` on, which are to be within the file.
///
/// The mapping is private and read-only. A build that rewrites an input in place while it is being linked is a race
/// that no linker survives (a truncated file faults); build tools write new files and rename them.
pub fn map(file: &File, start: u64, length: usize) -> io::Result<Mmap> {
    // SAFETY: the mapping is never written through, and is only exposed as `&[u8]` while the `Mmap` lives. The bytes can
    // change under us only if another process rewrites the file, which the doc comment excludes.
    unsafe { MmapOptions::new().offset(start).len(length).map(file) }
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

/// Asks for large pages for so many bytes that the calling thread will take from the C library's allocator next: fresh memory
/// costs a fault for every page. Where the system has none to give, pages are as always.
pub fn use_large_pages(size: usize) {
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    let _ = size;
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: the advice changes how the system backs whole pages of the stretch, not what they hold. Nobody else has the stretch
    // until it is given back, unused: the allocator keeps it, see `keep_freed_memory`, and takes from it what is asked for next.
    unsafe {
        let page = libc::sysconf(libc::_SC_PAGESIZE) as usize;
        let room = libc::malloc(size);
        if !room.is_null() {
            let before = room.addr().wrapping_neg() % page;
            let _ =
                libc::madvise(room.byte_add(before), size.saturating_sub(before) / page * page, libc::MADV_HUGEPAGE);
            libc::free(room);
        }
    }
}

/// Lets the process end before its memory does, to be called when all is told and the process is about to end: standard
/// input, output and error are closed.
///
/// A process is only over when the system has taken its memory apart, page by page, and dropped the contents of removed files
/// that it had open. After a large link that takes some time (docs/BENCHMARKS.md), and nobody needs to wait for it. So a second
/// process shares the memory and the open files, waits for the first one to end, and ends as well. Where the system refuses
/// that, the process ends as others do; with `CGOLINK_LINGER=1` too, for those who measure.
pub fn end_before_memory() {
    #[cfg(target_os = "linux")]
    if std::env::var_os("CGOLINK_LINGER").is_none_or(|linger| linger != "1") {
        caretaker::start();
    }
}

#[cfg(target_os = "linux")]
mod caretaker {
    use std::ffi::{c_int, c_void};
    use std::io::Write;
    use std::os::fd::IntoRawFd;

    /// The most memory that a process had, in KiB, for which it is worth the while.
    const LARGE: i64 = 32 << 10;
    const STACK: usize = 64 << 10;

    /// Starts the second process, if it is worth the while and there is a way.
    pub fn start() {
        if peak() < LARGE || std::io::stdout().flush().is_err() {
            return;
        }
        // The system closes the second end when this process is over.
        let Ok((over, alive)) = std::io::pipe() else { return };
        let ends = Box::leak(Box::new([over.into_raw_fd(), alive.into_raw_fd()]));
        let stack = Box::leak(vec![0u128; STACK / size_of::<u128>()].into_boxed_slice());
        // Who reads what this process writes must not have to wait for the second one.
        for standard in 0..3 {
            // SAFETY: nothing is read or written from here on.
            let _ = unsafe { libc::close(standard) };
        }
        // SAFETY: the function touches nothing but its own stack and `ends`, both of which nobody else uses and nobody frees,
        // and makes no calls but of the system. The stack grows down from its end, which is aligned to 16 bytes.
        let _ = unsafe {
            libc::clone(wait, stack.as_mut_ptr_range().end.cast(), libc::CLONE_VM, std::ptr::from_mut(ends).cast())
        };
    }

    /// The most memory that this process had, in KiB.
    fn peak() -> i64 {
        // SAFETY: zeros are a valid `rusage`, and the call writes nothing else.
        unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            libc::getrusage(libc::RUSAGE_SELF, &mut usage);
            usage.ru_maxrss
        }
    }

    /// What the second process does: it waits for the first one to end.
    extern "C" fn wait(ends: *mut c_void) -> c_int {
        let mut byte = 0u8;
        // SAFETY: `ends` is what `start` has made for this function alone. Only the system is called, as the C library's own
        // wrappers look at the state of the thread whose memory this is.
        unsafe {
            let [over, alive] = *ends.cast::<[c_int; 2]>();
            libc::syscall(libc::SYS_close, alive);
            libc::syscall(libc::SYS_read, over, &raw mut byte, 1);
        }
        0
    }
}

//! What asks the system for memory: the mappings of the inputs, the allocator, and who takes it apart at the end. One of the few
//! files with `unsafe`.

use std::fs::File;
use std::io;
use std::ops::{Deref, Range};

use memmap2::{Mmap, MmapOptions};

/// A stretch of a file, mapped for reading.
///
/// The mapping is read-only. A build that rewrites an input in place while it is being linked is a race
/// that no linker survives (a truncated file faults); build tools write new files and rename them.
#[derive(Debug)]
pub struct MappedFile(Mmap);

impl MappedFile {
    /// Maps `length` bytes from `start` on, which are to be within the file.
    pub fn new(file: &File, start: u64, length: usize) -> io::Result<Self> {
        // SAFETY: the mapping is never written through, and is only exposed as `&[u8]` while the `Mmap` lives. The bytes can
        // change under us only if another process rewrites the file, which the doc comment excludes.
        unsafe { MmapOptions::new().offset(start).len(length).map(file) }.map(MappedFile)
    }
}

impl Deref for MappedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// Takes whole pages of mapped files out of the process, to be called when nobody will look at them for a while: they count as its
/// memory, although the system has them anyway. Whoever looks at them all the same finds them again.
///
/// All is asked for in a few calls, each of which makes the other processors look at their tables of pages once. Where the system
/// does not know the call (Linux before 6.13) or does not allow it, as in some containers, the pages stay.
pub fn give_back<'a>(stretches: impl Iterator<Item = (&'a MappedFile, Range<usize>)>) {
    #[cfg(not(target_os = "linux"))]
    drop(stretches);
    #[cfg(target_os = "linux")]
    {
        /// The most that a call takes.
        const AT_ONCE: usize = libc::UIO_MAXIOV as usize;
        // SAFETY: asks for a number.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
        let whole_pages = |(file, range): (&'a MappedFile, Range<usize>)| {
            let start = file.as_ptr().addr();
            let first = (start + range.start).next_multiple_of(page) - start;
            let bytes = file.get(first..range.end)?;
            let length = bytes.len() / page * page;
            let iov_base = bytes.as_ptr().cast_mut().cast();
            (length > 0).then_some(libc::iovec { iov_base, iov_len: length })
        };
        let pages: Vec<libc::iovec> = stretches.filter_map(whole_pages).collect();
        // SAFETY: the pages are of read-only mappings of files that live, and are not written through: what is taken out is what the
        // file holds, and comes back when it is looked at. The call reads the list, which has that many elements.
        unsafe {
            let process = libc::syscall(libc::SYS_pidfd_open, libc::getpid(), 0) as libc::c_int;
            if process < 0 {
                return;
            }
            for part in pages.chunks(AT_ONCE) {
                libc::syscall(libc::SYS_process_madvise, process, part.as_ptr(), part.len(), libc::MADV_DONTNEED, 0);
            }
            libc::close(process);
        }
    }
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

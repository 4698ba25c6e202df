//! Owner of everything that inputs borrow from: mappings, paths, and buffers that the loader had to make. Append-only,
//! so that a loader can add to it while others read what is there.
//!
//! A mapping is the way to read here and there. Who copies a long stretch of a file reads the file instead ([`Store::copy`]): the
//! kernel copies from its cache at the same speed, and no page table has to be filled and emptied again for bytes that are
//! looked at once, nor do they count as memory of the link.

use std::fs::{File, Metadata};
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use elsa::sync::FrozenVec;
use memmap2::Mmap;
use rayon::prelude::*;

use crate::diag::{Diagnostic, io_error};
use crate::sys;

/// The memory of one link's inputs.
#[derive(Default)]
pub struct Store {
    mappings: FrozenVec<Box<Mapping>>,
    buffers: FrozenVec<Vec<u8>>,
    paths: FrozenVec<PathBuf>,
}

/// A file from a place on.
#[derive(Clone, Copy, Debug)]
pub struct Tail<'store> {
    /// The place, in bytes from the start of the file.
    pub start: u64,
    /// What follows, to the end of the file.
    pub bytes: &'store [u8],
}

/// A mapped file, or the end of one.
struct Mapping {
    bytes: Mmap,
    /// The file, if it is mapped whole and large enough for [`Store::copy`].
    file: Option<File>,
    /// Which file of the machine it is, whatever its name.
    identity: (u64, u64),
}

impl Mapping {
    /// Where it has some bytes, if these are a part of it.
    fn range_of(&self, bytes: &[u8]) -> Option<Range<usize>> {
        let start = bytes.as_ptr().addr().checked_sub(self.bytes.as_ptr().addr())?;
        let end = start.checked_add(bytes.len())?;
        (end <= self.bytes.len()).then_some(start..end)
    }
}

/// The device and the number on it.
fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Files from this size on stay open.
const LARGE_FILE: u64 = 1 << 20;
/// Below this many bytes a copy from the mapping is cheaper than a call of the system.
const LONG_COPY: usize = 64 << 10;
/// Parts that a worker gives back one after the other: a call of the system for each.
const PARTS_AT_ONCE: usize = 64;
/// First bytes that [`Store::map_tail`] shows.
const HEAD: usize = 256;

impl Store {
    /// Maps a file.
    pub fn map(&self, path: &Path) -> Result<&[u8], Diagnostic> {
        let (file, metadata) = open(path)?;
        self.keep_mapping(path, file, &metadata, 0)
    }

    /// Maps the end of a file, for who needs no more: `skip` is shown the file's first bytes, and says how many to leave out.
    ///
    /// The kernel maps the pages around each one that is looked at, but none before the place where a mapping starts.
    pub fn map_tail(&self, path: &Path, skip: impl FnOnce(&[u8]) -> u64) -> Result<Tail<'_>, Diagnostic> {
        let (file, metadata) = open(path)?;
        let mut head = [0; HEAD];
        let count = file.read_at(&mut head, 0).map_err(|error| io_error("read", path, &error))?;
        let start = Some(skip(&head[..count])).filter(|start| *start < metadata.len()).unwrap_or_default();
        Ok(Tail { start, bytes: self.keep_mapping(path, file, &metadata, start)? })
    }

    fn keep_mapping(&self, path: &Path, file: File, metadata: &Metadata, start: u64) -> Result<&[u8], Diagnostic> {
        if metadata.len() == 0 {
            return Ok(&[]);
        }
        let length = (metadata.len() - start) as usize;
        let bytes = sys::map(&file, start, length).map_err(|error| io_error("map", path, &error))?;
        let file = (start == 0 && metadata.len() >= LARGE_FILE).then_some(file);
        let identity = identity(metadata);
        Ok(&self.mappings.push_get(Box::new(Mapping { bytes, file, identity })).bytes)
    }

    /// Refuses an output that would take the place of an input.
    pub fn check_output(&self, output: &Path) -> Result<(), Diagnostic> {
        if !self.maps(output) {
            return Ok(());
        }
        let message = "the output is one of the inputs, which it would take the place of";
        let error = Diagnostic::error("output-is-input", message).at(crate::diag::Origin::file(output));
        Err(error.help("name another file with -o"))
    }

    /// Whether the file of this name is mapped, by whatever name.
    fn maps(&self, path: &Path) -> bool {
        let Ok(metadata) = std::fs::metadata(path) else { return false };
        let identity = identity(&metadata);
        self.mappings.iter().any(|mapping| mapping.identity == identity)
    }

    /// Copies what an input holds to `out`, which is as long.
    pub fn copy(&self, bytes: &[u8], out: &mut [u8]) {
        if bytes.len() < LONG_COPY || !self.read(bytes, out) {
            out.copy_from_slice(bytes);
        }
    }

    /// Gives the memory of parts of mapped files back to the system, which reads them again from the files if they are looked at. Of
    /// what is no part of a mapped file, nothing happens.
    pub fn release(&self, parts: &[&[u8]]) {
        let mut mappings: Vec<&Mapping> = self.mappings.iter().collect();
        mappings.sort_unstable_by_key(|mapping| mapping.bytes.as_ptr().addr());
        parts.par_iter().with_min_len(PARTS_AT_ONCE).for_each(|part| {
            let before = mappings.partition_point(|mapping| mapping.bytes.as_ptr().addr() <= part.as_ptr().addr());
            let mapping = before.checked_sub(1).map(|last| mappings[last]);
            if let Some((mapping, range)) = mapping.and_then(|mapping| Some((mapping, mapping.range_of(part)?))) {
                sys::release(&mapping.bytes, range);
            }
        });
    }

    /// Reads again from its file what a mapping shows; false if it is of no open file, or cannot be read.
    fn read(&self, bytes: &[u8], out: &mut [u8]) -> bool {
        let found = self.mappings.iter().find_map(|mapping| {
            let range = mapping.range_of(bytes)?;
            mapping.file.as_ref().map(|file| (file, range.start as u64))
        });
        found.is_some_and(|(file, offset)| file.read_exact_at(out, offset).is_ok())
    }

    /// Keeps a buffer.
    pub fn keep(&self, buffer: Vec<u8>) -> &[u8] {
        self.buffers.push_get(buffer)
    }

    /// Keeps a path.
    pub fn keep_path(&self, path: PathBuf) -> &Path {
        self.paths.push_get(path)
    }
}

fn open(path: &Path) -> Result<(File, Metadata), Diagnostic> {
    let file = File::open(path).map_err(|error| open_error(path, &error))?;
    let metadata = file.metadata().map_err(|error| io_error("read", path, &error))?;
    if !metadata.is_file() {
        return Err(Diagnostic::error("not-a-file", "is not a regular file, so it cannot be linked")
            .at(crate::diag::Origin::file(path)));
    }
    Ok((file, metadata))
}

fn open_error(path: &Path, error: &std::io::Error) -> Diagnostic {
    let found = io_error("open", path, error);
    if error.kind() == std::io::ErrorKind::NotFound {
        return found.help("check the path; an archive or object that a build step makes must exist before the link");
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_files_are_known_by_any_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let [first, second, other] = ["a", "b", "c"].map(|name| folder.path().join(name));
        std::fs::write(&first, b"x").expect("a file");
        std::fs::write(&other, b"x").expect("a file");
        std::fs::hard_link(&first, &second).expect("a second name");
        let store = Store::default();
        assert!(!store.maps(&first));
        store.map(&first).expect("bytes");
        let around = folder.path().join("../").join(folder.path().file_name().expect("a name")).join("a");
        assert!(store.maps(&first) && store.maps(&second) && store.maps(&around));
        assert!(!store.maps(&other) && !store.maps(&folder.path().join("gone")));
    }

    #[test]
    fn tails_start_where_they_are_asked_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let contents: Vec<u8> = (0..100_000).map(|at| (at / 7 % 251) as u8).collect();
        let (long, empty) = (folder.path().join("long"), folder.path().join("empty"));
        std::fs::write(&long, &contents).expect("a file");
        std::fs::write(&empty, b"").expect("a file");
        let store = Store::default();
        for (asked, start) in
            [(0, 0), (1, 1), (4096, 4096), (70_001, 70_001), (99_999, 99_999), (100_000, 0), (u64::MAX, 0)]
        {
            let tail = store.map_tail(&long, |head| if head == &contents[..HEAD] { asked } else { 7 });
            let tail = tail.expect("bytes");
            assert!(tail.start == start && tail.bytes == &contents[start as usize..], "from {asked}");
        }
        let tail = store.map_tail(&empty, |head| head.len() as u64 + 1).expect("no bytes");
        assert!(tail.start == 0 && tail.bytes.is_empty());
        assert!(store.maps(&long) && store.map_tail(folder.path(), |_| 0).is_err());
    }

    /// Whether the page that a byte is in counts as memory of this process: the highest bit of what the system tells of it.
    #[cfg(target_os = "linux")]
    fn is_resident(byte: &u8) -> bool {
        let page = std::ptr::from_ref(byte).addr() / sys::page_size();
        let mut told = [0; 8];
        let pages = File::open("/proc/self/pagemap").expect("every process can read its own");
        pages.read_exact_at(&mut told, 8 * page as u64).expect("a page");
        u64::from_le_bytes(told) >> 63 == 1
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn released_pages_are_read_again() {
        const PARTS: usize = 1 << 20;
        let folder = tempfile::tempdir().expect("a folder");
        let contents: Vec<u8> = (0..3 * PARTS + 77).map(|at| (at / 7 % 251) as u8).collect();
        let path = folder.path().join("large");
        std::fs::write(&path, &contents).expect("a file");
        let store = Store::default();
        let tail = store.map_tail(&path, |_| 5000).expect("bytes");
        let (bytes, kept) = (tail.bytes, store.keep(contents.clone()));
        assert!(bytes == &contents[5000..] && kept == contents);
        let (first, last) = (PARTS - 10, 2 * PARTS + 10);
        assert!([first, first + PARTS / 2, last - 1].iter().all(|&at| is_resident(&bytes[at])));
        store.release(&[&bytes[first..last], &kept[first..last], &bytes[..0], &bytes[17..18]]);

        assert!(!is_resident(&bytes[first + PARTS / 2]) && !is_resident(&bytes[PARTS + 5000]));
        // What shares a page with other bytes stays.
        assert!([0, 17, first - 1, first, last - 1, last].iter().all(|&at| is_resident(&bytes[at])));
        assert!(bytes == &contents[5000..] && kept == contents);
        assert!(is_resident(&bytes[first + PARTS / 2]));
    }

    #[test]
    fn copies_are_what_the_mapping_shows() {
        let folder = tempfile::tempdir().expect("a folder");
        let contents: Vec<u8> = (0..2 * LARGE_FILE).map(|at| (at / 7 % 251) as u8).collect();
        let (large, small) = (folder.path().join("large"), folder.path().join("small"));
        std::fs::write(&large, &contents).expect("a file");
        std::fs::write(&small, &contents[..1000]).expect("a file");
        let store = Store::default();
        let (small, large) = (store.map(&small).expect("bytes"), store.map(&large).expect("bytes"));
        let kept = store.keep(contents.clone());
        for source in [small, &large[..10], &large[4097..300_000], &large[1_000_001..], large, kept] {
            let mut out = vec![0; source.len()];
            store.copy(source, &mut out);
            assert!(out == source, "{} bytes", source.len());
        }
        let mut out = vec![0; LONG_COPY];
        assert!(store.read(&large[123..123 + LONG_COPY], &mut out) && out == large[123..123 + LONG_COPY]);
        assert!(!store.read(&kept[..LONG_COPY], &mut out) && !store.read(&small[..10], &mut out[..10]));
    }
}

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

use crate::diag::{Diagnostic, io_error};
use crate::sys::{self, MappedFile};

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
    bytes: MappedFile,
    /// The file, if it is mapped whole and large enough for [`Store::copy`].
    file: Option<File>,
    /// Which file of the machine it is, whatever its name.
    identity: (u64, u64),
}

/// The device and the number on it.
fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Files from this size on stay open.
const LARGE_FILE: u64 = 1 << 20;
/// Below this many bytes a copy from the mapping is cheaper than a call of the system.
const LONG_COPY: usize = 64 << 10;
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
        let bytes = MappedFile::new(&file, start, length).map_err(|error| io_error("map", path, &error))?;
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

    /// Reads again from its file what a mapping shows; false if it is of no open file, or cannot be read.
    fn read(&self, bytes: &[u8], out: &mut [u8]) -> bool {
        let found = self.mappings.iter().find_map(|mapping| {
            let range = range_in(&mapping.bytes, bytes)?;
            mapping.file.as_ref().map(|file| (file, range.start as u64))
        });
        found.is_some_and(|(file, offset)| file.read_exact_at(out, offset).is_ok())
    }

    /// Takes pages out of memory that nobody will look at for a while; what is of no mapping stays.
    pub fn give_back<'a>(&self, stretches: impl Iterator<Item = &'a [u8]>) {
        let mut mappings: Vec<&MappedFile> = self.mappings.iter().map(|mapping| &mapping.bytes).collect();
        mappings.sort_unstable_by_key(|mapping| mapping.as_ptr());
        let mapped = |stretch: &[u8]| {
            let before = mappings.partition_point(|mapping| mapping.as_ptr() <= stretch.as_ptr());
            let mapping = *mappings.get(before.checked_sub(1)?)?;
            range_in(mapping, stretch).map(|range| (mapping, range))
        };
        sys::give_back(stretches.filter_map(mapped));
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

/// Where some bytes lie in a mapping, if they do.
fn range_in(mapping: &[u8], bytes: &[u8]) -> Option<Range<usize>> {
    let start = bytes.as_ptr().addr().checked_sub(mapping.as_ptr().addr())?;
    let end = start.checked_add(bytes.len())?;
    (end <= mapping.len()).then_some(start..end)
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

/// Which pages a process has, for tests.
#[cfg(test)]
pub(crate) mod pages {
    use super::*;

    /// Bytes of a page.
    pub(crate) fn size() -> usize {
        let smaps = std::fs::read_to_string("/proc/self/smaps").expect("the mappings");
        let size = smaps.lines().find_map(|line| line.strip_prefix("KernelPageSize:")?.trim().strip_suffix(" kB"));
        1024 * size.and_then(|size| size.parse::<usize>().ok()).expect("a size")
    }

    /// Whether each page of some bytes is in this process.
    pub(crate) fn of(bytes: &[u8]) -> Vec<bool> {
        let page = size();
        let (start, end) = (bytes.as_ptr().addr() / page, (bytes.as_ptr().addr() + bytes.len()).div_ceil(page));
        let mut entries = vec![0; (end - start) * 8];
        let table = File::open("/proc/self/pagemap").expect("a table of pages");
        table.read_exact_at(&mut entries, start as u64 * 8).expect("entries");
        entries.chunks_exact(8).map(|entry| entry[7] & 0x80 != 0).collect()
    }

    /// Whether the system knows how to take pages out ([`sys::give_back`]).
    pub(crate) fn can_be_given_back() -> bool {
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("a release");
        let numbers: Vec<u32> = release.split(['.', '-']).map_while(|number| number.parse().ok()).collect();
        numbers >= vec![6, 13]
    }
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

    #[test]
    fn what_is_given_back_comes_again() {
        const PAGES: usize = 64;
        let page = pages::size();
        let folder = tempfile::tempdir().expect("a folder");
        let contents: Vec<u8> = (0..PAGES * page).map(|at| (at / 5 % 253) as u8).collect();
        let store = Store::default();
        let [one, other] = ["one", "other"].map(|name| {
            let path = folder.path().join(name);
            std::fs::write(&path, &contents).expect("a file");
            store.map(&path).expect("bytes")
        });
        assert!(one == contents && other == contents);
        let kept = store.keep(vec![7; 3 * page]);
        // Whole pages only, and of mappings only.
        let (several, askew) = (&one[page..8 * page], &other[10..3 * page + 10]);
        store.give_back([several, askew, &one[..page - 1], &one[5..5], kept].into_iter());
        let (first, second) = (pages::of(one), pages::of(other));
        let is_known = pages::can_be_given_back();
        let is_there = |given: Range<usize>| move |page: usize| !(is_known && given.contains(&page));
        assert_eq!(first, (0..PAGES).map(is_there(1..8)).collect::<Vec<_>>());
        assert_eq!(second, (0..PAGES).map(is_there(1..3)).collect::<Vec<_>>());
        assert!(one == contents && other == contents && kept.iter().all(|&byte| byte == 7));
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

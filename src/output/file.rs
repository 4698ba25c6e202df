//! The output file: it appears whole, by rename, or not at all. What was there before a failed link is still there after.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rustix::fs::{CWD, FallocateFlags, RenameFlags, fallocate, renameat_with};
use rustix::io::Errno;
use tempfile::TempPath;

use super::jobs::LONGEST;
use crate::diag::{Diagnostic, io_error};
use crate::par::lock;

/// A file being written.
pub struct OutputFile<'data> {
    file: File,
    path: PathBuf,
    /// The file's name until it is complete; `None` for devices, which are written directly.
    temporary: Option<TempPath>,
    queue: Mutex<Queue<'data>>,
    /// Held by the worker that writes.
    writer: Mutex<()>,
}

/// Bytes to be written.
#[derive(Debug)]
pub enum Bytes<'data> {
    /// In a buffer, which is used again.
    Made(Vec<u8>),
    /// In memory of their own, which is not kept for others.
    Own(Vec<u8>),
    /// Of an input.
    Input(&'data [u8]),
}

impl std::ops::Deref for Bytes<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Bytes::Made(buffer) | Bytes::Own(buffer) => buffer,
            Bytes::Input(bytes) => bytes,
        }
    }
}

/// Bytes on their way.
#[derive(Default)]
struct Queue<'data> {
    /// To be written, with their offsets.
    full: Vec<(u64, Bytes<'data>)>,
    /// Buffers whose bytes are written.
    empty: Vec<Vec<u8>>,
}

/// What a complete output may be done with, less what the user's umask takes away.
const EXECUTABLE: u32 = 0o777;
/// Full buffers that may wait.
const QUEUE: usize = 8;
/// Capacity up to which a buffer is used again: that of the blocks which are compressed.
const KEPT: usize = 4 << 20;
/// Bytes written at once. The system takes a block of memory for each write as large as the write: blocks of this size
/// are there for the asking, while a larger one may have to be made, or be such as a virtual machine has yet to get from its host.
const WRITE: usize = 256 << 10;

impl<'data> OutputFile<'data> {
    /// Creates the file beside its final place.
    pub fn create(path: &Path) -> Result<Self, Diagnostic> {
        Self::create_with_mode(path, EXECUTABLE)
    }

    /// The same, with what the complete file may be used for, less what the user's umask takes away.
    pub fn create_with_mode(path: &Path, mode: u32) -> Result<Self, Diagnostic> {
        // A link to a file is kept: what it points to is replaced.
        let target = if path.is_symlink() { path.canonicalize().ok() } else { None };
        let path = target.unwrap_or_else(|| path.to_owned());
        if let Ok(existing) = path.metadata() {
            if existing.is_dir() {
                return Err(io_error("write", &path, &io::Error::from(io::ErrorKind::IsADirectory)));
            }
            if !existing.is_file() {
                let open = OpenOptions::new().write(true).open(&path);
                let file = open.map_err(|error| io_error("write", &path, &error))?;
                return Ok(OutputFile {
                    file,
                    path,
                    temporary: None,
                    queue: Mutex::default(),
                    writer: Mutex::default(),
                });
            }
        }
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let create = |name: &Path| OpenOptions::new().read(true).write(true).create_new(true).mode(mode).open(name);
        let created = tempfile::Builder::new().prefix(".cgolink-").make_in(folder, create).map_err(|error| {
            let problem = io_error("create the output in", folder, &error);
            match error.kind() {
                io::ErrorKind::NotFound => problem.help("create the folder, or name another with -o"),
                _ => problem,
            }
        })?;
        let (file, temporary) = created.into_parts();
        Ok(OutputFile { file, path, temporary: Some(temporary), queue: Mutex::default(), writer: Mutex::default() })
    }

    /// Whether the file appears whole, as files do, and can be begun anew; a device cannot.
    pub const fn is_replaceable(&self) -> bool {
        self.temporary.is_some()
    }

    /// Gives the file its size, and its place on the disk, where the file system can tell beforehand: so a full disk is
    /// found out here, and writing need not look for room piece by piece.
    pub fn set_size(&self, size: u64) -> Result<(), Diagnostic> {
        if self.temporary.is_none() {
            return Ok(());
        }
        let reserved = match fallocate(&self.file, FallocateFlags::empty(), 0, size) {
            Ok(()) => Ok(()),
            Err(Errno::NOSPC) => Err(Errno::NOSPC.into()),
            Err(_) => self.file.set_len(size),
        };
        reserved.map_err(|error| io_error("write", &self.path, &error))
    }

    /// A buffer to fill, one that was used before if there is one: fresh memory costs a page fault for every 4 KiB. It
    /// still has the length and bytes that it had.
    pub fn buffer(&self) -> Vec<u8> {
        let used = lock(&self.queue).empty.pop();
        used.unwrap_or_else(|| Vec::with_capacity(LONGEST))
    }

    /// Takes back a buffer that need not be written.
    pub fn recycle(&self, buffer: Vec<u8>) {
        // One that had to be larger than the others would keep its memory for the little that follows.
        if buffer.capacity() <= KEPT {
            lock(&self.queue).empty.push(buffer);
        }
    }

    /// As [`OutputFile::write`], for a full buffer.
    pub fn write_buffer(&self, buffer: Vec<u8>, offset: u64) -> Result<(), Diagnostic> {
        self.write(Bytes::Made(buffer), offset)
    }

    /// Hands over bytes to be written at an offset.
    ///
    /// The system lets one thread at a time write to a file, and lets the others burn their time waiting. So a worker
    /// that finds another one writing leaves its bytes there and goes on with the next job; who writes, writes what was
    /// left meanwhile. Only a worker that finds [`QUEUE`] buffers waiting waits too.
    pub fn write(&self, bytes: Bytes<'data>, offset: u64) -> Result<(), Diagnostic> {
        let is_full = {
            let mut queue = lock(&self.queue);
            queue.full.push((offset, bytes));
            queue.full.len() > QUEUE
        };
        let writer = match is_full {
            true => Some(lock(&self.writer)),
            false => self.writer.try_lock().ok(),
        };
        match writer {
            Some(_held) => self.drain(),
            None => Ok(()),
        }
    }

    /// Writes what is waiting: by whoever holds `writer`, and at the end.
    fn drain(&self) -> Result<(), Diagnostic> {
        loop {
            let Some((offset, bytes)) = lock(&self.queue).full.pop() else { return Ok(()) };
            self.write_at(&bytes, offset)?;
            if let Bytes::Made(buffer) = bytes {
                self.recycle(buffer);
            }
        }
    }

    /// Writes what [`OutputFile::write`] left waiting; to be called when no worker is left.
    pub fn flush(&self) -> Result<(), Diagnostic> {
        let _writer = lock(&self.writer);
        self.drain()
    }

    /// Writes bytes at an offset, at once.
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), Diagnostic> {
        let written = match self.temporary {
            Some(_) => (offset..)
                .step_by(WRITE)
                .zip(bytes.chunks(WRITE))
                .try_for_each(|(offset, piece)| self.file.write_all_at(piece, offset)),
            None => io::Write::write_all(&mut &self.file, bytes),
        };
        written.map_err(|error| io_error("write", &self.path, &error))
    }

    /// Puts the complete file in its place.
    ///
    /// A file that is there already changes places with the new one and is then to be removed: a plain rename over a file makes
    /// ext4 write the new one to the disk at once, as if it were the last copy of a document.
    pub fn finish(self) -> Result<Replaced, Diagnostic> {
        let Some(temporary) = self.temporary else { return Ok(Replaced::default()) };
        let exchange = renameat_with(CWD, &*temporary, CWD, &self.path, RenameFlags::EXCHANGE);
        match exchange {
            Ok(()) => Ok(Replaced { old: Some(temporary) }),
            Err(_) => match temporary.persist(&self.path) {
                Ok(()) => Ok(Replaced::default()),
                Err(error) => Err(io_error("write", &self.path, &error.error)),
            },
        }
    }
}

/// The file that a new one took the place of, if there was one.
#[derive(Debug, Default)]
pub struct Replaced {
    old: Option<TempPath>,
}

impl Replaced {
    /// Removes it. The system takes some time to drop a large file: it does so when what is returned is closed as well.
    pub fn remove(self) -> Result<Option<File>, Diagnostic> {
        let Some(old) = self.old else { return Ok(None) };
        let path = old.to_path_buf();
        let open = File::open(&path).ok();
        old.close().map_err(|error| io_error("remove the replaced file", &path, &error))?;
        Ok(open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unfinished_output_leaves_what_was_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("out");
        std::fs::write(&path, "old").expect("a file");
        let output = OutputFile::create(&path).expect("an output");
        output.write_at(b"new", 0).expect("a write");
        drop(output);
        assert_eq!(std::fs::read(&path).expect("the file"), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 1);
        let output = OutputFile::create(&path).expect("an output");
        output.set_size(6).expect("a size");
        output.write_buffer(b"new".to_vec(), 3).expect("a write");
        output.flush().expect("a write");
        output.finish().and_then(Replaced::remove).expect("an end");
        assert_eq!(std::fs::read(&path).expect("the file"), b"\0\0\0new");
    }

    #[test]
    fn a_missing_folder_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = OutputFile::create(&folder.path().join("no/out")).err().expect("no folder");
        assert_eq!(error.code, "file-not-found");
        assert!(error.to_string().contains("/no"), "{error}");
    }
}

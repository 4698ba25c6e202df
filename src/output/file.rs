//! The output file: it appears whole, by rename, or not at all. What was there before a failed link is still there after.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use crate::diag::{Diagnostic, io_error};

/// A file being written.
pub struct OutputFile {
    file: File,
    path: PathBuf,
    /// The file's name until it is complete; `None` for devices, which are written directly.
    temporary: Option<TempPath>,
}

/// What a complete output may be done with, less what the user's umask takes away.
const EXECUTABLE: u32 = 0o777;

impl OutputFile {
    /// Creates the file beside its final place.
    pub fn create(path: &Path) -> Result<Self, Diagnostic> {
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
                return Ok(OutputFile { file, path, temporary: None });
            }
        }
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let create =
            |name: &Path| OpenOptions::new().read(true).write(true).create_new(true).mode(EXECUTABLE).open(name);
        let created = tempfile::Builder::new().prefix(".cgolink-").make_in(folder, create).map_err(|error| {
            let problem = io_error("create the output in", folder, &error);
            match error.kind() {
                io::ErrorKind::NotFound => problem.help("create the folder, or name another with -o"),
                _ => problem,
            }
        })?;
        let (file, temporary) = created.into_parts();
        Ok(OutputFile { file, path, temporary: Some(temporary) })
    }

    /// Gives the file its size.
    pub fn set_size(&self, size: u64) -> Result<(), Diagnostic> {
        match self.temporary {
            Some(_) => self.file.set_len(size).map_err(|error| io_error("write", &self.path, &error)),
            None => Ok(()),
        }
    }

    /// Writes bytes at an offset. Workers write disjoint parts at the same time.
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), Diagnostic> {
        let written = match self.temporary {
            Some(_) => self.file.write_all_at(bytes, offset),
            None => io::Write::write_all(&mut &self.file, bytes),
        };
        written.map_err(|error| io_error("write", &self.path, &error))
    }

    /// Puts the complete file in its place.
    pub fn finish(self) -> Result<(), Diagnostic> {
        match self.temporary {
            Some(temporary) => {
                temporary.persist(&self.path).map_err(|error| io_error("write", &self.path, &error.error))
            }
            None => Ok(()),
        }
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
        output.write_at(b"new", 3).expect("a write");
        output.finish().expect("an end");
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

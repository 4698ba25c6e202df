//! Owner of everything that inputs borrow from: mappings, paths, and buffers that the loader had to make. Append-only,
//! so that a loader can add to it while others read what is there.

use std::fs::File;
use std::path::{Path, PathBuf};

use elsa::sync::FrozenVec;
use memmap2::Mmap;

use crate::diag::{Diagnostic, io_error};
use crate::sys;

/// The memory of one link's inputs.
#[derive(Default)]
pub struct Store {
    mappings: FrozenVec<Box<Mmap>>,
    buffers: FrozenVec<Vec<u8>>,
    paths: FrozenVec<PathBuf>,
}

impl Store {
    /// Maps a file.
    pub fn map(&self, path: &Path) -> Result<&[u8], Diagnostic> {
        let file = File::open(path).map_err(|error| open_error(path, &error))?;
        let metadata = file.metadata().map_err(|error| io_error("read", path, &error))?;
        if !metadata.is_file() {
            return Err(Diagnostic::error("not-a-file", "is not a regular file, so it cannot be linked")
                .at(crate::diag::Origin::file(path)));
        }
        if metadata.len() == 0 {
            return Ok(&[]);
        }
        let mapping = sys::map(&file).map_err(|error| io_error("map", path, &error))?;
        Ok(self.mappings.push_get(Box::new(mapping)))
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

fn open_error(path: &Path, error: &std::io::Error) -> Diagnostic {
    let found = io_error("open", path, error);
    if error.kind() == std::io::ErrorKind::NotFound {
        return found.help("check the path; an archive or object that a build step makes must exist before the link");
    }
    found
}

//! From the frozen image to a file: contents, headers, symbol table, compressed debug sections, build id.

pub mod buildid;
pub mod compress;
pub mod contents;
pub mod deflate;
pub mod file;
pub mod headers;
pub mod jobs;
pub mod map;
pub mod map_file;
pub mod relocate;
pub mod symtab;
pub mod tables;
pub mod write;

use crate::args::request::LinkRequest;
use crate::ids::FileId;
use crate::inputs::store::Store;

/// What the output stage needs besides the image.
pub struct Output<'a> {
    /// The request.
    pub request: &'a LinkRequest,
    /// Where the inputs are.
    pub store: &'a Store,
    /// The entry's address.
    pub entry: u64,
    /// The contents of `.note.gnu.property`.
    pub property: Vec<u8>,
    /// Whether a global of this file is confined to the program: `--exclude-libs`, a version script.
    pub confined: &'a (dyn Fn(FileId, usize) -> bool + Sync),
}

//! The program that is linked: what stays the same through all stages of a Go link.

use std::ops::Range;
use std::path::Path;

use super::symbols::{ObjectId, PackageId};
use crate::args::golink::{BuildMode, GoLink};
use crate::inputs::goabi::Release;
use crate::inputs::goarchive::PackageFile;
use crate::inputs::goobj::Fingerprint;
use crate::target::Architecture;

/// A Go program.
#[derive(Debug)]
pub struct Program<'data> {
    /// What was asked for.
    pub options: &'data GoLink,
    /// What compiled it.
    pub release: &'static Release,
    /// The whole version: `go1.26.8`.
    pub version: &'data str,
    /// The experiments of the toolchain, comma-separated.
    pub experiments: &'data str,
    /// The machine it is for.
    pub architecture: Architecture,
    /// What kind of file is made.
    pub build_mode: BuildMode,
    /// Its packages, `main` first, in the order in which they are found: each before what it alone imports.
    pub packages: Vec<Package<'data>>,
    /// What `go version -m` prints of its modules.
    pub module_info: Option<Vec<u8>>,
    /// Whether `runtime/cgo` is part of it.
    pub is_cgo: bool,
}

/// A package of the program.
#[derive(Debug)]
pub struct Package<'data> {
    /// Its import path; `main` for the program itself.
    pub path: String,
    /// The archive.
    pub file: &'data Path,
    /// What the archive holds.
    pub contents: PackageFile<'data>,
    /// What stands for its exported content.
    pub fingerprint: Fingerprint,
    /// Its Go objects: each is a compilation unit.
    pub objects: Range<u32>,
    /// What it imports, in the order of its objects.
    pub imports: Vec<PackageId>,
}

impl Package<'_> {
    /// Its Go objects.
    pub fn object_ids(&self) -> impl DoubleEndedIterator<Item = ObjectId> + use<> {
        self.objects.clone().map(ObjectId)
    }
}

impl Program<'_> {
    /// Whether the toolchain was built with an experiment.
    pub fn has_experiment(&self, name: &str) -> bool {
        self.experiments.split(',').any(|experiment| experiment == name)
    }

    /// Whether the program may be loaded at any address.
    pub fn is_position_independent(&self) -> bool {
        self.build_mode == BuildMode::Pie
    }

    /// Whether a dynamic linker loads the program.
    pub fn is_dynamic(&self) -> bool {
        self.is_position_independent() && !self.options.no_dynamic
    }
}

/// A package path as it stands in symbol names: what could be misread is written as `%xx`, dots only after the last slash
/// (`cmd/internal/objabi/path.go`).
pub fn escape_path(path: &str) -> String {
    let slash = path.rfind('/');
    let mut escaped = String::with_capacity(path.len());
    for (at, byte) in path.bytes().enumerate() {
        let is_dot = byte == b'.' && slash.is_none_or(|slash| at > slash);
        if byte <= b' ' || is_dot || byte == b'%' || byte == b'"' || byte >= 0x7f {
            escaped.push_str(&format!("%{byte:02x}"));
        } else {
            escaped.push(char::from(byte));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    #[test]
    fn paths_are_escaped_after_the_last_slash() {
        for (path, want) in
            [("fmt", "fmt"), ("gopkg.in/yaml.v3", "gopkg.in/yaml%2ev3"), ("a.b", "a%2eb"), ("x/ü\"", "x/%c3%bc%22")]
        {
            assert_eq!(super::escape_path(path), want);
        }
    }
}

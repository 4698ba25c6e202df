//! Archives of objects, Mach-O files, and files that are only recognised.

use std::path::Path;

use super::document::Part;
use super::elf;
use crate::diag::{Diagnostic, Origin};
use crate::inputs::archive::{Archive, MemberData};
use crate::inputs::kind::{ElfKind, FileKind};
use crate::inputs::macho::MachO;

/// An archive that is no Go package, with each ELF member as a part.
pub fn archive(path: &Path, data: &[u8]) -> Result<Part, Diagnostic> {
    let archive = Archive::parse(data).map_err(|error| error.diagnostic(path))?;
    let (mut rows, mut parts) = (Vec::new(), Vec::new());
    for member in archive.members() {
        let member = member.map_err(|error| error.diagnostic(path))?;
        let name = String::from_utf8_lossy(member.name).into_owned();
        let kind = match member.data {
            MemberData::Inline(contents) => {
                parts.push(object(name.clone(), contents));
                kind_name(contents)
            }
            MemberData::Thin(file) => format!("in the file {}", String::from_utf8_lossy(file)),
        };
        rows.push(vec![name.into(), (member.size as i64).into(), kind.into()]);
    }
    let symbols = archive.index().map_or(0, |index| index.len());
    let part = Part::new(path.display().to_string()).fact("kind", "archive").fact("thin", archive.is_thin());
    Ok(part.fact("indexed-symbols", symbols).table("members", &["name", "size", "kind"], rows).parts("objects", parts))
}

/// An object inside something else; one that is damaged says so.
pub fn object(name: String, contents: &[u8]) -> Part {
    match FileKind::of(contents) {
        FileKind::Elf(kind) => {
            let damaged = |problem: String| Part::new(name.clone()).fact("kind", "ELF").fact("damaged", problem);
            elf::file(name.clone(), contents, kind).unwrap_or_else(damaged)
        }
        kind => other(name, contents, kind),
    }
}

/// A Mach-O file.
pub fn macho(path: &Path, data: &[u8]) -> Result<Part, Diagnostic> {
    let file = MachO::parse(data)
        .map_err(|error| Diagnostic::error("bad-macho", error.what).at(Origin::file(path).at(error.offset)))?;
    let rows = file.slices.iter().map(|slice| {
        let platform = slice.platform.unwrap_or_default();
        vec![slice.architecture.clone().into(), slice.role.name().into(), platform.into(), (slice.offset as i64).into()]
    });
    let part = Part::new(path.display().to_string()).fact("kind", "Mach-O").fact("fat", file.is_fat);
    Ok(part.table("slices", &["architecture", "role", "platform", "offset"], rows.collect()))
}

/// A file of which only the kind is known.
pub fn other(title: String, data: &[u8], kind: FileKind) -> Part {
    Part::new(title).fact("kind", name(kind)).fact("size", data.len())
}

fn kind_name(data: &[u8]) -> String {
    match FileKind::of(data) {
        FileKind::Elf(kind) => elf_name(kind),
        kind => name(kind).to_owned(),
    }
}

fn elf_name(kind: ElfKind) -> String {
    let class = if kind.is_64 { "64" } else { "32" };
    format!("ELF{class} {} for machine {}", kind.role.name(), kind.machine)
}

fn name(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Empty => "empty file",
        FileKind::Elf(_) => "ELF",
        FileKind::Archive { .. } => "archive",
        FileKind::GoArchive => "Go package archive",
        FileKind::GoObject => "Go object",
        FileKind::Bitcode => "LLVM bitcode",
        FileKind::MachO => "Mach-O",
        FileKind::MachOFat => "fat Mach-O",
        FileKind::Coff => "COFF object",
        FileKind::Pe => "Windows executable",
        FileKind::Wasm => "WebAssembly module",
        FileKind::Text => "text",
        FileKind::Unknown => "unknown",
    }
}

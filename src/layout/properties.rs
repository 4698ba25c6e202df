//! The program's `.note.gnu.property`, from the notes of its files. The notes themselves are not linked.

use super::image::Image;
use crate::diag::{Diagnostic, Diagnostics, Result};
use crate::inputs::atoms::Atoms;
use crate::output::gnu_property::{self, AARCH64_FEATURE_1_AND, Properties};
use crate::symbols::files::LinkedFile;
use crate::symbols::resolve::Resolution;
use crate::target::Architecture;

/// GNU_PROPERTY_AARCH64_FEATURE_1_BTI (AAELF64, "Program Property").
const BTI: u64 = 1;

/// Reads every file's note, and combines them. A file without one counts as one that has no property.
pub fn merge(resolution: &Resolution<'_>, atoms: &Atoms<'_>, architecture: Architecture) -> Result<Properties> {
    let (mut files, mut errors) = (Vec::new(), Vec::new());
    for (_, file) in resolution.files.inputs() {
        match read(file, resolution, atoms, architecture) {
            Ok(properties) => files.push(properties),
            Err(error) => errors.push(error),
        }
    }
    let files = Diagnostics::check(files, errors)?;
    Ok(Properties::merge(architecture, files.iter().map(Option::as_ref)))
}

/// One file's properties; several notes are read as one.
fn read(
    file: &LinkedFile<'_>,
    resolution: &Resolution<'_>,
    atoms: &Atoms<'_>,
    architecture: Architecture,
) -> std::result::Result<Option<Properties>, Diagnostic> {
    let notes = file.atoms().filter(|&index| {
        let atom = &atoms.table[index];
        atom.name == b".note.gnu.property" && !resolution.discarded[index] && !atom.data.is_empty()
    });
    let notes: Vec<&[u8]> = notes.map(|index| atoms.table[index].data).collect();
    if notes.is_empty() {
        return Ok(None);
    }
    let read = gnu_property::read(architecture, &notes.concat());
    read.map(Some).map_err(|error| {
        let origin = file.object.origin().in_section(".note.gnu.property").at(error.offset);
        Diagnostic::error("bad-object", format!("cannot be read: {}", error.problem)).at(origin)
    })
}

/// The bytes of the note. Range-extension thunks jump with `br`, and their targets need not begin with `bti`, so a
/// program that has thunks does not promise that it does.
pub fn note(image: &Image<'_>, mut properties: Properties) -> Vec<u8> {
    if !image.far_branches.is_empty() {
        properties.withdraw(AARCH64_FEATURE_1_AND, BTI);
    }
    let mut bytes = vec![0; properties.note_size() as usize];
    properties.write_note(&mut bytes);
    bytes
}

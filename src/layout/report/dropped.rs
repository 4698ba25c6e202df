//! References into sections that are not linked: a compiler's mistake, or two compilers that disagree about the members
//! of a COMDAT group. As GNU ld and lld see it, the program would read or call address 0.

use std::collections::HashSet;

use crate::diag::Diagnostic;
use crate::ids::{AtomId, FileId};
use crate::inputs::atoms::Atoms;
use crate::inputs::elf::LE;
use crate::layout::scan::Site;
use crate::symbols::demangle::demangle;
use crate::symbols::resolve::Resolution;

/// One error for each section and the symbol it refers to, at the first such place.
pub fn errors(resolution: &Resolution<'_>, atoms: &Atoms<'_>, sites: &[Site]) -> Vec<Diagnostic> {
    let mut sorted = sites.to_vec();
    sorted.sort_unstable();
    let mut seen = HashSet::new();
    let firsts = sorted.iter().filter(|site| seen.insert((site.atom, site.symbol)));
    firsts.map(|site| error(resolution, atoms, site)).collect()
}

fn error(resolution: &Resolution<'_>, atoms: &Atoms<'_>, site: &Site) -> Diagnostic {
    let atom = atoms.get(site.atom);
    let file = resolution.files.get(atom.file);
    let definition = resolution.definitions[site.symbol.index()];
    let target = resolution.atom_of(definition);
    let section = target.map_or_else(String::new, |id| String::from_utf8_lossy(atoms.get(id).name).into_owned());
    let what = match resolution.name_of(definition) {
        b"" => section,
        name => format!("{} in {section}", demangle(name)),
    };
    let offset = atom.relocations.records().get(site.index as usize).map_or(0, |record| record.r_offset.get(LE));
    let place = file.object.origin().in_section(String::from_utf8_lossy(atom.name)).at(offset);
    let error = |why: &str| {
        Diagnostic::error("discarded-section", format!("refers to a symbol in a discarded section: {what}, {why}"))
            .at(place)
    };
    match target.filter(|id| resolution.discarded.get(id.index()).copied().unwrap_or(false)) {
        None => error("which is not linked").help("let the linker script keep the section"),
        Some(id) => match kept_copy(resolution, atoms, id) {
            None => error("whose COMDAT group another file gives"),
            Some(owner) => error("whose COMDAT group another file gives")
                .note(format!("the group that is linked is in {}", resolution.files.get(owner).object.origin())),
        }
        .help("compile both files with the same compiler and options"),
    }
}

/// The file whose copy of a discarded section's group is linked.
fn kept_copy(resolution: &Resolution<'_>, atoms: &Atoms<'_>, discarded: AtomId) -> Option<FileId> {
    let file = resolution.files.get(atoms.get(discarded).file);
    let section = (discarded.index() - file.first_atom.index()) as u32;
    let holds = |position: &usize| {
        let group = &file.object.groups[*position];
        group.comdat && group.members.iter().any(|member| member.get(LE) == section)
    };
    let group = (0..file.object.groups.len()).find(holds)?;
    let signature = *file.signatures.get(group)?;
    let first = resolution.files.inputs().find(|(_, other)| {
        let groups = other.object.groups.iter().zip(&other.signatures);
        groups.into_iter().any(|(group, &name)| group.comdat && name == signature)
    });
    first.map(|(id, _)| id)
}

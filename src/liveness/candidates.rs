//! Every input section as an atom, and which of them may go into the output at all.

use object::elf::SHT_NULL;
use rayon::prelude::*;

use crate::args::request::Strip;
use crate::diag::{Diagnostics, Result};
use crate::ids::FileId;
use crate::inputs::atoms::{Atom, Atoms};
use crate::symbols::resolve::Resolution;

/// `sh_flags`: for the tools of the build only, never linked.
const SHF_EXCLUDE: u64 = 0x8000_0000;

/// The atoms of the inputs and whether each may be linked.
pub struct Candidates<'data> {
    /// All atoms.
    pub atoms: Atoms<'data>,
    /// By [`AtomId`]: content that was neither discarded nor stripped.
    pub eligible: Vec<bool>,
}

/// Reads every section header as an atom.
pub fn collect<'data>(resolution: &Resolution<'data>, strip: Strip) -> Result<Candidates<'data>> {
    let files = &resolution.files;
    let per_file: Vec<_> =
        files.files.par_iter().enumerate().map(|(id, file)| file.object.atoms(FileId::new(id))).collect();
    let mut errors = Vec::new();
    let mut table = Vec::with_capacity(files.atom_bound);
    for result in per_file {
        match result {
            Ok(atoms) => table.extend(atoms),
            Err(error) => errors.push(error),
        }
    }
    let table = Diagnostics::check(table, errors)?;
    let eligible: Vec<bool> = table
        .par_iter()
        .zip(&resolution.discarded)
        .map(|(atom, &discarded)| !discarded && is_linked(atom, strip))
        .collect();
    Ok(Candidates { atoms: Atoms { table }, eligible })
}

fn is_linked(atom: &Atom<'_>, strip: Strip) -> bool {
    if atom.kind == SHT_NULL || atom.flags & SHF_EXCLUDE != 0 {
        return false;
    }
    if !atom.is_allocated() && strip != Strip::Nothing && is_debug(atom.name) {
        return false;
    }
    // Notes to linkers: what they say is taken from the headers, or merged into one note of the output.
    !matches!(atom.name, b".note.GNU-stack" | b".note.gnu.property" | b".note.gnu.gold-version")
        && !atom.name.starts_with(b".gnu.warning.")
}

/// Whether a section that is not part of the image holds debug information.
pub fn is_debug(name: &[u8]) -> bool {
    name.starts_with(b".debug") || name.starts_with(b".zdebug") || name.starts_with(b".stab") || name == b".gdb_index"
}

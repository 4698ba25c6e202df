//! Every input section as an atom, and which of them may go into the output at all.

use object::elf::{SHF_COMPRESSED, SHF_LINK_ORDER, SHT_NULL};
use rayon::prelude::*;

use crate::args::request::Strip;
use crate::diag::{Diagnostic, Diagnostics, Result};
use crate::ids::FileId;
use crate::inputs::atoms::{Atom, Atoms};
use crate::inputs::compressed::{self, CompressedError};
use crate::inputs::elf::LE;
use crate::inputs::store::Store;
use crate::symbols::resolve::Resolution;

/// `sh_flags`: for the tools of the build only, never linked.
const SHF_EXCLUDE: u64 = 0x8000_0000;

/// The atoms of the inputs and whether each may be linked.
pub struct Candidates<'data> {
    /// All atoms.
    pub atoms: Atoms<'data>,
    /// By [`crate::ids::AtomId`]: content that was neither discarded nor stripped.
    pub eligible: Vec<bool>,
}

/// Reads every section header as an atom.
pub fn collect<'data>(resolution: &Resolution<'data>, strip: Strip, store: &'data Store) -> Result<Candidates<'data>> {
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
    let mut table = Diagnostics::check(table, errors)?;
    let mut eligible: Vec<bool> = table
        .par_iter()
        .zip(&resolution.discarded)
        .map(|(atom, &discarded)| !discarded && is_linked(atom, strip))
        .collect();
    discard_dependents(&table, &mut eligible, resolution);
    decompress(&mut table, &eligible, resolution, store)?;
    Ok(Candidates { atoms: Atoms { table }, eligible })
}

/// Discards what is ordered with a discarded section (SHF_LINK_ORDER) and says something about it only.
fn discard_dependents(table: &[Atom<'_>], eligible: &mut [bool], resolution: &Resolution<'_>) {
    for (index, atom) in table.iter().enumerate() {
        if atom.flags & u64::from(SHF_LINK_ORDER) == 0 {
            continue;
        }
        let file = resolution.files.get(atom.file);
        let leader = file.object.sections[index - file.first_atom.index()].sh_link.get(LE);
        let leader = file.atom(leader).filter(|_| leader != 0);
        eligible[index] &= leader.is_none_or(|leader| !resolution.discarded[leader.index()]);
    }
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

/// Replaces the contents of compressed sections: what follows sees plain bytes under their plain names.
fn decompress<'data>(
    table: &mut [Atom<'data>],
    eligible: &[bool],
    resolution: &Resolution<'data>,
    store: &'data Store,
) -> Result<()> {
    let is_compressed = |atom: &Atom<'_>| {
        atom.flags & u64::from(SHF_COMPRESSED) != 0 || (!atom.is_allocated() && atom.name.starts_with(b".zdebug"))
    };
    let compressed: Vec<usize> =
        (0..table.len()).filter(|&index| eligible[index] && is_compressed(&table[index])).collect();
    let results: Vec<_> = compressed.par_iter().map(|&index| plain(&table[index])).collect();
    let mut errors = Vec::new();
    for (index, result) in compressed.into_iter().zip(results) {
        let atom = &mut table[index];
        match result {
            Ok((bytes, alignment)) => {
                atom.size = bytes.len() as u64;
                atom.data = store.keep(bytes);
                atom.alignment = alignment;
                atom.flags &= !u64::from(SHF_COMPRESSED);
                if let Some(rest) = atom.name.strip_prefix(b".zdebug") {
                    atom.name = store.keep([b".debug", rest].concat());
                }
            }
            Err(error) => {
                let origin = resolution.files.get(atom.file).object.origin();
                errors.push(
                    Diagnostic::error("bad-object", format!("cannot be decompressed: {}", error.problem))
                        .at(origin.in_section(String::from_utf8_lossy(atom.name)).at(error.offset)),
                );
            }
        }
    }
    Diagnostics::check((), errors)
}

/// The uncompressed bytes of a section and their alignment.
fn plain(atom: &Atom<'_>) -> std::result::Result<(Vec<u8>, u64), CompressedError> {
    let section = match atom.flags & u64::from(SHF_COMPRESSED) {
        0 => compressed::parse_zdebug(atom.data)?,
        _ => compressed::parse(atom.data)?,
    };
    Ok((section.decompress()?, section.alignment))
}

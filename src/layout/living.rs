//! What is part of the program: the candidates among the input sections, less what the script discards and, with
//! `--gc-sections`, less what no root reaches.

use super::image::Unwind;
use super::matching::{Fate, FileName, Matching};
use super::unwind::{UnwindInput, UnwindTables};
use crate::args::request::{GarbageCollection, LinkRequest, OrphanHandling};
use crate::diag::{Origin, Result};
use crate::ids::{AtomId, FileId, SymbolId};
use crate::inputs::atoms::Atoms;
use crate::inputs::elf::LE;
use crate::inputs::store::Store;
use crate::liveness::candidates::{self, Candidates};
use crate::liveness::mark::{self, Marking};
use crate::script::ast::Script;
use crate::symbols::resolve::{Resolution, UNDEFINED};

/// The program's atoms.
pub struct Living<'data, 'link> {
    /// Every atom of the inputs.
    pub atoms: Atoms<'data>,
    /// By [`AtomId`]: part of the program.
    pub alive: Vec<bool>,
    /// Which rule of the script takes each.
    pub matching: Matching<'link>,
    /// Unwind tables of the program.
    pub unwind: Unwind<'data>,
    /// Input sections that no root reaches, if they were asked for.
    pub unused: Vec<AtomId>,
}

/// The name of a file as scripts match it.
pub fn file_name<'a>(resolution: &'a Resolution<'_>, file: FileId) -> FileName<'a> {
    let object = &resolution.files.get(file).object;
    FileName { path: object.path, member: object.member }
}

/// Decides what lives.
pub fn choose<'data, 'link>(
    resolution: &Resolution<'data>,
    request: &LinkRequest,
    roots: &[SymbolId],
    script: &'link Script,
    store: &'data Store,
) -> Result<Living<'data, 'link>> {
    let Candidates { atoms, mut eligible } = candidates::collect(resolution, request.strip, store)?;
    let matching = Matching::new(script, &atoms, &|file| file_name(resolution, file));
    let is_dropped = |atom| match matching.fate(atom) {
        Fate::Discarded => true,
        Fate::Orphan => request.orphans == OrphanHandling::Discard,
        Fate::Pattern { .. } => false,
    };
    for (index, eligible) in eligible.iter_mut().enumerate() {
        *eligible &= !is_dropped(AtomId::new(index));
    }
    let inputs = unwind_inputs(&atoms, &eligible);
    let tables = UnwindTables::read(
        &inputs,
        |file, symbol| target(resolution, file, symbol),
        |atom| origin_of(resolution, &atoms, atom),
    )?;
    let alive = match request.garbage.sections {
        false => eligible.clone(),
        true => reached(resolution, request, roots, &atoms, &eligible, &matching, &tables),
    };
    let unused = match request.garbage {
        GarbageCollection { sections: true, print: true, .. } => unused(&atoms, &eligible, &alive),
        _ => Vec::new(),
    };
    let unwind = unwind(resolution, tables, &inputs, &alive)?;
    Ok(Living { atoms, alive, matching, unwind, unused })
}

fn unused(atoms: &Atoms<'_>, eligible: &[bool], alive: &[bool]) -> Vec<AtomId> {
    let dropped = |index: &usize| eligible[*index] && !alive[*index] && atoms.table[*index].size > 0;
    (0..atoms.table.len()).filter(dropped).map(AtomId::new).collect()
}

fn unwind_inputs<'data>(atoms: &Atoms<'data>, eligible: &[bool]) -> Vec<UnwindInput<'data>> {
    let tables = atoms.table.iter().enumerate().filter(|(index, atom)| eligible[*index] && atom.name == b".eh_frame");
    tables
        .filter(|(_, atom)| atom.is_allocated())
        .map(|(index, atom)| UnwindInput {
            atom: AtomId::new(index),
            file: atom.file,
            data: atom.data,
            relocations: atom.relocations.records(),
        })
        .collect()
}

/// The atom that a file's symbol is defined in.
fn target(resolution: &Resolution<'_>, file: FileId, symbol: u32) -> Option<AtomId> {
    let symbol = resolution.files.get(file).symbol(symbol as usize)?;
    match resolution.definitions[symbol.index()] {
        UNDEFINED => None,
        definition => resolution.atom_of(definition).filter(|atom| !resolution.discarded[atom.index()]),
    }
}

fn reached(
    resolution: &Resolution<'_>,
    request: &LinkRequest,
    roots: &[SymbolId],
    atoms: &Atoms<'_>,
    eligible: &[bool],
    matching: &Matching<'_>,
    tables: &UnwindTables<'_>,
) -> Vec<bool> {
    let mut kept = vec![false; atoms.table.len()];
    matching.kept().for_each(|atom| kept[atom.index()] = atoms.get(atom).name != b".eh_frame");
    let functions = tables.by_function();
    let marking = Marking {
        resolution,
        atoms,
        eligible,
        roots,
        kept: &|atom| kept[atom.index()],
        unwinding: &|function| {
            let references = tables.references(&functions, function);
            references.map(|(file, record)| (file, record.r_sym(LE, false))).collect()
        },
        start_stop_gc: request.garbage.start_stop,
    };
    let mut alive = mark::mark(&marking);
    // Unwind tables are taken apart: which of their records live is decided record by record.
    for (index, atom) in atoms.table.iter().enumerate() {
        alive[index] |= eligible[index] && atom.name == b".eh_frame";
    }
    alive
}

fn unwind<'data>(
    resolution: &Resolution<'data>,
    tables: UnwindTables<'data>,
    inputs: &[UnwindInput<'data>],
    alive: &[bool],
) -> Result<Unwind<'data>> {
    let plan = tables.plan(
        |atom| alive[atom.index()],
        |file, symbol| {
            let symbol = resolution.files.get(file).symbol(symbol as usize);
            symbol.map_or(u64::MAX, |symbol| u64::from(resolution.definitions[symbol.index()].0))
        },
    )?;
    let mut is_table = vec![false; alive.len()];
    inputs.iter().for_each(|input| is_table[input.atom.index()] = true);
    let place = inputs.first().map(|input| input.atom).filter(|_| plan.size > 0);
    Ok(Unwind { tables, plan, place, is_table })
}

/// Where the errors of an atom point.
fn origin_of(resolution: &Resolution<'_>, atoms: &Atoms<'_>, id: AtomId) -> Origin {
    let atom = atoms.get(id);
    resolution.files.get(atom.file).object.origin().in_section(String::from_utf8_lossy(atom.name))
}

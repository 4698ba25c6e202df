//! The image with every address known: what the relocation and output stages read. Nothing in it changes any more.

use rayon::prelude::*;

use super::branches::FarBranches;
use super::facts::Facts;
use super::got::Got;
use super::plan::{Addresses, ScriptSymbolValue, SectionAddress, SectionPlan};
use super::strings::MergedTables;
use super::tables::LinkerTables;
use super::unwind::{UnwindPlan, UnwindTables};
use crate::ids::{AtomId, FileId, OutputSectionId, SymbolId};
use crate::inputs::atoms::Atoms;
use crate::inputs::elf::{LE, Place};
use crate::par::split_by_lengths;
use crate::symbols::files::LinkedFile;
use crate::symbols::resolve::{LinkerSymbol, Resolution, UNDEFINED};
use crate::target::Target;

/// The frozen link.
pub struct Image<'data> {
    /// What is linked for.
    pub target: Target,
    /// The names, resolved.
    pub resolution: Resolution<'data>,
    /// The atoms: those of the inputs, then commons and tables.
    pub atoms: Atoms<'data>,
    /// By [`AtomId`]: part of the program.
    pub alive: Vec<bool>,
    /// By [`SymbolId`].
    pub facts: Vec<Facts>,
    /// Sections and their atoms.
    pub plan: SectionPlan,
    /// Addresses.
    pub addresses: Addresses,
    /// Slots.
    pub got: Got,
    /// Merged strings and constants.
    pub merged: Merged<'data>,
    /// Unwind tables.
    pub unwind: Unwind<'data>,
    /// The atoms of tables.
    pub tables: LinkerTables,
    /// By [`SymbolId`]: the value relocations use; an IFUNC's is its stub's.
    pub values: Vec<u64>,
    /// Thread-local storage.
    pub tls: ThreadLocal,
    /// The linker's own symbols, in the order of `resolution.linker_symbols`.
    pub linker_names: Vec<LinkerName>,
    /// Branches that go through thunks.
    pub far_branches: FarBranches,
    /// Instructions may be replaced: `--no-relax` was not given.
    pub relax: bool,
}

/// A symbol that the linker defines, for the symbol table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkerName {
    /// Its name.
    pub name: String,
    /// It is the definition of its name, and wanted.
    pub kept: bool,
    /// STV_HIDDEN.
    pub hidden: bool,
    /// The section it moves with.
    pub section: Option<OutputSectionId>,
}

/// Merged tables and the atoms that stand for them.
#[derive(Default)]
pub struct Merged<'data> {
    /// The tables.
    pub tables: MergedTables<'data>,
    /// By table: the first of its sections, which has the table's size and place; the others have none.
    pub places: Vec<AtomId>,
}

/// The unwind table and the atom that stands for it.
pub struct Unwind<'data> {
    /// The inputs' tables.
    pub tables: UnwindTables<'data>,
    /// What is kept.
    pub plan: UnwindPlan,
    /// The first input table, which has the whole's size and place; the others have none.
    pub place: Option<AtomId>,
    /// By [`AtomId`] of the inputs: is an unwind table.
    pub is_table: Vec<bool>,
}

/// Where thread-local storage lies.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct ThreadLocal {
    /// The start of PT_TLS.
    pub start: u64,
    /// See [`crate::relocation::Values::thread_pointer`].
    pub pointer: u64,
}

/// Computes symbol values once addresses exist.
pub struct SymbolValues<'a, 'data> {
    /// The names, resolved.
    pub resolution: &'a Resolution<'data>,
    /// Sections and their atoms.
    pub plan: &'a SectionPlan,
    /// By [`AtomId`]: addresses.
    pub atoms: &'a [u64],
    /// By output section: addresses.
    pub sections: &'a [SectionAddress],
    /// What scripts assign.
    pub script: &'a [Option<ScriptSymbolValue>],
    /// Merged strings and constants.
    pub merged: &'a Merged<'data>,
    /// Unwind tables.
    pub unwind: &'a Unwind<'data>,
    /// By common symbol, in the order of `resolution.commons`: its atom.
    pub commons: &'a [AtomId],
    /// By definition: the address of an IFUNC's stub.
    pub stub: &'a (dyn Fn(SymbolId) -> Option<u64> + Sync),
}

impl SymbolValues<'_, '_> {
    /// The value of every symbol.
    pub fn all(&self) -> Vec<u64> {
        let files = &self.resolution.files;
        let mut column = vec![0; files.symbol_bound];
        let parts = split_by_lengths(&mut column, files.symbol_counts());
        files.files.par_iter().zip(parts).enumerate().for_each(|(number, (file, part))| {
            part.par_iter_mut().with_min_len(4096).enumerate().for_each(|(index, value)| {
                *value = self.reference(FileId::new(number), file, index);
            });
        });
        column
    }

    fn reference(&self, id: FileId, file: &LinkedFile<'_>, index: usize) -> u64 {
        let symbol = SymbolId::new(file.first_symbol.index() + index);
        match self.resolution.definitions[symbol.index()] {
            UNDEFINED => 0,
            definition => {
                let (owner, index) =
                    if definition == symbol { (id, index) } else { self.resolution.files.owner(definition) };
                (self.stub)(definition).unwrap_or_else(|| self.definition_at(owner, index))
            }
        }
    }

    /// The address of a definition itself: for an IFUNC, its resolver's.
    pub fn definition(&self, symbol: SymbolId) -> u64 {
        let (file, index) = self.resolution.files.owner(symbol);
        self.definition_at(file, index)
    }

    fn definition_at(&self, id: FileId, index: usize) -> u64 {
        let file = self.resolution.files.get(id);
        let Some(record) = file.object.symbols.get(index) else { return self.linker_symbol(index) };
        let value = record.st_value.get(LE);
        match file.object.place(index) {
            Place::Undefined => 0,
            Place::Absolute => value,
            Place::Common => self.common(SymbolId::new(file.first_symbol.index() + index)),
            Place::Section(section) => file.atom(section).map_or(0, |atom| self.in_atom(atom, value)),
        }
    }

    fn common(&self, symbol: SymbolId) -> u64 {
        let position = self.resolution.commons.binary_search_by_key(&symbol, |common| common.symbol);
        position.map_or(0, |position| self.atoms[self.commons[position].index()])
    }

    fn linker_symbol(&self, index: usize) -> u64 {
        let section = |name: &str| {
            let position = self.plan.sections.iter().position(|section| section.name == name);
            position.and_then(|position| self.sections.get(position))
        };
        match index.checked_sub(1).and_then(|index| self.resolution.linker_symbols.get(index)) {
            Some(LinkerSymbol::Script(index)) => {
                self.script.get(*index).copied().flatten().map_or(0, |symbol| symbol.value)
            }
            Some(LinkerSymbol::Start(name)) => section(name).map_or(0, |section| section.address),
            Some(LinkerSymbol::Stop(name)) => section(name).map_or(0, |section| section.address + section.size),
            None => 0,
        }
    }

    /// The address of a position in an atom; 0 if the atom is not linked.
    fn in_atom(&self, atom: AtomId, offset: u64) -> u64 {
        position(self.atoms, self.merged, self.unwind, atom, offset).unwrap_or(0)
    }
}

/// The address of a position in an atom, wherever its contents went.
fn position(addresses: &[u64], merged: &Merged<'_>, unwind: &Unwind<'_>, atom: AtomId, offset: u64) -> Option<u64> {
    let address = addresses[atom.index()];
    if address == Addresses::NOWHERE {
        return None;
    }
    if let Some(found) = merged.tables.lookup(atom, offset) {
        let table = merged.places[found.table as usize];
        return Some(addresses[table.index()].wrapping_add(u64::from(found.offset)));
    }
    if unwind.is_table.get(atom.index()).copied().unwrap_or(false) {
        let start = addresses[unwind.place?.index()];
        return unwind.tables.output_offset(&unwind.plan, atom, offset).map(|offset| start.wrapping_add(offset));
    }
    Some(address.wrapping_add(offset))
}

impl Image<'_> {
    /// The address of a position in an atom, wherever its contents went; `None` if the atom is not linked.
    pub fn position(&self, atom: AtomId, offset: u64) -> Option<u64> {
        position(&self.addresses.atoms, &self.merged, &self.unwind, atom, offset)
    }

    /// What a plain word that refers to a symbol holds: `S + A`, with the addend choosing the entry of a merged section.
    pub fn word_target(&self, symbol: SymbolId, facts: Facts, addend: i64) -> u64 {
        if facts.any(Facts::MERGED)
            && facts.any(Facts::SECTION)
            && let Some(address) = self.merged_entry(symbol, addend)
        {
            return address;
        }
        self.values[symbol.index()].wrapping_add_signed(addend)
    }

    /// The address of the entry that a merged section's symbol and an addend mean.
    pub fn merged_entry(&self, symbol: SymbolId, addend: i64) -> Option<u64> {
        let (file, index) = self.resolution.files.owner(self.resolution.definitions[symbol.index()]);
        let start = self.resolution.files.get(file).object.symbols.get(index)?.st_value.get(LE);
        self.position(self.resolution.atom_in(file, index)?, start.wrapping_add_signed(addend))
    }

    /// The space of a common symbol that became the definition.
    pub fn common_atom(&self, symbol: SymbolId) -> Option<AtomId> {
        let position = self.resolution.commons.binary_search_by_key(&symbol, |common| common.symbol).ok()?;
        self.tables.commons.get(position).copied()
    }

    /// The name of symbol `index` of a file, the linker's own included.
    pub fn symbol_name(&self, id: FileId, index: usize) -> &[u8] {
        let object = &self.resolution.files.get(id).object;
        match object.symbols.get(index) {
            Some(record) => object.name(record).unwrap_or(b""),
            None => index
                .checked_sub(1)
                .and_then(|index| self.linker_names.get(index))
                .map_or(b"", |name| name.name.as_bytes()),
        }
    }
}

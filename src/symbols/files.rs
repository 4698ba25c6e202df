//! The files of the link once it is settled which take part: numbered in command-line order, each with its range of
//! symbol and atom ids. Frozen from here on.

use std::ops::Range;
use std::path::Path;

use super::extract::TakenFile;
use super::names::NameId;
use crate::diag::{Diagnostic, Diagnostics, Result};
use crate::ids::{AtomId, FileId, SymbolId};
use crate::inputs::elf::{Object, Symbol};
use crate::inputs::load::Priority;
use crate::target::Architecture;

/// A file with its ids.
#[derive(Debug)]
pub struct LinkedFile<'data> {
    /// Its contents.
    pub object: Object<'data>,
    /// The names of `object.symbols[object.first_global..]`.
    pub globals: Vec<NameId>,
    /// The names that sign `object.groups`.
    pub signatures: Vec<NameId>,
    /// The id of its symbol 0.
    pub first_symbol: SymbolId,
    /// The id of its section 0.
    pub first_atom: AtomId,
    /// Its place on the command line.
    pub priority: Priority,
    /// The name it was taken from an archive for.
    pub reason: Option<NameId>,
}

/// Every file, by [`FileId`]. File 0 is the linker's own: it has no sections, and its symbols are those that scripts and
/// the linker define.
#[derive(Debug)]
pub struct FileTable<'data> {
    /// By [`FileId`].
    pub files: Vec<LinkedFile<'data>>,
    /// One past the last symbol id.
    pub symbol_bound: usize,
    /// One past the last atom id of an input.
    pub atom_bound: usize,
    /// How many symbols the linker's own file has, the null symbol included.
    pub linker_symbols: usize,
}

impl<'data> FileTable<'data> {
    /// Numbers the files. `linker_symbols` counts those the linker defines.
    pub fn new(taken: Vec<TakenFile<'data>>, linker_symbols: usize, architecture: Architecture) -> Result<Self> {
        let mut table = FileTable {
            files: Vec::with_capacity(taken.len() + 1),
            symbol_bound: 0,
            atom_bound: 0,
            linker_symbols: linker_symbols + 1,
        };
        let own = TakenFile {
            priority: Priority { position: 0, member: 0 },
            object: empty_object(architecture),
            globals: Vec::new(),
            signatures: Vec::new(),
            reason: None,
        };
        table.push(own, linker_symbols + 1);
        for file in taken {
            let symbols = file.object.symbols.len();
            table.push(file, symbols);
        }
        if table.symbol_bound.max(table.atom_bound) >= u32::MAX as usize {
            return Err(Diagnostics::from(Diagnostic::error(
                "too-large",
                format!(
                    "the inputs have {} symbols and {} sections; the limit is 2^32",
                    table.symbol_bound, table.atom_bound
                ),
            )));
        }
        Ok(table)
    }

    fn push(&mut self, file: TakenFile<'data>, symbols: usize) {
        let sections = file.object.sections.len();
        self.files.push(LinkedFile {
            object: file.object,
            globals: file.globals,
            signatures: file.signatures,
            first_symbol: SymbolId::new(self.symbol_bound),
            first_atom: AtomId::new(self.atom_bound),
            priority: file.priority,
            reason: file.reason,
        });
        self.symbol_bound += symbols;
        self.atom_bound += sections;
    }

    /// One file.
    pub fn get(&self, file: FileId) -> &LinkedFile<'data> {
        &self.files[file.index()]
    }

    /// The files of the inputs with their ids.
    pub fn inputs(&self) -> impl Iterator<Item = (FileId, &LinkedFile<'data>)> {
        self.files.iter().enumerate().skip(1).map(|(index, file)| (FileId::new(index), file))
    }

    /// How many symbols each file has: the lengths of the parts of a column by [`SymbolId`].
    pub fn symbol_counts(&self) -> impl Iterator<Item = usize> {
        std::iter::once(self.linker_symbols).chain(self.files[1..].iter().map(|file| file.object.symbols.len()))
    }

    /// The file a symbol belongs to, and the symbol's index there.
    pub fn owner(&self, symbol: SymbolId) -> (FileId, usize) {
        let file = self.files.partition_point(|file| file.first_symbol <= symbol) - 1;
        (FileId::new(file), symbol.index() - self.files[file].first_symbol.index())
    }

    /// The record of an input's symbol; `None` for the linker's own.
    pub fn record(&self, symbol: SymbolId) -> Option<&'data Symbol> {
        let (file, index) = self.owner(symbol);
        self.get(file).object.symbols.get(index)
    }
}

impl LinkedFile<'_> {
    /// The id of the symbol with this index, if there is one.
    #[inline]
    pub fn symbol(&self, index: usize) -> Option<SymbolId> {
        (index < self.object.symbols.len()).then(|| SymbolId::new(self.first_symbol.index() + index))
    }

    /// The id of the section with this index, if there is one.
    #[inline]
    pub fn atom(&self, index: u32) -> Option<AtomId> {
        ((index as usize) < self.object.sections.len()).then(|| AtomId::new(self.first_atom.index() + index as usize))
    }

    /// The global name of a symbol; `None` for locals.
    pub fn global_name(&self, index: usize) -> Option<NameId> {
        index.checked_sub(self.object.first_global).and_then(|index| self.globals.get(index).copied())
    }

    /// The ids of its atoms.
    pub fn atoms(&self) -> Range<usize> {
        self.first_atom.index()..self.first_atom.index() + self.object.sections.len()
    }
}

fn empty_object<'data>(architecture: Architecture) -> Object<'data> {
    Object {
        path: Path::new("<cgolink>"),
        member: None,
        data: &[],
        architecture,
        sections: &[],
        section_names: &[],
        symbols: &[],
        symbol_names: &[],
        first_global: 0,
        extended_indices: &[],
        relocated_by: Vec::new(),
        groups: Vec::new(),
    }
}

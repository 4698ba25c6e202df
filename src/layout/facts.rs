//! What every relocation asks of its symbol, as one byte by [`SymbolId`]: computed once, read millions of times.

use object::elf::{STB_WEAK, STT_GNU_IFUNC, STT_SECTION, STT_TLS};
use rayon::prelude::*;

use crate::ids::{AtomId, FileId, SymbolId};
use crate::inputs::elf::Place;
use crate::par::split_by_lengths;
use crate::relocation::TargetFacts;
use crate::symbols::files::LinkedFile;
use crate::symbols::resolve::{Resolution, UNDEFINED};

/// The facts of one symbol after resolution.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Facts(u8);

impl Facts {
    /// STT_GNU_IFUNC.
    pub const IFUNC: u8 = 1;
    /// STT_TLS.
    pub const THREAD_LOCAL: u8 = 1 << 1;
    /// A number, not an address.
    pub const ABSOLUTE: u8 = 1 << 2;
    /// Undefined, and every reference in this file weak.
    pub const UNDEFINED_WEAK: u8 = 1 << 3;
    /// Undefined, and that is an error if something live refers to it.
    pub const UNDEFINED: u8 = 1 << 4;
    /// In an atom that is not linked.
    pub const DROPPED: u8 = 1 << 5;
    /// In an atom whose contents are merged with others': offsets inside it move.
    pub const MERGED: u8 = 1 << 6;
    /// The section's own symbol: with `MERGED`, the addend tells which part is meant.
    pub const SECTION: u8 = 1 << 7;

    /// Whether any of the bits is set.
    #[inline]
    pub const fn any(self, bits: u8) -> bool {
        self.0 & bits != 0
    }

    /// What the decision about a relocation depends on.
    #[inline]
    pub const fn target(self) -> TargetFacts {
        TargetFacts {
            ifunc: self.any(Self::IFUNC),
            thread_local: self.any(Self::THREAD_LOCAL),
            absolute: self.any(Self::ABSOLUTE | Self::UNDEFINED_WEAK | Self::UNDEFINED),
            undefined_weak: self.any(Self::UNDEFINED_WEAK | Self::UNDEFINED),
        }
    }
}

/// What the facts depend on besides the symbols.
pub struct FactSources<'a, 'data> {
    /// The names, resolved.
    pub resolution: &'a Resolution<'data>,
    /// By [`AtomId`]: part of the program.
    pub alive: &'a [bool],
    /// By [`AtomId`]: merged with others.
    pub merged: &'a [bool],
    /// By index of linker symbol: a number rather than an address.
    pub absolute: &'a [bool],
}

/// The facts of every symbol.
pub fn facts(sources: &FactSources<'_, '_>) -> Vec<Facts> {
    let files = &sources.resolution.files;
    let mut column = vec![Facts::default(); files.symbol_bound];
    let parts = split_by_lengths(&mut column, files.symbol_counts());
    files.files.par_iter().zip(parts).enumerate().for_each(|(number, (file, part))| {
        let file_id = FileId::new(number);
        part.par_iter_mut().with_min_len(4096).enumerate().for_each(|(index, facts)| {
            *facts = sources.of_reference(file_id, file, index);
        });
    });
    column
}

impl FactSources<'_, '_> {
    fn of_reference(&self, id: FileId, file: &LinkedFile<'_>, index: usize) -> Facts {
        let symbol = SymbolId::new(file.first_symbol.index() + index);
        let definition = self.resolution.definitions[symbol.index()];
        if definition == symbol {
            return self.of_definition(id, index);
        }
        if definition == UNDEFINED {
            let weak = file.object.symbols[index].st_info >> 4 == STB_WEAK;
            return Facts(if weak { Facts::UNDEFINED_WEAK } else { Facts::UNDEFINED });
        }
        let (owner, index) = self.resolution.files.owner(definition);
        self.of_definition(owner, index)
    }

    fn of_definition(&self, id: FileId, index: usize) -> Facts {
        let file = self.resolution.files.get(id);
        let Some(record) = file.object.symbols.get(index) else {
            let absolute = index == 0 || self.absolute.get(index - 1).copied().unwrap_or(false);
            return Facts(if absolute { Facts::ABSOLUTE } else { 0 });
        };
        let kind = match record.st_info & 0xf {
            STT_GNU_IFUNC => Facts::IFUNC,
            STT_TLS => Facts::THREAD_LOCAL,
            STT_SECTION => Facts::SECTION,
            _ => 0,
        };
        let place = match file.object.place(index) {
            Place::Section(section) => self.of_atom(file.atom(section)),
            Place::Common => 0,
            Place::Absolute | Place::Undefined => Facts::ABSOLUTE,
        };
        Facts(kind | place)
    }

    fn of_atom(&self, atom: Option<AtomId>) -> u8 {
        match atom {
            Some(atom) if self.alive[atom.index()] => match self.merged[atom.index()] {
                true => Facts::MERGED,
                false => 0,
            },
            _ => Facts::DROPPED,
        }
    }
}

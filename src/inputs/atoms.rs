//! Atoms: the unit of liveness, layout and relocation. What an input says of each is frozen here; what later stages find
//! out stands in columns of their own, by [`AtomId`].

use object::LittleEndian;
use object::elf::Rela64;

use crate::ids::{AtomId, FileId};

/// A piece of the program that lives or dies, and moves, as a whole: an input section, or a table the linker makes.
#[derive(Clone, Copy, Debug)]
pub struct Atom<'data> {
    /// The file it comes from; [`Atom::LINKER`] for tables that the linker makes.
    pub file: FileId,
    /// The input section's name.
    pub name: &'data [u8],
    /// Its bytes; empty for SHT_NOBITS and for tables not yet filled.
    pub data: &'data [u8],
    /// Bytes in the image.
    pub size: u64,
    /// `sh_addralign`, a power of two, at least 1.
    pub alignment: u64,
    /// `sh_flags`.
    pub flags: u64,
    /// `sh_type`.
    pub kind: u32,
    /// `sh_entsize`.
    pub entry_size: u64,
    /// Its relocations.
    pub relocations: Relocations<'data>,
}

/// The relocations of an atom, decoded where they are used.
#[derive(Clone, Copy, Default, Debug)]
pub enum Relocations<'data> {
    /// There are none.
    #[default]
    None,
    /// An SHT_RELA section.
    Rela(&'data [Rela64<LittleEndian>]),
}

impl Atom<'_> {
    /// The file of atoms that no input holds.
    pub const LINKER: FileId = FileId(0);

    /// Whether it is part of the image.
    pub const fn is_allocated(&self) -> bool {
        self.flags & object::elf::SHF_ALLOC as u64 != 0
    }

    /// Whether it has a place in memory but no bytes in the file.
    pub const fn is_zero_fill(&self) -> bool {
        self.kind == object::elf::SHT_NOBITS
    }
}

impl<'data> Relocations<'data> {
    /// The records; empty if there are none.
    pub const fn records(self) -> &'data [Rela64<LittleEndian>] {
        match self {
            Relocations::None => &[],
            Relocations::Rela(records) => records,
        }
    }
}

/// Every atom, by [`AtomId`]: those of the files in file order, one for each section header whatever it is, then the
/// linker's own.
#[derive(Default, Debug)]
pub struct Atoms<'data> {
    /// By [`AtomId`].
    pub table: Vec<Atom<'data>>,
}

impl<'data> Atoms<'data> {
    /// One atom.
    pub fn get(&self, id: AtomId) -> &Atom<'data> {
        &self.table[id.index()]
    }
}

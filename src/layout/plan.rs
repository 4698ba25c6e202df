//! The section plan (which atoms make which output section, in which order) and its addressed form. Plain data that the
//! stages hand on: `sections` makes a [`SectionPlan`], `address` turns it into [`Addresses`].

use std::ops::Range;

use crate::ids::{AtomId, OutputSectionId};
use crate::script::ast::{Assignment, Expression, MemoryRegion, ProgramHeader};

/// Every output section, in file order.
#[derive(Default, Debug)]
pub struct SectionPlan {
    /// By [`OutputSectionId`].
    pub sections: Vec<OutputSection>,
    /// The statements of the script between and around the sections, in order; those of `--defsym` first.
    pub statements: Vec<Statement>,
    /// Every placed atom, in order; the sections' pieces are ranges of it.
    pub order: Vec<AtomId>,
    /// The output section of each atom, by [`AtomId`]; `None` for what is dropped or never placed.
    pub section_of: Vec<Option<OutputSectionId>>,
    /// PHDRS of the script; empty for the usual segments.
    pub program_headers: Vec<ProgramHeader>,
    /// MEMORY of the script, its REGION_ALIASes as regions of their own.
    pub memory: Vec<MemoryRegion>,
    /// REGION_ALIAS: the index in `memory` of the region that each region shares its location counter with.
    pub memory_shared_with: Vec<usize>,
}

impl SectionPlan {
    /// One output section.
    pub fn get(&self, id: OutputSectionId) -> &OutputSection {
        &self.sections[id.index()]
    }

    /// The atoms of a section, in order.
    pub fn atoms_of<'a>(&'a self, section: &'a OutputSection) -> impl Iterator<Item = AtomId> + 'a {
        section
            .pieces
            .iter()
            .flat_map(|piece| match piece {
                Piece::Atoms(range) => &self.order[range.start as usize..range.end as usize],
                _ => &[],
            })
            .copied()
    }
}

/// A step of the script's SECTIONS command, orphans inserted.
#[derive(Debug)]
pub enum Statement {
    /// Lay out this section at the location counter.
    Section(OutputSectionId),
    /// Assign a symbol or the location counter.
    Assignment(Assignment),
    /// Check, when addresses are final.
    Assert(Expression, String),
}

/// One output section before addresses.
#[derive(Debug)]
pub struct OutputSection {
    /// The name.
    pub name: String,
    /// `sh_type`.
    pub kind: u32,
    /// `sh_flags`: the union of the members', less SHF_GROUP, SHF_COMPRESSED and SHF_GNU_RETAIN; SHF_MERGE and
    /// SHF_STRINGS only if all members agree.
    pub flags: u64,
    /// `sh_entsize`, if all members agree, else 0.
    pub entry_size: u64,
    /// What the script says about its place.
    pub placement: Placement,
    /// Its contents in order.
    pub pieces: Vec<Piece>,
    /// What fills gaps, repeated; empty for the default (code: the machine's trap, else zeros).
    pub fill: Vec<u8>,
}

impl OutputSection {
    /// Whether it is part of the image.
    pub const fn is_allocated(&self) -> bool {
        self.flags & object::elf::SHF_ALLOC as u64 != 0
    }

    /// Whether each thread has its own.
    pub const fn is_thread_local(&self) -> bool {
        self.is_allocated() && self.flags & object::elf::SHF_TLS as u64 != 0
    }
}

/// What a script says about where an output section lies.
#[derive(Default, Debug)]
pub struct Placement {
    /// The address, instead of the location counter.
    pub address: Option<Expression>,
    /// The load address.
    pub load_address: Option<Expression>,
    /// A smallest alignment.
    pub align: Option<Expression>,
    /// An alignment that replaces each input section's.
    pub sub_align: Option<Expression>,
    /// MEMORY region.
    pub region: Option<String>,
    /// MEMORY region of the load address.
    pub load_region: Option<String>,
    /// Names in PHDRS.
    pub segments: Vec<String>,
    /// `(NOLOAD)`.
    pub no_load: bool,
    /// `(COPY)`, `(INFO)` and their like: no part of the image.
    pub not_allocated: bool,
    /// `(READONLY)`.
    pub read_only: bool,
    /// Named in the script, so that it stays if symbols are assigned in it; orphans are not.
    pub from_script: bool,
}

/// A part of an output section.
#[derive(Debug)]
pub enum Piece {
    /// Atoms one after the other: a range of [`SectionPlan::order`].
    Atoms(Range<u32>),
    /// A symbol or the location counter, which counts from the section's address.
    Assignment(Assignment),
    /// Bytes from the script: width and value.
    Data(u8, Expression),
    /// A new fill pattern from here on.
    Fill(Vec<u8>),
    /// Check, when addresses are final.
    Assert(Expression, String),
}

/// The plan with addresses. Frozen: nothing moves after this.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Addresses {
    /// By [`OutputSectionId`].
    pub sections: Vec<SectionAddress>,
    /// By [`AtomId`]: its address, which counts from 0 in an output section that is not allocated, unless the script says where
    /// that is; [`Addresses::NOWHERE`] for atoms that are not placed.
    pub atoms: Vec<u64>,
    /// The program headers, in order.
    pub segments: Vec<Segment>,
    /// By index in [`ScriptSymbols`](crate::script::symbols::ScriptSymbols): the value of each symbol the script or `--defsym` assigns; `None` for a PROVIDE
    /// that nobody needs.
    pub script_symbols: Vec<Option<ScriptSymbolValue>>,
    /// Data statements of scripts: output section, offset in it, bytes.
    pub script_data: Vec<(OutputSectionId, u64, Vec<u8>)>,
    /// Where the file's allocated part ends, in bytes.
    pub allocated_end: u64,
    /// By region of [`SectionPlan::memory`]: its origin and length.
    pub memory: Vec<(u64, u64)>,
}

impl Addresses {
    /// The address of an atom that has none; nothing can lie there.
    pub const NOWHERE: u64 = u64::MAX;
}

/// Where one output section lies.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct SectionAddress {
    /// Virtual address; 0 if not allocated, unless the script says one.
    pub address: u64,
    /// File offset; meaningful for allocated sections only (the others are placed when written).
    pub offset: u64,
    /// Bytes in memory, or in the file if not allocated.
    pub size: u64,
    /// `sh_addralign`.
    pub alignment: u64,
    /// Whether the section is left out of the file: empty and unneeded.
    pub omitted: bool,
}

/// One program header.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Segment {
    /// `p_type`.
    pub kind: u32,
    /// `p_flags`.
    pub flags: u32,
    /// `p_offset`.
    pub offset: u64,
    /// `p_vaddr`.
    pub address: u64,
    /// `p_paddr`.
    pub load_address: u64,
    /// `p_filesz`.
    pub file_size: u64,
    /// `p_memsz`.
    pub memory_size: u64,
    /// `p_align`.
    pub alignment: u64,
}

/// The value of a symbol that a script assigns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScriptSymbolValue {
    /// The address or number.
    pub value: u64,
    /// The section it moves with; `None` for an absolute number.
    pub section: Option<OutputSectionId>,
}

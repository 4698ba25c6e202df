//! PT_LOADs in the making, and the sections that they are made of.

use object::elf;

use super::plan::OutputSection;

/// A PT_LOAD in the making.
#[derive(Clone, Copy)]
pub(super) struct Load {
    pub flags: u32,
    pub offset: u64,
    pub address: u64,
    /// Load address less address.
    pub distance: u64,
    pub memory_end: u64,
    pub file_end: u64,
    /// Which header of PHDRS this is.
    pub header: Option<usize>,
    /// Whether file and program headers are in it.
    pub has_headers: bool,
}

/// One section that is part of the image.
pub(super) struct Member<'a> {
    pub index: usize,
    pub section: &'a OutputSection,
    pub address: u64,
    pub size: u64,
    /// The PT_LOAD of PHDRS that it asks for.
    pub header: Option<usize>,
}

impl Member<'_> {
    pub fn zeros(&self) -> bool {
        self.section.kind == elf::SHT_NOBITS
    }

    pub fn end(&self) -> u64 {
        self.address.saturating_add(self.size)
    }

    pub fn takes_no_room(&self) -> bool {
        self.zeros() && self.section.is_thread_local()
    }
}

/// `p_flags` of a section.
pub(super) fn access(section: &OutputSection) -> u32 {
    let mut flags = elf::PF_R;
    if section.flags & u64::from(elf::SHF_WRITE) != 0 {
        flags |= elf::PF_W;
    }
    if section.flags & u64::from(elf::SHF_EXECINSTR) != 0 {
        flags |= elf::PF_X;
    }
    flags
}

//! The relocations that add the load address to a word: one type for each ELF machine (psABI AMD64 4.4.1, AAELF64 5.7.12).

use object::elf;

/// The type's number; `None` for machines that are not known.
pub(super) const fn kind(machine: u16) -> Option<u32> {
    match machine {
        elf::EM_X86_64 => Some(elf::R_X86_64_RELATIVE),
        elf::EM_AARCH64 => Some(elf::R_AARCH64_RELATIVE),
        _ => None,
    }
}

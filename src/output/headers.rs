//! The ELF header, the program headers and the section headers (System V gABI 4.1, chapters 4 and 5).

use object::elf::{
    ELFCLASS64, ELFDATA2LSB, ELFMAG, ELFOSABI_GNU, ELFOSABI_SYSV, ET_DYN, ET_EXEC, EV_CURRENT, SHT_DYNSYM, SHT_HASH,
    SHT_NOBITS, SHT_RELA, SHT_STRTAB, SHT_SYMTAB,
};

use crate::layout::image::Image;
use crate::layout::plan::Segment;
use crate::layout::tables::SYMBOL;

/// Bytes of the ELF header.
pub const ELF_HEADER: u64 = 64;
/// Bytes of a program header.
pub const PROGRAM_HEADER: u64 = 56;
/// Bytes of a section header.
pub const SECTION_HEADER: u64 = 64;

/// One section header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SectionHeader {
    /// The name.
    pub name: String,
    /// `sh_type`.
    pub kind: u32,
    /// `sh_flags`.
    pub flags: u64,
    /// `sh_addr`.
    pub address: u64,
    /// `sh_offset`.
    pub offset: u64,
    /// `sh_size`.
    pub size: u64,
    /// `sh_link`.
    pub link: u32,
    /// `sh_info`.
    pub info: u32,
    /// `sh_addralign`.
    pub alignment: u64,
    /// `sh_entsize`.
    pub entry_size: u64,
}

/// What the ELF header says besides constants.
#[derive(Clone, Copy, Debug)]
pub struct FileFacts {
    /// `e_entry`.
    pub entry: u64,
    /// `e_shoff`.
    pub section_headers: u64,
    /// `e_shnum`.
    pub section_count: u16,
    /// `e_shstrndx`.
    pub names_section: u16,
}

/// The ELF header and the program headers, which follow it.
pub fn file_headers(image: &Image<'_>, facts: FileFacts) -> Vec<u8> {
    let segments = &image.addresses.segments;
    let mut out = Vec::with_capacity((ELF_HEADER + PROGRAM_HEADER * segments.len() as u64) as usize);
    // An IFUNC is a GNU extension, and the header says who is meant by it.
    let abi = if image.got.ifuncs().is_empty() { ELFOSABI_SYSV } else { ELFOSABI_GNU };
    out.extend(ELFMAG);
    out.extend([ELFCLASS64, ELFDATA2LSB, EV_CURRENT, abi, 0, 0, 0, 0, 0, 0, 0, 0]);
    let kind = if image.got.is_position_independent() { ET_DYN } else { ET_EXEC };
    out.extend(kind.to_le_bytes());
    out.extend(image.target.architecture.elf_machine().to_le_bytes());
    out.extend(u32::from(EV_CURRENT).to_le_bytes());
    out.extend(facts.entry.to_le_bytes());
    out.extend(ELF_HEADER.to_le_bytes());
    out.extend(facts.section_headers.to_le_bytes());
    out.extend(0_u32.to_le_bytes());
    for half in [
        ELF_HEADER as u16,
        PROGRAM_HEADER as u16,
        segments.len() as u16,
        SECTION_HEADER as u16,
        facts.section_count,
        facts.names_section,
    ] {
        out.extend(half.to_le_bytes());
    }
    segments.iter().for_each(|segment| push_segment(&mut out, segment));
    out
}

fn push_segment(out: &mut Vec<u8>, segment: &Segment) {
    out.extend(segment.kind.to_le_bytes());
    out.extend(segment.flags.to_le_bytes());
    for word in [
        segment.offset,
        segment.address,
        segment.load_address,
        segment.file_size,
        segment.memory_size,
        segment.alignment,
    ] {
        out.extend(word.to_le_bytes());
    }
}

/// The section header table, the null section first, and its string table.
pub fn section_headers(sections: &[SectionHeader]) -> Vec<u8> {
    let mut out = vec![0; SECTION_HEADER as usize];
    let mut name = 1_u32;
    for section in sections {
        out.extend(name.to_le_bytes());
        out.extend(section.kind.to_le_bytes());
        for word in [section.flags, section.address, section.offset, section.size] {
            out.extend(word.to_le_bytes());
        }
        out.extend(section.link.to_le_bytes());
        out.extend(section.info.to_le_bytes());
        out.extend(section.alignment.to_le_bytes());
        out.extend(section.entry_size.to_le_bytes());
        name += section.name.len() as u32 + 1;
    }
    out
}

/// `.shstrtab` of those sections.
pub fn section_names(sections: &[SectionHeader]) -> Vec<u8> {
    let mut out = vec![0];
    for section in sections {
        out.extend(section.name.as_bytes());
        out.push(0);
    }
    out
}

/// The headers of the output sections that have one, in order.
pub fn of_output_sections(image: &Image<'_>) -> Vec<SectionHeader> {
    let sections = image.plan.sections.iter().zip(&image.addresses.sections).filter(|(_, place)| !place.omitted);
    let mut headers: Vec<SectionHeader> = sections
        .map(|(section, place)| SectionHeader {
            name: section.name.clone(),
            kind: section.kind,
            flags: section.flags,
            address: place.address,
            offset: place.offset,
            size: place.size,
            link: 0,
            info: 0,
            alignment: place.alignment,
            entry_size: section.entry_size,
        })
        .collect();
    let index = |name: &str| headers.iter().position(|header| header.name == name).map_or(0, |index| index as u32 + 1);
    let (symbols, strings) = (index(".dynsym"), index(".dynstr"));
    for header in &mut headers {
        match header.kind {
            SHT_RELA | SHT_HASH => header.link = symbols,
            SHT_DYNSYM => (header.link, header.info) = (strings, 1),
            object::elf::SHT_DYNAMIC => header.link = strings,
            _ => {}
        }
    }
    headers
}

/// `.symtab`, whose strings are in the section after it.
pub fn of_symtab(offset: u64, count: usize, first_global: usize, strings: u32) -> SectionHeader {
    SectionHeader {
        name: ".symtab".to_owned(),
        kind: SHT_SYMTAB,
        offset,
        size: count as u64 * SYMBOL,
        link: strings,
        info: first_global as u32,
        alignment: 8,
        entry_size: SYMBOL,
        ..SectionHeader::default()
    }
}

/// A table of names.
pub fn of_strings(name: &str, offset: u64, size: u64) -> SectionHeader {
    SectionHeader { name: name.to_owned(), kind: SHT_STRTAB, offset, size, alignment: 1, ..SectionHeader::default() }
}

/// Whether a section has bytes in the file.
pub const fn has_bytes(header: &SectionHeader) -> bool {
    header.kind != SHT_NOBITS
}

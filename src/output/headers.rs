//! The ELF header, the program headers and the section headers (System V gABI 4.1, chapters 4 and 5).

use object::elf::{
    ELFCLASS64, ELFDATA2LSB, ELFMAG, ELFOSABI_GNU, ELFOSABI_SYSV, ET_DYN, ET_EXEC, EV_CURRENT, SHT_DYNSYM, SHT_HASH,
    SHT_NOBITS, SHT_RELA, SHT_STRTAB, SHT_SYMTAB,
};

use crate::layout::image::Image;
use crate::layout::plan::Segment;
use crate::layout::tables::SYMBOL;
use crate::target::Architecture;

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

/// What an ELF header says of a file's contents.
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

/// An ELF header, without what is the same in every file.
#[derive(Clone, Copy, Debug)]
pub struct FileHeader {
    /// `EI_OSABI`.
    pub abi: u8,
    /// `e_type`.
    pub kind: u16,
    /// `e_machine`, as an architecture.
    pub architecture: Architecture,
    /// `e_phnum`: program headers follow the ELF header.
    pub segment_count: u16,
    /// The other fields.
    pub facts: FileFacts,
}

impl FileHeader {
    /// Appends the header to an empty file.
    pub fn push_to(&self, out: &mut Vec<u8>) {
        out.extend(ELFMAG);
        out.extend([ELFCLASS64, ELFDATA2LSB, EV_CURRENT, self.abi, 0, 0, 0, 0, 0, 0, 0, 0]);
        out.extend(self.kind.to_le_bytes());
        out.extend(self.architecture.elf_machine().to_le_bytes());
        out.extend(u32::from(EV_CURRENT).to_le_bytes());
        for word in [self.facts.entry, ELF_HEADER, self.facts.section_headers] {
            out.extend(word.to_le_bytes());
        }
        out.extend(0_u32.to_le_bytes());
        for half in [
            ELF_HEADER as u16,
            PROGRAM_HEADER as u16,
            self.segment_count,
            SECTION_HEADER as u16,
            self.facts.section_count,
            self.facts.names_section,
        ] {
            out.extend(half.to_le_bytes());
        }
    }
}

/// Appends a program header: `p_type`, `p_flags`, and `p_offset`, `p_vaddr`, `p_paddr`, `p_filesz`, `p_memsz` and `p_align`.
pub fn push_program_header(out: &mut Vec<u8>, kind: u32, flags: u32, words: [u64; 6]) {
    out.extend(kind.to_le_bytes());
    out.extend(flags.to_le_bytes());
    words.iter().for_each(|word| out.extend(word.to_le_bytes()));
}

/// The ELF header and the program headers, which follow it.
pub fn file_headers(image: &Image<'_>, facts: FileFacts) -> Vec<u8> {
    let segments = &image.addresses.segments;
    let mut out = Vec::with_capacity((ELF_HEADER + PROGRAM_HEADER * segments.len() as u64) as usize);
    let header = FileHeader {
        // An IFUNC is a GNU extension, and the header says who is meant by it.
        abi: if image.got.ifuncs().is_empty() { ELFOSABI_SYSV } else { ELFOSABI_GNU },
        kind: if image.got.is_position_independent() { ET_DYN } else { ET_EXEC },
        architecture: image.target.architecture,
        segment_count: segments.len() as u16,
        facts,
    };
    header.push_to(&mut out);
    for segment in segments {
        let Segment { offset, address, load_address, file_size, memory_size, alignment, .. } = *segment;
        let words = [offset, address, load_address, file_size, memory_size, alignment];
        push_program_header(&mut out, segment.kind, segment.flags, words);
    }
    out
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

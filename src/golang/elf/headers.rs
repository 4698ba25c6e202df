//! The ELF header and the program headers (Go 1.26 and 1.27, `asmbElf` of `cmd/link/internal/ld/elf.go`).

use object::elf::{
    ELFOSABI_NONE, ET_DYN, ET_EXEC, PF_R, PF_W, PF_X, PT_GNU_RELRO, PT_GNU_STACK, PT_INTERP, PT_LOAD, PT_NOTE, PT_PHDR,
    SHT_NOTE,
};

use super::notes::{RESERVED, Reserved};
use super::sections::{Header, SectionTable};
use crate::golang::layout::{Addresses, Segment, SegmentPlace, access};
use crate::output::headers::{self, ELF_HEADER, FileHeader, PROGRAM_HEADER, SECTION_HEADER, push_program_header};
use crate::target::Architecture;

/// A program header.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct ProgramHeader {
    /// `p_type`.
    pub kind: u32,
    /// `p_flags`.
    pub flags: u32,
    /// `p_offset`.
    pub offset: u64,
    /// `p_vaddr` and `p_paddr`.
    pub address: u64,
    /// `p_filesz`.
    pub file_size: u64,
    /// `p_memsz`.
    pub memory_size: u64,
    /// `p_align`.
    pub alignment: u64,
}

/// What the ELF header says besides constants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileFacts {
    /// The machine.
    pub architecture: Architecture,
    /// Whether the program may be loaded at any address.
    pub is_position_independent: bool,
    /// The address where it starts.
    pub entry: u64,
}

impl ProgramHeader {
    /// The header that covers a section.
    pub fn of_section(kind: u32, flags: u32, section: &Header) -> Self {
        ProgramHeader {
            kind,
            flags,
            offset: section.offset,
            address: section.address,
            file_size: section.size,
            memory_size: section.size,
            alignment: section.alignment,
        }
    }
}

/// The address of the file's first byte.
pub fn image_address(addresses: &Addresses) -> u64 {
    addresses.segment(Segment::Text).map_or(0, |text| text.address.wrapping_sub(RESERVED))
}

/// The program headers but for the stack's, which is the last one, and what a dynamic linker needs, which comes before
/// it. `round` is the alignment of segments.
pub fn of_segments(addresses: &Addresses, reserved: &[Reserved], round: u64) -> Vec<ProgramHeader> {
    let mut headers = vec![ProgramHeader {
        kind: PT_PHDR,
        flags: PF_R,
        offset: ELF_HEADER,
        address: image_address(addresses).wrapping_add(ELF_HEADER),
        alignment: round,
        ..ProgramHeader::default()
    }];
    if let Some(interpreter) = reserved.iter().find(|one| one.header.name == b".interp") {
        headers.push(ProgramHeader::of_section(PT_INTERP, PF_R, &interpreter.header));
    }
    // One header for the notes, and it is of the last one.
    if let Some(note) = reserved.iter().rfind(|one| one.header.kind == SHT_NOTE) {
        headers.push(ProgramHeader::of_section(PT_NOTE, PF_R, &note.header));
    }
    for place in &addresses.segments {
        match place.segment {
            Segment::Text => headers.push(load(&with_file_headers(place), round)),
            Segment::Relro => {
                headers.push(load(place, round));
                headers.push(ProgramHeader { kind: PT_GNU_RELRO, flags: PF_R, ..of_segment(place, round) });
            }
            Segment::Rodata | Segment::Data => headers.push(load(place, round)),
        }
    }
    headers
}

/// The header that makes the stack not executable.
pub const fn stack() -> ProgramHeader {
    ProgramHeader {
        kind: PT_GNU_STACK,
        flags: PF_R | PF_W,
        offset: 0,
        address: 0,
        file_size: 0,
        memory_size: 0,
        alignment: 8,
    }
}

/// The code's segment from the program headers on: they must be mapped.
fn with_file_headers(place: &SegmentPlace) -> SegmentPlace {
    let before = place.file_offset.saturating_sub(ELF_HEADER);
    SegmentPlace {
        address: place.address.wrapping_sub(before),
        length: place.length + before,
        file_offset: place.file_offset - before,
        file_length: place.file_length + before,
        ..place.clone()
    }
}

fn of_segment(place: &SegmentPlace, round: u64) -> ProgramHeader {
    let mut flags = 0;
    for (bit, flag) in [(access::READ, PF_R), (access::READ ^ access::WRITE, PF_W), (1, PF_X)] {
        if place.access & bit != 0 {
            flags |= flag;
        }
    }
    ProgramHeader {
        kind: PT_LOAD,
        flags,
        offset: place.file_offset,
        address: place.address,
        file_size: place.file_length,
        memory_size: place.length,
        alignment: round,
    }
}

/// A segment to map. It starts on a boundary of its alignment, as some loaders want it.
fn load(place: &SegmentPlace, round: u64) -> ProgramHeader {
    let header = of_segment(place, round);
    let before = header.address & (round - 1);
    ProgramHeader {
        offset: header.offset.wrapping_sub(before),
        address: header.address.wrapping_sub(before),
        file_size: header.file_size.wrapping_add(before),
        memory_size: header.memory_size.wrapping_add(before),
        ..header
    }
}

/// The ELF header, the program headers, and the section headers, which follow each other.
pub fn bytes(facts: FileFacts, segments: &mut [ProgramHeader], sections: &SectionTable) -> Vec<u8> {
    let table = PROGRAM_HEADER * segments.len() as u64;
    if let Some(own) = segments.first_mut() {
        (own.file_size, own.memory_size) = (table, table);
    }
    let mut out = Vec::with_capacity((ELF_HEADER + table + SECTION_HEADER * u64::from(sections.count())) as usize);
    let header = FileHeader {
        abi: ELFOSABI_NONE,
        kind: if facts.is_position_independent { ET_DYN } else { ET_EXEC },
        architecture: facts.architecture,
        segment_count: segments.len() as u16,
        facts: headers::FileFacts {
            entry: facts.entry,
            section_headers: ELF_HEADER + table,
            section_count: sections.count(),
            names_section: sections.index(b".shstrtab"),
        },
    };
    header.push_to(&mut out);
    for segment in segments {
        let ProgramHeader { kind, flags, offset, address, file_size, memory_size, alignment } = *segment;
        push_program_header(&mut out, kind, flags, [offset, address, address, file_size, memory_size, alignment]);
    }
    out.extend(sections.bytes());
    out
}

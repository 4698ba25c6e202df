//! The section headers, in Go's order: those that are mapped by address, then the others as they were made (Go 1.26 and
//! 1.27, `elfshbits`, `elfSortShdrs` and `elfWriteShstrtab` of `cmd/link/internal/ld/elf.go`).

use hashbrown::HashMap;
use object::elf::{
    SHF_ALLOC, SHF_COMPRESSED, SHF_EXECINSTR, SHF_TLS, SHF_WRITE, SHT_INIT_ARRAY, SHT_NOBITS, SHT_NULL, SHT_PROGBITS,
    SHT_STRTAB, SHT_SYMTAB,
};

use crate::golang::layout::{Addresses, Section, SegmentPlace, access};
use crate::output::headers::SECTION_HEADER;

/// Bytes of a symbol.
pub const SYMBOL: u64 = 24;

/// A number of a header that may be the position of another section.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Number {
    /// A plain number.
    Plain(u32),
    /// A section, by its position in the order of making.
    Section(usize),
}

impl Default for Number {
    fn default() -> Self {
        Number::Plain(0)
    }
}

/// A section header.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Header {
    /// The name.
    pub name: Vec<u8>,
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
    pub link: Number,
    /// `sh_info`.
    pub info: Number,
    /// `sh_addralign`.
    pub alignment: u64,
    /// `sh_entsize`.
    pub entry_size: u64,
}

/// The headers while they are made.
#[derive(Default, Debug)]
pub struct Headers {
    made: Vec<Header>,
    /// By position of a section of the image: its header.
    of_section: Vec<usize>,
    debug: Vec<usize>,
}

/// The headers in the order of the file.
#[derive(Debug)]
pub struct SectionTable {
    made: Vec<Header>,
    /// By position in the file: position in the order of making.
    order: Vec<usize>,
    /// By position in the order of making: position in the file.
    position: Vec<u32>,
    of_section: Vec<usize>,
    debug: Vec<usize>,
}

impl Headers {
    /// One header for each section, none filled in yet. `debug` names those of the debug information.
    pub fn new(addresses: &Addresses, debug: &[&str]) -> Self {
        let mut headers = Headers { made: vec![Header::default()], ..Headers::default() };
        for section in &addresses.sections {
            // There may be several sections of code; other names stand for one header.
            let known = if section.name == b".text" { None } else { headers.position(&section.name) };
            let at = known.unwrap_or_else(|| headers.push(&section.name));
            headers.of_section.push(at);
        }
        headers.debug = debug.iter().map(|name| headers.push(name.as_bytes())).collect();
        headers
    }

    fn push(&mut self, name: &[u8]) -> usize {
        self.made.push(Header { name: name.to_vec(), ..Header::default() });
        self.made.len() - 1
    }

    fn position(&self, name: &[u8]) -> Option<usize> {
        self.made.iter().position(|header| header.name == name)
    }

    /// The position of the header of a name, made if there is none.
    pub fn find_or_push(&mut self, name: &[u8]) -> usize {
        self.position(name).unwrap_or_else(|| self.push(name))
    }

    /// The header of a name, made if there is none.
    pub fn named(&mut self, name: &[u8]) -> &mut Header {
        let at = self.find_or_push(name);
        &mut self.made[at]
    }

    /// Adds a header that is filled in.
    pub fn add(&mut self, header: &Header) {
        *self.named(&header.name) = header.clone();
    }

    /// Makes the headers of the symbol table, if there is one, and of the names.
    pub fn add_tables(&mut self, has_symtab: bool) {
        if has_symtab {
            let strings = self.find_or_push(b".symtab") + 1;
            let symbols = self.named(b".symtab");
            (symbols.kind, symbols.alignment, symbols.entry_size) = (SHT_SYMTAB, 8, SYMBOL);
            symbols.link = Number::Section(strings);
            let strings = self.named(b".strtab");
            (strings.kind, strings.alignment) = (SHT_STRTAB, 1);
        }
        let names = self.named(b".shstrtab");
        (names.kind, names.alignment) = (SHT_STRTAB, 1);
    }

    /// Fills in the headers of the image's sections that are not special, and puts all in order.
    pub fn finish(mut self, addresses: &Addresses) -> SectionTable {
        for (section, &at) in addresses.sections.iter().zip(&self.of_section) {
            let header = &mut self.made[at];
            if at != 0 && header.kind == SHT_NULL {
                fill(header, section, addresses.segment(section.segment));
            }
        }
        for &at in &self.debug {
            let header = &mut self.made[at];
            (header.kind, header.alignment) = (SHT_PROGBITS, 1);
        }
        let mut order: Vec<usize> = (0..self.made.len()).collect();
        let is_mapped = |header: &Header| header.flags & u64::from(SHF_ALLOC) != 0;
        order[1..].sort_by_key(|&at| {
            let header = &self.made[at];
            if is_mapped(header) { (false, header.address, header.size) } else { (true, 0, 0) }
        });
        let mut position = vec![0; self.made.len()];
        for (index, &at) in order.iter().enumerate() {
            position[at] = index as u32;
        }
        SectionTable { made: self.made, order, position, of_section: self.of_section, debug: self.debug }
    }
}

fn fill(header: &mut Header, section: &Section, segment: Option<&SegmentPlace>) {
    let (start, offset, length) =
        segment.map_or((0, 0, 0), |place| (place.address, place.file_offset, place.file_length));
    // An empty section at the end of what the file holds counts as one without contents.
    header.kind = match section.name.as_slice() {
        _ if section.address >= start + length => SHT_NOBITS,
        b".init_array" => SHT_INIT_ARRAY,
        _ => SHT_PROGBITS,
    };
    header.flags = u64::from(SHF_ALLOC);
    if section.access & 1 != 0 {
        header.flags |= u64::from(SHF_EXECINSTR);
    }
    if section.access & (access::WRITE ^ access::READ) != 0 {
        header.flags |= u64::from(SHF_WRITE);
    }
    header.address = section.address;
    header.size = section.length;
    header.alignment = section.alignment;
    header.offset = offset.wrapping_add(section.address.wrapping_sub(start));
    if section.name == b".tbss" {
        header.flags |= u64::from(SHF_TLS);
        header.kind = SHT_NOBITS;
        header.offset = 0;
    }
}

impl SectionTable {
    /// How many headers there are, the null one counted.
    pub fn count(&self) -> u16 {
        self.made.len() as u16
    }

    /// By position of a section of the image: the index of its header.
    pub fn indices(&self) -> Vec<u16> {
        self.of_section.iter().map(|&at| self.position[at] as u16).collect()
    }

    /// The index of the header of a name; 0 if there is none.
    pub fn index(&self, name: &[u8]) -> u16 {
        let at = self.made.iter().position(|header| header.name == name);
        at.map_or(0, |at| self.position[at] as u16)
    }

    /// Fills in the place of a section of the debug information, by its position among those.
    pub fn set_debug(&mut self, index: usize, offset: u64, size: u64, is_compressed: bool) {
        let header = &mut self.made[self.debug[index]];
        (header.offset, header.size) = (offset, size);
        header.flags = if is_compressed { u64::from(SHF_COMPRESSED) } else { 0 };
    }

    /// Fills in the place of a table that is not mapped, if there is one of the name.
    pub fn set_table(&mut self, name: &[u8], offset: u64, size: u64) {
        if let Some(header) = self.made.iter_mut().find(|header| header.name == name) {
            (header.offset, header.size) = (offset, size);
        }
    }

    /// Fills in the place of the symbol table, if there is one.
    pub fn set_symtab(&mut self, offset: u64, count: u64, first_global: u32) {
        self.set_table(b".symtab", offset, count * SYMBOL);
        if let Some(header) = self.made.iter_mut().find(|header| header.name == b".symtab") {
            header.info = Number::Plain(first_global);
        }
    }

    fn in_order(&self) -> impl Iterator<Item = &Header> {
        self.order.iter().map(|&at| &self.made[at])
    }

    /// The table of names, and by position in the file where each name starts in it.
    ///
    /// Names of relocation sections come first, because the names of the sections that they relocate are their ends.
    pub fn names(&self) -> (Vec<u8>, Vec<u32>) {
        const RELOCATIONS: &[u8] = b".rela";
        let mut bytes = vec![0];
        let mut starts: HashMap<&[u8], u32> = HashMap::from([(&b""[..], 0)]);
        let push = |bytes: &mut Vec<u8>, name: &[u8]| {
            bytes.extend(name);
            bytes.push(0);
        };
        for header in self.in_order() {
            let Some(end) = header.name.strip_prefix(RELOCATIONS) else { continue };
            let start = bytes.len() as u32;
            starts.entry(end).or_insert(start + RELOCATIONS.len() as u32);
            starts.insert(&header.name, start);
            push(&mut bytes, &header.name);
        }
        let mut offsets = Vec::with_capacity(self.made.len());
        for header in self.in_order() {
            let start = *starts.entry(&header.name).or_insert_with(|| {
                let start = bytes.len() as u32;
                push(&mut bytes, &header.name);
                start
            });
            offsets.push(start);
        }
        (bytes, offsets)
    }

    /// The headers as the file has them.
    pub fn bytes(&self) -> Vec<u8> {
        let (_, names) = self.names();
        let number = |number: Number| match number {
            Number::Plain(number) => number,
            Number::Section(at) => self.position.get(at).copied().unwrap_or(0),
        };
        let mut out = Vec::with_capacity(self.made.len() * SECTION_HEADER as usize);
        for (header, name) in self.in_order().zip(names) {
            out.extend(name.to_le_bytes());
            out.extend(header.kind.to_le_bytes());
            for word in [header.flags, header.address, header.offset, header.size] {
                out.extend(word.to_le_bytes());
            }
            out.extend(number(header.link).to_le_bytes());
            out.extend(number(header.info).to_le_bytes());
            out.extend(header.alignment.to_le_bytes());
            out.extend(header.entry_size.to_le_bytes());
        }
        out
    }
}

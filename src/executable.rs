//! A finished ELF64 little-endian file, read back: what `verify` and `inspect` look at. Nothing in the file is believed:
//! what points out of it reads as absent.

pub mod buildinfo;
pub mod bytes;
mod elf_relative;
pub mod functions;
pub mod module;
pub mod types;

use std::borrow::Cow;
use std::collections::HashMap;

use object::LittleEndian as Le;
use object::elf::{self, FileHeader64, SHF_ALLOC, SHF_COMPRESSED, SHT_NOBITS, SHT_RELA, SHT_SYMTAB};
use object::read::elf::{FileHeader, ProgramHeader, Rela, SectionHeader, Sym};

use crate::inputs::compressed;
use bytes::word;

/// The file.
pub struct Image<'data> {
    /// All bytes.
    pub data: &'data [u8],
    /// The fields of the file header, by their gABI names.
    pub header: Vec<(&'static str, u64)>,
    /// Program headers.
    pub segments: Vec<Segment>,
    /// Section headers; the null section is the first.
    pub sections: Vec<Section<'data>>,
    /// `.symtab`, without the null symbol; empty in a stripped file.
    pub symbols: Vec<Symbol<'data>>,
    /// What RELATIVE relocations store, by the address that they store it at.
    relative: HashMap<u64, u64>,
}

/// A program header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment {
    /// `p_type`.
    pub kind: u32,
    /// The other fields, by their gABI names.
    pub fields: [(&'static str, u64); 7],
}

/// A section.
#[derive(Clone, Debug)]
pub struct Section<'data> {
    /// Its name; bytes that are not UTF-8 are replaced.
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
    /// What the file holds of it; empty for one without contents or out of the file.
    pub contents: &'data [u8],
}

/// An entry of `.symtab`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Symbol<'data> {
    /// The name.
    pub name: &'data [u8],
    /// `st_value`.
    pub value: u64,
    /// `st_size`.
    pub size: u64,
    /// `st_info`: binding and type.
    pub info: u8,
    /// `st_other`: visibility.
    pub other: u8,
    /// `st_shndx`.
    pub section: u16,
}

impl<'data> Image<'data> {
    /// Reads headers and symbols.
    ///
    /// # Errors
    /// One line that says why the file is not one of this kind.
    pub fn parse(data: &'data [u8]) -> Result<Self, String> {
        if data.get(..6) != Some(b"\x7fELF\x02\x01") {
            return Err("is not a 64-bit little-endian ELF file".to_owned());
        }
        let told = |error: object::Error| format!("is damaged: {error}");
        let raw = FileHeader64::<Le>::parse(data).map_err(told)?;
        let table = raw.sections(Le, data).map_err(told)?;
        let sections = table.iter().map(|section| Section {
            name: String::from_utf8_lossy(table.section_name(Le, section).unwrap_or(b"?")).into_owned(),
            kind: section.sh_type(Le),
            flags: section.sh_flags(Le),
            address: section.sh_addr(Le),
            offset: section.sh_offset(Le),
            size: section.sh_size(Le),
            link: section.sh_link(Le),
            info: section.sh_info(Le),
            alignment: section.sh_addralign(Le),
            entry_size: section.sh_entsize(Le),
            contents: section.data(Le, data).unwrap_or(&[]),
        });
        let sections = sections.collect();
        let segments = raw.program_headers(Le, data).map_err(told)?.iter().map(Segment::of).collect();
        let symbols = table.symbols(Le, data, SHT_SYMTAB).map_err(told)?;
        let strings = symbols.strings();
        let symbols = symbols.iter().skip(1).map(|symbol| Symbol {
            name: symbol.name(Le, strings).unwrap_or(b"?"),
            value: symbol.st_value(Le),
            size: symbol.st_size(Le),
            info: symbol.st_info(),
            other: symbol.st_other(),
            section: symbol.st_shndx(Le),
        });
        let symbols = symbols.collect();
        let mut image = Image { data, header: header(raw), segments, sections, symbols, relative: HashMap::new() };
        image.relative = image.relative_relocations(raw.e_machine(Le));
        Ok(image)
    }

    /// The first section of this name.
    pub fn section(&self, name: &str) -> Option<&Section<'data>> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// A field of the file header.
    pub fn field(&self, name: &str) -> u64 {
        self.header.iter().find(|(field, _)| *field == name).map_or(0, |(_, value)| *value)
    }

    /// The section that holds this address.
    pub fn section_at(&self, address: u64) -> Option<&Section<'data>> {
        self.sections.iter().find(|section| section.flags & u64::from(SHF_ALLOC) != 0 && section.holds(address))
    }

    /// The file's bytes from this address to the end of its section; empty where there are none.
    pub fn bytes_at(&self, address: u64) -> &'data [u8] {
        let found =
            self.section_at(address).and_then(|section| section.contents.get((address - section.address) as usize..));
        found.unwrap_or(&[])
    }

    /// The 8 bytes at an address, as the program finds them: a RELATIVE relocation counts more than the contents.
    pub fn word_at(&self, address: u64) -> Option<u64> {
        self.relative.get(&address).copied().or_else(|| word(self.bytes_at(address), 0))
    }

    /// The first symbol of this name.
    pub fn symbol(&self, name: &str) -> Option<&Symbol<'data>> {
        self.symbols.iter().find(|symbol| symbol.name == name.as_bytes())
    }

    fn relative_relocations(&self, machine: u16) -> HashMap<u64, u64> {
        let Some(kind) = elf_relative::kind(machine) else { return HashMap::new() };
        let tables = self.sections.iter().filter(|section| section.kind == SHT_RELA);
        let entries =
            tables.filter_map(|table| object::pod::slice_from_all_bytes::<elf::Rela64<Le>>(table.contents).ok());
        let of_kind = entries.flatten().filter(|entry| entry.r_type(Le, false) == kind);
        of_kind.map(|entry| (entry.r_offset(Le), entry.r_addend(Le) as u64)).collect()
    }
}

impl<'data> Section<'data> {
    /// Whether the section takes this address.
    pub fn holds(&self, address: u64) -> bool {
        address.checked_sub(self.address).is_some_and(|offset| offset < self.size)
    }

    /// Whether SHF_COMPRESSED or its name says that the contents are compressed.
    pub fn is_compressed(&self) -> bool {
        self.flags & u64::from(SHF_COMPRESSED) != 0 || self.name.starts_with(".zdebug_")
    }

    /// Whether it has contents in the file.
    pub fn has_contents(&self) -> bool {
        self.kind != SHT_NOBITS && self.kind != elf::SHT_NULL
    }

    /// The contents, uncompressed.
    ///
    /// # Errors
    /// What is wrong with compressed contents.
    pub fn plain(&self) -> Result<Cow<'data, [u8]>, String> {
        if !self.is_compressed() {
            return Ok(Cow::Borrowed(self.contents));
        }
        let parse = if self.name.starts_with(".zdebug_") { compressed::parse_zdebug } else { compressed::parse };
        let found = parse(self.contents).and_then(|compressed| compressed.decompress());
        found.map(Cow::Owned).map_err(|error| format!("{} at offset {:#x} of the section", error.problem, error.offset))
    }
}

impl Segment {
    fn of(raw: &elf::ProgramHeader64<Le>) -> Self {
        let fields = [
            ("p_flags", u64::from(raw.p_flags(Le))),
            ("p_offset", raw.p_offset(Le)),
            ("p_vaddr", raw.p_vaddr(Le)),
            ("p_paddr", raw.p_paddr(Le)),
            ("p_filesz", raw.p_filesz(Le)),
            ("p_memsz", raw.p_memsz(Le)),
            ("p_align", raw.p_align(Le)),
        ];
        Segment { kind: raw.p_type(Le), fields }
    }
}

fn header(raw: &FileHeader64<Le>) -> Vec<(&'static str, u64)> {
    let ident = raw.e_ident();
    vec![
        ("EI_VERSION", u64::from(ident.version)),
        ("EI_OSABI", u64::from(ident.os_abi)),
        ("EI_ABIVERSION", u64::from(ident.abi_version)),
        ("e_type", u64::from(raw.e_type(Le))),
        ("e_machine", u64::from(raw.e_machine(Le))),
        ("e_version", u64::from(raw.e_version(Le))),
        ("e_entry", raw.e_entry(Le)),
        ("e_phoff", raw.e_phoff(Le)),
        ("e_shoff", raw.e_shoff(Le)),
        ("e_flags", u64::from(raw.e_flags(Le))),
        ("e_ehsize", u64::from(raw.e_ehsize(Le))),
        ("e_phentsize", u64::from(raw.e_phentsize(Le))),
        ("e_phnum", u64::from(raw.e_phnum(Le))),
        ("e_shentsize", u64::from(raw.e_shentsize(Le))),
        ("e_shnum", u64::from(raw.e_shnum(Le))),
        ("e_shstrndx", u64::from(raw.e_shstrndx(Le))),
    ]
}

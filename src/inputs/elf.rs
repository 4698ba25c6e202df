//! ELF relocatable objects: header, sections, symbols, relocations and groups as borrowed records.
//!
//! The file as struct-like text (System V gABI 4.1, "Object Files"):
//!
//! ```text
//! Header        64 bytes: e_ident, e_type = ET_REL, e_machine, ..., e_shoff, e_shnum, e_shstrndx
//! Section[]     at e_shoff, 64 bytes each; with 0xff00 or more, the count stands in section 0's sh_size
//! SHT_SYMTAB    Sym[24 bytes]; sh_link names its strings, sh_info the first global
//! SHT_SYMTAB_SHNDX  u32[]: section indices of symbols whose st_shndx is SHN_XINDEX
//! SHT_RELA      Rela[24 bytes]; sh_info names the section it patches, sh_link the symbol table
//! SHT_GROUP     u32 flags, u32 section[]; sh_info names the symbol that is the group's signature
//! ```

use std::path::Path;

use object::elf::{self, FileHeader64, Rela64, SectionHeader64, Sym64};
use object::pod;
use object::{LittleEndian, U32};

use super::atoms::{Atom, Relocations};
use super::overlap;
use crate::diag::{Diagnostic, Origin};
use crate::ids::FileId;
use crate::target::Architecture;

/// The one byte order of both architectures.
pub const LE: LittleEndian = LittleEndian;
/// A section header record.
pub type Section = SectionHeader64<LittleEndian>;
/// A symbol record.
pub type Symbol = Sym64<LittleEndian>;
/// A relocation record.
pub type Rela = Rela64<LittleEndian>;

/// How many times as long as an object its sections may be together: they must not overlap, and it does no harm where a few do.
const SECTIONS: usize = 2;
/// How many times as long as an object its names may be together. Many symbols can share a name, and each takes 24 bytes.
const NAMES: usize = 64;
/// `sh_type` of compact relocations, which newer LLVM can emit.
const SHT_CREL: u32 = 0x4000_0014;
/// `sh_type` of LLVM's table of address-significant symbols.
const SHT_LLVM_ADDRSIG: u32 = 0x6fff_4c03;

/// A parsed object: slices into the mapping, checked to lie within it.
#[derive(Debug)]
pub struct Object<'data> {
    /// The file, as the command line or the search named it.
    pub path: &'data Path,
    /// The member's name, if the object stands in an archive.
    pub member: Option<&'data [u8]>,
    /// All of its bytes.
    pub data: &'data [u8],
    /// `e_machine`.
    pub architecture: Architecture,
    /// Section headers; index 0 is the null section.
    pub sections: &'data [Section],
    /// The strings of section names.
    pub section_names: &'data [u8],
    /// The symbol table; index 0 is the null symbol.
    pub symbols: &'data [Symbol],
    /// The strings of symbol names.
    pub symbol_names: &'data [u8],
    /// Index of the first symbol that is not local.
    pub first_global: usize,
    /// SHT_SYMTAB_SHNDX, empty if there is none.
    pub extended_indices: &'data [U32<LittleEndian>],
    /// By section index: the index of the SHT_RELA section that patches it, or 0.
    pub relocated_by: Vec<u32>,
    /// Section groups.
    pub groups: Vec<Group<'data>>,
}

/// A section group.
#[derive(Clone, Copy, Debug)]
pub struct Group<'data> {
    /// GRP_COMDAT: only the first group of a signature is linked.
    pub comdat: bool,
    /// The name that identifies it.
    pub signature: &'data [u8],
    /// Indices of its sections.
    pub members: &'data [U32<LittleEndian>],
}

/// Where a symbol of one object lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// SHN_UNDEF.
    Undefined,
    /// SHN_ABS.
    Absolute,
    /// SHN_COMMON.
    Common,
    /// In the section with this index.
    Section(u32),
}

/// Reads the symbols and sections of one object.
pub fn parse<'data>(
    path: &'data Path,
    member: Option<&'data [u8]>,
    data: &'data [u8],
) -> Result<Object<'data>, Diagnostic> {
    Reader { path, member, data }.read()
}

#[derive(Clone, Copy)]
struct Reader<'data> {
    path: &'data Path,
    member: Option<&'data [u8]>,
    data: &'data [u8],
}

/// What the walk over the section headers collects.
struct Tables<'data> {
    symtab: Option<usize>,
    extended_indices: &'data [U32<LittleEndian>],
    relocated_by: Vec<u32>,
    groups: Vec<usize>,
}

impl<'data> Reader<'data> {
    fn read(self) -> Result<Object<'data>, Diagnostic> {
        let (header, _) = pod::from_bytes::<FileHeader64<LittleEndian>>(self.data)
            .map_err(|()| self.bad(0, "the file ends within the ELF header"))?;
        let architecture = self.check_header(header)?;
        let sections = self.sections(header)?;
        let section_names = self.section_names(header, sections)?;
        self.check_sections(sections)?;
        let tables = self.tables(sections)?;
        let (symbols, symbol_names, first_global) = self.symbols(sections, tables.symtab)?;
        let mut object = Object {
            path: self.path,
            member: self.member,
            data: self.data,
            architecture,
            sections,
            section_names,
            symbols,
            symbol_names,
            first_global,
            extended_indices: tables.extended_indices,
            relocated_by: tables.relocated_by,
            groups: Vec::new(),
        };
        self.check_names(&object, &tables.groups)?;
        object.groups = tables.groups.iter().map(|&index| self.group(&object, index)).collect::<Result<_, _>>()?;
        Ok(object)
    }

    /// Refuses sections that lie outside of the file, and such that overlap, which the gABI forbids ("Sections"), so much that to go
    /// through all of them would take ages.
    fn check_sections(self, sections: &[Section]) -> Result<(), Diagnostic> {
        let used = sections.iter().filter(|section| section.sh_type.get(LE) != elf::SHT_NULL);
        let bytes: usize = used.map(|section| self.bytes(section).map(<[u8]>::len)).sum::<Result<_, _>>()?;
        if bytes <= SECTIONS * self.data.len() {
            return Ok(());
        }
        Err(self.bad(0, format!("its sections overlap: they have {bytes} bytes, and the file {}", self.data.len())))
    }

    /// Refuses names of sections, symbols and groups that overlap so much that to go through all of them would take ages.
    fn check_names(self, object: &Object<'data>, groups: &[usize]) -> Result<(), Diagnostic> {
        let most = NAMES * self.data.len();
        let Object { sections, symbols, .. } = object;
        let signature = |&group: &usize| symbols.get(sections[group].sh_info.get(LE) as usize);
        let of_groups = groups.iter().map(|group| signature(group).map_or(0, |symbol| symbol.st_name.get(LE)));
        let of_sections = sections.iter().map(|section| section.sh_name.get(LE));
        let of_symbols = symbols.iter().map(|symbol| symbol.st_name.get(LE));
        if overlap::are_strings_within(most, object.section_names, of_sections)
            && overlap::are_strings_within(most, object.symbol_names, of_symbols)
            && overlap::are_strings_within(most, object.symbol_names, of_groups)
        {
            return Ok(());
        }
        Err(self.bad(0, "its names overlap, and are together many times as long as all of it"))
    }

    fn bad(self, offset: u64, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error("bad-object", message)
            .at(origin(self.path, self.member).at(offset))
            .help("the file is damaged or cut off; rebuild it")
    }

    fn check_header(self, header: &FileHeader64<LittleEndian>) -> Result<Architecture, Diagnostic> {
        if header.e_ident.magic != elf::ELFMAG
            || header.e_ident.class != elf::ELFCLASS64
            || header.e_ident.data != elf::ELFDATA2LSB
        {
            return Err(self.bad(0, "is not a 64-bit little-endian ELF file"));
        }
        if header.e_type.get(LE) != elf::ET_REL {
            return Err(self.bad(16, "is not a relocatable object (ET_REL)"));
        }
        let machine = header.e_machine.get(LE);
        Architecture::from_elf_machine(machine)
            .ok_or_else(|| self.bad(18, format!("is for machine {machine}, which is neither x86_64 nor aarch64")))
    }

    fn sections(self, header: &FileHeader64<LittleEndian>) -> Result<&'data [Section], Diagnostic> {
        let offset = header.e_shoff.get(LE);
        if offset == 0 {
            return Ok(&[]);
        }
        if usize::from(header.e_shentsize.get(LE)) != size_of::<Section>() {
            return Err(self.bad(58, "has section headers of an unknown size"));
        }
        let table = usize::try_from(offset)
            .ok()
            .and_then(|offset| self.data.get(offset..))
            .ok_or_else(|| self.bad(40, "has its section headers past the end of the file"))?;
        let mut count = usize::from(header.e_shnum.get(LE));
        if count == 0 {
            let (first, _) = pod::from_bytes::<Section>(table)
                .map_err(|()| self.bad(offset, "the file ends within the section headers"))?;
            count = usize::try_from(first.sh_size.get(LE)).unwrap_or(usize::MAX);
        }
        let (sections, _) = count
            .checked_mul(size_of::<Section>())
            .filter(|&bytes| bytes <= table.len())
            .and_then(|_| pod::slice_from_bytes::<Section>(table, count).ok())
            .ok_or_else(|| self.bad(offset, "the file ends within the section headers"))?;
        Ok(sections)
    }

    fn section_names(
        self,
        header: &FileHeader64<LittleEndian>,
        sections: &'data [Section],
    ) -> Result<&'data [u8], Diagnostic> {
        if sections.is_empty() {
            return Ok(&[]);
        }
        let index = match header.e_shstrndx.get(LE) {
            elf::SHN_XINDEX => sections[0].sh_link.get(LE) as usize,
            index => usize::from(index),
        };
        let section =
            sections.get(index).ok_or_else(|| self.bad(62, format!("names section {index} for its section names")))?;
        self.bytes(section)
    }

    /// The bytes of a section in the file; empty for SHT_NOBITS.
    fn bytes(self, section: &Section) -> Result<&'data [u8], Diagnostic> {
        if section.sh_type.get(LE) == elf::SHT_NOBITS {
            return Ok(&[]);
        }
        let (offset, size) = (section.sh_offset.get(LE), section.sh_size.get(LE));
        let range =
            usize::try_from(offset).ok().zip(offset.checked_add(size).and_then(|end| usize::try_from(end).ok()));
        range.and_then(|(start, end)| self.data.get(start..end)).ok_or_else(|| {
            self.bad(
                offset,
                format!("a section of {size} bytes does not fit into the file of {} bytes", self.data.len()),
            )
        })
    }

    /// A section as a table of records.
    fn records<T: pod::Pod>(self, section: &Section) -> Result<&'data [T], Diagnostic> {
        let bytes = self.bytes(section)?;
        pod::slice_from_all_bytes(bytes).map_err(|()| {
            self.bad(section.sh_offset.get(LE), "the size of a table is no multiple of its records' size")
        })
    }

    fn tables(self, sections: &'data [Section]) -> Result<Tables<'data>, Diagnostic> {
        let mut tables =
            Tables { symtab: None, extended_indices: &[], relocated_by: vec![0; sections.len()], groups: Vec::new() };
        for (index, section) in sections.iter().enumerate() {
            match section.sh_type.get(LE) {
                elf::SHT_SYMTAB if tables.symtab.is_some() => {
                    return Err(self.bad(section.sh_offset.get(LE), "has two symbol tables"));
                }
                elf::SHT_SYMTAB => tables.symtab = Some(index),
                elf::SHT_SYMTAB_SHNDX => tables.extended_indices = self.records(section)?,
                elf::SHT_GROUP => tables.groups.push(index),
                elf::SHT_RELA => {
                    let target = section.sh_info.get(LE) as usize;
                    let slot = tables.relocated_by.get_mut(target).filter(|_| target != 0).ok_or_else(|| {
                        self.bad(
                            section.sh_offset.get(LE),
                            format!("has relocations for section {target}, which does not exist"),
                        )
                    })?;
                    if *slot != 0 {
                        return Err(self.bad(
                            section.sh_offset.get(LE),
                            format!("has two relocation tables for section {target}"),
                        ));
                    }
                    *slot = index as u32;
                }
                kind @ (elf::SHT_REL | SHT_CREL) => {
                    let form =
                        if kind == elf::SHT_REL { "without addends (SHT_REL)" } else { "in compact form (SHT_CREL)" };
                    return Err(self
                        .bad(section.sh_offset.get(LE), format!("has relocations {form}, which the psABI does not use"))
                        .help("compile without the option that asks for that form (-Wa,--crel)"));
                }
                _ => {}
            }
        }
        Ok(tables)
    }

    #[allow(clippy::type_complexity)] // three results of one table
    fn symbols(
        self,
        sections: &'data [Section],
        symtab: Option<usize>,
    ) -> Result<(&'data [Symbol], &'data [u8], usize), Diagnostic> {
        let Some(index) = symtab else { return Ok((&[], &[], 0)) };
        let section = &sections[index];
        let symbols: &[Symbol] = self.records(section)?;
        let strings = sections
            .get(section.sh_link.get(LE) as usize)
            .ok_or_else(|| self.bad(section.sh_offset.get(LE), "the symbol table names no string table"))?;
        let first_global = section.sh_info.get(LE) as usize;
        if first_global > symbols.len() || (first_global == 0 && !symbols.is_empty()) {
            return Err(self.bad(
                section.sh_offset.get(LE),
                format!("the first global symbol is said to be {first_global} of {}", symbols.len()),
            ));
        }
        Ok((symbols, self.bytes(strings)?, first_global))
    }

    fn group(self, object: &Object<'data>, index: usize) -> Result<Group<'data>, Diagnostic> {
        let section = &object.sections[index];
        let words: &[U32<LittleEndian>] = self.records(section)?;
        let (flags, members) =
            words.split_first().ok_or_else(|| self.bad(section.sh_offset.get(LE), "a section group has no flags"))?;
        let symbol = object
            .symbols
            .get(section.sh_info.get(LE) as usize)
            .ok_or_else(|| self.bad(section.sh_offset.get(LE), "a section group has no signature"))?;
        let signature = match symbol.st_info & 0xf {
            // Old compilers sign a group with its first section's symbol: the section's name is meant.
            elf::STT_SECTION => object.section_name(u32::from(symbol.st_shndx.get(LE)))?,
            _ => object.name(symbol)?,
        };
        if members.iter().any(|member| member.get(LE) as usize >= object.sections.len()) {
            return Err(self.bad(section.sh_offset.get(LE), "a section group names a section that does not exist"));
        }
        Ok(Group { comdat: flags.get(LE) & elf::GRP_COMDAT != 0, signature, members })
    }
}

impl<'data> Object<'data> {
    /// The object, for errors.
    pub fn origin(&self) -> Origin {
        origin(self.path, self.member)
    }

    /// A symbol's name.
    pub fn name(&self, symbol: &Symbol) -> Result<&'data [u8], Diagnostic> {
        self.string(self.symbol_names, symbol.st_name.get(LE))
    }

    /// A section's name.
    pub fn section_name(&self, index: u32) -> Result<&'data [u8], Diagnostic> {
        match self.sections.get(index as usize) {
            Some(section) => self.string(self.section_names, section.sh_name.get(LE)),
            None => Err(Diagnostic::error("bad-object", format!("names section {index}, which does not exist"))
                .at(self.origin())),
        }
    }

    fn string(&self, table: &'data [u8], offset: u32) -> Result<&'data [u8], Diagnostic> {
        let tail = table.get(offset as usize..);
        tail.and_then(|tail| memchr::memchr(0, tail).map(|end| &tail[..end])).ok_or_else(|| {
            Diagnostic::error(
                "bad-object",
                format!("a name is said to start at byte {offset} of {} bytes of strings", table.len()),
            )
            .at(self.origin())
            .help("the file is damaged or cut off; rebuild it")
        })
    }

    /// Where symbol `index` lies.
    pub fn place(&self, index: usize) -> Place {
        match self.symbols[index].st_shndx.get(LE) {
            elf::SHN_UNDEF => Place::Undefined,
            elf::SHN_ABS => Place::Absolute,
            elf::SHN_COMMON => Place::Common,
            elf::SHN_XINDEX => match self.extended_indices.get(index) {
                Some(section) => Place::Section(section.get(LE)),
                None => Place::Undefined,
            },
            section if section < elf::SHN_LORESERVE => Place::Section(u32::from(section)),
            _ => Place::Undefined,
        }
    }

    /// Every section as an atom of file `file`, checked; tables that are not content have no data.
    pub fn atoms(&self, file: FileId) -> Result<Vec<Atom<'data>>, Diagnostic> {
        (0..self.sections.len()).map(|index| self.atom(file, index)).collect()
    }

    fn atom(&self, file: FileId, index: usize) -> Result<Atom<'data>, Diagnostic> {
        let section = &self.sections[index];
        let reader = Reader { path: self.path, member: self.member, data: self.data };
        let kind = section.sh_type.get(LE);
        let mut atom = Atom {
            file,
            name: b"",
            data: &[],
            size: 0,
            alignment: 1,
            flags: section.sh_flags.get(LE),
            kind,
            entry_size: section.sh_entsize.get(LE),
            relocations: Relocations::None,
        };
        if index == 0 || !is_content(kind) {
            atom.kind = elf::SHT_NULL;
            return Ok(atom);
        }
        atom.name = self.section_name(index as u32)?;
        atom.data = reader.bytes(section)?;
        atom.size = section.sh_size.get(LE);
        atom.alignment = section.sh_addralign.get(LE).max(1);
        let in_section = || origin(self.path, self.member).in_section(String::from_utf8_lossy(atom.name));
        if !atom.alignment.is_power_of_two() {
            return Err(Diagnostic::error(
                "bad-object",
                format!("has alignment {}, which is no power of two", atom.alignment),
            )
            .at(in_section()));
        }
        if let patch @ 1.. = self.relocated_by[index] {
            let records: &[Rela] = reader.records(&self.sections[patch as usize])?;
            atom.relocations = Relocations::Rela(records);
        }
        Ok(atom)
    }
}

/// Whether a section of this type has content that goes into the output, rather than describing the object.
const fn is_content(kind: u32) -> bool {
    !matches!(
        kind,
        elf::SHT_NULL
            | elf::SHT_SYMTAB
            | elf::SHT_STRTAB
            | elf::SHT_RELA
            | elf::SHT_REL
            | elf::SHT_GROUP
            | elf::SHT_SYMTAB_SHNDX
            | SHT_LLVM_ADDRSIG
    )
}

fn origin(path: &Path, member: Option<&[u8]>) -> Origin {
    Origin {
        file: Some(path.to_owned()),
        member: member.map(|name| String::from_utf8_lossy(name).into_owned()),
        ..Origin::default()
    }
}

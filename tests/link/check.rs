//! Facts about a linked file, read with a reader that is not cgolink's own, and the rules that every executable keeps.

use std::collections::HashMap;
use std::path::Path;

use object::elf;
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader, Sym};
use object::{Endianness, read::elf::ElfFile64};
use regex::RegexBuilder;

use crate::directives::Check;

type Header = elf::FileHeader64<Endianness>;

/// A linked file, decoded as far as the checks need.
pub struct Linked {
    bytes: Vec<u8>,
    symbols: Vec<Symbol>,
    sections: Vec<Section>,
    segments: Vec<Segment>,
}

struct Symbol {
    name: String,
    facts: HashMap<&'static str, String>,
    address: u64,
}

struct Section {
    name: String,
    address: u64,
    size: u64,
    offset: u64,
    flags: u64,
    kind: u32,
}

struct Segment {
    kind: u32,
    flags: u32,
    offset: u64,
    address: u64,
    file_size: u64,
    memory_size: u64,
    align: u64,
}

impl Linked {
    /// Decodes the file; the error names what is broken.
    pub fn read(path: &Path) -> Result<Self, String> {
        let bytes = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let file = ElfFile64::<Endianness>::parse(&*bytes).map_err(|e| format!("the output is not ELF: {e}"))?;
        let (endian, header) = (file.endian(), file.elf_header());
        let data: &[u8] = &bytes;
        let table = header.sections(endian, data).map_err(|e| e.to_string())?;
        let mut sections = Vec::new();
        for section in table.iter() {
            let name = table.section_name(endian, section).map_err(|e| e.to_string())?;
            sections.push(Section {
                name: String::from_utf8_lossy(name).into_owned(),
                address: section.sh_addr(endian),
                size: section.sh_size(endian),
                offset: section.sh_offset(endian),
                flags: section.sh_flags(endian),
                kind: section.sh_type(endian),
            });
        }
        let symbols = read_symbols(header, endian, data, &sections)?;
        let segments = header
            .program_headers(endian, data)
            .map_err(|e| e.to_string())?
            .iter()
            .map(|s| Segment {
                kind: s.p_type(endian),
                flags: s.p_flags(endian),
                offset: s.p_offset(endian),
                address: s.p_vaddr(endian),
                file_size: s.p_filesz(endian),
                memory_size: s.p_memsz(endian),
                align: s.p_align(endian),
            })
            .collect();
        Ok(Self { symbols, sections, segments, bytes })
    }

    /// What every static executable keeps: nothing asks for a loader, segments are in order and mapped where their bytes
    /// are, no memory is both writable and executable, sections lie in the file.
    pub fn audit(&self) -> Result<(), String> {
        let mut end = 0;
        for segment in &self.segments {
            if segment.kind == elf::PT_INTERP {
                return Err("the output has PT_INTERP".to_owned());
            }
            if segment.offset.checked_add(segment.file_size).is_none_or(|e| e > self.bytes.len() as u64) {
                return Err(format!("a segment at {:#x} ends after the file", segment.offset));
            }
            if segment.kind != elf::PT_LOAD {
                continue;
            }
            if segment.address < end {
                return Err(format!(
                    "the PT_LOAD at {:#x} is out of order or overlaps the one before",
                    segment.address
                ));
            }
            end = segment.address + segment.memory_size;
            if segment.align > 1 && (segment.address ^ segment.offset) & (segment.align - 1) != 0 {
                return Err(format!("the PT_LOAD at {:#x} is not congruent with its offset", segment.address));
            }
            if segment.flags & (elf::PF_W | elf::PF_X) == elf::PF_W | elf::PF_X {
                return Err(format!("the PT_LOAD at {:#x} is writable and executable", segment.address));
            }
        }
        for section in &self.sections {
            let in_file = !matches!(section.kind, elf::SHT_NOBITS | elf::SHT_NULL);
            if in_file && section.offset.checked_add(section.size).is_none_or(|e| e > self.bytes.len() as u64) {
                return Err(format!("the section {} ends after the file", section.name));
            }
            if section.kind == elf::SHT_DYNAMIC && self.dynamic_tag(section, elf::DT_NEEDED) {
                return Err("the output has DT_NEEDED".to_owned());
            }
            let loaded = section.flags & u64::from(elf::SHF_ALLOC) != 0 && section.flags & u64::from(elf::SHF_TLS) == 0;
            if loaded && section.size > 0 && !self.is_loaded(section) {
                return Err(format!("the section {} is in no PT_LOAD", section.name));
            }
        }
        Ok(())
    }

    fn is_loaded(&self, section: &Section) -> bool {
        self.segments.iter().any(|s| {
            s.kind == elf::PT_LOAD
                && section.address >= s.address
                && section.address + section.size <= s.address + s.memory_size
        })
    }

    fn dynamic_tag(&self, section: &Section, tag: u32) -> bool {
        let start = section.offset as usize;
        self.bytes[start..start + section.size as usize]
            .chunks_exact(16)
            .any(|entry| u64::from_le_bytes(entry[..8].try_into().expect("eight bytes")) == u64::from(tag))
    }

    /// Whether one expectation holds; the error says what was found instead.
    pub fn check(&self, check: &Check, folder: &Path) -> Result<(), String> {
        match check {
            Check::Symbol { name, facts } => self.symbol(name, facts),
            Check::NoSymbol(name) => match self.symbols.iter().any(|s| s.name == *name) {
                true => Err(format!("the symbol {name} is there")),
                false => Ok(()),
            },
            Check::Section { name, facts } => self.section(name, facts),
            Check::NoSection(name) => match self.sections.iter().any(|s| s.name == *name) {
                true => Err(format!("the section {name} is there")),
                false => Ok(()),
            },
            Check::Segment { name, facts } => self.segment(name, facts),
            Check::NoSegment(name) => match self.segments.iter().any(|s| segment_name(s.kind) == *name) {
                true => Err(format!("the segment {name} is there")),
                false => Ok(()),
            },
            Check::Before(first, second) => {
                let address = |n: &String| {
                    self.symbols
                        .iter()
                        .find(|s| s.name == *n)
                        .map(|s| s.address)
                        .ok_or_else(|| format!("no symbol {n}"))
                };
                let (a, b) = (address(first)?, address(second)?);
                if a < b { Ok(()) } else { Err(format!("{first} at {a:#x} is not before {second} at {b:#x}")) }
            }
            Check::Text { text, times } => {
                let found = memchr::memmem::find_iter(&self.bytes, text.as_bytes()).count();
                match times {
                    Some(wanted) if *wanted != found => Err(format!("{text:?} is there {found} times, not {wanted}")),
                    None if found == 0 => Err(format!("{text:?} is not there")),
                    _ => Ok(()),
                }
            }
            Check::File { name, pattern } => match matches(&read_text(folder, name)?, pattern)? {
                true => Ok(()),
                false => Err(format!("{name} does not match {pattern}")),
            },
            Check::NoFile { name, pattern } => match matches(&read_text(folder, name)?, pattern)? {
                false => Ok(()),
                true => Err(format!("{name} matches {pattern}")),
            },
        }
    }

    fn symbol(&self, name: &str, facts: &[(String, String)]) -> Result<(), String> {
        let candidates: Vec<&Symbol> = self.symbols.iter().filter(|s| s.name == name).collect();
        if candidates.is_empty() {
            return Err(format!("there is no symbol {name}"));
        }
        let holds = |symbol: &&Symbol| {
            facts.iter().all(|(key, value)| match key.as_str() {
                "align" => parse(value).is_some_and(|align| symbol.address.is_multiple_of(align)),
                "addr" => parse(value) == Some(symbol.address),
                _ => symbol.facts.get(key.as_str()) == Some(value),
            })
        };
        if candidates.iter().any(holds) {
            return Ok(());
        }
        let found: Vec<_> = candidates.iter().map(|s| format!("{:#x} {:?}", s.address, s.facts)).collect();
        Err(format!("the symbol {name} is not {facts:?} but {}", found.join(" and ")))
    }

    fn section(&self, name: &str, facts: &[(String, String)]) -> Result<(), String> {
        let section =
            self.sections.iter().find(|s| s.name == name).ok_or_else(|| format!("there is no section {name}"))?;
        for (key, value) in facts {
            let number = parse(value);
            let holds = match key.as_str() {
                "min" => number.is_some_and(|n| section.size >= n),
                "max" => number.is_some_and(|n| section.size <= n),
                "size" => number == Some(section.size),
                "addr" => number == Some(section.address),
                "align" => number.is_some_and(|n| section.address % n == 0),
                "flags" => flag_letters(section.flags) == *value,
                _ => return Err(format!("no fact of a section is called {key}")),
            };
            if !holds {
                let (size, address, flags) = (section.size, section.address, flag_letters(section.flags));
                return Err(format!(
                    "the section {name} has not {key}={value}: size {size}, address {address:#x}, flags {flags}"
                ));
            }
        }
        Ok(())
    }

    fn segment(&self, name: &str, facts: &[(String, String)]) -> Result<(), String> {
        let candidates: Vec<&Segment> = self.segments.iter().filter(|s| segment_name(s.kind) == name).collect();
        let holds = |segment: &&Segment| {
            facts.iter().all(|(key, value)| match key.as_str() {
                "memsz" => parse(value) == Some(segment.memory_size),
                "filesz" => parse(value) == Some(segment.file_size),
                "align" => parse(value) == Some(segment.align),
                "flags" => permissions(segment.flags) == *value,
                _ => false,
            })
        };
        if candidates.iter().any(holds) {
            return Ok(());
        }
        let found: Vec<_> =
            candidates.iter().map(|s| format!("memsz {:#x} {}", s.memory_size, permissions(s.flags))).collect();
        Err(format!("no segment {name} has {facts:?}; there are [{}]", found.join(", ")))
    }
}

/// Whether a text matches a pattern, in which `^` and `$` are the ends of lines.
pub fn matches(text: &str, pattern: &str) -> Result<bool, String> {
    let regex = RegexBuilder::new(pattern).multi_line(true).build().map_err(|e| e.to_string())?;
    Ok(regex.is_match(text))
}

fn read_symbols(header: &Header, endian: Endianness, data: &[u8], sections: &[Section]) -> Result<Vec<Symbol>, String> {
    let table = header.sections(endian, data).map_err(|e| e.to_string())?;
    let symbols = table.symbols(endian, data, elf::SHT_SYMTAB).map_err(|e| e.to_string())?;
    let mut result = Vec::new();
    for symbol in symbols.iter() {
        let name = symbol.name(endian, symbols.strings()).map_err(|e| e.to_string())?;
        let index = usize::from(symbol.st_shndx(endian));
        let section = match symbol.st_shndx(endian) {
            elf::SHN_ABS => "*ABS*".to_owned(),
            elf::SHN_UNDEF => "*UND*".to_owned(),
            _ => sections.get(index).map_or_else(|| "?".to_owned(), |s| s.name.clone()),
        };
        let kind = match symbol.st_type() {
            elf::STT_FUNC => "func",
            elf::STT_OBJECT => "object",
            elf::STT_TLS => "tls",
            elf::STT_GNU_IFUNC => "ifunc",
            elf::STT_FILE => "file",
            elf::STT_SECTION => "section",
            _ => "notype",
        };
        let bind = match symbol.st_bind() {
            elf::STB_LOCAL => "local",
            elf::STB_WEAK => "weak",
            _ => "global",
        };
        let facts = HashMap::from([
            ("type", kind.to_owned()),
            ("bind", bind.to_owned()),
            ("section", section),
            ("size", symbol.st_size(endian).to_string()),
        ]);
        let name = String::from_utf8_lossy(name).into_owned();
        result.push(Symbol { name, facts, address: symbol.st_value(endian) });
    }
    Ok(result)
}

fn read_text(folder: &Path, name: &str) -> Result<String, String> {
    let bytes = std::fs::read(folder.join(name)).map_err(|e| format!("{name}: {e}"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn parse(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

fn permissions(flags: u32) -> String {
    [(elf::PF_R, 'R'), (elf::PF_W, 'W'), (elf::PF_X, 'X')]
        .iter()
        .filter(|(bit, _)| flags & bit != 0)
        .map(|(_, c)| c)
        .collect()
}

fn flag_letters(flags: u64) -> String {
    let letters = [
        (elf::SHF_WRITE, 'W'),
        (elf::SHF_ALLOC, 'A'),
        (elf::SHF_EXECINSTR, 'X'),
        (elf::SHF_TLS, 'T'),
        (elf::SHF_COMPRESSED, 'C'),
    ];
    letters.iter().filter(|(bit, _)| flags & u64::from(*bit) != 0).map(|(_, c)| c).collect()
}

fn segment_name(kind: u32) -> &'static str {
    match kind {
        elf::PT_LOAD => "LOAD",
        elf::PT_DYNAMIC => "DYNAMIC",
        elf::PT_INTERP => "INTERP",
        elf::PT_NOTE => "NOTE",
        elf::PT_PHDR => "PHDR",
        elf::PT_TLS => "TLS",
        elf::PT_GNU_EH_FRAME => "GNU_EH_FRAME",
        elf::PT_GNU_STACK => "GNU_STACK",
        elf::PT_GNU_RELRO => "GNU_RELRO",
        elf::PT_GNU_PROPERTY => "GNU_PROPERTY",
        _ => "?",
    }
}

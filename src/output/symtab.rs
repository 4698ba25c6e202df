//! `.symtab` and `.strtab`: counted and placed first, then written in parts by all workers. Locals come first, as the gABI
//! asks; a global that hidden visibility or `--exclude-libs` confines to the program is one of them.

use std::ops::Range;

use object::elf::{
    SHF_MERGE, SHN_ABS, STB_GLOBAL, STB_LOCAL, STB_WEAK, STT_FILE, STT_GNU_IFUNC, STT_NOTYPE, STT_SECTION, STT_TLS,
    STV_HIDDEN, STV_INTERNAL,
};
use rayon::prelude::*;

use super::file::Bytes;
use crate::args::request::Discard;
use crate::ids::{AtomId, FileId, OutputSectionId, SymbolId};
use crate::inputs::elf::{LE, Place, Symbol};
use crate::layout::image::Image;
use crate::layout::tables::SYMBOL;
use crate::symbols::files::LinkedFile;
use crate::symbols::resolve::LinkerSymbol;

/// Symbols that one worker takes at a time.
const CHUNK: usize = 16 * 1024;
/// A file with more symbols than this, nearly all kept, gives its whole string table: one copy, no name is looked at.
const WHOLE_FROM: usize = 4096;

/// What the symbol table depends on besides the image.
pub struct SymtabOptions<'a> {
    /// Which locals are dropped.
    pub discard: Discard,
    /// By [`OutputSectionId`]: the index of the section's header; 0 if it has none.
    pub section_index: &'a [u16],
    /// Whether a global of this file is confined to the program: `--exclude-libs`, a version script.
    pub confined: &'a (dyn Fn(FileId, usize) -> bool + Sync),
}

/// The table's parts with their places.
pub struct Symtab {
    parts: Vec<Part>,
    /// Records, the null symbol included.
    pub count: usize,
    /// `sh_info`: the index of the first global.
    pub first_global: usize,
    /// Bytes of `.strtab`.
    pub strings_size: u64,
}

/// A range of one file's symbols.
struct Part {
    file: FileId,
    range: Range<usize>,
    locals: usize,
    globals: usize,
    names: Names,
    first_local: usize,
    first_global: usize,
}

#[derive(Clone, Copy)]
enum Names {
    /// The kept names, one after the other: bytes and place.
    Each { bytes: u64, start: u64 },
    /// The file's whole string table, from here. The first part of the file writes it.
    Whole { start: u64, writes: bool },
}

/// What becomes of a symbol.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Dropped,
    Local,
    Global,
}

/// One output record.
struct Record {
    info: u8,
    other: u8,
    section: u16,
    value: u64,
    size: u64,
}

/// Counts and places every symbol.
pub fn plan(image: &Image<'_>, options: &SymtabOptions<'_>) -> Symtab {
    let files = &image.resolution.files;
    let mut ranges = Vec::new();
    for (index, count) in files.symbol_counts().enumerate() {
        for start in (0..count).step_by(CHUNK) {
            ranges.push((FileId::new(index), start..(start + CHUNK).min(count)));
        }
    }
    let mut parts: Vec<Part> = ranges.into_par_iter().map(|(file, range)| count(image, options, file, range)).collect();
    let whole = files_with_whole_tables(image, &parts);
    parts.par_iter_mut().filter(|part| !whole[part.file.index()]).for_each(|part| {
        part.names = Names::Each { bytes: bytes_of_names(image, options, part), start: 0 };
    });
    let locals: usize = parts.iter().map(|part| part.locals).sum();
    let (mut local, mut global, mut string) = (1, 1 + locals, 1_u64);
    let mut start = 0;
    while start < parts.len() {
        let file = parts[start].file;
        let end = start + parts[start..].iter().take_while(|part| part.file == file).count();
        let whole = whole[file.index()];
        let table = string;
        for (position, part) in parts[start..end].iter_mut().enumerate() {
            (part.first_local, part.first_global) = (local, global);
            local += part.locals;
            global += part.globals;
            if whole {
                part.names = Names::Whole { start: table, writes: position == 0 };
            } else if let Names::Each { bytes, start } = &mut part.names {
                *start = string;
                string += *bytes;
            }
        }
        if whole {
            string += files.get(file).object.symbol_names.len() as u64;
        }
        start = end;
    }
    Symtab { parts, count: global, first_global: 1 + locals, strings_size: string }
}

fn count(image: &Image<'_>, options: &SymtabOptions<'_>, file: FileId, range: Range<usize>) -> Part {
    let mut part = Part {
        file,
        range: range.clone(),
        locals: 0,
        globals: 0,
        names: Names::Each { bytes: 0, start: 0 },
        first_local: 0,
        first_global: 0,
    };
    let view = View { image, options, id: file, file: image.resolution.files.get(file) };
    for index in range {
        match view.fate(index) {
            Fate::Dropped => {}
            Fate::Local => part.locals += 1,
            Fate::Global => part.globals += 1,
        }
    }
    part
}

/// By [`FileId`]: whether its string table is taken as it is.
fn files_with_whole_tables(image: &Image<'_>, parts: &[Part]) -> Vec<bool> {
    let files = &image.resolution.files;
    let mut kept = vec![0; files.files.len()];
    parts.iter().for_each(|part| kept[part.file.index()] += part.locals + part.globals);
    let is_whole =
        |(kept, file): (usize, &LinkedFile<'_>)| kept > WHOLE_FROM && kept * 20 > file.object.symbols.len() * 19;
    kept.into_iter().zip(&files.files).map(is_whole).collect()
}

/// Bytes of the kept names of a part, each with its zero.
fn bytes_of_names(image: &Image<'_>, options: &SymtabOptions<'_>, part: &Part) -> u64 {
    let view = View { image, options, id: part.file, file: image.resolution.files.get(part.file) };
    let kept = part.range.clone().filter(|&index| view.fate(index) != Fate::Dropped);
    kept.map(|index| image.symbol_name(part.file, index).len() as u64 + 1).sum()
}

/// One file's symbols.
struct View<'a, 'data> {
    image: &'a Image<'data>,
    options: &'a SymtabOptions<'a>,
    id: FileId,
    file: &'a LinkedFile<'data>,
}

impl View<'_, '_> {
    fn symbol(&self, index: usize) -> SymbolId {
        SymbolId::new(self.file.first_symbol.index() + index)
    }

    fn fate(&self, index: usize) -> Fate {
        let Some(record) = self.file.object.symbols.get(index) else { return self.linker_fate(index) };
        if index == 0 {
            return Fate::Dropped;
        }
        let kind = record.st_info & 0xf;
        if index < self.file.object.first_global || record.st_info >> 4 == STB_LOCAL {
            return self.local_fate(index, record, kind);
        }
        if self.image.resolution.definitions[self.symbol(index).index()] != self.symbol(index) {
            return Fate::Dropped;
        }
        if !self.is_placed(index) {
            return Fate::Dropped;
        }
        if self.is_confined(index) { Fate::Local } else { Fate::Global }
    }

    fn is_confined(&self, index: usize) -> bool {
        let visibility = self.file.global_name(index).map_or(0, |name| self.image.resolution.visibility[name.index()]);
        matches!(visibility, STV_HIDDEN | STV_INTERNAL) || (self.options.confined)(self.id, index)
    }

    fn local_fate(&self, index: usize, record: &Symbol, kind: u8) -> Fate {
        let dropped = match kind {
            STT_SECTION => true,
            STT_FILE => self.options.discard == Discard::Locals,
            _ => !self.is_placed(index) || self.is_discarded(index, record),
        };
        if dropped { Fate::Dropped } else { Fate::Local }
    }

    fn is_discarded(&self, index: usize, record: &Symbol) -> bool {
        let temporary = || {
            self.file
                .object
                .symbol_names
                .get(record.st_name.get(LE) as usize..)
                .is_some_and(|name| name.starts_with(b".L"))
        };
        match self.options.discard {
            Discard::Nothing => false,
            Discard::Locals => true,
            Discard::Temporaries => temporary(),
            Discard::MergeTemporaries => match self.file.object.place(index) {
                Place::Section(section) => self
                    .file
                    .atom(section)
                    .is_some_and(|atom| self.image.atoms.get(atom).flags & u64::from(SHF_MERGE) != 0 && temporary()),
                _ => false,
            },
        }
    }

    fn is_placed(&self, index: usize) -> bool {
        match self.file.object.place(index) {
            Place::Undefined => false,
            Place::Absolute | Place::Common => true,
            Place::Section(section) => self.file.atom(section).is_some_and(|atom| self.section_of(atom).is_some()),
        }
    }

    fn section_of(&self, atom: AtomId) -> Option<OutputSectionId> {
        self.image.plan.section_of.get(atom.index()).copied().flatten()
    }

    fn header_of(&self, section: Option<OutputSectionId>) -> u16 {
        match section.map(|section| self.options.section_index[section.index()]) {
            Some(index @ 1..) => index,
            _ => SHN_ABS,
        }
    }

    /// A symbol that the linker defines is kept if it is the definition of its name and a file refers to it, or a script
    /// assigns it plainly.
    fn linker_fate(&self, index: usize) -> Fate {
        let resolution = &self.image.resolution;
        let Some(symbol) = index.checked_sub(1).and_then(|index| resolution.linker_symbols.get(index)) else {
            return Fate::Dropped;
        };
        match self.image.linker_names.get(index - 1) {
            Some(name) if name.kept => match symbol {
                LinkerSymbol::Script(_) if name.hidden => Fate::Local,
                _ => Fate::Global,
            },
            _ => Fate::Dropped,
        }
    }

    fn record(&self, index: usize) -> Record {
        let symbol = self.symbol(index);
        let value = self.image.values[symbol.index()];
        let Some(record) = self.file.object.symbols.get(index) else {
            let section = self.image.linker_names[index - 1].section;
            return Record {
                info: STB_GLOBAL << 4 | STT_NOTYPE,
                other: 0,
                section: self.header_of(section),
                value,
                size: 0,
            };
        };
        let kind = record.st_info & 0xf;
        let atom = match self.file.object.place(index) {
            Place::Section(section) => self.file.atom(section),
            Place::Common => self.image.common_atom(symbol),
            _ => None,
        };
        let value = match kind {
            STT_TLS => value.wrapping_sub(self.image.tls.start),
            // Relocations see the stub; the table shows the resolver, as the type says.
            STT_GNU_IFUNC => atom.and_then(|atom| self.image.position(atom, record.st_value.get(LE))).unwrap_or(value),
            STT_FILE => 0,
            _ => value,
        };
        // A common symbol has the largest size that any file asks for.
        let size = match self.file.object.place(index) {
            Place::Common => atom.map_or(0, |atom| self.image.atoms.get(atom).size),
            _ => record.st_size.get(LE),
        };
        let weak = if record.st_info >> 4 == STB_WEAK { STB_WEAK } else { STB_GLOBAL };
        Record {
            info: weak << 4 | kind,
            other: record.st_other,
            section: atom.map_or(SHN_ABS, |atom| self.header_of(self.section_of(atom))),
            value,
            size,
        }
    }
}

/// Bytes of the tables, with their offsets there.
pub struct Written<'data> {
    /// Record bytes and the offset in `.symtab`: locals, globals.
    pub records: [(u64, Vec<u8>); 2],
    /// Name bytes and the offset in `.strtab`.
    pub names: (u64, Bytes<'data>),
}

impl Symtab {
    /// How many parts there are to be written.
    pub fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Makes the bytes of one part, in empty buffers that `buffer` gives.
    pub fn write<'data>(
        &self,
        image: &Image<'data>,
        options: &SymtabOptions<'_>,
        part: usize,
        buffer: impl Fn() -> Vec<u8>,
    ) -> Written<'data> {
        let part = &self.parts[part];
        let view = View { image, options, id: part.file, file: image.resolution.files.get(part.file) };
        let [mut locals, mut globals] = [buffer(), buffer()];
        let mut names = if matches!(part.names, Names::Each { .. }) { buffer() } else { Vec::new() };
        for index in part.range.clone() {
            let fate = view.fate(index);
            if fate == Fate::Dropped {
                continue;
            }
            let name = match part.names {
                Names::Whole { start, .. } => {
                    view.file.object.symbols.get(index).map_or(0, |record| start + u64::from(record.st_name.get(LE)))
                }
                Names::Each { start, .. } => {
                    let at = start + names.len() as u64;
                    names.extend_from_slice(image.symbol_name(view.id, index));
                    names.push(0);
                    at
                }
            };
            let mut record = view.record(index);
            let table = match fate {
                Fate::Local => {
                    record.info &= 0xf;
                    &mut locals
                }
                _ => &mut globals,
            };
            push(table, name as u32, &record);
        }
        let names = match part.names {
            Names::Each { start, .. } => (start, Bytes::Made(names)),
            Names::Whole { start, writes: true } => (start, Bytes::Input(view.file.object.symbol_names)),
            Names::Whole { start, writes: false } => (start, Bytes::Input(&[])),
        };
        Written {
            records: [(part.first_local as u64 * SYMBOL, locals), (part.first_global as u64 * SYMBOL, globals)],
            names,
        }
    }
}

fn push(table: &mut Vec<u8>, name: u32, record: &Record) {
    table.extend(name.to_le_bytes());
    table.extend([record.info, record.other]);
    table.extend(record.section.to_le_bytes());
    table.extend(record.value.to_le_bytes());
    table.extend(record.size.to_le_bytes());
}

//! One definition for each name. Every file's symbols compete at once: a definition's key is its strength and its symbol
//! id, and the smallest key wins, so the outcome is that of a pass in command-line order without being one.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};

use object::elf::{STB_WEAK, STV_DEFAULT, STV_HIDDEN, STV_INTERNAL};
use rayon::prelude::*;

use super::extract::{Extraction, TakenFile};
use super::files::{FileTable, LinkedFile};
use super::names::{NameId, NameTable};
use crate::diag::Result;
use crate::ids::{AtomId, FileId, SymbolId};
use crate::inputs::elf::{LE, Place};
use crate::inputs::load::{OpenArchive, PassedOver};
use crate::par::split_by_lengths;
use crate::script::symbols::ScriptSymbols;
use crate::target::Architecture;

/// Names resolved.
pub struct Resolution<'data> {
    /// The files.
    pub files: FileTable<'data>,
    /// The names.
    pub names: NameTable<'data>,
    /// By [`SymbolId`]: the symbol that defines it, itself for locals and definitions; [`UNDEFINED`] if none does.
    pub definitions: Vec<SymbolId>,
    /// What the linker's own symbols are: element `i` is symbol `i + 1` of file 0.
    pub linker_symbols: Vec<LinkerSymbol>,
    /// By [`AtomId`] of the inputs: in a COMDAT group of which another copy is linked.
    pub discarded: Vec<bool>,
    /// Common symbols that became the definition, each with the space it needs.
    pub commons: Vec<Common>,
    /// Definitions of a name that lost against an equally strong one: the loser and the winner.
    pub duplicates: Vec<(SymbolId, SymbolId)>,
    /// By [`NameId`]: the most constraining visibility any file asks for, as `STV_*`.
    pub visibility: Vec<u8>,
    /// By [`NameId`]: whether a file refers to it without defining it.
    pub referenced: Vec<bool>,
    /// Names needed from the start: the entry, `-u`.
    pub roots: Vec<NameId>,
    /// The archives that were searched.
    pub archives: Vec<OpenArchive<'data>>,
    /// The libraries that are for another target.
    pub passed_over: Vec<PassedOver<'data>>,
    /// By [`NameId`]: the definition.
    by_name: Vec<SymbolId>,
}

/// The definition of a symbol that nothing defines.
pub const UNDEFINED: SymbolId = SymbolId(u32::MAX);

/// A symbol that the linker defines.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LinkerSymbol {
    /// By this index in [`ScriptSymbols`].
    Script(usize),
    /// `__start_NAME`: where output section NAME starts.
    Start(String),
    /// `__stop_NAME`: where it ends.
    Stop(String),
}

/// Space for a common symbol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Common {
    /// The definition.
    pub symbol: SymbolId,
    /// Bytes: the largest that any file asks for.
    pub size: u64,
    /// The strictest that any file asks for, a power of two.
    pub alignment: u64,
    /// STT_TLS.
    pub thread_local: bool,
}

/// How strong a definition is; the smallest wins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    Strong,
    Common,
    Weak,
    /// PROVIDE: only if nothing else defines it.
    Provided,
    /// There is none.
    Missing,
}

/// Chooses a definition for every name. `script` are the symbols that scripts and `--defsym` assign.
pub fn resolve<'data>(
    extraction: Extraction<'data>,
    script: &'data ScriptSymbols,
    architecture: Architecture,
) -> Result<Resolution<'data>> {
    let Extraction { files, mut names, roots, archives, passed_over } = extraction;
    let linker = linker_symbols(&files, &roots, &mut names, script);
    let files = FileTable::new(files, linker.len(), architecture)?;
    let discarded = discard_group_copies(&files, names.bound());
    let keys: Vec<AtomicU64> = (0..names.bound()).map(|_| AtomicU64::new(key(Strength::Missing, UNDEFINED))).collect();
    for (index, (name, strength, _)) in linker.iter().enumerate() {
        keys[name.index()].fetch_min(key(*strength, SymbolId::new(index + 1)), Relaxed);
    }
    let visibility: Vec<AtomicU8> = (0..names.bound()).map(|_| AtomicU8::new(0)).collect();
    let referenced: Vec<AtomicBool> = (0..names.bound()).map(|_| AtomicBool::new(false)).collect();
    let chunks = chunks_of_globals(&files);
    chunks.par_iter().for_each(|(file, range)| {
        for (name, index) in globals(file, range) {
            let constraint = constraint(file.object.symbols[index].st_other & 3);
            if constraint > 0 {
                visibility[name.index()].fetch_max(constraint, Relaxed);
            }
            match strength(file, index, &discarded) {
                Some(strength) => {
                    let symbol = SymbolId::new(file.first_symbol.index() + index);
                    keys[name.index()].fetch_min(key(strength, symbol), Relaxed);
                }
                None => referenced[name.index()].store(true, Relaxed),
            }
        }
    });
    let winners: Vec<(Strength, SymbolId)> = keys.into_par_iter().map(|key| winner(key.into_inner())).collect();
    let definitions = definitions(&files, &winners);
    let duplicates = duplicates(&files, &chunks, &winners, &discarded);
    let commons = commons(&chunks, &winners);
    drop(chunks);
    Ok(Resolution {
        definitions,
        duplicates,
        commons,
        linker_symbols: linker.into_iter().map(|(_, _, symbol)| symbol).collect(),
        discarded,
        visibility: visibility.into_par_iter().map(|constraint| visibility_of(constraint.into_inner())).collect(),
        referenced: referenced.into_par_iter().map(AtomicBool::into_inner).collect(),
        by_name: winners.into_par_iter().map(|(_, symbol)| symbol).collect(),
        roots,
        archives,
        passed_over,
        files,
        names,
    })
}

impl<'data> Resolution<'data> {
    /// The symbol that defines a global name; [`UNDEFINED`] if none does.
    pub fn by_name(&self, name: NameId) -> SymbolId {
        self.by_name.get(name.index()).copied().unwrap_or(UNDEFINED)
    }

    /// The definition of the global with these bytes.
    pub fn find(&self, name: &[u8]) -> Option<SymbolId> {
        self.names.find(name).map(|name| self.by_name(name)).filter(|&symbol| symbol != UNDEFINED)
    }

    /// The section a defined symbol lies in; `None` for absolute, common and linker symbols.
    pub fn atom_of(&self, symbol: SymbolId) -> Option<AtomId> {
        let (file, index) = self.files.owner(symbol);
        self.atom_in(file, index)
    }

    /// As [`Resolution::atom_of`], for symbol `index` of a file.
    pub fn atom_in(&self, file: FileId, index: usize) -> Option<AtomId> {
        let file = self.files.get(file);
        if index >= file.object.symbols.len() {
            return None;
        }
        match file.object.place(index) {
            Place::Section(section) => file.atom(section),
            _ => None,
        }
    }

    /// A symbol's name, for reports and the symbol table.
    pub fn name_of(&self, symbol: SymbolId) -> &'data [u8] {
        let (file, index) = self.files.owner(symbol);
        let file = self.files.get(file);
        match file.object.symbols.get(index) {
            Some(record) => file.object.name(record).unwrap_or(b""),
            None => b"",
        }
    }
}

/// What the linker defines: names of the script, and section boundaries that files refer to.
fn linker_symbols<'data>(
    files: &[TakenFile<'data>],
    roots: &[NameId],
    names: &mut NameTable<'data>,
    script: &'data ScriptSymbols,
) -> Vec<(NameId, Strength, LinkerSymbol)> {
    let boundary = |prefix: &[u8], name: &[u8]| {
        let section = std::str::from_utf8(name.strip_prefix(prefix)?).ok()?;
        is_c_identifier(section.as_bytes()).then(|| section.to_owned())
    };
    let wanted = files.par_iter().flat_map_iter(|file| {
        let first = file.object.first_global;
        let undefined = move |offset: &usize| file.object.place(first + offset) == Place::Undefined;
        (0..file.globals.len()).filter(undefined).map(|offset| file.globals[offset])
    });
    let mut boundaries: Vec<(NameId, Strength, LinkerSymbol)> = wanted
        .chain(roots.par_iter().copied())
        .filter_map(|id| {
            let name = names.bytes(id);
            let start = boundary(b"__start_", name).map(LinkerSymbol::Start);
            let symbol = start.or_else(|| boundary(b"__stop_", name).map(LinkerSymbol::Stop))?;
            Some((id, Strength::Provided, symbol))
        })
        .collect();
    boundaries.sort_by_key(|(name, ..)| names.bytes(*name));
    boundaries.dedup_by_key(|(name, ..)| *name);
    let mut all: Vec<_> = script
        .symbols
        .iter()
        .enumerate()
        .map(|(index, symbol)| {
            let strength = if symbol.provide { Strength::Provided } else { Strength::Strong };
            (names.intern(symbol.name.as_bytes()), strength, LinkerSymbol::Script(index))
        })
        .collect();
    all.extend(boundaries);
    all
}

/// Whether a section of this name gets `__start_` and `__stop_` symbols (GNU ld manual, "Orphan Sections").
pub fn is_c_identifier(name: &[u8]) -> bool {
    let head = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
    name.first().is_some_and(head) && name.iter().all(|byte| head(byte) || byte.is_ascii_digit())
}

/// Of every COMDAT signature the first file's group is linked; the sections of the others are discarded.
fn discard_group_copies(files: &FileTable<'_>, names: usize) -> Vec<bool> {
    let owners: Vec<AtomicU32> = (0..names).map(|_| AtomicU32::new(u32::MAX)).collect();
    let comdats = |file: &LinkedFile<'_>| -> Vec<(NameId, usize)> {
        let groups = file.object.groups.iter().enumerate().zip(&file.signatures);
        groups.filter(|((_, group), _)| group.comdat).map(|((index, _), &name)| (name, index)).collect()
    };
    files.files.par_iter().enumerate().for_each(|(number, file)| {
        for (name, _) in comdats(file) {
            owners[name.index()].fetch_min(number as u32, Relaxed);
        }
    });
    let mut discarded = vec![false; files.atom_bound];
    let parts = split_by_lengths(&mut discarded, files.files.iter().map(|file| file.object.sections.len()));
    files.files.par_iter().zip(parts).enumerate().for_each(|(number, (file, part))| {
        for (name, group) in comdats(file) {
            if owners[name.index()].load(Relaxed) != number as u32 {
                for member in file.object.groups[group].members {
                    part[member.get(LE) as usize] = true;
                }
            }
        }
    });
    discarded
}

/// Globals that one worker takes at a time: one file may have nearly all of a link's.
const CHUNK: usize = 16 * 1024;

/// A file and a range of its `globals`.
type GlobalsChunk<'a, 'data> = (&'a LinkedFile<'data>, Range<usize>);

/// The global symbols of all files, cut into pieces of one file each, in order.
fn chunks_of_globals<'a, 'data>(files: &'a FileTable<'data>) -> Vec<GlobalsChunk<'a, 'data>> {
    let of_file = |file: &'a LinkedFile<'data>| {
        let count = file.globals.len();
        (0..count).step_by(CHUNK).map(move |start| (file, start..(start + CHUNK).min(count)))
    };
    files.files.iter().flat_map(of_file).collect()
}

/// The names of a piece, each with the index of its symbol in the file.
fn globals(file: &LinkedFile<'_>, range: &Range<usize>) -> impl Iterator<Item = (NameId, usize)> {
    let first = file.object.first_global;
    range.clone().zip(&file.globals[range.clone()]).map(move |(offset, &name)| (name, first + offset))
}

/// How strongly a file's symbol defines its name; `None` if it only refers to it.
fn strength(file: &LinkedFile<'_>, index: usize, discarded: &[bool]) -> Option<Strength> {
    let weak = file.object.symbols[index].st_info >> 4 == STB_WEAK;
    let plain = if weak { Strength::Weak } else { Strength::Strong };
    match file.object.place(index) {
        Place::Undefined => None,
        Place::Absolute => Some(plain),
        Place::Common => Some(Strength::Common),
        Place::Section(section) => file.atom(section).filter(|atom| !discarded[atom.index()]).map(|_| plain),
    }
}

const fn key(strength: Strength, symbol: SymbolId) -> u64 {
    (strength as u64) << 32 | symbol.0 as u64
}

fn winner(key: u64) -> (Strength, SymbolId) {
    let strength = match key >> 32 {
        0 => Strength::Strong,
        1 => Strength::Common,
        2 => Strength::Weak,
        3 => Strength::Provided,
        _ => Strength::Missing,
    };
    (strength, SymbolId(key as u32))
}

fn definitions(files: &FileTable<'_>, winners: &[(Strength, SymbolId)]) -> Vec<SymbolId> {
    let mut definitions: Vec<SymbolId> = (0..files.symbol_bound).into_par_iter().map(SymbolId::new).collect();
    let parts = split_by_lengths(&mut definitions, files.symbol_counts());
    files.files.par_iter().zip(parts).for_each(|(file, part)| {
        let globals = part.get_mut(file.object.first_global..).unwrap_or_default();
        globals.par_iter_mut().with_min_len(CHUNK).zip(&file.globals).for_each(|(definition, name)| {
            *definition = winners[name.index()].1;
        });
    });
    definitions
}

fn duplicates(
    files: &FileTable<'_>,
    chunks: &[GlobalsChunk<'_, '_>],
    winners: &[(Strength, SymbolId)],
    discarded: &[bool],
) -> Vec<(SymbolId, SymbolId)> {
    let linker_end = files.linker_symbols;
    chunks
        .par_iter()
        .flat_map_iter(|(file, range)| {
            globals(file, range).filter_map(move |(name, index)| {
                let symbol = SymbolId::new(file.first_symbol.index() + index);
                let (_, first) = winners[name.index()];
                let is_loser = first != symbol
                    && first.index() >= linker_end
                    && strength(file, index, discarded) == Some(Strength::Strong);
                is_loser.then_some((symbol, first))
            })
        })
        .collect()
}

fn commons(chunks: &[GlobalsChunk<'_, '_>], winners: &[(Strength, SymbolId)]) -> Vec<Common> {
    let asked: Vec<Common> = chunks
        .par_iter()
        .flat_map_iter(|(file, range)| {
            globals(file, range).filter_map(move |(name, index)| {
                let (strength, symbol) = winners[name.index()];
                let record = &file.object.symbols[index];
                let is_common = strength == Strength::Common && file.object.place(index) == Place::Common;
                is_common.then(|| Common {
                    symbol,
                    size: record.st_size.get(LE),
                    alignment: record.st_value.get(LE).max(1).checked_next_power_of_two().unwrap_or(1),
                    thread_local: record.st_info & 0xf == object::elf::STT_TLS,
                })
            })
        })
        .collect();
    let mut merged: indexmap::IndexMap<SymbolId, Common> = indexmap::IndexMap::new();
    for one in asked {
        let space = merged.entry(one.symbol).or_insert(one);
        space.size = space.size.max(one.size);
        space.alignment = space.alignment.max(one.alignment);
    }
    merged.sort_keys();
    merged.into_values().collect()
}

/// Visibilities by how much they constrain: default, protected, hidden, internal.
const fn constraint(visibility: u8) -> u8 {
    match visibility {
        STV_DEFAULT => 0,
        STV_HIDDEN => 2,
        STV_INTERNAL => 3,
        _ => 1,
    }
}

const fn visibility_of(constraint: u8) -> u8 {
    match constraint {
        0 => STV_DEFAULT,
        1 => object::elf::STV_PROTECTED,
        2 => STV_HIDDEN,
        _ => STV_INTERNAL,
    }
}

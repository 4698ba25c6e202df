//! Go objects, read in place: the member `_go_.o` of a package archive, without the text before it (Go 1.20 to 1.27,
//! `cmd/internal/goobj/objfile.go`).
//!
//! ```text
//! object      = magic[8] fingerprint[8] flags:u32 offset:u32[19]  blocks
//! blocks      = strings  autolib  packages  files
//!               definitions  hashed64 definitions  hashed definitions  non-package definitions  non-package references
//!               flags of references  hash64[8]  hash[16]
//!               relocation index:u32  aux index:u32  data index:u32     one for each definition, and one more
//!               relocations  aux  data  names of references
//! string      = length:u32 offset:u32              bytes from the start of the object
//! definition  = see records
//! ```
//!
//! A symbol of the object is a position in the five lists of definitions and references taken as one. The indices are
//! checked once, in [`Object::check`]; after that every accessor is a bounded slice of the mapping.

pub mod funcinfo;
mod kinds;
pub mod records;

use std::ops::Range;

pub use kinds::{RelocationKind, RelocationKinds};
use records::{AUX, REFERENCE_FLAGS, RELOCATION, STRING, SYMBOL, package_index, u32_at};
pub use records::{AuxKind, AuxRecord, Reference, RelocationRecord, SymbolRecord};

/// The first bytes.
pub const MAGIC: &[u8; 8] = b"\0go120ld";
const BLOCKS: usize = 19;
const HEADER: usize = 8 + 8 + 4 + 4 * BLOCKS;
/// How many times as long as an object its names may be together. Compilers write equal ones once, and make less than half of it.
const NAMES: u64 = 4;
/// What stands for a package's exported content; zero for assembly.
pub type Fingerprint = [u8; 8];

/// The blocks by position, as the header has their offsets.
mod block {
    pub const AUTOLIB: usize = 0;
    pub const PACKAGES: usize = 1;
    pub const FILES: usize = 2;
    pub const DEFINITIONS: usize = 3;
    pub const HASHED64: usize = 4;
    pub const HASHED: usize = 5;
    pub const NON_PACKAGE: usize = 6;
    pub const REFERENCES: usize = 7;
    pub const REFERENCE_FLAGS: usize = 8;
    pub const HASH64_VALUES: usize = 9;
    pub const HASH_VALUES: usize = 10;
    pub const RELOCATION_INDEX: usize = 11;
    pub const AUX_INDEX: usize = 12;
    pub const DATA_INDEX: usize = 13;
    pub const RELOCATIONS: usize = 14;
    pub const AUX: usize = 15;
    pub const DATA: usize = 16;
    pub const REFERENCE_NAMES: usize = 17;
    pub const END: usize = 18;
}

mod object_flag {
    pub const SHARED: u32 = 1 << 0;
    pub const FROM_ASSEMBLY: u32 = 1 << 2;
    pub const UNLINKABLE: u32 = 1 << 3;
    pub const STANDARD_LIBRARY: u32 = 1 << 4;
}

/// What is wrong with an object, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{kind}")]
pub struct ObjectError {
    /// Bytes from the start of the object.
    pub offset: u64,
    /// What is wrong there.
    pub kind: ObjectErrorKind,
}

/// The ways in which an object can be malformed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ObjectErrorKind {
    /// It does not start with the magic.
    #[error("not a Go object of a supported format: its magic is not 'go120ld'")]
    BadMagic,
    /// It ends within its header.
    #[error("the Go object is truncated: it ends within its header")]
    TruncatedHeader,
    /// A block's offset lies before the one before it or past the end.
    #[error("the Go object is truncated or damaged: a block lies outside it")]
    BadBlock,
    /// The bytes of a block are no multiple of its records.
    #[error("the Go object is damaged: a block is no whole number of records")]
    BadBlockSize,
    /// An index of relocations, auxiliary symbols or data decreases or points past its block.
    #[error("the Go object is damaged: an index points outside its block")]
    BadIndex,
    /// A string lies outside the object.
    #[error("the Go object is damaged: a name lies outside it")]
    BadString,
    /// Strings overlap so much that they are several times as long as the object.
    #[error("the Go object is damaged: its names overlap, and are many times as long as all of it")]
    OverlappingStrings,
}

/// How many symbols each list has; in this order they are numbered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counts {
    /// Definitions of the package.
    pub package: u32,
    /// Content-addressed definitions of at most 8 bytes.
    pub hashed64: u32,
    /// Other content-addressed definitions.
    pub hashed: u32,
    /// Definitions with names of no package: other modules may define them too.
    pub non_package: u32,
    /// References by name.
    pub references: u32,
}

impl Counts {
    /// Definitions that only their contents tell apart.
    pub const fn content_addressed(&self) -> Range<u32> {
        self.package..self.definitions() - self.non_package
    }

    /// Definitions of every kind.
    pub const fn definitions(&self) -> u32 {
        self.package + self.hashed64 + self.hashed + self.non_package
    }

    /// Definitions and references.
    pub const fn all(&self) -> u32 {
        self.definitions() + self.references
    }
}

/// A Go object, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct Object<'data> {
    data: &'data [u8],
    flags: u32,
    blocks: [u32; BLOCKS],
    counts: Counts,
    tables: Tables<'data>,
}

/// The blocks that links read most, cut into records.
#[derive(Clone, Copy, Debug, Default)]
struct Tables<'data> {
    symbols: &'data [[u8; SYMBOL]],
    hashes: &'data [[u8; 16]],
    relocation_index: &'data [[u8; 4]],
    aux_index: &'data [[u8; 4]],
    data_index: &'data [[u8; 4]],
    relocations: &'data [[u8; RELOCATION]],
    aux: &'data [[u8; AUX]],
    contents: &'data [u8],
}

/// The hash that a content-addressed symbol is found by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ContentHash {
    /// The contents themselves, of at most 8 bytes.
    Short(u64),
    /// A cryptographic hash of contents and relocations.
    Long(u128),
}

impl ContentHash {
    /// The hash as two words, equal for equal contents only. The first one's bits are spread evenly.
    pub const fn spread(self) -> [u64; 2] {
        match self {
            // The contents are anything but evenly spread; the factor is odd, so that nothing is lost. A long hash with this
            // second word is as unlikely as any other collision of it.
            ContentHash::Short(hash) => [(hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15), SHORT],
            ContentHash::Long(hash) => [hash as u64, (hash >> 64) as u64],
        }
    }
}

impl std::fmt::Display for ContentHash {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ContentHash::Short(hash) => write!(out, "{hash:x}"),
            ContentHash::Long(hash) => write!(out, "{hash:x}"),
        }
    }
}

/// Stands for a short hash.
const SHORT: u64 = u64::MAX;

/// A package that an object imports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Import<'data> {
    /// Its path.
    pub package: &'data [u8],
    /// The fingerprint that it had when this object was compiled.
    pub fingerprint: Fingerprint,
}

impl<'data> Object<'data> {
    /// Reads the header and checks everything.
    #[cfg(test)]
    pub fn parse(data: &'data [u8]) -> Result<Self, ObjectError> {
        let object = Self::open(data)?;
        object.check()?;
        Ok(object)
    }

    /// Reads the header. Of what is said of symbols nothing is looked at, nor can be relied on before [`Object::check`].
    pub fn open(data: &'data [u8]) -> Result<Self, ObjectError> {
        let error = |offset: usize, kind| ObjectError { offset: offset as u64, kind };
        if !data.starts_with(MAGIC) {
            return Err(error(0, ObjectErrorKind::BadMagic));
        }
        if data.len() < HEADER {
            return Err(error(data.len(), ObjectErrorKind::TruncatedHeader));
        }
        let mut blocks = [0; BLOCKS];
        let mut before = HEADER as u32;
        for (index, slot) in blocks.iter_mut().enumerate() {
            let at = 20 + 4 * index;
            *slot = u32_at(data, at);
            if *slot < before || *slot as usize > data.len() {
                return Err(error(at, ObjectErrorKind::BadBlock));
            }
            before = *slot;
        }
        let (flags, tables) = (u32_at(data, 16), Tables::default());
        let mut object = Object { data, flags, blocks, counts: Counts::NONE, tables };
        object.counts = object.check_blocks()?;
        for (block, record) in [(block::AUTOLIB, STRING + 8), (block::PACKAGES, STRING), (block::FILES, STRING)] {
            object.check_strings(block, record)?;
        }
        object.tables = object.cut();
        Ok(object)
    }

    /// Checks every index and name.
    pub fn check(&self) -> Result<(), ObjectError> {
        self.check_indices()?;
        self.check_names()
    }

    fn block(&self, index: usize) -> &'data [u8] {
        let end = self.blocks.get(index + 1).copied().unwrap_or_default();
        self.data.get(self.blocks[index] as usize..end as usize).unwrap_or_default()
    }

    /// Blocks that lie one behind the other.
    fn blocks_of(&self, range: Range<usize>) -> &'data [u8] {
        self.data.get(self.blocks[range.start] as usize..self.blocks[range.end] as usize).unwrap_or_default()
    }

    fn cut(&self) -> Tables<'data> {
        Tables {
            symbols: self.blocks_of(block::DEFINITIONS..block::REFERENCE_FLAGS).as_chunks().0,
            hashes: self.block(block::HASH_VALUES).as_chunks().0,
            relocation_index: self.block(block::RELOCATION_INDEX).as_chunks().0,
            aux_index: self.block(block::AUX_INDEX).as_chunks().0,
            data_index: self.block(block::DATA_INDEX).as_chunks().0,
            relocations: self.block(block::RELOCATIONS).as_chunks().0,
            aux: self.block(block::AUX).as_chunks().0,
            contents: self.block(block::DATA),
        }
    }

    fn count(&self, index: usize, record: usize) -> Result<u32, ObjectError> {
        let bytes = self.block(index).len();
        match bytes % record {
            0 => Ok((bytes / record) as u32),
            _ => Err(ObjectError { offset: u64::from(self.blocks[index]), kind: ObjectErrorKind::BadBlockSize }),
        }
    }

    fn check_blocks(&self) -> Result<Counts, ObjectError> {
        let counts = Counts {
            package: self.count(block::DEFINITIONS, SYMBOL)?,
            hashed64: self.count(block::HASHED64, SYMBOL)?,
            hashed: self.count(block::HASHED, SYMBOL)?,
            non_package: self.count(block::NON_PACKAGE, SYMBOL)?,
            references: self.count(block::REFERENCES, SYMBOL)?,
        };
        self.count(block::AUTOLIB, STRING + 8)?;
        self.count(block::PACKAGES, STRING)?;
        self.count(block::FILES, STRING)?;
        self.count(block::REFERENCE_FLAGS, REFERENCE_FLAGS)?;
        self.count(block::REFERENCE_NAMES, 8 + STRING)?;
        let bad =
            |index: usize| ObjectError { offset: u64::from(self.blocks[index]), kind: ObjectErrorKind::BadBlockSize };
        for (index, want) in [(block::HASH64_VALUES, counts.hashed64), (block::HASH_VALUES, counts.hashed)] {
            let each = if index == block::HASH64_VALUES { 8 } else { 16 };
            if self.count(index, each)? != want {
                return Err(bad(index));
            }
        }
        Ok(counts)
    }

    /// Each index must hold one offset for each definition and one more, none smaller than the one before.
    fn check_indices(&self) -> Result<(), ObjectError> {
        let limits = [
            (block::RELOCATION_INDEX, self.count(block::RELOCATIONS, RELOCATION)?),
            (block::AUX_INDEX, self.count(block::AUX, AUX)?),
            (block::DATA_INDEX, self.block(block::DATA).len() as u32),
        ];
        for (index, limit) in limits {
            let error = |at: usize, kind| ObjectError { offset: u64::from(self.blocks[index]) + 4 * at as u64, kind };
            let (words, rest) = self.block(index).as_chunks::<4>();
            if !rest.is_empty() || words.len() as u64 != u64::from(self.counts.definitions()) + 1 {
                return Err(error(0, ObjectErrorKind::BadBlockSize));
            }
            // All are looked at, without a way out that would keep them from being compared several at a time.
            let pairs = || words.iter().zip(&words[1..]).map(|(a, b)| (u32::from_le_bytes(*a), u32::from_le_bytes(*b)));
            let decreases = pairs().fold(false, |decreases, (before, next)| decreases | (next < before));
            if decreases {
                let at = pairs().position(|(before, next)| next < before).map_or(0, |at| at + 1);
                return Err(error(at, ObjectErrorKind::BadIndex));
            }
            let last = words.len() - 1;
            if u32::from_le_bytes(words[last]) > limit {
                return Err(error(last, ObjectErrorKind::BadIndex));
            }
        }
        Ok(())
    }

    fn check_strings(&self, block: usize, record: usize) -> Result<(), ObjectError> {
        let error =
            |at: usize, kind| ObjectError { offset: u64::from(self.blocks[block]) + (at * record) as u64, kind };
        let mut total = 0;
        for (at, record) in self.block(block).chunks_exact(record).enumerate() {
            total += self.string(record).ok_or_else(|| error(at, ObjectErrorKind::BadString))?.len() as u64;
        }
        self.check_total(block, total)
    }

    /// One test for all names; only damaged objects are searched for the one that is at fault.
    fn check_names(&self) -> Result<(), ObjectError> {
        let (end, total) = self.symbols().fold((0, 0), |(end, total), symbol| {
            let (length, offset) = symbol.name();
            (u64::max(end, u64::from(length) + u64::from(offset)), total + u64::from(length))
        });
        if end <= self.data.len() as u64 {
            return self.check_total(block::DEFINITIONS, total);
        }
        let lists = [block::DEFINITIONS, block::HASHED64, block::HASHED, block::NON_PACKAGE, block::REFERENCES];
        lists.into_iter().try_for_each(|block| self.check_strings(block, SYMBOL))
    }

    /// Refuses strings that would keep a link busy for ages: work that goes through all of them is to take no longer than the object
    /// is large.
    fn check_total(&self, block: usize, total: u64) -> Result<(), ObjectError> {
        if total <= NAMES * self.data.len() as u64 {
            return Ok(());
        }
        Err(ObjectError { offset: u64::from(self.blocks[block]), kind: ObjectErrorKind::OverlappingStrings })
    }

    /// The string that a record starts with a reference to.
    fn string(&self, record: &[u8]) -> Option<&'data [u8]> {
        let (length, offset) = (u32_at(record, 0) as usize, u32_at(record, 4) as usize);
        self.data.get(offset..offset.checked_add(length)?)
    }

    /// How many symbols it has.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// The bytes that are read to match names and contents, and hardly ever again: the records of content-addressed definitions, and
    /// references with all hashes.
    pub fn matched(&self) -> [&'data [u8]; 2] {
        [
            self.blocks_of(block::HASHED64..block::NON_PACKAGE),
            self.blocks_of(block::REFERENCES..block::RELOCATION_INDEX),
        ]
    }

    /// The bytes that tell what symbols are, but not what they hold and refer to.
    pub fn records(&self) -> &'data [u8] {
        self.blocks_of(block::DEFINITIONS..block::RELOCATION_INDEX)
    }

    /// The bytes of names.
    pub fn names(&self) -> &'data [u8] {
        self.data.get(..self.blocks[block::AUTOLIB] as usize).unwrap_or_default()
    }

    /// The bytes that say which auxiliary symbols belong to which definition.
    pub fn auxiliary(&self) -> [&'data [u8]; 2] {
        [self.block(block::AUX_INDEX), self.block(block::AUX)]
    }

    /// The bytes of the relocations of definitions that follow each other.
    pub fn relocations_of(&self, definitions: Range<u32>) -> &'data [u8] {
        of_ranges(self.tables.relocations, self.tables.relocation_index, definitions).as_flattened()
    }

    /// The contents of definitions that follow each other.
    pub fn contents_of(&self, definitions: Range<u32>) -> &'data [u8] {
        of_ranges(self.tables.contents, self.tables.data_index, definitions)
    }

    /// Its fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        self.data.get(8..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default()
    }

    /// Whether it was compiled with `-shared`.
    pub const fn is_shared(&self) -> bool {
        self.flags & object_flag::SHARED != 0
    }

    /// Whether it comes from assembly.
    pub const fn is_from_assembly(&self) -> bool {
        self.flags & object_flag::FROM_ASSEMBLY != 0
    }

    /// Whether it was compiled without `-p` and cannot be linked.
    pub const fn is_unlinkable(&self) -> bool {
        self.flags & object_flag::UNLINKABLE != 0
    }

    /// Whether it belongs to the standard library.
    pub const fn is_standard_library(&self) -> bool {
        self.flags & object_flag::STANDARD_LIBRARY != 0
    }

    /// What it imports.
    pub fn imports(&self) -> impl Iterator<Item = Import<'data>> + use<'_, 'data> {
        self.block(block::AUTOLIB).chunks_exact(STRING + 8).map(|record| Import {
            package: self.string(record).unwrap_or_default(),
            fingerprint: record[STRING..].first_chunk().copied().unwrap_or_default(),
        })
    }

    /// The packages that its references name by index; the one at 0 stands for none.
    pub fn packages(&self) -> impl ExactSizeIterator<Item = &'data [u8]> + use<'_, 'data> {
        self.block(block::PACKAGES).chunks_exact(STRING).map(|record| self.string(record).unwrap_or_default())
    }

    /// The source files of its line tables.
    pub fn files(&self) -> impl ExactSizeIterator<Item = &'data [u8]> + use<'_, 'data> {
        self.block(block::FILES).chunks_exact(STRING).map(|record| self.string(record).unwrap_or_default())
    }

    /// One of the source files.
    pub fn file(&self, index: u32) -> Option<&'data [u8]> {
        let record = self.block(block::FILES).chunks_exact(STRING).nth(index as usize)?;
        self.string(record)
    }

    /// The symbols from the first definition to the last reference.
    pub fn symbols(&self) -> impl ExactSizeIterator<Item = SymbolRecord<'data>> + use<'data> {
        self.tables.symbols.iter().map(SymbolRecord)
    }

    /// The symbols of some positions.
    pub fn symbols_of(
        &self,
        range: Range<u32>,
    ) -> impl DoubleEndedIterator<Item = SymbolRecord<'data>> + ExactSizeIterator + use<'data> {
        let range = range.start as usize..range.end as usize;
        self.tables.symbols.get(range).unwrap_or_default().iter().map(SymbolRecord)
    }

    /// A symbol; `local` counts definitions and references as one list.
    #[inline]
    pub fn symbol(&self, local: u32) -> SymbolRecord<'data> {
        const NOTHING: &[u8; SYMBOL] = &[0; SYMBOL];
        SymbolRecord(self.tables.symbols.get(local as usize).unwrap_or(NOTHING))
    }

    /// A symbol's name; not necessarily UTF-8.
    #[inline]
    pub fn name(&self, symbol: SymbolRecord<'data>) -> &'data [u8] {
        let (length, offset) = symbol.name();
        self.data.get(offset as usize..(offset as usize).saturating_add(length as usize)).unwrap_or_default()
    }

    /// The position of the definition of this object that a reference means; none if it means no definition, or one elsewhere.
    #[inline]
    pub fn local(&self, reference: Reference) -> Option<u32> {
        let Counts { package, hashed64, hashed, non_package, .. } = self.counts;
        let (first, count) = match reference.package {
            package_index::SELF => (0, package),
            package_index::HASHED64 => (package, hashed64),
            package_index::HASHED => (package + hashed64, hashed),
            package_index::NONE => (package + hashed64 + hashed, non_package),
            _ => return None,
        };
        (reference.index < count).then(|| first + reference.index)
    }

    /// Flags that references set on the symbols of other packages: the second byte only.
    pub fn reference_flags(&self) -> impl Iterator<Item = (Reference, u8)> + use<'data> {
        let records = self.block(block::REFERENCE_FLAGS).as_chunks::<REFERENCE_FLAGS>().0;
        records.iter().map(|record| (Reference::read(record), record[9]))
    }

    /// The content hash of a short hashed symbol; `index` counts these only.
    pub fn hash64(&self, index: u32) -> u64 {
        let hashes = self.block(block::HASH64_VALUES).as_chunks::<8>().0;
        hashes.get(index as usize).map_or(0, |hash| u64::from_le_bytes(*hash))
    }

    /// The content hash of a hashed symbol; `index` counts these only.
    pub fn hash(&self, index: u32) -> u128 {
        self.tables.hashes.get(index as usize).map_or(0, |hash| u128::from_le_bytes(*hash))
    }

    /// What a symbol is found by if its contents stand for it.
    pub fn content_hash(&self, local: u32) -> Option<ContentHash> {
        let counts = &self.counts;
        let index = local.checked_sub(counts.package)?;
        if index < counts.hashed64 {
            return Some(ContentHash::Short(self.hash64(index)));
        }
        let index = index - counts.hashed64;
        (index < counts.hashed).then(|| ContentHash::Long(self.hash(index)))
    }

    /// What the content-addressed definitions are found by, in their order.
    pub fn content_hashes(&self) -> impl Iterator<Item = ContentHash> + Clone + use<'data> {
        let short = self.block(block::HASH64_VALUES).as_chunks::<8>().0.iter();
        let short = short.map(|hash| ContentHash::Short(u64::from_le_bytes(*hash)));
        short.chain(self.tables.hashes.iter().map(|hash| ContentHash::Long(u128::from_le_bytes(*hash))))
    }

    /// The relocations of a definition.
    #[inline]
    pub fn relocations(&self, local: u32) -> Relocations<'data> {
        Relocations(of_range(self.tables.relocations, self.tables.relocation_index, local).iter())
    }

    /// The auxiliary symbols of a definition.
    #[inline]
    pub fn aux(&self, local: u32) -> impl ExactSizeIterator<Item = AuxRecord<'data>> + Clone + use<'data> {
        of_range(self.tables.aux, self.tables.aux_index, local).iter().map(AuxRecord)
    }

    /// The contents of a definition, without trailing zeros.
    #[inline]
    pub fn data(&self, local: u32) -> &'data [u8] {
        of_range(self.tables.contents, self.tables.data_index, local)
    }

    /// Names of symbols that are referred to by index, for tools.
    pub fn reference_names(&self) -> impl Iterator<Item = (Reference, &'data [u8])> + use<'_, 'data> {
        let records = self.block(block::REFERENCE_NAMES).chunks_exact(8 + STRING);
        records.map(|record| (Reference::read(record), self.string(&record[8..]).unwrap_or_default()))
    }

    /// Bytes up to the end of the last block.
    pub const fn size(&self) -> u64 {
        self.blocks[block::END] as u64
    }
}

/// The relocations of a definition, in order.
#[derive(Clone, Debug)]
pub struct Relocations<'data>(std::slice::Iter<'data, [u8; RELOCATION]>);

impl<'data> Iterator for Relocations<'data> {
    type Item = RelocationRecord<'data>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(RelocationRecord)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Relocations<'_> {}

impl Default for Relocations<'_> {
    fn default() -> Self {
        Relocations([].iter())
    }
}

/// What an index says belongs to definitions that follow each other.
fn of_ranges<'data, T>(all: &'data [T], index: &[[u8; 4]], definitions: Range<u32>) -> &'data [T] {
    let at = |local: u32| index.get(local as usize).map_or(0, |at| u32::from_le_bytes(*at) as usize);
    all.get(at(definitions.start)..at(definitions.end)).unwrap_or_default()
}

/// What an index says belongs to a definition; nothing for a reference.
#[inline]
fn of_range<'data, T>(all: &'data [T], index: &[[u8; 4]], local: u32) -> &'data [T] {
    let local = local as usize;
    let Some([start, end]) = index.get(local..local + 2) else { return &[] };
    all.get(u32::from_le_bytes(*start) as usize..u32::from_le_bytes(*end) as usize).unwrap_or_default()
}

impl Counts {
    const NONE: Self = Counts { package: 0, hashed64: 0, hashed: 0, non_package: 0, references: 0 };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golang::fixture::{Definition, object, object_with_files};

    /// An object with strings that all are the whole object: of so many symbols, of so many files.
    fn overlapping(symbols: usize, files: usize) -> Vec<u8> {
        let named = Definition { name: "name", ..Definition::default() };
        let mut bytes = object_with_files(&vec!["file"; files], &vec![named; symbols]);
        let whole = [(bytes.len() as u32).to_le_bytes(), [0; 4]].concat();
        for (block, record, count) in [(block::FILES, STRING, files), (block::NON_PACKAGE, SYMBOL, symbols)] {
            let start = u32_at(&bytes, 20 + 4 * block) as usize;
            (0..count).for_each(|at| bytes[start + at * record..][..STRING].copy_from_slice(&whole));
        }
        bytes
    }

    #[test]
    fn stretches_are_those_of_definitions() {
        let definition = |name, data, relocations: usize| Definition {
            name,
            data,
            relocations: vec![(0, 4, 1, 0, 0); relocations],
            aux: vec![(1, 0)],
            ..Definition::default()
        };
        let bytes = object(&[definition("a", b"ab", 1), definition("b", b"", 0), definition("c", b"cde", 2)]);
        let object = Object::parse(&bytes).expect("an object");
        assert_eq!(
            [0..3, 1..3, 0..1, 1..1].map(|range| object.contents_of(range)),
            [&b"abcde"[..], b"cde", b"ab", b""]
        );
        assert_eq!([0..3, 1..3, 0..2].map(|range| object.relocations_of(range).len() / RELOCATION), [3, 2, 1]);
        assert_eq!(object.relocations_of(2..3)[RELOCATION..], object.relocations(2).0.as_slice()[1]);
        assert_eq!((object.contents_of(2..4), object.relocations_of(9..12)), (&b""[..], &b""[..]));
        let [index, records] = object.auxiliary();
        assert_eq!((index.len(), records.len()), (4 * 4, 3 * AUX));
        assert!(object.names().starts_with(MAGIC) && object.names().ends_with(b"c"));
        assert_eq!((object.records().len(), &object.records()[..SYMBOL]), (3 * SYMBOL, &object.symbol(0).0[..]));
    }

    #[test]
    fn names_may_overlap_but_not_without_end() {
        let problem = |bytes: &[u8]| Object::parse(bytes).err().map(|error| (error.kind, error.to_string()));
        let text = "the Go object is damaged: its names overlap, and are many times as long as all of it";
        let overlaps = Some((ObjectErrorKind::OverlappingStrings, text.to_owned()));
        assert_eq!(problem(&object(&vec![Definition { name: "name", ..Definition::default() }; 100])), None);
        assert_eq!(problem(&overlapping(4, 4)), None);
        assert_eq!(problem(&overlapping(5, 0)), overlaps);
        assert_eq!(problem(&overlapping(0, 5)), overlaps);
    }
}

//! Merging of SHF_MERGE sections: equal strings and equal constants of all inputs are written once.
//!
//! Sections are merged with those of the same output section, kind, entry size and alignment ([`groups`]). A merged table
//! ([`MergedTable`]) holds its distinct entries in the order in which the inputs first have them, whatever the number of
//! threads, so its size and content are known before addresses exist; references are then mapped with
//! [`MergedTables::lookup`], and the bytes filled in slices ([`MergedTable::fill`]).
//!
//! This is what a link with debug information spends its time on: the `.debug_str` of a Rust archive has tens of megabytes
//! and some hundred thousand strings, most of them repeated. So the inputs are cut into runs of about 256 KiB which
//! are split and hashed in parallel; the entries fall into shards by hash, and each shard finds its repetitions alone;
//! prefix sums over blocks of entries then give the offsets. What stays is 8 bytes for each string (its start, and where it
//! went), 4 for each constant, and 1/32 of the input's size so that a look-up takes three memory accesses.

mod entries;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use object::elf::{SHF_MERGE, SHF_STRINGS, SHF_WRITE};
use rayon::prelude::*;

use crate::diag::{Diagnostic, Diagnostics, Result};
use crate::ids::{AtomId, OutputSectionId};
use crate::inputs::atoms::Atom;
use entries::{BLOCK, Entries};

/// What sections must share to be merged.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct MergeKey {
    /// Where they go.
    pub section: OutputSectionId,
    /// Whether entries are strings that end with a zero unit, or constants.
    pub strings: bool,
    /// `sh_entsize`: bytes of a constant, or of a string's unit (1, 2 or 4).
    pub entry_size: u32,
    /// `sh_addralign`; every entry of the merged table keeps it.
    pub alignment: u32,
}

/// The sections of one key, in input order.
#[derive(Debug)]
pub struct MergeGroup<'data> {
    /// What they share.
    pub key: MergeKey,
    /// The sections and their bytes.
    pub members: Vec<(AtomId, &'data [u8])>,
}

/// Why a section with SHF_MERGE is laid out as it is, as GNU ld does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unmerged {
    /// It has no SHF_MERGE, or no bytes.
    NotAsked,
    /// Its bytes can change: writable, or relocated.
    NotConstant,
    /// `sh_entsize` is zero, too large, or not a width of characters.
    EntrySize,
    /// The size is no multiple of the entry size.
    Remainder,
    /// Its last string has no end.
    Unterminated,
    /// The alignment does not fit entries laid end to end.
    Alignment,
    /// It has 4 GiB or more.
    TooLarge,
}

/// The distinct entries of one group.
#[derive(Debug)]
pub struct MergedTable<'data> {
    /// What its sections share.
    pub key: MergeKey,
    /// Bytes.
    pub size: u64,
    entries: Entries<'data>,
    /// By entry: where it, or the equal one before it, lies in the table.
    offsets: Vec<AtomicU32>,
    /// By entry, one bit: whether it is the first of its equals, whose bytes are written.
    firsts: Vec<u64>,
    /// By block of entries: where the first of its bytes lie; one more for the end.
    block_offsets: Vec<u32>,
}

/// Every merged table, and which sections went where.
#[derive(Default, Debug)]
pub struct MergedTables<'data> {
    /// In the order of their groups.
    pub tables: Vec<MergedTable<'data>>,
    /// By [`AtomId`]: table and member; shorter than the atoms if the last ones are not merged.
    places: Vec<Option<(u32, u32)>>,
}

/// A position in a merged table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MergedPosition {
    /// Index in [`MergedTables::tables`].
    pub table: u32,
    /// Bytes from the table's start.
    pub offset: u32,
}

/// Whether a section is merged; the reason if not.
pub fn mergeable(atom: &Atom) -> std::result::Result<(), Unmerged> {
    let entry_size = atom.entry_size;
    let strings = atom.flags & u64::from(SHF_STRINGS) != 0;
    if atom.flags & u64::from(SHF_MERGE) == 0 || atom.data.is_empty() {
        return Err(Unmerged::NotAsked);
    }
    if atom.flags & u64::from(SHF_WRITE) != 0 || !atom.relocations.records().is_empty() {
        return Err(Unmerged::NotConstant);
    }
    if atom.data.len() >= u32::MAX as usize || atom.alignment > 1 << 16 {
        return Err(Unmerged::TooLarge);
    }
    let known_size = if strings { matches!(entry_size, 1 | 2 | 4) } else { (1..=1 << 16).contains(&entry_size) };
    if !known_size {
        return Err(Unmerged::EntrySize);
    }
    if !(atom.data.len() as u64).is_multiple_of(entry_size) {
        return Err(Unmerged::Remainder);
    }
    if strings && atom.data[atom.data.len() - entry_size as usize..].iter().any(|&byte| byte != 0) {
        return Err(Unmerged::Unterminated);
    }
    if !strings && !entry_size.is_multiple_of(atom.alignment.max(1)) {
        return Err(Unmerged::Alignment);
    }
    Ok(())
}

/// Groups the sections to merge: those of `atoms`, in input order, that are alive, go to the output section named with
/// them and are [`mergeable`]. The groups come in the order of their first members.
pub fn groups<'data, 'a>(
    atoms: impl Iterator<Item = (AtomId, &'a Atom<'data>, OutputSectionId)>,
) -> Vec<MergeGroup<'data>>
where
    'data: 'a,
{
    let mut by_key: HashMap<MergeKey, usize> = HashMap::new();
    let mut groups: Vec<MergeGroup<'data>> = Vec::new();
    for (id, atom, section) in atoms {
        if mergeable(atom).is_err() {
            continue;
        }
        let strings = atom.flags & u64::from(SHF_STRINGS) != 0;
        let alignment = atom.alignment.max(1) as u32;
        let key = MergeKey { section, strings, entry_size: atom.entry_size as u32, alignment };
        let group = *by_key.entry(key).or_insert_with(|| {
            groups.push(MergeGroup { key, members: Vec::new() });
            groups.len() - 1
        });
        groups[group].members.push((id, atom.data));
    }
    groups
}

/// Merges each group.
pub fn merge<'data>(groups: &[MergeGroup<'data>]) -> Result<MergedTables<'data>> {
    let results: Vec<Result<MergedTable>> = groups.par_iter().map(MergedTable::new).collect();
    let (mut tables, mut errors) = (Vec::with_capacity(groups.len()), Vec::new());
    for result in results {
        match result {
            Ok(table) => tables.push(table),
            Err(error) => errors.extend(error),
        }
    }
    let last = groups.iter().flat_map(|group| &group.members).map(|member| member.0.index() + 1).max();
    let mut places = vec![None; last.unwrap_or(0)];
    for (table, group) in groups.iter().enumerate() {
        for (member, (atom, _)) in group.members.iter().enumerate() {
            places[atom.index()] = Some((table as u32, member as u32));
        }
    }
    Diagnostics::check(MergedTables { tables, places }, errors)
}

impl MergedTables<'_> {
    /// Whether a section's bytes are in a merged table, and so not in the output as they are.
    pub fn is_merged(&self, atom: AtomId) -> bool {
        self.places.get(atom.index()).is_some_and(Option::is_some)
    }

    /// Where a position in a section went; a position within an entry keeps its distance from the entry's start. `None`
    /// if the section is not merged or the position lies past its end.
    ///
    /// A reference is a position, not an entry: with a section symbol the addend belongs to `offset`; with any other
    /// symbol the symbol's value alone is looked up, and the addend added to the result.
    #[inline]
    pub fn lookup(&self, atom: AtomId, offset: u64) -> Option<MergedPosition> {
        let (table, member) = (*self.places.get(atom.index())?)?;
        let offset = self.tables[table as usize].offset_of(member as usize, offset)?;
        Some(MergedPosition { table, offset })
    }
}

impl<'data> MergedTable<'data> {
    /// Finds the distinct entries of a group, each of whose sections is [`mergeable`].
    fn new(group: &MergeGroup<'data>) -> Result<MergedTable<'data>> {
        let too_large = || {
            let message = "sections with more than 4 GiB of strings or constants cannot be merged";
            Diagnostics::from(Diagnostic::error("output-too-large", message))
        };
        let (entries, hashes) = Entries::new(group).ok_or_else(too_large)?;
        let offsets = entries.find_firsts(hashes);
        let firsts = (0..entries.count.div_ceil(64)).into_par_iter().with_min_len(BLOCK / 64);
        let word = |word: usize| {
            let range = word * 64..entries.count.min(word * 64 + 64);
            range.fold(0, |bits, entry| {
                let first = offsets[entry].load(Relaxed) as usize == entry;
                bits | u64::from(first) << (entry % 64)
            })
        };
        let firsts: Vec<u64> = firsts.map(word).collect();
        let mut table = MergedTable { key: group.key, size: 0, entries, offsets, firsts, block_offsets: Vec::new() };
        table.place().ok_or_else(too_large)?;
        Ok(table)
    }

    /// Turns "which entry is the first of its equals" into offsets.
    fn place(&mut self) -> Option<()> {
        let blocks = 0..self.entries.count.div_ceil(BLOCK);
        let sizes: Vec<u64> = blocks
            .clone()
            .into_par_iter()
            .map(|block| {
                let mut size = 0;
                self.for_firsts(block, |_, bytes| size += self.padded(bytes.len()));
                size
            })
            .collect();
        let mut end = 0u64;
        for size in sizes {
            self.block_offsets.push(u32::try_from(end).ok()?);
            end += size;
        }
        self.block_offsets.push(u32::try_from(end).ok()?);
        self.size = end;
        blocks.clone().into_par_iter().for_each(|block| {
            let mut offset = u64::from(self.block_offsets[block]);
            self.for_firsts(block, |entry, bytes| {
                self.offsets[entry].store(offset as u32, Relaxed);
                offset += self.padded(bytes.len());
            });
        });
        blocks.into_par_iter().for_each(|block| {
            for entry in self.entries.block(block) {
                if !self.is_first(entry) {
                    let first = self.offsets[entry].load(Relaxed) as usize;
                    self.offsets[entry].store(self.offsets[first].load(Relaxed), Relaxed);
                }
            }
        });
        Some(())
    }

    fn padded(&self, size: usize) -> u64 {
        (size as u64).next_multiple_of(u64::from(self.key.alignment))
    }

    fn is_first(&self, entry: usize) -> bool {
        self.firsts[entry / 64] >> (entry % 64) & 1 != 0
    }

    /// The entries of a block that are written, in order.
    fn for_firsts(&self, block: usize, mut visit: impl FnMut(usize, &'data [u8])) {
        let range = self.entries.block(block);
        let mut run = self.entries.run_of(range.start);
        for entry in range {
            if self.is_first(entry) {
                visit(entry, self.entries.bytes(entry, &mut run));
            }
        }
    }

    /// The parts of the table that [`MergedTable::fill`] writes: their bytes, without gaps.
    pub fn chunks(&self) -> impl Iterator<Item = (usize, Range<usize>)> + '_ {
        let ranges = self.block_offsets.windows(2).map(|bounds| bounds[0] as usize..bounds[1] as usize);
        ranges.enumerate()
    }

    /// Writes part `chunk` of [`MergedTable::chunks`].
    ///
    /// # Panics
    /// If `out` has not the size of that part.
    pub fn fill(&self, chunk: usize, out: &mut [u8]) {
        let size = self.block_offsets[chunk + 1] - self.block_offsets[chunk];
        assert_eq!(out.len(), size as usize, "a part of a merged table has the wrong size");
        let mut at = 0;
        self.for_firsts(chunk, |_, bytes| {
            let end = at + self.padded(bytes.len()) as usize;
            out[at..at + bytes.len()].copy_from_slice(bytes);
            out[at + bytes.len()..end].fill(0);
            at = end;
        });
    }

    #[inline]
    fn offset_of(&self, member: usize, offset: u64) -> Option<u32> {
        let (entry, start) = self.entries.find(member, offset)?;
        Some(self.offsets[entry].load(Relaxed) + (offset as u32 - start))
    }
}

#[cfg(test)]
mod tests {
    use object::elf::SHT_PROGBITS;

    use super::entries::RUN_SIZE;
    use super::*;
    use crate::ids::FileId;
    use crate::inputs::atoms::Relocations;

    fn atom(data: &[u8], flags: u32, entry_size: u64, alignment: u64) -> Atom<'_> {
        Atom {
            file: FileId(1),
            name: b".rodata.str",
            data,
            size: data.len() as u64,
            alignment,
            flags: u64::from(flags | SHF_MERGE),
            kind: SHT_PROGBITS,
            entry_size,
            relocations: Relocations::None,
        }
    }

    fn merge_all<'data>(atoms: &[Atom<'data>]) -> MergedTables<'data> {
        let ids = atoms.iter().enumerate().map(|(index, atom)| (AtomId::new(index), atom, OutputSectionId(0)));
        merge(&groups(ids)).unwrap()
    }

    fn filled(table: &MergedTable) -> Vec<u8> {
        let mut out = vec![0xcc; table.size as usize];
        let mut end = 0;
        for (chunk, range) in table.chunks() {
            assert_eq!(range.start, end);
            end = range.end;
            table.fill(chunk, &mut out[range]);
        }
        assert_eq!(end as u64, table.size);
        out
    }

    #[test]
    fn equal_strings_are_written_once_in_order_of_appearance() {
        let atoms = [atom(b"one\0two\0", SHF_STRINGS, 1, 1), atom(b"two\0three\0one\0", SHF_STRINGS, 1, 1)];
        let merged = merge_all(&atoms);
        assert_eq!(filled(&merged.tables[0]), b"one\0two\0three\0");
        let at = |atom, offset| merged.lookup(AtomId(atom), offset).map(|position| position.offset);
        assert_eq!([at(0, 0), at(0, 4), at(1, 0), at(1, 4), at(1, 10)], [0, 4, 4, 8, 0].map(Some));
        assert_eq!(at(1, 6), Some(10), "a position within a string keeps its distance");
        assert_eq!(at(1, 14), Some(4), "the end is that of the last string");
        assert_eq!((at(1, 15), at(2, 0)), (None, None));
        assert!(merged.is_merged(AtomId(1)) && !merged.is_merged(AtomId(2)));
    }

    #[test]
    fn constants_and_wide_strings_merge_by_their_units() {
        let wide = b"a\0\0\0\0\0\0\0b\0\0\0\0\0\0\0a\0\0\0\0\0\0\0";
        let atoms = [
            atom(b"aaaabbbbaaaa", 0, 4, 4),
            atom(wide, SHF_STRINGS, 4, 4),
            atom(b"bbbbcccc", 0, 4, 4),
            atom(b"bbbb", 0, 2, 2),
        ];
        let merged = merge_all(&atoms);
        let contents: Vec<_> = merged.tables.iter().map(filled).collect();
        assert_eq!(contents, [b"aaaabbbbcccc".to_vec(), wide[..16].to_vec(), b"bb".to_vec()]);
        let at = |atom, offset| merged.lookup(AtomId(atom), offset).map(|position| (position.table, position.offset));
        assert_eq!(
            [at(0, 9), at(2, 0), at(1, 16), at(1, 20)],
            [Some((0, 1)), Some((0, 4)), Some((1, 0)), Some((1, 4))]
        );
    }

    #[test]
    fn each_string_keeps_the_sections_alignment() {
        let atoms = [atom(b"long one\0\0\0\0\0\0\0\0two\0", SHF_STRINGS, 1, 8), atom(b"two\0", SHF_STRINGS, 1, 8)];
        let merged = merge_all(&atoms);
        assert_eq!(filled(&merged.tables[0]), b"long one\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0two\0\0\0\0\0");
        let position = merged.lookup(AtomId(1), 1).unwrap();
        assert_eq!(position.offset, 25);
        assert_eq!(merged.lookup(AtomId(0), 16).unwrap().offset, 24);
    }

    #[test]
    fn says_why_a_section_stays_as_it_is() {
        let of =
            |data: &'static [u8], flags, entry_size, alignment| mergeable(&atom(data, flags, entry_size, alignment));
        assert_eq!(of(b"x\0", SHF_STRINGS, 1, 1), Ok(()));
        assert_eq!(of(b"x\0", SHF_STRINGS | SHF_WRITE, 1, 1), Err(Unmerged::NotConstant));
        assert_eq!(of(b"x\0y", SHF_STRINGS, 1, 1), Err(Unmerged::Unterminated));
        assert_eq!(of(b"x\0y", SHF_STRINGS, 2, 2), Err(Unmerged::Remainder));
        assert_eq!(of(b"xxx\0", SHF_STRINGS, 0, 1), Err(Unmerged::EntrySize));
        assert_eq!(of(b"xxx\0", SHF_STRINGS, 8, 1), Err(Unmerged::EntrySize));
        assert_eq!(of(b"xxxx", 0, 4, 8), Err(Unmerged::Alignment));
        assert_eq!(of(b"", 0, 4, 4), Err(Unmerged::NotAsked));
        let relocations = [object::elf::Rela64 {
            r_offset: object::U64::new(object::LittleEndian, 0),
            r_info: object::U64::new(object::LittleEndian, 0),
            r_addend: object::I64::new(object::LittleEndian, 0),
        }];
        let relocated = Atom { relocations: Relocations::Rela(&relocations), ..atom(b"xxxx", 0, 4, 4) };
        assert_eq!(mergeable(&relocated), Err(Unmerged::NotConstant));
    }

    /// A repeatable sequence of numbers.
    fn random(seed: u64) -> impl FnMut(usize) -> usize {
        let mut state = seed;
        move |below| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        }
    }

    /// Sections of many strings, short, long and longer than a run.
    fn large_sections() -> Vec<Vec<u8>> {
        let mut random = random(7);
        let mut section = |strings: usize| {
            let mut data = Vec::new();
            for _ in 0..strings {
                let size = if random(2000) == 0 { random(2 * RUN_SIZE) } else { random(40) };
                let word = random(60_000).to_string();
                let repeated = word.as_bytes().iter().cycle().take(size.max(word.len()));
                data.extend(repeated);
                data.push(0);
                if random(50) == 0 {
                    data.extend([0; 200]);
                }
            }
            data
        };
        [1, 20_000, 3, 0, 16_000, 2].map(&mut section).into()
    }

    #[test]
    fn agrees_with_a_plain_map_whatever_the_number_of_threads() {
        let sections = large_sections();
        let atoms: Vec<_> = sections.iter().map(|data| atom(data, SHF_STRINGS, 1, 1)).collect();
        let mut known: HashMap<&[u8], u32> = HashMap::new();
        let mut expected: Vec<u8> = Vec::new();
        for string in sections.iter().flat_map(|data| data.split_inclusive(|&byte| byte == 0)) {
            known.entry(string).or_insert_with(|| {
                expected.extend(string);
                (expected.len() - string.len()) as u32
            });
        }
        for threads in [1, 2, 8] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let merged = pool.install(|| merge_all(&atoms));
            assert!(merged.tables[0].entries.count > 4 * BLOCK && merged.tables[0].entries.runs.len() > 8);
            assert!(filled(&merged.tables[0]) == expected, "{threads} threads");
            for (index, data) in sections.iter().enumerate() {
                let mut start = 0;
                for string in data.split_inclusive(|&byte| byte == 0) {
                    for delta in [0, string.len() / 2, string.len() - 1] {
                        let found = merged.lookup(AtomId::new(index), (start + delta) as u64).unwrap();
                        assert_eq!(found.offset, known[string] + delta as u32);
                    }
                    start += string.len();
                }
            }
        }
    }

    #[test]
    fn mutated_sections_never_panic() {
        let mut random = random(11);
        let mut merged_count = 0;
        for _ in 0..6000 {
            let data: Vec<u8> = (0..random(300)).map(|_| random(3) as u8).collect();
            let flags = [SHF_STRINGS, 0, SHF_STRINGS | SHF_WRITE][random(3)];
            let entry_size = [0, 1, 2, 3, 4, 8, 1 << 40][random(7)];
            let alignment = [0, 1, 2, 4, 8, 1 << 33][random(6)];
            let merged =
                merge_all(&[atom(&data, flags, entry_size, alignment), atom(&data, flags, entry_size, alignment)]);
            let Some(table) = merged.tables.first() else { continue };
            merged_count += 1;
            let bytes = filled(table);
            for offset in 0..=data.len() as u64 {
                let [first, second] = [0, 1].map(|atom| merged.lookup(AtomId(atom), offset).unwrap().offset as usize);
                assert_eq!(first, second);
                if let Some(byte) = data.get(offset as usize) {
                    assert_eq!(bytes[first], *byte);
                }
            }
        }
        assert!(merged_count > 300, "{merged_count}");
    }
}

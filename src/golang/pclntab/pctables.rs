//! Tables of program counters: those that hold the same are laid out once, where a function has the first of them.
//!
//! They are content-addressed and have no names, so nobody but the function that has one refers to it, and they are no symbols
//! ([`Unnamed`](super::super::resolve::Unnamed)). Only those of functions that are part of the program are matched. Their contents are
//! hashed, as these will be needed, which the hashes that objects have will not: so few bytes are far from each other in memory.
//! Each chunk lists what its tables hold, each shard of hashes walks the lists of all chunks, and what comes first is the first.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use rayon::prelude::*;

use super::super::ahead;
use super::super::symbols::names::{Hash, Named, SHARDS, SHARDS_AT_ONCE, Sorted, by_shard};
use super::functions::Chunk;
use crate::diag::Diagnostic;
use crate::inputs::goobj::Object;

/// A table of a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct PcTable {
    /// The position of its definition in the function's object.
    local: u32,
    /// The number of the first table that holds the same, among those of all chunks; until that is known, the position of the first
    /// one in its chunk.
    first: u32,
}

impl PcTable {
    /// No table.
    pub const NONE: Self = PcTable { local: u32::MAX, first: u32::MAX };

    /// The position of its definition in the function's object, if there is one.
    pub fn position(self) -> Option<u32> {
        (self.local != u32::MAX).then_some(self.local)
    }

    /// The number of the first table that holds the same, if there is one.
    #[inline]
    pub fn first(self) -> Option<u32> {
        (self.first != u32::MAX).then_some(self.first)
    }
}

/// What the tables of a chunk hold: the position in [`Chunk::tables`] of the first to hold it, by hash, dealt out to shards.
pub(super) type Contents = Sorted<Named<u32>>;

/// The tables of a chunk, listed.
pub(super) struct Listed<'data> {
    tables: Vec<PcTable>,
    /// What they hold.
    data: Vec<&'data [u8]>,
}

impl<'data> Listed<'data> {
    /// No tables, with room for so many.
    pub fn with_capacity(count: usize) -> Self {
        Listed { tables: Vec::with_capacity(count), data: Vec::with_capacity(count) }
    }

    /// Adds no table.
    pub fn push_none(&mut self) {
        self.tables.push(PcTable::NONE);
        self.data.push(&[]);
    }

    /// Adds the table of a definition of an object.
    pub fn push(&mut self, object: &Object<'data>, local: u32) {
        self.tables.push(PcTable { local, first: u32::MAX });
        self.data.push(object.data(local));
    }

    /// The tables, and what they hold.
    pub fn finish(self) -> (Vec<PcTable>, Contents) {
        let Listed { mut tables, data } = self;
        tables.shrink_to_fit();
        let mut known = HashTable::with_capacity(tables.len() / 2);
        let batches = tables.chunks_mut(ahead::BATCH).zip(data.chunks(ahead::BATCH));
        for (start, (tables, data)) in (0..).step_by(ahead::BATCH).zip(batches) {
            ahead::look_at_bytes(data.iter().copied());
            let some = (start..).zip(tables).zip(data).filter(|((_, table), _)| **table != PcTable::NONE);
            for ((position, table), data) in some {
                table.first = find_or_insert(&mut known, Named { hash: Hash::of_bytes(data), what: position });
            }
        }
        let shards = known.iter().map(|named| named.hash.shard());
        let contents = known.iter().map(|named| (named.hash.shard(), *named));
        (tables, Sorted::new(SHARDS, shards, contents))
    }
}

/// What was the first of a hash: this, if there was none.
fn find_or_insert(known: &mut HashTable<Named<u32>>, new: Named<u32>) -> u32 {
    match known.entry(new.hash.key(), |known| known.hash == new.hash, |known| known.hash.key()) {
        Entry::Occupied(known) => known.get().what,
        Entry::Vacant(place) => place.insert(new).get().what,
    }
}

/// Numbers the tables of all chunks, and finds for each one the first that holds the same.
pub(super) fn find_firsts(chunks: &mut [Chunk], mut contents: Vec<Contents>) -> Result<(), Diagnostic> {
    let starts = starts(chunks.iter().map(|chunk| chunk.tables.len()))?;
    chunks.iter_mut().zip(&starts).for_each(|(chunk, start)| chunk.first_table = *start);
    let shards = by_shard(contents.iter_mut()).into_par_iter().with_min_len(SHARDS_AT_ONCE);
    shards.for_each_init(HashTable::new, |known, lists| settle(&starts, known, lists));
    chunks.par_iter_mut().zip(contents).for_each(|(chunk, contents)| {
        let mut firsts = vec![u32::MAX; chunk.tables.len()];
        contents.iter().for_each(|named| firsts[named.what as usize] = named.settled());
        let tables = chunk.tables.iter_mut().filter(|table| **table != PcTable::NONE);
        tables.for_each(|table| table.first = firsts[table.first as usize]);
    });
    Ok(())
}

/// The numbers of the first of so many tables each, which follow each other.
fn starts(counts: impl Iterator<Item = usize>) -> Result<Vec<u32>, Diagnostic> {
    let mut end = 0u32;
    let start = |count: usize| {
        let next = u32::try_from(count).ok().and_then(|count| end.checked_add(count));
        // The largest number stands for none.
        let next = next.filter(|next| *next < u32::MAX).ok_or_else(too_many)?;
        Ok(std::mem::replace(&mut end, next))
    };
    counts.map(start).collect()
}

/// Puts the number of the first table with the same contents in the place of each hash of a shard. Room for `known` is used for one
/// shard after the other.
fn settle(starts: &[u32], known: &mut HashTable<Named<u32>>, lists: Vec<&mut [Named<u32>]>) {
    known.clear();
    let count: usize = lists.iter().map(|list| list.len()).sum();
    known.reserve(count / 2, |known| known.hash.key());
    for (start, named) in
        starts.iter().zip(lists).flat_map(|(start, list)| list.iter_mut().map(move |named| (start, named)))
    {
        let first = find_or_insert(known, Named { hash: named.hash, what: start + named.what });
        named.settle(first);
    }
}

fn too_many() -> Diagnostic {
    let message = "the functions of the program have more tables of program counters than can be counted with 32 bits";
    Diagnostic::error("table-too-large", message).help("link less code, or rebuild its packages if one is damaged")
}

#[cfg(test)]
mod tests {
    use super::starts;

    #[test]
    fn numbers_follow_each_other_as_far_as_they_go() {
        let most = u32::MAX as usize;
        assert_eq!(starts([3, 0, 4].into_iter()).expect("few"), [0, 3, 3]);
        assert_eq!(starts([most - 1].into_iter()).expect("just as many"), [0]);
        for counts in [[most - 1, 1], [most, 0], [1, usize::MAX]] {
            let error = starts(counts.into_iter()).expect_err("too many");
            let text =
                "the functions of the program have more tables of program counters than can be counted with 32 bits";
            assert_eq!((error.code, &error.message[..]), ("table-too-large", text));
        }
    }
}

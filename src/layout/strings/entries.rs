//! The sections of a merge group cut into entries (strings or constants), hashed, and matched with their equals.
//!
//! Entries are numbered in input order. Runs of one member are split in parallel, each into its own part of the columns;
//! blocks of entries sort theirs by shard; shards find repetitions independently of each other.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use hashbrown::HashTable;
use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::{MergeGroup, MergeKey};

/// The sections of a group, cut into entries.
#[derive(Debug)]
pub(super) struct Entries<'data> {
    key: MergeKey,
    members: Vec<Member<'data>>,
    /// In input order, with one more at the end that has no entries.
    pub(super) runs: Vec<Run>,
    /// By entry of a string table: where it starts in its member. Empty for constants, which divide evenly.
    starts: Vec<u32>,
    /// For strings, by [`HINT_SIZE`] bytes of each member: the entry that covers the first of them.
    hints: Vec<u32>,
    /// How many entries there are.
    pub(super) count: usize,
}

#[derive(Debug)]
struct Member<'data> {
    data: &'data [u8],
    first_entry: u32,
    first_hint: u32,
}

/// Consecutive entries of one member: what one task splits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    member: u32,
    start: u32,
    end: u32,
    first_entry: u32,
}

/// Bytes that one task splits and hashes; an entry is never split, so a run may be longer.
pub(super) const RUN_SIZE: usize = 256 << 10;
/// Entries that one task places and writes; a multiple of 64, so that tasks share no word of a bit set.
pub(super) const BLOCK: usize = 8 << 10;
/// Bytes for which one hint says where the search for an entry starts.
const HINT_SIZE: usize = 128;
/// Tables that find repetitions independently, for groups worth it. The result does not depend on the number.
const SHARDS: usize = 32;

impl<'data> Entries<'data> {
    /// Cuts the sections into entries, and hashes each. `None` if there are too many.
    pub(super) fn new(group: &MergeGroup<'data>) -> Option<(Entries<'data>, Vec<u64>)> {
        let key = group.key;
        let mut runs: Vec<Run> = (group.members.par_iter().enumerate())
            .flat_map_iter(|(member, (_, data))| cut_runs(key, member as u32, data))
            .collect();
        let counts: Vec<usize> = runs
            .par_iter()
            .with_min_len(16)
            .map(|run| count_entries(key, &group.members[run.member as usize].1[run.start as usize..run.end as usize]))
            .collect();
        let mut count = 0;
        for (run, own) in runs.iter_mut().zip(&counts) {
            run.first_entry = count as u32;
            count += own;
            u32::try_from(count).ok()?;
        }
        let mut hint_count = 0;
        let mut members: Vec<Member> = Vec::with_capacity(group.members.len());
        for (_, data) in &group.members {
            members.push(Member { data, first_entry: 0, first_hint: hint_count as u32 });
            hint_count += if key.strings { data.len().div_ceil(HINT_SIZE) } else { 0 };
            u32::try_from(hint_count).ok()?;
        }
        for run in runs.iter().rev() {
            members[run.member as usize].first_entry = run.first_entry;
        }
        runs.push(Run { member: 0, start: 0, end: 0, first_entry: count as u32 });
        let starts = vec![0; if key.strings { count } else { 0 }];
        let mut entries = Entries { key, members, runs, starts, hints: vec![0; hint_count], count };
        let mut hashes = vec![0; count];
        if key.strings {
            entries.split_strings(&mut hashes);
        } else {
            let size = key.entry_size as usize;
            let mut jobs = Vec::with_capacity(entries.runs.len());
            let mut rest = hashes.as_mut_slice();
            for (run, own) in entries.runs.iter().zip(&counts) {
                let (part, after) = rest.split_at_mut(*own);
                jobs.push((run, part));
                rest = after;
            }
            jobs.into_par_iter().with_min_len(16).for_each(|(run, part)| {
                let bytes = &entries.members[run.member as usize].data[run.start as usize..run.end as usize];
                for (hash, entry) in part.iter_mut().zip(bytes.chunks_exact(size)) {
                    *hash = xxh3_64(entry);
                }
            });
        }
        Some((entries, hashes))
    }

    /// Finds the starts of the strings, their hashes, and the hints; each run writes its own part of every column.
    fn split_strings(&mut self, hashes: &mut [u64]) {
        let mut jobs = Vec::with_capacity(self.runs.len());
        let (mut starts, mut hashes, mut hints) = (self.starts.as_mut_slice(), hashes, self.hints.as_mut_slice());
        for pair in self.runs.windows(2) {
            let run = pair[0];
            let count = (pair[1].first_entry - run.first_entry) as usize;
            let hint_count = (run.end as usize).div_ceil(HINT_SIZE) - (run.start as usize).div_ceil(HINT_SIZE);
            let (own_starts, own_hashes, own_hints);
            (own_starts, starts) = starts.split_at_mut(count);
            (own_hashes, hashes) = hashes.split_at_mut(count);
            (own_hints, hints) = hints.split_at_mut(hint_count);
            jobs.push((run, own_starts, own_hashes, own_hints));
        }
        let (members, unit) = (&self.members, self.key.entry_size as usize);
        jobs.into_par_iter().with_min_len(16).for_each(|(run, starts, hashes, hints)| {
            let data = members[run.member as usize].data;
            let mut start = run.start as usize;
            let mut next_hint = start.div_ceil(HINT_SIZE) * HINT_SIZE;
            let mut hints = hints.iter_mut();
            for (index, (start_place, hash)) in starts.iter_mut().zip(hashes).enumerate() {
                let end = start + string_size(&data[start..run.end as usize], unit);
                *start_place = start as u32;
                *hash = xxh3_64(&data[start..end]);
                while next_hint < end {
                    if let Some(hint) = hints.next() {
                        *hint = run.first_entry + index as u32;
                    }
                    next_hint += HINT_SIZE;
                }
                start = end;
            }
        });
    }

    /// By entry: the first entry that is equal to it, which may be itself.
    ///
    /// Reading the bytes of an entry and of its equal far before it costs two cache misses, one after the other if a hash
    /// table's probe waits for them. So entries are matched by their hashes first, and all matches verified afterwards in
    /// input order. A false match has probability 2^-64 for each pair unless somebody made it; then the work is done
    /// again with the bytes compared at once.
    pub(super) fn find_firsts(&self, hashes: Vec<u64>) -> Vec<AtomicU32> {
        let sharded = self.shard(&hashes);
        drop(hashes);
        let firsts = self.match_entries(&sharded, |_, _| true);
        if self.are_equal(&firsts) {
            return firsts;
        }
        self.match_entries(&sharded, |one, other| {
            self.bytes_in(one, self.run_of(one)) == self.bytes_in(other, self.run_of(other))
        })
    }

    /// Sorts the entries of each block by shard.
    fn shard(&self, hashes: &[u64]) -> Sharded {
        let shards = if self.count < 2 * BLOCK { 1 } else { SHARDS };
        let shard_of = |hash: u64| (hash >> 32) as usize % shards;
        let (mut entries, mut sorted) = (vec![0u32; self.count], vec![0u64; self.count]);
        let blocks = entries.par_chunks_mut(BLOCK).zip(sorted.par_chunks_mut(BLOCK)).enumerate();
        let sort = |(block, (entries, sorted)): (usize, (&mut [u32], &mut [u64]))| {
            let range = self.block(block);
            let mut bounds = [0; SHARDS + 1];
            for &hash in &hashes[range.clone()] {
                bounds[shard_of(hash) + 1] += 1;
            }
            for shard in 0..SHARDS {
                bounds[shard + 1] += bounds[shard];
            }
            let mut next = bounds;
            for entry in range {
                let place = &mut next[shard_of(hashes[entry])];
                entries[*place as usize] = entry as u32;
                sorted[*place as usize] = hashes[entry];
                *place += 1;
            }
            bounds
        };
        let bounds = blocks.map(sort).collect();
        Sharded { shards, entries, hashes: sorted, bounds }
    }

    /// By entry: the first one with the same hash that is `equal` to it.
    fn match_entries(&self, sharded: &Sharded, equal: impl Fn(usize, usize) -> bool + Sync) -> Vec<AtomicU32> {
        let firsts: Vec<AtomicU32> = (0..self.count).into_par_iter().map(|_| AtomicU32::new(0)).collect();
        (0..sharded.shards).into_par_iter().for_each(|shard| {
            let mut known: HashTable<(u64, u32)> = HashTable::with_capacity(self.count / sharded.shards / 4);
            for (block, bounds) in sharded.bounds.iter().enumerate() {
                let range = block * BLOCK + bounds[shard] as usize..block * BLOCK + bounds[shard + 1] as usize;
                for (&entry, &hash) in sharded.entries[range.clone()].iter().zip(&sharded.hashes[range]) {
                    let same = |one: &(u64, u32)| one.0 == hash && equal(one.1 as usize, entry as usize);
                    let first = known.entry(hash, same, |one| one.0).or_insert((hash, entry)).get().1;
                    firsts[entry as usize].store(first, Relaxed);
                }
            }
        });
        firsts
    }

    /// Whether every entry is equal to the one it was matched with.
    fn are_equal(&self, firsts: &[AtomicU32]) -> bool {
        (0..self.count.div_ceil(BLOCK)).into_par_iter().all(|block| {
            let range = self.block(block);
            let mut run = self.run_of(range.start);
            range.into_iter().all(|entry| {
                let first = firsts[entry].load(Relaxed) as usize;
                first == entry || self.bytes(entry, &mut run) == self.bytes_in(first, self.run_of(first))
            })
        })
    }

    pub(super) fn block(&self, block: usize) -> Range<usize> {
        block * BLOCK..self.count.min((block + 1) * BLOCK)
    }

    /// The run that an entry belongs to.
    pub(super) fn run_of(&self, entry: usize) -> usize {
        self.runs.partition_point(|run| run.first_entry as usize <= entry).saturating_sub(1)
    }

    /// The bytes of an entry in `run` or after, which is moved on to the entry's.
    pub(super) fn bytes(&self, entry: usize, run: &mut usize) -> &'data [u8] {
        while self.runs[*run + 1].first_entry as usize <= entry {
            *run += 1;
        }
        self.bytes_in(entry, *run)
    }

    #[inline]
    fn bytes_in(&self, entry: usize, run: usize) -> &'data [u8] {
        let (own, next) = (&self.runs[run], &self.runs[run + 1]);
        let data = self.members[own.member as usize].data;
        if !self.key.strings {
            let size = self.key.entry_size as usize;
            let start = own.start as usize + (entry - own.first_entry as usize) * size;
            return &data[start..start + size];
        }
        let is_last = entry + 1 == next.first_entry as usize;
        let end = if is_last { own.end } else { self.starts[entry + 1] };
        &data[self.starts[entry] as usize..end as usize]
    }

    /// The entry that covers a position of a member (the last one, for its end), and where it starts.
    #[inline]
    pub(super) fn find(&self, member: usize, offset: u64) -> Option<(usize, u32)> {
        let own = &self.members[member];
        if offset > own.data.len() as u64 {
            return None;
        }
        let inside = (offset as usize).min(own.data.len() - 1);
        if !self.key.strings {
            let entry = inside / self.key.entry_size as usize;
            return Some((own.first_entry as usize + entry, entry as u32 * self.key.entry_size));
        }
        let mut entry = self.hints[own.first_hint as usize + inside / HINT_SIZE] as usize;
        let end = self.members.get(member + 1).map_or(self.count, |next| next.first_entry as usize);
        while entry + 1 < end && self.starts[entry + 1] as usize <= inside {
            entry += 1;
        }
        Some((entry, self.starts[entry]))
    }
}

/// The entries of each block, by shard, ascending within each.
struct Sharded {
    shards: usize,
    entries: Vec<u32>,
    /// Of those entries.
    hashes: Vec<u64>,
    /// By block: where its entries of each shard start.
    bounds: Vec<[u32; SHARDS + 1]>,
}

/// Cuts a section into runs that end with an entry.
fn cut_runs(key: MergeKey, member: u32, data: &[u8]) -> impl Iterator<Item = Run> + use<'_> {
    let unit = key.entry_size as usize;
    let mut start = 0;
    std::iter::from_fn(move || {
        if start >= data.len() {
            return None;
        }
        let wanted = (start + RUN_SIZE).min(data.len());
        let end = if key.strings {
            let last_unit = start + (wanted - start).next_multiple_of(unit) - unit;
            last_unit + string_size(&data[last_unit..], unit)
        } else {
            start + (wanted - start) / unit * unit
        };
        // A constant is smaller than a run, so that every step gets on.
        let run = Run { member, start: start as u32, end: end as u32, first_entry: 0 };
        start = end;
        Some(run)
    })
}

fn count_entries(key: MergeKey, bytes: &[u8]) -> usize {
    let unit = key.entry_size as usize;
    match (key.strings, unit) {
        (false, _) => bytes.len() / unit,
        (true, 1) => memchr::memchr_iter(0, bytes).count(),
        (true, _) => bytes.chunks_exact(unit).filter(|unit| unit.iter().all(|&byte| byte == 0)).count(),
    }
}

/// Bytes of the string at the start of `bytes`, its terminator included.
#[inline]
fn string_size(bytes: &[u8], unit: usize) -> usize {
    let end = match unit {
        1 => memchr::memchr(0, bytes),
        _ => bytes.chunks_exact(unit).position(|unit| unit.iter().all(|&byte| byte == 0)).map(|index| index * unit),
    };
    end.map_or(bytes.len(), |end| end + unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{AtomId, OutputSectionId};

    #[test]
    fn entries_with_the_same_hash_are_still_told_apart() {
        let key = MergeKey { section: OutputSectionId(0), strings: true, entry_size: 1, alignment: 1 };
        let members = vec![(AtomId(0), b"one\0two\0one\0".as_slice()), (AtomId(1), b"two\0six\0".as_slice())];
        let (entries, hashes) = Entries::new(&MergeGroup { key, members }).unwrap();
        let firsts = |hashes| -> Vec<u32> { entries.find_firsts(hashes).iter().map(|one| one.load(Relaxed)).collect() };
        assert_eq!(firsts(hashes), [0, 1, 0, 1, 4]);
        assert_eq!(firsts(vec![7; 5]), [0, 1, 0, 1, 4]);
        assert_eq!(firsts(vec![7, 7, 7, 7, 8]), [0, 1, 0, 1, 4]);
    }
}

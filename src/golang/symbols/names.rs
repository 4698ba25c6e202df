//! Names of Go symbols to the symbols: a few names in each bucket, by hash (Go 1.26 and 1.27,
//! `cmd/link/internal/loader/loader.go`, symsByName).

use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::ids::{GoSymbol, Version};
use crate::inputs::goobj::ContentHash;
use crate::par::split_by_lengths;

/// Bits of a hash that choose its shard.
pub const SHARD_BITS: u32 = 8;
/// Shards of names, and of contents: so many that the table of each stays in a core's own cache.
pub const SHARDS: usize = 1 << SHARD_BITS;
/// Shards that a worker takes at once, and makes room for once.
pub const SHARDS_AT_ONCE: usize = 8;
/// Buckets of a shard.
const BUCKETS: usize = 256;

/// What is found by name or contents is matched by this hash alone, of 128 bits. That any two of a million names share one
/// is less likely than 2^-88, and Go's linker trusts as many bits of a hash of contents. Comparing the names as well would
/// wait for memory four times for each: for both records and for both names.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Hash([u32; 4]);

impl Hash {
    /// Of a name and its version.
    pub fn of_name(name: &[u8], version: Version) -> Self {
        Self::of_seeded(name, version as u64)
    }

    /// Of bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self::of_seeded(bytes, 0)
    }

    fn of_seeded(bytes: &[u8], seed: u64) -> Self {
        let hash = xxh3_128_with_seed(bytes, seed);
        Self::of_words([hash as u64, (hash >> 64) as u64])
    }

    /// Of contents that an object has a hash of.
    pub fn of_contents(hash: ContentHash) -> Self {
        Self::of_words(hash.spread())
    }

    const fn of_words([low, high]: [u64; 2]) -> Self {
        Hash([low as u32, (low >> 32) as u32, high as u32, (high >> 32) as u32])
    }

    /// The shard.
    pub const fn shard(self) -> usize {
        (self.0[1] >> (u32::BITS - SHARD_BITS)) as usize
    }

    /// Its words, but for the bits that choose the shard: the highest of the second word are 0.
    pub const fn within_shard(self) -> [u32; 4] {
        let [low, choosing, high, highest] = self.0;
        [low, choosing & (u32::MAX >> SHARD_BITS), high, highest]
    }

    /// The hash of a shard that has these words, whatever is in the place of the bits that choose the shard.
    pub const fn in_shard(shard: usize, words: [u32; 4]) -> Self {
        let [low, choosing, high, highest] = words;
        let within = choosing & (u32::MAX >> SHARD_BITS);
        Hash([low, within | (shard as u32) << (u32::BITS - SHARD_BITS), high, highest])
    }

    /// The bucket within the shard.
    const fn bucket(self) -> usize {
        (self.0[1] >> 16) as usize % BUCKETS
    }

    /// For a hash table within a shard: its lowest and its highest bits, which such a table looks at, are none that all
    /// hashes of the shard share.
    pub const fn key(self) -> u64 {
        self.0[1] as u64 | (self.0[0] as u64) << 32
    }
}

/// What is known by a hash.
#[derive(Clone, Copy, Default, Debug)]
pub struct Named<T> {
    /// The hash.
    pub hash: Hash,
    /// What has the name.
    pub what: T,
}

impl<T> Named<T> {
    /// Puts what the name means in the place of the hash, when nobody needs that any more: the memory is at hand.
    pub fn settle(&mut self, meaning: u32) {
        self.hash = Hash([meaning, 0, 0, 0]);
    }

    /// What the name means, once it is settled.
    pub const fn settled(&self) -> u32 {
        self.hash.0[0]
    }
}

/// Names of a shard.
#[derive(Clone, Debug)]
pub struct NameShard<T>(Sorted<Named<T>>);

impl<T: Copy + Default> NameShard<T> {
    /// Makes the table; `found` is gone through twice, and of equal names the last is found.
    pub fn new<I: Iterator<Item = Named<T>>>(found: impl Fn() -> I) -> Self {
        let buckets = found().map(|named| named.hash.bucket());
        NameShard(Sorted::new(BUCKETS, buckets, found().map(|named| (named.hash.bucket(), named))))
    }

    /// What has a name.
    pub fn find(&self, hash: Hash) -> Option<T> {
        self.0.bucket(hash.bucket()).iter().rev().find(|named| named.hash == hash).map(|named| named.what)
    }
}

/// All names of a shard.
#[derive(Clone, Debug)]
pub struct ShardNames {
    /// Those that packages define.
    pub own: NameShard<GoSymbol>,
    /// The others, with the first slot of each.
    pub others: NameShard<u32>,
}

/// All names, by shard.
#[derive(Default)]
pub struct NameTable(pub Vec<ShardNames>);

impl NameTable {
    /// The symbol of a name, given the symbols of all slots.
    pub fn find(&self, name: &[u8], version: Version, slots: &[GoSymbol]) -> Option<GoSymbol> {
        let hash = Hash::of_name(name, version);
        let names = self.0.get(hash.shard())?;
        names.own.find(hash).or_else(|| names.others.find(hash).map(|slot| slots[slot as usize]))
    }
}

/// Entries by bucket, in the order in which they came within each.
#[derive(Clone, Debug)]
pub struct Sorted<T> {
    entries: Vec<T>,
    starts: Vec<u32>,
}

impl<T: Copy + Default> Sorted<T> {
    /// Sorts `entries`, which come with their buckets; `buckets_of` counts, and tells the same buckets in any order.
    pub fn new(
        buckets: usize,
        buckets_of: impl Iterator<Item = usize>,
        entries: impl Iterator<Item = (usize, T)>,
    ) -> Self {
        let mut starts = vec![0u32; buckets + 1];
        buckets_of.for_each(|bucket| starts[bucket + 1] += 1);
        for bucket in 0..buckets {
            starts[bucket + 1] += starts[bucket];
        }
        // Of numbers that are 0, the system gives as many as are wanted without anybody writing them.
        let mut sorted = vec![T::default(); starts[buckets] as usize];
        // Each start moves to where its bucket ends, which is where the next one starts.
        entries.for_each(|(bucket, entry)| {
            let next = &mut starts[bucket];
            sorted[*next as usize] = entry;
            *next += 1;
        });
        starts.rotate_right(1);
        starts[0] = 0;
        Sorted { entries: sorted, starts }
    }

    /// The entries of a bucket.
    pub fn bucket(&self, bucket: usize) -> &[T] {
        &self.entries[self.starts[bucket] as usize..self.starts[bucket + 1] as usize]
    }

    /// The entries of each bucket.
    pub fn buckets_mut(&mut self) -> Vec<&mut [T]> {
        let lengths = self.starts.windows(2).map(|ends| (ends[1] - ends[0]) as usize);
        split_by_lengths(&mut self.entries, lengths)
    }

    /// All entries, bucket by bucket.
    pub fn iter(&self) -> impl Iterator<Item = T> + use<'_, T> {
        self.entries.iter().copied()
    }
}

/// By shard: what each list that is sorted by shards has for it, in order.
pub fn by_shard<'a, T: Copy + Default + 'a>(lists: impl Iterator<Item = &'a mut Sorted<T>>) -> Vec<Vec<&'a mut [T]>> {
    let mut shards: Vec<Vec<&mut [T]>> = (0..SHARDS).map(|_| Vec::new()).collect();
    for list in lists {
        for (shard, part) in shards.iter_mut().zip(list.buckets_mut()) {
            shard.push(part);
        }
    }
    shards
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_by_version_and_the_last_of_equals_counts() {
        let own: &[(&[u8], Version, u32)] = &[
            (b"a", Version::Abi0, 1),
            (b"a", Version::AbiInternal, 2),
            (b"b", Version::Abi0, 3),
            (b"a", Version::Abi0, 4),
        ];
        let others: &[(&[u8], Version, u32)] = &[(b"c", Version::Abi0, 1), (b"d", Version::Abi0, 0)];
        let of_shard = |shard, names: &'static [(&[u8], Version, u32)]| {
            let all = names.iter().map(|&(name, version, what)| Named { hash: Hash::of_name(name, version), what });
            all.filter(move |named| named.hash.shard() == shard)
        };
        let of_symbols = |named: Named<u32>| Named { hash: named.hash, what: GoSymbol(named.what) };
        let shards = (0..SHARDS).map(|shard| ShardNames {
            own: NameShard::new(|| of_shard(shard, own).map(of_symbols)),
            others: NameShard::new(|| of_shard(shard, others)),
        });
        let table = NameTable(shards.collect());
        let find = |name: &[u8], version| table.find(name, version, &[GoSymbol(7), GoSymbol(8)]);
        assert_eq!(find(b"a", Version::Abi0), Some(GoSymbol(4)));
        assert_eq!(find(b"a", Version::AbiInternal), Some(GoSymbol(2)));
        assert_eq!(find(b"b", Version::Abi0), Some(GoSymbol(3)));
        assert_eq!(find(b"b", Version::AbiInternal), None);
        assert_eq!((find(b"c", Version::Abi0), find(b"d", Version::Abi0)), (Some(GoSymbol(8)), Some(GoSymbol(7))));
    }

    #[test]
    fn the_bits_of_the_shard_can_be_left_out() {
        let hash = Hash::of_name(b"runtime.main", Version::AbiInternal);
        let words = hash.within_shard();
        let [low, choosing, high, highest] = words;
        assert_eq!(choosing >> (u32::BITS - SHARD_BITS), 0);
        assert_eq!(Hash::in_shard(hash.shard(), words), hash);
        assert_eq!(Hash::in_shard(hash.shard(), [low, choosing | 0xa5 << 24, high, highest]), hash);
    }

    #[test]
    fn buckets_keep_the_order() {
        let words = [31, 12, 32, 11, 33];
        let sorted = Sorted::new(4, words.iter().map(|word| word / 10), words.iter().map(|word| (word / 10, *word)));
        assert_eq!(sorted.bucket(3), [31, 32, 33]);
        assert_eq!((sorted.bucket(0), sorted.bucket(1)), (&[][..], &[12, 11][..]));
        assert_eq!(sorted.iter().collect::<Vec<_>>(), [12, 11, 31, 32, 33]);
    }
}

//! Names of Go symbols to the symbols: sharded by hash, filled by one worker a shard.

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::symbols::Version;

/// Bits of a hash that choose its shard.
const SHARD_BITS: u32 = 6;
/// Shards of a table.
pub(super) const SHARDS: usize = 1 << SHARD_BITS;

/// A name's entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct NameEntry {
    /// Of the name and its version.
    pub hash: u64,
    /// Where the name first stood: a position in the column of slots.
    pub first: u32,
    /// The object that `first` belongs to.
    pub object: u32,
    /// Where the definition that counts stands.
    pub winner: u32,
}

/// The table; a frozen one.
#[derive(Default)]
pub(super) struct NameTable {
    pub shards: Vec<HashTable<NameEntry>>,
}

/// The hash of a name and its version.
pub(super) fn hash(name: &[u8], version: Version) -> u64 {
    xxh3_64_with_seed(name, version as u64)
}

/// The shard of a hash.
pub(super) const fn shard_of(hash: u64) -> usize {
    (hash >> (64 - SHARD_BITS)) as usize
}

impl NameTable {
    /// Where a name first stood; `name_of` tells the name of an entry.
    pub fn find<'data>(
        &self,
        name: &[u8],
        version: Version,
        name_of: impl Fn(&NameEntry) -> &'data [u8],
    ) -> Option<u32> {
        let hash = hash(name, version);
        let shard = self.shards.get(shard_of(hash))?;
        shard.find(hash, |entry| entry.hash == hash && name_of(entry) == name).map(|entry| entry.first)
    }
}

//! The table of global names. A name is hashed once, by the worker that reads its file, and the hash picks the shard;
//! workers then fill the shards side by side. An id is the position in the shard with the shard's number in the low
//! bits, so ids never change and do not depend on the number of threads.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

/// Shards; a power of two. Fixed, so that ids are the same on every machine.
const SHARDS: usize = 16;
const SHARD_BITS: u32 = SHARDS.trailing_zeros();
/// Below this many names the shards are filled by one worker: waking others costs more.
const PARALLEL_FROM: usize = 8192;
/// Names that one worker sorts by shard at a time.
const BLOCK: usize = 16 << 10;

/// One global name. The space has small gaps: a column has [`NameTable::bound`] elements.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NameId(pub u32);

impl NameId {
    /// The position in a column.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A name with its hash.
#[derive(Clone, Copy, Debug)]
pub struct HashedName<'data> {
    /// The bytes.
    pub bytes: &'data [u8],
    /// Their hash.
    pub hash: u64,
}

impl<'data> HashedName<'data> {
    /// Hashes a name.
    #[inline]
    pub fn new(bytes: &'data [u8]) -> Self {
        HashedName { bytes, hash: xxh3_64(bytes) }
    }

    #[inline]
    const fn shard(&self) -> usize {
        // The table inside a shard uses the low bits for positions and the top 7 for tags.
        (self.hash >> 40) as usize & (SHARDS - 1)
    }
}

#[derive(Default)]
struct Shard<'data> {
    table: HashTable<u32>,
    names: Vec<HashedName<'data>>,
}

/// By shard: the positions of its names.
fn by_shard(names: &[HashedName<'_>]) -> [Vec<u32>; SHARDS] {
    let mut lists = std::array::from_fn(|_| Vec::with_capacity(names.len() / SHARDS * 5 / 4));
    for (position, name) in names.iter().enumerate() {
        lists[name.shard()].push(position as u32);
    }
    lists
}

impl<'data> Shard<'data> {
    /// Makes room for as many names, should all be new.
    fn reserve(&mut self, more: usize) {
        let Shard { table, names } = self;
        table.reserve(more, |&index| names[index as usize].hash);
        names.reserve(more);
    }

    fn intern(&mut self, name: HashedName<'data>) -> u32 {
        let names = &self.names;
        let same = |&index: &u32| {
            let other = &names[index as usize];
            other.hash == name.hash && other.bytes == name.bytes
        };
        match self.table.entry(name.hash, same, |&index| names[index as usize].hash) {
            Entry::Occupied(found) => *found.get(),
            Entry::Vacant(free) => {
                let index = names.len() as u32;
                free.insert(index);
                self.names.push(name);
                index
            }
        }
    }
}

/// Every global name of the link.
pub struct NameTable<'data> {
    shards: Vec<Shard<'data>>,
}

impl Default for NameTable<'_> {
    fn default() -> Self {
        NameTable { shards: (0..SHARDS).map(|_| Shard::default()).collect() }
    }
}

impl<'data> NameTable<'data> {
    /// The id of a name, new or known.
    pub fn intern(&mut self, bytes: &'data [u8]) -> NameId {
        self.intern_hashed(HashedName::new(bytes))
    }

    fn intern_hashed(&mut self, name: HashedName<'data>) -> NameId {
        let shard = name.shard();
        id(shard, self.shards[shard].intern(name))
    }

    /// The ids of many names: `batches` of any lengths, answered in the same shape.
    pub fn intern_batches(&mut self, batches: &[Vec<HashedName<'data>>]) -> Vec<Vec<NameId>> {
        let total: usize = batches.iter().map(Vec::len).sum();
        if total < PARALLEL_FROM {
            let mut one = |batch: &Vec<HashedName<'data>>| batch.iter().map(|&name| self.intern_hashed(name)).collect();
            return batches.iter().map(&mut one).collect();
        }
        let blocks: Vec<&[HashedName<'data>]> = batches.iter().flat_map(|batch| batch.chunks(BLOCK)).collect();
        let sorted: Vec<[Vec<u32>; SHARDS]> = blocks.par_iter().map(|block| by_shard(block)).collect();
        let found: Vec<Vec<Vec<u32>>> = self
            .shards
            .par_iter_mut()
            .enumerate()
            .map(|(number, shard)| {
                shard.reserve(sorted.iter().map(|lists| lists[number].len()).sum());
                let of_block = |(block, lists): (&&[HashedName<'data>], &[Vec<u32>; SHARDS])| -> Vec<u32> {
                    lists[number].iter().map(|&position| shard.intern(block[position as usize])).collect()
                };
                blocks.iter().zip(&sorted).map(of_block).collect()
            })
            .collect();
        let answer = |(number, block): (usize, &&[HashedName<'data>])| -> Vec<NameId> {
            let mut ids = vec![NameId(0); block.len()];
            for (shard, (positions, found)) in
                sorted[number].iter().zip(found.iter().map(|shard| &shard[number])).enumerate()
            {
                for (&position, &index) in positions.iter().zip(found) {
                    ids[position as usize] = id(shard, index);
                }
            }
            ids
        };
        let mut answers = blocks.par_iter().enumerate().map(answer).collect::<Vec<_>>().into_iter();
        let blocks_of = |batch: &Vec<HashedName<'data>>| batch.len().div_ceil(BLOCK);
        batches.iter().map(|batch| answers.by_ref().take(blocks_of(batch)).flatten().collect()).collect()
    }

    /// The id of a name, if it is known.
    pub fn find(&self, bytes: &[u8]) -> Option<NameId> {
        let name = HashedName::new(bytes);
        let shard = &self.shards[name.shard()];
        let same = |&index: &u32| shard.names[index as usize].bytes == bytes;
        shard.table.find(name.hash, same).map(|&index| id(name.shard(), index))
    }

    /// The bytes of a name.
    pub fn bytes(&self, name: NameId) -> &'data [u8] {
        self.shards[name.index() & (SHARDS - 1)].names[name.index() >> SHARD_BITS].bytes
    }

    /// One past the largest id: the length of a column.
    pub fn bound(&self) -> usize {
        self.shards.iter().map(|shard| shard.names.len()).max().unwrap_or(0) << SHARD_BITS
    }

    /// Every id with its bytes.
    pub fn iter(&self) -> impl Iterator<Item = (NameId, &'data [u8])> {
        self.shards.iter().enumerate().flat_map(|(number, shard)| {
            shard.names.iter().enumerate().map(move |(index, name)| (id(number, index as u32), name.bytes))
        })
    }
}

const fn id(shard: usize, index: u32) -> NameId {
    NameId(index << SHARD_BITS | shard as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_id_however_it_is_interned() {
        let texts: Vec<String> = (0..20_000).map(|number| format!("symbol{}", number % 7_000)).collect();
        let mut table = NameTable::default();
        let single = table.intern(b"symbol42");
        let hash = |chunk: &[String]| -> Vec<String> { chunk.to_vec() };
        let chunks: Vec<Vec<String>> = texts.chunks(999).map(hash).collect();
        let batches: Vec<Vec<HashedName<'_>>> =
            chunks.iter().map(|chunk| chunk.iter().map(|text| HashedName::new(text.as_bytes())).collect()).collect();
        let mut table_of_batches = NameTable::default();
        let ids = table_of_batches.intern_batches(&batches);
        for (batch, answers) in batches.iter().zip(&ids) {
            for (name, &id) in batch.iter().zip(answers) {
                assert_eq!(table_of_batches.bytes(id), name.bytes);
                assert_eq!(table_of_batches.find(name.bytes), Some(id));
                assert!(id.index() < table_of_batches.bound());
            }
        }
        assert_eq!(table.intern(b"symbol42"), single);
        assert_eq!(table_of_batches.iter().count(), 7_000);
        assert_eq!(table_of_batches.find(b"absent"), None);
    }

    #[test]
    fn ids_do_not_depend_on_the_threads() {
        let texts: Vec<String> = (0..30_000).map(|number| format!("s{number}")).collect();
        let batches = vec![texts.iter().map(|text| HashedName::new(text.as_bytes())).collect::<Vec<_>>()];
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            pool.install(|| NameTable::default().intern_batches(&batches))
        };
        assert_eq!(run(1), run(4));
    }
}

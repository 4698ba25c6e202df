//! Names and contents to the definition that counts: each shard of all hashes by one worker (Go 1.26 and 1.27,
//! `cmd/link/internal/loader/loader.go`, addSym).

use std::sync::atomic::{AtomicU32, Ordering};

use hashbrown::HashTable;

use crate::diag::Diagnostic;
use crate::golang::kind::Kind;
use crate::golang::names::{self, NameEntry, SHARDS};
use crate::golang::program::Package;
use crate::golang::symbols::{ObjectEntry, Version};
use crate::inputs::goabi::Release;
use crate::inputs::goobj::records::flag;
use crate::inputs::goobj::{Object, SymbolRecord};

/// Which list of names a symbol belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
enum Class {
    Package,
    Other,
    Reference,
}

/// A definition that is found by its contents.
#[derive(Clone, Copy, Default)]
struct ByContents {
    hash: [u64; 2],
    slot: u32,
    size: u32,
}

/// The hashes of one object's symbols, sorted by class and shard, and in the order of the object within these.
pub(super) struct Hashed {
    names: Sorted<(u64, u32)>,
    contents: Sorted<ByContents>,
}

impl Hashed {
    /// Hashes one object's symbols.
    pub(super) fn of(entry: &ObjectEntry<'_>) -> Self {
        let (object, counts) = (&entry.object, entry.object.counts());
        let named = (0u32..counts.package).chain(counts.package + counts.hashed64 + counts.hashed..counts.all());
        let names = named.filter_map(|local| {
            let symbol = object.symbol(local);
            let class = match local {
                _ if local < counts.package => Class::Package,
                _ if local < counts.definitions() => Class::Other,
                _ => Class::Reference,
            };
            // Definitions without a name are their own; all references without one are the same symbol.
            if symbol.is_unnamed() && class != Class::Reference {
                return None;
            }
            match Version::of_abi(symbol.abi()) {
                Version::Static => None,
                version => {
                    let hash = names::hash(object.name(symbol), version);
                    Some((class as usize * SHARDS + names::shard_of(hash), (hash, entry.base + local)))
                }
            }
        });
        let contents = (counts.package..counts.package + counts.hashed64 + counts.hashed).filter_map(|local| {
            let content = object.content_hash(local)?;
            let size = object.symbol(local).size();
            let by = ByContents { hash: content.spread(), slot: entry.base + local, size };
            Some((names::shard_of(by.hash[0]), by))
        });
        Hashed { names: Sorted::new(3 * SHARDS, names), contents: Sorted::new(SHARDS, contents) }
    }
}

/// Entries sorted by bucket, in the order in which they came within each.
pub(super) struct Sorted<T> {
    entries: Vec<T>,
    starts: Vec<u32>,
}

impl<T: Copy + Default> Sorted<T> {
    fn new(buckets: usize, found: impl Iterator<Item = (usize, T)>) -> Self {
        let found: Vec<(usize, T)> = found.collect();
        let mut starts = vec![0u32; buckets + 1];
        for (bucket, _) in &found {
            starts[bucket + 1] += 1;
        }
        for bucket in 0..buckets {
            starts[bucket + 1] += starts[bucket];
        }
        let mut next = starts.clone();
        let mut entries = vec![T::default(); found.len()];
        for (bucket, entry) in found {
            entries[next[bucket] as usize] = entry;
            next[bucket] += 1;
        }
        Sorted { entries, starts }
    }

    fn bucket(&self, bucket: usize) -> &[T] {
        &self.entries[self.starts[bucket] as usize..self.starts[bucket + 1] as usize]
    }
}

/// What the workers share.
pub(super) struct Space<'a, 'data> {
    pub objects: &'a [ObjectEntry<'data>],
    pub packages: &'a [Package<'data>],
    pub release: &'a Release,
    /// By slot: where its name or contents first stood. Each slot is written by the worker of its shard alone.
    pub firsts: &'a [AtomicU32],
}

impl<'data> Space<'_, 'data> {
    /// An object and the symbol's position in it, of a slot.
    fn locate(&self, slot: u32) -> At {
        let object = self.objects.partition_point(|entry| entry.base <= slot) - 1;
        At { object: object as u32, slot }
    }

    fn symbol(&self, at: At) -> (&Object<'data>, SymbolRecord<'data>, u32) {
        let entry = &self.objects[at.object as usize];
        let local = at.slot - entry.base;
        (&entry.object, entry.object.symbol(local), local)
    }

    fn name(&self, at: At) -> &'data [u8] {
        let (object, symbol, _) = self.symbol(at);
        object.name(symbol)
    }

    fn refer(&self, at: At, first: u32) {
        self.firsts[at.slot as usize].store(first, Ordering::Relaxed);
    }
}

/// A slot with the object that it belongs to.
#[derive(Clone, Copy)]
struct At {
    object: u32,
    slot: u32,
}

impl At {
    fn first(entry: &NameEntry) -> Self {
        At { object: entry.object, slot: entry.first }
    }

    fn new_entry(self, hash: u64) -> NameEntry {
        NameEntry { hash, first: self.slot, object: self.object, winner: self.slot }
    }
}

/// A shard of the table.
pub(super) struct Shard {
    pub names: HashTable<NameEntry>,
    pub contents: HashTable<ContentEntry>,
    /// Zeroed and initialised definitions of one variable: where its name first stood, and the larger size.
    pub sizes: Vec<(u32, u32)>,
    pub errors: Vec<Diagnostic>,
}

/// Contents with where they first stood, and the definition that wins.
pub(super) struct ContentEntry {
    hash: [u64; 2],
    pub first: u32,
    pub winner: u32,
    size: u32,
}

impl Shard {
    /// Fills a shard, object by object.
    pub(super) fn fill(shard: usize, space: &Space<'_, '_>, hashed: &[Hashed]) -> Self {
        let (mut names, mut contents) = (HashTable::new(), HashTable::new());
        let of_class = |of: &Hashed, class: Class| of.names.bucket(class as usize * SHARDS + shard).len();
        let count = |of: &Hashed| of_class(of, Class::Package) + of_class(of, Class::Other);
        names.reserve(hashed.iter().map(count).sum(), |entry: &NameEntry| entry.hash);
        let most = hashed.iter().map(|of| of.contents.bucket(shard).len()).sum::<usize>();
        contents.reserve(most / 2, |entry: &ContentEntry| entry.hash[0]);
        let mut table = Shard { names, contents, sizes: Vec::new(), errors: Vec::new() };
        let class = |class: Class| {
            (0u32..).zip(hashed).flat_map(move |(object, of)| {
                let found = of.names.bucket(class as usize * SHARDS + shard).iter();
                found.map(move |&(hash, slot)| (hash, At { object, slot }))
            })
        };
        for (hash, at) in class(Class::Package) {
            table.define_in_package(space, hash, at);
        }
        for by in hashed.iter().flat_map(|of| of.contents.bucket(shard)) {
            table.define_contents(space, by);
        }
        for (hash, at) in class(Class::Other) {
            table.define(space, hash, at);
        }
        for (hash, at) in class(Class::Reference) {
            table.refer(space, hash, at);
        }
        table
    }

    fn find(&mut self, space: &Space<'_, '_>, hash: u64, at: At) -> Option<&mut NameEntry> {
        let name = space.name(at);
        self.names.find_mut(hash, |entry| entry.hash == hash && space.name(At::first(entry)) == name)
    }

    /// Packages are defined once; if two objects of one package define a name all the same, the last is found by it.
    fn define_in_package(&mut self, space: &Space<'_, '_>, hash: u64, at: At) {
        match self.find(space, hash, at) {
            Some(entry) => *entry = at.new_entry(hash),
            None => {
                self.names.insert_unique(hash, at.new_entry(hash), |entry| entry.hash);
            }
        }
    }

    /// The same contents may be stored without the zeros at their end: the largest of equals counts.
    fn define_contents(&mut self, space: &Space<'_, '_>, by: &ByContents) {
        let same = |entry: &ContentEntry| entry.hash == by.hash;
        match self.contents.find_mut(by.hash[0], same) {
            Some(entry) => {
                if by.size > entry.size {
                    (entry.winner, entry.size) = (by.slot, by.size);
                }
                space.firsts[by.slot as usize].store(entry.first, Ordering::Relaxed);
            }
            None => {
                let new = ContentEntry { hash: by.hash, first: by.slot, winner: by.slot, size: by.size };
                self.contents.insert_unique(by.hash[0], new, |entry| entry.hash[0]);
            }
        }
    }

    fn refer(&mut self, space: &Space<'_, '_>, hash: u64, at: At) {
        match self.find(space, hash, at) {
            Some(entry) => space.refer(at, entry.first),
            None => {
                self.names.insert_unique(hash, at.new_entry(hash), |entry| entry.hash);
            }
        }
    }

    fn define(&mut self, space: &Space<'_, '_>, hash: u64, at: At) {
        let Some(entry) = self.find(space, hash, at) else {
            self.names.insert_unique(hash, at.new_entry(hash), |entry| entry.hash);
            return;
        };
        space.refer(at, entry.first);
        let first = entry.first;
        let old = if entry.winner == first { At::first(entry) } else { space.locate(entry.winner) };
        match Candidate::of(space, at).against(&Candidate::of(space, old), space.release) {
            Verdict::Old => {}
            Verdict::New => entry.winner = at.slot,
            Verdict::NewWithSize(size) => {
                entry.winner = at.slot;
                self.sizes.push((first, size));
            }
            Verdict::OldWithSize(size) => self.sizes.push((first, size)),
            Verdict::Duplicate => self.errors.push(duplicate(space, old, at)),
        }
    }
}

/// A definition that competes for a name.
struct Candidate {
    duplicate_ok: bool,
    size: u32,
    is_text: bool,
    /// Whether it is data, and has contents.
    data: Option<bool>,
    has_contents: bool,
}

/// Which of two definitions counts.
enum Verdict {
    Old,
    New,
    NewWithSize(u32),
    OldWithSize(u32),
    Duplicate,
}

impl Candidate {
    fn of(space: &Space<'_, '_>, at: At) -> Self {
        let (object, symbol, local) = space.symbol(at);
        let kind = Kind::of_object(symbol.kind());
        let duplicate_ok = symbol.flags() & flag::DUPLICATE_OK != 0;
        // Where any definition will do, nobody asks for contents.
        let has_contents = !duplicate_ok && !object.data(local).is_empty();
        Candidate {
            duplicate_ok,
            size: symbol.size(),
            is_text: kind.is_text(),
            data: kind.is_data().then_some(has_contents),
            has_contents,
        }
    }

    fn is_zeroed(&self) -> bool {
        self.data == Some(false)
    }

    /// A variable that one object declares and another initialises, or two declare, is one variable of the larger size; a
    /// function wins over a variable that only stands for its address.
    fn against(&self, old: &Candidate, release: &Release) -> Verdict {
        if self.duplicate_ok {
            let larger = self.size > old.size && (old.duplicate_ok || !release.strong_wins_over_duplicates);
            return if larger { Verdict::New } else { Verdict::Old };
        }
        if old.duplicate_ok {
            return if release.strong_wins_over_duplicates { Verdict::New } else { Verdict::Old };
        }
        let replaces =
            old.is_zeroed() && (self.is_text || self.has_contents || (self.is_zeroed() && self.size > old.size));
        match () {
            () if replaces && old.size > self.size => Verdict::NewWithSize(old.size),
            () if replaces => Verdict::New,
            () if self.is_zeroed() && self.size > old.size => Verdict::OldWithSize(self.size),
            () if self.is_zeroed() => Verdict::Old,
            () => Verdict::Duplicate,
        }
    }
}

fn duplicate(space: &Space<'_, '_>, old: At, new: At) -> Diagnostic {
    let describe = |at: At| {
        let package = &space.packages[space.objects[at.object as usize].package.index()];
        let size = space.symbol(at).1.size();
        format!("defined in package {} ({}), {size} bytes", package.path, package.file.display())
    };
    let name = String::from_utf8_lossy(space.name(new));
    Diagnostic::error("duplicate-symbol", format!("the symbol {name} is defined twice"))
        .note(describe(old))
        .note(describe(new))
        .help("two packages define it by //go:linkname or in assembly: remove one of the definitions")
}

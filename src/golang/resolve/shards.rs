//! Names and contents to the definition that counts: each shard of all hashes by one worker (Go 1.26 and 1.27,
//! `cmd/link/internal/loader/loader.go`, addSym).

use std::sync::atomic::{AtomicU32, Ordering};

use hashbrown::HashTable;
use rayon::prelude::*;

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

/// Shards of contents for each shard of names: most definitions are found by their contents, so these tables are made small
/// enough for a core's own cache.
const CONTENT_SHARDS: usize = 4;

/// How many symbols are hashed as one list, about: enough that what each shard finds there lies close together.
const GROUP: u32 = 1 << 16;

/// The hashes of the symbols of a few objects, by class and shard, and in the order of the objects within these.
pub(super) struct Hashed {
    names: [Sorted<(u64, At)>; 3],
    contents: Sorted<ByContents>,
}

impl Hashed {
    /// Hashes the symbols of all objects, a few of them at a time.
    pub(super) fn all(objects: &[ObjectEntry<'_>]) -> Vec<Self> {
        let mut groups = Vec::new();
        let mut start = 0;
        for (index, entry) in objects.iter().enumerate() {
            let end = entry.base + entry.object.counts().all();
            if end - objects[start].base >= GROUP || index + 1 == objects.len() {
                groups.push(start..index + 1);
                start = index + 1;
            }
        }
        groups.into_par_iter().map(|group| Hashed::of(group.start as u32, &objects[group])).collect()
    }

    fn of(first: u32, objects: &[ObjectEntry<'_>]) -> Self {
        let named = |class: Class| {
            let of_object = |(index, entry)| names_of(index, entry, class);
            let hashed: Vec<(u64, At)> = (first..).zip(objects).flat_map(of_object).collect();
            Sorted::new(SHARDS, || hashed.iter().copied(), |(hash, _)| names::shard_of(*hash))
        };
        let contents = || objects.iter().flat_map(contents_of);
        Hashed {
            names: [named(Class::Package), named(Class::Other), named(Class::Reference)],
            contents: Sorted::new(SHARDS * CONTENT_SHARDS, contents, |by| content_shard(by.hash[0])),
        }
    }
}

/// The hashes of an object's names of one class.
fn names_of(index: u32, entry: &ObjectEntry<'_>, class: Class) -> impl Iterator<Item = (u64, At)> {
    let (object, counts) = (&entry.object, entry.object.counts());
    let range = match class {
        Class::Package => 0..counts.package,
        Class::Other => counts.definitions() - counts.non_package..counts.definitions(),
        Class::Reference => counts.definitions()..counts.all(),
    };
    range.filter_map(move |local| {
        let symbol = object.symbol(local);
        // Definitions without a name are their own; all references without one are the same symbol.
        if symbol.is_unnamed() && class != Class::Reference {
            return None;
        }
        match Version::of_abi(symbol.abi()) {
            Version::Static => None,
            version => {
                let at = At { object: index, slot: entry.base + local };
                Some((names::hash(object.name(symbol), version), at))
            }
        }
    })
}

/// The hashes of what an object defines by its contents.
fn contents_of(entry: &ObjectEntry<'_>) -> impl Iterator<Item = ByContents> {
    let (object, counts) = (&entry.object, entry.object.counts());
    (counts.package..counts.definitions() - counts.non_package).filter_map(move |local| {
        let hash = object.content_hash(local)?.spread();
        Some(ByContents { hash, slot: entry.base + local, size: object.symbol(local).size() })
    })
}

/// The shard of contents; those of a shard of names follow each other.
const fn content_shard(hash: u64) -> usize {
    const SHIFT: u32 = 64 - (SHARDS * CONTENT_SHARDS).trailing_zeros();
    (hash >> SHIFT) as usize
}

/// Entries by bucket, in the order in which they came within each.
pub(super) struct Sorted<T> {
    entries: Vec<T>,
    starts: Vec<u32>,
}

impl<T: Copy + Default> Sorted<T> {
    /// `found` is gone through twice.
    fn new<I: Iterator<Item = T>>(buckets: usize, found: impl Fn() -> I, bucket_of: impl Fn(&T) -> usize) -> Self {
        let mut starts = vec![0u32; buckets + 1];
        found().for_each(|entry| starts[bucket_of(&entry) + 1] += 1);
        for bucket in 0..buckets {
            starts[bucket + 1] += starts[bucket];
        }
        let mut entries = vec![T::default(); starts[buckets] as usize];
        // Each start moves to where its bucket ends, which is where the next one starts.
        for entry in found() {
            let next = &mut starts[bucket_of(&entry)];
            entries[*next as usize] = entry;
            *next += 1;
        }
        starts.rotate_right(1);
        starts[0] = 0;
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
#[derive(Clone, Copy, Default)]
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
    /// Contents whose definition that counts is not the first: where they first stood, and it.
    pub contents: Vec<(u32, u32)>,
    /// Zeroed and initialised definitions of one variable: where its name first stood, and the larger size.
    pub sizes: Vec<(u32, u32)>,
    pub errors: Vec<Diagnostic>,
}

/// Contents with where they first stood, and the definition that wins.
struct ContentEntry {
    hash: [u64; 2],
    first: u32,
    winner: u32,
    size: u32,
}

impl Shard {
    /// Fills a shard, object by object.
    pub(super) fn fill(shard: usize, space: &Space<'_, '_>, hashed: &[Hashed]) -> Self {
        let mut names = HashTable::new();
        // Most of what is not defined in a package is defined again and again.
        let new = |of: &Hashed| {
            let [package, other, _] = &of.names;
            package.bucket(shard).len() + other.bucket(shard).len() / 4
        };
        names.reserve(hashed.iter().map(new).sum(), |entry: &NameEntry| entry.hash);
        let mut table = Shard { names, contents: Vec::new(), sizes: Vec::new(), errors: Vec::new() };
        let class = |class: Class| hashed.iter().flat_map(move |of| of.names[class as usize].bucket(shard)).copied();
        for (hash, at) in class(Class::Package) {
            table.define_in_package(space, hash, at);
        }
        let mut contents = HashTable::new();
        for shard in shard * CONTENT_SHARDS..(shard + 1) * CONTENT_SHARDS {
            for by in hashed.iter().flat_map(|of| of.contents.bucket(shard)) {
                define_contents(&mut contents, space, by);
            }
            let later = contents.iter().filter(|entry| entry.first != entry.winner);
            table.contents.extend(later.map(|entry| (entry.first, entry.winner)));
            contents.clear();
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

/// The same contents may be stored without the zeros at their end: the largest of equals counts.
fn define_contents(contents: &mut HashTable<ContentEntry>, space: &Space<'_, '_>, by: &ByContents) {
    match contents.find_mut(by.hash[0], |entry| entry.hash == by.hash) {
        Some(entry) => {
            if by.size > entry.size {
                (entry.winner, entry.size) = (by.slot, by.size);
            }
            space.firsts[by.slot as usize].store(entry.first, Ordering::Relaxed);
        }
        None => {
            let new = ContentEntry { hash: by.hash, first: by.slot, winner: by.slot, size: by.size };
            contents.insert_unique(by.hash[0], new, |entry| entry.hash[0]);
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

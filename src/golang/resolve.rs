//! One symbol for each name, hash and definition (Go 1.26 and 1.27, `cmd/link/internal/loader/loader.go`, LoadSyms).
//!
//! Workers hash the names of one object each; then each takes a shard of all hashes and walks it in the order of the
//! objects, so that which definition comes first, and which wins, never depends on threads. Ids follow from counting.

use std::sync::atomic::{AtomicU32, Ordering};

use hashbrown::{HashMap, HashTable};
use rayon::prelude::*;

use super::kind::Kind;
use super::names::{self, NameEntry, NameTable, SHARDS};
use super::program::{self, Package};
use super::symbols::{
    GoSymbol, Home, MADE, Made, ObjectEntry, ObjectId, PackageId, Symbols, Version, attribute, power,
};
use crate::diag::{Diagnostic, Diagnostics, Origin, Result};
use crate::inputs::goabi::Release;
use crate::inputs::goobj::records::{flag, flag2};
use crate::inputs::goobj::{Object, SymbolRecord};
use crate::par::split_by_lengths;

/// An object on its way into the table.
#[derive(Clone, Debug)]
pub struct ObjectInput<'data> {
    /// The object.
    pub object: Object<'data>,
    /// Its package.
    pub package: PackageId,
}

/// Makes the table.
pub fn resolve<'data>(
    inputs: Vec<ObjectInput<'data>>,
    packages: &[Package<'data>],
    release: &Release,
) -> Result<Symbols<'data>> {
    let objects = entries(inputs, packages, release)?;
    let total = objects.last().map_or(0, |entry| entry.base as usize + entry.object.counts().all() as usize);
    let hashed: Vec<Hashed> = objects.par_iter().map(Hashed::of).collect();
    let firsts: Vec<AtomicU32> = (0..total as u32).into_par_iter().map(AtomicU32::new).collect();
    let space = Space { objects: &objects, packages, release, firsts: &firsts };
    let shards: Vec<Shard> = (0..SHARDS).into_par_iter().map(|shard| Shard::fill(shard, &space, &hashed)).collect();
    let errors = shards.iter().flat_map(|shard| shard.errors.iter().cloned()).collect();
    let firsts: Vec<u32> = firsts.into_par_iter().map(AtomicU32::into_inner).collect();
    Diagnostics::check((), errors)?;
    let mut symbols = number(objects, packages, &firsts);
    settle(&mut symbols, shards, &firsts);
    let builtins = release
        .builtins()
        .map(|(name, abi)| symbols.find(name.as_bytes(), Version::of_abi(abi)).unwrap_or(GoSymbol::NONE));
    symbols.builtins = builtins.collect();
    mark_referenced(&mut symbols);
    Ok(symbols)
}

fn entries<'data>(
    inputs: Vec<ObjectInput<'data>>,
    packages: &[Package<'data>],
    release: &Release,
) -> Result<Vec<ObjectEntry<'data>>> {
    // The first object of a package is the one whose symbols others refer to by number.
    let mut first_of: HashMap<String, ObjectId> = HashMap::new();
    for (index, input) in inputs.iter().enumerate() {
        let path = program::escape_path(&packages[input.package.index()].path);
        first_of.entry(path).or_insert(ObjectId(index as u32));
    }
    let mut errors = Vec::new();
    let mut base = 0u64;
    let mut objects = Vec::with_capacity(inputs.len());
    for ObjectInput { object, package } in inputs {
        let find = |(index, path): (usize, &[u8])| {
            let path = std::str::from_utf8(path).unwrap_or_default();
            let found = first_of.get(path).copied();
            if index > 0 && found.is_none() {
                errors.push(unknown_package(&packages[package.index()], path));
            }
            found
        };
        let referenced: Vec<Option<ObjectId>> = object.packages().enumerate().map(find).collect();
        let tail = release.relocation_tail;
        let entry = ObjectEntry { object, package, relocation_tail: tail, base: base as u32, packages: referenced };
        base += u64::from(object.counts().all());
        objects.push(entry);
    }
    if base > u64::from(u32::MAX / 2) {
        errors.push(Diagnostic::error("too-many-symbols", format!("the program has {base} symbols: too many")));
    }
    Diagnostics::check(objects, errors)
}

fn unknown_package(from: &Package<'_>, path: &str) -> Diagnostic {
    let origin = Origin { package: Some(from.path.clone()), ..Origin::file(from.file) };
    Diagnostic::error("missing-package", format!("refers to package {path}, which is not part of the link"))
        .at(origin)
        .help("list it in the importcfg, or build the packages again")
}

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
struct Hashed {
    names: Sorted<(u64, u32)>,
    contents: Sorted<ByContents>,
}

impl Hashed {
    fn of(entry: &ObjectEntry<'_>) -> Self {
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
struct Sorted<T> {
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
struct Space<'a, 'data> {
    objects: &'a [ObjectEntry<'data>],
    packages: &'a [Package<'data>],
    release: &'a Release,
    /// By slot: where its name or contents first stood. Each slot is written by the worker of its shard alone.
    firsts: &'a [AtomicU32],
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
struct Shard {
    names: HashTable<NameEntry>,
    contents: HashTable<ContentEntry>,
    /// Zeroed and initialised definitions of one variable: where its name first stood, and the larger size.
    sizes: Vec<(u32, u32)>,
    errors: Vec<Diagnostic>,
}

/// Contents with where they first stood, and the definition that wins.
struct ContentEntry {
    hash: [u64; 2],
    first: u32,
    winner: u32,
    size: u32,
}

impl Shard {
    fn fill(shard: usize, space: &Space<'_, '_>, hashed: &[Hashed]) -> Self {
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

/// The regions of ids that one object fills.
struct Numbers {
    package: u32,
    other: u32,
    references: u32,
}

/// Gives ids: definitions of packages, then everything else where it first stood, then names without definition.
fn number<'data>(objects: Vec<ObjectEntry<'data>>, packages: &[Package<'data>], firsts: &[u32]) -> Symbols<'data> {
    let count_first = |range: std::ops::Range<u32>| range.filter(|&slot| firsts[slot as usize] == slot).count() as u32;
    let new: Vec<(u32, u32, u32)> = objects
        .par_iter()
        .map(|entry| {
            let counts = entry.object.counts();
            let (start, end) = (entry.base + counts.package, entry.base + counts.definitions());
            (counts.package, count_first(start..end), count_first(end..entry.base + counts.all()))
        })
        .collect();
    let total = |of: fn(&(u32, u32, u32)) -> u32| new.iter().map(of).sum::<u32>();
    let (of_packages, of_others) = (total(|new| new.0), total(|new| new.1));
    let mut next = Numbers { package: 1, other: 1 + of_packages, references: 1 + of_packages + of_others };
    let first_external = GoSymbol(next.references);
    let count = (next.references + total(|new| new.2)) as usize;
    let numbers: Vec<Numbers> = new
        .iter()
        .map(|&(package, other, references)| {
            let own = Numbers { package: next.package, other: next.other, references: next.references };
            next.package += package;
            next.other += other;
            next.references += references;
            own
        })
        .collect();
    let slots = slots(&objects, &numbers, firsts);
    let mut symbols = Symbols {
        objects,
        packages: packages.iter().map(|package| package.path.clone()).collect(),
        slots,
        homes: vec![Home { object: MADE, local: u32::MAX }; count],
        kinds: vec![Kind::Undefined; count],
        attributes: vec![0; count],
        alignments: vec![0; count],
        names: NameTable::default(),
        builtins: Vec::new(),
        made: Vec::new(),
        made_names: HashMap::new(),
        first_external,
        package_of: HashMap::new(),
    };
    fill_columns(&mut symbols, &new, firsts);
    symbols
}

/// By slot: its symbol.
fn slots(objects: &[ObjectEntry<'_>], numbers: &[Numbers], firsts: &[u32]) -> Vec<GoSymbol> {
    let mut slots = vec![GoSymbol::NONE; firsts.len()];
    let parts = split_by_lengths(&mut slots, objects.iter().map(|entry| entry.object.counts().all() as usize));
    parts.into_par_iter().zip(objects).zip(numbers).for_each(|((part, entry), numbers)| {
        let counts = entry.object.counts();
        let (mut other, mut references) = (numbers.other, numbers.references);
        for (local, symbol) in (0u32..).zip(part) {
            let slot = entry.base + local;
            if local < counts.package {
                *symbol = GoSymbol(numbers.package + local);
            } else if firsts[slot as usize] == slot {
                let next = if local < counts.definitions() { &mut other } else { &mut references };
                *symbol = GoSymbol(*next);
                *next += 1;
            }
        }
    });
    let own = slots.clone();
    slots.par_iter_mut().zip(firsts).for_each(|(symbol, &first)| *symbol = own[first as usize]);
    slots
}

/// The columns of what objects say, each object's symbols by one worker.
fn fill_columns(symbols: &mut Symbols<'_>, new: &[(u32, u32, u32)], firsts: &[u32]) {
    let Symbols { objects, homes, kinds, attributes, alignments, .. } = symbols;
    let lengths = || {
        let packages = new.iter().map(|new| new.0 as usize);
        std::iter::once(1).chain(packages).chain(new.iter().map(|new| new.1 as usize))
    };
    let mut homes = split_by_lengths(homes, lengths());
    let mut kinds = split_by_lengths(kinds, lengths());
    let mut attributes = split_by_lengths(attributes, lengths());
    let mut alignments = split_by_lengths(alignments, lengths());
    let jobs = (0..2 * objects.len()).into_par_iter();
    jobs.zip(homes.par_iter_mut().skip(1).zip(kinds.par_iter_mut().skip(1)))
        .zip(attributes.par_iter_mut().skip(1).zip(alignments.par_iter_mut().skip(1)))
        .for_each(|((job, (homes, kinds)), (attributes, alignments))| {
            let index = job % objects.len();
            let entry = &objects[index];
            let counts = entry.object.counts();
            let range = match job < objects.len() {
                true => 0..counts.package,
                false => counts.package..counts.definitions(),
            };
            let firsts = range.filter(|&local| firsts[(entry.base + local) as usize] == entry.base + local);
            for (at, local) in firsts.enumerate() {
                let record = entry.object.symbol(local);
                homes[at] = Home { object: index as u32, local };
                kinds[at] = Kind::of_object(record.kind());
                attributes[at] = attributes_of(record);
                alignments[at] = alignment_of(record);
            }
        });
}

fn attributes_of(record: SymbolRecord<'_>) -> u16 {
    let local = if record.flags() & flag::LOCAL != 0 { attribute::LOCAL } else { 0 };
    let used = if record.flags2() & flag2::USED_IN_IFACE != 0 { attribute::USED_IN_IFACE } else { 0 };
    local | used
}

fn alignment_of(record: SymbolRecord<'_>) -> u8 {
    match u64::from(record.alignment()) {
        alignment if alignment.is_power_of_two() => power(alignment),
        _ => 0,
    }
}

/// What the shards found beyond the first definitions: winners that came later, names without definition, larger sizes;
/// and what later definitions of the same add to the facts.
fn settle<'data>(symbols: &mut Symbols<'data>, shards: Vec<Shard>, firsts: &[u32]) {
    let mut winners: Vec<(u32, u32)> = Vec::new();
    let mut sizes = Vec::new();
    let mut names = Vec::with_capacity(shards.len());
    for shard in shards {
        winners.extend(shard.names.iter().map(|entry| (entry.first, entry.winner)).filter(|(first, won)| first != won));
        let contents = shard.contents.iter().map(|entry| (entry.first, entry.winner));
        winners.extend(contents.filter(|(first, winner)| first != winner));
        sizes.extend(shard.sizes);
        names.push(shard.names);
    }
    symbols.names = NameTable { shards: names };
    for (first, winner) in winners {
        let index = symbols.objects.partition_point(|entry| entry.base <= winner) - 1;
        let entry = &symbols.objects[index];
        let local = winner - entry.base;
        let symbol = symbols.slots[first as usize];
        symbols.kinds[symbol.index()] = Kind::of_object(entry.object.symbol(local).kind());
        symbols.homes[symbol.index()] = Home { object: index as u32, local };
    }
    add_references(symbols, firsts);
    add_later_facts(symbols, firsts);
    sizes.sort_unstable();
    for (first, size) in sizes {
        let symbol = symbols.slots[first as usize];
        let made = symbols.edit(symbol);
        made.size = made.size.max(u64::from(size));
    }
}

/// Names without definition are symbols that a stage may define.
fn add_references(symbols: &mut Symbols<'_>, firsts: &[u32]) {
    for index in 0..symbols.objects.len() {
        let entry = &symbols.objects[index];
        let (object, base) = (entry.object, entry.base);
        let counts = object.counts();
        for local in counts.definitions()..counts.all() {
            if firsts[(base + local) as usize] != base + local {
                continue;
            }
            let record = object.symbol(local);
            let symbol = symbols.slots[(base + local) as usize];
            symbols.attributes[symbol.index()] = attributes_of(record);
            symbols.homes[symbol.index()] = Home { object: MADE, local: symbols.made.len() as u32 };
            symbols.made.push(Made::undefined(object.name(record), record.abi()));
        }
    }
}

/// Facts of definitions and references that were not the first of their name.
fn add_later_facts(symbols: &mut Symbols<'_>, firsts: &[u32]) {
    let of_object = |entry: &ObjectEntry<'_>| {
        let later = (0u32..)
            .zip(entry.object.symbols())
            .filter(|&(local, _)| firsts[(entry.base + local) as usize] != entry.base + local);
        let definitions = entry.object.counts().definitions();
        let facts = later.filter_map(|(local, record)| {
            let alignment = if local < definitions { alignment_of(record) } else { 0 };
            let attributes = attributes_of(record);
            (alignment != 0 || attributes != 0)
                .then(|| (symbols.slots[(entry.base + local) as usize], attributes, alignment))
        });
        facts.collect::<Vec<_>>()
    };
    let facts: Vec<Vec<(GoSymbol, u16, u8)>> = symbols.objects.par_iter().map(of_object).collect();
    for (symbol, attributes, alignment) in facts.into_iter().flatten() {
        symbols.attributes[symbol.index()] |= attributes;
        let known = &mut symbols.alignments[symbol.index()];
        *known = alignment.max(*known);
    }
}

/// Types of other packages that an object converts to interfaces.
fn mark_referenced(symbols: &mut Symbols<'_>) {
    let of_object = |(index, entry): (usize, &ObjectEntry<'_>)| {
        let used = entry.object.reference_flags().filter(|(_, flags)| flags & flag2::USED_IN_IFACE != 0);
        used.map(|(reference, _)| symbols.resolve(ObjectId(index as u32), reference)).collect::<Vec<_>>()
    };
    let used: Vec<Vec<GoSymbol>> = symbols.objects.par_iter().enumerate().map(of_object).collect();
    for symbol in used.into_iter().flatten().filter_map(GoSymbol::some) {
        symbols.set(symbol, attribute::USED_IN_IFACE);
    }
}

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

/// What of a symbol decides where it goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
enum Class {
    Package,
    Other,
    Reference,
}

/// The hashes of one object's symbols, sorted by class and shard, and in the order of the object within these.
struct Hashed {
    entries: Vec<(u64, u32)>,
    starts: Vec<u32>,
}

impl Hashed {
    fn of(entry: &ObjectEntry<'_>) -> Self {
        let counts = entry.object.counts();
        let mut found: Vec<(usize, u64, u32)> = Vec::with_capacity(counts.all() as usize);
        for (local, symbol) in (0u32..).zip(entry.object.symbols()) {
            let class = match local {
                _ if local < counts.package => Class::Package,
                _ if local < counts.definitions() => Class::Other,
                _ => Class::Reference,
            };
            // Definitions without a name are their own; all references without one are the same symbol.
            if symbol.is_unnamed() && class != Class::Reference && entry.object.content_hash(local).is_none() {
                continue;
            }
            let Some(hash) = hash_of(entry, local, symbol) else { continue };
            found.push((class as usize * SHARDS + names::shard_of(hash), hash, entry.base + local));
        }
        let mut starts = vec![0u32; 3 * SHARDS + 1];
        for &(bucket, ..) in &found {
            starts[bucket + 1] += 1;
        }
        for bucket in 0..3 * SHARDS {
            starts[bucket + 1] += starts[bucket];
        }
        let mut next = starts.clone();
        let mut entries = vec![(0, 0); found.len()];
        for (bucket, hash, slot) in found {
            entries[next[bucket] as usize] = (hash, slot);
            next[bucket] += 1;
        }
        Hashed { entries, starts }
    }

    fn of_shard(&self, class: Class, shard: usize) -> &[(u64, u32)] {
        let bucket = class as usize * SHARDS + shard;
        &self.entries[self.starts[bucket] as usize..self.starts[bucket + 1] as usize]
    }
}

/// What a symbol is found by: its contents, its name, or nothing.
fn hash_of(entry: &ObjectEntry<'_>, local: u32, symbol: SymbolRecord<'_>) -> Option<u64> {
    let object = &entry.object;
    match object.content_hash(local) {
        Some(content) => Some(content.spread()),
        None => match Version::of_abi(symbol.abi()) {
            Version::Static => None,
            version => Some(names::hash(object.name(symbol), version)),
        },
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
    fn locate(&self, slot: u32) -> (&ObjectEntry<'data>, u32) {
        let entry = &self.objects[self.objects.partition_point(|entry| entry.base <= slot) - 1];
        (entry, slot - entry.base)
    }

    fn name(&self, slot: u32) -> &'data [u8] {
        let (entry, local) = self.locate(slot);
        entry.object.name(entry.object.symbol(local))
    }
}

/// A shard of the table.
struct Shard {
    names: HashTable<NameEntry>,
    /// Content hash to the slot that was first, the one that wins, and its size.
    contents: HashMap<(u128, bool), (u32, u32, u32)>,
    /// Zeroed and initialised definitions of one variable: where its name first stood, and the larger size.
    sizes: Vec<(u32, u32)>,
    errors: Vec<Diagnostic>,
}

impl Shard {
    fn fill(shard: usize, space: &Space<'_, '_>, hashed: &[Hashed]) -> Self {
        let mut table =
            Shard { names: HashTable::new(), contents: HashMap::new(), sizes: Vec::new(), errors: Vec::new() };
        let expected = hashed.iter().map(|of| of.of_shard(Class::Package, shard).len()).sum();
        table.names.reserve(expected, |entry: &NameEntry| entry.hash);
        for &(hash, slot) in hashed.iter().flat_map(|of| of.of_shard(Class::Package, shard)) {
            table.define_in_package(space, hash, slot);
        }
        for (entry, of) in space.objects.iter().zip(hashed) {
            for &(hash, slot) in of.of_shard(Class::Other, shard) {
                match entry.object.content_hash(slot - entry.base) {
                    Some(content) => table.define_contents(space, entry, content.key(), slot),
                    None => table.define(space, hash, slot),
                }
            }
        }
        for &(hash, slot) in hashed.iter().flat_map(|of| of.of_shard(Class::Reference, shard)) {
            table.refer(space, hash, slot);
        }
        table
    }

    /// Packages are defined once; if two objects of one package define a name all the same, the last is found by it.
    fn define_in_package(&mut self, space: &Space<'_, '_>, hash: u64, slot: u32) {
        let name = space.name(slot);
        let same = |entry: &NameEntry| entry.hash == hash && space.name(entry.first) == name;
        let new = NameEntry { hash, first: slot, winner: slot };
        match self.names.find_mut(hash, same) {
            Some(entry) => *entry = new,
            None => {
                self.names.insert_unique(hash, new, |entry| entry.hash);
            }
        }
    }

    /// The same contents may be stored without the zeros at their end: the largest of equals counts.
    fn define_contents(&mut self, space: &Space<'_, '_>, entry: &ObjectEntry<'_>, key: (u128, bool), slot: u32) {
        let size = entry.object.symbol(slot - entry.base).size();
        let (first, winner, largest) = self.contents.entry(key).or_insert((slot, slot, size));
        if size > *largest {
            (*winner, *largest) = (slot, size);
        }
        space.firsts[slot as usize].store(*first, Ordering::Relaxed);
    }

    fn refer(&mut self, space: &Space<'_, '_>, hash: u64, slot: u32) {
        let name = space.name(slot);
        let same = |entry: &NameEntry| entry.hash == hash && space.name(entry.first) == name;
        let first = match self.names.find(hash, same) {
            Some(entry) => entry.first,
            None => {
                let new = NameEntry { hash, first: slot, winner: slot };
                self.names.insert_unique(hash, new, |entry| entry.hash);
                slot
            }
        };
        space.firsts[slot as usize].store(first, Ordering::Relaxed);
    }

    fn define(&mut self, space: &Space<'_, '_>, hash: u64, slot: u32) {
        let name = space.name(slot);
        let same = |entry: &NameEntry| entry.hash == hash && space.name(entry.first) == name;
        let Some(entry) = self.names.find_mut(hash, same) else {
            let new = NameEntry { hash, first: slot, winner: slot };
            self.names.insert_unique(hash, new, |entry| entry.hash);
            return;
        };
        space.firsts[slot as usize].store(entry.first, Ordering::Relaxed);
        match Candidate::of(space, slot).against(&Candidate::of(space, entry.winner), space.release) {
            Verdict::Old => {}
            Verdict::New => entry.winner = slot,
            Verdict::NewWithSize(size) => {
                entry.winner = slot;
                self.sizes.push((entry.first, size));
            }
            Verdict::OldWithSize(size) => self.sizes.push((entry.first, size)),
            Verdict::Duplicate => {
                let (old, new) = (entry.winner, slot);
                self.errors.push(duplicate(space, name, old, new));
            }
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
    fn of(space: &Space<'_, '_>, slot: u32) -> Self {
        let (entry, local) = space.locate(slot);
        let symbol = entry.object.symbol(local);
        let kind = Kind::of_object(symbol.kind());
        let has_contents = !entry.object.data(local).is_empty();
        Candidate {
            duplicate_ok: symbol.flags() & flag::DUPLICATE_OK != 0,
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

fn duplicate(space: &Space<'_, '_>, name: &[u8], old: u32, new: u32) -> Diagnostic {
    let describe = |slot: u32| {
        let (entry, local) = space.locate(slot);
        let package = &space.packages[entry.package.index()];
        let size = entry.object.symbol(local).size();
        format!("defined in package {} ({}), {size} bytes", package.path, package.file.display())
    };
    let name = String::from_utf8_lossy(name);
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
        let contents = shard.contents.values().map(|&(first, winner, _)| (first, winner));
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

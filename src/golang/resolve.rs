//! One symbol for each name, hash and definition (Go 1.26 and 1.27, `cmd/link/internal/loader/loader.go`, LoadSyms).
//!
//! Workers hash the names of one object each; then each takes a shard of all hashes and walks it in the order of the
//! objects, so that which definition comes first, and which wins, never depends on threads. Ids follow from counting.

mod shards;
#[cfg(test)]
mod tests;

use std::sync::atomic::AtomicU32;

use hashbrown::HashMap;
use rayon::prelude::*;

use shards::{Hashed, Shard, Space};

use super::kind::Kind;
use super::names::{NameTable, SHARDS};
use super::program::{self, Package};
use super::symbols::{
    GoSymbol, Home, MADE, Made, ObjectEntry, ObjectId, PackageId, Symbols, Version, Window, attribute, power,
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
    let hashed = Hashed::all(&objects);
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
        let (tail, own) = (release.relocation_tail, Window::default());
        let entry = ObjectEntry {
            object,
            package,
            relocation_tail: tail,
            base: base as u32,
            packages: referenced,
            own,
            windows: Vec::new(),
        };
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

/// The regions of ids that one object fills.
struct Numbers {
    package: u32,
    other: u32,
    references: u32,
}

/// Gives ids: definitions of packages, then everything else where it first stood, then names without definition.
fn number<'data>(mut objects: Vec<ObjectEntry<'data>>, packages: &[Package<'data>], firsts: &[u32]) -> Symbols<'data> {
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
    set_windows(&mut objects, &numbers);
    let mut symbols = Symbols {
        objects,
        packages: packages.iter().map(|package| package.path.clone()).collect(),
        slots,
        homes: vec![Home { object: MADE, local: u32::MAX }; count],
        kinds: vec![Kind::Undefined; count],
        attributes: vec![0; count],
        flags: vec![(0, 0); count],
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

/// The ids of each package's own definitions, for those who refer to them by number.
fn set_windows(objects: &mut [ObjectEntry<'_>], numbers: &[Numbers]) {
    for (entry, numbers) in objects.iter_mut().zip(numbers) {
        entry.own = Window { first: numbers.package, count: entry.object.counts().package };
    }
    let own: Vec<Window> = objects.iter().map(|entry| entry.own).collect();
    for entry in objects {
        let window = |package: &Option<ObjectId>| package.map_or_else(Window::default, |id| own[id.index()]);
        entry.windows = entry.packages.iter().map(window).collect();
    }
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
    let Symbols { objects, homes, kinds, attributes, alignments, flags, .. } = symbols;
    let lengths = || {
        let packages = new.iter().map(|new| new.0 as usize);
        std::iter::once(1).chain(packages).chain(new.iter().map(|new| new.1 as usize))
    };
    let mut homes = split_by_lengths(homes, lengths());
    let mut kinds = split_by_lengths(kinds, lengths());
    let mut attributes = split_by_lengths(attributes, lengths());
    let mut alignments = split_by_lengths(alignments, lengths());
    let mut flags = split_by_lengths(flags, lengths());
    let jobs = (0..2 * objects.len()).into_par_iter();
    jobs.zip(homes.par_iter_mut().skip(1).zip(kinds.par_iter_mut().skip(1)))
        .zip(attributes.par_iter_mut().skip(1).zip(alignments.par_iter_mut().skip(1)))
        .zip(flags.par_iter_mut().skip(1))
        .for_each(|(((job, (homes, kinds)), (attributes, alignments)), flags)| {
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
                flags[at] = (record.flags(), record.flags2());
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
        winners.extend(shard.contents);
        sizes.extend(shard.sizes);
        names.push(shard.names);
    }
    symbols.names = NameTable { shards: names };
    for (first, winner) in winners {
        let index = symbols.objects.partition_point(|entry| entry.base <= winner) - 1;
        let entry = &symbols.objects[index];
        let local = winner - entry.base;
        let symbol = symbols.slots[first as usize];
        let record = entry.object.symbol(local);
        symbols.kinds[symbol.index()] = Kind::of_object(record.kind());
        symbols.flags[symbol.index()] = (record.flags(), record.flags2());
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

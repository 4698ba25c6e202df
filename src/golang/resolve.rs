//! One symbol for each name, hash and definition (Go 1.26 and 1.27, `cmd/link/internal/loader/loader.go`, LoadSyms).
//!
//! Content-addressed definitions without a name are tables of program counters, to which nobody refers but one function of their own
//! object. They are the largest part of what Go's linker matches by contents; here they are no symbols ([`Unnamed`]), and those of functions
//! that are part of the program are matched when they are laid out.
//!
//! Workers hash the contents, and then the names, of a few objects each; each of them takes a shard of all hashes and walks
//! it in the order of the objects, so that which definition comes first, and which wins, never depends on threads. Ids
//! follow from counting.

mod columns;
mod lists;
mod rows;
mod shards;
mod slots;
#[cfg(test)]
mod tests;

use hashbrown::HashMap;
use rayon::prelude::*;

use lists::{Names, Noted};
use shards::{NameLists, Shard, Space, Workspace};
use slots::{Slots, symbol_of};

use super::program::{self, Package};
use super::symbols::Kind;
use super::symbols::names::{NameShard, NameTable, SHARDS_AT_ONCE, by_shard};
use super::symbols::{GoSymbol, Home, ObjectEntry, ObjectId, PackageId, Symbols, Version, Window, attribute};
use crate::diag::{Diagnostic, Diagnostics, Origin, Result};
use crate::inputs::goabi::Release;
use crate::inputs::goobj::records::flag2;
use crate::inputs::goobj::{Counts, Object, SymbolRecord};

/// An object on its way into the table.
#[derive(Clone, Debug)]
pub struct ObjectInput<'data> {
    /// The object.
    pub object: Object<'data>,
    /// Its package.
    pub package: PackageId,
}

/// What becomes of definitions that have no name: content-addressed ones, and descriptions of code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unnamed {
    /// The former mean no symbol; of the latter nothing is noted but how many there are.
    LeftOut,
    /// Symbols as all others, for those who want to be told of each.
    Symbols,
}

/// Makes the table.
pub fn resolve<'data>(
    inputs: Vec<ObjectInput<'data>>,
    packages: &[Package<'data>],
    release: &'static Release,
    unnamed: Unnamed,
) -> Result<Symbols<'data>> {
    let objects = entries(inputs, packages, release, unnamed)?;
    let slots = Slots::new(objects.last().map_or(0, |entry| entry.slots().end));
    let space = Space { objects: &objects, packages, release, unnamed };
    // One after the other: the lists of either are the most memory that resolving takes.
    let of_contents = match_contents(&space, &slots);
    let (of_names, names, noted) = match_names(&space, &slots);
    let errors = of_names.iter().flat_map(|shard| shard.errors.iter().cloned()).collect();
    Diagnostics::check((), errors)?;
    let mut symbols = columns::number(objects, packages, slots);
    symbols.names = names;
    settle(&mut symbols, of_contents.iter().chain(&of_names));
    for (slot, attributes) in noted.facts {
        symbols.set(symbols.slots[slot as usize], attributes);
    }
    let builtins = release
        .builtins()
        .map(|(name, abi)| symbols.find(name.as_bytes(), Version::of_abi(abi)).unwrap_or(GoSymbol::NONE));
    symbols.builtins = builtins.collect();
    symbols.linknames = linknames(&symbols.objects, noted.linknames);
    mark_referenced(&mut symbols);
    Ok(symbols)
}

fn match_contents(space: &Space<'_, '_>, slots: &Slots) -> Vec<Shard> {
    let mut lists = lists::contents(space, slots);
    let shards = by_shard(lists.iter_mut()).into_par_iter().enumerate().with_min_len(SHARDS_AT_ONCE);
    let shards =
        shards.map_init(Workspace::default, |work, (shard, lists)| shards::match_contents(space, shard, lists, work));
    let shards = shards.collect();
    lists.into_par_iter().for_each(|list| slots.settle(list.iter().map(rows::settled)));
    shards
}

fn match_names(space: &Space<'_, '_>, slots: &Slots) -> (Vec<Shard>, NameTable, Noted) {
    let Names { own, mut definitions, mut references, noted } = Names::all(space, slots);
    // Packages are defined once; if two objects of one package define a name all the same, the last is found by it.
    let own_of = |shard| NameShard::new(|| own.iter().flat_map(|list| list.bucket(shard)).copied());
    let lists = by_shard(definitions.iter_mut()).into_par_iter().zip(by_shard(references.iter_mut()));
    let shards = lists.enumerate().with_min_len(SHARDS_AT_ONCE);
    let shards = shards.map_init(Workspace::default, |work, (shard, (definitions, references))| {
        let lists = NameLists { own: own_of(shard), definitions, references };
        shards::match_names(space, shard, lists, work)
    });
    let (shards, names) = shards.unzip();
    definitions.into_par_iter().for_each(|list| slots.settle(list.iter().map(rows::settled)));
    references.into_par_iter().for_each(|list| slots.settle(list.iter().map(|named| (named.what, named.settled()))));
    (shards, NameTable(names), noted)
}

fn entries<'data>(
    inputs: Vec<ObjectInput<'data>>,
    packages: &[Package<'data>],
    release: &'static Release,
    unnamed: Unnamed,
) -> Result<Vec<ObjectEntry<'data>>> {
    // The first object of a package is the one whose symbols others refer to by number.
    let mut first_of: HashMap<String, ObjectId> = HashMap::new();
    for (index, input) in inputs.iter().enumerate() {
        let path = program::escape_path(&packages[input.package.index()].path);
        first_of.entry(path).or_insert(ObjectId(index as u32));
    }
    let find = |path: &[u8]| first_of.get(std::str::from_utf8(path).unwrap_or_default()).copied();
    let parts = inputs.par_iter().map(|ObjectInput { object, .. }| {
        let descriptions = if unnamed == Unnamed::LeftOut { descriptions(object) } else { 0 };
        (object.packages().map(find).collect(), descriptions)
    });
    let parts: Vec<(Vec<Option<ObjectId>>, u32)> = parts.collect();
    let mut errors = Vec::new();
    // No symbol has the id 0.
    let (mut first, mut base, mut described) = (1u64, 0u64, 0u64);
    let mut objects = Vec::with_capacity(inputs.len());
    for (ObjectInput { object, package }, (referenced, descriptions)) in inputs.into_iter().zip(parts) {
        // The first stands for no package.
        let unknown = object.packages().zip(&referenced).skip(1).filter(|(_, found)| found.is_none());
        errors.extend(unknown.map(|(path, _)| unknown_package(&packages[package.index()], path)));
        let counts = object.counts();
        let entry = ObjectEntry {
            object,
            package,
            relocations: &release.relocations,
            base: base as u32,
            slots_of: slots_of(base as u32, counts),
            packages: referenced,
            own: Window { first: first as u32, count: counts.package - descriptions },
            descriptions: Window { first: described as u32, count: descriptions },
            windows: Vec::new(),
        };
        first += u64::from(counts.package - descriptions);
        described += u64::from(descriptions);
        base += u64::from(counts.all() - counts.package);
        objects.push(entry);
    }
    let total = first + base + described;
    if total > u64::from(u32::MAX / 2) {
        errors.push(Diagnostic::error("too-many-symbols", format!("the program has {total} symbols: too many")));
    }
    set_windows(&mut objects);
    Diagnostics::check(objects, errors)
}

/// How many of a package's own definitions are descriptions, behind all others.
fn descriptions(object: &Object<'_>) -> u32 {
    let is_description = |record: &SymbolRecord<'_>| {
        let kind = Kind::of_object(record.kind());
        // The data is `FuncInfo`; any other has a name.
        record.is_unnamed() && (kind.is_dwarf() || kind == Kind::Data)
    };
    let records = object.symbols_of(0..object.counts().package).rev();
    records.take_while(is_description).count() as u32
}

/// Where slots begin: first those of short content-addressed definitions, then of the others, then of everything that is named.
fn slots_of(base: u32, counts: Counts) -> [Window; 3] {
    let hashed64 = Window { first: base, count: counts.hashed64 };
    let hashed = Window { first: base.wrapping_add(counts.hashed64), count: counts.hashed };
    let named =
        Window { first: hashed.first.wrapping_add(counts.hashed), count: counts.non_package + counts.references };
    [hashed, hashed64, named]
}

/// The ids of each package's own definitions, for those who refer to them by number.
fn set_windows(objects: &mut [ObjectEntry<'_>]) {
    let own: Vec<Window> = objects.iter().map(|entry| entry.own).collect();
    for entry in objects {
        let window = |package: &Option<ObjectId>| package.map_or_else(Window::default, |id| own[id.index()]);
        entry.windows = entry.packages.iter().map(window).collect();
    }
}

fn unknown_package(from: &Package<'_>, path: &[u8]) -> Diagnostic {
    let path = std::str::from_utf8(path).unwrap_or_default();
    let origin = Origin { package: Some(from.path.clone()), ..Origin::file(from.file) };
    Diagnostic::error("missing-package", format!("refers to package {path}, which is not part of the link"))
        .at(origin)
        .help("list it in the importcfg, or build the packages again")
}

/// What the shards found beyond the first definitions: winners that came later, larger sizes, and what later definitions
/// of the same add to the facts.
fn settle<'a>(symbols: &mut Symbols<'_>, shards: impl Iterator<Item = &'a Shard>) {
    let mut sizes = Vec::new();
    for shard in shards {
        for &(first, winner) in &shard.winners {
            let (index, local) = slots::locate(&symbols.objects, slots::Meaning::Slot(winner));
            let symbol = symbol_of(&symbols.slots, first);
            let record = symbols.objects[index].object.symbol(local);
            symbols.kinds[symbol.index()] = Kind::of_object(record.kind());
            symbols.sizes[symbol.index()] = record.size();
            symbols.flags[symbol.index()] = (record.flags(), record.flags2());
            let attributes = &mut symbols.attributes[symbol.index()];
            *attributes = *attributes & !columns::OF_NAME | columns::attributes_of_name(record);
            symbols.homes[symbol.index()] = Home { object: index as u32, local };
        }
        for facts in &shard.facts {
            let symbol = symbol_of(&symbols.slots, facts.of);
            symbols.set(symbol, facts.attributes.into());
            let known = &mut symbols.alignments[symbol.index()];
            *known = facts.alignment.max(*known);
        }
        sizes.extend(shard.sizes.iter().map(|&(first, size)| (symbol_of(&symbols.slots, first), size)));
    }
    sizes.sort_unstable();
    for (symbol, size) in sizes {
        let made = symbols.edit(symbol);
        made.size = made.size.max(u64::from(size));
    }
}

/// The symbols of some slots, as objects have them.
fn linknames(objects: &[ObjectEntry<'_>], slots: Vec<u32>) -> Vec<(ObjectId, u32)> {
    let located = slots.into_iter().map(|slot| slots::locate(objects, slots::Meaning::Slot(slot)));
    located.map(|(index, local)| (ObjectId(index as u32), local)).collect()
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

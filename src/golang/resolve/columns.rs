//! Ids, and the columns of what objects say of each symbol (Go 1.26 and 1.27, `cmd/link/internal/loader/loader.go`,
//! preloadSyms).
//!
//! Ids follow from counting what comes first: definitions of packages, then everything else where it first stood, then
//! names without definition. Each object's symbols are numbered and looked at by one worker.

use hashbrown::HashMap;
use rayon::prelude::*;

use super::slots::Slots;
use crate::golang::program::Package;
use crate::golang::symbols::Kind;
use crate::golang::symbols::names::NameTable;
use crate::golang::symbols::{
    GoSymbol, Home, MADE, Made, ObjectEntry, Symbols, Version, attribute, blocks_of_descriptions, power,
};
use crate::inputs::goobj::SymbolRecord;
use crate::inputs::goobj::records::{flag, flag2};

/// How many ids one object adds.
struct Count {
    package: u32,
    others: u32,
    references: u32,
}

/// Gives ids, and makes the columns.
pub(super) fn number<'data>(
    objects: Vec<ObjectEntry<'data>>,
    packages: &[Package<'data>],
    slots: Slots,
) -> Symbols<'data> {
    let counts: Vec<Count> = objects.par_iter().map(|entry| Count::of(entry, &slots)).collect();
    let total = |of: fn(&Count) -> u32| counts.iter().map(of).sum::<u32>();
    let first_external = 1 + total(|count| count.package) + total(|count| count.others);
    let count = (first_external + total(|count| count.references)) as usize;
    let (homes, (kinds, sizes, attributes, flags, alignments)) = rayon::join(
        || column(count, Home { object: MADE, local: u32::MAX }),
        || {
            (
                column(count, Kind::Undefined),
                column(count, 0),
                column(count, 0),
                column(count, (0, 0)),
                column(count, 0),
            )
        },
    );
    let mut symbols = Symbols {
        blocks: blocks_of_descriptions(&objects),
        objects,
        packages: packages.iter().map(|package| package.path.clone()).collect(),
        slots: Vec::new(),
        homes,
        kinds,
        sizes,
        attributes,
        flags,
        alignments,
        names: NameTable::default(),
        builtins: Vec::new(),
        linknames: Vec::new(),
        made: Vec::new(),
        made_names: HashMap::new(),
        first_external: GoSymbol(first_external),
        package_of: HashMap::new(),
    };
    fill(&mut symbols, &counts, &slots);
    symbols.slots = slots.resolved();
    symbols
}

/// Symbols that later stages make, about: without room for them, the list of those there are would have to move.
const MADE_LATER: usize = 1 << 10;

/// A column with room for the symbols that later stages make, so that it need not move.
fn column<T: Copy>(count: usize, value: T) -> Vec<T> {
    let mut column = Vec::with_capacity(count + count / 64 + (1 << 12));
    column.resize(count, value);
    column
}

impl Count {
    fn of(entry: &ObjectEntry<'_>, slots: &Slots) -> Self {
        let counts = entry.object.counts();
        let references = entry.slot_of(counts.definitions());
        let all = entry.slots();
        Count {
            package: entry.own.count,
            others: slots.firsts(all.start..references).count() as u32,
            references: slots.firsts(references..all.end).count() as u32,
        }
    }
}

/// The columns of ids that follow each other.
struct Columns<'a> {
    /// The first of the ids.
    first: u32,
    homes: &'a mut [Home],
    kinds: &'a mut [Kind],
    sizes: &'a mut [u32],
    attributes: &'a mut [u16],
    alignments: &'a mut [u8],
    flags: &'a mut [(u8, u8)],
}

impl<'a> Columns<'a> {
    /// Takes so many ids off the front.
    fn take(&mut self, count: u32) -> Columns<'a> {
        fn front<'a, T>(column: &mut &'a mut [T], count: u32) -> &'a mut [T] {
            let (front, rest) = std::mem::take(column).split_at_mut(count as usize);
            *column = rest;
            front
        }
        let first = self.first;
        self.first += count;
        Columns {
            first,
            homes: front(&mut self.homes, count),
            kinds: front(&mut self.kinds, count),
            sizes: front(&mut self.sizes, count),
            attributes: front(&mut self.attributes, count),
            alignments: front(&mut self.alignments, count),
            flags: front(&mut self.flags, count),
        }
    }

    fn define(&mut self, at: usize, home: Home, record: SymbolRecord<'_>) {
        self.homes[at] = home;
        self.kinds[at] = Kind::of_object(record.kind());
        self.sizes[at] = record.size();
        self.attributes[at] = attributes_of(record) | attributes_of_name(record);
        self.alignments[at] = alignment_of(record);
        self.flags[at] = (record.flags(), record.flags2());
    }
}

/// Fills the columns, and gives first slots their ids.
fn fill<'data>(symbols: &mut Symbols<'data>, counts: &[Count], slots: &Slots) {
    let first_external = symbols.first_external.0;
    let Symbols { objects, homes, kinds, sizes, attributes, alignments, flags, .. } = symbols;
    let mut all = Columns { first: 0, homes, kinds, sizes, attributes, alignments, flags };
    all.take(1);
    let packages: Vec<_> = counts.iter().map(|count| all.take(count.package)).collect();
    let others: Vec<_> = counts.iter().map(|count| all.take(count.others)).collect();
    let references: Vec<_> = counts.iter().map(|count| all.take(count.references)).collect();
    // Some objects are a hundred times as large as most.
    let objects = objects.par_iter().enumerate().with_max_len(1);
    let jobs = objects.zip(packages.into_par_iter().zip(others).zip(references));
    let made = jobs.map(|((index, entry), ((mut packages, mut others), references))| {
        let (object, counts) = (&entry.object, entry.object.counts());
        for (local, record) in (0u32..).zip(object.symbols_of(0..entry.own.count)) {
            packages.define(local as usize, Home { object: index as u32, local }, record);
        }
        let first_reference = entry.slot_of(counts.definitions());
        for (at, position) in slots.firsts(entry.base..first_reference).enumerate() {
            let local = counts.package + position;
            others.define(at, Home { object: index as u32, local }, object.symbol(local));
            slots.set(entry.base + position, others.first + at as u32);
        }
        // Names without definition are symbols that a stage may define.
        let firsts = slots.firsts(first_reference..entry.slots().end).enumerate();
        let made = firsts.map(|(at, position)| {
            let record = object.symbol(counts.definitions() + position);
            let id = references.first + at as u32;
            references.homes[at] = Home { object: MADE, local: id - first_external };
            references.attributes[at] = attributes_of(record);
            slots.set(first_reference + position, id);
            Made::undefined(object.name(record), record.abi())
        });
        made.collect::<Vec<_>>()
    });
    let made: Vec<Vec<Made<'data>>> = made.collect();
    let count: usize = made.iter().map(Vec::len).sum();
    symbols.made.reserve(count + MADE_LATER);
    made.into_iter().for_each(|mut of_object| symbols.made.append(&mut of_object));
}

pub(super) fn attributes_of(record: SymbolRecord<'_>) -> u16 {
    let local = if record.flags() & flag::LOCAL != 0 { attribute::LOCAL } else { 0 };
    let used = if record.flags2() & flag2::USED_IN_IFACE != 0 { attribute::USED_IN_IFACE } else { 0 };
    local | used
}

/// The attributes that are said anew where another definition takes a symbol over.
pub(super) const OF_NAME: u16 = attribute::UNNAMED | attribute::FILE_LOCAL;

/// Those of [`OF_NAME`] that a definition has.
pub(super) fn attributes_of_name(record: SymbolRecord<'_>) -> u16 {
    let unnamed = if record.is_unnamed() { attribute::UNNAMED } else { 0 };
    let is_static = Version::of_abi(record.abi()) == Version::Static;
    unnamed | if is_static { attribute::FILE_LOCAL } else { 0 }
}

pub(super) fn alignment_of(record: SymbolRecord<'_>) -> u8 {
    match u64::from(record.alignment()) {
        alignment if alignment.is_power_of_two() => power(alignment),
        _ => 0,
    }
}

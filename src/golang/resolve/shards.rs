//! Names and contents to the definition that counts: each shard of all hashes by one worker (Go 1.26 and 1.27,
//! `cmd/link/internal/loader/loader.go`, addSym).

use hashbrown::HashTable;

use super::Unnamed;
use super::rows::{self, Definition, Row};
use super::slots::{Meaning, locate};
use crate::diag::Diagnostic;
use crate::golang::program::Package;
use crate::golang::symbols::Kind;
use crate::golang::symbols::names::{Hash, NameShard, Named, ShardNames};
use crate::golang::symbols::{GoSymbol, ObjectEntry};
use crate::inputs::goabi::Release;
use crate::inputs::goobj::records::flag;

/// What the workers share.
pub(super) struct Space<'a, 'data> {
    pub objects: &'a [ObjectEntry<'data>],
    pub packages: &'a [Package<'data>],
    pub release: &'a Release,
    pub unnamed: Unnamed,
}

/// What a shard finds beyond which definition is the first.
#[derive(Default)]
pub(super) struct Shard {
    /// Definitions that count although they are not the first: what they define, and their slot.
    pub winners: Vec<(Meaning, u32)>,
    /// What definitions of the same say together, where that is more than what the first says.
    pub facts: Vec<Facts>,
    /// Zeroed and initialised definitions of one variable: what they define, and the larger size.
    pub sizes: Vec<(Meaning, u32)>,
    pub errors: Vec<Diagnostic>,
}

/// Attributes and an alignment of a definition.
pub(super) struct Facts {
    pub of: Meaning,
    pub attributes: u8,
    pub alignment: u8,
}

/// The definitions that are the same, so far. Half a cache line, for a shard's table to stay in the core's own cache.
struct Entry {
    hash: Hash,
    /// The value of its [`Meaning`].
    first: u32,
    /// The value of its [`Meaning`].
    winner: u32,
    /// Of the winner.
    size: u32,
    /// Of all of them.
    attributes: u8,
    alignment: u8,
    /// Whether that is more than what the first says.
    has_grown: bool,
    /// Of the winner.
    is_repeatable: bool,
}

/// The hash table of a shard; memory that a worker uses for one shard after the other.
#[derive(Default)]
pub(super) struct Workspace(HashTable<Entry>);

/// Matches the contents of a shard, object by object.
pub(super) fn match_contents(
    space: &Space<'_, '_>,
    shard: usize,
    lists: Vec<&mut [Row]>,
    workspace: &mut Workspace,
) -> Shard {
    let count = lists.iter().map(|list| list.len()).sum();
    let mut matching = Matching::new(space, shard, workspace, count);
    for definition in lists.into_iter().flatten() {
        matching.define(definition, |_| None);
    }
    matching.finish()
}

/// What a shard has of names.
pub(super) struct NameLists<'a> {
    pub own: NameShard<GoSymbol>,
    pub definitions: Vec<&'a mut [Row]>,
    pub references: Vec<&'a mut [Named<u32>]>,
}

/// Matches the names of a shard: first what packages define, then other definitions, then references, each object by object.
pub(super) fn match_names(
    space: &Space<'_, '_>,
    shard: usize,
    lists: NameLists<'_>,
    workspace: &mut Workspace,
) -> (Shard, ShardNames) {
    let NameLists { own, definitions, references } = lists;
    let count = definitions.iter().map(|list| list.len()).chain(references.iter().map(|list| list.len())).sum();
    let mut matching = Matching::new(space, shard, workspace, count);
    for definition in definitions.into_iter().flatten() {
        matching.define(definition, |hash| own.find(hash));
    }
    for reference in references.into_iter().flatten() {
        matching.refer(reference, |hash| own.find(hash));
    }
    let first_of = |entry: &Entry| match Meaning::of_value(entry.first) {
        Meaning::Slot(first) => Some(Named { hash: entry.hash, what: first }),
        Meaning::Symbol(_) => None,
    };
    let others = NameShard::new(|| matching.table.iter().filter_map(first_of));
    (matching.finish(), ShardNames { own, others })
}

/// The value of a slot that is the first of its name or contents.
const FIRST: u32 = 0;

/// A shard on its way.
struct Matching<'a, 'data> {
    space: &'a Space<'a, 'data>,
    shard: usize,
    table: &'a mut HashTable<Entry>,
    found: Shard,
}

impl<'a, 'data> Matching<'a, 'data> {
    fn new(space: &'a Space<'a, 'data>, shard: usize, workspace: &'a mut Workspace, count: usize) -> Self {
        let table = &mut workspace.0;
        table.clear();
        // Most definitions are one of three or more.
        table.reserve(count / 3, |entry| entry.hash.key());
        Matching { space, shard, table, found: Shard::default() }
    }

    fn find(&mut self, hash: Hash) -> Option<&mut Entry> {
        self.table.find_mut(hash.key(), |entry| entry.hash == hash)
    }

    fn insert(&mut self, entry: Entry) {
        self.table.insert_unique(entry.hash.key(), entry, |entry| entry.hash.key());
    }

    /// `own` tells which package's definition has the name.
    fn refer(&mut self, reference: &mut Named<u32>, own: impl Fn(Hash) -> Option<GoSymbol>) {
        let hash = reference.hash;
        if let Some(entry) = self.find(hash) {
            return reference.settle(entry.first);
        }
        let entry = match own(hash) {
            Some(symbol) => {
                reference.settle(symbol.0);
                Entry::of_package(hash, symbol, self.space)
            }
            None => {
                reference.settle(FIRST);
                Entry::of_definition(hash, &Definition { slot: reference.what, ..Definition::default() })
            }
        };
        self.insert(entry);
    }

    /// `own` tells which package's definition has the name.
    fn define(&mut self, row: &mut Row, own: impl Fn(Hash) -> Option<GoSymbol>) {
        let space = self.space;
        let (hash, new) = Definition::of_row(self.shard, row);
        if let Some(entry) = self.table.find_mut(hash.key(), |entry| entry.hash == hash) {
            entry.meet(&new, space, &mut self.found);
            return rows::settle(row, entry.first);
        }
        let entry = match own(hash) {
            Some(symbol) => {
                let mut entry = Entry::of_package(hash, symbol, space);
                entry.meet(&new, space, &mut self.found);
                rows::settle(row, symbol.0);
                entry
            }
            None => {
                rows::settle(row, FIRST);
                Entry::of_definition(hash, &new)
            }
        };
        self.insert(entry);
    }

    fn finish(mut self) -> Shard {
        for entry in self.table.iter() {
            let of = Meaning::of_value(entry.first);
            match Meaning::of_value(entry.winner) {
                Meaning::Slot(winner) if entry.winner != entry.first => self.found.winners.push((of, winner)),
                _ => {}
            }
            if entry.has_grown {
                let &Entry { attributes, alignment, .. } = entry;
                self.found.facts.push(Facts { of, attributes, alignment });
            }
        }
        self.found
    }
}

impl Entry {
    fn of_definition(hash: Hash, new: &Definition) -> Self {
        let first = Meaning::Slot(new.slot).value();
        let &Definition { size, attributes, alignment, is_repeatable, .. } = new;
        Entry { hash, first, winner: first, size, attributes, alignment, has_grown: false, is_repeatable }
    }

    /// What the column of the symbol has already is not said again.
    fn of_package(hash: Hash, symbol: GoSymbol, space: &Space<'_, '_>) -> Self {
        let definition = Candidate::of(space, Meaning::Symbol(symbol));
        Entry {
            first: symbol.0,
            winner: symbol.0,
            size: definition.size,
            is_repeatable: definition.is_repeatable,
            ..Entry::of_definition(hash, &Definition::default())
        }
    }

    /// Takes in another definition of the same.
    fn meet(&mut self, new: &Definition, space: &Space<'_, '_>, found: &mut Shard) {
        if new.attributes & !self.attributes != 0 || new.alignment > self.alignment {
            self.attributes |= new.attributes;
            self.alignment = self.alignment.max(new.alignment);
            self.has_grown = true;
        }
        let strong_wins = space.release.strong_wins_over_duplicates;
        let is_new = match (new.is_repeatable, self.is_repeatable) {
            // The same contents may be stored without the zeros at their end: the largest of equals counts.
            (true, is_repeatable) => new.size > self.size && (is_repeatable || !strong_wins),
            (false, true) => strong_wins,
            (false, false) => self.compete(new, space, found),
        };
        if is_new {
            self.winner = Meaning::Slot(new.slot).value();
            (self.size, self.is_repeatable) = (new.size, new.is_repeatable);
        }
    }

    /// Whether the new one of two definitions wins of which there should be one only.
    fn compete(&self, new: &Definition, space: &Space<'_, '_>, found: &mut Shard) -> bool {
        let slot = Meaning::Slot(new.slot);
        let (first, winner) = (Meaning::of_value(self.first), Meaning::of_value(self.winner));
        match Candidate::of(space, slot).against(&Candidate::of(space, winner)) {
            Verdict::Old => false,
            Verdict::New => true,
            Verdict::NewWithSize(size) => {
                found.sizes.push((first, size));
                true
            }
            Verdict::OldWithSize(size) => {
                found.sizes.push((first, size));
                false
            }
            Verdict::Duplicate => {
                found.errors.push(duplicate(space, winner, slot));
                false
            }
        }
    }
}

/// A definition as its object has it.
struct Candidate {
    is_repeatable: bool,
    size: u32,
    is_text: bool,
    is_data: bool,
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
    fn of(space: &Space<'_, '_>, definition: Meaning) -> Self {
        let (index, local) = locate(space.objects, definition);
        let object = &space.objects[index].object;
        let symbol = object.symbol(local);
        let kind = Kind::of_object(symbol.kind());
        Candidate {
            is_repeatable: symbol.flags() & flag::DUPLICATE_OK != 0,
            size: symbol.size(),
            is_text: kind.is_text(),
            is_data: kind.is_data(),
            has_contents: !object.data(local).is_empty(),
        }
    }

    const fn is_zeroed(&self) -> bool {
        self.is_data && !self.has_contents
    }

    /// A variable that one object declares and another initialises, or two declare, is one variable of the larger size; a
    /// function wins over a variable that only stands for its address.
    fn against(&self, old: &Candidate) -> Verdict {
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

fn duplicate(space: &Space<'_, '_>, old: Meaning, new: Meaning) -> Diagnostic {
    let describe = |definition: Meaning| {
        let (index, local) = locate(space.objects, definition);
        let entry = &space.objects[index];
        let package = &space.packages[entry.package.index()];
        let size = entry.object.symbol(local).size();
        format!("defined in package {} ({}), {size} bytes", package.path, package.file.display())
    };
    let (index, local) = locate(space.objects, new);
    let object = &space.objects[index].object;
    let name = String::from_utf8_lossy(object.name(object.symbol(local)));
    Diagnostic::error("duplicate-symbol", format!("the symbol {name} is defined twice"))
        .note(describe(old))
        .note(describe(new))
        .help("two packages define it by //go:linkname or in assembly: remove one of the definitions")
}

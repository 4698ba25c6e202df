//! What is matched by name or contents, hashed and dealt out to shards (Go 1.26 and 1.27,
//! `cmd/link/internal/loader/loader.go`, preloadSyms and loadObjRefs).
//!
//! Records are read in the order in which they lie in memory, and a list has all that its shard needs of them, so that
//! shards never look at the objects. A shard leaves in the list what each entry means; from there it goes to the column of
//! slots list by list, so that the part of the column that is written stays in the core's own cache.

use super::Unnamed;
use super::columns::attributes_of;
use super::rows::{Definition, Row};
use super::shards::Space;
use super::slots::{Meaning, NOTHING, Slots};
use crate::golang::linkname;
use crate::golang::symbols::names::{Hash, Named, SHARDS, Sorted};
use crate::golang::symbols::{GoSymbol, ObjectEntry, Version};
use crate::inputs::goobj::{ContentHash, Object, SymbolRecord};
use crate::par::largest_first;

/// How many symbols are hashed as one list, about: enough that what each shard finds there lies close together.
const GROUP: u32 = 1 << 16;

/// Objects, a few at a time.
fn groups<'a, 'data>(objects: &'a [ObjectEntry<'data>]) -> Vec<&'a [ObjectEntry<'data>]> {
    let mut groups = Vec::new();
    let mut start = 0;
    for (index, entry) in objects.iter().enumerate() {
        if entry.slots().end - objects[start].base >= GROUP || index + 1 == objects.len() {
            groups.push(&objects[start..=index]);
            start = index + 1;
        }
    }
    groups
}

/// Symbols of a few objects that are hashed.
fn hashed(group: &&[ObjectEntry<'_>]) -> usize {
    group.iter().map(|entry| entry.slots().len()).sum()
}

/// The content-addressed definitions of a few objects, by shard.
pub(super) type Contents = Sorted<Row>;

/// The content-addressed definitions of all objects, in order. The slots of those that are left out mean nothing.
pub(super) fn contents(space: &Space<'_, '_>, slots: &Slots) -> Vec<Contents> {
    let of_group = |(): &mut (), group: &&[ObjectEntry<'_>]| {
        let definitions = || group.iter().flat_map(|entry| contents_of(entry, space.unnamed));
        let shards = definitions().filter_map(|(slot, record, hash)| match record {
            Some(_) => Some(hash().shard()),
            None => {
                slots.set(slot, NOTHING);
                None
            }
        });
        let rows = definitions().filter_map(|(slot, record, hash)| {
            let (definition, hash) = (Definition::new(slot, record?), hash());
            Some((hash.shard(), Definition { is_repeatable: true, ..definition }.row(hash)))
        });
        Sorted::new(SHARDS, shards, rows)
    };
    largest_first(&groups(space.objects), hashed, || (), of_group)
}

/// The content-addressed definitions of an object: the slot of each, its record unless it is left out, and its hash, which is only
/// looked at on request.
fn contents_of<'a, 'data>(
    entry: &'a ObjectEntry<'data>,
    unnamed: Unnamed,
) -> impl Iterator<Item = (u32, Option<SymbolRecord<'data>>, impl Fn() -> Hash + use<'data>)> + use<'a, 'data> {
    let range = entry.object.counts().content_addressed();
    let records = entry.object.symbols_of(range).zip(entry.object.content_hashes());
    records.zip(entry.base..).map(move |((record, hash), slot)| {
        let is_kept = unnamed == Unnamed::Symbols || !record.is_unnamed() || matches!(hash, ContentHash::Short(_));
        (slot, is_kept.then_some(record), move || Hash::of_contents(hash))
    })
}

/// The names of all objects: for a few of them at a time, in order, by shard.
#[derive(Default)]
pub(super) struct Names {
    /// What packages define.
    pub own: Vec<Sorted<Named<GoSymbol>>>,
    /// Definitions that belong to no package.
    pub definitions: Vec<Sorted<Row>>,
    /// References, by slot.
    pub references: Vec<Sorted<Named<u32>>>,
    /// What else is to be known of some.
    pub noted: Noted,
}

/// What is noted of names on the way.
#[derive(Default)]
pub(super) struct Noted {
    /// Attributes that references give, by slot.
    pub facts: Vec<(u32, u16)>,
    /// Slots of definitions and references that a linkname names.
    pub linknames: Vec<u32>,
}

impl Names {
    /// Hashes the names of all objects. References without a name, which are most of them, are not listed again and again: all
    /// but the first few get the slot of one before them.
    pub fn all(space: &Space<'_, '_>, slots: &Slots) -> Self {
        let linkname_flags = linkname::flags(space.release);
        let workspace = || Unsorted { linkname_flags, ..Unsorted::default() };
        let sort = |unsorted: &mut Unsorted, group: &&[ObjectEntry<'_>]| unsorted.sort(group, slots);
        let sorted = largest_first(&groups(space.objects), hashed, workspace, sort);
        let mut names = Names::default();
        for (own, definitions, references, Noted { facts, linknames }) in sorted {
            names.own.push(own);
            names.definitions.push(definitions);
            names.references.push(references);
            names.noted.facts.extend(facts);
            names.noted.linknames.extend(linknames);
        }
        names
    }
}

fn sorted<T, R: Copy + Default>(list: &[Named<T>], row: impl Fn(&Named<T>) -> R) -> Sorted<R> {
    let entries = list.iter().map(|named| (named.hash.shard(), row(named)));
    Sorted::new(SHARDS, list.iter().map(|named| named.hash.shard()), entries)
}

/// As in [`Names`], of some objects.
type SortedNames = (Sorted<Named<GoSymbol>>, Sorted<Row>, Sorted<Named<u32>>, Noted);

/// Names in the order in which objects have them; memory that a worker uses again and again.
#[derive(Default)]
struct Unsorted {
    own: Vec<Named<GoSymbol>>,
    definitions: Vec<Named<Definition>>,
    references: Vec<Named<u32>>,
    /// The first slot that refers to no name, in either version.
    unnamed: [Option<u32>; 2],
    noted: Noted,
    linkname_flags: u8,
}

impl Unsorted {
    fn sort(&mut self, objects: &[ObjectEntry<'_>], slots: &Slots) -> SortedNames {
        self.own.clear();
        self.definitions.clear();
        self.references.clear();
        self.unnamed = [None; 2];
        for entry in objects {
            self.add_own(entry);
            self.add_definitions(entry);
            self.add_references(entry, slots);
        }
        let noted = std::mem::take(&mut self.noted);
        let definitions = sorted(&self.definitions, |named| named.what.row(named.hash));
        (sorted(&self.own, |named| *named), definitions, sorted(&self.references, |named| *named), noted)
    }

    fn add_own(&mut self, entry: &ObjectEntry<'_>) {
        let records = entry.object.symbols_of(0..entry.own.count).zip(entry.own.first..);
        // Definitions without a name are their own; all references without one are the same symbol.
        for (record, symbol) in records.filter(|(record, _)| !record.is_unnamed()) {
            self.own.extend(hash(&entry.object, record).map(|hash| Named { hash, what: GoSymbol(symbol) }));
        }
    }

    fn add_definitions(&mut self, entry: &ObjectEntry<'_>) {
        let definitions = entry.object.counts().definitions();
        let first = definitions - entry.object.counts().non_package;
        let records = entry.object.symbols_of(first..definitions).zip(entry.slot_of(first)..);
        for (record, slot) in records.filter(|(record, _)| !record.is_unnamed()) {
            let named = |hash| Named { hash, what: Definition::new(slot, record) };
            self.definitions.extend(hash(&entry.object, record).map(named));
            self.note_linkname(record, slot);
        }
    }

    fn add_references(&mut self, entry: &ObjectEntry<'_>, slots: &Slots) {
        let counts = entry.object.counts();
        let records = entry.object.symbols_of(counts.definitions()..counts.all());
        for (record, slot) in records.zip(entry.slot_of(counts.definitions())..) {
            match self.unnamed_before(record, slot) {
                Some(first) => slots.set(slot, Meaning::Slot(first).value()),
                None => self.references.extend(hash(&entry.object, record).map(|hash| Named { hash, what: slot })),
            }
            self.noted.facts.extend(Some((slot, attributes_of(record))).filter(|(_, attributes)| *attributes != 0));
            self.note_linkname(record, slot);
        }
    }

    fn note_linkname(&mut self, record: SymbolRecord<'_>, slot: u32) {
        if record.flags2() & self.linkname_flags != 0 {
            self.noted.linknames.push(slot);
        }
    }

    /// For a reference without a name: the slot of one before it.
    fn unnamed_before(&mut self, record: SymbolRecord<'_>, slot: u32) -> Option<u32> {
        if !record.is_unnamed() {
            return None;
        }
        let first = self.unnamed.get_mut(Version::of_abi(record.abi()) as usize)?;
        let before = *first;
        *first = before.or(Some(slot));
        before
    }
}

/// The hash of a name, unless only its object knows it.
fn hash<'data>(object: &Object<'data>, record: SymbolRecord<'data>) -> Option<Hash> {
    match Version::of_abi(record.abi()) {
        Version::Static => None,
        version => Some(Hash::of_name(object.name(record), version)),
    }
}

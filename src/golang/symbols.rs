//! The symbols of a Go link: columns by id, over objects that are never copied (Go 1.26 and 1.27,
//! `cmd/link/internal/loader`).
//!
//! Ids are given in the order in which Go's linker numbers its symbols: it breaks ties by this number when it lays out
//! data, so the order is part of the output. Definitions of packages come first, object by object; then the
//! content-addressed and the non-package ones, where they first appear; then names that nothing defines; then what the
//! linker makes, in the order of making.

use std::borrow::Cow;
use std::ops::Range;

use hashbrown::HashMap;
use rayon::iter::Either;

use super::kind::Kind;
use super::names::NameTable;
use crate::inputs::goobj::records::{flag, flag2, package_index};
use crate::inputs::goobj::{AuxKind, Object, Reference, RelocationKind, RelocationKinds, RelocationRecord};

/// A symbol of a Go link; [`GoSymbol::NONE`] is none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct GoSymbol(pub u32);

impl GoSymbol {
    /// No symbol.
    pub const NONE: Self = GoSymbol(0);

    /// The position in a column.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// Whether it is no symbol.
    #[inline]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The symbol, if it is one.
    pub fn some(self) -> Option<Self> {
        (self.0 != 0).then_some(self)
    }
}

/// An object of the link, in the order of loading; every member of a package archive has one, as it is a compilation unit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ObjectId(pub u32);

impl ObjectId {
    /// The position in a column.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A package of the link, in the order of loading: `main` is the first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PackageId(pub u32);

impl PackageId {
    /// The position in a column.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Which of the symbols of one name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Version {
    /// The stable calling convention; all data.
    Abi0 = 0,
    /// Go's own calling convention.
    AbiInternal = 1,
    /// Known to its object only.
    Static = 2,
}

impl Version {
    /// The version of an object's ABI number.
    pub const fn of_abi(abi: u16) -> Self {
        match abi {
            0 => Version::Abi0,
            1 => Version::AbiInternal,
            _ => Version::Static,
        }
    }
}

/// Facts about a symbol that stages find out; bits of a column.
pub mod attribute {
    /// Part of the program.
    pub const REACHABLE: u16 = 1 << 0;
    /// Visible in this module only.
    pub const LOCAL: u16 = 1 << 1;
    /// A type that is converted to an interface.
    pub const USED_IN_IFACE: u16 = 1 << 2;
    /// Not to be listed in `.symtab`.
    pub const NOT_IN_SYMTAB: u16 = 1 << 3;
    /// Marks a boundary of a section; laid out by no rule.
    pub const SPECIAL: u16 = 1 << 4;
    /// Without a name in its object.
    pub const UNNAMED: u16 = 1 << 5;
}

/// One object with what is known of it.
#[derive(Clone, Debug)]
pub struct ObjectEntry<'data> {
    /// The object.
    pub object: Object<'data>,
    /// Its package.
    pub package: PackageId,
    /// What its types of relocations mean.
    pub(super) relocations: &'static RelocationKinds,
    /// Position in the column of slots of its first symbol that is not one of its package's own.
    pub(super) base: u32,
    /// The slots of its symbols of no package, by what the package stands for: [`package_index::HASHED`] first, then the two after it.
    pub(super) slots_of: [Window; 3],
    /// By index of its list of packages: the object that defines the package's symbols.
    pub(super) packages: Vec<Option<ObjectId>>,
    /// The ids of its package's symbols that are defined here.
    pub(super) own: Window,
    /// By index of its list of packages: the ids of the package's symbols.
    pub(super) windows: Vec<Window>,
}

impl ObjectEntry<'_> {
    /// The slots of all its symbols but its package's own.
    pub(super) fn slots(&self) -> Range<u32> {
        let counts = self.object.counts();
        self.base..self.base + (counts.all() - counts.package)
    }

    /// The slot of a symbol that is not one of its package's own.
    pub(super) fn slot_of(&self, local: u32) -> u32 {
        self.base + (local - self.object.counts().package)
    }
}

/// Ids that follow each other.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Window {
    /// The first of them.
    pub first: u32,
    /// How many.
    pub count: u32,
}

impl Window {
    #[inline]
    fn get(self, index: u32) -> Option<u32> {
        (index < self.count).then(|| self.first + index)
    }

    #[inline]
    fn at(self, index: u32) -> GoSymbol {
        self.get(index).map_or(GoSymbol::NONE, GoSymbol)
    }
}

/// Where the definition that counts is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Home {
    /// The object, or [`MADE`].
    pub object: u32,
    /// The symbol in the object, or the position in [`Symbols::made`].
    pub local: u32,
}

/// The object of symbols that the linker made or changed.
pub(super) const MADE: u32 = u32::MAX;

/// A symbol that the linker made, or took over from an object to change it.
#[derive(Clone, Debug, Default)]
pub struct Made<'data> {
    /// Its name.
    pub name: Cow<'data, [u8]>,
    /// The object it came from.
    pub object: Option<ObjectId>,
    /// Bytes it takes.
    pub size: u64,
    /// Its contents; zeros follow up to the size.
    pub data: Cow<'data, [u8]>,
    /// Its relocations.
    pub relocations: Vec<Relocation>,
    /// Its auxiliary symbols.
    pub aux: Vec<(AuxKind, GoSymbol)>,
    /// Which of its name.
    version: u8,
    is_content_hashed: bool,
}

/// A relocation with its target found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Relocation {
    /// Offset in the symbol, in bytes.
    pub offset: i32,
    /// Bytes that are patched; 0 patches nothing.
    pub size: u8,
    /// Whether it does not keep the target alive.
    pub weak: bool,
    /// What it asks for.
    pub kind: RelocationKind,
    /// The addend.
    pub addend: i64,
    /// The target; [`GoSymbol::NONE`] for kinds that have none and for references that name nothing.
    pub target: GoSymbol,
}

/// The symbols.
pub struct Symbols<'data> {
    /// By [`ObjectId`].
    pub objects: Vec<ObjectEntry<'data>>,
    /// By [`PackageId`]: the import path.
    pub packages: Vec<String>,
    pub(super) slots: Vec<GoSymbol>,
    pub(super) homes: Vec<Home>,
    pub(super) kinds: Vec<Kind>,
    pub(super) attributes: Vec<u16>,
    /// The two bytes of flags that objects give.
    pub(super) flags: Vec<(u8, u8)>,
    /// Logarithm to base 2, and 1; 0 where nothing is said.
    pub(super) alignments: Vec<u8>,
    pub(super) names: NameTable,
    pub(super) builtins: Vec<GoSymbol>,
    /// Definitions outside packages, and references, that a linkname names: by object, as it has them.
    pub(super) linknames: Vec<(ObjectId, u32)>,
    pub(super) made: Vec<Made<'data>>,
    pub(super) made_names: HashMap<(Vec<u8>, Version), GoSymbol>,
    /// The first id that no object defines.
    pub(super) first_external: GoSymbol,
    /// Packages of symbols that were given to another one than that of their definition.
    pub(super) package_of: HashMap<GoSymbol, PackageId>,
}

impl<'data> Symbols<'data> {
    /// How many ids there are; ids go from 1 to one less.
    pub fn count(&self) -> usize {
        self.homes.len()
    }

    /// Every symbol, in order.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = GoSymbol> + ExactSizeIterator + use<'data> {
        (1..self.homes.len() as u32).map(GoSymbol)
    }

    #[inline]
    fn home(&self, symbol: GoSymbol) -> Home {
        self.homes[symbol.index()]
    }

    /// The definition in an object, if no linker stage has taken it over.
    #[inline]
    pub fn definition(&self, symbol: GoSymbol) -> Option<(ObjectId, u32)> {
        let home = self.home(symbol);
        (home.object != MADE && !symbol.is_none()).then_some((ObjectId(home.object), home.local))
    }

    #[inline]
    fn made(&self, symbol: GoSymbol) -> Option<&Made<'data>> {
        let home = self.home(symbol);
        if home.object == MADE { self.made.get(home.local as usize) } else { None }
    }

    /// An object.
    #[inline]
    pub fn object(&self, id: ObjectId) -> &ObjectEntry<'data> {
        &self.objects[id.index()]
    }

    /// The symbol of a position in an object's lists of definitions and references.
    pub fn of_local(&self, id: ObjectId, local: u32) -> GoSymbol {
        let entry = &self.objects[id.index()];
        match local < entry.own.count {
            true => GoSymbol(entry.own.first + local),
            false => self.slots[entry.slot_of(local) as usize],
        }
    }

    /// The object a symbol comes from: its compilation unit.
    pub fn unit(&self, symbol: GoSymbol) -> Option<ObjectId> {
        match self.made(symbol) {
            Some(made) => made.object,
            None => self.definition(symbol).map(|(object, _)| object),
        }
    }

    /// The package a symbol belongs to.
    pub fn package(&self, symbol: GoSymbol) -> Option<PackageId> {
        let given = self.package_of.get(&symbol).copied();
        given.or_else(|| self.unit(symbol).map(|unit| self.object(unit).package))
    }

    /// The import path of the package a symbol belongs to; empty for what the linker made.
    pub fn package_path(&self, symbol: GoSymbol) -> &str {
        self.package(symbol).map_or("", |package| &self.packages[package.index()])
    }

    /// Gives a symbol to another package.
    pub fn set_package(&mut self, symbol: GoSymbol, package: PackageId) {
        self.package_of.insert(symbol, package);
    }

    /// Its name; not necessarily UTF-8, empty for auxiliary symbols.
    #[inline]
    pub fn name(&self, symbol: GoSymbol) -> &[u8] {
        match self.made(symbol) {
            Some(made) => &made.name,
            None => self.definition(symbol).map_or(&b""[..], |(id, local)| {
                let object = &self.object(id).object;
                object.name(object.symbol(local))
            }),
        }
    }

    /// Its name for people.
    pub fn display(&self, symbol: GoSymbol) -> Cow<'_, str> {
        String::from_utf8_lossy(self.name(symbol))
    }

    /// Which of the symbols of its name.
    pub fn version(&self, symbol: GoSymbol) -> Version {
        match self.made(symbol) {
            Some(made) => Version::of_abi(u16::from(made.version)),
            None => self
                .definition(symbol)
                .map_or(Version::Abi0, |(id, local)| Version::of_abi(self.object(id).object.symbol(local).abi())),
        }
    }

    /// What it is.
    #[inline]
    pub fn kind(&self, symbol: GoSymbol) -> Kind {
        self.kinds[symbol.index()]
    }

    /// Makes it something else.
    pub fn set_kind(&mut self, symbol: GoSymbol, kind: Kind) {
        self.kinds[symbol.index()] = kind;
    }

    /// Bytes it takes.
    #[inline]
    pub fn size(&self, symbol: GoSymbol) -> u64 {
        match self.made(symbol) {
            Some(made) => made.size,
            None => {
                self.definition(symbol).map_or(0, |(id, local)| u64::from(self.object(id).object.symbol(local).size()))
            }
        }
    }

    /// Its contents; zeros follow up to its size.
    #[inline]
    pub fn data(&self, symbol: GoSymbol) -> &[u8] {
        match self.made(symbol) {
            Some(made) => &made.data,
            None => self.definition(symbol).map_or(&[], |(id, local)| self.object(id).object.data(local)),
        }
    }

    /// The alignment that was asked for, in bytes; 0 if its size decides.
    pub fn alignment(&self, symbol: GoSymbol) -> u64 {
        match self.alignments[symbol.index()] {
            0 => 0,
            power => 1 << (power - 1),
        }
    }

    /// Asks for an alignment, a power of two in bytes; 0 asks for none.
    pub fn set_alignment(&mut self, symbol: GoSymbol, alignment: u64) {
        self.alignments[symbol.index()] = power(alignment);
    }

    /// Whether it has all of some [`attribute`]s.
    #[inline]
    pub fn is(&self, symbol: GoSymbol, attribute: u16) -> bool {
        self.attributes[symbol.index()] & attribute == attribute
    }

    /// Whether nobody is told of it: it has no name, or is not to be listed.
    #[inline]
    pub fn is_hidden(&self, symbol: GoSymbol) -> bool {
        self.attributes[symbol.index()] & (attribute::UNNAMED | attribute::NOT_IN_SYMTAB) != 0
    }

    /// Whether it is part of the program.
    #[inline]
    pub fn is_reachable(&self, symbol: GoSymbol) -> bool {
        self.is(symbol, attribute::REACHABLE)
    }

    /// Gives it some [`attribute`]s.
    pub fn set(&mut self, symbol: GoSymbol, attribute: u16) {
        self.attributes[symbol.index()] |= attribute;
    }

    /// Takes some [`attribute`]s away.
    pub fn clear(&mut self, symbol: GoSymbol, attribute: u16) {
        self.attributes[symbol.index()] &= !attribute;
    }

    /// The column of [`attribute`]s, for stages that work on all of it.
    pub fn attributes_mut(&mut self) -> &mut [u16] {
        &mut self.attributes
    }

    /// The flags that its object gives it: [`flag`] and [`flag2`].
    #[inline]
    pub fn flags(&self, symbol: GoSymbol) -> (u8, u8) {
        self.flags[symbol.index()]
    }

    /// Whether its object gives it a [`flag`].
    pub fn has_flag(&self, symbol: GoSymbol, flag: u8) -> bool {
        self.flags(symbol).0 & flag != 0
    }

    /// Whether its object gives it a [`flag2`].
    pub fn has_flag2(&self, symbol: GoSymbol, flag: u8) -> bool {
        self.flags(symbol).1 & flag != 0
    }

    /// Whether it is a type descriptor.
    pub fn is_go_type(&self, symbol: GoSymbol) -> bool {
        self.has_flag(symbol, flag::GO_TYPE)
    }

    /// Whether it is an itab.
    pub fn is_itab(&self, symbol: GoSymbol) -> bool {
        self.has_flag2(symbol, flag2::ITAB)
    }

    /// Whether only its object can refer to it.
    pub fn is_file_local(&self, symbol: GoSymbol) -> bool {
        self.version(symbol) == Version::Static
    }

    /// Whether it is content-addressed by a full hash.
    pub fn is_content_hashed(&self, symbol: GoSymbol) -> bool {
        self.made(symbol).is_some_and(|made| made.is_content_hashed) || self.is_hashed_definition(symbol)
    }

    fn is_hashed_definition(&self, symbol: GoSymbol) -> bool {
        self.definition(symbol).is_some_and(|(id, local)| {
            let counts = self.object(id).object.counts();
            let first = counts.package + counts.hashed64;
            (first..first + counts.hashed).contains(&local)
        })
    }

    /// Whether no object defines it, or a stage has taken it over.
    pub fn is_made(&self, symbol: GoSymbol) -> bool {
        self.home(symbol).object == MADE
    }

    /// The first id that no object defined when all were loaded.
    pub fn first_external(&self) -> GoSymbol {
        self.first_external
    }

    /// The symbol that an object's reference means; none if it is nil or names nothing.
    #[inline]
    pub fn resolve(&self, from: ObjectId, reference: Reference) -> GoSymbol {
        self.resolve_in(self.object(from), reference)
    }

    /// The same, with the object found.
    #[inline]
    pub(super) fn resolve_in(&self, entry: &ObjectEntry<'_>, reference: Reference) -> GoSymbol {
        match reference.package {
            package_index::SELF => entry.own.at(reference.index),
            package if package < package_index::SELF => {
                // No package is at 0, which stands for no symbol.
                entry.windows.get(package as usize).map_or(GoSymbol::NONE, |window| window.at(reference.index))
            }
            package_index::BUILTIN => self.builtins.get(reference.index as usize).copied().unwrap_or(GoSymbol::NONE),
            special => {
                let slots = entry.slots_of.get((special - package_index::HASHED) as usize);
                let slot = slots.and_then(|slots| slots.get(reference.index));
                slot.map_or(GoSymbol::NONE, |slot| self.slots[slot as usize])
            }
        }
    }

    /// Its relocations, in order.
    #[inline]
    pub fn relocations(&self, symbol: GoSymbol) -> impl Iterator<Item = Relocation> + Clone + use<'_, 'data> {
        let Some((id, local)) = self.definition(symbol) else {
            let made = self.made(symbol).map_or(&[][..], |made| &made.relocations);
            return Either::Left(made.iter().copied());
        };
        let entry = self.object(id);
        Either::Right(entry.object.relocations(local).map(move |record| self.relocation(entry, record)))
    }

    /// Its relocations that patch bytes, in order. The others are not even resolved.
    #[inline]
    pub fn patches(&self, symbol: GoSymbol) -> impl Iterator<Item = Relocation> + use<'_, 'data> {
        let Some((id, local)) = self.definition(symbol) else {
            let made = self.made(symbol).map_or(&[][..], |made| &made.relocations);
            return Either::Left(made.iter().copied().filter(|relocation| relocation.size > 0));
        };
        let entry = self.object(id);
        let records = entry.object.relocations(local).filter(|record| record.size() > 0);
        Either::Right(records.map(move |record| self.relocation(entry, record)))
    }

    #[inline]
    fn relocation(&self, entry: &ObjectEntry<'data>, record: RelocationRecord<'data>) -> Relocation {
        Relocation {
            offset: record.offset(),
            size: record.size(),
            weak: record.is_weak(),
            kind: entry.relocations.of(record.raw_kind()),
            addend: record.addend(),
            target: self.resolve_in(entry, record.target()),
        }
    }

    /// What its first relocation at an offset refers to; none if there is none.
    pub fn target_at(&self, symbol: GoSymbol, offset: i32) -> GoSymbol {
        match self.definition(symbol) {
            Some((id, local)) => {
                let found = self.object(id).object.relocations(local).find(|record| record.offset() == offset);
                found.map_or(GoSymbol::NONE, |record| self.resolve(id, record.target()))
            }
            None => {
                let found = self.relocations(symbol).find(|relocation| relocation.offset == offset);
                found.map_or(GoSymbol::NONE, |relocation| relocation.target)
            }
        }
    }

    /// How many relocations it has.
    pub fn relocation_count(&self, symbol: GoSymbol) -> usize {
        match self.made(symbol) {
            Some(made) => made.relocations.len(),
            None => self.definition(symbol).map_or(0, |(id, local)| self.object(id).object.relocations(local).len()),
        }
    }

    /// Its auxiliary symbols, in order.
    pub fn aux(&self, symbol: GoSymbol) -> impl Iterator<Item = (AuxKind, GoSymbol)> + use<'_, 'data> {
        let Some((id, local)) = self.definition(symbol) else {
            let made = self.made(symbol).map_or(&[][..], |made| &made.aux);
            return Either::Left(made.iter().copied());
        };
        let records = self.object(id).object.aux(local);
        Either::Right(records.filter_map(move |record| Some((record.kind()?, self.resolve(id, record.symbol())))))
    }

    /// Its first auxiliary symbol of a kind.
    pub fn aux_of(&self, symbol: GoSymbol, kind: AuxKind) -> Option<GoSymbol> {
        let [found] = self.aux_of_kinds(symbol, [kind]);
        found.some()
    }

    /// Its first auxiliary symbol of each of some kinds, or none. Others are not even resolved.
    #[inline]
    pub fn aux_of_kinds<const N: usize>(&self, symbol: GoSymbol, kinds: [AuxKind; N]) -> [GoSymbol; N] {
        let Some((id, local)) = self.definition(symbol) else {
            return kinds.map(|kind| {
                let found = self.aux(symbol).find(|(found, _)| *found == kind);
                found.map_or(GoSymbol::NONE, |(_, aux)| aux)
            });
        };
        let mut found = [None; N];
        for record in self.object(id).object.aux(local) {
            let Some(kind) = record.kind() else { continue };
            if let Some(at) = kinds.iter().position(|wanted| *wanted == kind) {
                found[at] = found[at].or(Some(record.symbol()));
            }
        }
        found.map(|found| found.map_or(GoSymbol::NONE, |reference| self.resolve(id, reference)))
    }

    /// The symbol of a name.
    pub fn find(&self, name: &[u8], version: Version) -> Option<GoSymbol> {
        let found = self.names.find(name, version, &self.slots);
        found.or_else(|| self.made_names.get(&(name.to_vec(), version)).copied())
    }

    /// The symbol of a name, made if there is none: undefined and unreachable then.
    pub fn find_or_make(&mut self, name: &[u8], version: Version) -> GoSymbol {
        if let Some(symbol) = self.find(name, version) {
            return symbol;
        }
        let symbol = self.push(Made { name: name.to_vec().into(), version: version as u8, ..Made::default() });
        self.made_names.insert((name.to_vec(), version), symbol);
        symbol
    }

    /// The symbol of a name as a part of the program that is about to be filled: made if there is none, and reachable.
    pub fn define(&mut self, name: &[u8], kind: Kind) -> GoSymbol {
        let symbol = self.find_or_make(name, Version::Abi0);
        self.edit(symbol);
        self.set_kind(symbol, kind);
        self.set(symbol, attribute::REACHABLE);
        symbol
    }

    /// A symbol that no name finds, although it may have one.
    pub fn make_alone(&mut self, name: &[u8], version: Version) -> GoSymbol {
        self.push(Made { name: name.to_vec().into(), version: version as u8, ..Made::default() })
    }

    fn push(&mut self, made: Made<'data>) -> GoSymbol {
        let symbol = GoSymbol(self.homes.len() as u32);
        self.homes.push(Home { object: MADE, local: self.made.len() as u32 });
        self.kinds.push(Kind::Undefined);
        self.attributes.push(0);
        self.flags.push((0, 0));
        self.alignments.push(0);
        self.made.push(made);
        symbol
    }

    /// A symbol's contents for changing. A definition of an object is taken over, with its relocations and
    /// auxiliary symbols; the object stays as it is.
    pub fn edit(&mut self, symbol: GoSymbol) -> &mut Made<'data> {
        if let Some((id, local)) = self.definition(symbol) {
            let object = self.object(id).object;
            let record = object.symbol(local);
            let made = Made {
                name: object.name(record).into(),
                object: Some(id),
                size: u64::from(record.size()),
                data: object.data(local).into(),
                relocations: self.relocations(symbol).collect(),
                aux: self.aux(symbol).collect(),
                version: Version::of_abi(record.abi()) as u8,
                is_content_hashed: self.is_hashed_definition(symbol),
            };
            self.homes[symbol.index()] = Home { object: MADE, local: self.made.len() as u32 };
            self.made.push(made);
        }
        let at = self.homes[symbol.index()].local as usize;
        &mut self.made[at]
    }
}

/// The logarithm to base 2 of an alignment, and 1; 0 for none.
pub(super) const fn power(alignment: u64) -> u8 {
    if alignment == 0 { 0 } else { alignment.trailing_zeros() as u8 + 1 }
}

impl<'data> Made<'data> {
    /// A name that nothing defines.
    pub(super) fn undefined(name: &'data [u8], abi: u16) -> Self {
        Made { name: name.into(), version: Version::of_abi(abi) as u8, ..Made::default() }
    }

    /// Appends bytes.
    pub fn push_bytes(&mut self, bytes: &[u8]) {
        self.data.to_mut().extend_from_slice(bytes);
        self.size = self.size.max(self.data.len() as u64);
    }

    /// Appends a number of 8 bytes.
    pub fn push_u64(&mut self, value: u64) {
        self.push_bytes(&value.to_le_bytes());
    }

    /// Appends the address of a symbol, and an addend.
    pub fn push_address(&mut self, target: GoSymbol, addend: i64) {
        let offset = self.data.len() as i32;
        let kind = RelocationKind::Address;
        self.relocations.push(Relocation { offset, size: 8, weak: false, kind, addend, target });
        self.push_u64(0);
    }
}

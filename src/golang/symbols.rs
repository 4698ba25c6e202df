//! The symbols of a Go link: columns by id, over objects that are never copied (Go 1.26 and 1.27,
//! `cmd/link/internal/loader`).
//!
//! Ids are given in the order in which Go's linker numbers its symbols: it breaks ties by this number when it lays out
//! data, so the order is part of the output. Definitions of packages come first, object by object; then the
//! content-addressed and the non-package ones, where they first appear; then names that nothing defines; then what the
//! linker makes, in the order of making.
//!
//! Most definitions of packages have no name and describe code: `FuncInfo`, and debug information of functions. Only the
//! function that has one refers to it, or another one of its descriptions, and nothing is to be known of them but what they hold and
//! refer to. They have ids of their own, above all others, and no place in any column ([`GoSymbol::description`]). Only as auxiliary
//! symbols and as the targets of debug information are they known by these ids; to all other references they are no symbols.

mod ids;
mod kind;
mod made;
pub(super) mod names;
mod object;
mod references;
mod set;

pub use ids::{GoSymbol, ObjectId, PackageId, Version};
pub use kind::Kind;
pub use made::Made;
pub use object::ObjectEntry;
pub(super) use object::Window;
pub use references::Relocation;
pub(super) use set::SymbolSet;

use std::borrow::Cow;

use hashbrown::HashMap;

use crate::inputs::goobj::records::{flag, flag2};
use names::NameTable;

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
    /// Defined by an object, and known to it alone.
    pub const FILE_LOCAL: u16 = 1 << 6;
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

/// The symbols.
pub struct Symbols<'data> {
    /// By [`ObjectId`].
    pub objects: Vec<ObjectEntry<'data>>,
    /// By [`PackageId`]: the import path.
    pub packages: Vec<String>,
    pub(super) slots: Vec<GoSymbol>,
    pub(super) homes: Vec<Home>,
    pub(super) kinds: Vec<Kind>,
    /// Bytes that definitions of objects take.
    pub(super) sizes: Vec<u32>,
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
    /// By [`BLOCK`] of descriptions: the object that has the first of them.
    pub(super) blocks: Vec<u32>,
    /// Packages of symbols that were given to another one than that of their definition.
    pub(super) package_of: HashMap<GoSymbol, PackageId>,
}

impl<'data> Symbols<'data> {
    /// How many ids there are; ids go from 1 to one less.
    pub fn count(&self) -> usize {
        self.homes.len()
    }

    /// How many descriptions there are.
    pub fn description_count(&self) -> usize {
        self.objects.last().map_or(0, |entry| (entry.descriptions.first + entry.descriptions.count) as usize)
    }

    /// Every symbol that is no description, in order.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = GoSymbol> + ExactSizeIterator + use<'data> {
        (1..self.homes.len() as u32).map(GoSymbol)
    }

    #[inline]
    fn home(&self, symbol: GoSymbol) -> Home {
        match symbol.description() {
            None => self.homes[symbol.index()],
            Some(number) => self.home_of_description(number),
        }
    }

    fn home_of_description(&self, number: u32) -> Home {
        let first = self.blocks.get(number as usize / BLOCK).map_or(self.objects.len(), |first| *first as usize);
        let has_it = |entry: &ObjectEntry<'_>| number - entry.descriptions.first < entry.descriptions.count;
        match self.objects[first..].iter().position(has_it) {
            Some(at) => {
                let entry = &self.objects[first + at];
                let local = entry.own.count + (number - entry.descriptions.first);
                Home { object: (first + at) as u32, local }
            }
            None => Home { object: MADE, local: u32::MAX },
        }
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
        match local.checked_sub(entry.own.count) {
            None => GoSymbol(entry.own.first + local),
            Some(at) => entry.description(at).unwrap_or_else(|| self.slots[entry.slot_of(local) as usize]),
        }
    }

    /// The definition in an object, even if a linker stage has taken it over.
    #[inline]
    pub fn origin(&self, symbol: GoSymbol) -> Option<(ObjectId, u32)> {
        match self.made(symbol) {
            Some(made) => made.origin,
            None => self.definition(symbol),
        }
    }

    /// The object a symbol comes from: its compilation unit.
    pub fn unit(&self, symbol: GoSymbol) -> Option<ObjectId> {
        self.origin(symbol).map(|(object, _)| object)
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

    /// Whether it has a name.
    pub fn is_named(&self, symbol: GoSymbol) -> bool {
        match self.made(symbol) {
            Some(made) => !made.name.is_empty(),
            None => !self.is(symbol, attribute::UNNAMED),
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
        self.kinds.get(symbol.index()).copied().unwrap_or_else(|| self.kind_of_description(symbol))
    }

    #[cold]
    fn kind_of_description(&self, symbol: GoSymbol) -> Kind {
        self.definition(symbol)
            .map_or(Kind::Undefined, |(id, local)| Kind::of_object(self.object(id).object.symbol(local).kind()))
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
            None => self.sizes.get(symbol.index()).copied().unwrap_or_default().into(),
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
        match self.alignments.get(symbol.index()).copied().unwrap_or_default() {
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
        self.attributes_of(symbol) & attribute == attribute
    }

    /// Whether nobody is told of it: it has no name, or is not to be listed.
    #[inline]
    pub fn is_hidden(&self, symbol: GoSymbol) -> bool {
        self.attributes_of(symbol) & (attribute::UNNAMED | attribute::NOT_IN_SYMTAB) != 0
    }

    #[inline]
    fn attributes_of(&self, symbol: GoSymbol) -> u16 {
        self.attributes.get(symbol.index()).copied().unwrap_or_default()
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
        self.flags.get(symbol.index()).copied().unwrap_or_default()
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
        match self.made(symbol) {
            Some(_) => self.version(symbol) == Version::Static,
            None => self.is(symbol, attribute::FILE_LOCAL),
        }
    }

    /// Whether it is content-addressed by a full hash.
    pub fn is_content_hashed(&self, symbol: GoSymbol) -> bool {
        self.origin(symbol).is_some_and(|(id, local)| {
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

    /// The symbol of a name.
    pub fn find(&self, name: &[u8], version: Version) -> Option<GoSymbol> {
        let found = self.names.find(name, version, &self.slots);
        found.or_else(|| self.made_names.get(&(name.to_vec(), version)).copied())
    }
}

/// How many descriptions it takes to note once more which object they are of.
const BLOCK: usize = 64;

/// By [`BLOCK`] of descriptions: the object that has the first of them.
pub(super) fn blocks_of_descriptions(objects: &[ObjectEntry<'_>]) -> Vec<u32> {
    let mut blocks = Vec::new();
    for (index, entry) in (0..).zip(objects) {
        let Window { first, count } = entry.descriptions;
        let starts = (first as usize).div_ceil(BLOCK)..((first + count) as usize).div_ceil(BLOCK);
        blocks.extend(starts.map(|_| index));
    }
    blocks
}

/// The logarithm to base 2 of an alignment, and 1; 0 for none.
pub(super) const fn power(alignment: u64) -> u8 {
    if alignment == 0 { 0 } else { alignment.trailing_zeros() as u8 + 1 }
}

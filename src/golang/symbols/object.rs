//! Objects of a link, with what is known of the references in them.

use std::ops::Range;

use super::ids::{GoSymbol, ObjectId, PackageId};
use crate::inputs::goobj::{Object, RelocationKinds};

/// One object with what is known of it.
#[derive(Clone, Debug)]
pub struct ObjectEntry<'data> {
    /// The object.
    pub object: Object<'data>,
    /// Its package.
    pub package: PackageId,
    /// What its types of relocations mean.
    pub(in crate::golang) relocations: &'static RelocationKinds,
    /// Position in the column of slots of its first symbol that is not one of its package's own.
    pub(in crate::golang) base: u32,
    /// The slots of its symbols of no package, by what the package stands for:
    /// [`HASHED`](crate::inputs::goobj::records::package_index::HASHED) first, then the two after it.
    pub(in crate::golang) slots_of: [Window; 3],
    /// By index of its list of packages: the object that defines the package's symbols.
    pub(in crate::golang) packages: Vec<Option<ObjectId>>,
    /// The ids of its package's symbols that are defined here.
    pub(in crate::golang) own: Window,
    /// Those of its package's own definitions that are descriptions, behind the others: by number of all of these.
    pub(in crate::golang) descriptions: Window,
    /// By index of its list of packages: the ids of the package's symbols.
    pub(in crate::golang) windows: Vec<Window>,
}

impl ObjectEntry<'_> {
    /// The slots of all its symbols but its package's own.
    pub(in crate::golang) fn slots(&self) -> Range<u32> {
        let counts = self.object.counts();
        self.base..self.base + (counts.all() - counts.package)
    }

    /// The positions of its definitions but for descriptions.
    pub(in crate::golang) fn definitions(&self) -> impl Iterator<Item = u32> + use<> {
        let counts = self.object.counts();
        (0..self.own.count).chain(counts.package..counts.definitions())
    }

    /// The positions of its descriptions.
    pub(in crate::golang) fn description_range(&self) -> Range<u32> {
        self.own.count..self.own.count + self.descriptions.count
    }

    /// One of its descriptions.
    pub(super) fn description(&self, at: u32) -> Option<GoSymbol> {
        self.descriptions.get(at).map(GoSymbol::of_description)
    }

    /// The slot of a symbol that is not one of its package's own.
    pub(in crate::golang) fn slot_of(&self, local: u32) -> u32 {
        self.base + (local - self.object.counts().package)
    }
}

/// Ids that follow each other.
#[derive(Clone, Copy, Default, Debug)]
pub(in crate::golang) struct Window {
    /// The first of them.
    pub first: u32,
    /// How many.
    pub count: u32,
}

impl Window {
    #[inline]
    pub(super) fn get(self, index: u32) -> Option<u32> {
        (index < self.count).then(|| self.first + index)
    }

    #[inline]
    pub(super) fn at(self, index: u32) -> GoSymbol {
        self.get(index).map_or(GoSymbol::NONE, GoSymbol)
    }
}

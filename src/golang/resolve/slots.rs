//! The column of slots while names are matched: one for each symbol of an object that is not one of its package's own.

use std::sync::atomic::{AtomicU32, Ordering};

use rayon::prelude::*;

use crate::golang::symbols::{GoSymbol, ObjectEntry};

/// What a slot means.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Meaning {
    /// A symbol.
    Symbol(GoSymbol),
    /// What another slot means.
    Slot(u32),
}

/// The bit of a slot's value that is another slot. There are at most as many slots as this has room for.
const SLOT: u32 = 1 << 31;

impl Meaning {
    /// The value of a slot that means it; 0 is none.
    pub const fn value(self) -> u32 {
        match self {
            Meaning::Symbol(symbol) => symbol.0,
            Meaning::Slot(first) => first | SLOT,
        }
    }

    /// What a value other than 0 means.
    pub const fn of_value(value: u32) -> Self {
        if value & SLOT == 0 { Meaning::Symbol(GoSymbol(value)) } else { Meaning::Slot(value & !SLOT) }
    }
}

/// The value of a slot that means no symbol. There are less slots than would make it the value of another one.
pub(super) const NOTHING: u32 = u32::MAX;

/// By slot: 0 while it is the first of its name or contents, else its meaning or [`NOTHING`]. Each is written by one worker alone, and
/// read when all are done.
pub(super) struct Slots(Vec<AtomicU32>);

impl Slots {
    /// A column in which each is the first of its name.
    pub fn new(count: u32) -> Self {
        Slots((0..count).into_par_iter().map(|_| AtomicU32::new(0)).collect())
    }

    /// Gives a value to a slot.
    pub fn set(&self, slot: u32, value: u32) {
        self.0[slot as usize].store(value, Ordering::Relaxed);
    }

    /// Gives slots what shards left in a list: values by slot.
    pub fn settle(&self, list: impl Iterator<Item = (u32, u32)>) {
        for (slot, value) in list {
            self.set(slot, value);
        }
    }

    /// The values of some slots that follow each other.
    pub fn part(&self, range: std::ops::Range<u32>) -> &[AtomicU32] {
        &self.0[range.start as usize..range.end as usize]
    }

    /// Which of some slots are the first of their name or contents, by position.
    pub fn firsts(&self, range: std::ops::Range<u32>) -> impl Iterator<Item = u32> + Clone {
        let part = (0u32..).zip(self.part(range));
        part.filter(|(_, value)| value.load(Ordering::Relaxed) == 0).map(|(position, _)| position)
    }

    /// The symbols, once every first one has its number.
    pub fn resolved(self) -> Vec<GoSymbol> {
        self.0.par_chunks(1 << 14).for_each(|part| {
            for value in part {
                let mut found = value.load(Ordering::Relaxed);
                // A first slot may be the first of some objects only, and lead on to that of all; that one leads nowhere.
                while found & SLOT != 0 {
                    let next = self.0.get((found & !SLOT) as usize).map(|value| value.load(Ordering::Relaxed));
                    found = next.unwrap_or(GoSymbol::NONE.0);
                }
                value.store(found, Ordering::Relaxed);
            }
        });
        // The same memory: the elements are as large.
        self.0.into_iter().map(|value| GoSymbol(value.into_inner())).collect()
    }
}

/// The symbol that a meaning stands for, by the finished column.
pub(super) fn symbol_of(slots: &[GoSymbol], meaning: Meaning) -> GoSymbol {
    match meaning {
        Meaning::Symbol(symbol) => symbol,
        Meaning::Slot(slot) => slots[slot as usize],
    }
}

/// A definition's object, as a position, and the definition in it.
pub(super) fn locate(objects: &[ObjectEntry<'_>], meaning: Meaning) -> (usize, u32) {
    match meaning {
        Meaning::Symbol(symbol) => {
            let object = objects.partition_point(|entry| entry.own.first <= symbol.0) - 1;
            (object, symbol.0 - objects[object].own.first)
        }
        Meaning::Slot(slot) => {
            let object = objects.partition_point(|entry| entry.base <= slot) - 1;
            (object, slot - objects[object].base + objects[object].object.counts().package)
        }
    }
}

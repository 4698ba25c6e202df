//! Definitions as lists have them: few bytes, because the lists are the most memory that resolving takes (Go 1.26 and 1.27,
//! `cmd/link/internal/loader/loader.go`, addSym).

use super::columns::{alignment_of, attributes_of};
use crate::golang::symbols::attribute;
use crate::golang::symbols::names::{Hash, SHARD_BITS};
use crate::inputs::goobj::SymbolRecord;
use crate::inputs::goobj::records::flag;

/// A definition that competes with others for a name, or is found by its contents.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Definition {
    pub slot: u32,
    pub size: u32,
    /// Those that objects give are among the lowest bits.
    pub attributes: u8,
    pub alignment: u8,
    /// Any of several will do.
    pub is_repeatable: bool,
}

/// A definition and its hash. The words are those of the hash, the slot and the size; the bits of the hash that choose the shard are
/// known from the list, and the smaller facts stand in their place.
pub(super) type Row = [u32; 6];

/// The bit of a row's slot that says whether the definition is repeatable. There are at most as many slots as leave it free.
const REPEATABLE: u32 = 1 << 31;
/// Bits of the facts that are an alignment's logarithm.
const ALIGNMENT_BITS: u32 = 6;
/// The attributes that objects give.
const ATTRIBUTES: u16 = attribute::LOCAL | attribute::USED_IN_IFACE;
/// How far up in the second word the facts stand.
const FACTS: u32 = u32::BITS - SHARD_BITS;
const _: () = assert!(ATTRIBUTES == 0b110 && ALIGNMENT_BITS + 2 == SHARD_BITS);

impl Definition {
    /// A definition as its object has it.
    pub fn new(slot: u32, record: SymbolRecord<'_>) -> Self {
        Definition {
            slot,
            size: record.size(),
            attributes: attributes_of(record) as u8,
            alignment: alignment_of(record),
            is_repeatable: record.flags() & flag::DUPLICATE_OK != 0,
        }
    }

    /// What a list has of it.
    pub fn row(&self, hash: Hash) -> Row {
        let [low, choosing, high, highest] = hash.within_shard();
        let facts = u32::from(self.attributes >> 1) << ALIGNMENT_BITS | u32::from(self.alignment);
        let slot = self.slot | if self.is_repeatable { REPEATABLE } else { 0 };
        [low, choosing | facts << FACTS, high, highest, slot, self.size]
    }

    /// A definition and its hash, of the list of a shard.
    pub fn of_row(shard: usize, row: &Row) -> (Hash, Self) {
        let &[low, choosing, high, highest, slot, size] = row;
        let facts = (choosing >> FACTS) as u8;
        let definition = Definition {
            slot: slot & !REPEATABLE,
            size,
            attributes: facts >> ALIGNMENT_BITS << 1,
            alignment: facts & ((1 << ALIGNMENT_BITS) - 1),
            is_repeatable: slot & REPEATABLE != 0,
        };
        (Hash::in_shard(shard, [low, choosing, high, highest]), definition)
    }
}

/// Puts what a definition means in the place of its hash, when nobody needs that any more: the memory is at hand.
pub(super) const fn settle(row: &mut Row, meaning: u32) {
    row[0] = meaning;
}

/// The slot of a definition and what it means, once that is settled.
pub(super) const fn settled(row: Row) -> (u32, u32) {
    (row[4] & !REPEATABLE, row[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golang::symbols::Version;

    #[test]
    fn rows_hold_all_of_a_definition() {
        let [largest, none] = [u32::MAX >> 1, 0];
        for (slot, size, attributes, alignment, is_repeatable) in [
            (none, none, 0, 0, false),
            (largest, u32::MAX, ATTRIBUTES as u8, 32, true),
            (largest, none, attribute::LOCAL as u8, 1, false),
            (7, u32::MAX, attribute::USED_IN_IFACE as u8, 0, true),
        ] {
            let definition = Definition { slot, size, attributes, alignment, is_repeatable };
            for name in [&b"runtime.main"[..], b"main.main", b"type:int"] {
                let hash = Hash::of_name(name, Version::Abi0);
                let mut row = definition.row(hash);
                assert_eq!(Definition::of_row(hash.shard(), &row), (hash, definition));
                settle(&mut row, 12);
                assert_eq!(settled(row), (slot, 12));
            }
        }
    }
}

//! Repeated bytes: what was seen at the last position with the same hash, if it is the same.

use std::ops::Range;

use super::{Counts, END_OF_BLOCK, FIRST_LENGTH, LENGTH_SYMBOL, distance_symbol};

/// Positions that are remembered; the table stays in the first cache.
const TABLE_BITS: u32 = 13;
/// How far back a match may be, less one.
const WINDOW: usize = 1 << 15;
const SHORTEST: usize = 4;
const LONGEST: usize = 258;
/// Bytes at the end of a block in which no match starts, so that what is loaded lies within it.
const MARGIN: usize = 12;
/// After so many bytes without a match, more and more of them are skipped; a logarithm.
const PATIENCE: u32 = 6;

/// Bytes of the block's own, and after them bytes that were there before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Match {
    /// Bytes before the match.
    pub literals: u32,
    /// Bytes of the match.
    pub length: u16,
    /// How far back they are.
    pub distance: u16,
}

/// Finds matches block by block.
pub(super) struct Finder {
    /// By hash: the lower half of the last position.
    table: Box<[u16; 1 << TABLE_BITS]>,
    found: Vec<Match>,
}

#[inline(always)]
fn load<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}

#[inline(always)]
const fn hash(four: u32) -> usize {
    (four.wrapping_mul(0x9e37_79b1) >> (32 - TABLE_BITS)) as usize
}

/// How many bytes are the same at two places; the first is before the second, and `end` ends the data.
#[inline(always)]
fn common(bytes: &[u8], first: usize, second: usize, end: usize) -> usize {
    let longest = (end - second).min(LONGEST);
    let mut length = SHORTEST;
    while length + 8 <= longest {
        let difference =
            u64::from_le_bytes(load(bytes, first + length)) ^ u64::from_le_bytes(load(bytes, second + length));
        if difference != 0 {
            return length + (difference.trailing_zeros() >> 3) as usize;
        }
        length += 8;
    }
    while length < longest && bytes[first + length] == bytes[second + length] {
        length += 1;
    }
    length
}

impl Finder {
    pub(super) fn new() -> Self {
        Finder { table: Box::new([0; 1 << TABLE_BITS]), found: Vec::with_capacity(1 << 14) }
    }

    /// The matches of the last block.
    pub(super) fn found(&self) -> &[Match] {
        &self.found
    }

    /// Finds the matches of a block, and counts its symbols.
    pub(super) fn find(&mut self, bytes: &[u8], block: Range<usize>, counts: &mut Counts) {
        self.found.clear();
        let bytes = &bytes[..block.end];
        let table = &mut *self.table;
        let literals = &mut counts.literals;
        let (mut anchor, mut at) = (block.start, block.start);
        let limit = block.end.saturating_sub(MARGIN);
        while at < limit {
            let four: [u8; SHORTEST] = load(bytes, at);
            let slot = &mut table[hash(u32::from_le_bytes(four))];
            // Positions come back every 64 KiB: what the table says is only a guess.
            let distance = usize::from((at as u16).wrapping_sub(*slot));
            *slot = at as u16;
            let may_be = distance.wrapping_sub(1) < WINDOW - 1 && distance <= at;
            if !may_be || load(bytes, at - distance) != four {
                literals[usize::from(four[0])] += 1;
                at += 1;
                let skipped = (at - anchor) >> PATIENCE;
                if skipped != 0 {
                    let end = (at + skipped).min(block.end);
                    bytes[at..end].iter().for_each(|byte| literals[usize::from(*byte)] += 1);
                    at = end;
                }
                continue;
            }
            let length = common(bytes, at - distance, at, block.end);
            literals[FIRST_LENGTH + usize::from(LENGTH_SYMBOL[(length - 3) & 0xff])] += 1;
            counts.distances[distance_symbol(distance as u16).0] += 1;
            let literals = (at - anchor) as u32;
            self.found.push(Match { literals, length: length as u16, distance: distance as u16 });
            let end = at + length;
            if end < limit {
                for inside in [at + 1, end - 3, end - 1] {
                    table[hash(u32::from_le_bytes(load(bytes, inside)))] = inside as u16;
                }
            }
            (at, anchor) = (end, end);
        }
        bytes[at.min(block.end)..].iter().for_each(|byte| counts.literals[usize::from(*byte)] += 1);
        counts.literals[END_OF_BLOCK] = 1;
    }
}

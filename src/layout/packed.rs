//! `-z pack-relative-relocs`: the words that move with the image, told by bitmaps instead of records of 24 bytes (gABI,
//! "Relative Relocation Table"). The words hold their value as linked, which is what the load address is added to.
//!
//! An even entry is the address of a word; the entries after it are odd, and their 63 upper bits stand for the 63 words that
//! follow what was told before. Only words at even addresses can be told so. The table is before the words, so that its size
//! moves them: it is addressed again until it holds what it has to, and never shrinks.

use std::cell::Cell;

/// Bytes of an entry.
pub const ENTRY: u64 = 8;
/// Words that one bitmap stands for.
const BITS: u64 = 63;
/// An entry that tells of no word.
const NO_WORDS: u64 = 1;

/// The table's size while the image gets its addresses.
#[derive(Debug, Default)]
pub struct PackedSize(Cell<u64>);

impl PackedSize {
    /// The bytes reserved so far.
    pub fn bytes(&self) -> u64 {
        self.0.get()
    }

    /// Reserves room for these words; whether there was enough.
    pub fn holds(&self, places: &[u64]) -> bool {
        let needed = encode(places).len() as u64 * ENTRY;
        let enough = needed <= self.bytes();
        self.0.set(self.bytes().max(needed));
        enough
    }
}

/// The table of `size` bytes for words at `places`, which are even and ascend.
pub fn records(places: &[u64], size: u64) -> Vec<u8> {
    let mut entries = encode(places);
    entries.resize(entries.len().max((size / ENTRY) as usize), NO_WORDS);
    entries.into_iter().flat_map(u64::to_le_bytes).collect()
}

fn encode(places: &[u64]) -> Vec<u64> {
    let mut entries = Vec::new();
    let mut rest = places.iter().copied().peekable();
    while let Some(place) = rest.next() {
        entries.push(place);
        let mut start = place.wrapping_add(ENTRY);
        loop {
            let mut bitmap = 0_u64;
            let bit = |place: &u64| {
                let distance = place.checked_sub(start).filter(|distance| distance.is_multiple_of(ENTRY))?;
                Some(distance / ENTRY).filter(|&bit| bit < BITS)
            };
            while let Some(bit) = rest.peek().and_then(bit) {
                bitmap |= 1 << bit;
                rest.next();
            }
            if bitmap == 0 {
                break;
            }
            entries.push(bitmap << 1 | 1);
            start = start.wrapping_add(BITS * ENTRY);
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What start-up code does with the entries: the places that it adds to.
    fn decode(entries: &[u64]) -> Vec<u64> {
        let (mut places, mut at) = (Vec::new(), 0);
        for &entry in entries {
            if entry.is_multiple_of(2) {
                places.push(entry);
                at = entry + ENTRY;
                continue;
            }
            places.extend((0..BITS).filter(|bit| entry >> (bit + 1) & 1 == 1).map(|bit| at + bit * ENTRY));
            at += BITS * ENTRY;
        }
        places
    }

    #[test]
    fn tells_every_place_once() {
        let runs: Vec<u64> = (0..200).map(|word| 0x1000 + word * 8).collect();
        assert_eq!(encode(&runs).len(), 1 + 4, "199 words in bitmaps of 63");
        assert_eq!(decode(&encode(&runs)), runs);
        let odd = [0x1000, 0x1008, 0x100a, 0x1012, 0x1018, 0x1020, 0x9000, 0x9000 + 63 * 8, 0x9000 + 64 * 8, 0x20000];
        assert_eq!(decode(&encode(&odd)), odd);
        assert!(encode(&[]).is_empty());
        assert_eq!(encode(&[0x1000, 0x1000 + 64 * 8]), [0x1000, 0x1200], "a bitmap reaches 63 words");
    }

    #[test]
    fn the_size_only_grows_and_is_filled_up() {
        let size = PackedSize::default();
        assert!(!size.holds(&[0x1000, 0x1008]) && size.holds(&[0x1000, 0x1008]));
        assert!(size.holds(&[0x1000]));
        assert_eq!(size.bytes(), 16);
        let table = records(&[0x1000], size.bytes());
        assert_eq!(table, [0x1000_u64.to_le_bytes(), NO_WORDS.to_le_bytes()].concat());
    }
}

//! Compressed debug sections on their way to the file. How far a section shrinks is known when its last block is made, and where the
//! next one lies only then; so the blocks of a section are written while those of the next one are made, and no more than these wait
//! in memory.

use std::sync::{Mutex, PoisonError};

use super::debug::{self, Block, DebugSection};

/// Where a section lies in the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Placed {
    /// Its offset.
    pub offset: u64,
    /// Bytes in the file.
    pub size: u64,
    /// Whether it is compressed.
    pub is_packed: bool,
}

/// Bytes of the file, with their offset.
pub type Part = (u64, Vec<u8>);

/// Sections that are not compressed, one behind the other.
pub fn plain(sections: &[DebugSection], start: u64) -> Vec<Placed> {
    let place = |end: &mut u64, section: &DebugSection| {
        let offset = *end;
        *end += section.size;
        Some(Placed { offset, size: section.size, is_packed: false })
    };
    sections.iter().scan(start, place).collect()
}

/// Sections that are being compressed.
pub struct Packing(Mutex<State>);

struct State {
    sections: Vec<Waiting>,
    /// Those that are complete, as all before them are.
    placed: Vec<Placed>,
    /// Where the next one lies.
    end: u64,
}

/// The blocks of a section.
struct Waiting {
    blocks: Vec<Option<Block>>,
    missing: usize,
    /// Bytes before compression.
    size: u64,
}

impl Packing {
    /// Sections that will lie one behind the other.
    pub fn new(sections: &[DebugSection], start: u64) -> Self {
        let waiting = |section: &DebugSection| Waiting {
            blocks: vec![None; section.pieces],
            missing: section.pieces,
            size: section.size,
        };
        Packing(Mutex::new(State { sections: sections.iter().map(waiting).collect(), placed: Vec::new(), end: start }))
    }

    /// Takes the block of a piece, none if it could not be made. Returns what can be written now.
    pub fn put(&self, section: usize, piece: usize, block: Option<Block>) -> Vec<Part> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = &mut state.sections[section];
        waiting.blocks[piece] = block;
        waiting.missing -= 1;
        state.place()
    }

    /// Where the sections lie, now that all blocks were put.
    pub fn end(self) -> Vec<Placed> {
        let mut state = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        // Sections without bytes at the end, which no block made complete.
        state.place();
        state.placed
    }
}

impl State {
    /// Places all sections that are complete.
    fn place(&mut self) -> Vec<Part> {
        let mut parts = Vec::new();
        while let Some(waiting) = self.sections.get_mut(self.placed.len()).filter(|waiting| waiting.missing == 0) {
            let blocks = std::mem::take(&mut waiting.blocks).into_iter().flatten().collect();
            let (offset, packed) = (self.end, debug::pack(blocks));
            let size = packed.as_ref().map_or(waiting.size, |packed| packed.size());
            self.placed.push(Placed { offset, size, is_packed: packed.is_some() });
            self.end += size;
            let mut at = offset;
            for part in packed.into_iter().flat_map(|packed| packed.into_parts()) {
                let start = at;
                at += part.len() as u64;
                parts.push((start, part));
            }
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECTIONS: [DebugSection; 4] = [
        DebugSection { name: ".debug_line", size: 2000, pieces: 2 },
        DebugSection { name: ".debug_addr", size: 0, pieces: 0 },
        DebugSection { name: ".debug_info", size: 1000, pieces: 1 },
        DebugSection { name: ".debug_gdb_scripts", size: 3, pieces: 1 },
    ];

    #[test]
    fn sections_are_placed_in_order_whenever_their_blocks_are_made() {
        let block = |size: usize| debug::compress(&vec![b'a'; size]).ok();
        let orders: [[(usize, usize); 4]; 3] =
            [[(0, 0), (0, 1), (2, 0), (3, 0)], [(3, 0), (2, 0), (0, 1), (0, 0)], [(2, 0), (0, 1), (3, 0), (0, 0)]];
        let mut first: Option<(Vec<Placed>, Vec<Part>)> = None;
        for order in orders {
            let packing = Packing::new(&SECTIONS, 100);
            let sizes = [1000, 0, 1000, 3];
            let mut parts = Vec::new();
            for (section, piece) in order {
                parts.extend(packing.put(section, piece, block(sizes[section])));
            }
            let placed = packing.end();
            assert_eq!(placed.iter().map(|placed| placed.is_packed).collect::<Vec<_>>(), [true, false, true, false]);
            assert_eq!((placed[0].offset, placed[3].size), (100, 3));
            assert!(placed.windows(2).all(|pair| pair[0].offset + pair[0].size == pair[1].offset));
            // What is written covers the sections that are compressed.
            assert!(parts.windows(2).all(|pair| pair[0].0 + pair[0].1.len() as u64 == pair[1].0));
            let end = parts.last().map(|(offset, part)| offset + part.len() as u64);
            assert_eq!((parts[0].0, end), (100, Some(placed[3].offset)));
            assert!(first.get_or_insert_with(|| (placed.clone(), parts.clone())) == &(placed, parts));
        }
    }

    #[test]
    fn plain_sections_lie_behind_each_other() {
        let offsets: Vec<u64> = plain(&SECTIONS, 7).iter().map(|placed| placed.offset).collect();
        assert_eq!(offsets, [7, 2007, 2007, 3007]);
    }
}

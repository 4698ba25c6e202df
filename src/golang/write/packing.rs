//! Compressed debug sections on their way to the file. Where a block lies is known once all before it are made, in its section and
//! in those before. They are made in that order, so a block hardly waits: only for those that other workers are still making.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::debug::{self, Block, DebugSection, ZlibStream};
use crate::output::file::Bytes;
use crate::par::lock;

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
pub type Part = (u64, Bytes<'static>);

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
    /// What is known of the first that is not.
    stream: Option<ZlibStream>,
    /// Where it starts.
    start: u64,
    /// Where what follows lies.
    end: u64,
}

/// The blocks of a section that were not placed.
struct Waiting {
    section: DebugSection,
    blocks: VecDeque<Option<Block>>,
}

impl Packing {
    /// Sections that will lie one behind the other.
    pub fn new(sections: &[DebugSection], start: u64) -> Self {
        let waiting = |&section: &DebugSection| Waiting { section, blocks: vec![None; section.pieces].into() };
        let sections = sections.iter().map(waiting).collect();
        Packing(Mutex::new(State { sections, placed: Vec::new(), stream: None, start, end: start }))
    }

    /// Takes the block of a piece. Returns what can be written now.
    pub fn put(&self, section: usize, piece: usize, block: Block) -> Vec<Part> {
        let mut state = lock(&self.0);
        let waiting = &mut state.sections[section];
        let before = waiting.section.pieces - waiting.blocks.len();
        waiting.blocks[piece - before] = Some(block);
        state.place()
    }

    /// Where the sections lie, now that all blocks were put. Bytes may have been written where one lies that did not shrink.
    pub fn end(self) -> Vec<Placed> {
        let mut state = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        // Sections without bytes at the end, which no block made complete.
        state.place();
        state.placed
    }
}

impl State {
    /// Places all blocks whose place is known, and all sections that are complete.
    fn place(&mut self) -> Vec<Part> {
        let mut parts = Vec::new();
        while let Some(Waiting { section, blocks }) = self.sections.get_mut(self.placed.len()) {
            let section = *section;
            let mut made = Vec::new();
            let mut stream = self.stream.take().unwrap_or_else(|| {
                let (stream, head) = debug::begin(&section);
                made.push(Bytes::Own(head));
                stream
            });
            while let Some(block) = blocks.front_mut().and_then(Option::take) {
                blocks.pop_front();
                made.push(Bytes::Made(stream.join(block)));
            }
            let is_complete = blocks.is_empty();
            match is_complete {
                true => made.push(Bytes::Own(stream.end())),
                false => self.stream = Some(stream),
            }
            for bytes in made {
                let offset = self.end;
                self.end += bytes.len() as u64;
                // A section that does not shrink is written again without compression, and what follows it lies there.
                if self.end <= self.start + section.size {
                    parts.push((offset, bytes));
                }
            }
            if !is_complete {
                break;
            }
            self.complete(section.size);
        }
        parts
    }

    /// Places the first section that is not placed yet, and was made.
    fn complete(&mut self, plain_size: u64) {
        let (offset, packed_size) = (self.start, self.end - self.start);
        let is_packed = packed_size < plain_size;
        let size = if is_packed { packed_size } else { plain_size };
        self.placed.push(Placed { offset, size, is_packed });
        self.start = offset + size;
        self.end = self.start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::deflate::Encoder;

    const SECTIONS: [DebugSection; 4] = [
        DebugSection { name: ".debug_line", size: 2000, pieces: 2 },
        DebugSection { name: ".debug_addr", size: 0, pieces: 0 },
        DebugSection { name: ".debug_info", size: 1000, pieces: 1 },
        DebugSection { name: ".debug_gdb_scripts", size: 3, pieces: 1 },
    ];

    #[test]
    fn sections_are_placed_in_order_whenever_their_blocks_are_made() {
        let mut encoder = Encoder::default();
        let mut block = |size: usize| Block::zlib(&vec![b'a'; size], &mut encoder, Vec::new());
        let orders: [[(usize, usize); 4]; 3] =
            [[(0, 0), (0, 1), (2, 0), (3, 0)], [(3, 0), (2, 0), (0, 1), (0, 0)], [(2, 0), (0, 1), (3, 0), (0, 0)]];
        let mut first = None;
        for order in orders {
            let packing = Packing::new(&SECTIONS, 100);
            let sizes = [1000, 0, 1000, 3];
            let mut parts = Vec::new();
            for (section, piece) in order {
                let ready = packing.put(section, piece, block(sizes[section]));
                parts.extend(ready.into_iter().map(|(offset, bytes)| (offset, bytes.to_vec())));
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
    fn what_a_section_that_does_not_shrink_has_too_much_is_not_written() {
        let noise: Vec<u8> = (0..300_u32).map(|at| (at.wrapping_mul(0x9e37_79b1) >> 13) as u8).collect();
        let sections =
            [300, 2000].map(|size| DebugSection { name: ".debug_line", size, pieces: size.div_ceil(1000) as usize });
        let packing = Packing::new(&sections, 0);
        let mut encoder = Encoder::default();
        let mut put = |section, piece, bytes: &[u8]| {
            let parts = packing.put(section, piece, Block::zlib(bytes, &mut encoder, Vec::new()));
            parts.iter().map(|(offset, bytes)| (*offset, bytes.len() as u64)).collect::<Vec<_>>()
        };
        let early = put(0, 0, &noise);
        assert_eq!(early, [(0, 26), (300, 26)], "no more than the heads of both");
        assert!(put(1, 1, &[1; 1000]).is_empty());
        let parts = put(1, 0, &[0; 1000]);
        assert_eq!((parts.len(), parts[0].0), (3, 326));
        let placed = packing.end();
        assert_eq!(placed[0], Placed { offset: 0, size: 300, is_packed: false });
        assert_eq!(parts.last().map(|(offset, size)| offset + size), Some(placed[1].offset + placed[1].size));
    }

    #[test]
    fn plain_sections_lie_behind_each_other() {
        let offsets: Vec<u64> = plain(&SECTIONS, 7).iter().map(|placed| placed.offset).collect();
        assert_eq!(offsets, [7, 2007, 2007, 3007]);
    }
}

//! Sections as lists of what they are put together from, so that any stretch of them can be made by itself.

use std::ops::Range;

use super::entries::EntryId;
use crate::diag::Diagnostic;
use crate::golang::symbols::GoSymbol;

/// Pieces are about this long, in bytes: long enough to find most of what is repeated.
const PIECE: u64 = 1 << 19;

/// Sections from this size on are cut into pieces of half that: these stay in the core's own cache while they are compressed, and what
/// is found of repetitions by then is nearly all there is to find.
const LARGE: u64 = 2 << 20;

/// Where some bytes come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Source {
    /// Bytes that are known: a position in the list of these.
    Known(u32),
    /// A symbol of an object.
    Copy(GoSymbol),
    /// An entry of a type.
    Entry(EntryId),
    /// The frames of some functions: a position in the list of these.
    Frames(u32),
    /// The head of a unit's entries.
    Head(u32),
    /// The addresses of a unit's functions.
    Addresses(u32),
}

impl Source {
    /// The symbol that is copied, if it is one.
    pub fn copied(self) -> Option<GoSymbol> {
        match self {
            Source::Copy(symbol) => Some(symbol),
            _ => None,
        }
    }
}

/// Some bytes of a section.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Item {
    /// Where they start.
    pub offset: u32,
    /// Where they come from.
    pub source: Source,
}

/// Items one behind the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Run {
    /// The items; those without bytes are left out.
    pub items: Vec<Item>,
    /// Bytes of all.
    pub size: u64,
}

impl Run {
    /// Adds some bytes; returns where they start.
    pub fn push(&mut self, source: Source, size: u64) -> u32 {
        let offset = self.size as u32;
        if size > 0 {
            self.items.push(Item { offset, source });
        }
        self.size += size;
        offset
    }

    /// Adds another run.
    pub fn append(&mut self, run: Run) {
        let start = self.size as u32;
        let moved = run.items.into_iter().map(|item| Item { offset: start.wrapping_add(item.offset), ..item });
        self.items.extend(moved);
        self.size += run.size;
    }
}

impl FromIterator<(Source, u64)> for Run {
    fn from_iter<T: IntoIterator<Item = (Source, u64)>>(parts: T) -> Self {
        let parts = parts.into_iter();
        let mut run = Run { items: Vec::with_capacity(parts.size_hint().1.unwrap_or(0)), size: 0 };
        for (source, size) in parts {
            run.push(source, size);
        }
        run
    }
}

/// A section that is planned.
#[derive(Debug)]
pub(super) struct Contents {
    run: Run,
    /// The first item of each piece, and how many items there are.
    pieces: Vec<u32>,
}

impl Contents {
    /// Cuts a section into pieces.
    ///
    /// # Errors
    /// A section of 4 GiB or more: the offsets of 32-bit DWARF do not reach.
    pub fn new(name: &str, run: Run) -> Result<Self, Diagnostic> {
        if run.size > u64::from(u32::MAX) {
            let message = format!("{name} would take {} bytes: more than 32-bit DWARF can address", run.size);
            return Err(Diagnostic::error("too-much-debug-info", message).help("link with -w"));
        }
        let length = if run.size >= LARGE { PIECE / 2 } else { PIECE };
        let mut pieces = Vec::new();
        let mut rest = &run.items[..];
        while let Some(first) = rest.first() {
            pieces.push((run.items.len() - rest.len()) as u32);
            let limit = u64::from(first.offset) + length;
            rest = &rest[rest.partition_point(|item| u64::from(item.offset) < limit)..];
        }
        pieces.push(run.items.len() as u32);
        Ok(Contents { run, pieces })
    }

    /// Bytes of the section.
    pub fn size(&self) -> u64 {
        self.run.size
    }

    /// How many pieces it has.
    pub fn pieces(&self) -> usize {
        self.pieces.len() - 1
    }

    /// Where a piece starts and ends.
    pub fn range(&self, piece: usize) -> Range<u64> {
        self.start(self.pieces[piece] as usize)..self.start(self.pieces[piece + 1] as usize)
    }

    /// A piece's items, each with its range in the piece.
    pub fn items(&self, piece: usize) -> impl Iterator<Item = (Source, Range<usize>)> + Clone {
        let start = self.range(piece).start;
        (self.pieces[piece] as usize..self.pieces[piece + 1] as usize).map(move |index| {
            let range = (self.start(index) - start) as usize..(self.start(index + 1) - start) as usize;
            (self.run.items[index].source, range)
        })
    }

    fn start(&self, item: usize) -> u64 {
        self.run.items.get(item).map_or(self.run.size, |item| u64::from(item.offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_a_section_without_gaps() {
        let sizes = [3, PIECE - 3, 0, 5, 2 * PIECE, 1];
        let run: Run = sizes.into_iter().enumerate().map(|(index, size)| (Source::Known(index as u32), size)).collect();
        let contents = Contents::new(".debug_info", run).expect("it is small");
        assert_eq!(contents.size(), 3 * PIECE + 6);
        assert_eq!(contents.pieces(), 3);
        let mut end = 0;
        let mut sources = Vec::new();
        for piece in 0..contents.pieces() {
            let range = contents.range(piece);
            assert_eq!(range.start, end);
            end = range.end;
            let mut within = 0;
            for (source, part) in contents.items(piece) {
                assert_eq!(part.start, within);
                within = part.end;
                sources.push(source);
            }
            assert_eq!(within as u64, range.end - range.start);
        }
        assert_eq!(end, contents.size());
        assert_eq!(sources, [0, 1, 3, 4, 5].map(Source::Known));
    }

    #[test]
    fn large_sections_have_shorter_pieces() {
        for (size, length) in [(LARGE - 1, PIECE), (LARGE, PIECE / 2)] {
            let each = PIECE / 8;
            let items = (0..size.div_ceil(each)).map(|at| (Source::Known(at as u32), each.min(size - at * each)));
            let contents = Contents::new(".debug_info", items.collect()).expect("it is small");
            assert_eq!(contents.pieces() as u64, size.div_ceil(length));
            assert_eq!(contents.range(1), length..2 * length);
        }
    }

    #[test]
    fn an_empty_section_has_no_pieces() {
        let contents = Contents::new(".debug_addr", Run::default()).expect("it is small");
        assert_eq!((contents.size(), contents.pieces()), (0, 0));
    }

    #[test]
    fn runs_join() {
        let mut run: Run = [(Source::Known(0), 4)].into_iter().collect();
        run.append([(Source::Known(1), 2), (Source::Known(2), 2)].into_iter().collect());
        assert_eq!(run.items.iter().map(|item| item.offset).collect::<Vec<_>>(), [0, 4, 6]);
        assert_eq!(run.push(Source::Known(3), 1), 8);
    }
}

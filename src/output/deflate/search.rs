//! Looks for what occurred before (RFC 1951, 3.2.5): bytes become literals and matches.
//!
//! A place is hashed by its four bytes, a table remembers where such bytes were last, and the bytes there decide. Of four places in
//! a row all are looked at before anything is decided, and the first that matches is selected instead of branched to: no processor
//! foresees which it is, or whether any is. What is left to wait for is that a step starts where the one before it ended, so two
//! parts of the input are searched in turns. Then instructions are what counts, so nothing is asked in a step that is known: places
//! are counted from the start of a window that is always there, and buffers are as long as their indices can tell.

use std::hint::select_unpredictable as select;

use super::{DISTANCES, END, LITERALS, LONGEST, SHORTEST, distance_symbol, length_symbol};

/// How far back a match may lie.
pub(super) const WINDOW: usize = 1 << 15;
/// Places that are looked at in one step.
pub(super) const GROUP: usize = 4;
/// The table of places has 32 KiB: it is to stay in the inner caches.
const HASH_BITS: u32 = 14;
/// Sequences in a block: fewer lose what they save to the codes that each block tells.
const SEQUENCES: usize = 16 << 10;
/// Literals in a block, less those at the end of the text.
const BLOCK_LITERALS: usize = GROUP * SEQUENCES;
/// Bytes of a match that are compared at once; where more may match, a loop goes on.
const SHORT: usize = 16;
/// Bytes that a step looks at from its place on.
const AHEAD: usize = GROUP + SHORT;
/// And with those before.
const SPAN: usize = WINDOW + AHEAD;

/// Some literals and the match behind them, or [`GROUP`] literals and no match.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sequence {
    pub literals: u8,
    /// Less [`SHORTEST`]; anything without a match.
    length: u8,
    /// Less 1; 0 without a match.
    pub distance: u16,
}

impl Sequence {
    /// The match's length less [`SHORTEST`]; 256 or more without a match.
    #[inline(always)]
    pub fn length_index(self) -> usize {
        usize::from(self.length) | self.is_without_match() << 8
    }

    /// The symbol of the match's distance, and how many bits follow it; 32 and none without a match.
    #[inline(always)]
    pub fn distance_index(self) -> (usize, u32) {
        let (symbol, extra) = distance_symbol(self.distance);
        ((symbol % 32) | self.is_without_match() << 5, extra)
    }

    #[inline(always)]
    fn is_without_match(self) -> usize {
        usize::from(self.literals) / GROUP % 2
    }
}

/// How often everything occurs in a block.
pub(super) struct Frequencies {
    pub literals: [u32; LITERALS],
    pub distances: [u32; DISTANCES],
    /// Bits of lengths and distances beside their codes.
    pub extra: u64,
}

/// What a search writes to, to be used again for other parts.
pub(super) struct Buffers {
    /// The start of an input: a window of zeros, which nothing refers to, and the first bytes.
    head: Vec<u8>,
    /// By hash of four bytes: the lower bits of the place where they were last.
    places: Box<[u16; 1 << HASH_BITS]>,
    sequences: Box<[Sequence; SEQUENCES]>,
    literals: Box<[u8; BLOCK_LITERALS + AHEAD]>,
}

impl Default for Buffers {
    fn default() -> Self {
        Buffers {
            head: Vec::new(),
            places: Box::new([0; 1 << HASH_BITS]),
            sequences: Box::new([Sequence::default(); SEQUENCES]),
            literals: Box::new([0; BLOCK_LITERALS + AHEAD]),
        }
    }
}

/// The search through a part of the input, and the block that was found last.
pub(super) struct Search<'a> {
    /// The input up to the part's end.
    text: &'a [u8],
    /// Whether the head is searched, and not yet the text.
    is_in_head: bool,
    buffers: &'a mut Buffers,
    position: Position,
}

/// How far a search came.
#[derive(Clone, Copy, Default)]
struct Position {
    /// Where the window starts that lies before the next byte.
    window: usize,
    /// Sequences of the block.
    sequences: usize,
    /// Literals of the block.
    literals: usize,
}

/// Finds the next block of both parts.
#[inline(never)]
pub(super) fn find(one: &mut Search<'_>, other: &mut Search<'_>) {
    loop {
        let (mut first, mut second) = (one.steps(), other.steps());
        while first.step() & second.step() {}
        (one.position, other.position) = (first.position, second.position);
        if !(one.leave_head() | other.leave_head()) {
            break;
        }
    }
    one.go_on_alone();
    other.go_on_alone();
}

impl<'a> Search<'a> {
    /// Searches the text from its start, or from a place with a window before it, which is referred to.
    pub fn new(text: &'a [u8], start: usize, buffers: &'a mut Buffers) -> Self {
        // Whatever a place in the table is taken for, it lies in the window and not before the text.
        buffers.places.fill(start as u16);
        if let Some(window) = start.checked_sub(WINDOW) {
            return Search { text, is_in_head: false, buffers, position: Position { window, ..Position::default() } };
        }
        buffers.head.clear();
        buffers.head.resize(WINDOW, 0);
        buffers.head.extend_from_slice(&text[..text.len().min(SPAN)]);
        let mut position = Position::default();
        if let Some(first) = text.first_chunk::<GROUP>() {
            // Nothing is before them that could match.
            buffers.literals[..GROUP].copy_from_slice(first);
            buffers.sequences[0] = Sequence { literals: GROUP as u8, ..Sequence::default() };
            position = Position { window: GROUP, sequences: 1, literals: GROUP };
        }
        Search { text, is_in_head: true, buffers, position }
    }

    /// The sequences of the block.
    pub fn sequences(&self) -> &[Sequence] {
        &self.buffers.sequences[..self.position.sequences]
    }

    /// The literals of the block: those of its sequences, and behind them those at the end of the text.
    pub fn literals(&self) -> &[u8] {
        &self.buffers.literals[..self.position.literals]
    }

    /// As many literals as a sequence may have, from a position on; behind the block's last ones others.
    #[inline(always)]
    pub fn literals_from(&self, at: usize) -> [u8; GROUP] {
        self.buffers.literals[at % BLOCK_LITERALS..].first_chunk().copied().unwrap_or_default()
    }

    /// Starts a new block.
    pub fn clear(&mut self) {
        self.position = Position { window: self.position.window, ..Position::default() };
    }

    fn steps(&mut self) -> Steps<'_> {
        let Buffers { head, places, sequences, literals } = &mut *self.buffers;
        let text = if self.is_in_head { head } else { self.text };
        Steps { text, places, sequences, literals, position: self.position }
    }

    /// Goes on in the text itself where there is a window in it, and says so.
    fn leave_head(&mut self) -> bool {
        let leaves = self.is_in_head && self.position.window > WINDOW && self.text.len() > SPAN;
        if leaves {
            self.is_in_head = false;
            self.position.window -= WINDOW;
        }
        leaves
    }

    /// Completes the block. The last bytes of the text are literals.
    fn go_on_alone(&mut self) {
        loop {
            let mut steps = self.steps();
            while steps.step() {}
            self.position = steps.position;
            if !self.leave_head() {
                break;
            }
        }
        let Steps { text, literals, mut position, .. } = self.steps();
        if position.sequences < SEQUENCES {
            let rest = text.get(position.window + WINDOW..).unwrap_or_default();
            literals[position.literals..][..rest.len()].copy_from_slice(rest);
            position.literals += rest.len();
            position.window = text.len() - WINDOW;
        }
        self.position = position;
    }

    /// Counts what occurs in the block. Neighbours are often alike, and a sum that was just written takes time to read: so
    /// everything is counted in two places by turns.
    pub fn frequencies(&self) -> Frequencies {
        let mut literals = [[0_u32; 256]; 2];
        let (pairs, last) = self.literals().as_chunks::<2>();
        for [one, other] in pairs {
            literals[0][usize::from(*one)] += 1;
            literals[1][usize::from(*other)] += 1;
        }
        last.iter().for_each(|&one| literals[0][usize::from(one)] += 1);
        let (mut lengths, mut distances) = ([[0_u32; 512]; 2], [[0_u32; 64]; 2]);
        let mut count = |turn: usize, sequence: &Sequence| {
            lengths[turn][sequence.length_index()] += 1;
            distances[turn][sequence.distance_index().0] += 1;
        };
        let (pairs, last) = self.sequences().as_chunks::<2>();
        for [one, other] in pairs {
            count(0, one);
            count(1, other);
        }
        last.iter().for_each(|one| count(0, one));
        let mut sums = [0; LITERALS];
        sums[END] = 1;
        sums.iter_mut().zip(literals[0].iter().zip(&literals[1])).for_each(|(sum, (one, other))| *sum = one + other);
        let mut extra = 0;
        for (length, (one, other)) in (SHORTEST..=LONGEST).zip(lengths[0].iter().zip(&lengths[1])) {
            let count = one + other;
            let (symbol, bits) = length_symbol(length);
            sums[symbol] += count;
            extra += u64::from(count) * u64::from(bits);
        }
        let distances: [u32; DISTANCES] = std::array::from_fn(|symbol| distances[0][symbol] + distances[1][symbol]);
        for (symbol, &count) in (0_u64..).zip(&distances) {
            extra += u64::from(count) * (symbol / 2).saturating_sub(1);
        }
        Frequencies { literals: sums, distances, extra }
    }
}

/// A search while it goes on. Its buffers are borrowed: what is written into one of them tells nothing new about the others.
struct Steps<'a> {
    /// With a window before every place that is looked at.
    text: &'a [u8],
    places: &'a mut [u16; 1 << HASH_BITS],
    sequences: &'a mut [Sequence; SEQUENCES],
    literals: &'a mut [u8; BLOCK_LITERALS + AHEAD],
    position: Position,
}

impl Steps<'_> {
    /// Adds a sequence to the block, unless it is full or the text near its end.
    #[inline(always)]
    fn step(&mut self) -> bool {
        let Position { window: at, sequences: found, literals: count } = self.position;
        let window = self.text.get(at..).and_then(|from| from.first_chunk());
        let (Some(window), Some(sequence)) = (window, self.sequences.get_mut(found)) else { return false };
        // The last place of a match is noted as well: what follows often repeats with it.
        let from_last = eight(window, WINDOW - 1);
        self.places[hash(from_last)] = (at as u16).wrapping_sub(1);
        let next = from_last >> 8;
        if let Some(room) = self.literals[count % BLOCK_LITERALS..].first_chunk_mut() {
            *room = (next as u32).to_le_bytes();
        }
        let mut starts = [0; GROUP];
        for (step, start) in starts.iter_mut().enumerate() {
            let here = (at + step) as u16;
            let place = std::mem::replace(&mut self.places[hash(next >> (8 * step))], here);
            *start = usize::from(place.wrapping_sub(here)) % WINDOW;
        }
        let (mut literals, mut start) = (GROUP, WINDOW - 1);
        for step in (0..GROUP).rev() {
            let is_same = eight(window, starts[step] + step) as u32 == (next >> (8 * step)) as u32;
            literals = select(is_same, step, literals);
            start = select(is_same, starts[step], start);
        }
        let step = literals % GROUP;
        let low = eight(window, WINDOW + step) ^ eight(window, start + step);
        let high = eight(window, WINDOW + step + 8) ^ eight(window, start + step + 8);
        let same = select(low != 0, low.trailing_zeros(), 64 + high.trailing_zeros()) as usize / 8;
        let mut length = select(literals < GROUP, same, 0);
        let at = at + literals;
        if length == SHORT {
            length = matching(self.text, at + WINDOW, at + start);
        }
        *sequence = Sequence {
            literals: literals as u8,
            length: length.wrapping_sub(SHORTEST) as u8,
            distance: (WINDOW - 1 - start) as u16,
        };
        self.position = Position { window: at + length, sequences: found + 1, literals: count + literals };
        true
    }
}

/// How many bytes match, [`LONGEST`] at most. Rare enough to be kept out of [`Steps::step`].
#[inline(never)]
fn matching(text: &[u8], at: usize, from: usize) -> usize {
    let here = &text[at..text.len().min(at + LONGEST)];
    let there = &text[from..];
    let mut length = 0;
    for (here, there) in here.chunks_exact(SHORT).zip(there.chunks_exact(SHORT)) {
        let number = |bytes: &[u8]| bytes.first_chunk().map_or(0, |bytes| u128::from_le_bytes(*bytes));
        let difference = number(here) ^ number(there);
        if difference != 0 {
            return length + difference.trailing_zeros() as usize / 8;
        }
        length += SHORT;
    }
    let more = here[length..].iter().zip(&there[length..]).take_while(|(here, there)| here == there);
    length + more.count()
}

/// The hash of the first four bytes: the upper bits of a product with the golden ratio (Knuth, volume 3, 6.4).
#[inline(always)]
fn hash(next: u64) -> usize {
    ((next as u32).wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS)) as usize
}

/// Eight bytes as a number, the first as the lowest.
#[inline(always)]
fn eight(window: &[u8; SPAN], at: usize) -> u64 {
    window[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

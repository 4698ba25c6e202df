//! A deflate encoder (RFC 1951) with the one level that debug sections call for: fast, and leaving no more bytes than Go's linker.
//!
//! Four bytes that were seen before at the place which a table remembers are a match, and the first that is found is taken.
//! What costs time is waiting: for branches that no processor can foresee, and for what the step before found out. So there
//! are hardly any branches ([`search`]), and the halves of a piece are searched in turns. `docs/BENCHMARKS.md` tells how fast
//! that is.

mod bits;
mod huffman;
mod search;

use std::hint::select_unpredictable as select;

use self::bits::{Bits, Code, Packed};
use self::huffman::{Block, DISTANCES, LITERALS};
use self::search::{Buffers, Frequencies, Search};

/// The end of a block among the literals.
const END: usize = 256;
/// The first length among the literals.
const FIRST_LENGTH: usize = 257;
/// The shortest match that can be told.
const SHORTEST: usize = 3;
/// The longest one.
const LONGEST: usize = 258;
/// Bytes of a piece that is searched in halves: the second refers to a window in the first.
const HALVED: usize = 4 * search::WINDOW;

/// Makes the deflate data of some bytes. It does not end the stream, and ends at a byte boundary, with an empty stored
/// block: pieces that follow each other are one stream.
pub fn piece(input: &[u8]) -> Vec<u8> {
    Encoder::default().piece(input).concat()
}

/// Buffers for piece after piece.
#[derive(Default)]
pub struct Encoder([Part; 2]);

/// What a half of a piece is made in.
#[derive(Default)]
struct Part {
    search: Buffers,
    out: Vec<u8>,
}

impl Encoder {
    /// What [`piece`] makes, in two parts.
    pub fn piece(&mut self, input: &[u8]) -> [&[u8]; 2] {
        let [first, second] = &mut self.0;
        let middle = if input.len() < HALVED { 0 } else { input.len() / 2 };
        let mut first = Half::new(&input[..middle], 0, first);
        let mut second = Half::new(input, middle, second);
        loop {
            search::find(&mut first.search, &mut second.search);
            if !(first.put_block() | second.put_block()) {
                break;
            }
        }
        let (first_size, second_size) = (first.end(), second.end());
        let [first, second] = &self.0;
        [&first.out[..first_size], &second.out[..second_size]]
    }
}

/// A half of a piece, and what is made of it.
struct Half<'a> {
    search: Search<'a>,
    /// As large as anything that was ever made in it.
    out: &'a mut Vec<u8>,
    /// Bytes that are made.
    size: usize,
    /// Bits behind them, and how many.
    waiting: (u64, u32),
}

impl<'a> Half<'a> {
    fn new(text: &'a [u8], start: usize, part: &'a mut Part) -> Self {
        Half { search: Search::new(text, start, &mut part.search), out: &mut part.out, size: 0, waiting: (0, 0) }
    }

    /// Writes the block that was found, if there is one.
    fn put_block(&mut self) -> bool {
        if self.search.literals().is_empty() && self.search.sequences().is_empty() {
            return false;
        }
        let Frequencies { literals, distances, extra } = self.search.frequencies();
        let block = Block::new(&literals, &distances);
        let size = (block.cost + extra + u64::from(self.waiting.1)).div_ceil(8) as usize;
        let room = room(self.out, self.size, size + bits::SPARE);
        let all = room.len();
        let (left, waiting) = put(&self.search, &block, room, self.waiting);
        self.size += all - left;
        self.waiting = waiting;
        self.search.clear();
        true
    }

    /// Ends at a byte boundary; how many bytes there are.
    fn end(self) -> usize {
        // Three bits of head and the rest of their byte; then that no bytes follow.
        let (bits, count) = self.waiting;
        let rest = (count as usize + 3).div_ceil(8);
        let none = [0, 0, 0xff, 0xff];
        let room = room(self.out, self.size, rest + none.len());
        room[..rest].copy_from_slice(&bits.to_le_bytes()[..rest]);
        room[rest..].copy_from_slice(&none);
        self.size + room.len()
    }
}

/// Room from a place on in bytes that do not shrink: what was there before is overwritten, and need not become zeros first.
fn room(out: &mut Vec<u8>, start: usize, size: usize) -> &mut [u8] {
    let end = start + size;
    if out.len() < end {
        out.resize(end, 0);
    }
    &mut out[start..end]
}

/// Writes a block behind some bits that wait. Returns how much room is left, and the bits that wait then. The loop needs all
/// registers there are: by itself it gets them.
#[inline(never)]
fn put(search: &Search<'_>, block: &Block, room: &mut [u8], waiting: (u64, u32)) -> (usize, (u64, u32)) {
    // What a sequence does not have is written too, as codes without bits: most have a few of everything.
    const NONE: usize = END;
    let mut literals = [Code::default(); 2 * NONE];
    literals[..END].copy_from_slice(&block.literals.of[..END]);
    let mut lengths = [Code::default(); 512];
    for (length, code) in (SHORTEST..=LONGEST).zip(&mut lengths) {
        *code = length_code(length, &block.literals.of);
    }
    let mut distances = [Code::default(); 64];
    distances[..DISTANCES].copy_from_slice(&block.distances.of);

    let (left, waiting) = block.put_head(room, waiting);
    let head = room.len() - left;
    let mut out = Bits::new(&mut room[head..], waiting);
    let mut at = 0;
    for sequence in search.sequences() {
        let count = usize::from(sequence.literals);
        let bytes = search.literals_from(at);
        let literal = |index: usize| Packed::from(literals[select(index < count, usize::from(bytes[index]), NONE)]);
        let few = literal(0).and(literal(1)).and(literal(2).and(literal(3)));
        at += count;
        let (symbol, extra) = sequence.distance_index();
        let rest = Packed { bits: u64::from(sequence.distance) & ((1 << extra) - 1), count: extra };
        let found = Packed::from(lengths[sequence.length_index()]).and(Packed::from(distances[symbol]).and(rest));
        if few.count + found.count <= bits::MOST {
            out.put(few.and(found));
        } else {
            out.put(few);
            out.flush();
            out.put(found);
        }
        out.flush();
    }
    for &literal in &search.literals()[at..] {
        out.put(literals[usize::from(literal)].into());
        out.flush();
    }
    out.put(block.literals.of[END].into());
    out.end()
}

/// The code of a length with the bits that follow it.
fn length_code(length: usize, literals: &[Code; LITERALS]) -> Code {
    let (symbol, extra) = length_symbol(length);
    let code = literals[symbol];
    let rest = (length - SHORTEST) as u32 & ((1 << extra) - 1);
    Code { bits: code.bits | rest << code.length, length: code.length + extra }
}

/// The symbol of a length among the literals, and how many bits follow it (RFC 1951, 3.2.5).
fn length_symbol(length: usize) -> (usize, u32) {
    match length {
        ..=10 => (FIRST_LENGTH + length - SHORTEST, 0),
        LONGEST => (LITERALS - 1, 0),
        _ => {
            let rest = length - SHORTEST;
            let extra = rest.ilog2() - 2;
            (FIRST_LENGTH + 4 * extra as usize + (rest >> extra), extra)
        }
    }
}

/// The symbol of a distance, less 1, and how many bits follow it.
#[inline(always)]
fn distance_symbol(distance: u16) -> (usize, u32) {
    let distance = u32::from(distance);
    let extra = (distance | 2).ilog2() - 1;
    (2 * extra as usize + (distance >> extra) as usize, extra)
}

#[cfg(test)]
mod tests {
    use super::search::GROUP;
    use super::*;

    /// Two independent readers take pieces as one stream, and find the same bytes.
    fn read_back(pieces: &[&[u8]]) -> usize {
        let original = pieces.concat();
        let mut stream: Vec<u8> = pieces.iter().flat_map(|bytes| piece(bytes)).collect();
        let size = stream.len();
        stream.extend([3, 0]);
        let mut out = Vec::with_capacity(original.len() + 1);
        let mut reader = flate2::Decompress::new(false);
        let status = reader.decompress_vec(&stream, &mut out, flate2::FlushDecompress::Finish).expect("deflate data");
        assert_eq!((status, reader.total_in() as usize), (flate2::Status::StreamEnd, stream.len()));
        assert!(out == original);
        out.fill(0);
        let read = libdeflater::Decompressor::new().deflate_decompress(&stream, &mut out);
        assert_eq!(read, Ok(original.len()));
        assert!(out == original);
        size
    }

    /// Numbers that look random, below a limit.
    fn numbers(limit: u32) -> impl Iterator<Item = u32> {
        std::iter::successors(Some(7u32), |state| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223)))
            .map(move |state| ((u64::from(state) * u64::from(limit)) >> 32) as u32)
    }

    #[test]
    fn what_hardly_has_bytes_reads_back() {
        let bytes: Vec<u8> = (0..40).collect();
        for end in 0..bytes.len() {
            read_back(&[&bytes[..end], &bytes[end..]]);
            read_back(&[&vec![7; end]]);
        }
    }

    #[test]
    fn matches_of_all_lengths_and_distances_read_back() {
        let noise: Vec<u8> = numbers(256).take(1 << 17).map(|number| number as u8).collect();
        let mut bytes = noise[..1 << 16].to_vec();
        for (length, distance) in (1..600).zip(numbers(1 << 16)) {
            let from = bytes.len() - 1 - distance as usize;
            let some = bytes[from..bytes.len().min(from + length)].to_vec();
            bytes.extend(some);
            bytes.extend(&noise[length..length + length % 7]);
        }
        let size = read_back(&[&bytes]);
        assert!(size < bytes.len(), "{size} of {}", bytes.len());
        let near: Vec<u8> = numbers(6).take(300_000).map(|number| number as u8).collect();
        assert!(read_back(&[&near]) < near.len() / 2);
    }

    #[test]
    fn a_match_may_lie_as_far_back_as_a_window_and_no_farther() {
        let noise: Vec<u8> = numbers(256).take(200).map(|number| number as u8).collect();
        // At the start of the input, behind a window, and in both of its halves.
        for before in [0, 1, 40_000, 3 << 15] {
            let far = |distance: usize| {
                let zeros = |size: usize| vec![0; size];
                [&zeros(before)[..], &noise, &zeros(distance - noise.len()), &noise, &zeros(40_000)].concat()
            };
            let sizes =
                [search::WINDOW - 1, search::WINDOW, search::WINDOW + 1].map(|far_by| read_back(&[&far(far_by)]));
            assert!(sizes[0].abs_diff(sizes[1]) < 20 && sizes[2] > sizes[1] + noise.len() / 2, "{before} {sizes:?}");
        }
    }

    #[test]
    fn halves_of_all_sizes_read_back() {
        let bytes: Vec<u8> = numbers(12).take(HALVED + 100).map(|number| number as u8).collect();
        for size in (0..50).map(|more| HALVED - 25 + more) {
            read_back(&[&bytes[..size]]);
            read_back(&[&bytes[bytes.len() - size..], &vec![1; size]]);
        }
        // One half takes more blocks than the other.
        let noise: Vec<u8> = numbers(256).take(HALVED / 2).map(|number| number as u8).collect();
        read_back(&[&[&noise[..], &vec![0; HALVED / 2]].concat(), &[&vec![0; HALVED / 2], &noise[..]].concat()]);
    }

    #[test]
    fn noise_hardly_grows_and_zeros_vanish() {
        let noise: Vec<u8> = numbers(256).take(700_000).map(|number| number as u8).collect();
        assert!(read_back(&[&noise]) < noise.len() + noise.len() / 100);
        assert!(read_back(&[&vec![0; 1 << 20]]) < 8 << 10);
    }

    #[test]
    fn rare_bytes_before_a_far_match_read_back() {
        // Their codes are so long that they do not fit into a word with those of the match.
        let mut common = numbers(1 << 31).map(|number| number.leading_zeros() as u8);
        let noise: Vec<u8> = numbers(100).map(|number| 100 + number as u8).take(8 * 40).collect();
        let phrases = noise.chunks(8).enumerate();
        let mut bytes = Vec::new();
        for (_, phrase) in phrases.clone() {
            bytes.extend(common.by_ref().take(700));
            bytes.extend(phrase);
        }
        for (at, phrase) in phrases {
            bytes.extend(common.by_ref().take(700 + at % GROUP));
            bytes.extend([200, 201, 202].map(|rare| rare + at as u8));
            bytes.extend(phrase);
        }
        read_back(&[&bytes]);
    }

    #[test]
    fn bytes_of_very_different_frequency_read_back() {
        // Powers of two apart: an unlimited code would be longer than the format allows.
        let bytes: Vec<u8> = numbers(1 << 31).take(900_000).map(|number| (number.leading_zeros() * 7) as u8).collect();
        let shuffled: Vec<u8> = bytes.iter().zip(numbers(3)).map(|(byte, add)| byte.wrapping_add(add as u8)).collect();
        read_back(&[&bytes, &shuffled]);
    }
}

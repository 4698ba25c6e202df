//! A deflate encoder (RFC 1951) with the one level that debug sections call for: fast, and leaving no more bytes than Go's linker.
//!
//! Four bytes that were seen before at the place which a table remembers are a match, and the first that is found is taken.
//! Most of the time goes into branches that no processor can foresee, so there are few of them: literals stay where they are in
//! the input instead of being listed, they are counted while matches are looked for, up to four are written without asking how
//! many there are, and of the places in a match a fixed number is remembered. On debug sections this takes 0.6 of the time
//! of zlib's second level and leaves 1 % more bytes; with one block of codes for about 8000 matches, larger ones lose
//! what they save on codes.

mod bits;
mod huffman;

use self::bits::Bits;
use self::huffman::{Block, Code, DISTANCES, LITERALS};

/// The end of a block among the literals.
const END: usize = 256;
/// The first length among the literals.
const FIRST_LENGTH: usize = 257;
/// The longest match that can be told.
const LONGEST: usize = 258;
/// How far back a match may lie.
const WINDOW: u16 = 1 << 15;
/// Matches in a block.
const MATCHES: usize = 1 << 13;
/// Bytes in a block, if matches are rare.
const BYTES: usize = 1 << 18;
/// The table of places has 32 KiB: it is to stay in the innermost cache.
const HASH_BITS: u32 = 14;

/// Some literals and the match behind them.
#[derive(Clone, Copy, Debug)]
struct Sequence {
    literals: u32,
    /// 0 at the end of a block.
    length: u16,
    /// Less 1.
    distance: u16,
}

/// Makes the deflate data of some bytes. It does not end the stream, and ends at a byte boundary, with an empty stored
/// block: pieces that follow each other are one stream.
pub fn piece(input: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(input.len() / 2 + 64);
    let mut finder = Finder::default();
    let (mut at, mut waiting) = (0, (0, 0));
    while at < input.len() {
        let end = finder.find(input, at);
        waiting = finder.put(&input[at..end], &mut out, waiting);
        at = end;
    }
    // Three bits of head and the rest of their byte; then that no bytes follow.
    let (bits, count) = waiting;
    out.extend_from_slice(&bits.to_le_bytes()[..(count as usize + 3).div_ceil(8)]);
    out.extend_from_slice(&[0, 0, 0xff, 0xff]);
    out
}

/// Finds the matches of one block after the other.
struct Finder {
    /// By hash of four bytes: the lower bits of the place where they were last seen.
    places: Box<[u16; 1 << HASH_BITS]>,
    sequences: Vec<Sequence>,
    literal_counts: [u32; LITERALS],
    distance_counts: [u32; DISTANCES],
    /// Bits of the block's lengths and distances beside their codes.
    extra: u64,
}

impl Default for Finder {
    fn default() -> Self {
        Finder {
            places: Box::new([0; 1 << HASH_BITS]),
            sequences: Vec::with_capacity(MATCHES + 1),
            literal_counts: [0; LITERALS],
            distance_counts: [0; DISTANCES],
            extra: 0,
        }
    }
}

impl Finder {
    /// Lists the sequences of a block, and counts what occurs in it; returns where it ends.
    fn find(&mut self, input: &[u8], start: usize) -> usize {
        let Finder { places, sequences, literal_counts, distance_counts, .. } = self;
        sequences.clear();
        literal_counts.fill(0);
        distance_counts.fill(0);
        literal_counts[END] = 1;
        let limit = input.len().min(start + BYTES);
        let mut extra = 0;
        let (mut at, mut literals_from) = (start, start);
        while let Some(next) = first_eight(input, at).filter(|_| at < limit) {
            let place = std::mem::replace(&mut places[hash(next)], at as u16);
            let Some((length, distance)) = match_at(input, at, next, place) else {
                literal_counts[usize::from(next as u8)] += 1;
                at += 1;
                continue;
            };
            let (symbol, length_bits) = length_symbol(length);
            literal_counts[symbol] += 1;
            let (symbol, distance_bits) = distance_symbol(distance);
            distance_counts[symbol] += 1;
            extra += u64::from(length_bits + distance_bits);
            sequences.push(Sequence { literals: (at - literals_from) as u32, length, distance });
            for step in 1..4 {
                places[hash(next >> (8 * step))] = (at + step) as u16;
            }
            at += usize::from(length);
            if let Some(last) = first_eight(input, at - 1) {
                places[hash(last)] = (at - 1) as u16;
            }
            literals_from = at;
            if sequences.len() == MATCHES {
                break;
            }
        }
        // At the end of the input there are no eight bytes to look at.
        let end = if sequences.len() == MATCHES { at } else { at.max(limit) };
        input[at..end].iter().for_each(|&byte| literal_counts[usize::from(byte)] += 1);
        sequences.push(Sequence { literals: (end - literals_from) as u32, length: 0, distance: 0 });
        self.extra = extra;
        end
    }

    /// Writes the block of the sequences, which stand for `bytes`, behind some bits that wait; returns those that wait
    /// then.
    fn put(&self, bytes: &[u8], out: &mut Vec<u8>, waiting: (u64, u32)) -> (u64, u32) {
        let block = Block::new(&self.literal_counts, &self.distance_counts);
        let start = out.len();
        let size = (block.cost + self.extra + u64::from(waiting.1)).div_ceil(8) as usize;
        out.resize(start + size + bits::SPARE, 0);
        let mut bits = Bits::new(&mut out[start..], waiting);
        block.put_head(&mut bits);
        put_sequences(&self.sequences, bytes, &block, &mut bits);
        let (written, waiting) = bits.end();
        out.truncate(start + written);
        waiting
    }
}

fn put_sequences(sequences: &[Sequence], bytes: &[u8], block: &Block, out: &mut Bits<'_>) {
    let literals = &block.literals.of;
    let lengths: Vec<Code> = (0..=LONGEST as u16).map(|length| length_code(length, literals)).collect();
    let mut at = 0;
    for &Sequence { literals: count, length, distance } in sequences {
        let count = count as usize;
        match first_eight(bytes, at).filter(|_| count <= 4) {
            Some(next) => {
                for index in 0..4 {
                    let code = literals[usize::from((next >> (8 * index)) as u8)];
                    out.put_code(if index < count { code } else { Code::default() });
                }
                out.flush();
            }
            None => {
                for four in bytes[at..at + count].chunks(4) {
                    four.iter().for_each(|&byte| out.put_code(literals[usize::from(byte)]));
                    out.flush();
                }
            }
        }
        if length > 0 {
            out.put_code(lengths[usize::from(length)]);
            let (symbol, extra) = distance_symbol(distance);
            out.put_code(block.distances.of[symbol]);
            out.put(u64::from(distance) & ((1 << extra) - 1), extra);
            out.flush();
        }
        at += count + usize::from(length);
    }
    out.put_code(literals[END]);
    out.flush();
}

/// The code of a length with the bits that follow it.
fn length_code(length: u16, literals: &[Code; LITERALS]) -> Code {
    if length < 3 {
        return Code::default();
    }
    let (symbol, extra) = length_symbol(length);
    let code = literals[symbol];
    let rest = u32::from(length - 3) & ((1 << extra) - 1);
    Code { bits: code.bits | rest << code.length, length: code.length + extra }
}

/// The symbol of a length among the literals, and how many bits follow it (RFC 1951, 3.2.5).
#[inline(always)]
fn length_symbol(length: u16) -> (usize, u32) {
    match length {
        ..=10 => (FIRST_LENGTH + usize::from(length) - 3, 0),
        258 => (LITERALS - 1, 0),
        _ => {
            let rest = u32::from(length) - 3;
            let extra = rest.ilog2() - 2;
            (FIRST_LENGTH + 4 * extra as usize + (rest >> extra) as usize, extra)
        }
    }
}

/// The symbol of a distance, less 1, and how many bits follow it.
#[inline(always)]
fn distance_symbol(distance: u16) -> (usize, u32) {
    match u32::from(distance) {
        near @ ..4 => (near as usize, 0),
        far => {
            let extra = far.ilog2() - 1;
            (2 * extra as usize + (far >> extra) as usize, extra)
        }
    }
}

/// The hash of the first four bytes: the upper bits of a product with the golden ratio (Knuth, volume 3, 6.4).
#[inline(always)]
fn hash(next: u64) -> usize {
    ((next as u32).wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS)) as usize
}

/// Eight bytes as a number, the first as the lowest.
#[inline(always)]
fn first_eight(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The length of the match at a place of which the lower bits are known, and how far back it is, less 1; `next` are the
/// bytes at `at`. Whatever the table says, the bytes decide.
#[inline(always)]
fn match_at(input: &[u8], at: usize, next: u64, place: u16) -> Option<(u16, u16)> {
    let distance = (at as u16).wrapping_sub(place).wrapping_sub(1);
    let from = at.checked_sub(usize::from(distance) + 1)?;
    let difference = first_eight(input, from)? ^ next;
    if difference as u32 != 0 || distance >= WINDOW {
        return None;
    }
    let length = if difference != 0 { difference.trailing_zeros() as usize / 8 } else { matching(input, at, from) };
    Some((length as u16, distance))
}

/// How many bytes match of which eight are known to.
fn matching(input: &[u8], at: usize, from: usize) -> usize {
    let mut length = 8;
    while length + 8 <= LONGEST {
        let (Some(here), Some(there)) = (first_eight(input, at + length), first_eight(input, from + length)) else {
            break;
        };
        let difference = here ^ there;
        if difference != 0 {
            return length + difference.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    let tail = |start: usize| input[start + length..].iter();
    let more = tail(at).zip(tail(from)).take(LONGEST - length).take_while(|(here, there)| here == there);
    length + more.count()
}

#[cfg(test)]
mod tests {
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
    fn noise_hardly_grows_and_zeros_vanish() {
        let noise: Vec<u8> = numbers(256).take(700_000).map(|number| number as u8).collect();
        assert!(read_back(&[&noise]) < noise.len() + noise.len() / 100);
        assert!(read_back(&[&vec![0; 1 << 20]]) < 8 << 10);
    }

    #[test]
    fn bytes_of_very_different_frequency_read_back() {
        // Powers of two apart: an unlimited code would be longer than the format allows.
        let bytes: Vec<u8> = numbers(1 << 31).take(900_000).map(|number| (number.leading_zeros() * 7) as u8).collect();
        let shuffled: Vec<u8> = bytes.iter().zip(numbers(3)).map(|(byte, add)| byte.wrapping_add(add as u8)).collect();
        read_back(&[&bytes, &shuffled]);
    }
}

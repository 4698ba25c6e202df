//! Huffman codes of a deflate block: how long each is, what it is, and how a block tells (RFC 1951, 3.2.2 and 3.2.7).

use super::bits::{Bits, Code, Packed};

/// Codes of literals, of the block's end and of lengths.
pub(super) const LITERALS: usize = 286;
/// Codes of distances.
pub(super) const DISTANCES: usize = 30;
/// Codes of the lengths of codes.
const LENGTHS: usize = 19;
/// The longest code, in bits. The format has room for 15; with 14, four codes and the bits that wait fit into a word.
const LONGEST: usize = 14;
/// The longest code of a length.
const LONGEST_OF_LENGTHS: usize = 7;
/// The order in which a block tells the lengths of the codes of lengths.
const ORDER: [u8; LENGTHS] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// A code for each of `N` symbols; those that never occur may have none.
#[derive(Clone, Debug)]
pub(super) struct Codes<const N: usize> {
    pub of: [Code; N],
}

impl<const N: usize> Codes<N> {
    /// The shortest codes for symbols that occur so often.
    pub fn new(counts: &[u32; N], longest: usize) -> Self {
        let mut lengths = [0; N];
        set_lengths(counts, longest, &mut lengths);
        Codes { of: codes(&lengths) }
    }

    /// Bits that symbols take which occur so often.
    fn cost(&self, counts: &[u32; N]) -> u64 {
        self.of.iter().zip(counts).map(|(code, &count)| u64::from(code.length) * u64::from(count)).sum()
    }

    /// The lengths of all codes up to the last one, at least `least`.
    fn lengths(&self, least: usize) -> impl Iterator<Item = u8> {
        let used = self.of.iter().rposition(|code| code.length > 0).map_or(0, |last| last + 1);
        self.of[..used.max(least)].iter().map(|code| code.length as u8)
    }
}

/// The codes of a block, and what its head says about them.
pub(super) struct Block {
    pub literals: Codes<LITERALS>,
    pub distances: Codes<DISTANCES>,
    /// Codes of lengths, and for those that repeat something how often: bits, and how many.
    told: Vec<(u8, u8, u8)>,
    lengths: Codes<LENGTHS>,
    /// How many codes of literals and of distances are told.
    counts: (usize, usize),
    /// How many lengths of codes of lengths are told.
    ordered: usize,
    /// Bits of the block but the extra bits of lengths and distances.
    pub cost: u64,
}

impl Block {
    /// Codes for literals and distances that occur so often.
    pub fn new(literal_counts: &[u32; LITERALS], distance_counts: &[u32; DISTANCES]) -> Self {
        let literals = Codes::new(literal_counts, LONGEST);
        let distances = Codes::new(distance_counts, LONGEST);
        let mut all: Vec<u8> = literals.lengths(257).collect();
        let literal_count = all.len();
        all.extend(distances.lengths(1));
        let counts = (literal_count, all.len() - literal_count);
        let told = runs(&all);
        let mut length_counts = [0; LENGTHS];
        told.iter().for_each(|(symbol, ..)| length_counts[usize::from(*symbol)] += 1);
        let lengths = Codes::new(&length_counts, LONGEST_OF_LENGTHS);
        let is_told = |symbol: &u8| lengths.of[usize::from(*symbol)].length > 0;
        let ordered = ORDER.iter().rposition(is_told).map_or(4, |last| (last + 1).max(4));
        let repeats: u64 = told.iter().map(|(_, _, extra)| u64::from(*extra)).sum();
        let head = 3 + 5 + 5 + 4 + 3 * ordered as u64 + lengths.cost(&length_counts) + repeats;
        let cost = head + literals.cost(literal_counts) + distances.cost(distance_counts);
        Block { literals, distances, told, lengths, counts, ordered, cost }
    }

    /// Writes the head of a block that is not the last one, behind some bits that wait. Returns how much room is left, and
    /// the bits that wait then.
    pub fn put_head(&self, room: &mut [u8], waiting: (u64, u32)) -> (usize, (u64, u32)) {
        let mut out = Bits::new(room, waiting);
        out.put(Packed::new(0b100, 3));
        out.put(Packed::new(self.counts.0 as u64 - 257, 5));
        out.put(Packed::new(self.counts.1 as u64 - 1, 5));
        out.put(Packed::new(self.ordered as u64 - 4, 4));
        out.flush();
        for &symbol in &ORDER[..self.ordered] {
            out.put(Packed::new(self.lengths.of[usize::from(symbol)].length.into(), 3));
            out.flush();
        }
        for &(symbol, value, extra) in &self.told {
            out.put(Packed::from(self.lengths.of[usize::from(symbol)]).and(Packed::new(value.into(), extra.into())));
            out.flush();
        }
        out.end()
    }
}

/// Lengths with repetitions named: the code, the bits that follow it, and how many these are.
fn runs(lengths: &[u8]) -> Vec<(u8, u8, u8)> {
    let mut told = Vec::with_capacity(lengths.len());
    for run in lengths.chunk_by(|left, right| left == right) {
        let (length, mut rest) = (run[0], run.len());
        if length > 0 {
            told.push((length, 0, 0));
            rest -= 1;
        }
        while rest > 0 {
            let (symbol, least, most, extra) = match (length, rest) {
                (0, 11..) => (18, 11, 138, 7),
                (0, 3..) => (17, 3, 10, 3),
                (1.., 3..) => (16, 3, 6, 2),
                _ => (length, 1, 1, 0),
            };
            let count = rest.min(most);
            told.push((symbol, (count - least) as u8, extra));
            rest -= count;
        }
    }
    told
}

/// Finds the lengths of the shortest codes, none longer than `longest` bits: Huffman's tree, and where it is too
/// deep, leaves moved up at the cost of others.
fn set_lengths<const N: usize>(counts: &[u32; N], longest: usize, lengths: &mut [u8; N]) {
    // By count; the symbol itself breaks ties, so equal counts give equal codes.
    let present = counts.iter().filter(|count| **count > 0).count();
    let occurring = (0..).zip(counts).filter(|(_, count)| **count > 0);
    let occurring = occurring.map(|(symbol, &count)| u64::from(count) << 16 | symbol);
    // Readers want codes that use up all bit patterns, which takes two.
    let unused = (0..).zip(counts).filter(|(_, count)| **count == 0).map(|(symbol, _)| 1 << 16 | symbol);
    let mut leaves = [0; LITERALS];
    let used = &mut leaves[..present.max(2)];
    used.iter_mut().zip(occurring.chain(unused)).for_each(|(leaf, next)| *leaf = next);
    used.sort_unstable();
    let mut of_length = [0_usize; LONGEST + 1];
    let mut of_leaf = [0; 2 * LITERALS];
    for &depth in depths(used, &mut of_leaf) {
        of_length[depth.min(longest)] += 1;
    }
    // Each code of n bits takes 2^(longest - n) of the 2^longest patterns there are.
    let mut taken: usize = (1..=longest).map(|length| of_length[length] << (longest - length)).sum();
    while taken > 1 << longest {
        // A leaf from the bottom becomes the sibling of one further up, which goes down by one.
        let Some(length) = (1..longest).rev().find(|length| of_length[*length] > 0) else { break };
        of_length[longest] -= 1;
        of_length[length] -= 1;
        of_length[length + 1] += 2;
        taken -= 1;
    }
    let sorted = (1..=longest).rev().flat_map(|length| std::iter::repeat_n(length as u8, of_length[length]));
    for (symbol, length) in used.iter().zip(sorted) {
        lengths[(symbol & 0xffff) as usize] = length;
    }
}

/// The depths of the leaves of Huffman's tree over counts (in the upper bits) that are sorted, in no order.
fn depths<'a>(leaves: &[u64], depth: &'a mut [usize; 2 * LITERALS]) -> &'a [usize] {
    let count = leaves.len();
    // Leaves first, then the nodes above them in the order of making, which is that of their weights.
    let (mut weights, mut parents) = ([0; 2 * LITERALS], [0; 2 * LITERALS]);
    weights.iter_mut().zip(leaves).for_each(|(weight, leaf)| *weight = leaf >> 16);
    let (mut leaf, mut node) = (0, count);
    for made in count..2 * count - 1 {
        for _ in 0..2 {
            let is_leaf = leaf < count && (node == made || weights[leaf] <= weights[node]);
            let next = if is_leaf { &mut leaf } else { &mut node };
            weights[made] += weights[*next];
            parents[*next] = made;
            *next += 1;
        }
    }
    // Parents come behind their children, so from the root down each knows its depth.
    for index in (0..2 * count - 2).rev() {
        depth[index] = depth[parents[index]] + 1;
    }
    &depth[..count]
}

/// The codes that go with some lengths, which the reader finds in the same way.
fn codes<const N: usize>(lengths: &[u8; N]) -> [Code; N] {
    let mut next = [0_u32; LONGEST + 2];
    lengths.iter().filter(|length| **length > 0).for_each(|length| next[usize::from(*length) + 1] += 1);
    for length in 1..next.len() {
        next[length] = (next[length - 1] + next[length]) << 1;
    }
    lengths.map(|length| {
        if length == 0 {
            return Code::default();
        }
        let code = &mut next[usize::from(length)];
        let bits = code.reverse_bits() >> (32 - u32::from(length));
        *code += 1;
        Code { bits, length: length.into() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of the 2^15 patterns of 15 bits start with a code.
    fn patterns<const N: usize>(codes: &Codes<N>) -> u32 {
        codes.of.iter().filter(|code| code.length > 0).map(|code| 1 << (15 - code.length)).sum()
    }

    #[test]
    fn codes_are_shortest_for_what_occurs_most() {
        let codes = Codes::new(&[0, 1, 1, 2, 4], LONGEST);
        assert_eq!(codes.of.map(|code| code.length), [0, 3, 3, 2, 1]);
        // 0, 10, 110, 111 from the highest bit on, told from the lowest on.
        assert_eq!(codes.of.map(|code| code.bits), [0, 0b011, 0b111, 0b01, 0]);
        assert_eq!(codes.cost(&[0, 1, 1, 2, 4]), 14);
    }

    #[test]
    fn codes_use_up_all_patterns_and_keep_to_the_limit() {
        let mut fibonacci = [1_u32; 40];
        (2..40).for_each(|index| fibonacci[index] = fibonacci[index - 1] + fibonacci[index - 2]);
        for longest in [6, 7, 13, LONGEST] {
            let codes = Codes::new(&fibonacci, longest);
            assert_eq!(codes.of.iter().map(|code| code.length as usize).max(), Some(longest));
            assert_eq!(patterns(&codes), 1 << 15);
            let lengths = codes.of.map(|code| code.length);
            assert!(lengths.is_sorted_by(|left, right| left >= right), "{lengths:?}");
        }
        for counts in [[0, 0, 0], [0, 5, 0], [1, 0, 0], [0, 3, 9]] {
            assert_eq!(patterns(&Codes::new(&counts, LONGEST)), 1 << 15, "{counts:?}");
        }
    }

    #[test]
    fn repeated_lengths_are_named_by_their_number() {
        let lengths = [&[5; 9][..], &[0; 2], &[7; 3], &[0; 150], &[1]].concat();
        let told = [(5, 0, 0), (16, 3, 2), (5, 0, 0), (5, 0, 0), (0, 0, 0), (0, 0, 0), (7, 0, 0), (7, 0, 0), (7, 0, 0)];
        assert_eq!(runs(&lengths)[..9], told);
        assert_eq!(runs(&lengths)[9..], [(18, 127, 7), (18, 1, 7), (1, 0, 0)]);
    }
}

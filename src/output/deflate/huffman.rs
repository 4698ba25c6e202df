//! Prefix codes of limited length: Huffman's, after Moffat and Katajainen ("In-Place Calculation of Minimum-Redundancy
//! Codes", 1995), with codes that are too long exchanged for shorter ones.

use super::Bits;

/// The code of an alphabet of `N` symbols.
pub(super) struct Code<const N: usize> {
    /// By symbol: its code, first bit lowest, and the size of that; 0 for a symbol that does not occur.
    pub of: [(u16, u8); N],
}

/// The longest code that deflate knows, and one more.
const SIZES: usize = 16;

impl<const N: usize> Code<N> {
    /// The code for symbols that occur so often, `limit` bits at most.
    pub(super) fn new(counts: &[u32; N], limit: usize) -> Self {
        let mut code = Code { of: [(0, 0); N] };
        let mut symbols: Vec<(u32, u16)> =
            counts.iter().zip(0..).filter(|(count, _)| **count != 0).map(|(count, symbol)| (*count, symbol)).collect();
        symbols.sort_unstable();
        let sizes = match symbols[..] {
            [] => return code,
            [(_, only)] => {
                code.of[usize::from(only)].1 = 1;
                return code;
            }
            _ => sizes(&symbols, limit),
        };
        // The rarest symbols have the longest codes.
        let mut rarest = symbols.iter();
        for size in (1..=limit).rev() {
            for (_, symbol) in rarest.by_ref().take(sizes[size] as usize) {
                code.of[usize::from(*symbol)].1 = size as u8;
            }
        }
        code.number(&sizes);
        code
    }

    /// Gives symbols their codes in order (RFC 1951, 3.2.2).
    fn number(&mut self, sizes: &[u32; SIZES]) {
        let mut next = [0u16; SIZES];
        let mut first = 0;
        for size in 1..SIZES {
            first = (first + sizes[size - 1]) << 1;
            next[size] = first as u16;
        }
        for (code, size) in self.of.iter_mut().filter(|(_, size)| *size != 0) {
            let next = &mut next[usize::from(*size)];
            *code = next.reverse_bits() >> (16 - *size);
            *next = next.wrapping_add(1);
        }
    }

    #[inline(always)]
    pub(super) fn put(&self, symbol: usize, bits: &mut Bits) {
        let (code, size) = self.of[symbol];
        bits.put(u64::from(code), u32::from(size));
    }
}

/// How many codes of each size at least two symbols take, which are sorted by how often they occur.
fn sizes(symbols: &[(u32, u16)], limit: usize) -> [u32; SIZES] {
    let depths = depths(symbols);
    let mut sizes = [0; SIZES];
    depths.iter().for_each(|depth| sizes[(*depth as usize).min(limit)] += 1);
    // Codes that were cut take more room than there is: longer ones for others make it.
    let room = 1u64 << limit;
    let mut taken: u64 = (1..=limit).map(|size| u64::from(sizes[size]) << (limit - size)).sum();
    while taken > room {
        let Some(shorter) = (1..limit).rev().find(|size| sizes[*size] != 0) else { break };
        sizes[shorter] -= 1;
        sizes[shorter + 1] += 2;
        sizes[limit] -= 1;
        taken -= 1;
    }
    sizes
}

/// The depths of the leaves of Huffman's tree, the rarest first.
fn depths(symbols: &[(u32, u16)]) -> Vec<u32> {
    let count = symbols.len();
    // Weights, then of inner nodes the parent, then their depth: in one array.
    let mut nodes: Vec<u32> = symbols.iter().map(|(weight, _)| *weight).collect();
    let (mut root, mut leaf) = (0, 0);
    for next in 0..count - 1 {
        let mut weight = 0;
        for _ in 0..2 {
            let takes_root = leaf >= count || root < next && nodes[root] < nodes[leaf];
            if takes_root {
                weight += nodes[root];
                nodes[root] = next as u32;
                root += 1;
            } else {
                weight += nodes[leaf];
                leaf += 1;
            }
        }
        nodes[next] = weight;
    }
    // The last inner node is the tree's root.
    nodes[count - 2] = 0;
    for next in (0..count - 2).rev() {
        nodes[next] = nodes[nodes[next] as usize] + 1;
    }
    let mut depths = vec![0; count];
    let mut inner = nodes[..count - 1].iter().rev().peekable();
    let (mut available, mut depth, mut left) = (1, 0, count);
    while left > 0 && available > 0 {
        let mut used = 0;
        while inner.next_if(|node| **node == depth).is_some() {
            used += 1;
        }
        for _ in used..available {
            left -= 1;
            depths[left] = depth;
        }
        available = 2 * used;
        depth += 1;
    }
    depths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequent_symbols_have_short_codes() {
        let code = Code::<6>::new(&[45, 13, 12, 16, 9, 5], 15);
        assert_eq!(code.of.map(|(_, size)| size), [1, 3, 3, 3, 4, 4]);
        // 0, 100, 101, 110, 1110, 1111, lowest bit first.
        assert_eq!(code.of.map(|(code, _)| code), [0, 0b001, 0b101, 0b011, 0b0111, 0b1111]);
    }

    #[test]
    fn limited_codes_are_complete() {
        let mut counts = [0u32; 20];
        let (mut one, mut two) = (1, 1);
        for count in &mut counts {
            *count = one;
            (one, two) = (two, one + two);
        }
        for limit in [5, 7, 15] {
            let code = Code::<20>::new(&counts, limit);
            let room: f64 = code.of.iter().map(|(_, size)| (0.5_f64).powi(i32::from(*size))).sum();
            assert_eq!(room, 1.0, "{limit}");
            assert!(code.of.iter().all(|(_, size)| usize::from(*size) <= limit));
        }
    }

    #[test]
    fn few_symbols_have_codes_too() {
        assert_eq!(Code::<3>::new(&[0, 0, 0], 7).of, [(0, 0); 3]);
        assert_eq!(Code::<3>::new(&[0, 9, 0], 7).of, [(0, 0), (0, 1), (0, 0)]);
        assert_eq!(Code::<3>::new(&[1, 0, 2], 7).of, [(0, 1), (0, 0), (1, 1)]);
    }
}

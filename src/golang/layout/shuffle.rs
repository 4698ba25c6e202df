//! The order of functions that `-randlayout=SEED` asks for: Go's Fisher-Yates shuffle with Go's additive lagged Fibonacci
//! generator (Go 1.26 and 1.27, `math/rand/rng.go`, `Rand.Shuffle`).

const LENGTH: usize = 607;
const TAP: usize = 273;
const MODULUS: i64 = (1 << 31) - 1;

/// The numbers that are mixed into every seed: the state of the generator after 7.8e12 steps, 8 bytes each.
static MIXED: &[u8; 8 * LENGTH] = include_bytes!("shuffle/seed.bin");

/// Shuffles as Go's linker does for a seed.
pub fn shuffle<T>(items: &mut [T], seed: i64) {
    let mut generator = Generator::new(seed);
    for at in (1..items.len()).rev() {
        let bound = u32::try_from(at + 1).unwrap_or(u32::MAX);
        items.swap(at, generator.below(bound) as usize);
    }
}

struct Generator {
    state: [u64; LENGTH],
    tap: usize,
    feed: usize,
}

impl Generator {
    fn new(seed: i64) -> Self {
        let mut number = match seed.rem_euclid(MODULUS) {
            0 => 89_482_311,
            number => number,
        };
        let mut next = || {
            number = 48_271 * number % MODULUS;
            number as u64
        };
        for _ in 0..20 {
            next();
        }
        let mut state = [0; LENGTH];
        for (word, mixed) in state.iter_mut().zip(MIXED.as_chunks::<8>().0) {
            *word = (next() << 40) ^ (next() << 20) ^ next() ^ u64::from_le_bytes(*mixed);
        }
        Generator { state, tap: 0, feed: LENGTH - TAP }
    }

    /// 32 evenly spread bits.
    fn next(&mut self) -> u32 {
        self.tap = self.tap.checked_sub(1).unwrap_or(LENGTH - 1);
        self.feed = self.feed.checked_sub(1).unwrap_or(LENGTH - 1);
        let word = self.state[self.feed].wrapping_add(self.state[self.tap]);
        self.state[self.feed] = word;
        // The top bit is not used.
        (word >> 31) as u32
    }

    /// An evenly spread number below a bound, by multiplication.
    fn below(&mut self, bound: u32) -> u32 {
        let mut product = u64::from(self.next()) * u64::from(bound);
        if (product as u32) < bound {
            let threshold = bound.wrapping_neg() % bound;
            while (product as u32) < threshold {
                product = u64::from(self.next()) * u64::from(bound);
            }
        }
        (product >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn shuffles_like_go() {
        // Printed by Go's math/rand.
        for (seed, first, last) in GO {
            let mut items: Vec<u32> = (0..1000).collect();
            super::shuffle(&mut items, seed);
            assert_eq!(items[..4], first, "{seed}");
            assert_eq!(items[996..], last, "{seed}");
        }
    }

    const GO: [(i64, [u32; 4], [u32; 4]); 4] = [
        (1, [838, 819, 922, 392], [436, 663, 939, 604]),
        (42, [415, 61, 273, 238], [208, 602, 65, 373]),
        (-7, [210, 938, 943, 343], [88, 756, 767, 81]),
        (2_147_483_647, [514, 192, 648, 98], [54, 654, 244, 945]),
    ];
}

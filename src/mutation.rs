//! Numbers and damage that only look random, for tests: the same seed gives the same sequence everywhere.

/// Numbers below the bounds that are asked for; `seed` must not be 0.
pub(crate) fn numbers(seed: u64) -> impl FnMut(usize) -> usize {
    let mut source = Mutation::new(seed);
    move |bound| source.below(bound)
}

/// A source of numbers and of damaged copies.
pub(crate) struct Mutation(u64);

impl Mutation {
    /// A sequence; `seed` must not be 0.
    pub(crate) fn new(seed: u64) -> Self {
        Mutation(seed)
    }

    /// The next number (xorshift64*).
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`, or 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 11) as usize % bound.max(1)
    }

    /// A copy with one to four bytes changed, removed, doubled, or the end cut off.
    pub(crate) fn of(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut copy = bytes.to_vec();
        for _ in 0..=self.below(4) {
            let place = self.below(copy.len());
            match self.below(5) {
                _ if copy.is_empty() => copy.push(self.next() as u8),
                0 => copy.truncate(place),
                1 => {
                    copy.remove(place);
                }
                2 => copy.insert(place, copy[place]),
                3 => copy[place] = b"\"'\\@\n -=,:x0"[self.below(12)],
                _ => copy[place] = self.next() as u8,
            }
        }
        copy
    }

    /// A copy of a command line with arguments dropped, doubled, swapped or damaged.
    pub(crate) fn of_arguments(&mut self, arguments: &[std::ffi::OsString]) -> Vec<std::ffi::OsString> {
        use std::os::unix::ffi::{OsStrExt, OsStringExt};
        let mut copy = arguments.to_vec();
        for _ in 0..=self.below(4) {
            if copy.is_empty() {
                break;
            }
            let (place, other) = (self.below(copy.len()), self.below(copy.len()));
            match self.below(4) {
                0 => {
                    copy.remove(place);
                }
                1 => copy.insert(place, copy[other].clone()),
                2 => copy.swap(place, other),
                _ => copy[place] = std::ffi::OsString::from_vec(self.of(copy[place].as_bytes())),
            }
        }
        copy
    }
}

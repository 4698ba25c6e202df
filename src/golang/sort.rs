//! The order of Go's `sort.Slice` and `slices.SortFunc` where the comparison leaves ties: pattern-defeating quicksort with
//! the thresholds and the random numbers of Go's library (Go 1.26 and 1.27, `sort/zsortfunc.go`).
//!
//! Go's linker sorts types by their strings, and two packages of one name have types of one string. Which comes first is
//! decided by the steps of the algorithm, so the same steps are taken here.

use rayon::prelude::*;

/// Slices up to this length are sorted by insertion.
const INSERTION: usize = 12;
/// From this length on a pivot is the median of three medians.
const NINTHER: usize = 50;
/// Exchanges that tell that a slice is sorted the wrong way round.
const ALL_SWAPPED: u32 = 12;
/// How many pairs out of order are mended before a slice counts as unsorted.
const MENDED: u32 = 5;
/// From this length on the shorter side of a pivot is sorted beside the longer one: neither looks at the other.
const SHARED: usize = 1 << 10;

/// Sorts as Go does: elements that compare equal come out in the order in which Go leaves them.
pub fn sort_like_go<T: Send + Sync>(items: &mut [T], less: impl Fn(&T, &T) -> bool + Sync) {
    let limit = usize::BITS - items.len().leading_zeros();
    let [mut of_left, mut of_right] = [vec![0; items.len()], vec![0; items.len()]];
    Sorter { items, before: None, less: &less, strays: [&mut of_left, &mut of_right] }.sort(limit);
}

/// The positions of ranks in the order in which Go sorts what has them.
pub fn order_like_go(ranks: &[u32]) -> Vec<u32> {
    let mut places: Vec<(u32, u32)> = ranks.iter().copied().zip(0..).collect();
    sort_like_go(&mut places, |left, right| left.0 < right.0);
    places.into_iter().map(|(_, at)| at).collect()
}

/// Which place each key has in the order of all; equal ones have the place of the first. All workers compare.
pub fn ranks<K: Ord + Sync>(keys: &[K]) -> Vec<u32> {
    let mut sorted: Vec<u32> = (0..keys.len() as u32).collect();
    let key = |at: u32| &keys[at as usize];
    sorted.par_sort_unstable_by(|left, right| key(*left).cmp(key(*right)));
    let mut ranks = vec![0; keys.len()];
    for (place, pair) in (1..).zip(sorted.windows(2)) {
        let is_tie = key(pair[0]) == key(pair[1]);
        ranks[pair[1] as usize] = if is_tie { ranks[pair[0] as usize] } else { place };
    }
    ranks
}

/// A text to be compared: its first bytes are kept beside it, as texts lie scattered over the inputs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Text<'a> {
    first: u128,
    whole: &'a [u8],
}

impl<'a> Text<'a> {
    /// Takes the first bytes.
    pub fn new(whole: &'a [u8]) -> Self {
        let mut first = [0; 16];
        let known = whole.len().min(first.len());
        first[..known].copy_from_slice(&whole[..known]);
        Text { first: u128::from_be_bytes(first), whole }
    }
}

struct Sorter<'a, T, F> {
    items: &'a mut [T],
    /// What stands before them; none of them is smaller.
    before: Option<&'a T>,
    less: &'a F,
    /// Room for the positions of what is on the wrong side of a pivot, on either side.
    strays: [&'a mut [u32]; 2],
}

impl<'a, T: Send + Sync, F: Fn(&T, &T) -> bool + Sync> Sorter<'a, T, F> {
    fn less(&self, left: usize, right: usize) -> bool {
        (self.less)(&self.items[left], &self.items[right])
    }

    fn sort(self, limit: u32) {
        self.go_on(limit, true, true);
    }

    /// Sorts what the last pivot left, which was one in the middle or not, and had to move something or not.
    fn go_on(mut self, mut limit: u32, mut was_balanced: bool, mut was_partitioned: bool) {
        loop {
            let length = self.items.len();
            if length <= INSERTION {
                return self.insert();
            }
            if limit == 0 {
                return self.heap();
            }
            if !was_balanced {
                self.scatter();
                limit -= 1;
            }
            let (mut pivot, swaps) = self.choose();
            if swaps == ALL_SWAPPED {
                self.items.reverse();
                pivot = length - 1 - pivot;
            }
            let is_increasing = swaps == 0 || swaps == ALL_SWAPPED;
            if was_balanced && was_partitioned && is_increasing && self.mend() {
                return;
            }
            if self.before.is_some_and(|before| !(self.less)(before, &self.items[pivot])) {
                let equal = self.split_equal(pivot);
                [_, self] = self.divide(equal - 1);
                continue;
            }
            let middle;
            (middle, was_partitioned) = self.split(pivot);
            // The pivot counts as one of those behind it.
            let (before, behind) = (middle, length - middle);
            was_balanced = before.min(behind) >= length / 8;
            let [left, right] = self.divide(middle);
            let [shorter, longer] = if before < behind { [left, right] } else { [right, left] };
            if shorter.items.len() >= SHARED {
                rayon::join(|| shorter.sort(limit), || longer.go_on(limit, was_balanced, was_partitioned));
                return;
            }
            shorter.sort(limit);
            self = longer;
        }
    }

    /// What is before a position, and what is behind it.
    fn divide(self, at: usize) -> [Self; 2] {
        let Sorter { items, before, less, strays: [of_left, of_right] } = self;
        let (first, rest) = items.split_at_mut(at);
        let (here, second) = rest.split_at_mut(1);
        let (one, other) = (of_left.split_at_mut(at), of_right.split_at_mut(at));
        let second = Sorter { items: second, before: here.first(), less, strays: [one.1, other.1] };
        [Sorter { items: first, before, less, strays: [one.0, other.0] }, second]
    }

    fn insert(&mut self) {
        for next in 1..self.items.len() {
            let mut at = next;
            while at > 0 && self.less(at, at - 1) {
                self.items.swap(at, at - 1);
                at -= 1;
            }
        }
    }

    fn heap(&mut self) {
        let length = self.items.len();
        for root in (0..=(length - 1) / 2).rev() {
            self.sift(root, length);
        }
        for last in (0..length).rev() {
            self.items.swap(0, last);
            self.sift(0, last);
        }
    }

    fn sift(&mut self, mut root: usize, length: usize) {
        loop {
            let mut child = 2 * root + 1;
            if child >= length {
                return;
            }
            if child + 1 < length && self.less(child, child + 1) {
                child += 1;
            }
            if !self.less(root, child) {
                return;
            }
            self.items.swap(root, child);
            root = child;
        }
    }

    /// Exchanges three elements of the middle with others, to break patterns that make bad pivots.
    fn scatter(&mut self) {
        let length = self.items.len();
        if length < 8 {
            return;
        }
        let mut random = length as u64;
        let mask = (1_u64 << (u64::BITS - random.leading_zeros())) - 1;
        let middle = (length / 4) * 2;
        for at in middle - 1..=middle + 1 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let other = (random & mask) as usize;
            self.items.swap(at, if other >= length { other - length } else { other });
        }
    }

    /// A pivot, and how many exchanges its choice would have needed.
    fn choose(&self) -> (usize, u32) {
        let length = self.items.len();
        let quarter = length / 4;
        let mut places = [quarter, 2 * quarter, 3 * quarter];
        let mut swaps = 0;
        if length >= NINTHER {
            for place in &mut places {
                *place = self.median([*place - 1, *place, *place + 1], &mut swaps);
            }
        }
        (self.median(places, &mut swaps), swaps)
    }

    fn median(&self, [first, second, third]: [usize; 3], swaps: &mut u32) -> usize {
        let (first, second) = self.ordered(first, second, swaps);
        let (second, _) = self.ordered(second, third, swaps);
        self.ordered(first, second, swaps).1
    }

    fn ordered(&self, first: usize, second: usize, swaps: &mut u32) -> (usize, usize) {
        if self.less(second, first) {
            *swaps += 1;
            (second, first)
        } else {
            (first, second)
        }
    }

    /// Mends a few pairs that are out of order, and says whether all are in order then.
    fn mend(&mut self) -> bool {
        let end = self.items.len();
        let mut at = 1;
        for _ in 0..MENDED {
            while at < end && !self.less(at, at - 1) {
                at += 1;
            }
            if at == end {
                return true;
            }
            if end < NINTHER {
                return false;
            }
            self.items.swap(at, at - 1);
            let mut left = at - 1;
            while left >= 1 && self.less(left, left - 1) {
                self.items.swap(left, left - 1);
                left -= 1;
            }
            let mut right = at + 1;
            while end - at >= 2 && right < end && self.less(right, right - 1) {
                self.items.swap(right, right - 1);
                right += 1;
            }
        }
        false
    }

    /// Puts what is smaller than the pivot before it and the rest behind; says where it is now and whether nothing moved.
    ///
    /// Go goes from both ends to the middle, and exchanges the next two that are on the wrong side. No processor foresees how far
    /// the next one is; so here the number of smaller ones tells the sides, and then those are listed that are on the wrong one.
    fn split(&mut self, pivot: usize) -> (usize, bool) {
        self.items.swap(0, pivot);
        let Sorter { items, less, strays: [of_left, of_right], .. } = self;
        let [pivot, rest @ ..] = &mut **items else { return (0, true) };
        let is_smaller = |item: &T| less(item, pivot);
        let smaller = rest.iter().map(|item| usize::from(is_smaller(item))).sum();
        let mut count = 0;
        for (at, item) in (0..).zip(&rest[..smaller]) {
            of_left[count] = at;
            count += usize::from(!is_smaller(item));
        }
        let mut found = 0;
        for (at, item) in (0..rest.len() as u32).zip(&*rest).skip(smaller).rev() {
            of_right[found] = at;
            found += usize::from(is_smaller(item));
        }
        for (&left, &right) in of_left[..count].iter().zip(&of_right[..]) {
            rest.swap(left as usize, right as usize);
        }
        items.swap(0, smaller);
        (smaller, count == 0)
    }

    /// Puts what equals the pivot before what is greater; nothing is smaller. At least the pivot itself equals it.
    fn split_equal(&mut self, pivot: usize) -> usize {
        self.items.swap(0, pivot);
        let (mut low, mut high) = (1, self.items.len() - 1);
        loop {
            while low <= high && !self.less(0, low) {
                low += 1;
            }
            while low <= high && self.less(0, high) {
                high -= 1;
            }
            if low > high {
                return low;
            }
            self.items.swap(low, high);
            low += 1;
            high -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Text, order_like_go, ranks, sort_like_go};

    /// Pairs that are compared by their first number only, from the generator that Go's side of the check uses.
    fn pairs(count: u32, distinct: u64) -> Vec<(u64, u32)> {
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % distinct
        };
        (0..count).map(|at| (next(), at)).collect()
    }

    /// What stands for an order: every position counts.
    fn order(items: &[(u64, u32)]) -> u64 {
        items
            .iter()
            .fold(14_695_981_039_346_656_037, |hash, (_, at)| (hash ^ u64::from(*at)).wrapping_mul(1_099_511_628_211))
    }

    #[test]
    fn ties_come_out_as_from_go() {
        // Printed by a Go program that sorts the same pairs with sort.Slice.
        for (count, distinct, want) in GO {
            let mut items = pairs(count, distinct);
            sort_like_go(&mut items, |left, right| left.0 < right.0);
            assert!(items.is_sorted_by_key(|item| item.0), "{count} {distinct}");
            assert_eq!(order(&items), want, "{count} {distinct}");
            let unsorted = pairs(count, distinct);
            let keys: Vec<u64> = unsorted.iter().map(|pair| pair.0).collect();
            let by_rank: Vec<_> = order_like_go(&ranks(&keys)).into_iter().map(|at| unsorted[at as usize]).collect();
            assert_eq!(order(&by_rank), want, "{count} {distinct}, by rank");
        }
    }

    #[test]
    fn equal_keys_have_the_rank_of_the_first() {
        assert_eq!(ranks(&["b", "a", "c", "b", "b", "a"]), [2, 0, 5, 2, 2, 0]);
        let keys: Vec<u32> = (0..1000).map(|at| at * 7919 % 1000).collect();
        assert_eq!(ranks(&keys), keys);
        assert!(order_like_go(&keys).is_sorted_by_key(|at| keys[*at as usize]));
        assert!(ranks::<u32>(&[]).is_empty() && order_like_go(&[]).is_empty());
    }

    #[test]
    fn sorted_slices_stay_and_reversed_ones_turn() {
        let mut items: Vec<u32> = (0..1000).collect();
        sort_like_go(&mut items, |left, right| left < right);
        assert!(items.is_sorted());
        items.reverse();
        sort_like_go(&mut items, |left, right| left < right);
        assert!(items.is_sorted());
    }

    #[test]
    fn texts_are_compared_as_a_whole() {
        let texts: [&[u8]; 6] = [b"sixteen bytes are", b"sixteen bytes ar", b"", b"a\0", b"a", b"sixteen bytes arE"];
        let mut sorted: Vec<usize> = (0..6).collect();
        sort_like_go(&mut sorted, |left, right| Text::new(texts[*left]) < Text::new(texts[*right]));
        assert_eq!(sorted, [2, 4, 3, 1, 5, 0]);
    }

    const GO: [(u32, u64, u64); 10] = [
        (5, 2, 0x8abc_efc8_69fc_e93b),
        (12, 3, 0x079d_7a89_0a44_9893),
        (13, 3, 0x6f1d_2c40_f6a9_588f),
        (49, 5, 0x3307_cb3f_c295_4675),
        (50, 7, 0x1c9b_678e_0119_b30c),
        (100, 10, 0xde42_81ed_dfa9_7ca7),
        (1000, 3, 0xc5ee_7816_cf8f_9bdb),
        (1000, 200, 0x89c3_13f1_e7e8_f0db),
        (5000, 40, 0xf220_048a_1ddd_2423),
        (20000, 15000, 0x217f_d546_daec_a075),
    ];
}

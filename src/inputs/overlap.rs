//! Strings of a table that may overlap: how long they are together. What a compiler makes is about as long as the table; a damaged file can
//! have a million names that are most of it each, and nobody comes to their end.

/// Whether the strings that start at some offsets of a table, and end with a zero or the table, are together no longer than `most` bytes.
/// It takes no longer to find out than to read the table once, but for strange tables, and never longer than to read `most` bytes.
pub fn are_strings_within(most: usize, table: &[u8], starts: impl ExactSizeIterator<Item = u32>) -> bool {
    let count = starts.len();
    let are_at_most = |length: usize| count.saturating_mul(length) <= most;
    are_at_most(table.len()) || are_at_most(longest(table)) || is_sum_within(most, table, starts)
}

fn longest(table: &[u8]) -> usize {
    let mut start = 0;
    let ended = memchr::memchr_iter(0, table).map(|end| {
        let length = end - start;
        start = end + 1;
        length
    });
    let longest = ended.max().unwrap_or(0);
    longest.max(table.len() - start)
}

fn is_sum_within(most: usize, table: &[u8], mut starts: impl Iterator<Item = u32>) -> bool {
    let mut left = most;
    starts.all(|start| {
        let string = table.get(start as usize..).unwrap_or_default();
        let length = memchr::memchr(0, string).unwrap_or(string.len());
        let fits = length <= left;
        left = left.saturating_sub(length);
        fits
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_may_overlap_up_to_a_sum() {
        let table = [&[b'a'; 1000][..], b"\0", &[b'b'; 500], b"\0", b"cc"].concat();
        assert_eq!((longest(&table), longest(&table[1001..]), longest(&table[1502..])), (1000, 500, 2));
        let long = [0; 10].into_iter();
        assert!(are_strings_within(10_000, &table, long.clone()) && !are_strings_within(9_999, &table, long));
        // Each could be the longest, and few are.
        let mixed = [0, 400, 900, 1001, 1400, 1502, 1503, 1504, 9999].into_iter();
        let sum = 1000 + 600 + 100 + 500 + 101 + 2 + 1;
        assert!(are_strings_within(sum, &table, mixed.clone()) && !are_strings_within(sum - 1, &table, mixed));
        // A string without an end takes as long to read as one with an end.
        assert!(
            !are_strings_within(1, &table, [1502].into_iter()) && are_strings_within(2, &table, [1502].into_iter())
        );
        assert!(are_strings_within(0, &[], [0, 7].into_iter()));
    }
}

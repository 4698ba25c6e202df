//! Shapes of parallel work that several stages share.

/// Splits a column into the parts of consecutive owners: part `i` has `lengths[i]` elements. What is left over is not
/// handed out.
pub fn split_by_lengths<T>(mut column: &mut [T], lengths: impl IntoIterator<Item = usize>) -> Vec<&mut [T]> {
    let mut parts = Vec::new();
    for length in lengths {
        let (part, rest) = column.split_at_mut(length);
        parts.push(part);
        column = rest;
    }
    parts
}

#[cfg(test)]
mod tests {
    #[test]
    fn hands_out_disjoint_parts_in_order() {
        let mut column = [1, 2, 3, 4, 5, 6];
        let parts = super::split_by_lengths(&mut column, [2, 0, 3]);
        assert_eq!(parts, [&[1, 2][..], &[], &[3, 4, 5]]);
    }
}

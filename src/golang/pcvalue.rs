//! Tables that give each instruction of a function a number: stack depth, line, file (Go 1.26 and 1.27,
//! `cmd/internal/obj/pcln.go`).
//!
//! ```text
//! table = (value_delta:zigzag varint  pc_delta:varint)*  0        the first value is relative to -1, PCs to 0
//! ```

/// Instructions with one value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// Offset of the first instruction in the function, in bytes.
    pub start: u32,
    /// Where the value ends.
    pub end: u32,
    /// The value.
    pub value: i32,
}

/// The spans of a table, in order. A damaged table ends where it makes no sense.
#[derive(Clone, Debug)]
pub struct PcValues<'data> {
    rest: &'data [u8],
    /// Bytes of the shortest instruction.
    scale: u32,
    at: u32,
    value: i32,
    is_first: bool,
}

impl<'data> PcValues<'data> {
    /// The spans of a table; `scale` is the length of the shortest instruction in bytes.
    pub fn new(table: &'data [u8], scale: u32) -> Self {
        PcValues { rest: table, scale, at: 0, value: -1, is_first: true }
    }

    fn number(&mut self) -> Option<u32> {
        let mut number = 0;
        for shift in (0..35).step_by(7) {
            let (&byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number as u32);
            }
        }
        None
    }
}

impl Iterator for PcValues<'_> {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        let delta = self.number()?;
        if delta == 0 && !self.is_first {
            self.rest = &[];
            return None;
        }
        self.is_first = false;
        self.value = self.value.wrapping_add((delta >> 1) as i32 ^ -((delta & 1) as i32));
        let start = self.at;
        let length = self.number()?;
        self.at = start.checked_add(length.checked_mul(self.scale)?)?;
        Some(Span { start, end: self.at, value: self.value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(table: &[u8], scale: u32) -> Vec<(u32, u32, i32)> {
        PcValues::new(table, scale).map(|span| (span.start, span.end, span.value)).collect()
    }

    #[test]
    fn values_and_places_are_relative_to_the_ones_before() {
        // 0 up to 4, then 24 up to 300, then 0 again.
        let table = [2, 4, 48, 0xa8, 2, 47, 1, 0];
        assert_eq!(spans(&table, 1), [(0, 4, 0), (4, 300, 24), (300, 301, 0)]);
        assert_eq!(spans(&table, 4), [(0, 16, 0), (16, 1200, 24), (1200, 1204, 0)]);
        assert_eq!(spans(&[0, 3, 0], 1), [(0, 3, -1)]);
    }

    #[test]
    fn damaged_tables_end() {
        assert_eq!(spans(&[2, 4, 48], 1), [(0, 4, 0)]);
        assert_eq!(spans(&[0xff; 12], 1), []);
        assert_eq!(spans(&[2, 0xff, 0xff, 0xff, 0xff, 0x0f, 2, 1], 4), []);
        assert_eq!(spans(&[], 1), []);
    }
}

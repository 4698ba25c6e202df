//! Writing DWARF's primitive values, little-endian, in the 32-bit format; and knowing their sizes before.

/// Where bytes go: to a buffer, or nowhere but into a sum.
pub(super) trait Put {
    /// Some bytes.
    fn bytes(&mut self, bytes: &[u8]);

    /// A byte.
    fn u8(&mut self, value: u8) {
        self.bytes(&[value]);
    }

    /// Two bytes.
    fn u16(&mut self, value: u16) {
        self.bytes(&value.to_le_bytes());
    }

    /// Four bytes.
    fn u32(&mut self, value: u32) {
        self.bytes(&value.to_le_bytes());
    }

    /// Eight bytes.
    fn u64(&mut self, value: u64) {
        self.bytes(&value.to_le_bytes());
    }

    /// A string, and the zero that ends it.
    fn string(&mut self, string: &[u8]) {
        self.bytes(string);
        self.u8(0);
    }

    /// An unsigned number in groups of seven bits (DWARF 5, 7.6).
    fn uleb(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.u8(value as u8 | 0x80);
            value >>= 7;
        }
        self.u8(value as u8);
    }

    /// A signed number in groups of seven bits.
    fn sleb(&mut self, mut value: i64) {
        while !(-0x40..0x40).contains(&value) {
            self.u8(value as u8 | 0x80);
            value >>= 7;
        }
        self.u8(value as u8 & 0x7f);
    }
}

/// Counts bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Count(pub u64);

impl Put for Count {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0 += bytes.len() as u64;
    }
}

/// A buffer that grows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Growing {
    /// What was written.
    pub bytes: Vec<u8>,
}

impl Put for Growing {
    fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }
}

impl Growing {
    /// Overwrites four bytes.
    pub fn set_u32(&mut self, at: usize, value: u32) {
        self.bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
}

/// A buffer of the size that was counted before. What does not fit is left out; [`Fixed::is_full`] tells whether the count
/// was right.
#[derive(Debug)]
pub(super) struct Fixed<'out> {
    out: &'out mut [u8],
    at: usize,
}

impl<'out> Fixed<'out> {
    /// An empty buffer.
    pub fn new(out: &'out mut [u8]) -> Self {
        Fixed { out, at: 0 }
    }

    /// Whether exactly as much was written as there is room.
    pub fn is_full(&self) -> bool {
        self.at == self.out.len()
    }
}

impl Put for Fixed<'_> {
    fn bytes(&mut self, bytes: &[u8]) {
        let end = self.at + bytes.len();
        if let Some(room) = self.out.get_mut(self.at..end) {
            room.copy_from_slice(bytes);
        }
        self.at = end;
    }

    fn u8(&mut self, value: u8) {
        if let Some(room) = self.out.get_mut(self.at) {
            *room = value;
        }
        self.at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_short_as_gimli_reads_them() {
        for value in [0, 1, 0x7f, 0x80, 0x3fff, 0x4000, u64::from(u32::MAX), u64::MAX] {
            let mut out = Growing::default();
            out.uleb(value);
            let mut bytes = gimli::EndianSlice::new(&out.bytes, gimli::LittleEndian);
            assert_eq!(gimli::Reader::read_uleb128(&mut bytes), Ok(value));
            assert!(bytes.is_empty());
            assert_eq!(out.bytes.len(), (64 - value.leading_zeros() as usize).div_ceil(7).max(1));
        }
        for value in [0, 1, -1, 0x3f, 0x40, -0x40, -0x41, i64::MAX, i64::MIN] {
            let mut out = Growing::default();
            out.sleb(value);
            let mut bytes = gimli::EndianSlice::new(&out.bytes, gimli::LittleEndian);
            assert_eq!(gimli::Reader::read_sleb128(&mut bytes), Ok(value));
            assert!(bytes.is_empty());
        }
    }

    #[test]
    fn a_fixed_buffer_tells_a_wrong_count() {
        let mut room = [0xff; 3];
        let mut out = Fixed::new(&mut room);
        out.u16(0x0201);
        assert!(!out.is_full());
        out.u8(3);
        assert!(out.is_full());
        out.string(b"x");
        assert!(!out.is_full());
        assert_eq!(room, [1, 2, 3]);
    }
}

//! Bits one behind the other, from the lowest of each byte on (RFC 1951, 3.1.1).

use super::huffman::Code;

/// Room that the writer takes beyond the last bit, in bytes: it writes eight at a time.
pub(super) const SPARE: usize = 8;

/// Writes bits into room whose size is known before. What does not fit is left out.
pub(super) struct Bits<'a> {
    out: &'a mut [u8],
    at: usize,
    /// Bits that are not in `out` yet.
    waiting: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    /// Starts with some bits that wait.
    pub fn new(out: &'a mut [u8], (waiting, count): (u64, u32)) -> Self {
        Bits { out, at: 0, waiting, count }
    }

    /// Adds bits; at most 63 may wait, and up to 7 wait after [`Bits::flush`].
    #[inline(always)]
    pub fn put(&mut self, bits: u64, count: u32) {
        self.waiting |= bits << self.count;
        self.count += count;
    }

    /// Adds a code.
    #[inline(always)]
    pub fn put_code(&mut self, code: Code) {
        self.put(code.bits.into(), code.length);
    }

    /// Writes the bytes that are whole.
    #[inline(always)]
    pub fn flush(&mut self) {
        if let Some(room) = self.out.get_mut(self.at..self.at + SPARE) {
            room.copy_from_slice(&self.waiting.to_le_bytes());
        }
        self.at += (self.count / 8) as usize;
        self.waiting >>= self.count & !7;
        self.count &= 7;
    }

    /// How many bytes are written, and the bits that wait.
    pub fn end(mut self) -> (usize, (u64, u32)) {
        self.flush();
        (self.at, (self.waiting, self.count))
    }
}

//! Bits one behind the other, from the lowest of each byte on (RFC 1951, 3.1.1).

use super::huffman::Code;

/// Room that the writer takes beyond the last bit, in bytes: it writes eight at a time.
pub(super) const SPARE: usize = 8;

/// Writes bits into room whose size is known before. What does not fit is left out.
pub(super) struct Bits<'a> {
    /// The room that is left.
    out: &'a mut [u8],
    /// Bits that are not in `out` yet.
    waiting: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    /// Starts with some bits that wait.
    pub fn new(out: &'a mut [u8], (waiting, count): (u64, u32)) -> Self {
        Bits { out, waiting, count }
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
        if let Some(room) = self.out.first_chunk_mut::<SPARE>() {
            *room = self.waiting.to_le_bytes();
            let whole = (self.count / 8) as usize % SPARE;
            self.out = &mut std::mem::take(&mut self.out)[whole..];
        }
        self.waiting >>= self.count & !7;
        self.count &= 7;
    }

    /// How many bytes of the room are left, and the bits that wait.
    pub fn end(mut self) -> (usize, (u64, u32)) {
        self.flush();
        (self.out.len(), (self.waiting, self.count))
    }
}

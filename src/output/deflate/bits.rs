//! Bits one behind the other, from the lowest of each byte on (RFC 1951, 3.1.1).

/// Room that the writer takes beyond the last bit, in bytes: it writes eight at a time.
pub(super) const SPARE: usize = 8;

/// Bits that may be added at once: up to 7 wait after [`Bits::flush`], and a word has room for 63.
pub(super) const MOST: u32 = 56;

/// Some bits one behind the other. What is put together before it is known where it goes need not wait for what comes before it.
#[derive(Clone, Copy)]
pub(super) struct Packed {
    /// From the lowest on; the others are 0.
    pub bits: u64,
    pub count: u32,
}

impl Packed {
    pub fn new(bits: u64, count: u32) -> Self {
        Packed { bits, count }
    }

    /// These, and others behind them.
    #[inline(always)]
    pub fn and(self, next: Packed) -> Packed {
        Packed { bits: self.bits | next.bits << self.count, count: self.count + next.count }
    }
}

/// A code as it is written: bits from the lowest on, and how many.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Code {
    pub bits: u32,
    pub length: u32,
}

impl From<Code> for Packed {
    #[inline(always)]
    fn from(code: Code) -> Self {
        Packed { bits: code.bits.into(), count: code.length }
    }
}

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

    /// Adds bits; at most 63 may wait.
    #[inline(always)]
    pub fn put(&mut self, some: Packed) {
        self.waiting |= some.bits << self.count;
        self.count += some.count;
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

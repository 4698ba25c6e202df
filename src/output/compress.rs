//! Compression of debug sections (SHF_COMPRESSED, gABI "Section Compression"), block by block.
//!
//! The uncompressed section never exists as a whole: each block of [`BLOCK_SIZE`] bytes is relocated, compressed
//! ([`compress_block`]) and dropped, by any thread and in any order, and [`finish`] joins the blocks. With zlib, each block
//! is raw deflate data that ends at a byte boundary (a sync flush), so that the blocks, between one header and one
//! checksum combined from theirs, are a single stream. With zstd each block is a frame, and a sequence of frames is valid.
//!
//! The levels are fast ones, as in the other linkers: debug sections are written far more often than read. zlib's data are made by
//! [`super::deflate`], as no library has a level that is as fast and leaves no more bytes than Go's linker.

use object::elf::{ELFCOMPRESS_ZLIB, ELFCOMPRESS_ZSTD};

use super::deflate::Encoder;
use crate::args::request::DebugCompression;
use crate::diag::{Diagnostic, Diagnostics, Result};

/// Bytes of the section that are compressed as one. A part of the output's definition: another size gives other bytes.
pub const BLOCK_SIZE: usize = 1 << 20;

/// `sh_addralign` of a compressed section: that of its Elf64_Chdr.
pub const ALIGNMENT: u64 = 8;

const ZSTD_LEVEL: i32 = 1;
/// Bytes of Elf64_Chdr.
const HEADER_SIZE: usize = 24;
/// CMF and FLG: deflate with a 32 KiB window, a fast level (RFC 1950).
const ZLIB_HEADER: [u8; 2] = [0x78, 0x01];
/// An empty last block with the fixed codes (RFC 1951).
const LAST_DEFLATE_BLOCK: [u8; 2] = [0x03, 0x00];

/// A compressed block of a section.
#[derive(Clone, Debug)]
pub struct Block {
    bytes: Vec<u8>,
    /// Bytes before compression.
    size: usize,
    /// Adler-32 of those; 1 with zstd, which has none.
    checksum: u32,
}

/// A compressed section: what follows each other in the file.
#[derive(Clone, Debug)]
pub struct CompressedSection {
    /// Elf64_Chdr and the start of the stream.
    head: Vec<u8>,
    blocks: Vec<Block>,
    /// The end of the stream.
    tail: Vec<u8>,
}

/// Compresses the bytes `[n * BLOCK_SIZE, (n + 1) * BLOCK_SIZE)` of a section, or those to its end.
pub fn compress_block(compression: DebugCompression, bytes: &[u8]) -> Result<Block> {
    let failed = |why: String| {
        Diagnostics::from(Diagnostic::error("compression-failed", format!("cannot compress a debug section: {why}")))
    };
    let compressed = match compression {
        DebugCompression::None => bytes.to_vec(),
        DebugCompression::Zlib => return Ok(Block::zlib(bytes, &mut Encoder::default(), Vec::new())),
        DebugCompression::Zstd => zstd::bulk::compress(bytes, ZSTD_LEVEL).map_err(|error| failed(error.to_string()))?,
    };
    Ok(Block { bytes: compressed, size: bytes.len(), checksum: 1 })
}

impl Block {
    /// Compresses a piece with zlib, by an encoder and in a buffer that were used before.
    pub fn zlib(bytes: &[u8], encoder: &mut Encoder, mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        encoder.piece(bytes).iter().for_each(|part| buffer.extend_from_slice(part));
        Block { bytes: buffer, size: bytes.len(), checksum: libdeflater::adler32(bytes) }
    }
}

/// A zlib section whose blocks are joined one by one.
#[derive(Debug)]
pub struct ZlibStream {
    /// Of the blocks that were joined.
    checksum: u32,
}

impl ZlibStream {
    /// Begins a section of a size; returns what comes before the first block.
    pub fn begin(alignment: u64, size: u64) -> (Self, Vec<u8>) {
        let mut head = header(ELFCOMPRESS_ZLIB, alignment, size);
        head.extend(ZLIB_HEADER);
        (ZlibStream { checksum: 1 }, head)
    }

    /// Joins a block; returns its bytes.
    pub fn join(&mut self, block: Block) -> Vec<u8> {
        self.count(&block);
        block.bytes
    }

    fn count(&mut self, block: &Block) {
        self.checksum = join_adler32(self.checksum, block.checksum, block.size);
    }

    /// What comes behind the last block.
    pub fn end(self) -> Vec<u8> {
        [&LAST_DEFLATE_BLOCK[..], &self.checksum.to_be_bytes()].concat()
    }
}

/// An Elf64_Chdr.
fn header(kind: u32, alignment: u64, size: u64) -> Vec<u8> {
    let mut head = Vec::with_capacity(HEADER_SIZE + ZLIB_HEADER.len());
    head.extend(u64::from(kind).to_le_bytes()); // ch_type, ch_reserved
    head.extend(size.to_le_bytes());
    head.extend(alignment.max(1).to_le_bytes());
    head
}

/// Joins the blocks, in the order of the section. `alignment` is the uncompressed section's. `None` if the section is not
/// smaller then, and so stays as it is.
pub fn finish(compression: DebugCompression, alignment: u64, blocks: Vec<Block>) -> Option<CompressedSection> {
    let size = blocks.iter().map(|block| block.size as u64).sum();
    let (head, tail) = match compression {
        DebugCompression::None => return None,
        DebugCompression::Zstd => (header(ELFCOMPRESS_ZSTD, alignment, size), Vec::new()),
        DebugCompression::Zlib => {
            let (mut stream, head) = ZlibStream::begin(alignment, size);
            blocks.iter().for_each(|block| stream.count(block));
            (head, stream.end())
        }
    };
    let section = CompressedSection { head, blocks, tail };
    (section.size() < size).then_some(section)
}

impl CompressedSection {
    /// Bytes in the file.
    pub fn size(&self) -> u64 {
        self.parts().map(|part| part.len() as u64).sum()
    }

    /// The bytes, in order.
    pub fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let blocks = self.blocks.iter().map(|block| block.bytes.as_slice());
        std::iter::once(self.head.as_slice()).chain(blocks).chain(std::iter::once(self.tail.as_slice()))
    }
}

/// The Adler-32 (RFC 1950, chapter 8.2) of two pieces, from those of each; `size` is that of the second.
fn join_adler32(first: u32, second: u32, size: usize) -> u32 {
    const MODULUS: u64 = 65521;
    let (low_1, high_1) = (u64::from(first & 0xffff), u64::from(first >> 16));
    let (low_2, high_2) = (u64::from(second & 0xffff), u64::from(second >> 16));
    // Every byte of the second piece adds to the high sum a low sum that starts at `low_1` instead of 1.
    let low = (low_1 + low_2 + MODULUS - 1) % MODULUS;
    let high = (high_1 + high_2 + (low_1 + MODULUS - 1) % MODULUS * (size as u64 % MODULUS)) % MODULUS;
    (high << 16 | low) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::compressed;

    fn text(size: usize) -> Vec<u8> {
        let mut state = 1u32;
        let mut letter = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b"etaoinsh"[(state >> 29) as usize]
        };
        (0..size).map(|_| letter()).collect()
    }

    fn compress(compression: DebugCompression, bytes: &[u8]) -> Option<CompressedSection> {
        let blocks = bytes.chunks(BLOCK_SIZE).map(|block| compress_block(compression, block).unwrap());
        finish(compression, 16, blocks.collect())
    }

    fn joined(section: &CompressedSection) -> Vec<u8> {
        let bytes: Vec<u8> = section.parts().flatten().copied().collect();
        assert_eq!(bytes.len() as u64, section.size());
        bytes
    }

    #[test]
    fn blocks_make_one_stream_that_reads_back() {
        for compression in [DebugCompression::Zlib, DebugCompression::Zstd] {
            for size in [1000, BLOCK_SIZE - 1, BLOCK_SIZE, 3 * BLOCK_SIZE + 17] {
                let original = text(size);
                let bytes = joined(&compress(compression, &original).unwrap());
                let parsed = compressed::parse(&bytes).unwrap();
                assert_eq!((parsed.size, parsed.alignment), (size as u64, 16));
                assert!(parsed.decompress().unwrap() == original, "{compression:?} {size}");
            }
        }
    }

    #[test]
    fn an_independent_reader_accepts_the_stream() {
        let original = text(2 * BLOCK_SIZE + 3);
        let bytes = joined(&compress(DebugCompression::Zlib, &original).unwrap());
        let mut stream = flate2::Decompress::new(true);
        let mut out = Vec::with_capacity(original.len() + 1);
        let status = stream.decompress_vec(&bytes[HEADER_SIZE..], &mut out, flate2::FlushDecompress::Finish).unwrap();
        assert_eq!((status, stream.total_in() as usize), (flate2::Status::StreamEnd, bytes.len() - HEADER_SIZE));
        assert!(out == original);
    }

    #[test]
    fn a_section_that_would_not_shrink_stays() {
        let noise: Vec<u8> = text(3000).chunks(3).map(|three| three[0] ^ three[1] << 3 ^ three[2] << 5).collect();
        for compression in [DebugCompression::Zlib, DebugCompression::Zstd] {
            assert!(compress(compression, &noise[..20]).is_none());
            assert!(compress(compression, &[]).is_none());
            assert!(compress(compression, &[0; 200]).is_some());
        }
        assert!(compress(DebugCompression::None, &[0; 200]).is_none());
    }

    #[test]
    fn checksums_join() {
        let bytes = text(200_000);
        for cut in [0, 1, 65_521, 100_000, 200_000] {
            let (first, second) = bytes.split_at(cut);
            let joined = join_adler32(libdeflater::adler32(first), libdeflater::adler32(second), second.len());
            assert_eq!(joined, libdeflater::adler32(&bytes));
        }
    }
}

//! Compressed input sections: SHF_COMPRESSED with an Elf64_Chdr (gABI "Section Compression"), and the older `.zdebug_*`
//! sections of GNU tools, which have "ZLIB" and a big-endian size in front.
//!
//! The declared size is a claim. It is checked against what the algorithm can make of so many bytes before any memory is
//! reserved, and the contents must then have exactly that size.

use object::elf::{ELFCOMPRESS_ZLIB, ELFCOMPRESS_ZSTD};
use thiserror::Error;

/// A compressed section's header and contents.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Compressed<'data> {
    /// How.
    pub algorithm: Algorithm,
    /// Bytes of the uncompressed section.
    pub size: u64,
    /// `sh_addralign` of the uncompressed section, a power of two.
    pub alignment: u64,
    payload: &'data [u8],
    /// Where the payload starts in the section.
    payload_offset: u64,
}

/// The algorithms of the gABI.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Algorithm {
    /// ELFCOMPRESS_ZLIB.
    Zlib,
    /// ELFCOMPRESS_ZSTD.
    Zstd,
}

/// What is wrong, at which offset of the section.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{problem}")]
pub struct CompressedError {
    /// Bytes from the start of the section.
    pub offset: u64,
    /// One line.
    pub problem: String,
}

/// Deflate codes at most 258 bytes in 2 bits.
const ZLIB_LARGEST_RATIO: u64 = 1032;
/// A zstd block of 4 bytes can stand for at most 128 KiB.
const ZSTD_LARGEST_BLOCK: u64 = 128 << 10;
const ZSTD_SMALLEST_BLOCK: u64 = 4;

/// Reads the header of a section with SHF_COMPRESSED.
pub fn parse(section: &[u8]) -> Result<Compressed<'_>, CompressedError> {
    let fail = |offset, problem: String| CompressedError { offset, problem };
    let Some((header, payload)) = section.split_at_checked(24) else {
        return Err(fail(0, "the section is too short for a compression header".to_owned()));
    };
    let word = |at: usize| header[at..at + 8].iter().rev().fold(0u64, |value, &byte| value << 8 | u64::from(byte));
    let algorithm = match word(0) as u32 {
        ELFCOMPRESS_ZLIB => Algorithm::Zlib,
        ELFCOMPRESS_ZSTD => Algorithm::Zstd,
        other => return Err(fail(0, format!("compression type {other} is not known; zlib is 1 and zstd is 2"))),
    };
    let alignment = word(16).max(1);
    if !alignment.is_power_of_two() {
        return Err(fail(16, format!("the uncompressed section's alignment {alignment} is not a power of two")));
    }
    let compressed = Compressed { algorithm, size: word(8), alignment, payload, payload_offset: 24 };
    compressed.check_size(8)?;
    Ok(compressed)
}

/// Reads the header of a `.zdebug_*` section.
pub fn parse_zdebug(section: &[u8]) -> Result<Compressed<'_>, CompressedError> {
    let Some((header, payload)) = section.split_at_checked(12).filter(|(header, _)| header.starts_with(b"ZLIB")) else {
        return Err(CompressedError { offset: 0, problem: "the section has no ZLIB header".to_owned() });
    };
    let size = header[4..].iter().fold(0u64, |value, &byte| value << 8 | u64::from(byte));
    let compressed = Compressed { algorithm: Algorithm::Zlib, size, alignment: 1, payload, payload_offset: 12 };
    compressed.check_size(4)?;
    Ok(compressed)
}

impl Compressed<'_> {
    /// Refuses a size that the payload cannot have.
    fn check_size(&self, offset: u64) -> Result<(), CompressedError> {
        let payload = self.payload.len() as u64;
        let largest = match self.algorithm {
            Algorithm::Zlib => payload.saturating_mul(ZLIB_LARGEST_RATIO),
            Algorithm::Zstd => (payload / ZSTD_SMALLEST_BLOCK).saturating_mul(ZSTD_LARGEST_BLOCK),
        };
        if self.size > largest || usize::try_from(self.size).is_err() {
            let problem = format!("{payload} compressed bytes cannot hold the {} bytes they are said to", self.size);
            return Err(CompressedError { offset, problem });
        }
        Ok(())
    }

    /// The uncompressed section: exactly [`Compressed::size`] bytes.
    pub fn decompress(&self) -> Result<Vec<u8>, CompressedError> {
        let fail = |problem: String| CompressedError { offset: self.payload_offset, problem };
        let size = self.size as usize;
        let mut out = Vec::new();
        out.try_reserve_exact(size).map_err(|_| fail(format!("there is no memory for {size} uncompressed bytes")))?;
        let written = match self.algorithm {
            Algorithm::Zlib => {
                out.resize(size, 0);
                libdeflater::Decompressor::new()
                    .zlib_decompress(self.payload, &mut out)
                    .map_err(|error| fail(format!("the zlib data is damaged: {error}")))?
            }
            Algorithm::Zstd => zstd::bulk::Decompressor::new()
                .and_then(|mut decompressor| decompressor.decompress_to_buffer(self.payload, &mut out))
                .map_err(|error| fail(format!("the zstd data is damaged: {error}")))?,
        };
        if written != size {
            return Err(fail(format!("the section uncompresses to {written} bytes, but {size} are declared")));
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutation::numbers;

    fn section(kind: u64, size: u64, alignment: u64, payload: &[u8]) -> Vec<u8> {
        let mut bytes: Vec<u8> = [kind, size, alignment].iter().flat_map(|word| word.to_le_bytes()).collect();
        bytes.extend(payload);
        bytes
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
        let mut out = vec![0; compressor.zlib_compress_bound(bytes.len())];
        let size = compressor.zlib_compress(bytes, &mut out).unwrap();
        out.truncate(size);
        out
    }

    const TEXT: &[u8] = b"to be or not to be, that is the question; to be or not to be";

    #[test]
    fn reads_every_form() {
        let sections = [section(1, TEXT.len() as u64, 4, &zlib(TEXT)), {
            section(2, TEXT.len() as u64, 4, &zstd::bulk::compress(TEXT, 3).unwrap())
        }];
        for section in sections {
            let compressed = parse(&section).unwrap();
            assert_eq!((compressed.size, compressed.alignment), (TEXT.len() as u64, 4));
            assert_eq!(compressed.decompress().unwrap(), TEXT);
        }
        let mut old = b"ZLIB".to_vec();
        old.extend((TEXT.len() as u64).to_be_bytes());
        old.extend(zlib(TEXT));
        assert_eq!(parse_zdebug(&old).unwrap().decompress().unwrap(), TEXT);
        assert_eq!(parse(&section(1, 0, 0, &zlib(b""))).unwrap().decompress().unwrap(), b"");
    }

    #[test]
    fn refuses_what_cannot_be() {
        let problem = |bytes: &[u8]| {
            let error = parse(bytes).and_then(|compressed| compressed.decompress()).unwrap_err();
            (error.offset, error.problem)
        };
        let good = zlib(TEXT);
        let size = TEXT.len() as u64;
        assert_eq!(problem(&[0; 23]).1, "the section is too short for a compression header");
        assert!(problem(&section(3, size, 1, &good)).1.starts_with("compression type 3 is not known"));
        assert_eq!(problem(&section(1, size, 3, &good)).0, 16);
        let (offset, text) = problem(&section(1, 1 << 40, 1, &good));
        assert_eq!(offset, 8);
        assert!(text.ends_with("compressed bytes cannot hold the 1099511627776 bytes they are said to"), "{text}");
        assert_eq!(problem(&section(2, u64::MAX, 1, &good)).0, 8);
        assert_eq!(problem(&section(1, size + 1, 1, &good)).0, 24);
        assert_eq!(problem(&section(1, size - 1, 1, &good)).0, 24);
        assert!(problem(&section(2, size, 1, &good)).1.starts_with("the zstd data is damaged"));
        assert_eq!(parse_zdebug(b"ZLIX12345678").unwrap_err().offset, 0);
        assert_eq!(parse_zdebug(b"ZLIB\xff\xff\xff\xff\xff\xff\xff\xff").unwrap_err().offset, 4);
    }

    #[test]
    fn mutated_sections_never_panic() {
        let mut random = numbers(0x2545_f491_4f6c_dd1d);
        let size = TEXT.len() as u64;
        let sections = [section(1, size, 4, &zlib(TEXT)), section(2, size, 4, &zstd::bulk::compress(TEXT, 3).unwrap())];
        let mut refused = 0;
        for round in 0..4000 {
            let mut bytes = sections[round % 2].clone();
            for _ in 0..=random(3) {
                let at = random(bytes.len());
                bytes[at] ^= 1 << random(8);
            }
            bytes.truncate(bytes.len() - random(2) * random(bytes.len()));
            match parse(&bytes).and_then(|compressed| compressed.decompress()) {
                Ok(text) => assert!(text.len() < 1 << 20),
                Err(_) => refused += 1,
            }
        }
        assert!(refused > 2000, "{refused}");
    }
}

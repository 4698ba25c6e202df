//! The deflate encoder beside zlib's first levels and libdeflate's first, on the debug sections of a file, piece by piece as a link
//! compresses them: `DEFLATE_OF=FILE cargo bench --bench deflate`. FILE is an executable whose debug sections are not
//! compressed; without one, a stream that looks like line tables is made up.

use std::io::Write;

use cgolink::output::compress::BLOCK_SIZE;
use cgolink::output::deflate;
use divan::Bencher;
use divan::counter::BytesCount;
use object::{Object, ObjectSection};

fn main() {
    for encoder in ENCODERS {
        let made: usize = pieces().iter().map(|piece| encoder.encode(piece)).sum();
        let size: usize = pieces().iter().map(Vec::len).sum();
        println!("{encoder:?} leaves {made} of {size} bytes");
    }
    divan::main();
}

#[derive(Clone, Copy, Debug)]
enum Encoder {
    Own,
    Zlib(u32),
    Libdeflate(i32),
}

const ENCODERS: [Encoder; 4] = [Encoder::Own, Encoder::Zlib(1), Encoder::Zlib(2), Encoder::Libdeflate(1)];

impl Encoder {
    /// Compresses a piece; returns how many bytes it has then.
    fn encode(self, piece: &[u8]) -> usize {
        match self {
            Encoder::Own => deflate::piece(piece).len(),
            Encoder::Zlib(level) => {
                let mut out = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(level));
                out.write_all(piece).and_then(|()| out.finish()).expect("memory takes everything").len()
            }
            Encoder::Libdeflate(level) => {
                let level = libdeflater::CompressionLvl::new(level).expect("there is such a level");
                let mut encoder = libdeflater::Compressor::new(level);
                let mut out = vec![0; encoder.deflate_compress_bound(piece.len())];
                encoder.deflate_compress(piece, &mut out).expect("there is room")
            }
        }
    }
}

/// The pieces of all debug sections.
fn pieces() -> Vec<Vec<u8>> {
    let Some(path) = std::env::var_os("DEFLATE_OF") else { return vec![made_up(BLOCK_SIZE); 8] };
    let bytes = std::fs::read(&path).expect("a file");
    let file = object::File::parse(&*bytes).expect("an executable");
    let debug = file.sections().filter(|section| section.name().is_ok_and(|name| name.starts_with(".debug")));
    debug.flat_map(|section| cut(section.data().expect("contents"))).collect()
}

fn cut(section: &[u8]) -> Vec<Vec<u8>> {
    section.chunks(BLOCK_SIZE).map(<[u8]>::to_vec).collect()
}

/// Short instructions with small operands, and phrases of them that come again.
fn made_up(size: usize) -> Vec<u8> {
    let mut state = 7_u32;
    let mut below = |limit: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((u64::from(state) * u64::from(limit)) >> 32) as usize
    };
    let mut out = vec![0; 64];
    while out.len() < size {
        for _ in 0..below(6) {
            out.push([0x0a, 0x02, 0x41, 0x4b, 0x7f][below(5)]);
            out.push(below(200) as u8);
        }
        let from = out.len() - 1 - below(out.len().min(20_000) as u32);
        let phrase = out[from..out.len().min(from + 4 + below(12))].to_vec();
        out.extend(phrase);
    }
    out.truncate(size);
    out
}

#[divan::bench(args = ENCODERS)]
fn encode(bencher: Bencher, encoder: Encoder) {
    let pieces = pieces();
    let bytes = BytesCount::new(pieces.iter().map(Vec::len).sum::<usize>());
    bencher.counter(bytes).bench(|| pieces.iter().map(|piece| encoder.encode(piece)).sum::<usize>());
}

//! The FIPS 140 module's sum: an HMAC-SHA256 over its code and data as they are in the file, which the program checks when
//! it starts (Go 1.26 and 1.27, `cmd/link/internal/ld/fips140.go`).

use std::fs::File;
use std::io::Write;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::contents::{Contents, Faults};
use super::plan::{Job, cut_range};
use crate::diag::{Diagnostic, io_error};
use crate::golang::layout::Addresses;
use crate::golang::setup::{FIPS_MAGIC, FIPS_SUM, FipsSymbols};
use crate::golang::symbols::GoSymbol;

/// What is summed first.
const TITLE: &[u8] = b"go fips object v1\n";
/// Bytes of a SHA-256 block.
const BLOCK: usize = 64;

/// The sum, and where it goes.
pub struct Sum {
    /// The sum.
    pub bytes: [u8; FIPS_SUM],
    /// Its place in the file.
    pub file_offset: u64,
}

/// HMAC-SHA256 with a key of zeros (RFC 2104).
struct Hmac {
    inner: Sha256,
}

impl Hmac {
    fn new() -> Self {
        Hmac { inner: Sha256::new_with_prefix([0x36; BLOCK]) }
    }

    fn finish(self) -> [u8; FIPS_SUM] {
        let outer = Sha256::new_with_prefix([0x5c; BLOCK]);
        outer.chain_update(self.inner.finalize()).finalize().into()
    }
}

/// What is summed, and also written for `-fipso`.
struct Sink {
    hmac: Hmac,
    copy: Option<File>,
}

impl Sink {
    fn put(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.hmac.inner.update(bytes);
        self.copy.as_mut().map_or(Ok(()), |copy| copy.write_all(bytes))
    }

    fn put_zeros(&mut self, mut count: u64) -> std::io::Result<()> {
        const ZEROS: [u8; 4096] = [0; 4096];
        while count > 0 {
            let some = count.min(ZEROS.len() as u64);
            self.put(&ZEROS[..some as usize])?;
            count -= some;
        }
        Ok(())
    }
}

/// Sums the module. What is wrong with its contents is not said here: who writes them to the file finds the same.
pub fn sum(
    contents: &Contents<'_, '_>,
    fips: &FipsSymbols,
    addresses: &Addresses,
    copy: Option<&Path>,
) -> Result<Sum, Diagnostic> {
    let failed = |path: &Path, error: &std::io::Error| io_error("write the FIPS object", path, error);
    let create = |path: &Path| File::create(path).map_err(|error| failed(path, &error));
    let mut sink = Sink { hmac: Hmac::new(), copy: copy.map(create).transpose()? };
    let written = |result: std::io::Result<()>| result.map_err(|error| failed(copy.unwrap_or(Path::new("")), &error));
    written(sink.put(TITLE))?;
    let (parts, _) = fips.bounds.as_chunks::<2>();
    for [first, last] in parts {
        written(add(&mut sink, contents, addresses, *first, *last).ok_or_else(misplaced)?)?;
    }
    let section = addresses.section_of(fips.info).filter(|section| section.has_bytes).ok_or_else(misplaced)?;
    let file_offset = section.file_offset + (addresses.of(fips.info) - section.address) + FIPS_MAGIC.len() as u64;
    Ok(Sum { bytes: sink.hmac.finish(), file_offset })
}

fn misplaced() -> Diagnostic {
    let message = "the FIPS module is not laid out as one block for each kind of contents";
    Diagnostic::error("internal-error", message).help("report this as a bug of cgolink")
}

/// Adds the bytes from one symbol to another of the same section; `None` if they are not of the same one.
fn add(
    sink: &mut Sink,
    contents: &Contents<'_, '_>,
    addresses: &Addresses,
    first: GoSymbol,
    last: GoSymbol,
) -> Option<std::io::Result<()>> {
    let position = |symbol: GoSymbol| addresses.section.get(symbol.index())?.checked_sub(1).map(usize::from);
    let section = position(first)?;
    let range = addresses.of(first)..addresses.of(last);
    if position(last)? != section || range.start > range.end {
        return None;
    }
    let mut result = sink.put(&(range.end - range.start).to_be_bytes());
    let mut buffer = Vec::new();
    cut_range(addresses, section, range, |range, symbols| {
        let size = range.end - range.start;
        let job = Job { section, symbols, parts: None, range, file_offset: 0 };
        contents.make(&job, &mut buffer, &mut Faults::default());
        if result.is_ok() {
            result = sink.put(&buffer).and_then(|()| sink.put_zeros(size - buffer.len() as u64));
        }
    });
    Some(result)
}

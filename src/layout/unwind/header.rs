//! `.eh_frame_hdr`: where `.eh_frame` lies, and a table in which unwinders find the record of an address by binary search.

use rayon::prelude::*;

use crate::diag::{Diagnostic, Diagnostics, Origin, Result};

/// A row of the search table: the function's address, and the offset of its FDE in the output's `.eh_frame`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct HeaderEntry {
    /// The address of the function's first instruction.
    pub function: u64,
    /// Offset of the FDE in `.eh_frame`.
    pub fde: u32,
}

/// Bytes of `.eh_frame_hdr` before its search table.
pub(super) const HEADER_SIZE: u64 = 12;

/// Writes `.eh_frame_hdr` (LSB 5.0 Core, chapter 10.6.2): version 1, `.eh_frame`'s address relative to the field
/// (DW_EH_PE_pcrel | sdata4), the count (udata4), and the rows relative to the section (datarel | sdata4), sorted. Of rows
/// with the same address the one whose FDE comes first stays. Rows that fewer entries than planned leave over are zero and
/// not counted.
///
/// # Panics
/// If `out` has not the size of [`super::UnwindPlan::header_size`] for at least as many entries.
pub fn write_header(
    out: &mut [u8],
    header_address: u64,
    frame_address: u64,
    mut entries: Vec<HeaderEntry>,
) -> Result<()> {
    let too_far = |what: &str, address: u64| {
        Diagnostic::error("unwind-table-out-of-range", format!("{what} at {address:#x} is more than 2 GiB away"))
            .at(Origin::default().in_section(".eh_frame_hdr"))
    };
    let relative = |address: u64, base: u64| i32::try_from(address.wrapping_sub(base) as i64).ok();
    entries.par_sort_unstable();
    entries.dedup_by_key(|entry| entry.function);
    let to_frame =
        relative(frame_address, header_address.wrapping_add(4)).ok_or_else(|| too_far(".eh_frame", frame_address))?;
    out[..4].copy_from_slice(&[1, 0x1b, 0x03, 0x3b]);
    out[4..8].copy_from_slice(&to_frame.to_le_bytes());
    out[8..12].copy_from_slice(&(entries.len() as u32).to_le_bytes());
    let (rows, unused) = out[HEADER_SIZE as usize..].split_at_mut(8 * entries.len());
    let row_errors = rows.par_chunks_exact_mut(8).zip(&entries).with_min_len(4096).filter_map(|(row, entry)| {
        let fde_address = frame_address.wrapping_add(u64::from(entry.fde));
        let Some(function) = relative(entry.function, header_address) else {
            return Some(too_far("a function", entry.function));
        };
        let Some(fde) = relative(fde_address, header_address) else {
            return Some(too_far("an unwind record", fde_address));
        };
        row[..4].copy_from_slice(&function.to_le_bytes());
        row[4..].copy_from_slice(&fde.to_le_bytes());
        None
    });
    let errors: Vec<Diagnostic> = row_errors.collect();
    unused.fill(0);
    // One is enough: they all have the same cause.
    Diagnostics::check((), errors.into_iter().min().into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_too_far_apart_are_an_error() {
        let mut out = [0; 20];
        let entries = vec![HeaderEntry { function: 0x1_0000_0000, fde: 0 }];
        let error = write_header(&mut out, 0x1000, 0x2000, entries).unwrap_err();
        assert!(error.to_string().contains("a function at 0x100000000 is more than 2 GiB away"), "{error}");
        assert!(write_header(&mut out, 0x1000, 0x1_0000_0000, Vec::new()).is_err());
    }
}

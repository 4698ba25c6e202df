//! `.eh_frame` of one input, split into its records: common information entries (CIEs) and, for each function, a frame
//! description entry (FDE). LSB 5.0 Core, chapter 10.6; the pointer formats are those of its table 10.5.
//!
//! Only what a linker needs is decoded: where each record lies, which relocations belong to it, which CIE an FDE uses and
//! which relocation says what function it describes. The unwind instructions are carried along as bytes.

use std::borrow::Cow;
use std::ops::Range;

use object::LittleEndian as LE;
use object::elf::Rela64;
use thiserror::Error;

/// One input section, split. At most 4 GiB: offsets are `u32`.
#[derive(Debug)]
pub struct EhFrame<'data> {
    data: &'data [u8],
    /// In order of offset.
    relocations: Cow<'data, [Rela64<LE>]>,
    /// In order of offset.
    pub cies: Vec<Cie>,
    /// In order of offset.
    pub fdes: Vec<Fde>,
    /// Whether a record of length zero was seen, as crtend.o has one to end the whole table. Records after it are read.
    pub terminated: bool,
}

/// The bytes and the relocations of one record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Extent {
    /// Where the record's length field starts in the section.
    pub offset: u32,
    /// Bytes, the length field included.
    pub size: u32,
    first_relocation: u32,
    end_relocation: u32,
}

/// A common information entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cie {
    /// The record.
    pub extent: Extent,
    /// How the addresses in its FDEs are written (a DW_EH_PE value); `None` if the augmentation is not a known one.
    pub pointer_format: Option<u8>,
}

/// A frame description entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fde {
    /// The record.
    pub extent: Extent,
    /// Index in [`EhFrame::cies`].
    pub cie: u32,
    /// Where `pc_begin` lies, from the start of the record.
    pub begin: u8,
    /// The function has no instructions, so that nothing can ever look this record up.
    pub covers_nothing: bool,
}

/// What is malformed, at which offset of the section.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{problem}")]
pub struct EhFrameError {
    /// Bytes from the start of the section.
    pub offset: u64,
    /// One line.
    pub problem: &'static str,
}

/// Where the id or the CIE pointer lies for the two forms of the length field; it has four bytes in both.
const SHORT_HEADER: usize = 4;
const EXTENDED_HEADER: usize = 12;

/// Splits a section into its records. `relocations` may be in any order.
pub fn split<'data>(data: &'data [u8], relocations: &'data [Rela64<LE>]) -> Result<EhFrame<'data>, EhFrameError> {
    if data.len() > u32::MAX as usize || relocations.len() > u32::MAX as usize {
        return Err(EhFrameError { offset: 0, problem: "the unwind table is larger than 4 GiB" });
    }
    let relocations = in_order(relocations);
    if let Some(last) = relocations.last()
        && last.r_offset.get(LE) >= data.len() as u64
    {
        return Err(EhFrameError {
            offset: last.r_offset.get(LE),
            problem: "a relocation lies past the end of the unwind table",
        });
    }
    let mut frame = EhFrame { data, relocations, cies: Vec::new(), fdes: Vec::new(), terminated: false };
    let (mut at, mut next_relocation) = (0, 0);
    while at < data.len() {
        let Some((header, end)) = record_bounds(data, at)? else {
            frame.terminated = true;
            at += 4;
            continue;
        };
        let extent = frame.extent(at..end, &mut next_relocation);
        frame.add_record(extent, header)?;
        at = end;
    }
    Ok(frame)
}

impl<'data> EhFrame<'data> {
    /// The bytes of a record.
    pub fn bytes(&self, extent: Extent) -> &'data [u8] {
        &self.data[extent.offset as usize..][..extent.size as usize]
    }

    /// The relocations of a record, in order of offset; the offsets count from the start of the section.
    pub fn relocations(&self, extent: Extent) -> &[Rela64<LE>] {
        &self.relocations[extent.first_relocation as usize..extent.end_relocation as usize]
    }

    /// The relocation that says which function an FDE describes. `None` if there is none, or if it is R_*_NONE, as
    /// `ld -r` leaves it where the function was discarded: the record then describes nothing in this program.
    pub fn function(&self, fde: &Fde) -> Option<&Rela64<LE>> {
        let place = u64::from(fde.extent.offset) + u64::from(fde.begin);
        self.relocations(fde.extent).iter().find(|one| one.r_offset.get(LE) == place && one.r_type(LE, false) != 0)
    }

    /// The relocations in the bytes `range`, looked for from `next` on; those before are of no record and are passed.
    fn extent(&self, range: Range<usize>, next: &mut usize) -> Extent {
        let offset_of = |index: usize| self.relocations.get(index).map(|one| one.r_offset.get(LE));
        while offset_of(*next).is_some_and(|offset| offset < range.start as u64) {
            *next += 1;
        }
        let first = *next;
        while offset_of(*next).is_some_and(|offset| offset < range.end as u64) {
            *next += 1;
        }
        Extent {
            offset: range.start as u32,
            size: (range.end - range.start) as u32,
            first_relocation: first as u32,
            end_relocation: *next as u32,
        }
    }

    /// Sorts a record into CIEs and FDEs. `header` is the size of its length field.
    fn add_record(&mut self, extent: Extent, header: usize) -> Result<(), EhFrameError> {
        let fail = |offset: usize, problem| EhFrameError { offset: offset as u64 + u64::from(extent.offset), problem };
        let bytes = self.bytes(extent);
        let id = u32_at(bytes, header).ok_or_else(|| fail(header, "a record is too short for its CIE pointer"))?;
        let body = header + 4;
        let in_header = |one: &Rela64<LE>| {
            one.r_offset.get(LE) < u64::from(extent.offset) + body as u64 && one.r_type(LE, false) != 0
        };
        if self.relocations(extent).iter().any(in_header) {
            return Err(fail(0, "a relocation changes the length or the CIE pointer of a record"));
        }
        if id == 0 {
            if bytes.get(body).is_none() {
                return Err(fail(body, "a CIE is too short for its version"));
            }
            self.cies.push(Cie { extent, pointer_format: fde_pointer_format(&bytes[body..]) });
            return Ok(());
        }
        let cie_offset = (extent.offset as usize + header)
            .checked_sub(id as usize)
            .ok_or_else(|| fail(header, "the CIE pointer of an FDE points before the section"))?;
        let cie = match self.cies.last() {
            Some(last) if last.extent.offset as usize == cie_offset => self.cies.len() - 1,
            _ => self
                .cies
                .binary_search_by_key(&cie_offset, |one| one.extent.offset as usize)
                .map_err(|_| fail(header, "the CIE pointer of an FDE does not point to a CIE"))?,
        };
        let covers_nothing = self.covers_nothing(extent, body, self.cies[cie].pointer_format);
        self.fdes.push(Fde { extent, cie: cie as u32, begin: body as u8, covers_nothing });
        Ok(())
    }

    /// Whether the length of the function, which follows `pc_begin` in the same width, is a plain zero.
    fn covers_nothing(&self, extent: Extent, body: usize, format: Option<u8>) -> bool {
        let Some(width) = format.and_then(pointer_width) else {
            return false;
        };
        let Some(length) = self.bytes(extent).get(body + width..body + 2 * width) else {
            return false;
        };
        let place = u64::from(extent.offset) + (body + width) as u64;
        let relocated = |one: &Rela64<LE>| (place..place + width as u64).contains(&one.r_offset.get(LE));
        length.iter().all(|&byte| byte == 0) && !self.relocations(extent).iter().any(relocated)
    }
}

/// The records by offset; compilers write them so, `ld -r` not always.
fn in_order(relocations: &[Rela64<LE>]) -> Cow<'_, [Rela64<LE>]> {
    if relocations.is_sorted_by_key(|one| one.r_offset.get(LE)) {
        return Cow::Borrowed(relocations);
    }
    let mut sorted = relocations.to_vec();
    sorted.sort_by_key(|one| one.r_offset.get(LE));
    Cow::Owned(sorted)
}

/// The size of the length field and the end of the record at `at`; `None` for a terminator.
fn record_bounds(data: &[u8], at: usize) -> Result<Option<(usize, usize)>, EhFrameError> {
    let fail = |problem| EhFrameError { offset: at as u64, problem };
    let short = u32_at(data, at).ok_or_else(|| fail("the unwind table ends within the length of a record"))?;
    let (header, length) = match short {
        0 => return Ok(None),
        u32::MAX => {
            let long = data.get(at + 4..at + 12).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes);
            (EXTENDED_HEADER, long.ok_or_else(|| fail("the unwind table ends within the length of a record"))?)
        }
        length => (SHORT_HEADER, u64::from(length)),
    };
    let end = usize::try_from(length).ok().and_then(|length| (at + header).checked_add(length));
    match end {
        Some(end) if end <= data.len() => Ok(Some((header, end))),
        _ => Err(fail("a record is longer than the rest of the unwind table")),
    }
}

fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(data.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// The DW_EH_PE value for the addresses in a CIE's FDEs: what follows `R` in the augmentation, DW_EH_PE_absptr if there
/// is no `R`. `body` starts with the version.
fn fde_pointer_format(body: &[u8]) -> Option<u8> {
    let version = *body.first()?;
    let name_size = body[1..].iter().position(|&byte| byte == 0)?;
    let augmentation = &body[1..1 + name_size];
    if augmentation.is_empty() {
        return Some(0);
    }
    let mut rest = &body[2 + name_size..];
    skip_leb(&mut rest)?; // code alignment
    skip_leb(&mut rest)?; // data alignment
    match version {
        1 => rest = rest.get(1..)?, // return address register
        3 => skip_leb(&mut rest)?,
        _ => return None,
    }
    if augmentation[0] != b'z' {
        return None;
    }
    skip_leb(&mut rest)?; // bytes of augmentation data
    for letter in &augmentation[1..] {
        match letter {
            b'R' => return rest.first().copied(),
            b'P' => rest = rest.get(1 + pointer_width(*rest.first()?)?..)?,
            b'L' => rest = rest.get(1..)?,
            b'S' | b'B' | b'G' => {}
            _ => return None,
        }
    }
    Some(0)
}

fn skip_leb(rest: &mut &[u8]) -> Option<()> {
    let last = rest.iter().position(|byte| byte & 0x80 == 0)?;
    *rest = &rest[last + 1..];
    Some(())
}

/// Bytes of an address written in this DW_EH_PE format; `None` for LEB128 and for formats that do not exist.
fn pointer_width(format: u8) -> Option<usize> {
    match format & 0x0f {
        0x00 | 0x04 | 0x0c => Some(8),
        0x02 | 0x0a => Some(2),
        0x03 | 0x0b => Some(4),
        _ => None,
    }
}

/// Hand-made tables, for the tests here and those of the planner.
#[cfg(test)]
pub(crate) mod samples {
    use super::*;

    /// R_X86_64_PC32.
    pub const PC32: u32 = 2;

    /// A table under construction, with its relocations.
    #[derive(Default)]
    pub struct Table {
        pub bytes: Vec<u8>,
        pub relocations: Vec<Rela64<LE>>,
    }

    impl Table {
        pub fn relocate(&mut self, offset: usize, symbol: u32, kind: u32, addend: i64) {
            self.relocations.push(Rela64 {
                r_offset: object::U64::new(LE, offset as u64),
                r_info: Rela64::r_info(LE, false, symbol, kind),
                r_addend: object::I64::new(LE, addend),
            });
        }

        fn record(&mut self, body: &[u8]) -> usize {
            let at = self.bytes.len();
            self.bytes.extend((body.len() as u32).to_le_bytes());
            self.bytes.extend(body);
            at
        }

        /// A CIE with `zR`, or `zPLR` if there is a personality symbol; both with pc-relative 4-byte addresses.
        pub fn cie(&mut self, personality: Option<u32>) -> usize {
            let mut body = vec![0, 0, 0, 0, 1];
            match personality {
                None => body.extend(b"zR\0\x01\x78\x10\x01\x1b"),
                Some(_) => body.extend(b"zPLR\0\x01\x78\x10\x07\x9b\0\0\0\0\x1b\x1b"),
            }
            body.extend([0x0c, 7, 8, 0x90, 1]);
            while !body.len().is_multiple_of(4) {
                body.push(0);
            }
            let at = self.record(&body);
            if let Some(symbol) = personality {
                self.relocate(at + 19, symbol, PC32, 0);
            }
            at
        }

        /// An FDE for `length` bytes at a symbol, with an LSDA if one is named.
        pub fn fde(&mut self, cie: usize, function: u32, addend: i64, length: u32, lsda: Option<u32>) -> usize {
            let at = self.bytes.len();
            let mut body = ((at + 4 - cie) as u32).to_le_bytes().to_vec();
            body.extend([0; 4]);
            body.extend(length.to_le_bytes());
            match lsda {
                None => body.push(0),
                Some(_) => body.extend([4, 0, 0, 0, 0]),
            }
            while !body.len().is_multiple_of(4) {
                body.push(0);
            }
            self.record(&body);
            self.relocate(at + 8, function, PC32, addend);
            if let Some(symbol) = lsda {
                self.relocate(at + 17, symbol, PC32, 0);
            }
            at
        }

        pub fn terminator(&mut self) {
            self.bytes.extend([0; 4]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{PC32, Table};
    use super::*;
    use crate::mutation::numbers;

    fn problem(table: &Table) -> (u64, &'static str) {
        let error = split(&table.bytes, &table.relocations).unwrap_err();
        (error.offset, error.problem)
    }

    #[test]
    fn splits_records_and_finds_the_functions() {
        let mut table = Table::default();
        let plain = table.cie(None);
        let first = table.fde(plain, 1, 0x10, 5, None);
        let other = table.cie(Some(9));
        table.terminator();
        let second = table.fde(other, 2, 0, 0, Some(3));
        table.fde(plain, 4, 0, 7, None);
        let frame = split(&table.bytes, &table.relocations).unwrap();
        assert!(frame.terminated);
        assert_eq!(frame.cies.len(), 2);
        assert_eq!(frame.cies[1].pointer_format, Some(0x1b));
        assert_eq!(frame.relocations(frame.cies[1].extent).len(), 1);
        let summary: Vec<_> = frame
            .fdes
            .iter()
            .map(|fde| (fde.cie, fde.covers_nothing, frame.function(fde).unwrap().r_sym(LE, false)))
            .collect();
        assert_eq!(summary, [(0, false, 1), (1, true, 2), (0, false, 4)]);
        assert_eq!(frame.fdes[0].extent.offset as usize, first);
        assert_eq!(frame.fdes[1].extent.offset as usize, second);
        assert_eq!(frame.relocations(frame.fdes[1].extent).len(), 2);
    }

    #[test]
    fn relocations_may_come_in_any_order() {
        let mut table = Table::default();
        let cie = table.cie(Some(9));
        table.fde(cie, 1, 0, 5, Some(2));
        table.fde(cie, 3, 0, 5, Some(4));
        table.relocations.reverse();
        let frame = split(&table.bytes, &table.relocations).unwrap();
        let functions: Vec<_> = frame.fdes.iter().map(|fde| frame.function(fde).unwrap().r_sym(LE, false)).collect();
        assert_eq!(functions, [1, 3]);
    }

    #[test]
    fn takes_extended_lengths() {
        let mut table = Table::default();
        table.cie(None);
        let at = table.bytes.len();
        table.bytes.extend(u32::MAX.to_le_bytes());
        table.bytes.extend(16u64.to_le_bytes());
        table.bytes.extend(((at + 12) as u32).to_le_bytes());
        table.bytes.extend([0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0]);
        table.relocate(at + 16, 7, PC32, 0);
        let frame = split(&table.bytes, &table.relocations).unwrap();
        assert_eq!(frame.function(&frame.fdes[0]).unwrap().r_sym(LE, false), 7);
        assert_eq!((frame.fdes[0].begin, frame.fdes[0].extent.size), (16, 28));
    }

    #[test]
    fn an_fde_without_a_function_is_not_an_error() {
        let mut table = Table::default();
        let cie = table.cie(None);
        table.fde(cie, 1, 0, 5, None);
        table.relocations.clear();
        let frame = split(&table.bytes, &table.relocations).unwrap();
        assert!(frame.function(&frame.fdes[0]).is_none());
        table.relocate(frame.fdes[0].extent.offset as usize + 8, 1, 0, 0);
        let frame = split(&table.bytes, &table.relocations).unwrap();
        assert!(frame.function(&frame.fdes[0]).is_none());
    }

    #[test]
    fn says_what_is_malformed_and_where() {
        let mut table = Table::default();
        let cie = table.cie(None);
        let at = table.fde(cie, 1, 0, 5, None);
        let good = table.bytes.clone();

        table.bytes.truncate(at + 2);
        assert_eq!(problem(&table), (at as u64 + 8, "a relocation lies past the end of the unwind table"));
        table.relocations.clear();
        assert_eq!(problem(&table), (at as u64, "the unwind table ends within the length of a record"));
        table.bytes = good[..good.len() - 1].to_vec();
        assert_eq!(problem(&table), (at as u64, "a record is longer than the rest of the unwind table"));
        table.bytes = good.clone();
        table.bytes[at + 4] = 0xff;
        assert_eq!(problem(&table), (at as u64 + 4, "the CIE pointer of an FDE points before the section"));
        table.bytes[at + 4] = 4;
        assert_eq!(problem(&table), (at as u64 + 4, "the CIE pointer of an FDE does not point to a CIE"));
        table.bytes = good;
        table.relocate(at + 4, 1, PC32, 0);
        assert_eq!(problem(&table), (at as u64, "a relocation changes the length or the CIE pointer of a record"));
    }

    #[test]
    fn mutated_tables_never_panic() {
        let mut table = Table::default();
        let plain = table.cie(None);
        table.fde(plain, 1, 0, 5, None);
        let other = table.cie(Some(9));
        table.fde(other, 2, 0, 0, Some(3));
        table.terminator();
        let mut random = numbers(0x9e37_79b9_7f4a_7c15);
        let mut accepted = 0;
        for _ in 0..20_000 {
            let mut bytes = table.bytes.clone();
            let mut relocations = table.relocations.clone();
            for _ in 0..=random(3) {
                let at = random(bytes.len());
                bytes[at] = [0, 1, 4, 0x7f, 0x80, 0xff, random(256) as u8][random(7)];
            }
            if random(4) == 0 {
                bytes.truncate(random(bytes.len()) + 1);
            }
            let which = random(relocations.len());
            relocations[which].r_offset.set(LE, random(bytes.len() + 8) as u64);
            if let Ok(frame) = split(&bytes, &relocations) {
                accepted += 1;
                for fde in &frame.fdes {
                    assert!(fde.cie < frame.cies.len() as u32);
                    frame.function(fde);
                    frame.bytes(fde.extent);
                }
            }
        }
        assert!(accepted > 100, "the mutations should leave some tables readable: {accepted}");
    }
}

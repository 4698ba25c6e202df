//! `.gopclntab`: functions, files and lines of a Go program. Mirrors cmd/link/internal/ld/pcln.go and runtime/symtab.go of
//! Go 1.26 and 1.27, whose tables have the same form.
//!
//! ```text
//! header       magic, quantum, pointer size, counts, the offsets of the five tables below
//! funcnametab  names, NUL-terminated
//! cutab        for each unit its files: u32 offsets into filetab
//! filetab      names, NUL-terminated
//! pctab        pc-value tables: pairs of varints, ended by a zero
//! functab      (pc, offset of the record) for each function and a last pc; then the records
//! ```

use super::Image;
use super::bytes::{half, until_nul, uvarint, word};

/// The tables.
#[derive(Clone, Debug)]
pub struct PcLineTable<'data> {
    /// The header's fields.
    pub header: Vec<(&'static str, u64)>,
    /// The five tables, with their names.
    pub tables: [(&'static str, &'data [u8]); 5],
    /// One for each function.
    pub functions: Vec<Function<'data>>,
}

/// A function's record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Function<'data> {
    /// Bytes from the start of the text.
    pub entry: u32,
    /// The end, which is the next function's start.
    pub end: u32,
    /// Where the record lies in functab.
    pub record: u32,
    /// The name.
    pub name: &'data [u8],
    /// Fields that say the same wherever the tables lie.
    pub facts: [(&'static str, u32); 8],
    /// Offsets into the tables.
    pub offsets: [(&'static str, u32); 5],
    /// pc-value tables by index: offsets into pctab.
    pub pcdata: Vec<u32>,
    /// Function data by index: offsets from `go:func.*`; `u32::MAX` for none.
    pub funcdata: Vec<u32>,
}

/// Records have no more of either array; the runtime knows 5 pcdata and 8 funcdata indexes.
const MOST_ENTRIES: u32 = 255;

impl<'data> PcLineTable<'data> {
    /// Reads the section of a Go program.
    pub fn of(image: &Image<'data>) -> Option<Self> {
        let section = image.section(".gopclntab").or_else(|| image.section(".data.rel.ro.gopclntab"))?;
        Self::parse(section.contents)
    }

    /// Reads the tables; what is damaged in a function's record reads as zero, and what follows is left out.
    pub fn parse(data: &'data [u8]) -> Option<Self> {
        let header = vec![
            ("magic", u64::from(half(data, 0)?)),
            ("pad", u64::from(half(data, 4)?) & 0xffff),
            ("minLC", u64::from(*data.get(6)?)),
            ("ptrSize", u64::from(*data.get(7)?)),
            ("nfunc", word(data, 8)?),
            ("nfiles", word(data, 16)?),
            ("textStart", word(data, 24)?),
            ("funcnameOffset", word(data, 32)?),
            ("cuOffset", word(data, 40)?),
            ("filetabOffset", word(data, 48)?),
            ("pctabOffset", word(data, 56)?),
            ("pclnOffset", word(data, 64)?),
        ];
        let starts: Vec<usize> = header[7..].iter().map(|(_, at)| usize::try_from(*at).unwrap_or(usize::MAX)).collect();
        let table = |index: usize| {
            let end = starts.get(index + 1).copied().unwrap_or(data.len()).min(data.len());
            data.get(starts[index]..end).unwrap_or(&[])
        };
        let names = ["funcnametab", "cutab", "filetab", "pctab", "functab"];
        let mut tables = [0, 1, 2, 3, 4].map(|index| (names[index], table(index)));
        let (functab, nfunc) = (table(4), header[4].1.min(data.len() as u64 / 8) as usize);
        let functions: Vec<Function<'_>> =
            (0..nfunc).map_while(|index| Function::read(functab, index, table(0))).collect();
        // Since Go 1.26 other data follows in the section.
        let end = functions.iter().map(Function::record_end).max().unwrap_or(0).min(functab.len());
        tables[4].1 = &functab[..end];
        Some(PcLineTable { header, tables, functions })
    }

    /// One of the five tables.
    pub fn table(&self, name: &str) -> &'data [u8] {
        self.tables.iter().find(|(table, _)| *table == name).map_or(&[], |(_, bytes)| bytes)
    }

    /// The function that an offset into the text lies in.
    pub fn at(&self, offset: u64) -> Option<&Function<'data>> {
        let after = self.functions.partition_point(|function| u64::from(function.entry) <= offset);
        self.functions.get(after.checked_sub(1)?).filter(|function| offset < u64::from(function.end))
    }

    /// The name of a file of the function's unit, by its index there.
    pub fn file(&self, unit: u32, index: u32) -> Option<&'data [u8]> {
        let entry = half(self.table("cutab"), (unit as usize).checked_add(index as usize)?.checked_mul(4)?)?;
        until_nul(self.table("filetab"), entry as usize)
    }

    /// The file that a function starts in.
    pub fn first_file(&self, function: &Function<'data>) -> Option<&'data [u8]> {
        let (change, _) = uvarint(self.pc_values(function.offset("pcfile")), 0)?;
        // Values are zigzag differences from -1.
        let index = (change >> 1) as i64 ^ -((change & 1) as i64);
        self.file(function.offset("cuOffset"), u32::try_from(index.checked_sub(1)?).ok()?)
    }

    /// The bytes of the pc-value table at an offset of pctab, with the zero that ends it.
    pub fn pc_values(&self, offset: u32) -> &'data [u8] {
        let Some(table) = self.table("pctab").get(offset as usize..).filter(|_| offset != 0) else { return &[] };
        let mut at = 0;
        // A value change of zero ends the table, except in its first pair.
        while let Some((value, size)) = uvarint(table, at) {
            at += size;
            if value == 0 && at > size {
                break;
            }
            let Some((_, size)) = uvarint(table, at) else { break };
            at += size;
        }
        &table[..at]
    }
}

impl<'data> Function<'data> {
    fn read(functab: &'data [u8], index: usize, names: &'data [u8]) -> Option<Self> {
        let (entry, record) = (half(functab, 8 * index)?, half(functab, 8 * index + 4)?);
        let end = half(functab, 8 * index + 8)?;
        let field = |at: usize| half(functab, (record as usize).saturating_add(at)).unwrap_or(0);
        let [id, flag, _, nfuncdata] = field(40).to_le_bytes();
        let (npcdata, nfuncdata) = (field(28).min(MOST_ENTRIES), u32::from(nfuncdata));
        let array = |from: u32, count: u32| (from..from + count).map(|at| field(44 + 4 * at as usize)).collect();
        Some(Function {
            entry,
            end,
            record,
            name: until_nul(names, field(4) as usize).unwrap_or(b"?"),
            facts: [
                ("size", end.wrapping_sub(entry)),
                ("args", field(8)),
                ("deferreturn", field(12)),
                ("npcdata", npcdata),
                ("startLine", field(36)),
                ("funcID", u32::from(id)),
                ("flag", u32::from(flag)),
                ("nfuncdata", nfuncdata),
            ],
            offsets: [
                ("nameOff", field(4)),
                ("pcsp", field(16)),
                ("pcfile", field(20)),
                ("pcln", field(24)),
                ("cuOffset", field(32)),
            ],
            pcdata: array(0, npcdata),
            funcdata: array(npcdata, nfuncdata),
        })
    }

    fn record_end(&self) -> usize {
        (self.record as usize).saturating_add(44 + 4 * (self.pcdata.len() + self.funcdata.len()))
    }

    /// One of [`Function::offsets`].
    pub fn offset(&self, name: &str) -> u32 {
        self.offsets.iter().find(|(field, _)| *field == name).map_or(0, |(_, value)| *value)
    }
}

//! The head of a unit's line table: its folders and files (Go 1.26 and 1.27, `writelines` and `writeDirFileTables` of
//! `cmd/link/internal/ld/dwarf.go`; DWARF 5, 6.2.4). What follows are the parts that compilers wrote for each function,
//! which name files by their position in the unit's list.

use std::borrow::Cow;

use hashbrown::HashMap;

use super::abbreviations::{Version, form};
use super::put::{Growing, Put};
use crate::golang::source_path;

const LINE_BASE: i8 = -4;
const LINE_RANGE: u8 = 10;
/// How many operands each standard opcode has; the first opcode that is no standard one is one more than there are.
const OPERANDS: [u8; 10] = [0, 1, 1, 1, 1, 0, 0, 0, 1, 0];
const LNCT_PATH: u64 = 1;
const LNCT_DIRECTORY_INDEX: u64 = 2;

/// The table of folders and files.
struct Files<'a> {
    folders: Vec<Cow<'a, [u8]>>,
    /// Name and position of the folder.
    files: Vec<(&'a [u8], u64)>,
}

/// The head of a line table of `rest` more bytes, for files in the order of the unit.
pub(super) fn head(version: Version, files: &[Cow<'_, [u8]>], rest: u64) -> Vec<u8> {
    let mut out = Growing::default();
    out.u32(0);
    match version {
        Version::Five => out.bytes(&[5, 0, 8, 0]),
        Version::Four => out.u16(2),
    }
    let length_at = out.bytes.len();
    out.u32(0);
    out.u8(1); // bytes of the smallest instruction, whatever the machine
    if version == Version::Five {
        out.u8(1);
    }
    out.bytes(&[1, LINE_BASE as u8, LINE_RANGE, OPERANDS.len() as u8 + 1]);
    out.bytes(&OPERANDS);
    put_files(&Files::of(version, files), version, &mut out);
    let end = out.bytes.len();
    out.set_u32(length_at, (end - length_at - 4) as u32);
    out.set_u32(0, (end as u64 - 4 + rest) as u32);
    out.bytes
}

impl<'a> Files<'a> {
    fn of(version: Version, names: &'a [Cow<'_, [u8]>]) -> Self {
        let mut table = Files { folders: vec![Cow::Borrowed(b".")], files: Vec::with_capacity(names.len() + 1) };
        if version == Version::Five {
            // Files count from 1, as in version 4; some debuggers stumble over an empty name.
            table.files.push((b"?", 0));
        }
        let mut known: HashMap<Cow<'a, [u8]>, u64> = HashMap::from([(table.folders[0].clone(), 0)]);
        let mut last = 0;
        for name in names {
            let folder = source_path::folder(name);
            // Most files lie beside the one before.
            if folder != table.folders[last] {
                let next = table.folders.len();
                last = *known.entry(folder.clone()).or_insert(next as u64) as usize;
                if last == next {
                    table.folders.push(folder);
                }
            }
            table.files.push((source_path::base(name), last as u64));
        }
        table
    }
}

fn put_files(table: &Files, version: Version, out: &mut Growing) {
    match version {
        Version::Five => {
            out.u8(1);
            out.uleb(LNCT_PATH);
            out.uleb(u64::from(form::STRING));
            out.uleb(table.folders.len() as u64);
            for folder in &table.folders {
                out.string(folder);
            }
            out.u8(2);
            out.uleb(LNCT_PATH);
            out.uleb(u64::from(form::STRING));
            out.uleb(LNCT_DIRECTORY_INDEX);
            out.uleb(u64::from(form::UDATA));
            out.uleb(table.files.len() as u64);
            for (file, folder) in &table.files {
                out.string(file);
                out.uleb(*folder);
            }
        }
        Version::Four => {
            for folder in &table.folders[1..] {
                out.string(folder);
            }
            out.u8(0);
            for (file, folder) in &table.files {
                out.string(file);
                out.uleb(*folder);
                out.bytes(&[0, 0]); // time and length are not told
            }
            out.u8(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_read_back() {
        let files = ["c", "/a/x.go", "/a/y.go", "b.go"].map(|name| Cow::Borrowed(name.as_bytes()));
        for version in [Version::Four, Version::Five] {
            let mut bytes = head(version, &files, 3);
            bytes.extend([0, 1, 1]); // the end of a sequence
            let lines = gimli::DebugLine::new(&bytes, gimli::LittleEndian);
            let program = lines.program(gimli::DebugLineOffset(0), 8, None, None).expect("a line program");
            let header = program.header();
            assert_eq!((header.line_base(), header.line_range(), header.opcode_base()), (-4, 10, 11));
            assert_eq!(header.version(), if version == Version::Five { 5 } else { 2 });
            let name = |index| {
                let file = header.file(index).expect("a file");
                let text = |value: gimli::AttributeValue<gimli::EndianSlice<'_, _>>| match value {
                    gimli::AttributeValue::String(text) => String::from_utf8_lossy(text.slice()).into_owned(),
                    _ => String::new(),
                };
                (text(file.path_name()), header.directory(file.directory_index()).map(text))
            };
            // Version 4 leaves folder 0 to the unit's DW_AT_comp_dir.
            let here = if version == Version::Five { Some(".".to_owned()) } else { None };
            assert_eq!(name(1), ("c".into(), here.clone()));
            assert_eq!(name(3), ("y.go".into(), Some("/a".into())));
            assert_eq!(name(4), ("b.go".into(), here));
            assert!(header.file(5).is_none());
            let (_, sequences) = program.sequences().expect("no more than the file has");
            assert_eq!(sequences.len(), 1);
        }
    }
}

//! Planning and filling `.eh_frame` for 500,000 functions in 2,000 files, as in a large C++ program.

use cgolink::diag::Origin;
use cgolink::ids::{AtomId, FileId};
use cgolink::layout::unwind::{UnwindInput, UnwindTables, write_header};
use divan::Bencher;
use divan::counter::ItemsCount;
use object::LittleEndian as LE;
use object::elf::Rela64;

const FILES: u32 = 2000;
const FUNCTIONS: u32 = 250;

fn main() {
    divan::main();
}

struct Table {
    bytes: Vec<u8>,
    relocations: Vec<Rela64<LE>>,
}

fn relocation(offset: usize, symbol: u32) -> Rela64<LE> {
    Rela64 {
        r_offset: object::U64::new(LE, offset as u64),
        r_info: Rela64::r_info(LE, false, symbol, 2),
        r_addend: object::I64::new(LE, 0),
    }
}

/// One CIE with a personality routine, then FDEs with language-specific data.
fn table() -> Table {
    let mut bytes = vec![28, 0, 0, 0, 0, 0, 0, 0, 1];
    bytes.extend(b"zPLR\0\x01\x78\x10\x07\x9b\0\0\0\0\x1b\x1b\x0c\x07\x08\x90\x01\0\0");
    let mut relocations = vec![relocation(19, FUNCTIONS + 1)];
    for function in 0..FUNCTIONS {
        let at = bytes.len();
        bytes.extend(28u32.to_le_bytes());
        bytes.extend((at as u32 + 4).to_le_bytes());
        bytes.extend([0, 0, 0, 0, 64, 0, 0, 0, 4, 0, 0, 0, 0, 0x41, 0x0e, 0x10, 0x86, 2, 0x43, 0x0d, 6, 0, 0, 0]);
        relocations.extend([relocation(at + 8, function), relocation(at + 17, FUNCTIONS + 2)]);
    }
    Table { bytes, relocations }
}

fn inputs(table: &Table) -> Vec<UnwindInput<'_>> {
    let input = |file| UnwindInput {
        atom: AtomId(FILES * FUNCTIONS + file),
        file: FileId(file),
        data: &table.bytes,
        relocations: &table.relocations,
    };
    (0..FILES).map(input).collect()
}

fn atom_of(file: FileId, symbol: u32) -> Option<AtomId> {
    Some(AtomId(file.0 * FUNCTIONS + symbol))
}

fn read(table: &Table) -> UnwindTables<'_> {
    UnwindTables::read(&inputs(table), atom_of, |_| Origin::default()).expect("the tables are well-formed")
}

fn count() -> ItemsCount {
    ItemsCount::new(FILES * FUNCTIONS)
}

#[divan::bench]
fn take_apart(bencher: Bencher) {
    let table = table();
    bencher.counter(count()).bench(|| read(&table));
}

#[divan::bench]
fn index_by_function(bencher: Bencher) {
    let table = table();
    let tables = read(&table);
    bencher.counter(count()).bench(|| tables.by_function());
}

#[divan::bench]
fn plan(bencher: Bencher) {
    let table = table();
    let tables = read(&table);
    bencher.counter(count()).bench(|| tables.plan(|atom| !atom.0.is_multiple_of(5), |_, symbol| u64::from(symbol)));
}

#[divan::bench]
fn fill(bencher: Bencher) {
    let table = table();
    let tables = read(&table);
    let plan = tables.plan(|_| true, |_, symbol| u64::from(symbol)).expect("it fits");
    let mut out = vec![0; plan.size as usize];
    bencher.counter(count()).bench_local(|| {
        for chunk in plan.chunks(1 << 20) {
            tables.fill(&plan, &chunk, &mut out[chunk.output.clone()]);
        }
    });
}

#[divan::bench]
fn search_table(bencher: Bencher) {
    let table = table();
    let tables = read(&table);
    let plan = tables.plan(|_| true, |_, symbol| u64::from(symbol)).expect("it fits");
    let mut out = vec![0; plan.header_size() as usize];
    let address =
        |file: FileId, symbol: u32| Some(0x100_0000 + 64 * (u64::from(file.0 * 7 % FILES) * 250 + u64::from(symbol)));
    bencher
        .counter(count())
        .bench_local(|| write_header(&mut out, 0x10_0000, 0x20_0000, tables.header_entries(&plan, address)));
}

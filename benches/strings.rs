//! Merging of `.debug_str`: 20 MB of mangled-name-like strings in 64 sections, most of them repeated, as in the archives of
//! a Rust program; and a million look-ups, as the relocations of `.debug_info` make them.

use cgolink::ids::{AtomId, FileId, OutputSectionId};
use cgolink::inputs::atoms::{Atom, Relocations};
use cgolink::layout::strings;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use object::elf::{SHF_MERGE, SHF_STRINGS, SHT_PROGBITS};

fn main() {
    divan::main();
}

/// Sections of strings drawn from a vocabulary with many more uses than words.
fn sections() -> Vec<Vec<u8>> {
    let mut state = 1u64;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut section = || {
        let mut data = Vec::with_capacity(330_000);
        while data.len() < 320_000 {
            let word = random(150_000);
            let repeats = 1 + word % 5;
            let text = format!("_ZN{}core{word:x}{}E\0", word % 90, "iter4next".repeat(repeats as usize));
            data.extend(text.into_bytes());
        }
        data
    };
    (0..64).map(|_| section()).collect()
}

fn atoms(sections: &[Vec<u8>]) -> Vec<Atom<'_>> {
    let atom = |data| Atom {
        file: FileId(1),
        name: b".debug_str",
        data,
        size: data.len() as u64,
        alignment: 1,
        flags: u64::from(SHF_MERGE | SHF_STRINGS),
        kind: SHT_PROGBITS,
        entry_size: 1,
        relocations: Relocations::None,
    };
    sections.iter().map(|section| atom(section.as_slice())).collect()
}

fn groups<'a>(atoms: &[Atom<'a>]) -> Vec<strings::MergeGroup<'a>> {
    strings::groups(atoms.iter().enumerate().map(|(id, atom)| (AtomId::new(id), atom, OutputSectionId(0))))
}

#[divan::bench]
fn merge(bencher: Bencher) {
    let sections = sections();
    let atoms = atoms(&sections);
    let groups = groups(&atoms);
    let bytes = BytesCount::new(sections.iter().map(Vec::len).sum::<usize>());
    bencher.counter(bytes).bench(|| strings::merge(&groups));
}

#[divan::bench]
fn lookup(bencher: Bencher) {
    let sections = sections();
    let atoms = atoms(&sections);
    let merged = strings::merge(&groups(&atoms)).expect("the sections are well-formed");
    let places: Vec<(AtomId, u64)> =
        (0..1_000_000u64).map(|index| (AtomId((index % 64) as u32), index.wrapping_mul(7919) % 300_000)).collect();
    bencher.counter(ItemsCount::of_iter(places.iter())).bench(|| {
        places.iter().filter_map(|&(atom, offset)| merged.lookup(atom, offset)).fold(0, |sum, one| sum ^ one.offset)
    });
}

#[divan::bench]
fn fill(bencher: Bencher) {
    let sections = sections();
    let atoms = atoms(&sections);
    let merged = strings::merge(&groups(&atoms)).expect("the sections are well-formed");
    let table = &merged.tables[0];
    let mut out = vec![0; table.size as usize];
    bencher.counter(BytesCount::new(out.len())).bench_local(|| {
        for (chunk, range) in table.chunks() {
            table.fill(chunk, &mut out[range]);
        }
    });
}

//! Broken inputs: the linker, given objects and archives that were cut short or changed, says what is wrong or links.
//!
//! It never dies of a signal, never panics, never hangs, never takes all memory or disk, and when it refuses, an output that was there stays as it
//! was. The changes are drawn from a fixed seed, so that a failure comes again; its message names the mutant, which is kept.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use support::mixed::{self, ARCHITECTURES};
use support::mutants::{self, PREVIOUS, Random, interesting, judge, put};

/// Mutants for each architecture.
const MUTANTS: usize = 400;
const DEADLINE: Duration = Duration::from_secs(20);

fn read_u64(bytes: &[u8], at: usize) -> usize {
    bytes.get(at..at + 8).map_or(0, |b| u64::from_le_bytes(b.try_into().expect("eight bytes")) as usize)
}

/// The offset of an ELF object inside the bytes: the file's start, or that of some member of an archive.
fn some_object(bytes: &[u8], random: &mut Random) -> usize {
    let starts: Vec<usize> = memchr::memmem::find_iter(bytes, b"\x7fELF").collect();
    starts.get(random.below(starts.len())).copied().unwrap_or(0)
}

/// Changes one or a few places; which kind of place is drawn, so that tables are hit as often as contents.
fn mutate(bytes: &mut Vec<u8>, random: &mut Random) -> &'static str {
    let length = bytes.len();
    let object = some_object(bytes, random);
    let table = object + read_u64(bytes, object + 0x28);
    match random.below(10) {
        0 => {
            bytes.truncate(random.below(length));
            "cut short"
        }
        1 => {
            for _ in 0..=random.below(8) {
                let at = random.below(length);
                bytes[at] = random.next() as u8;
            }
            "bytes changed"
        }
        2 => {
            let at = object + 4 + random.below(60);
            let value = interesting(random, length);
            let width = 1 << random.below(4);
            put(bytes, at, value, width);
            "ELF header"
        }
        3..=5 => {
            // A field of a section header: name, type, flags, address, offset, size, link, info, alignment, entry size.
            const FIELDS: [(usize, usize); 10] =
                [(0, 4), (4, 4), (8, 8), (16, 8), (24, 8), (32, 8), (40, 4), (44, 4), (48, 8), (56, 8)];
            let (field, width) = FIELDS[random.below(FIELDS.len())];
            let count = bytes.get(object + 0x3c).copied().unwrap_or(1);
            let at = table + 64 * random.below(usize::from(count)) + field;
            let value = interesting(random, length);
            put(bytes, at, value, width);
            "section header"
        }
        6..=8 => {
            // A word inside some section: symbols, relocations, strings, unwind records, group members.
            let count = bytes.get(object + 0x3c).copied().unwrap_or(1);
            let header = table + 64 * random.below(usize::from(count));
            let (start, size) = (object + read_u64(bytes, header + 24), read_u64(bytes, header + 32));
            let width = 1 << random.below(4);
            let at = (start + random.below(size)) & !(width - 1);
            let value = interesting(random, length);
            put(bytes, at, value, width);
            "section contents"
        }
        _ => {
            // The beginning: an archive's headers and symbol table, or the ELF header again.
            let at = random.below(length.min(256));
            bytes[at] = b"0123456789`/\n\x00\xff"[random.below(15)];
            "beginning"
        }
    }
}

/// The link, under limits that keep a broken one from taking the machine along.
fn link(output: &Path, inputs: &[PathBuf]) -> Command {
    let mut command = mutants::limited();
    command.args([
        "ld",
        "-e",
        "begin",
        "--gc-sections",
        "-z",
        "nostart-stop-gc",
        "--eh-frame-hdr",
        "--build-id=sha1",
        "--compress-debug-sections=zlib",
        "-o",
    ]);
    command.arg(output).args(inputs).env("RUST_BACKTRACE", "0");
    command
}

fn survive_mutants(architecture: &str, seed: u64) {
    let folder = support::scratch(&format!("mutation-{architecture}"));
    let compiled = mixed::compile(architecture, &folder).unwrap();
    let output = folder.join("output");
    let whole = support::run(&mut link(&output, &compiled.inputs), DEADLINE);
    assert!(whole.success(), "the whole inputs have to link: {}", whole.describe());

    let originals: Vec<Vec<u8>> = compiled.inputs.iter().map(|p| std::fs::read(p).unwrap()).collect();
    let mut random = Random(seed);
    let mut broken = Vec::new();
    let mut refused = 0;
    for number in 0..MUTANTS {
        let chosen = random.below(originals.len());
        let mut bytes = originals[chosen].clone();
        let kind = mutate(&mut bytes, &mut random);
        let original = compiled.inputs[chosen].file_name().unwrap().to_string_lossy();
        let mutant = folder.join(format!("mutant-{number}-{original}"));
        std::fs::write(&mutant, &bytes).unwrap();
        std::fs::write(&output, PREVIOUS).unwrap();
        let mut inputs = compiled.inputs.clone();
        inputs[chosen] = mutant.clone();
        let finished = support::run(&mut link(&output, &inputs), DEADLINE);
        refused += usize::from(finished.code == Some(1));
        match judge(&finished, &output) {
            Some(wrong) => broken.push(format!("{} ({kind}): {wrong}: {}", mutant.display(), finished.describe())),
            None => std::fs::remove_file(&mutant).unwrap(),
        }
    }
    assert!(broken.is_empty(), "{} of {MUTANTS} mutants:\n{}", broken.len(), broken.join("\n"));
    // Changes that are never noticed would prove nothing.
    assert!(refused > MUTANTS / 5, "only {refused} of {MUTANTS} mutants were refused");
}

#[test]
fn mutants_for_x86_64() {
    survive_mutants(ARCHITECTURES[0], 0x5eed_0001_c601_147e);
}

#[test]
fn mutants_for_aarch64() {
    survive_mutants(ARCHITECTURES[1], 0x5eed_0002_c601_147e);
}

/// Every length of an archive's and an object's beginning, and coarser steps through the rest.
#[test]
fn every_truncation_of_the_beginning() {
    let folder = support::scratch("mutation-truncated");
    let compiled = mixed::compile(ARCHITECTURES[0], &folder).unwrap();
    let output = folder.join("output");
    for (at, original) in compiled.inputs.iter().enumerate() {
        let bytes = std::fs::read(original).unwrap();
        let lengths = (0..130).step_by(3).chain((130..bytes.len()).step_by(bytes.len() / 24));
        for length in lengths {
            let short = folder.join("short");
            std::fs::write(&short, &bytes[..length]).unwrap();
            std::fs::write(&output, PREVIOUS).unwrap();
            let mut inputs = compiled.inputs.clone();
            inputs[at] = short;
            let finished = support::run(&mut link(&output, &inputs), DEADLINE);
            if let Some(wrong) = judge(&finished, &output) {
                panic!("{} cut to {length} bytes: {wrong}: {}", original.display(), finished.describe());
            }
        }
    }
}

/// Outputs that cannot be written: a folder that is not there, one that is read-only, a full disk.
#[test]
fn outputs_that_cannot_be_written() {
    let folder = support::scratch("mutation-output");
    let compiled = mixed::compile(ARCHITECTURES[0], &folder).unwrap();
    for output in [Path::new("/nowhere/at/all/output"), Path::new("/dev/full/output"), Path::new("/proc/output")] {
        let finished = support::run(&mut link(output, &compiled.inputs), DEADLINE);
        assert_eq!(finished.code, Some(1), "{}: {}", output.display(), finished.describe());
        assert!(
            finished.stderr.contains(output.parent().unwrap().to_str().unwrap()),
            "the folder has to be named: {}",
            finished.describe()
        );
    }
}

/// An object of sections with these fields of their headers, offset and bytes and value, after the first one; the ELF header and the
/// contents, up to the section headers, come before.
fn object(mut bytes: Vec<u8>, sections: &[Vec<(usize, usize, usize)>], names: usize) -> Vec<u8> {
    let table = bytes.len().next_multiple_of(8);
    bytes.resize(table + 64 * (sections.len() + 1), 0);
    bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    let mut put = |at: usize, width: usize, value: usize| put(&mut bytes, at, value as u64, width);
    // Relocatable, for x86-64.
    for (at, value) in [(16, 1), (18, 62), (20, 1), (52, 64), (58, 64), (60, sections.len() + 1), (62, names)] {
        put(at, 2, value);
    }
    put(40, 8, table);
    for (section, fields) in (1..).zip(sections) {
        fields.iter().for_each(|&(at, width, value)| put(table + 64 * section + at, width, value));
    }
    bytes
}

/// An object that has so many symbols, all of them named by most of a long string.
fn with_overlapping_names(symbols: usize, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; 65];
    bytes.resize(64 + length - 1, b'a');
    bytes.push(0);
    let table = bytes.len();
    for number in 0..symbols {
        let (name, kind) = if number == 0 { (0, 0) } else { (1 + number % 100, 0x10) };
        bytes.extend((name as u32).to_le_bytes());
        bytes.extend([[kind, 0, 0, 0].as_slice(), &[0; 16]].concat());
    }
    // Type, offset, size, the section of the names, the first global symbol, bytes of a record.
    let names = vec![(4, 4, 3), (24, 8, 64), (32, 8, length)];
    let symbols = vec![(4, 4, 2), (24, 8, table), (32, 8, 24 * symbols), (40, 4, 1), (44, 4, 1), (56, 8, 24)];
    object(bytes, &[names, symbols], 1)
}

/// An object with so many times the same megabyte of strings.
fn with_overlapping_sections(count: usize) -> Vec<u8> {
    let length = 1 << 20;
    let mut bytes = vec![0; 64];
    bytes.extend((0..length).map(|at| if at % 9 == 8 { 0 } else { b'a' + (at % 23) as u8 }));
    // Type, flags for strings that are merged and loaded, offset, size, alignment, bytes of a letter.
    let strings = vec![(4, 4, 1), (8, 8, 0x32), (24, 8, 64), (32, 8, length), (48, 8, 1), (56, 8, 1)];
    object(bytes, &vec![strings; count], 1)
}

#[test]
fn what_overlaps_without_end_is_refused_at_once() {
    let folder = support::scratch("mutation-overlap");
    let (input, output) = (folder.join("input.o"), folder.join("output"));
    let said = |bytes: Vec<u8>| {
        std::fs::write(&input, bytes).unwrap();
        support::run(mutants::limited().arg("ld").arg("-o").arg(&output).arg(&input), DEADLINE).said()
    };
    let few = said(with_overlapping_names(3, 1 << 20));
    assert!(!few.contains("overlap"), "{few}");
    let many = said(with_overlapping_names(200_000, 1 << 20));
    assert!(many.contains("names overlap, and are together many times as long as all of it"), "{many}");
    let few = said(with_overlapping_sections(2));
    assert!(!few.contains("overlap"), "{few}");
    let many = said(with_overlapping_sections(10_000));
    assert!(many.contains("its sections overlap"), "{many}");
}

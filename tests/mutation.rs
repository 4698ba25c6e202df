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

/// A field of a section header: offset, bytes, value.
type Field = (usize, usize, usize);

/// An object of some contents, which begin behind the ELF header, and sections. The first section names them all.
fn object(contents: &[u8], sections: &[Vec<Field>]) -> Vec<u8> {
    let mut bytes = [&b"\x7fELF\x02\x01\x01"[..], &[0; CONTENTS - 7], contents].concat();
    let table = bytes.len().next_multiple_of(8);
    bytes.resize(table + 64 * (sections.len() + 1), 0);
    // Relocatable, for x86-64.
    for (at, value) in [(16, 1), (18, 62), (20, 1), (52, 64), (58, 64), (60, sections.len() + 1), (62, 1)] {
        put(&mut bytes, at, value as u64, 2);
    }
    put(&mut bytes, 40, table as u64, 8);
    for (section, fields) in (1..).zip(sections) {
        fields.iter().for_each(|&(at, width, value)| put(&mut bytes, table + 64 * section + at, value as u64, width));
    }
    bytes
}

/// Where the contents of an object begin.
const CONTENTS: usize = 64;
/// Bytes of what the objects below have again and again.
const LONG: usize = 1 << 20;

/// A string with a zero before it and at its end, and the section of it.
fn long_string() -> (Vec<u8>, Vec<Field>) {
    let mut string = vec![b'a'; LONG];
    (string[0], string[LONG - 1]) = (0, 0);
    // Type, offset, size.
    (string, vec![(4, 4, 3), (24, 8, CONTENTS), (32, 8, LONG)])
}

/// So many symbols, all of them named by most of a long string.
fn with_names_of_symbols(symbols: usize) -> Vec<u8> {
    let (mut contents, names) = long_string();
    let null = [0; 24];
    contents.extend(null);
    for number in 1..symbols {
        let name = (number % 100) as u32;
        contents.extend([&name.to_le_bytes()[..], &[0x10], &null[5..]].concat());
    }
    // Type, offset, size, the section of the names, the first global symbol, bytes of a record.
    let symbols = vec![(4, 4, 2), (24, 8, CONTENTS + LONG), (32, 8, 24 * symbols), (40, 4, 1), (44, 4, 1), (56, 8, 24)];
    object(&contents, &[names, symbols])
}

/// So many sections, all of them named by most of a long string.
fn with_names_of_sections(sections: usize) -> Vec<u8> {
    let (contents, names) = long_string();
    object(&contents, &[vec![names], vec![vec![(0, 4, 1), (4, 4, 1)]; sections]].concat())
}

/// So many groups, all of them signed by the same symbol.
fn with_names_of_groups(groups: usize) -> Vec<u8> {
    let (mut contents, names) = long_string();
    let (symbols, flags) = (CONTENTS + LONG, CONTENTS + LONG + 48);
    contents.extend([&[0; 24][..], &[1, 0, 0, 0, 0x10], &[0; 19], &[1, 0, 0, 0]].concat());
    let symbols = vec![(4, 4, 2), (24, 8, symbols), (32, 8, 48), (40, 4, 1), (44, 4, 1), (56, 8, 24)];
    // Type, offset, size, the symbol table, the symbol, bytes of a record.
    let group = vec![(4, 4, 17), (24, 8, flags), (32, 8, 4), (40, 4, 2), (44, 4, 1), (56, 8, 4)];
    object(&contents, &[vec![names, symbols], vec![group; groups]].concat())
}

/// So many times the same strings, which are to be merged and loaded.
fn with_sections(count: usize) -> Vec<u8> {
    let contents: Vec<u8> = (0..LONG).map(|at| if at % 9 == 8 { 0 } else { b'a' + (at % 23) as u8 }).collect();
    // Type, flags, offset, size, alignment, bytes of a letter.
    let strings = vec![(4, 4, 1), (8, 8, 0x32), (24, 8, CONTENTS), (32, 8, LONG), (48, 8, 1), (56, 8, 1)];
    object(&contents, &vec![strings; count])
}

#[test]
fn what_overlaps_without_end_is_refused_at_once() {
    let folder = support::scratch("mutation-overlap");
    let (input, output) = (folder.join("input.o"), folder.join("output"));
    let said = |bytes: Vec<u8>| {
        std::fs::write(&input, bytes).unwrap();
        support::run(mutants::limited().arg("ld").arg("-o").arg(&output).arg(&input), DEADLINE).said()
    };
    let names = "names overlap, and are together many times as long as all of it";
    for (object, few, many, text) in [
        (with_names_of_symbols as fn(usize) -> Vec<u8>, 3, 200_000, names),
        (with_names_of_sections, 3, 20_000, names),
        (with_names_of_groups, 3, 20_000, names),
        (with_sections, 2, 10_000, "its sections overlap"),
    ] {
        let [few, many] = [few, many].map(|count| said(object(count)));
        assert!(!few.contains("overlap"), "{few}");
        assert!(many.contains(text), "{many}");
    }
    let outside = said(object(&[0; 8], &[vec![(4, 4, 1), (24, 8, CONTENTS), (32, 8, 1 << 40)]]));
    assert!(outside.contains("a section of 1099511627776 bytes does not fit into the file of"), "{outside}");
}

//! `cgolink verify` on programs of Go's own linker: what is equal, what it says of one change in a known place, and that
//! damaged files give an error or a report.

mod support;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use cgolink::executable::Image;
use cgolink::verify::{self, Report, Verdict};
use rayon::prelude::*;
use support::mutants::Random;

const BUILD: Duration = Duration::from_secs(900);
const MUTANTS: u64 = 240;

/// A program without fmt, with uncompressed debug information and with compressed, and without any.
static PROGRAMS: LazyLock<[Vec<u8>; 3]> = LazyLock::new(|| {
    let folder = support::scratch("verify");
    std::fs::write(folder.join("go.mod"), "module example.com/small\n\ngo 1.26\n").unwrap();
    let source =
        "package main\n\nvar table = [...]string{\"one\", \"two\"}\n\nfunc main() { println(table[len(table)-1]) }\n";
    std::fs::write(folder.join("main.go"), source).unwrap();
    ["-compressdwarf=false", "-compressdwarf=true", "-s -w"].map(|flags| {
        let mut go = support::command(support::need("go").unwrap());
        go.args(["build", "-trimpath", "-buildvcs=false", "-o", "small", &format!("-ldflags=-buildid=none {flags}")]);
        go.current_dir(&folder).env("CGO_ENABLED", "0").env("GOFLAGS", "").env("GOARCH", "amd64").env("GOWORK", "off");
        support::run_ok(&mut go, BUILD).unwrap();
        std::fs::read(folder.join("small")).unwrap()
    })
});

fn names() -> [PathBuf; 2] {
    ["a", "b"].map(PathBuf::from)
}

fn compare(a: &[u8], b: &[u8]) -> Report {
    verify::compare([a, b], &names(), 3).unwrap()
}

/// The program with one byte changed, and what is said of that.
fn changed(place: impl Fn(&Image<'_>) -> usize) -> String {
    let [plain, ..] = &*PROGRAMS;
    let mut other = plain.clone();
    other[place(&Image::parse(plain).unwrap())] ^= 1;
    let report = compare(plain, &other);
    assert_eq!(report.verdict, Verdict::Different);
    report.text(&names())
}

/// Where in the file a section's byte is.
fn in_section(image: &Image<'_>, name: &str, at: u64) -> usize {
    (image.section(name).unwrap().offset + at) as usize
}

/// Where in the file an address is.
fn at_address(image: &Image<'_>, address: u64) -> usize {
    let section = image.section_at(address).unwrap();
    (section.offset + address - section.address) as usize
}

fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "'{part}' is not in:\n{text}");
    }
}

#[test]
fn equal_files_and_files_that_only_compress() {
    let [plain, compressed, _] = &*PROGRAMS;
    assert_eq!(compare(plain, plain).verdict, Verdict::Identical);
    let report = compare(plain, compressed);
    assert_eq!(report.verdict, Verdict::EqualUncompressed);
    assert!(report.compressed[0] == 0 && report.compressed[1] > 0, "{:?}", report.compressed);
}

#[test]
fn a_byte_of_code_is_named_by_its_function() {
    let text = changed(|image| at_address(image, image.symbol("main.main").unwrap().value + 5));
    assert_says(&text, &[".text: main.main+0x5 at 0x", "\ndifferent: "]);
}

#[test]
fn a_byte_of_data_is_named_by_its_symbol() {
    let text = changed(|image| at_address(image, image.symbol("main.table").unwrap().value + 8));
    assert_says(&text, &[".data: main.table+0x8 at 0x"]);
}

#[test]
fn module_data_is_named_by_field() {
    let text = changed(|image| in_section(image, ".go.module", 8 * 22));
    assert_says(&text, &["moduledata: text: 0x", ".go.module: runtime.firstmoduledata+0xb0"]);
}

#[test]
fn a_function_record_is_named_by_function_and_field() {
    let text = changed(|image| {
        let table = cgolink::executable::functions::PcLineTable::of(image).unwrap();
        let function = table.functions.iter().find(|function| function.name == b"main.main").unwrap();
        let functab = table.header.iter().find(|(name, _)| *name == "pclnOffset").unwrap().1;
        in_section(image, ".gopclntab", functab + u64::from(function.record) + 8)
    });
    assert_says(&text, &[".gopclntab: main.main: args: "]);
}

#[test]
fn a_symbol_table_entry_and_a_unit_of_debug_information() {
    let text = changed(|image| in_section(image, ".symtab", 24 * 40 + 16));
    assert_says(&text, &[".symtab: size of ", ".symtab: entry 40: "]);
    let text = changed(|image| {
        let info = image.section(".debug_info").unwrap();
        let name = memchr::memmem::find(info.contents, b"main.main\0").unwrap();
        info.offset as usize + name + 5
    });
    assert_says(&text, &[".debug_info: offset 0x", "unit main, DW_TAG_subprogram main / main.main: DW_AT_name"]);
}

#[test]
fn a_stripped_program_has_functions_still() {
    let stripped = &PROGRAMS[2];
    let image = Image::parse(stripped).unwrap();
    let mut other = stripped.clone();
    other[in_section(&image, ".text", 0x2000)] ^= 1;
    assert_says(&compare(stripped, &other).text(&names()), &[".text: indexbytebody+0x", " at 0x403000: "]);
    let [plain, ..] = &*PROGRAMS;
    assert_says(&compare(plain, stripped).text(&names()), &["sections: .debug_abbrev: 0x", "absent"]);
}

#[test]
fn the_command_says_so_by_its_status() {
    let folder = support::scratch("verify-command");
    let [plain, compressed, _] = &*PROGRAMS;
    let files = ["plain", "compressed", "text"].map(|name| folder.join(name));
    for (file, bytes) in files.iter().zip([plain.as_slice(), compressed, b"no program\n"]) {
        std::fs::write(file, bytes).unwrap();
    }
    let run = |flags: &[&str], files: [&Path; 2]| {
        let mut command = support::command(support::cgolink());
        command.arg("verify").args(flags).args(files);
        support::run(&mut command, BUILD)
    };
    assert_eq!(run(&[], [&files[0], &files[0]]).code, Some(0));
    assert_eq!(run(&[], [&files[0], &files[1]]).code, Some(1));
    assert_eq!(run(&["--uncompressed"], [&files[0], &files[1]]).code, Some(0));
    let json = run(&["--format=json", "--uncompressed"], [&files[0], &files[1]]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["verdict"], "equal-uncompressed");
    let wrong = run(&[], [&files[0], &files[2]]);
    assert_eq!(wrong.code, Some(1));
    assert_says(&wrong.stderr, &["text", "not a 64-bit little-endian ELF file"]);
}

/// Damages a table, a header or the whole file.
fn mutate(bytes: &mut Vec<u8>, image: &Image<'_>, random: &mut Random) {
    for _ in 0..=random.below(3) {
        let section = &image.sections[random.below(image.sections.len())];
        let header = image.field("e_shoff") as usize + 64 * random.below(image.sections.len()) + random.below(64);
        // The start of a table says how to read the rest.
        let reach = [64, section.contents.len()][random.below(2)].min(section.contents.len());
        let inside = section.offset as usize + random.below(reach);
        let at = [random.below(64), header, inside, inside, inside][random.below(5)];
        let values = [0, 1, 0x7f, 0x80, 0xff, random.below(256) as u8];
        let value = values[random.below(values.len())];
        let end = bytes.len().min(at + (1 << random.below(4)));
        if at < end {
            bytes[at..end].fill(value);
        }
    }
    if random.below(12) == 0 {
        let end = random.below(bytes.len());
        bytes.truncate(end);
    }
}

#[test]
fn damaged_files_give_a_report_or_an_error() {
    let images = PROGRAMS.each_ref().map(|bytes| Image::parse(bytes).unwrap());
    let refused = (0..MUTANTS).into_par_iter().filter(|&seed| {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let which = (seed % 3) as usize;
        let mut mutant = PROGRAMS[which].clone();
        mutate(&mut mutant, &images[which], &mut random);
        let other = &PROGRAMS[random.below(3)];
        let outcome = std::panic::catch_unwind(|| {
            verify::compare([&mutant, other], &names(), 3).map(|report| report.text(&names()))
        });
        match outcome {
            Ok(Ok(text)) => {
                assert!(!text.is_empty());
                false
            }
            Ok(Err(_)) => true,
            Err(_) => panic!("seed {seed} made verify panic"),
        }
    });
    let refused = refused.count();
    assert!((1..MUTANTS as usize / 2).contains(&refused), "{refused} of {MUTANTS} refused");
}

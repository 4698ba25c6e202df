//! From a script's text to addresses, on a program of a hundred thousand sections with fifty thousand names: what a
//! large C++ or Rust program compiled with `-ffunction-sections` looks like.

use std::path::Path;

use cgolink::args::request::{OutputKind, SegmentOptions};
use cgolink::ids::FileId;
use cgolink::inputs::atoms::{Atom, Atoms, Relocations};
use cgolink::layout::address::assign;
use cgolink::layout::matching::{FileName, Matching};
use cgolink::layout::plan::SectionPlan;
use cgolink::layout::sections::{PlanRequest, plan};
use cgolink::layout::state::AddressRequest;
use cgolink::script::ast::Script;
use cgolink::script::{embedded, symbols::ScriptSymbols};
use cgolink::target::Architecture;
use object::elf;

const ATOMS: usize = 100_000;
const FILES: usize = 2_000;

fn main() {
    divan::main();
}

/// Every second section has a name of its own.
fn names() -> Vec<String> {
    let kinds = [".text", ".rodata", ".data.rel.ro", ".bss"];
    (0..ATOMS)
        .map(|index| match index % 8 {
            0..4 => format!("{}._ZN4core3fmt9Formatter{index:06}E", kinds[index % 4]),
            4 => ".eh_frame".into(),
            5 => ".text".into(),
            6 => ".debug_info".into(),
            _ => ".data".into(),
        })
        .collect()
}

fn atoms(names: &[String]) -> Atoms<'_> {
    let table = names.iter().enumerate().map(|(index, name)| {
        let flags = match name.as_str() {
            ".debug_info" => 0,
            name if name.starts_with(".text") => elf::SHF_ALLOC | elf::SHF_EXECINSTR,
            name if name.starts_with(".rodata") || name == ".eh_frame" => elf::SHF_ALLOC,
            _ => elf::SHF_ALLOC | elf::SHF_WRITE,
        };
        Atom {
            file: FileId::new(1 + index * FILES / ATOMS),
            name: name.as_bytes(),
            data: &[],
            size: 40 + index as u64 % 200,
            alignment: 1 << (index % 5),
            flags: flags.into(),
            kind: if name.starts_with(".bss") { elf::SHT_NOBITS } else { elf::SHT_PROGBITS },
            entry_size: 0,
            relocations: Relocations::None,
        }
    });
    Atoms { table: table.collect() }
}

fn script() -> Script {
    embedded::script(Architecture::X86_64, true).expect("the embedded script reads")
}

fn matching<'s>(script: &'s Script, atoms: &Atoms) -> Matching<'s> {
    Matching::new(script, atoms, &|_| FileName { path: Path::new("libx.a"), member: Some(b"member.o") })
}

fn section_plan(script: &Script, atoms: &Atoms, matching: &Matching) -> SectionPlan {
    let request = PlanRequest { script, definitions: &[], atoms, matching, placed: &|_| true, sort_section: &[] };
    plan(&request).expect("the script suits the program")
}

#[divan::bench]
fn read_script(bencher: divan::Bencher) {
    bencher.bench(script);
}

#[divan::bench]
fn match_sections(bencher: divan::Bencher) {
    let names = names();
    let (atoms, script) = (atoms(&names), script());
    bencher.bench(|| matching(&script, &atoms));
}

#[divan::bench]
fn plan_sections(bencher: divan::Bencher) {
    let names = names();
    let (atoms, script) = (atoms(&names), script());
    let matching = matching(&script, &atoms);
    bencher.bench(|| section_plan(&script, &atoms, &matching));
}

#[divan::bench]
fn assign_addresses(bencher: divan::Bencher) {
    let names = names();
    let (atoms, script) = (atoms(&names), script());
    let matching = matching(&script, &atoms);
    let plan = section_plan(&script, &atoms, &matching);
    let symbols = ScriptSymbols::collect(&script, &[]);
    let sizes: Vec<u64> = atoms.table.iter().map(|atom| atom.size).collect();
    let options = SegmentOptions::default();
    bencher.bench(|| {
        assign(&AddressRequest {
            plan: &plan,
            atoms: &atoms,
            sizes: &sizes,
            symbols: &symbols,
            in_force: &|_| true,
            lookup: &|_, _| None,
            options: &options,
            kind: OutputKind::StaticExecutable,
            architecture: Architecture::X86_64,
        })
        .expect("everything fits")
    });
}

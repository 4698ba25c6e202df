//! Addresses: the plan's statements are carried out one after the other, as often as it takes until nothing moves any
//! more, since a script may ask for what stands further down and the headers' size depends on the segments.

use crate::diag::{self, Diagnostic, Diagnostics};
use crate::ids::OutputSectionId;

use super::evaluate::Place;
use super::passes::{Outcome, run_pass};
use super::plan::{Addresses, ScriptSymbolValue, SectionAddress, SectionPlan};
use super::segments;
use super::state::{AddressRequest, Prepared, State};

/// Passes after which a script is told that it does not settle.
const MAX_PASSES: usize = 32;
/// Passes after which the room for program headers never shrinks, so that it cannot swing to and fro.
const GROWING_ONLY: usize = 8;
/// The usual number of program headers: PHDR, four LOADs, two NOTEs, TLS, PROPERTY, EH_FRAME, STACK, RELRO.
const USUAL_HEADERS: usize = 11;

/// Gives everything an address.
pub fn assign(request: &AddressRequest) -> diag::Result<Addresses> {
    let prepared = Prepared::new(request);
    let mut state = State {
        sections: vec![SectionAddress::default(); request.plan.sections.len()],
        load_addresses: vec![0; request.plan.sections.len()],
        symbols: vec![None; request.symbols.symbols.len()],
        headers: USUAL_HEADERS,
        headers_at: None,
        file_header: None,
        relro: None,
        memory: Vec::new(),
    };
    let mut atoms = vec![0; request.atoms.table.len()];
    for pass in 0..MAX_PASSES {
        let mut outcome = run_pass(request, &prepared, &state, &atoms);
        let mut errors = std::mem::take(&mut outcome.errors);
        let placed = segments::place(request, &mut outcome.state, &mut errors);
        let needed = placed.segments.len();
        outcome.state.headers = if pass >= GROWING_ONLY { needed.max(state.headers) } else { needed };
        let settled = outcome.state == state;
        if settled || pass == 0 || !outcome.atoms_unchanged(&atoms, request.plan) {
            outcome.fill_atoms(&mut atoms, request.plan);
        }
        if settled {
            return finish(request, &prepared, outcome, placed, atoms, errors);
        }
        state = outcome.state;
    }
    Err(Diagnostic::error("bad-script", format!("addresses do not settle after {MAX_PASSES} passes over the script"))
        .help("look for a symbol or size in the script that grows when what depends on it moves")
        .into())
}

fn finish(
    request: &AddressRequest,
    prepared: &Prepared,
    outcome: Outcome,
    placed: segments::Placed,
    atoms: Vec<u64>,
    errors: Vec<Diagnostic>,
) -> diag::Result<Addresses> {
    let Outcome { state, data, .. } = outcome;
    let nearest = Nearest::new(request.plan, &state.sections);
    let script_symbols = state.symbols.iter().enumerate().map(|(index, value)| {
        let value = value.filter(|_| prepared.in_force[index])?;
        let section = match value.place {
            Place::Number | Place::Absolute => None,
            Place::Image(before) => nearest.before(before as usize),
            Place::Section(id) => nearest.of(id),
        };
        Some(ScriptSymbolValue { value: value.number, section })
    });
    let addresses = Addresses {
        script_symbols: script_symbols.collect(),
        sections: state.sections,
        atoms,
        segments: placed.segments,
        script_data: data,
        allocated_end: placed.allocated_end,
        memory: state.memory,
    };
    Diagnostics::check(addresses, errors)
}

/// The sections that symbols are said to be in: those that are part of the file.
struct Nearest {
    /// For each section, the last one up to it that is part of the image and the file.
    up_to: Vec<Option<OutputSectionId>>,
    kept: Vec<bool>,
    first: Option<OutputSectionId>,
}

impl Nearest {
    fn new(plan: &SectionPlan, addresses: &[SectionAddress]) -> Self {
        let kept: Vec<bool> = addresses.iter().map(|address| !address.omitted).collect();
        let mut last = None;
        let mut first = None;
        let mut up_to = Vec::with_capacity(kept.len());
        for (index, section) in plan.sections.iter().enumerate() {
            if kept[index] && section.is_allocated() && !section.is_thread_local() {
                last = Some(OutputSectionId::new(index));
                first = first.or(last);
            }
            up_to.push(last);
        }
        Nearest { up_to, kept, first }
    }

    fn of(&self, section: OutputSectionId) -> Option<OutputSectionId> {
        if self.kept[section.index()] { Some(section) } else { self.before(section.index() + 1) }
    }

    /// The last section among the first `count`, else the first of all.
    fn before(&self, count: usize) -> Option<OutputSectionId> {
        count.checked_sub(1).and_then(|last| self.up_to.get(last).copied().flatten()).or(self.first)
    }
}

/// The section that symbols in `section` are said to be in: itself, or the nearest that is part of the file if it is
/// left out.
pub fn section_for_symbols(
    plan: &SectionPlan,
    addresses: &Addresses,
    section: OutputSectionId,
) -> Option<OutputSectionId> {
    if !addresses.sections[section.index()].omitted {
        return Some(section);
    }
    Nearest::new(plan, &addresses.sections).of(section)
}

#[cfg(test)]
mod tests {
    use object::elf;

    use super::super::samples::{Image, Linking, Program};
    use super::*;
    use crate::args::request::OutputKind;

    fn link(program: &Program, script: &str) -> Image {
        program.link(script).unwrap_or_else(|error| panic!("{error}"))
    }

    fn error(program: &Program, script: &str) -> String {
        program.link(script).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn statements_are_carried_out_in_order() {
        let mut program = Program::default();
        program
            .file("a.o")
            .text(".text")
            .sized(10)
            .text(".text")
            .aligned(4)
            .sized(3)
            .data(".data")
            .sized(4)
            .bss(".bss");
        let image = link(
            &program,
            "start = .; SECTIONS { . = 0x10000; first = .; .text : { t = .; *(.text) after = .; . = ALIGN(32); QUAD(after - t) BYTE(7) }
             . = ALIGN(0x1000); d = .; size = SIZEOF(.text); .data : { *(.data) . += 4; . = 0x20; e = .; }
             .bss : { *(.bss) } end = .; } x = end - d; y = x + 1; y *= 2; z = later + 1; later = 5;
             m = MAX(3, MIN(9, 7)); l = LOG2CEIL(17); al = ALIGN(0x123, 16); ad = ADDR(.data); n = !0 ? ~0 : 1;",
        );
        let values = [
            ("start", 0),
            ("first", 0x10000),
            ("t", 0x10000),
            ("after", 0x1000f),
            ("d", 0x11000),
            ("size", 0x29),
            ("e", 0x11020),
            ("end", 0x11030),
            ("x", 0x30),
            ("y", 0x62),
            ("z", 6),
            ("later", 5),
            ("m", 7),
            ("l", 5),
            ("al", 0x130),
            ("ad", 0x11000),
            ("n", u64::MAX),
        ];
        for (name, expected) in values {
            assert_eq!(image.symbol(name), Some(expected), "{name}");
        }
        assert_eq!(image.addresses.atoms, [0x10000, 0x1000c, 0x11000, 0x11020]);
        assert_eq!(image.section(".text"), (0x10000, 0x29, false));
        let text = OutputSectionId(0);
        let expected = vec![(text, 0x20, vec![0xf, 0, 0, 0, 0, 0, 0, 0]), (text, 0x28, vec![7])];
        assert_eq!(image.addresses.script_data, expected);
        assert_eq!((image.symbol_section("t"), image.symbol_section("end")), (Some(".text"), Some(".bss")));
        assert_eq!((image.symbol_section("size"), image.symbol_section("x")), (None, None));
    }

    #[test]
    fn symbols_of_inputs_can_be_used_before_they_have_addresses() {
        let mut program = Program::default();
        program.file("a.o").text(".text").data(".data").sized(40);
        let image = link(
            &program,
            "a = at_1 + 8; SECTIONS { . = 0x1000 + SIZEOF(.data); .text : { *(.text) } .data : { *(.data) } }",
        );
        assert_eq!(image.symbol("a"), Some(image.addresses.atoms[1] + 8));
        assert_eq!(image.addresses.atoms[0], 0x1028);
    }

    #[test]
    fn provided_symbols_exist_if_needed() {
        let mut program = Program::default();
        program.file("a.o").text(".text");
        let image =
            link(&program, "SECTIONS { . = 64; PROVIDE(a = .); PROVIDE_HIDDEN(unused_b = .); .text : { *(.text) } }");
        assert_eq!((image.symbol("a"), image.symbol("unused_b")), (Some(64), None));
        assert_eq!(image.symbol_section("a"), Some(".text"));
    }

    #[test]
    fn empty_sections_are_left_out_and_their_symbols_keep_their_place() {
        let mut program = Program::default();
        program.file("a.o").text(".text").sized(3).data(".data").sized(8);
        let image = link(
            &program,
            "SECTIONS { . = 0x1001; .text : { *(.text) } .e : { es = .; *(.e) ee = .; } .space : { . = . + 16; } .data : { *(.data) } }",
        );
        assert_eq!(image.section(".e"), (0x100b, 0, true));
        assert_eq!((image.symbol("es"), image.symbol("ee")), (Some(0x100b), Some(0x100b)));
        assert_eq!(image.symbol_section("es"), Some(".text"));
        assert_eq!(image.section(".space"), (0x100b, 16, false));
        assert_eq!(image.section(".data").0, 0x1020);
    }

    #[test]
    fn thread_zeros_take_no_room() {
        let mut program = Program::default();
        program.file("a.o").thread(".tdata").sized(4).aligned(4).thread_zeros(".tbss").sized(0x1000).aligned(64);
        program.file("a.o").data(".data").sized(8);
        let image = link(
            &program,
            "SECTIONS { . = 0x10004; .tdata : { *(.tdata) } .tbss : { *(.tbss) } e = .; .data : { *(.data) } }",
        );
        assert_eq!(image.section(".tdata").0, 0x10040);
        assert_eq!(image.section(".tbss").0, 0x10080);
        assert_eq!((image.symbol("e"), image.section(".data").0), (Some(0x10044), 0x10048));
        let [tls] = image.segments(elf::PT_TLS)[..] else { panic!() };
        assert_eq!((tls.address, tls.file_size, tls.memory_size, tls.alignment), (0x10040, 4, 0x1040, 64));
    }

    #[test]
    fn regions_hold_sections_and_say_when_they_are_full() {
        let script = "MEMORY { rom (rx) : ORIGIN = 0x8000, LENGTH = 0x100 ram (w!x) : o = 0x20000000, l = 1K }
            REGION_ALIAS(\"DATA\", ram);
            SECTIONS { .text : { *(.text) } > rom .data : { d = .; *(.data) } >DATA AT>rom load = LOADADDR(.data);
              .bss : { *(.bss) } end = ORIGIN(ram) + LENGTH(ram); }";
        let mut program = Program::default();
        program.file("a.o").text(".text").sized(0x20).data(".data").sized(0x30).bss(".bss").sized(0x40);
        let image = link(&program, script);
        assert_eq!((image.section(".text").0, image.section(".data").0), (0x8000, 0x2000_0000));
        assert_eq!((image.symbol("load"), image.section(".bss").0), (Some(0x8020), 0x2000_0030));
        assert_eq!(image.symbol("end"), Some(0x2000_0400));
        let data = image.segments(elf::PT_LOAD)[1];
        assert_eq!((data.address, data.load_address), (0x2000_0000, 0x8020));
        let mut program = Program::default();
        program.file("a.o").text(".text").sized(0x101);
        let message = error(&program, script);
        assert!(message.contains(".text does not fit in the memory region rom: 1 bytes too many"), "{message}");
        let message = error(&program, "SECTIONS { .text : { *(.text) } > nowhere }");
        assert!(message.contains("the memory region nowhere is not declared"), "{message}");
    }

    #[test]
    fn mistakes_are_named() {
        let mut program = Program::default();
        program.file("a.o").text(".text").sized(0x20).data(".data").sized(u64::MAX - 5).text(".small");
        let cases = [
            ("a = b;", "undefined symbol in an expression of the script or of --defsym: b"),
            ("a = 1 / 0;", "division by zero"),
            (
                "ASSERT(SIZEOF(.text) < 0x10, \"too much text\") SECTIONS { .text : { *(.text) } .d : { *(.small) } /DISCARD/ : { *(.data) } }",
                "assertion of the script failed: too much text",
            ),
            (
                "SECTIONS { .text : { *(.text) . = 4; } /DISCARD/ : { *(.data) } }",
                "moves back by 0x1c bytes in the output section .text",
            ),
            (
                "SECTIONS { .text 0x1000 : { *(.text) } .s 0x1010 : { *(.small) } /DISCARD/ : { *(.data) } }",
                "the output sections .text (0x1000 to 0x1020) and .s (0x1010 to 0x1020) overlap",
            ),
            ("SECTIONS { .data 16 : { *(.data) } }", "the output section .data goes beyond the address space"),
            (
                "SECTIONS { .text : ALIGN(3) { *(.text) } }",
                "alignment 0x3 of the output section .text is no power of two",
            ),
            ("a = ADDR(.nothing);", "asks for the address of .nothing, which is no output section"),
            ("SECTIONS { . = a + 1; a = .; }", "addresses do not settle"),
            ("a = ORIGIN(x);", "the memory region x is not declared"),
        ];
        for (script, expected) in cases {
            let message = error(&program, script);
            assert!(message.contains(expected), "{script}: {message}");
        }
    }

    #[test]
    fn load_and_start_addresses_follow_the_request() {
        let mut program = Program::default();
        program.file("a.o").text(".text").data(".data");
        let script = program.script_default();
        let base = |kind, image_base| {
            let mut linking = Linking { kind, ..Linking::default() };
            linking.options.image_base = image_base;
            let image = program.link_with(&script, &linking).unwrap();
            (image.segments(elf::PT_LOAD)[0].address, image.symbol("__executable_start"))
        };
        assert_eq!(base(OutputKind::StaticExecutable, None), (0x40_0000, Some(0x40_0000)));
        assert_eq!(base(OutputKind::StaticPie, None), (0, Some(0)));
        assert_eq!(base(OutputKind::StaticExecutable, Some(0x100_0000)), (0x100_0000, Some(0x100_0000)));
    }

    #[test]
    fn fill_statements_fill_the_gaps_after_them() {
        let mut program = Program::default();
        program.file("a.o").text(".text").sized(3).aligned(1).text(".text").sized(1).aligned(4);
        let image = link(&program, "SECTIONS { .text 0x100 : { FILL(0xabcd) *(.text) . = ALIGN(8); } }");
        let text = OutputSectionId(0);
        assert_eq!(image.addresses.script_data, [(text, 3, vec![0xab]), (text, 5, vec![0xab, 0xcd, 0xab])]);
    }
}

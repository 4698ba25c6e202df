//! File offsets and program headers of sections that have addresses.
//!
//! Without PHDRS in the script, a new PT_LOAD starts where access rights change, where the file would have to hold a gap
//! of a page or more, and where the distance of load addresses changes. Offsets are congruent to addresses modulo the
//! largest page size (gABI, "Program Header": `p_offset`).

use object::elf;

use crate::diag::Diagnostic;

use super::loads::{Load, Member, access};
use super::plan::Segment;
use super::program_headers;
use super::state::{AddressRequest, State, header_bytes};

/// What placing makes, beside the sections' offsets.
pub(super) struct Placed {
    pub segments: Vec<Segment>,
    /// Where the allocated part of the file ends.
    pub allocated_end: u64,
}

/// Gives every section of the image its offset, and makes the program headers.
pub(super) fn place(request: &AddressRequest, state: &mut State, errors: &mut Vec<Diagnostic>) -> Placed {
    let mut members = members(request, state, errors);
    check_order(&mut members, errors);
    let mut loads = Loads { request, loads: Vec::new(), headers: header_bytes(state.headers), file_end: 0 };
    loads.file_end = loads.headers;
    let declared = !request.plan.program_headers.is_empty();
    let mut room = state.headers_at.filter(|address| !declared && address % request.max_page_size() == 0);
    for member in members.iter().filter(|member| !member.takes_no_room()) {
        // PT_LOADs stand by address: a script may put sections below the headers.
        if let Some(address) = room.take_if(|address| *address <= member.address) {
            loads.start_with_headers(address);
        }
        loads.add(member, state, errors);
    }
    if let Some(address) = room {
        loads.start_with_headers(address);
    }
    state.file_header = loads.loads.iter().find(|load| load.has_headers && load.offset == 0).map(|load| load.address);
    // Zeros of threads have no place in a PT_LOAD: they stand where they would begin.
    for member in members.iter().filter(|member| member.takes_no_room()) {
        let load = loads.loads.iter().rev().find(|load| load.address <= member.address);
        let offset = match load {
            Some(load) => (load.offset + (member.address - load.address)).min(load.file_end),
            None => loads.headers,
        };
        state.sections[member.index].offset = offset;
    }
    let segments = program_headers::build(request, state, &loads.loads, &members, errors);
    Placed { segments, allocated_end: loads.file_end }
}

/// The sections of the image in plan order, each with the PT_LOAD that PHDRS has for it.
fn members<'a>(request: &'a AddressRequest, state: &State, errors: &mut Vec<Diagnostic>) -> Vec<Member<'a>> {
    let headers = &request.plan.program_headers;
    let first_load = headers.iter().position(|header| header.kind == elf::PT_LOAD);
    let mut members = Vec::new();
    let mut inherited: &[String] = &[];
    for (index, section) in request.plan.sections.iter().enumerate() {
        let address = state.sections[index];
        if !section.placement.segments.is_empty() {
            inherited = &section.placement.segments;
        }
        if address.omitted || !section.is_allocated() {
            continue;
        }
        let mut header = None;
        if !headers.is_empty() {
            for name in inherited.iter().filter(|name| *name != "NONE") {
                match headers.iter().position(|header| header.name == *name) {
                    None => {
                        let message = format!("the output section {} asks for {name}, which PHDRS lacks", section.name);
                        errors.push(Diagnostic::error("bad-script", message));
                    }
                    Some(found) if headers[found].kind == elf::PT_LOAD => header = header.or(Some(found)),
                    Some(_) => {}
                }
            }
            if inherited.is_empty() {
                header = first_load;
            }
        }
        members.push(Member { index, section, address: address.address, size: address.size, header });
    }
    members
}

/// Sorts sections by address, as PT_LOADs have to be, and reports those that overlap.
fn check_order(members: &mut [Member], errors: &mut Vec<Diagnostic>) {
    members.sort_by_key(|member| member.address);
    let mut previous: Option<&Member> = None;
    for member in members.iter().filter(|member| !member.takes_no_room()) {
        if let Some(previous) = previous.filter(|previous| previous.end() > member.address) {
            let message = format!(
                "the output sections {} ({:#x} to {:#x}) and {} ({:#x} to {:#x}) overlap",
                previous.section.name,
                previous.address,
                previous.end(),
                member.section.name,
                member.address,
                member.end()
            );
            errors.push(Diagnostic::error("section-overlap", message));
        }
        previous = Some(member);
    }
}

struct Loads<'a> {
    request: &'a AddressRequest<'a>,
    loads: Vec<Load>,
    /// Bytes of file and program headers.
    headers: u64,
    /// Where the file ends so far.
    file_end: u64,
}

impl Loads<'_> {
    fn add(&mut self, member: &Member, state: &mut State, errors: &mut Vec<Diagnostic>) {
        let distance = state.load_addresses[member.index].wrapping_sub(member.address);
        let flags = access(member.section);
        if !self.continues(member, flags, distance) {
            let load = self.start(member, flags, distance, errors);
            // Even one that holds only zeros: kernels map the page of the file that it starts in.
            self.file_end = self.file_end.max(load.offset);
            self.loads.push(load);
        }
        let Some(load) = self.loads.last_mut() else { return };
        let offset = load.offset.saturating_add(member.address.saturating_sub(load.address));
        state.sections[member.index].offset = offset;
        load.flags |= flags;
        load.memory_end = load.memory_end.max(member.end());
        if !member.zeros() {
            load.file_end = offset.saturating_add(member.size);
            self.file_end = self.file_end.max(load.file_end);
        }
    }

    /// Whether a section goes on with the last PT_LOAD.
    fn continues(&self, member: &Member, flags: u32, distance: u64) -> bool {
        let Some(load) = self.loads.last() else { return false };
        if load.header != member.header {
            return false;
        }
        if member.header.is_some() {
            return true;
        }
        let page = self.request.max_page_size();
        let same_page = member.address / page == load.memory_end.saturating_sub(1) / page;
        if load.distance != distance {
            return false;
        }
        if same_page {
            // Two mappings of one page cannot both hold, so access rights have to join, as GNU ld has them do.
            return true;
        }
        let gap = member.address.saturating_sub(load.memory_end);
        let after_zeros = !member.zeros() && load.file_end < load.offset + (load.memory_end - load.address);
        load.flags == flags && gap < page && !after_zeros
    }

    /// The PT_LOAD that starts with the headers, where the script leaves room for them.
    fn start_with_headers(&mut self, address: u64) {
        self.loads.push(Load {
            flags: elf::PF_R,
            offset: 0,
            address,
            distance: 0,
            memory_end: address.saturating_add(self.headers),
            file_end: self.headers,
            header: None,
            has_headers: true,
        });
    }

    /// A new PT_LOAD that starts with a section; the first one takes in the headers if there is room in front of it.
    fn start(&self, member: &Member, flags: u32, distance: u64, errors: &mut Vec<Diagnostic>) -> Load {
        let page = self.request.max_page_size();
        let in_page = member.address % page;
        let declared = member.header.map(|header| &self.request.plan.program_headers[header]);
        let wants_headers = match declared {
            Some(declared) => declared.file_header || declared.program_headers,
            None => self.loads.is_empty(),
        };
        let has_room = self.loads.is_empty() && in_page >= self.headers;
        if wants_headers && !has_room && declared.is_some() {
            let name = &member.section.name;
            let message = format!("no room for the program headers in front of the output section {name}");
            let error =
                Diagnostic::error("bad-script", message).help("let the location counter start with SIZEOF_HEADERS");
            errors.push(error);
        }
        let (offset, address) = if wants_headers && has_room {
            (0, member.address - in_page)
        } else {
            let rest = self.file_end % page;
            let offset = (self.file_end - rest).saturating_add(in_page);
            (if rest <= in_page { offset } else { offset.saturating_add(page) }, member.address)
        };
        Load {
            flags,
            offset,
            address,
            distance,
            memory_end: member.address,
            // Headers are bytes of the file too.
            file_end: if offset == 0 { self.headers } else { offset },
            header: member.header,
            has_headers: wants_headers && has_room,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::args::request::OutputKind;
    use crate::target::Architecture;

    use super::super::samples::{Image, Linking, Program};
    use super::*;

    /// Knuth's MMIX generator: the same programs on every run.
    struct Random(u64);

    impl Random {
        fn below(&mut self, limit: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (self.0 >> 33) % limit
        }
    }

    /// A program of sections of every sort.
    fn program(random: &mut Random) -> Program {
        let mut program = Program::default();
        for file in 0..1 + random.below(4) {
            program.file(["a.o", "b.o", "c.o", "d.o"][file as usize]);
            for _ in 0..random.below(12) {
                match random.below(17) {
                    0 => program.text(".text"),
                    1 => program.text(".text.f"),
                    2 => program.constants(".rodata.str"),
                    3 => program.constants(".eh_frame"),
                    4 => program.data(".data.x"),
                    5 => program.bss(".bss"),
                    6 => program.thread(".tdata.t"),
                    7 => program.thread_zeros(".tbss"),
                    8 => program.data(".init_array.5"),
                    9 => program.note(".note.gnu.build-id"),
                    10 => program.debug(".debug_info"),
                    11 => program.data("orphan"),
                    12 => program.bss("orphan_zeros"),
                    13 => program.data(".data.rel.ro"),
                    14 => program.note(".note.gnu.property"),
                    15 => program.constants(".debug_gdb_scripts"),
                    _ => program.constants(".rela.dyn"),
                };
                let size = if random.below(4) == 0 {
                    0
                } else {
                    random.below([300, 300, 300, 90_000][random.0 as usize >> 60 & 3])
                };
                let most = [7, 7, 7, 7, 7, 7, 7, 15][random.0 as usize >> 60 & 7];
                program.aligned(1 << random.below(most)).sized(size);
            }
        }
        program
    }

    fn check(image: &Image, program: &Program, page: u64) {
        let Image { plan, addresses, .. } = image;
        let loads = image.segments(elf::PT_LOAD);
        for load in &loads {
            assert_eq!(load.offset % page, load.address % page, "{load:?}");
            assert!(load.file_size <= load.memory_size);
            assert!(load.offset + load.file_size <= addresses.allocated_end);
        }
        for pair in loads.windows(2) {
            let end = pair[0].address + pair[0].memory_size;
            assert!(end <= pair[1].address, "{loads:x?}");
            assert!(pair[0].flags == pair[1].flags || end.div_ceil(page) <= pair[1].address / page, "{loads:x?}");
        }
        let mut in_file: Vec<(u64, u64)> = vec![(0, header_bytes(addresses.segments.len()))];
        for (section, place) in plan.sections.iter().zip(&addresses.sections) {
            let mut end = if section.is_allocated() { place.address } else { 0 };
            for id in plan.atoms_of(section) {
                let (atom, at) = (program.atoms().get(id).to_owned(), addresses.atoms[id.index()]);
                if place.omitted {
                    continue;
                }
                assert!(at >= end && at % atom.alignment == 0, "{} {at:x} {end:x}", section.name);
                end = at + atom.size;
            }
            assert!(place.omitted || end <= place.address + place.size);
            if place.omitted || !section.is_allocated() {
                continue;
            }
            assert_eq!(place.address % place.alignment, 0);
            if section.is_thread_local() && section.kind == elf::SHT_NOBITS {
                continue;
            }
            let inside =
                |load: &&Segment| load.address <= place.address && place.address < load.address + load.memory_size;
            let load = loads.iter().find(inside).unwrap_or_else(|| panic!("{} {place:x?} {loads:x?}", section.name));
            assert!(place.address + place.size <= load.address + load.memory_size);
            assert_eq!(load.flags, access(section), "{} {loads:x?}", section.name);
            assert_eq!(place.offset - load.offset, place.address - load.address);
            if section.kind != elf::SHT_NOBITS {
                assert!(place.offset + place.size <= load.offset + load.file_size);
                in_file.push((place.offset, place.size));
            }
        }
        in_file.sort_unstable();
        assert!(in_file.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0), "{in_file:x?}");
        let header = image.segments(elf::PT_PHDR)[0];
        assert_eq!((header.offset, header.file_size), (64, 56 * addresses.segments.len() as u64));
        assert_eq!((header.address, loads[0].offset), (loads[0].address + 64, 0));
        check_relro_and_threads(image);
    }

    fn check_relro_and_threads(image: &Image) {
        let relro = image.segments(elf::PT_GNU_RELRO);
        let inside = |address: u64| {
            relro.iter().any(|relro| relro.address <= address && address < relro.address + relro.memory_size)
        };
        let early = [".tdata", ".init_array", ".data.rel.ro"];
        for (section, place) in image.plan.sections.iter().zip(&image.addresses.sections) {
            if place.omitted || !section.is_allocated() || section.flags & u64::from(elf::SHF_WRITE) == 0 {
                continue;
            }
            let name = section.name.as_str();
            assert!(name == ".tbss" || inside(place.address) == early.contains(&name), "{name} {place:x?} {relro:x?}");
        }
        assert!(relro.iter().all(|relro| (relro.address + relro.memory_size).is_multiple_of(0x1000)));
        let threads: Vec<_> = image
            .plan
            .sections
            .iter()
            .zip(&image.addresses.sections)
            .filter(|(section, place)| section.is_thread_local() && !place.omitted)
            .collect();
        let segment = image.segments(elf::PT_TLS);
        assert_eq!(threads.is_empty(), segment.is_empty());
        for (_, place) in threads {
            assert!(segment[0].address <= place.address && segment[0].address.is_multiple_of(segment[0].alignment));
            assert!(place.address + place.size <= segment[0].address + segment[0].memory_size);
        }
    }

    #[test]
    fn the_default_order_keeps_every_rule_whatever_the_program() {
        let mut random = Random(7);
        for round in 0..300 {
            let architecture = Architecture::ALL[round % 2];
            let kind = if round % 3 == 0 { OutputKind::StaticPie } else { OutputKind::StaticExecutable };
            let script = crate::script::embedded::script(architecture, true).unwrap();
            let program = program(&mut random);
            let linking = Linking { architecture, kind, ..Linking::default() };
            let image = program.link_with(&script, &linking).unwrap_or_else(|error| panic!("{error}"));
            check(&image, &program, architecture.max_page_size());
            let again = program.link_with(&script, &linking).unwrap();
            assert_eq!(image.addresses, again.addresses);
        }
    }

    #[test]
    fn the_usual_table_of_a_program() {
        let mut program = Program::default();
        program.file("a.o").text(".text").constants(".rodata").data(".data").bss(".bss").thread(".tdata");
        program
            .file("a.o")
            .note(".note.gnu.property")
            .note(".note.ABI-tag")
            .aligned(4)
            .note(".note.gnu.build-id")
            .aligned(4);
        program.file("a.o").constants(".eh_frame_hdr").constants(".interp").data(".dynamic");
        let mut linking = Linking::default();
        linking.options.stack_size = Some(1 << 20);
        let image = program.link_with(&program.script_default(), &linking).unwrap();
        let kinds: Vec<u32> = image.addresses.segments.iter().map(|segment| segment.kind).collect();
        let expected = [
            elf::PT_PHDR,
            elf::PT_INTERP,
            elf::PT_LOAD,
            elf::PT_LOAD,
            elf::PT_LOAD,
            elf::PT_LOAD,
            elf::PT_DYNAMIC,
            elf::PT_NOTE,
            elf::PT_NOTE,
            elf::PT_TLS,
            elf::PT_GNU_PROPERTY,
            elf::PT_GNU_EH_FRAME,
            elf::PT_GNU_STACK,
            elf::PT_GNU_RELRO,
        ];
        assert_eq!(kinds, expected);
        let flags: Vec<u32> = image.segments(elf::PT_LOAD).iter().map(|load| load.flags).collect();
        assert_eq!(flags, [4, 5, 4, 6]);
        let stack = image.segments(elf::PT_GNU_STACK)[0];
        assert_eq!((stack.flags, stack.memory_size), (6, 1 << 20));
        linking.options.relro = false;
        linking.options.executable_stack = true;
        let image = program.link_with(&program.script_default(), &linking).unwrap();
        assert!(image.segments(elf::PT_GNU_RELRO).is_empty());
        assert_eq!(image.segments(elf::PT_GNU_STACK)[0].flags, 7);
    }

    #[test]
    fn large_pages_take_no_room_in_the_file() {
        let mut program = Program::default();
        program.file("a.o").text(".text").constants(".rodata").data(".data");
        let script = crate::script::embedded::script(Architecture::Aarch64, true).unwrap();
        let linking = Linking { architecture: Architecture::Aarch64, ..Linking::default() };
        let image = program.link_with(&script, &linking).unwrap();
        assert!(image.addresses.allocated_end < 0x4000, "{:x?}", image.addresses);
    }

    #[test]
    fn sections_of_a_plain_script_share_a_segment_with_their_page() {
        let mut program = Program::default();
        program.file("a.o").text(".text").data(".data").bss(".bss").data(".late");
        let image = program
            .link("SECTIONS { . = 0x10000; .text : { *(.text) } .data : { *(.data) } .bss : { *(.bss) } .late : { *(.late) } }")
            .unwrap();
        let loads = image.segments(elf::PT_LOAD);
        assert_eq!(loads.len(), 1);
        assert_eq!((loads[0].flags, loads[0].address, loads[0].file_size), (7, 0x10000, 0x40));
        assert!(image.segments(elf::PT_PHDR).is_empty());
    }

    #[test]
    fn what_stands_below_the_headers_is_loaded_before_them() {
        let mut program = Program::default();
        program.file("a.o").text(".text").constants(".low").data(".lower");
        let image = program
            .link(
                "SECTIONS { . = 0x400000 + SIZEOF_HEADERS; .text : { *(.text) }
                   .low 0x100000 : { *(.low) } .lower 0xff000 : { *(.lower) } }",
            )
            .unwrap();
        let loads = image.segments(elf::PT_LOAD);
        let places: Vec<_> = loads.iter().map(|load| (load.flags, load.address, load.memory_size)).collect();
        let headers = header_bytes(image.addresses.segments.len());
        assert_eq!(places, [(6, 0xff000, 16), (4, 0x10_0000, 16), (5, 0x40_0000, headers + 16)]);
        assert_eq!(loads[2].offset, 0);
        let mut in_file: Vec<_> = loads.iter().map(|load| (load.offset, load.offset + load.file_size)).collect();
        in_file.sort_unstable();
        assert!(in_file.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{in_file:x?}");
        assert_eq!(image.segments(elf::PT_PHDR)[0].address, 0x40_0040);
        let low = "SECTIONS { .low 0x1000 : { *(.low) } .lower 0x3000 : { *(.lower) } . = 0x400000 + SIZEOF_HEADERS; }";
        let mut program = Program::default();
        program.file("a.o").constants(".low").data(".lower");
        let image = program.link(low).unwrap();
        let loads = image.segments(elf::PT_LOAD);
        assert!(loads.iter().map(|load| load.address).is_sorted(), "{loads:x?}");
    }

    #[test]
    fn declared_headers_make_the_table() {
        let mut program = Program::default();
        program.file("a.o").text(".text").data(".data").note(".note").thread(".tdata").bss(".bss");
        let image = program
            .link(
                "PHDRS { head PT_PHDR PHDRS; text PT_LOAD FILEHDR PHDRS; data PT_LOAD FLAGS(7); note PT_NOTE; tls PT_TLS; x 0x60000001; }
                 SECTIONS { . = 0x200000 + SIZEOF_HEADERS; .note : { *(.note) } :text :note .text : { *(.text) } :text
                   . = ALIGN(0x1000); .tdata : { *(.tdata) } :data :tls .data : { *(.data) } :data .bss : { *(.bss) } }",
            )
            .unwrap();
        let table: Vec<_> =
            image.addresses.segments.iter().map(|s| (s.kind, s.flags, s.address, s.file_size, s.memory_size)).collect();
        let headers = 64 + 6 * 56;
        assert_eq!(
            table,
            [
                (elf::PT_PHDR, 4, 0x200040, 6 * 56, 6 * 56),
                (elf::PT_LOAD, 5, 0x200000, headers + 32, headers + 32),
                (elf::PT_LOAD, 7, 0x201000, 32, 48),
                (elf::PT_NOTE, 4, 0x200000 + headers, 16, 16),
                (elf::PT_TLS, 4, 0x201000, 16, 16),
                (0x6000_0001, 0, 0, 0, 0),
            ]
        );
        let text = program.link("PHDRS { t PT_LOAD; } SECTIONS { .text : { *(.text) } :u }").map(|_| ()).unwrap_err();
        assert!(text.to_string().contains("the output section .text asks for u, which PHDRS lacks"), "{text}");
        let room = program.link("PHDRS { t PT_LOAD FILEHDR; } SECTIONS { .text 0x1000 : { *(.text) } :t }").map(|_| ());
        assert!(
            room.unwrap_err()
                .to_string()
                .contains("no room for the program headers in front of the output section .text")
        );
    }
}

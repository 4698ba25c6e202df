//! File offsets and program headers of sections that have addresses.
//!
//! Without PHDRS in the script, a new PT_LOAD starts where access rights change, where the file would have to hold a gap
//! of a page or more, and where the distance of load addresses changes. Offsets are congruent to addresses modulo the
//! largest page size (gABI, "Program Header": `p_offset`).

use object::elf;

use crate::diag::Diagnostic;

use super::address::{AddressRequest, State};
use super::passes::header_bytes;
use super::plan::{OutputSection, Segment};
use super::program_headers;

/// The data that becomes read-only once it is relocated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Relro {
    pub start: u64,
    pub end: u64,
}

/// What placing makes, beside the sections' offsets.
pub(super) struct Placed {
    pub segments: Vec<Segment>,
    /// Where the allocated part of the file ends.
    pub allocated_end: u64,
}

/// A PT_LOAD in the making.
#[derive(Clone, Copy)]
pub(super) struct Load {
    pub flags: u32,
    pub offset: u64,
    pub address: u64,
    /// Load address less address.
    pub distance: u64,
    pub memory_end: u64,
    pub file_end: u64,
    /// Which header of PHDRS this is.
    pub header: Option<usize>,
    /// Whether file and program headers are in it.
    pub has_headers: bool,
}

/// One section that is part of the image.
pub(super) struct Member<'a> {
    pub index: usize,
    pub section: &'a OutputSection,
    pub address: u64,
    pub size: u64,
    /// The PT_LOAD of PHDRS that it asks for.
    pub header: Option<usize>,
}

impl Member<'_> {
    pub fn zeros(&self) -> bool {
        self.section.kind == elf::SHT_NOBITS
    }

    pub fn end(&self) -> u64 {
        self.address.saturating_add(self.size)
    }
}

/// Gives every section of the image its offset, and makes the program headers.
pub(super) fn place(request: &AddressRequest, state: &mut State, errors: &mut Vec<Diagnostic>) -> Placed {
    let mut members = members(request, state, errors);
    check_order(&mut members, errors);
    let mut loads = Loads { request, loads: Vec::new(), headers: header_bytes(state.headers), file_end: 0 };
    loads.file_end = loads.headers;
    if let Some(address) = state.headers_at.filter(|address| address % request.max_page_size() == 0)
        && request.plan.program_headers.is_empty()
    {
        loads.start_with_headers(address);
    }
    for member in members.iter().filter(|member| !member.takes_no_room()) {
        loads.add(member, state, errors);
    }
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

impl Member<'_> {
    fn takes_no_room(&self) -> bool {
        self.zeros() && self.section.is_thread_local()
    }
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

/// `p_flags` of a section.
pub(super) fn access(section: &OutputSection) -> u32 {
    let mut flags = elf::PF_R;
    if section.flags & u64::from(elf::SHF_WRITE) != 0 {
        flags |= elf::PF_W;
    }
    if section.flags & u64::from(elf::SHF_EXECINSTR) != 0 {
        flags |= elf::PF_X;
    }
    flags
}

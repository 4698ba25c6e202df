//! The program header table: PT_LOADs, and what points into them for the kernel, the C library and the unwinder.

use object::elf;

use crate::diag::Diagnostic;

use super::loads::{Load, Member, access};
use super::plan::Segment;
use super::state::{AddressRequest, State, header_bytes};

/// Where the program headers start in the file.
const TABLE_OFFSET: u64 = size_of::<elf::FileHeader64<object::LittleEndian>>() as u64;

/// Makes the table. `members` are the sections of the image by address.
pub(super) fn build(
    request: &AddressRequest,
    state: &State,
    loads: &[Load],
    members: &[Member],
    errors: &mut Vec<Diagnostic>,
) -> Vec<Segment> {
    let builder = Builder { request, state, loads, members };
    builder.check_thread_local(errors);
    if request.plan.program_headers.is_empty() { builder.usual() } else { builder.declared() }
}

struct Builder<'a> {
    request: &'a AddressRequest<'a>,
    state: &'a State,
    loads: &'a [Load],
    members: &'a [Member<'a>],
}

impl Builder<'_> {
    /// The usual table, in the order that loaders expect: PT_PHDR and PT_INTERP before any PT_LOAD.
    fn usual(&self) -> Vec<Segment> {
        let mut table = Vec::new();
        table.extend(self.header_table());
        table.extend(self.named(elf::PT_INTERP, ".interp"));
        table.extend(self.loads.iter().map(|load| self.load(load)));
        table.extend(self.named(elf::PT_DYNAMIC, ".dynamic"));
        self.notes(&mut table);
        table.extend(self.covering(elf::PT_TLS, &|member| member.section.is_thread_local()));
        table.extend(self.named(elf::PT_GNU_PROPERTY, ".note.gnu.property"));
        if self.request.options.eh_frame_hdr {
            table.extend(self.named(elf::PT_GNU_EH_FRAME, ".eh_frame_hdr"));
        }
        table.push(self.stack());
        table.extend(self.relro());
        table
    }

    fn header_table(&self) -> Option<Segment> {
        let load = self.loads.iter().find(|load| load.has_headers)?;
        let size = header_bytes(self.state.headers) - TABLE_OFFSET;
        let address = load.address.wrapping_add(TABLE_OFFSET.wrapping_sub(load.offset));
        Some(Segment {
            kind: elf::PT_PHDR,
            flags: elf::PF_R,
            offset: TABLE_OFFSET,
            address,
            load_address: address.wrapping_add(load.distance),
            file_size: size,
            memory_size: size,
            alignment: 8,
        })
    }

    fn load(&self, load: &Load) -> Segment {
        Segment {
            kind: elf::PT_LOAD,
            flags: load.flags,
            offset: load.offset,
            address: load.address,
            load_address: load.address.wrapping_add(load.distance),
            file_size: load.file_end.saturating_sub(load.offset),
            memory_size: load.memory_end.saturating_sub(load.address),
            alignment: self.request.max_page_size(),
        }
    }

    /// A segment over the sections that `belongs` chooses.
    fn covering(&self, kind: u32, belongs: &dyn Fn(&Member) -> bool) -> Option<Segment> {
        let chosen = || self.members.iter().filter(|member| belongs(member));
        let address = chosen().map(|member| member.address).min()?;
        let first = chosen().find(|member| member.address == address)?;
        let offset = chosen().map(|member| self.state.sections[member.index].offset).min()?;
        let end = |zeros: bool| chosen().filter(|member| zeros || !member.zeros()).map(Member::end).max();
        let alignment = chosen().map(|member| self.state.sections[member.index].alignment).max()?;
        // Zeros of threads do not make the segment writable: it is a template.
        let flags = chosen().map(|member| access(member.section)).fold(0, |all, flags| all | flags);
        let flags = if kind == elf::PT_TLS { elf::PF_R } else { flags };
        Some(Segment {
            kind,
            flags,
            offset,
            address,
            load_address: self.state.load_addresses[first.index],
            file_size: end(false).map_or(0, |end| end - address),
            memory_size: end(true).map_or(0, |end| end - address),
            alignment,
        })
    }

    fn named(&self, kind: u32, name: &str) -> Option<Segment> {
        self.covering(kind, &|member| member.section.name == name)
    }

    /// A PT_NOTE for each run of notes of one alignment: readers step through a segment by its alignment.
    fn notes(&self, table: &mut Vec<Segment>) {
        let mut run: Option<Segment> = None;
        for member in self.members.iter().filter(|member| !member.section.is_thread_local()) {
            let place = &self.state.sections[member.index];
            if member.section.kind != elf::SHT_NOTE {
                table.extend(run.take());
                continue;
            }
            match &mut run {
                Some(run) if run.alignment == place.alignment && run.address + run.memory_size <= member.address => {
                    run.memory_size = member.end() - run.address;
                    run.file_size = run.memory_size;
                    run.flags |= access(member.section);
                }
                _ => {
                    table.extend(run.take());
                    let index = member.index;
                    run = self.covering(elf::PT_NOTE, &|other| other.index == index);
                }
            }
        }
        table.extend(run);
    }

    fn stack(&self) -> Segment {
        let options = self.request.options;
        let executable = if options.executable_stack { elf::PF_X } else { 0 };
        Segment {
            kind: elf::PT_GNU_STACK,
            flags: elf::PF_R | elf::PF_W | executable,
            memory_size: options.stack_size.unwrap_or(0),
            alignment: 16,
            ..Segment::default()
        }
    }

    fn relro(&self) -> Option<Segment> {
        let relro = self.state.relro?;
        let inside = |member: &&Member| relro.start <= member.address && member.address < relro.end;
        let first = self.members.iter().find(inside)?;
        let place = &self.state.sections[first.index];
        let load = self.loads.iter().find(|load| load.address <= place.address && place.address < load.memory_end);
        let memory_size = relro.end - place.address;
        Some(Segment {
            kind: elf::PT_GNU_RELRO,
            flags: elf::PF_R,
            offset: place.offset,
            address: place.address,
            load_address: self.state.load_addresses[first.index],
            file_size: load.map_or(0, |load| load.file_end.saturating_sub(place.offset)).min(memory_size),
            memory_size,
            alignment: 1,
        })
    }

    /// The table that PHDRS declares.
    fn declared(&self) -> Vec<Segment> {
        let headers = self.request.plan.program_headers.iter().enumerate();
        headers
            .map(|(index, header)| {
                let mut segment = match header.kind {
                    elf::PT_LOAD => {
                        self.loads.iter().find(|load| load.header == Some(index)).map(|load| self.load(load))
                    }
                    elf::PT_PHDR => self.header_table(),
                    elf::PT_GNU_STACK => Some(self.stack()),
                    elf::PT_GNU_RELRO if !self.has_members(&header.name) => self.relro(),
                    kind => self.covering(kind, &|member| self.asks_for(member, &header.name)),
                };
                let segment = segment.get_or_insert(Segment { kind: header.kind, alignment: 1, ..Segment::default() });
                if let Some(flags) = header.flags {
                    segment.flags = flags;
                }
                if let Some(address) = header.address.as_ref().and_then(crate::script::expression::constant) {
                    segment.load_address = address;
                }
                *segment
            })
            .collect()
    }

    fn has_members(&self, header: &str) -> bool {
        self.members.iter().any(|member| self.asks_for(member, header))
    }

    /// Whether a section is in a declared segment: by its own list, or that of the last section in front that has one.
    fn asks_for(&self, member: &Member, header: &str) -> bool {
        let sections = &self.request.plan.sections[..=member.index];
        let list = sections.iter().rev().map(|section| &section.placement.segments).find(|list| !list.is_empty());
        list.is_some_and(|list| list.iter().any(|name| name == header))
    }

    /// PT_TLS is one stretch of memory.
    fn check_thread_local(&self, errors: &mut Vec<Diagnostic>) {
        let thread_local = || self.members.iter().filter(|member| member.section.is_thread_local());
        let (Some(first), Some(last)) =
            (thread_local().min_by_key(|member| member.index), thread_local().max_by_key(|member| member.index))
        else {
            return;
        };
        let mut others = self.members.iter().filter(|member| !member.section.is_thread_local());
        if let Some(between) = others.find(|member| first.index < member.index && member.index < last.index) {
            let message = format!(
                "the output section {} stands between the thread-local sections {} and {}",
                between.section.name, first.section.name, last.section.name
            );
            errors.push(Diagnostic::error("bad-script", message));
        }
    }
}

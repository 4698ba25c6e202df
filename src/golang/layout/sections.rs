//! Which section each symbol is in, and where in it (Go 1.26 and 1.27, `allocateDataSections` of
//! `cmd/link/internal/ld/data.go`).
//!
//! Writable data comes first here, as its masks of pointers are read-only data whose size follows from it. Types that
//! reflection walks stand in a section of their own in Go 1.27; before, all groups share `.rodata`.

use super::buckets::{Buckets, Item, LARGEST, RELRO_26, separate_relro};
use super::data::{self, Sorted, SortedData};
use super::gcmask;
use super::segments::{Section, Segment, access};
use super::text::TextPlaces;
use crate::diag::{Diagnostic, Result};
use crate::golang::machine::POINTER;
use crate::golang::moduledata::{Module, TypeFields};
use crate::golang::program::Program;
use crate::golang::symbols::{GoSymbol, Kind, Symbols, Version};
use crate::inputs::goobj::records::flag;

/// The groups of `.rodata`, in order; Go 1.27 has types and function values elsewhere.
const RODATA: [Kind; 10] = {
    use Kind::*;
    [Type, GoString, GoFunc, GcBits, Rodata, RodataFipsStart, RodataFips, RodataFipsEnd, RodataEnd, FuncTab]
};
const NOPTR_DATA: [Kind; 4] =
    [Kind::NoptrDataFipsStart, Kind::NoptrDataFips, Kind::NoptrDataFipsEnd, Kind::NoptrDataEnd];
const DATA: [Kind; 4] = [Kind::DataFipsStart, Kind::DataFips, Kind::DataFipsEnd, Kind::DataEnd];

/// Sections with their contents.
#[derive(Debug)]
pub(super) struct Sections {
    /// Segment by segment; their addresses are offsets so far.
    pub all: Vec<Section>,
    /// By section: the offset of each symbol. That of code is not here, as code has addresses already.
    pub offsets: Vec<Vec<u32>>,
    /// By symbol: the address of code.
    pub value: Vec<u64>,
    /// Bounds within sections.
    pub bounds: Bounds,
}

/// Offsets in `.noptrbss`.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Bounds {
    /// Where the masks that are made at start-up begin.
    pub masks: u64,
    /// Where the counters of coverage begin.
    pub counters: u64,
    /// Bytes of these counters.
    pub counters_length: u64,
}

/// Puts everything into sections.
pub(super) fn plan(
    symbols: &mut Symbols<'_>,
    program: &Program<'_>,
    text: TextPlaces,
    mut buckets: Buckets,
    module: &Module,
) -> Result<Sections> {
    let release = program.release;
    let relro = program.is_position_independent();
    if relro {
        separate_relro(symbols, release, &mut buckets)?;
    }
    let walked = release.types_are_walked.then(|| buckets.take(Kind::Type));
    let mut planner = Planner::default();
    // The types are sorted for as long as everything else needs, and their sections come last.
    let (types, others) = rayon::join(
        || walked.map(|types| data::sort_walked_types(symbols, release, types)).transpose(),
        || planner.all_but_walked_types(symbols, program, text.section, buckets),
    );
    let Others { mut sorted, writable, masks } = others?;
    for (symbol, mask) in masks {
        symbols.edit(symbol).push_bytes(&mask);
    }
    if let Some((types, fields)) = types?.zip(module.type_fields) {
        describe_types(symbols, module.moduledata, fields, &types.items);
        planner.walked_types(symbols, relro, types, &mut sorted)?;
    } else {
        planner.types_and_links(symbols, relro, &mut sorted)?;
    }
    planner.made.extend(writable);
    let (all, offsets) = planner.made.into_iter().map(|draft| (draft.section, draft.offsets)).unzip();
    let mut value = text.value;
    value.resize(symbols.count(), 0);
    if let Some(Draft { section, offsets }) = planner.of_threads {
        section.symbols.iter().zip(offsets).for_each(|(symbol, offset)| value[symbol.index()] = u64::from(offset));
    }
    Ok(Sections { all, offsets, value, bounds: planner.bounds })
}

/// What is left when all sections are planned that come before those of types.
struct Others {
    sorted: SortedData,
    /// The sections of writable data.
    writable: Vec<Draft>,
    /// Masks of pointers, and the symbols that they are the contents of.
    masks: Vec<(GoSymbol, Vec<u8>)>,
}

/// A section, and where in it each of its symbols is.
struct Draft {
    section: Section,
    offsets: Vec<u32>,
}

#[derive(Default)]
struct Planner {
    /// The offset in the segment.
    at: u64,
    made: Vec<Draft>,
    /// What each thread has a block of, if no section says so.
    of_threads: Option<Draft>,
    bounds: Bounds,
}

fn round(value: u64, alignment: u64) -> u64 {
    if alignment == 0 { value } else { value.next_multiple_of(alignment) }
}

impl Planner {
    /// Everything up to the sections of types; the writable ones are set aside.
    fn all_but_walked_types(
        &mut self,
        symbols: &Symbols<'_>,
        program: &Program<'_>,
        text: Section,
        buckets: Buckets,
    ) -> Result<Others> {
        let mut sorted = data::sort(symbols, buckets)?;
        let masks = self.writable(symbols, program, &mut sorted)?;
        let writable = std::mem::take(&mut self.made);
        self.at = 0;
        self.made.push(Draft { section: text, offsets: Vec::new() });
        self.singles(symbols, Segment::Text, access::EXECUTE, sorted.take(Kind::ElfExecutable))?;
        self.read_only(symbols, program, &mut sorted)?;
        Ok(Others { sorted, writable, masks })
    }

    /// Begins a section at the next offset.
    fn open(&mut self, segment: Segment, access: u8, name: &[u8], alignment: u64) {
        self.at = round(self.at, alignment);
        let section = Section {
            name: name.to_vec(),
            access,
            alignment,
            address: self.at,
            length: 0,
            segment,
            has_bytes: true,
            file_offset: 0,
            symbols: Vec::new(),
        };
        self.made.push(Draft { section, offsets: Vec::new() });
    }

    /// Puts symbols at the end of the last section.
    fn fill(&mut self, sorted: Sorted) -> Result<()> {
        let Some(Draft { section, offsets }) = self.made.last_mut() else { return Ok(()) };
        section.symbols.reserve(sorted.items.len());
        offsets.reserve(sorted.items.len());
        for item in sorted.items {
            self.at = round(self.at, u64::from(item.alignment));
            section.symbols.push(item.symbol);
            // What does not fit is refused below.
            offsets.push((self.at - section.address) as u32);
            self.at += u64::from(item.size);
        }
        section.length = self.at - section.address;
        if self.at > LARGEST {
            let name = String::from_utf8_lossy(&section.name);
            let message = format!("too much data: {name} ends at {} bytes, more than {LARGEST}", self.at);
            return Err(Diagnostic::error("too-much-data", message).into());
        }
        Ok(())
    }

    /// A section for symbols of one kind.
    fn section(&mut self, segment: Segment, access: u8, name: &str, sorted: Sorted) -> Result<()> {
        self.open(segment, access, name.as_bytes(), sorted.alignment);
        self.fill(sorted)
    }

    /// A section for each symbol, named after it.
    fn singles(&mut self, symbols: &Symbols<'_>, segment: Segment, access: u8, sorted: Sorted) -> Result<()> {
        for item in sorted.items {
            let name = symbols.name(item.symbol);
            let name = name.strip_prefix(b"go:").map_or_else(|| name.to_vec(), |rest| [b".go.", rest].concat());
            self.open(segment, access, &name, u64::from(item.alignment));
            self.fill(Sorted { items: vec![item], alignment: 0 })?;
        }
        Ok(())
    }

    /// The sections of writable data; their masks of pointers are read-only data.
    fn writable(
        &mut self,
        symbols: &Symbols<'_>,
        program: &Program<'_>,
        sorted: &mut SortedData,
    ) -> Result<Vec<(GoSymbol, Vec<u8>)>> {
        let (segment, access) = (Segment::Data, access::WRITE);
        for kind in [Kind::BuildInfo, Kind::FipsInfo, Kind::ElfWritable] {
            self.singles(symbols, segment, access, sorted.take(kind))?;
        }
        let module = sorted.take(Kind::ModuleData);
        if !module.items.is_empty() {
            self.section(segment, access, ".go.module", module)?;
        }
        let got = sorted.take(Kind::ElfGot);
        if !got.items.is_empty() {
            self.section(segment, access, ".got", got)?;
        }
        self.section(segment, access, ".noptrdata", sorted.take(Kind::NoptrData))?;
        for kind in NOPTR_DATA {
            self.fill(sorted.take(kind))?;
        }
        self.section(segment, access, ".data", sorted.take(Kind::Data))?;
        let with_pointers = self.count();
        for kind in DATA {
            self.fill(sorted.take(kind))?;
        }
        let of_data = self.mask(symbols, program, b"runtime.gcdata", with_pointers, sorted)?;
        let first_zeroed = self.made.len();
        self.section(segment, access, ".bss", sorted.take(Kind::Bss))?;
        let of_bss = self.mask(symbols, program, b"runtime.gcbss", self.count(), sorted)?;
        self.section(segment, access, ".noptrbss", sorted.take(Kind::NoptrBss))?;
        self.bounds.masks = self.length();
        self.fill(sorted.take(Kind::GcMask))?;
        self.counters(program, sorted)?;
        let fuzzer = sorted.take(Kind::FuzzerCounter);
        if !fuzzer.items.is_empty() {
            self.section(segment, access, ".go.fuzzcntrs", fuzzer)?;
        }
        self.of_threads(program, sorted.take(Kind::TlsBss))?;
        self.made[first_zeroed..].iter_mut().for_each(|draft| draft.section.has_bytes = false);
        Ok(of_data.into_iter().chain(of_bss).collect())
    }

    /// Bytes of the last section.
    fn length(&self) -> u64 {
        self.made.last().map_or(0, |draft| draft.section.length)
    }

    /// Symbols of the last section.
    fn count(&self) -> usize {
        self.made.last().map_or(0, |draft| draft.offsets.len())
    }

    fn counters(&mut self, program: &Program<'_>, sorted: &mut SortedData) -> Result<()> {
        let start = self.length();
        self.fill(sorted.take(Kind::CoverageCounter))?;
        let length = self.length() - start;
        // Counters are of 4 bytes; what is before the first one is padding. Go 1.26 counts it as one.
        let padding = if program.release.types_are_walked { length % 4 } else { 0 };
        (self.bounds.counters, self.bounds.counters_length) = (start + padding, length - padding);
        Ok(())
    }

    /// Says which words of the last section are pointers; only its first symbols have some.
    fn mask(
        &self,
        symbols: &Symbols<'_>,
        program: &Program<'_>,
        name: &[u8],
        with_pointers: usize,
        sorted: &mut SortedData,
    ) -> Result<Option<(GoSymbol, Vec<u8>)>> {
        let Some(Draft { section, offsets }) = self.made.last() else { return Ok(None) };
        let variables = section.symbols.iter().copied().zip(offsets.iter().map(|offset| u64::from(*offset)));
        let variables: Vec<(GoSymbol, u64)> = variables.take(with_pointers).collect();
        let mask = gcmask::program(symbols, program.release, &variables, section.length)?;
        let symbol = symbols.find(name, Version::Abi0);
        if let Some(symbol) = symbol {
            sorted.resize(Kind::Rodata, symbol, mask.len() as u32);
        }
        Ok(symbol.map(|symbol| (symbol, mask)))
    }

    /// The block of each thread: addresses are offsets in it.
    fn of_threads(&mut self, program: &Program<'_>, sorted: Sorted) -> Result<()> {
        if sorted.items.is_empty() {
            return Ok(());
        }
        self.at = 0;
        self.section(Segment::Data, access::WRITE, ".tbss", Sorted { alignment: POINTER, ..sorted })?;
        if !program.is_position_independent() || program.options.no_dynamic {
            // Nobody looks for the block, the program sets it up itself; offsets in it are all that is needed.
            self.of_threads = self.made.pop();
        }
        Ok(())
    }

    /// `.rodata`, `.gopclntab`, and the tables of a dynamic linker.
    fn read_only(&mut self, symbols: &Symbols<'_>, program: &Program<'_>, sorted: &mut SortedData) -> Result<()> {
        let (segment, access) = (Segment::Rodata, access::READ);
        let walked = program.release.types_are_walked;
        let kinds = RODATA.into_iter().filter(|kind| !walked || !matches!(kind, Kind::Type | Kind::GoFunc));
        let kinds: Vec<Kind> = kinds.collect();
        self.open(segment, access, b".rodata", sorted.alignment(&kinds));
        for kind in kinds {
            self.fill(sorted.take(kind))?;
        }
        self.section(segment, access, ".gopclntab", sorted.take(Kind::PclnTab))?;
        self.singles(symbols, segment, access, sorted.take(Kind::ElfReadOnly))
    }

    /// What relocations write to, and the tables of types and itabs (Go 1.26).
    fn types_and_links(&mut self, symbols: &Symbols<'_>, relro: bool, sorted: &mut SortedData) -> Result<()> {
        let (segment, access) = relocated(relro);
        if relro {
            self.at = 0;
            let kinds = RELRO_26.map(|(_, kind)| kind);
            self.open(segment, access, b".data.rel.ro", sorted.alignment(&kinds));
            // No type has the offset 0.
            self.at += 1;
            for kind in kinds {
                self.fill(sorted.take(kind))?;
            }
            self.singles(symbols, segment, access, sorted.take(Kind::ElfRelro))?;
        }
        self.section(segment, access, named(relro, ".typelink", ".data.rel.ro.typelink"), sorted.take(Kind::TypeLink))?;
        self.section(segment, access, named(relro, ".itablink", ".data.rel.ro.itablink"), sorted.take(Kind::ItabLink))
    }

    /// What relocations write to, with a section for types and one for function values (Go 1.27).
    fn walked_types(
        &mut self,
        symbols: &Symbols<'_>,
        relro: bool,
        types: Sorted,
        sorted: &mut SortedData,
    ) -> Result<()> {
        let (segment, access) = relocated(relro);
        if relro {
            self.at = 0;
        }
        let rodata = sorted.take(Kind::RodataRelro);
        if !rodata.items.is_empty() {
            self.section(segment, access, named(relro, ".rodata", ".data.rel.ro"), rodata)?;
        }
        self.open(segment, access, named(relro, ".go.type", ".data.rel.ro.go.type").as_bytes(), types.alignment);
        // No type has the offset 0.
        self.at += POINTER;
        self.fill(types)?;
        self.section(segment, access, named(relro, ".go.func", ".data.rel.ro.go.func"), sorted.take(Kind::GoFunc))?;
        self.singles(symbols, segment, access, sorted.take(Kind::ElfRelro))
    }
}

/// Where read-only data goes that has addresses in it.
fn relocated(relro: bool) -> (Segment, u8) {
    if relro { (Segment::Relro, access::WRITE) } else { (Segment::Rodata, access::READ) }
}

fn named(relro: bool, plain: &'static str, relocated: &'static str) -> &'static str {
    if relro { relocated } else { plain }
}

/// Tells the runtime how far the types go that reflection walks, and where the itabs are.
fn describe_types(symbols: &mut Symbols<'_>, moduledata: GoSymbol, fields: TypeFields, types: &[Item]) {
    let end = |start: u64, items: &[Item]| {
        items.iter().fold(start, |at, item| at.next_multiple_of(u64::from(item.alignment)) + u64::from(item.size))
    };
    // The symbol that stands for the group comes first.
    let types = types.split_first().filter(|(group, _)| group.size == 0).map_or(types, |(_, types)| types);
    let walked = types.partition_point(|item| symbols.has_flag(item.symbol, flag::TYPELINK));
    let itab = walked + types[walked..].iter().take_while(|item| !symbols.is_itab(item.symbol)).count();
    let walked_length = end(POINTER, &types[..walked]);
    let itab_alignment = types.get(itab).map_or(1, |item| u64::from(item.alignment));
    let itab_offset = end(walked_length, &types[walked..itab]).next_multiple_of(itab_alignment);
    let itab_length = end(0, &types[itab..]);
    let contents = symbols.edit(moduledata);
    for (at, value) in
        [(fields.walked_length, walked_length), (fields.itab_offset, itab_offset), (fields.itab_length, itab_length)]
    {
        if let Some(field) = contents.data.to_mut().get_mut(at as usize..).and_then(|rest| rest.first_chunk_mut()) {
            *field = value.to_le_bytes();
        }
    }
}

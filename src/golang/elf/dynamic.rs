//! What a dynamic linker needs of a program that may be loaded at any address: the sections of dynamic linking, and the list
//! of the addresses that it has to adjust (Go 1.26 and 1.27, `doelf` and `elfdynhash` of `cmd/link/internal/ld/elf.go`,
//! `dynrelocsym` of `data.go`, `adddynrel` and `elfsetupplt` of `amd64/asm.go` and `arm64/asm.go`).
//!
//! A pure Go program imports nothing, so the tables of symbols are empty, and all relocations are of one type. There are
//! hundreds of thousands of these; which symbols have some is kept, and the rest is read again when they are written.

use object::elf::{
    DF_1_NOW, DF_1_PIE, DF_BIND_NOW, DT_DEBUG, DT_FLAGS, DT_FLAGS_1, DT_HASH, DT_NULL, DT_PLTGOT, DT_RELA, DT_RELAENT,
    DT_RELASZ, DT_RUNPATH, DT_STRSZ, DT_STRTAB, DT_SYMENT, DT_SYMTAB, PF_R, PF_W, PT_DYNAMIC, PT_TLS,
    R_AARCH64_RELATIVE, R_X86_64_RELATIVE, SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE, SHT_DYNAMIC, SHT_DYNSYM, SHT_HASH,
    SHT_PROGBITS, SHT_RELA, SHT_STRTAB,
};
use rayon::prelude::*;

use super::headers::ProgramHeader;
use super::sections::{Headers, Number, SYMBOL};
use crate::diag::{Diagnostic, Diagnostics, Origin, Result};
use crate::golang::layout::{Addresses, Segment};
use crate::golang::program::Program;
use crate::golang::symbols::{GoSymbol, Kind, Made, Relocation, Symbols, Version};
use crate::golang::table::{Table, Tables};
use crate::inputs::goobj::RelocationKind;
use crate::target::Architecture;

/// Bytes of an Elf64_Rela.
const RELA: u64 = 24;
/// Symbols whose relocations are written as one piece.
const PIECE: usize = 1 << 10;

/// The sections of dynamic linking.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dynamic {
    dynsym: GoSymbol,
    dynstr: GoSymbol,
    rela: GoSymbol,
    got: GoSymbol,
    hash: GoSymbol,
    got_plt: GoSymbol,
    plt: GoSymbol,
    rela_plt: GoSymbol,
    version: GoSymbol,
    version_r: GoSymbol,
    dynamic: GoSymbol,
}

/// Makes the sections, after the debug information is planned and before code has addresses.
pub fn make(symbols: &mut Symbols<'_>, program: &Program<'_>) -> Dynamic {
    let options = program.options;
    let mut define = |name: &str, kind| symbols.define(name.as_bytes(), kind);
    let dynamic = Dynamic {
        dynsym: define(".dynsym", Kind::ElfReadOnly),
        dynstr: define(".dynstr", Kind::ElfReadOnly),
        rela: define(".rela", Kind::ElfReadOnly),
        got: define(".got", Kind::ElfRelro),
        hash: define(".hash", Kind::ElfReadOnly),
        got_plt: define(".got.plt", if options.bind_now { Kind::ElfRelro } else { Kind::ElfWritable }),
        plt: define(".plt", Kind::ElfExecutable),
        rela_plt: define(".rela.plt", Kind::ElfReadOnly),
        version: define(".gnu.version", Kind::ElfReadOnly),
        version_r: define(".gnu.version_r", Kind::ElfReadOnly),
        dynamic: define(".dynamic", Kind::ElfRelro),
    };
    symbols.edit(dynamic.dynsym).push_bytes(&[0; SYMBOL as usize]);
    symbols.edit(dynamic.dynstr).push_bytes(&[0]);
    let mut run_path = None;
    if let Some(path) = options.rpath.as_ref().filter(|path| !path.is_empty()) {
        let strings = symbols.edit(dynamic.dynstr);
        run_path = Some(strings.size);
        strings.push_bytes(path.as_bytes());
        strings.push_bytes(&[0]);
    }
    match program.architecture {
        Architecture::X86_64 => push_amd64_stub(symbols.edit(dynamic.plt), dynamic.got_plt),
        Architecture::Aarch64 => push_arm64_stub(symbols.edit(dynamic.plt), dynamic.got_plt),
    }
    let slots = symbols.edit(dynamic.got_plt);
    slots.push_address(dynamic.dynamic, 0);
    slots.push_bytes(&[0; 16]);
    dynamic.push_entries(symbols.edit(dynamic.dynamic), run_path);
    dynamic
}

impl Dynamic {
    fn push_entries(&self, table: &mut Made<'_>, run_path: Option<u64>) {
        push_symbol(table, DT_HASH, self.hash);
        push_symbol(table, DT_SYMTAB, self.dynsym);
        push(table, DT_SYMENT, SYMBOL);
        push_symbol(table, DT_STRTAB, self.dynstr);
        push_size(table, DT_STRSZ, self.dynstr);
        push_symbol(table, DT_RELA, self.rela);
        push_size(table, DT_RELASZ, self.rela);
        push(table, DT_RELAENT, RELA);
        if let Some(offset) = run_path {
            push(table, DT_RUNPATH, offset);
        }
        push_symbol(table, DT_PLTGOT, self.got_plt);
        push(table, DT_DEBUG, 0);
    }

    /// Completes the sections when all data is known, in Go's order of kinds: lists the relocations, and ends the tables.
    ///
    /// # Errors
    /// Addresses in data that are not as wide as an address.
    pub fn complete<'a>(
        &self,
        symbols: &mut Symbols<'_>,
        program: &Program<'_>,
        data: &[GoSymbol],
        tables: &mut Tables<'a>,
    ) -> Result<()> {
        let relocations = self.relocations(symbols, program, data)?;
        tables.plan(symbols, self.rela, relocations);
        // Two empty buckets and the null symbol.
        let words = [2, 1, 0, 0, 0].map(u32::to_le_bytes);
        symbols.edit(self.hash).push_bytes(words.as_flattened());
        symbols.edit(self.version).push_bytes(&[0; 2]);
        let table = symbols.edit(self.dynamic);
        let mut flags = u64::from(DF_1_PIE);
        if program.options.bind_now {
            flags |= u64::from(DF_1_NOW);
            push(table, DT_FLAGS, u64::from(DF_BIND_NOW));
        }
        push(table, DT_FLAGS_1, flags);
        push(table, DT_NULL, 0);
        Ok(())
    }

    fn relocations(&self, symbols: &Symbols<'_>, program: &Program<'_>, data: &[GoSymbol]) -> Result<Relocations> {
        let apart = [self.dynsym, self.rela, self.rela_plt, self.got_plt, self.dynamic];
        let count = |symbol: GoSymbol| {
            let mut count = 0;
            for relocation in addresses_in(symbols, symbol) {
                if relocation.size != 8 {
                    return Err(narrow(symbol, &relocation, symbols, program));
                }
                count += 1;
            }
            Ok(count)
        };
        let piece = |data: &[GoSymbol]| {
            let (mut counts, mut errors) = (Vec::new(), Vec::new());
            for &symbol in data.iter().filter(|symbol| !apart.contains(symbol)) {
                match count(symbol) {
                    Ok(0) => {}
                    Ok(count) => counts.push((symbol, count)),
                    Err(error) => errors.push(error),
                }
            }
            (counts, errors)
        };
        type Counted = (Vec<(GoSymbol, u64)>, Vec<Diagnostic>);
        let pieces: Vec<Counted> = data.par_chunks(PIECE).map(piece).collect();
        let (mut with_some, mut starts, mut total, mut errors) = (Vec::new(), Vec::new(), 0, Vec::new());
        for (counts, mut more) in pieces {
            errors.append(&mut more);
            for (symbol, count) in counts {
                if with_some.len() % PIECE == 0 {
                    starts.push(total);
                }
                with_some.push(symbol);
                total += count;
            }
        }
        let kind = match program.architecture {
            Architecture::X86_64 => R_X86_64_RELATIVE,
            Architecture::Aarch64 => R_AARCH64_RELATIVE,
        };
        Diagnostics::check(Relocations { symbols: with_some, starts, total, kind }, errors)
    }
}

fn narrow(symbol: GoSymbol, relocation: &Relocation, symbols: &Symbols<'_>, program: &Program<'_>) -> Diagnostic {
    let (from, to) = (symbols.display(symbol), symbols.display(relocation.target));
    let message = format!(
        "{from} holds the address of {to} in {} bytes, and the program may be loaded anywhere",
        relocation.size
    );
    let package = symbols.package(symbol).and_then(|id| program.packages.get(id.index()));
    let diagnostic = Diagnostic::error("position-dependent", message);
    match package {
        Some(package) => diagnostic
            .at(Origin { package: Some(package.path.clone()), ..Origin::file(package.file) })
            .help("link with -buildmode=exe"),
        None => diagnostic,
    }
}

/// The relocations of data that hold addresses.
fn addresses_in(symbols: &Symbols<'_>, symbol: GoSymbol) -> impl Iterator<Item = Relocation> {
    let holds_address = |relocation: &Relocation| {
        relocation.kind == RelocationKind::Address
            && relocation.size != 0
            && (!relocation.weak || symbols.is_reachable(relocation.target))
    };
    symbols.relocations(symbol).filter(holds_address)
}

/// `.rela`: where addresses are, and what they are when the program is loaded at address 0.
#[derive(Debug)]
struct Relocations {
    /// The symbols that hold some, in order.
    symbols: Vec<GoSymbol>,
    /// By piece of [`PIECE`] symbols: how many relocations come before.
    starts: Vec<u64>,
    total: u64,
    kind: u32,
}

impl Table for Relocations {
    fn size(&self) -> u64 {
        self.total * RELA
    }

    fn cuts(&self) -> Vec<u64> {
        self.starts.iter().skip(1).map(|start| start * RELA).collect()
    }

    fn fill(
        &self,
        part: usize,
        symbols: &Symbols<'_>,
        addresses: &Addresses,
        out: &mut [u8],
    ) -> std::result::Result<(), Diagnostic> {
        let mut records = out.as_chunks_mut::<{ RELA as usize }>().0.iter_mut();
        for &holder in self.symbols.chunks(PIECE).nth(part).unwrap_or_default() {
            for (relocation, record) in addresses_in(symbols, holder).zip(&mut records) {
                let place = addresses.of(holder).wrapping_add(relocation.offset as u64);
                let value = addresses.of(relocation.target).wrapping_add(relocation.addend as u64);
                record[..8].copy_from_slice(&place.to_le_bytes());
                record[8..16].copy_from_slice(&u64::from(self.kind).to_le_bytes());
                record[16..].copy_from_slice(&value.to_le_bytes());
            }
        }
        Ok(())
    }
}

fn push(table: &mut Made<'_>, tag: u32, value: u64) {
    table.push_u64(u64::from(tag));
    table.push_u64(value);
}

fn push_symbol(table: &mut Made<'_>, tag: u32, symbol: GoSymbol) {
    table.push_u64(u64::from(tag));
    table.push_address(symbol, 0);
}

fn push_size(table: &mut Made<'_>, tag: u32, symbol: GoSymbol) {
    table.push_u64(u64::from(tag));
    push_field(table, &[0; 8], RelocationKind::Size, symbol, 0);
}

/// Appends bytes that are relocated as a whole.
fn push_field(made: &mut Made<'_>, bytes: &[u8], kind: RelocationKind, target: GoSymbol, addend: i64) {
    let offset = made.data.len() as i32;
    made.push_bytes(bytes);
    made.relocations.push(Relocation { offset, size: bytes.len() as u8, weak: false, kind, addend, target });
}

/// What calls the dynamic linker: `push got+8(%rip); jmp *got+16(%rip); nopl 0(%rax)`.
fn push_amd64_stub(stub: &mut Made<'_>, slots: GoSymbol) {
    for (opcode, slot) in [([0xff, 0x35], 8), ([0xff, 0x25], 16)] {
        stub.push_bytes(&opcode);
        push_field(stub, &[0; 4], RelocationKind::PcRelative, slots, slot);
    }
    stub.push_bytes(&[0x0f, 0x1f, 0x40, 0x00]);
}

/// The same: `stp x16, x30, [sp, #-16]!; adrp x16, slot; ldr x17, [x16, slot]; add x16, x16, slot; br x17`, and three `nop`.
fn push_arm64_stub(stub: &mut Made<'_>, slots: GoSymbol) {
    const SLOT: i64 = 16;
    stub.push_bytes(&0xa9bf_7bf0_u32.to_le_bytes());
    push_field(stub, &0x9000_0010_u32.to_le_bytes(), RelocationKind::Arm64Got, slots, SLOT);
    push_field(stub, &0xf940_0211_u32.to_le_bytes(), RelocationKind::Arm64Got, slots, SLOT);
    push_field(stub, &0x9100_0210_u32.to_le_bytes(), RelocationKind::Arm64PcRelative, slots, SLOT);
    stub.push_bytes(&0xd61f_0220_u32.to_le_bytes());
    (0..3).for_each(|_| stub.push_bytes(&0xd503_201f_u32.to_le_bytes()));
}

/// What the header of a section of dynamic linking says: name, type, flags beside SHF_ALLOC, alignment, size of entries, and
/// the section that `sh_link` names.
type Facts = (&'static str, u32, u32, u64, u64, Option<&'static str>);

/// Fills in the headers of these sections.
pub fn add_headers(headers: &mut Headers, symbols: &Symbols<'_>, addresses: &Addresses, architecture: Architecture) {
    let entry = if architecture == Architecture::X86_64 { 16 } else { 4 };
    let facts: [Facts; 9] = [
        (".dynsym", SHT_DYNSYM, 0, 8, SYMBOL, Some(".dynstr")),
        (".dynstr", SHT_STRTAB, 0, 1, 0, None),
        (".rela.plt", SHT_RELA, 0, 8, RELA, Some(".dynsym")),
        (".rela", SHT_RELA, 0, 8, RELA, Some(".dynsym")),
        (".plt", SHT_PROGBITS, SHF_EXECINSTR, entry, entry, None),
        (".got", SHT_PROGBITS, SHF_WRITE, 8, 8, None),
        (".got.plt", SHT_PROGBITS, SHF_WRITE, 8, 8, None),
        (".hash", SHT_HASH, 0, 8, 4, Some(".dynsym")),
        (".dynamic", SHT_DYNAMIC, SHF_WRITE, 8, 16, Some(".dynstr")),
    ];
    for (name, kind, flags, alignment, entry_size, link) in facts {
        let link = link.map(|link| Number::Section(headers.find_or_push(link.as_bytes())));
        let info = match name {
            ".dynsym" => Number::Plain(1),
            ".rela.plt" => Number::Section(headers.find_or_push(b".plt")),
            _ => Number::default(),
        };
        let symbol = symbols.find(name.as_bytes(), Version::Abi0).unwrap_or_default();
        let header = headers.named(name.as_bytes());
        (header.kind, header.flags) = (kind, u64::from(SHF_ALLOC | flags));
        (header.alignment, header.entry_size) = (alignment, entry_size);
        (header.link, header.info) = (link.unwrap_or_default(), info);
        (header.address, header.size) = (addresses.of(symbol), symbols.size(symbol));
        header.offset = offset_of(addresses, header.address);
    }
}

/// Where the file holds an address as Go's linker counts: what is not in the data segment counts from the code, whatever `-T`
/// has made of the distance between them (`datoff` of `cmd/link/internal/ld/data.go`).
fn offset_of(addresses: &Addresses, address: u64) -> u64 {
    let places = [Segment::Data, Segment::Text].map(|segment| addresses.segment(segment));
    let [data, text] = places;
    let place = data.filter(|data| address >= data.address).or(text);
    place.map_or(0, |place| place.file_offset.wrapping_add(address.wrapping_sub(place.address)))
}

/// The program headers of dynamic linking and of thread-local storage.
pub fn program_headers(headers: &mut Headers, addresses: &Addresses) -> Vec<ProgramHeader> {
    let dynamic = ProgramHeader::of_section(PT_DYNAMIC, PF_R | PF_W, headers.named(b".dynamic"));
    let size = addresses.named(b".tbss").map_or(0, |section| section.length);
    let thread =
        ProgramHeader { kind: PT_TLS, flags: PF_R, memory_size: size, alignment: 8, ..ProgramHeader::default() };
    [dynamic].into_iter().chain((size != 0).then_some(thread)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::golink::{BuildMode, GoLink};
    use crate::golang::fixture;
    use crate::golang::symbols::attribute;

    fn words(bytes: &[u8]) -> Vec<u64> {
        bytes.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)).collect()
    }

    /// A program for any address with some data, after its dynamic sections are complete.
    fn with_program<T>(
        options: &GoLink,
        test: impl FnOnce(&Symbols<'_>, &Tables<'_>, Dynamic, [GoSymbol; 3]) -> T,
    ) -> T {
        let mut program = fixture::program(options, Architecture::Aarch64, &[("main", &[])]);
        program.build_mode = BuildMode::Pie;
        assert!(program.is_dynamic() != options.no_dynamic);
        let objects = [fixture::object(&[])];
        let mut symbols = fixture::load(&program, &objects);
        let dynamic = make(&mut symbols, &program);
        let holder = symbols.define(b"main.holder", Kind::Data);
        let target = symbols.define(b"main.target", Kind::Data);
        let dropped = symbols.define(b"main.dropped", Kind::Text);
        symbols.clear(dropped, attribute::REACHABLE);
        symbols.edit(holder).push_address(target, 4);
        symbols.edit(holder).push_address(dropped, 0);
        symbols.edit(holder).relocations[1].weak = true;
        symbols.edit(holder).push_address(holder, 0);
        let mut tables = Tables::default();
        let data = [dynamic.got_plt, dynamic.dynamic, holder, target];
        dynamic.complete(&mut symbols, &program, &data, &mut tables).expect("no errors");
        test(&symbols, &tables, dynamic, [holder, target, dropped])
    }

    #[test]
    fn addresses_in_data_are_listed_in_order() {
        with_program(&GoLink::default(), |symbols, tables, dynamic, [holder, target, _]| {
            let mut addresses = Addresses { value: vec![0; symbols.count()], ..Addresses::default() };
            addresses.value[holder.index()] = 0x1000;
            addresses.value[target.index()] = 0x2000;
            let table = tables.get(dynamic.rela).expect("a table");
            assert_eq!((table.size(), symbols.size(dynamic.rela)), (48, 48));
            let mut out = vec![0; 48];
            table.fill(0..table.parts(), symbols, &addresses, &mut out).expect("no errors");
            let kind = u64::from(R_AARCH64_RELATIVE);
            assert_eq!(words(&out), [0x1000, kind, 0x2004, 0x1010, kind, 0x1000]);
        });
    }

    #[test]
    fn the_dynamic_section_says_what_was_asked_for() {
        let mut options = GoLink { rpath: Some("/lib".to_owned()), bind_now: true, ..GoLink::default() };
        let tags = |options: &GoLink| {
            with_program(options, |symbols, _, dynamic, _| {
                assert_eq!(
                    symbols.kind(dynamic.got_plt),
                    if options.bind_now { Kind::ElfRelro } else { Kind::ElfWritable }
                );
                let entries = words(symbols.data(dynamic.dynamic));
                entries.chunks(2).map(|entry| (entry[0] as u32, entry[1])).collect::<Vec<_>>()
            })
        };
        let with = tags(&options);
        assert!(with.contains(&(DT_RUNPATH, 1)) && with.contains(&(DT_FLAGS, u64::from(DF_BIND_NOW))));
        assert!(with.contains(&(DT_FLAGS_1, u64::from(DF_1_NOW | DF_1_PIE))));
        options = GoLink::default();
        let without: Vec<u32> = tags(&options).iter().map(|(tag, _)| *tag).collect();
        let want = [DT_HASH, DT_SYMTAB, DT_SYMENT, DT_STRTAB, DT_STRSZ, DT_RELA, DT_RELASZ, DT_RELAENT, DT_PLTGOT];
        assert_eq!(without, [&want[..], &[DT_DEBUG, DT_FLAGS_1, DT_NULL]].concat());
    }

    #[test]
    fn narrow_addresses_are_refused() {
        let options = GoLink::default();
        let program = fixture::program(&options, Architecture::X86_64, &[("main", &[])]);
        let objects = [fixture::object(&[])];
        let mut symbols = fixture::load(&program, &objects);
        let dynamic = make(&mut symbols, &program);
        let holder = symbols.define(b"main.holder", Kind::Data);
        symbols.edit(holder).push_address(holder, 0);
        symbols.edit(holder).relocations[0].size = 4;
        let error = dynamic.complete(&mut symbols, &program, &[holder], &mut Tables::default());
        assert!(error.expect_err("too narrow").to_string().contains("in 4 bytes"));
        assert_eq!(symbols.data(dynamic.plt).len(), 16);
    }
}

//! The output file of a Go link: contents job by job, debug information, symbol table, headers (Go 1.26 and 1.27, `asmb` and
//! `asmb2` of `cmd/link/internal/ld/asmb.go`, `writeBlocks` of `data.go`).
//!
//! Each section is cut into jobs of about a quarter megabyte. A worker copies the symbols of a job from the mapped objects into a
//! buffer, relocates them there, and hands the buffer over to be written. What the file is made of exists nowhere as a
//! whole.

pub mod contents;
pub mod debug;
mod fips;
pub mod packing;
pub mod plan;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, OnceLock, PoisonError};

use rayon::prelude::*;

use super::elf::dynamic;
use super::elf::headers::{self, FileFacts, ProgramHeader};
use super::elf::notes::{self, Reserved};
use super::elf::sections::{Headers, SYMBOL, SectionTable};
use super::elf::symtab::{self, Symtab};
use super::layout::{Addresses, Segment};
use super::memory::Behind;
use super::program::Program;
use super::relocate::{self, Relocator};
use super::setup::FipsSymbols;
use super::symbols::{GoSymbol, Symbols, Version};
use super::table::Tables;
use crate::diag::{Diagnostic, Diagnostics, Result};
use crate::output::deflate::Encoder;
use crate::output::file::{Bytes, OutputFile, Replaced};
use crate::par::lock;
use contents::{Contents, Faults};
use debug::{Block, DebugInfo, DebugSection};
use packing::{Packing, Placed};
use plan::Job;

/// What the file may be used for, less what the user's umask takes away.
const MODE: u32 = 0o775;

/// What the name of the section of the table of functions ends with: some programs have it where the dynamic linker may write.
const FUNCTIONS: &[u8] = b".gopclntab";

/// Everything that the file is made of.
#[derive(Clone, Copy)]
pub struct Input<'a, 'data> {
    /// The program.
    pub program: &'a Program<'data>,
    /// Its symbols.
    pub symbols: &'a Symbols<'data>,
    /// Its code, in order.
    pub text: &'a [GoSymbol],
    /// Where everything is.
    pub addresses: &'a Addresses,
    /// Contents that are made now.
    pub tables: &'a Tables<'a>,
    /// The bounds of the FIPS module, and where its sum goes.
    pub fips: &'a FipsSymbols,
    /// The debug information, unless it is left out.
    pub debug: Option<&'a dyn DebugInfo>,
    /// Takes out of memory what is not read again behind a stage.
    pub give_back: &'a (dyn Fn(Behind) + Sync),
}

/// A file that is complete and in its place.
#[derive(Debug)]
pub struct Written {
    /// Bytes of its symbol table.
    pub symtab_size: u64,
    /// What was there before.
    pub replaced: Replaced,
}

/// Writes the file.
pub fn write(input: Input<'_, '_>) -> Result<Written> {
    let options = input.program.options;
    let is_dynamic = input.program.is_dynamic();
    let image = headers::image_address(input.addresses);
    let reserved = notes::reserve(options, input.program.architecture, is_dynamic, image)?;
    let (sections, of_dynamic) = section_table(&input, &reserved, is_dynamic);
    let indices = sections.indices();
    let entry = entry(&input)?;
    let source = symtab::Source {
        symbols: input.symbols,
        addresses: input.addresses,
        text: input.text,
        section_indices: &indices,
        release: input.program.release,
    };
    let round = options.round.unwrap_or_else(|| input.program.architecture.max_page_size());
    let writer = Writer {
        input,
        relocator: Relocator::new(input.symbols, input.addresses, input.program.architecture, is_dynamic),
        file: OutputFile::create_with_mode(&options.output, MODE)?,
        round,
        reserved: &reserved,
        of_dynamic,
        faults: Mutex::default(),
    };
    let facts = FileFacts {
        architecture: input.program.architecture,
        is_position_independent: input.program.is_position_independent(),
        entry,
    };
    writer.run(&source, sections, facts)
}

/// The section headers, and the program headers of dynamic linking.
fn section_table(input: &Input<'_, '_>, reserved: &[Reserved], is_dynamic: bool) -> (SectionTable, Vec<ProgramHeader>) {
    let debug: Vec<&str> = input.debug.iter().flat_map(|debug| debug.sections()).map(|section| section.name).collect();
    let mut headers = Headers::new(input.addresses, &debug);
    reserved.iter().for_each(|one| headers.add(&one.header));
    let mut segments = Vec::new();
    if is_dynamic {
        dynamic::add_headers(&mut headers, input.symbols, input.addresses, input.program.architecture);
        segments = dynamic::program_headers(&mut headers, input.addresses);
    }
    headers.add_tables(!input.program.options.omit_symtab);
    (headers.finish(input.addresses), segments)
}

/// Where the program starts.
fn entry(input: &Input<'_, '_>) -> Result<u64> {
    let name = match input.program.options.entry.as_deref() {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => format!("_rt0_{}_linux", input.program.architecture.goarch()),
    };
    let problem = |message: String| Diagnostic::error("bad-entry", message).help("name a function with -E");
    if name.starts_with(|first: char| first.is_ascii_digit()) {
        return Ok(number(&name).ok_or_else(|| problem(format!("entry {name} is no address")))?);
    }
    let symbol = input.symbols.find(name.as_bytes(), Version::Abi0);
    let symbol = symbol.ok_or_else(|| problem(format!("missing entry symbol {name:?}")))?;
    match input.symbols.kind(symbol) {
        super::symbols::Kind::Undefined => Ok(input.addresses.segment(Segment::Text).map_or(0, |text| text.address)),
        kind if kind.is_text() => Ok(input.addresses.of(symbol)),
        _ => Err(problem(format!("entry symbol {name:?} is no code")).into()),
    }
}

/// A number as C writes it: decimal, octal after 0, hexadecimal after 0x.
fn number(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    match lower.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None if lower.len() > 1 && lower.starts_with('0') => u64::from_str_radix(&lower[1..], 8).ok(),
        None => lower.parse().ok(),
    }
}

struct Writer<'a, 'data> {
    input: Input<'a, 'data>,
    relocator: Relocator<'a, 'data>,
    file: OutputFile<'data>,
    /// The alignment of segments.
    round: u64,
    reserved: &'a [Reserved],
    /// The program headers of dynamic linking.
    of_dynamic: Vec<ProgramHeader>,
    faults: Mutex<Faults>,
}

/// A piece of the file that a worker makes.
enum Work {
    /// A part of a section of the program.
    Image(Job),
    /// A piece of a debug section.
    Debug(usize, usize),
    /// The symbol table, and the sum of what is made: once.
    Symbols,
}

/// What becomes of debug information.
#[derive(Clone, Copy)]
enum Aim<'a> {
    /// It is written to these places.
    Plain(&'a [Placed]),
    /// It is compressed.
    Packed(&'a Packing),
}

/// The symbol table, made.
struct Listed {
    symtab: Symtab,
    parts: Vec<symtab::Written>,
}

/// Where what follows the debug sections lies in the file.
struct Tail {
    symtab: u64,
    strtab: u64,
    names: u64,
    size: u64,
}

impl<'data> Writer<'_, 'data> {
    fn run(self, source: &symtab::Source<'_, 'data>, mut sections: SectionTable, facts: FileFacts) -> Result<Written> {
        let options = self.input.program.options;
        let contents = Contents::new(&self.input, &self.relocator);
        let (debug, start) = (self.debug_sections(), self.image_end());
        let packing = options.compress_dwarf.then(|| Packing::new(debug, start));
        let plain = packing::plain(debug, start);
        let aim = packing.as_ref().map_or(Aim::Plain(&plain), Aim::Packed);
        let behind = OnceLock::new();
        self.write_contents(&contents, aim, || _ = behind.get_or_init(|| self.behind_data(&contents, source)));
        let (sum, listed) = behind.into_inner().unwrap_or_default();
        let (placed, grown) = match packing {
            None => (plain, Vec::new()),
            Some(packing) => {
                let placed = packing.end();
                let grown = (0..placed.len()).filter(|&section| !placed[section].is_packed).collect();
                (placed, grown)
            }
        };
        let symtab = listed.as_ref().map(|listed| &listed.symtab);
        let tail = self.place(&mut sections, symtab, &placed);
        // What was written of a section that did not shrink must not be written after what it is in the end.
        self.note(self.file.flush());
        self.note(self.file.set_size(tail.size));
        let symtab_size = symtab.map_or(0, |symtab| symtab.count * SYMBOL);
        rayon::join(
            || self.write_plain(&grown, &placed),
            || listed.into_iter().for_each(|listed| self.write_symbols(listed, &tail)),
        );
        self.note(self.file.flush());
        self.note(self.write_headers(&sections, facts, &tail));
        if let Some(sum) = sum {
            self.note(self.file.write_at(&sum.bytes, sum.file_offset));
        }
        let Faults { mut errors, problems } = self.faults.into_inner().unwrap_or_else(PoisonError::into_inner);
        errors.extend(relocate::report(problems, self.input.symbols, self.input.program));
        Diagnostics::check((), errors)?;
        Ok(Written { symtab_size, replaced: self.file.finish()? })
    }

    fn note<T>(&self, result: std::result::Result<T, impl Into<Diagnostics>>) -> Option<T> {
        let faults = || lock(&self.faults);
        result.map_err(|errors| faults().errors.extend(errors.into())).ok()
    }

    fn debug_sections(&self) -> &[DebugSection] {
        self.input.debug.map_or(&[], |debug| debug.sections())
    }

    /// Makes all sections of the program and of debug information: code and data, then the table of functions, which has their names
    /// as the symbol table does, and debug sections at last. So there is less to be in memory at a time. One worker calls `behind`
    /// when of code and data there is nothing left to be begun.
    ///
    /// Debug sections are made one before the next: where the next one lies may depend on how far it shrinks.
    fn write_contents(&self, contents: &Contents<'_, 'data>, aim: Aim<'_>, behind: impl Fn() + Sync) {
        let pieces =
            |(index, section): (usize, &DebugSection)| (0..section.pieces).map(move |piece| Work::Debug(index, piece));
        let debug = self.debug_sections().iter().enumerate().flat_map(pieces);
        let is_of_functions = |job: &Job| self.input.addresses.sections[job.section].name.ends_with(FUNCTIONS);
        let jobs = plan::cut(self.input.addresses, self.input.tables);
        let (functions, data): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(is_of_functions);
        let image = |jobs: Vec<Job>| jobs.into_iter().map(Work::Image);
        let work: Vec<Work> = image(data).chain([Work::Symbols]).chain(image(functions)).chain(debug).collect();
        // Workers take pieces from the front, one by one.
        work.iter().par_bridge().for_each_init(Encoder::default, |encoder, work| match work {
            Work::Image(job) => self.write_job(contents, job),
            Work::Debug(section, piece) => self.make_debug(*section, *piece, aim, encoder),
            Work::Symbols => behind(),
        });
    }

    /// Sums the FIPS module up, and makes the symbol table.
    fn behind_data(
        &self,
        contents: &Contents<'_, 'data>,
        source: &symtab::Source<'_, 'data>,
    ) -> (Option<fips::Sum>, Option<Listed>) {
        let sum = self.note(self.sum(contents));
        (self.input.give_back)(Behind::Writing);
        let is_wanted = !self.input.program.options.omit_symtab;
        let symtab = is_wanted.then(|| self.note(symtab::plan(source))).flatten();
        let listed = symtab.map(|symtab| Listed { parts: symtab.make(source), symtab });
        (self.input.give_back)(Behind::Listing);
        (sum, listed)
    }

    fn sum(&self, contents: &Contents<'_, 'data>) -> std::result::Result<fips::Sum, Diagnostic> {
        fips::sum(contents, self.input.fips, self.input.addresses, self.input.program.options.fips_output.as_deref())
    }

    fn write_job(&self, contents: &Contents<'_, 'data>, job: &Job) {
        let mut buffer = self.file.buffer();
        let mut faults = Faults::default();
        contents.make(job, &mut buffer, &mut faults);
        if !faults.is_empty() {
            lock(&self.faults).append(faults);
        }
        self.note(self.file.write_buffer(buffer, job.file_offset));
    }

    /// Makes a piece of debug information.
    fn make_debug(&self, section: usize, piece: usize, aim: Aim<'_>, encoder: &mut Encoder) {
        let Some(debug) = self.input.debug else { return };
        let range = debug.piece_range(section, piece);
        // What was in the buffer is overwritten.
        let mut buffer = self.file.buffer();
        buffer.resize((range.end - range.start) as usize, 0);
        self.note(debug.fill(section, piece, self.input.symbols, self.input.addresses, &mut buffer));
        match aim {
            Aim::Plain(placed) => {
                self.note(self.file.write_buffer(buffer, placed[section].offset + range.start));
            }
            Aim::Packed(packing) => {
                let block = Block::zlib(&buffer, encoder, self.file.buffer());
                self.file.recycle(buffer);
                for (offset, part) in packing.put(section, piece, block) {
                    self.note(self.file.write(part, offset));
                }
            }
        }
    }

    /// Where the image ends in the file.
    fn image_end(&self) -> u64 {
        let image = self.input.addresses.segments.iter();
        let end = image.map(|place| place.file_offset + place.file_length).max().unwrap_or(0);
        end.next_multiple_of(self.round)
    }

    /// Places what follows the debug sections, and fills in the headers of both.
    fn place(&self, sections: &mut SectionTable, symtab: Option<&Symtab>, debug: &[Placed]) -> Tail {
        for (index, placed) in debug.iter().enumerate() {
            sections.set_debug(index, placed.offset, placed.size, placed.is_packed);
        }
        let end = debug.last().map_or_else(|| self.image_end(), |placed| placed.offset + placed.size);
        let symbols_at = end.next_multiple_of(8);
        let (count, strings, first_global) =
            symtab.map_or((0, 0, 0), |symtab| (symtab.count, symtab.strings_size, symtab.first_global));
        let strings_at = symbols_at + count * SYMBOL;
        sections.set_symtab(symbols_at, count, first_global);
        sections.set_table(b".strtab", strings_at, strings);
        let names_at = strings_at + strings;
        let names = sections.names().0.len() as u64;
        sections.set_table(b".shstrtab", names_at, names);
        Tail { symtab: symbols_at, strtab: strings_at, names: names_at, size: names_at + names }
    }

    /// Makes debug sections once more that did not shrink.
    fn write_plain(&self, sections: &[usize], placed: &[Placed]) {
        for &section in sections {
            let pieces = self.debug_sections()[section].pieces;
            (0..pieces).for_each(|piece| self.make_debug(section, piece, Aim::Plain(placed), &mut Encoder::default()));
        }
    }

    fn write_symbols(&self, Listed { symtab, parts }: Listed, tail: &Tail) {
        let (records, names) = symtab.start();
        self.note(self.file.write_at(&records, tail.symtab));
        self.note(self.file.write_at(&names, tail.strtab));
        for part in parts {
            for (start, pieces) in [(tail.symtab, part.records), (tail.strtab, part.names)] {
                for (at, bytes) in pieces.into_iter().filter(|(_, bytes)| !bytes.is_empty()) {
                    self.note(self.file.write(Bytes::Own(bytes), start + at));
                }
            }
        }
    }

    fn write_headers(
        &self,
        sections: &SectionTable,
        facts: FileFacts,
        tail: &Tail,
    ) -> std::result::Result<(), Diagnostic> {
        let mut segments: Vec<ProgramHeader> = headers::of_segments(self.input.addresses, self.reserved, self.round);
        segments.extend(&self.of_dynamic);
        segments.push(headers::stack());
        let front = headers::bytes(facts, &mut segments, sections);
        let first = self.reserved.iter().map(|one| one.header.offset).min().unwrap_or(notes::RESERVED);
        if front.len() as u64 > first {
            let message = format!("the headers take {} bytes, and only {first} are reserved", front.len());
            return Err(Diagnostic::error("headers-too-large", message).help("make -buildid or -I shorter"));
        }
        self.file.write_at(&front, 0)?;
        for one in self.reserved {
            self.file.write_at(&one.bytes, one.header.offset)?;
        }
        self.file.write_at(&sections.names().0, tail.names)
    }
}

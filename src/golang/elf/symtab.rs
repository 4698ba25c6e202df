//! `.symtab` and `.strtab` (Go 1.26 and 1.27, `asmElfSym`, `genelfsym` and `putelfsym` of `cmd/link/internal/ld/symtab.go`,
//! `mangleABIName`).
//!
//! First the local symbols, then the global ones, both in the order: code as it is laid out, then data by symbol number.
//! The list is cut into parts. Each part is counted first, then all are written at once, each to the places that
//! the counts leave for it.

use memchr::memchr_iter;
use object::elf::{SHN_ABS, STB_GLOBAL, STB_LOCAL, STT_FILE, STT_FUNC, STT_OBJECT};
use rayon::prelude::*;

use super::sections::SYMBOL;
use crate::diag::{Diagnostic, Diagnostics, Result};
use crate::golang::ahead;
use crate::golang::layout::Addresses;
use crate::golang::symbols::{GoSymbol, Kind, Symbols, Version, attribute};
use crate::inputs::goabi::Release;

/// Symbols that are looked at as one part.
const PART: usize = 1 << 14;
/// The name of the file that all symbols come from, as the table says.
const FILE_NAME: &[u8] = b"go.go";
/// What compilers put between the words of a name, and what tools that know ASCII only see instead.
const MIDDLE_DOT: [u8; 2] = [0xc2, 0xb7];
/// What follows the name of a function of which Go code calls another one of the same name.
const ABI0_SUFFIX: &[u8] = b".abi0";
/// In the names of variables that compilers make for composite values.
const STATIC_VALUE: &[u8] = b"..stmp_";

/// What a symbol table is made of.
pub struct Source<'a, 'data> {
    /// The symbols.
    pub symbols: &'a Symbols<'data>,
    /// Their addresses.
    pub addresses: &'a Addresses,
    /// The code, in order.
    pub text: &'a [GoSymbol],
    /// By position of a section: the index of its header.
    pub section_indices: &'a [u16],
    /// What compiled the program.
    pub release: &'static Release,
}

/// One symbol of the table.
#[derive(Clone, Copy, Debug)]
struct Entry {
    symbol: GoSymbol,
    is_local: bool,
    is_code: bool,
    has_suffix: bool,
}

/// A part of the table: its symbols, and where they go.
#[derive(Clone, Debug, Default)]
struct Part {
    entries: Vec<Entry>,
    locals: Span,
    globals: Span,
}

/// Some symbols with their names: how many, how many bytes, and what is before them.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    count: u64,
    bytes: u64,
    first: u64,
    start: u64,
}

/// The table, counted.
#[derive(Debug)]
pub struct Symtab {
    parts: Vec<Part>,
    /// Entries.
    pub count: u64,
    /// The first entry that is global.
    pub first_global: u32,
    /// Bytes of the names.
    pub strings_size: u64,
}

/// Bytes to write, with their offsets in the section.
pub type Piece = (u64, Vec<u8>);

/// What one part puts into the file.
pub struct Written {
    /// Entries.
    pub records: [Piece; 2],
    /// Names.
    pub names: [Piece; 2],
}

/// Counts the table.
pub fn plan(source: &Source<'_, '_>) -> Result<Symtab> {
    let (markers, end) = code_markers(source.symbols);
    let ids = source.symbols.count() as u32;
    let code = [&markers[..]].into_iter().chain(source.text.chunks(PART)).chain([&end[..]]);
    let lists: Vec<List<'_>> =
        code.map(List::Code).chain((1..ids).step_by(PART).map(|first| List::Data(first, ids))).collect();
    let filter = Filter { source };
    let parts: Vec<std::result::Result<Part, Diagnostic>> = lists.par_iter().map(|list| filter.part(list)).collect();
    let mut errors = Vec::new();
    let parts = parts.into_iter().filter_map(|part| part.map_err(|error| errors.push(error)).ok()).collect();
    let parts: Vec<Part> = Diagnostics::check(parts, errors)?;
    Ok(place(parts))
}

/// Gives each part its places.
fn place(mut parts: Vec<Part>) -> Symtab {
    // The null symbol and the file come first.
    let mut count = 2;
    let mut bytes = FILE_NAME.len() as u64 + 2;
    let mut put = |span: &mut Span| {
        (span.first, span.start) = (count, bytes);
        count += span.count;
        bytes += span.bytes;
    };
    parts.iter_mut().for_each(|part| put(&mut part.locals));
    let first_global = parts.last().map_or(2, |part| part.locals.first + part.locals.count) as u32;
    parts.iter_mut().for_each(|part| put(&mut part.globals));
    Symtab { parts, count, first_global, strings_size: bytes }
}

/// The symbols that mark where the sections of code begin, and where code ends.
fn code_markers(symbols: &Symbols<'_>) -> (Vec<GoSymbol>, Vec<GoSymbol>) {
    let is_code = |found: &GoSymbol| symbols.kind(*found).is_text();
    let find = |name: &str| symbols.find(name.as_bytes(), Version::Abi0).filter(is_code);
    let more = (1..).map_while(|number| find(&format!("runtime.text.{number}")));
    (find("runtime.text").into_iter().chain(more).collect(), find("runtime.etext").into_iter().collect())
}

enum List<'a> {
    Code(&'a [GoSymbol]),
    /// At most [`PART`] ids from the first one, less than the second.
    Data(u32, u32),
}

struct Filter<'a, 'data> {
    source: &'a Source<'a, 'data>,
}

impl Filter<'_, '_> {
    fn part(&self, list: &List<'_>) -> std::result::Result<Part, Diagnostic> {
        let mut part = Part::default();
        match list {
            List::Code(code) => self.add_all(&mut part, code, true)?,
            List::Data(first, end) => {
                let some = (*first..*end).take(PART).map(GoSymbol);
                let data: Vec<GoSymbol> = some.filter(|&symbol| self.may_be_listed(symbol)).collect();
                self.add_all(&mut part, &data, false)?;
            }
        }
        Ok(part)
    }

    /// Whether a symbol that is no code is listed if its name is one that the table has.
    fn may_be_listed(&self, symbol: GoSymbol) -> bool {
        let symbols = self.source.symbols;
        symbols.is_reachable(symbol) && !symbols.is_hidden(symbol) && is_allocated_data(symbols.kind(symbol))
    }

    fn add_all(&self, part: &mut Part, list: &[GoSymbol], is_code: bool) -> std::result::Result<(), Diagnostic> {
        let symbols = self.source.symbols;
        for batch in list.chunks(ahead::BATCH) {
            ahead::look_at_names(symbols, batch.iter().copied());
            for &symbol in batch {
                if is_code || !matches!(symbols.name(symbol), [] | [b'.', ..]) {
                    self.add(part, symbol, is_code)?;
                }
            }
        }
        Ok(())
    }

    fn add(&self, part: &mut Part, symbol: GoSymbol, is_code: bool) -> std::result::Result<(), Diagnostic> {
        let symbols = self.source.symbols;
        let name = symbols.name(symbol);
        if self.source.addresses.section_of(symbol).is_none() {
            let message = format!("{} is to be listed in .symtab and lies in no section", symbols.display(symbol));
            return Err(Diagnostic::error("internal-error", message).help("report this as a bug of cgolink"));
        }
        let kind_is_code = symbols.kind(symbol).is_text();
        let internal = |name| symbols.find(name, Version::AbiInternal);
        let has_suffix = kind_is_code
            && symbols.version(symbol) == Version::Abi0
            && internal(name).is_some_and(|other| symbols.kind(other).is_text());
        let is_local = symbols.is(symbol, attribute::LOCAL)
            || symbols.is_file_local(symbol) && memchr::memmem::find(name, STATIC_VALUE).is_none()
            || self.source.release.hashed_code_is_local && kind_is_code && symbols.is_content_hashed(symbol);
        let dots = middle_dots(name).count() * (MIDDLE_DOT.len() - 1);
        let suffix = if has_suffix { ABI0_SUFFIX.len() } else { 0 };
        let span = if is_local { &mut part.locals } else { &mut part.globals };
        span.count += 1;
        span.bytes += (name.len() - dots + suffix + 1) as u64;
        part.entries.push(Entry { symbol, is_local, is_code, has_suffix });
        Ok(())
    }
}

/// Whether symbols of a kind are data that is laid out, and no variable of each thread.
const fn is_allocated_data(kind: Kind) -> bool {
    use Kind::*;
    let is_elsewhere =
        matches!(kind, Undefined | TlsBss | HostReference | DynamicImport | HostObject | SehUnwindInfo | Unknown);
    !kind.is_text() && !kind.is_dwarf() && !is_elsewhere
}

impl Symtab {
    /// The start of both sections: the null symbol and the file.
    pub fn start(&self) -> (Vec<u8>, Vec<u8>) {
        let mut records = vec![0; SYMBOL as usize];
        let file = Record { name: 1, info: STT_FILE, section: SHN_ABS, value: 0, size: 0 };
        file.push(&mut records);
        (records, [b"\0", FILE_NAME, b"\0"].concat())
    }

    /// Makes all of it but the start.
    pub fn make(&self, source: &Source<'_, '_>) -> Vec<Written> {
        // Some parts have thousands of symbols and most a few.
        self.parts.par_iter().with_max_len(1).map(|part| part.make(source)).collect()
    }
}

impl Part {
    fn make(&self, source: &Source<'_, '_>) -> Written {
        let spans = [self.locals, self.globals];
        let mut records = spans.map(|span| Vec::with_capacity((span.count * SYMBOL) as usize));
        let mut names = spans.map(|span| Vec::<u8>::with_capacity(span.bytes as usize));
        for (index, entry) in self.entries.iter().enumerate() {
            if index % ahead::BATCH == 0 {
                let batch = self.entries[index..].iter().take(ahead::BATCH);
                ahead::look_at_names(source.symbols, batch.map(|entry| entry.symbol));
            }
            let (which, binding) = if entry.is_local { (0, STB_LOCAL) } else { (1, STB_GLOBAL) };
            let kind = if entry.is_code { STT_FUNC } else { STT_OBJECT };
            let position = source.addresses.section.get(entry.symbol.index()).copied().unwrap_or(0);
            let record = Record {
                name: (spans[which].start + names[which].len() as u64) as u32,
                info: binding << 4 | kind,
                section: source.section_indices.get(usize::from(position).wrapping_sub(1)).copied().unwrap_or(0),
                value: source.addresses.of(entry.symbol),
                size: source.symbols.size(entry.symbol),
            };
            record.push(&mut records[which]);
            push_name(&mut names[which], source.symbols.name(entry.symbol), entry.has_suffix);
        }
        let [local_records, global_records] = records;
        let [local_names, global_names] = names;
        Written {
            records: [(spans[0].first * SYMBOL, local_records), (spans[1].first * SYMBOL, global_records)],
            names: [(spans[0].start, local_names), (spans[1].start, global_names)],
        }
    }
}

/// Elf64_Sym.
struct Record {
    name: u32,
    info: u8,
    section: u16,
    value: u64,
    size: u64,
}

impl Record {
    fn push(&self, out: &mut Vec<u8>) {
        let mut bytes = [0; SYMBOL as usize];
        bytes[..4].copy_from_slice(&self.name.to_le_bytes());
        bytes[4] = self.info;
        bytes[6..8].copy_from_slice(&self.section.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.value.to_le_bytes());
        bytes[16..].copy_from_slice(&self.size.to_le_bytes());
        out.extend(bytes);
    }
}

/// Where middle dots are. Few names have any, so its first byte, which ASCII does not have, is looked for.
fn middle_dots(name: &[u8]) -> impl Iterator<Item = usize> {
    memchr_iter(MIDDLE_DOT[0], name).filter(|at| name.get(at + 1) == Some(&MIDDLE_DOT[1]))
}

fn push_name(out: &mut Vec<u8>, name: &[u8], has_suffix: bool) {
    let mut done = 0;
    for at in middle_dots(name) {
        out.extend(&name[done..at]);
        out.push(b'.');
        done = at + MIDDLE_DOT.len();
    }
    out.extend(&name[done..]);
    if has_suffix {
        out.extend(ABI0_SUFFIX);
    }
    out.push(0);
}

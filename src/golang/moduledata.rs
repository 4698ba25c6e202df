//! What describes the module to the runtime: `runtime.moduledata` (Go 1.26 and 1.27, the second half of `symtab` in
//! `cmd/link/internal/ld/symtab.go`; `moduledata` of `runtime/symtab.go`).

use super::layout::TextPlaces;
use super::machine::POINTER;
use super::program::Program;
use super::symbols::{GoSymbol, Kind, Made, Symbols, Version, attribute};
use crate::diag::Diagnostic;
use crate::inputs::goobj::RelocationKind;

/// Bytes of the hash and the names of a method or type in `go:plugin.tabs`.
const PLUGIN_ENTRY: u64 = 8;

/// The parts of the table of functions.
#[derive(Clone, Copy, Debug)]
pub struct FunctionTables {
    /// `runtime.pcheader`.
    pub pcheader: GoSymbol,
    /// `runtime.funcnametab`.
    pub funcnametab: GoSymbol,
    /// `runtime.cutab`: numbers of 4 bytes.
    pub cutab: GoSymbol,
    /// `runtime.filetab`.
    pub filetab: GoSymbol,
    /// `runtime.pctab`.
    pub pctab: GoSymbol,
    /// `runtime.functab`.
    pub functab: GoSymbol,
    /// `runtime.findfunctab`.
    pub findfunctab: GoSymbol,
    /// How many functions it has.
    pub function_count: u32,
    /// The first of them by address.
    pub first_function: GoSymbol,
    /// The last of them by address.
    pub last_function: GoSymbol,
}

/// Places in the module data that are filled when types have their order: offsets in bytes (Go 1.27).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TypeFields {
    /// Where the bytes of the types that reflection walks are said.
    pub walked_length: u64,
    /// Where the offset of the itabs is said.
    pub itab_offset: u64,
    /// Where the bytes of the itabs are said.
    pub itab_length: u64,
}

/// What the module data says, and where more is to be said.
#[derive(Clone, Copy, Debug)]
pub struct Module {
    /// The symbol.
    pub moduledata: GoSymbol,
    /// Where types are described, if the release does that here.
    pub type_fields: Option<TypeFields>,
}

/// Fills the module data. `tasks` are the initialisation tasks of the program.
///
/// # Errors
/// A runtime without the symbols that the module data is made of.
pub fn fill(
    symbols: &mut Symbols<'_>,
    program: &Program<'_>,
    moduledata: GoSymbol,
    functions: &FunctionTables,
    text: &TextPlaces,
    tasks: Option<GoSymbol>,
) -> Result<Module, Diagnostic> {
    let sections = text_sections(symbols, text);
    let mut fields = Fields { symbols, contents: Made::default() };
    fields.function_tables(functions);
    let bounds = ["text", "etext", "noptrdata", "enoptrdata", "data", "edata", "bss", "ebss", "noptrbss", "enoptrbss"];
    for name in bounds.into_iter().chain(["covctrs", "ecovctrs", "end", "gcdata", "gcbss", "types"]) {
        fields.runtime(name)?;
    }
    let walked = program.release.types_are_walked;
    let mut type_fields = TypeFields { walked_length: fields.contents.size, itab_offset: 0, itab_length: 0 };
    if walked {
        fields.contents.push_u64(0);
    }
    fields.runtime("etypes")?;
    if walked {
        type_fields.itab_offset = fields.contents.size;
        type_fields.itab_length = fields.contents.size + POINTER;
        fields.contents.push_bytes(&[0; 2 * POINTER as usize]);
    }
    fields.runtime("rodata")?;
    fields.named(b"go:func.*")?;
    fields.runtime("epclntab")?;
    fields.slice(sections, 1);
    if !walked {
        for (name, size) in [(&b"runtime.typelink"[..], 4), (b"runtime.itablink", POINTER)] {
            let table = fields.find(name)?;
            fields.slice(table, fields.symbols.size(table) / size);
        }
    }
    fields.plugin_table();
    // The path of a plugin, and hashes of its packages.
    fields.contents.push_bytes(&[0; 5 * POINTER as usize]);
    match tasks {
        Some(tasks) => fields.slice(tasks, fields.symbols.size(tasks) / POINTER),
        None => fields.contents.push_bytes(&[0; 3 * POINTER as usize]),
    }
    // The name of a shared object, and hashes of those it needs; then that there is a main function.
    fields.contents.push_bytes(&[0; 5 * POINTER as usize]);
    fields.contents.push_bytes(&[1]);
    fields.finish(moduledata)?;
    let last = symbols.define(b"runtime.lastmoduledatap", Kind::NoptrData);
    let contents = symbols.edit(last);
    (contents.size, contents.data, contents.relocations) = (0, Vec::new().into(), Vec::new());
    contents.push_address(moduledata, 0);
    Ok(Module { moduledata, type_fields: walked.then_some(type_fields) })
}

/// The table of sections of code: start and end relative to the first one, and the address.
fn text_sections(symbols: &mut Symbols<'_>, text: &TextPlaces) -> GoSymbol {
    let start = symbols.find_or_make(b"runtime.text", Version::Abi0);
    let table = symbols.define(b"runtime.textsectionmap", Kind::Rodata);
    let contents = symbols.edit(table);
    contents.push_u64(0);
    contents.push_u64(text.section.length);
    contents.push_address(start, 0);
    table
}

struct Fields<'a, 'data> {
    symbols: &'a mut Symbols<'data>,
    contents: Made<'data>,
}

impl Fields<'_, '_> {
    fn function_tables(&mut self, tables: &FunctionTables) {
        self.contents.push_address(tables.pcheader, 0);
        for (table, size) in
            [(tables.funcnametab, 1), (tables.cutab, 4), (tables.filetab, 1), (tables.pctab, 1), (tables.functab, 1)]
        {
            self.slice(table, self.symbols.size(table) / size);
        }
        self.slice(tables.functab, u64::from(tables.function_count) + 1);
        self.contents.push_address(tables.findfunctab, 0);
        self.contents.push_address(tables.first_function, 0);
        let last = self.symbols.size(tables.last_function) as i64;
        self.contents.push_address(tables.last_function, last);
    }

    fn find(&self, name: &[u8]) -> Result<GoSymbol, Diagnostic> {
        self.symbols.find(name, Version::Abi0).ok_or_else(|| {
            let name = String::from_utf8_lossy(name);
            Diagnostic::error("bad-runtime", format!("the program has no {name}, which describes it to the runtime"))
                .help("link the package runtime of the same toolchain")
        })
    }

    fn named(&mut self, name: &[u8]) -> Result<(), Diagnostic> {
        let symbol = self.find(name)?;
        self.contents.push_address(symbol, 0);
        Ok(())
    }

    fn runtime(&mut self, name: &str) -> Result<(), Diagnostic> {
        self.named(format!("runtime.{name}").as_bytes())
    }

    fn slice(&mut self, symbol: GoSymbol, length: u64) {
        self.contents.push_address(symbol, 0);
        self.contents.push_u64(length);
        self.contents.push_u64(length);
    }

    fn plugin_table(&mut self) {
        let table = self.symbols.find(b"go:plugin.tabs", Version::Abi0);
        match table.filter(|table| self.symbols.is_reachable(*table)) {
            Some(table) => {
                self.symbols.set(table, attribute::LOCAL);
                self.slice(table, self.symbols.data(table).len() as u64 / PLUGIN_ENTRY);
            }
            None => self.contents.push_bytes(&[0; 3 * POINTER as usize]),
        }
    }

    /// The runtime's own description of the type says how large the whole is; the rest is zero.
    fn finish(self, moduledata: GoSymbol) -> Result<(), Diagnostic> {
        let described = self.find(b"type:runtime.moduledata").ok().map(|described| self.symbols.data(described));
        let size = described.and_then(|data| data.first_chunk()).map(|word| u64::from_le_bytes(*word));
        let known = self.contents.size;
        let Some(size) = size.filter(|size| (known..known + (1 << 16)).contains(size)) else {
            let message = format!("type:runtime.moduledata does not describe a type of {known} bytes or more");
            return Err(Diagnostic::error("bad-runtime", message)
                .help("link the package runtime of the release that the other packages were compiled by"));
        };
        let contents = self.symbols.edit(moduledata);
        contents.size = size;
        contents.data = self.contents.data;
        contents.relocations.extend(self.contents.relocations);
        debug_assert!(contents.relocations.iter().all(|field| field.kind == RelocationKind::Address));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, Definition};
    use super::super::layout::{Section, Segment, TextPlaces, groups};
    use super::*;
    use crate::args::golink::GoLink;
    use crate::inputs::goabi::Release;
    use crate::target::Architecture;

    const SIZE: &[u8] = &[0x70, 2, 0, 0, 0, 0, 0, 0];

    fn filled(version: &str, described: &'static [u8]) -> Result<(Module, Vec<u8>, Vec<String>, u64), Diagnostic> {
        let options = GoLink::default();
        let mut program = fixture::program(&options, Architecture::X86_64, &[("runtime", &[])]);
        program.release = Release::of_version(version).expect("a release");
        let data = |name, kind, size| Definition { name, kind, size, ..Definition::default() };
        let objects = [fixture::object(&[
            data("runtime.firstmoduledata", 10, 600),
            data("runtime.lastmoduledatap", 10, 8),
            Definition { data: described, ..data("type:runtime.moduledata", 3, 8) },
            data("f", 1, 7),
            data("runtime.typelink", 3, 40),
            data("runtime.itablink", 3, 16),
            data("go:func.*", 3, 0),
            data("runtime.text", 1, 0),
            data("runtime.etext", 1, 0),
            data("tasks", 3, 24),
        ])];
        let mut symbols = fixture::load(&program, &objects);
        groups::make(&mut symbols, &program);
        let find = |name: &[u8]| symbols.find(name, Version::Abi0).expect("a symbol");
        let (moduledata, f, table) = (find(b"runtime.firstmoduledata"), find(b"f"), find(b"runtime.typelink"));
        let tasks = find(b"tasks");
        let functions = FunctionTables {
            pcheader: table,
            funcnametab: table,
            cutab: table,
            filetab: table,
            pctab: table,
            functab: table,
            findfunctab: table,
            function_count: 1,
            first_function: f,
            last_function: f,
        };
        let section = Section {
            name: Vec::new(),
            access: 5,
            alignment: 32,
            address: 0x1000,
            length: 0x21,
            segment: Segment::Text,
            has_bytes: true,
            file_offset: 0,
            symbols: Vec::new(),
        };
        let text = TextPlaces { value: Vec::new(), section };
        let module = fill(&mut symbols, &program, moduledata, &functions, &text, Some(tasks))?;
        let names = symbols.relocations(moduledata).map(|field| {
            let name = symbols.display(field.target);
            format!("{:#x} {name}+{}", field.offset, field.addend)
        });
        Ok((module, symbols.data(moduledata).to_vec(), names.collect(), symbols.size(moduledata)))
    }

    #[test]
    fn fields_stand_where_the_runtime_looks() {
        let (module, data, names, size) = filled("go1.26", SIZE).expect("module data");
        assert_eq!((size, module.type_fields), (0x270, None));
        for want in ["0xa8 f+7", "0xb0 runtime.text+0", "0x128 runtime.types+0", "0x130 runtime.etypes+0"] {
            assert!(names.iter().any(|name| name == want), "{want} in {names:?}");
        }
        let word = |at: usize| u64::from_le_bytes(*data[at..].first_chunk().expect("a word"));
        // 40 bytes are 10 numbers; one function and the end of it; 10 typelinks, 2 itabs.
        assert_eq!([0x28, 0x88, 0x170, 0x188].map(word), [10, 2, 10, 2]);
        assert_eq!(data.last(), Some(&1));
    }

    #[test]
    fn walked_types_are_described_in_the_module() {
        let (module, _, names, _) = filled("go1.27", SIZE).expect("module data");
        let fields = TypeFields { walked_length: 0x130, itab_offset: 0x140, itab_length: 0x148 };
        assert_eq!(module.type_fields, Some(fields));
        assert!(names.iter().any(|name| name == "0x138 runtime.etypes+0"), "{names:?}");
    }

    #[test]
    fn a_runtime_that_does_not_fit_is_refused() {
        for described in [&b"\x01"[..], &[0xff; 8], &[8, 0, 0, 0, 0, 0, 0, 0]] {
            assert_eq!(filled("go1.26", described).expect_err("a bad runtime").code, "bad-runtime");
        }
    }
}

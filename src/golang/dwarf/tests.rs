//! A small program's debug information, made from an object and read back with an independent reader.

use std::collections::HashMap;

use gimli::{AttributeValue, EndianSlice, LittleEndian};

use super::{Dwarf, frames, scan};
use crate::diag::Diagnostic;
use crate::golang::fixture::{Definition, damaged, object_with_files, program};
use crate::golang::layout::{self, Addresses, text};
use crate::golang::pclntab;
use crate::golang::program::Program;
use crate::golang::resolve::{ObjectInput, Unnamed, resolve};
use crate::golang::symbols::{GoSymbol, PackageId, Symbols, Version, attribute};
use crate::golang::types::TypeKind;
use crate::inputs::goobj::Object;
use crate::target::Architecture;

const ADDRESS: u16 = 1;
const USE_TYPE: u16 = 22;
const SECTION: u16 = 31;
/// R_DWTXTADDR_U4 of Go 1.26.
const NUMBER: u16 = 103;

/// An object that grows; symbols are found by their names.
#[derive(Default)]
struct Source {
    definitions: Vec<Definition>,
    position: HashMap<String, u32>,
}

impl Source {
    /// A symbol, defined or only mentioned.
    fn of(&mut self, name: &str) -> u32 {
        let next = self.definitions.len() as u32;
        *self.position.entry(name.to_owned()).or_insert_with(|| {
            self.definitions.push(Definition { name: name.to_owned().leak(), ..Definition::default() });
            next
        })
    }

    fn define(&mut self, name: &str, kind: u8, data: Vec<u8>, relocations: &[(i32, u8, u16, &str)]) -> u32 {
        let relocations =
            relocations.iter().map(|&(at, size, kind, target)| (at, size, kind, 0, self.of(target))).collect();
        let at = self.of(name);
        let definition = &mut self.definitions[at as usize];
        (definition.kind, definition.size, definition.relocations) = (kind, data.len() as u32, relocations);
        definition.data = data.leak();
        at
    }

    /// A type's descriptor: `rest` is what follows what all kinds have.
    fn describe(&mut self, name: &str, kind: TypeKind, size: u64, rest: &[u8], targets: &[(i32, &str)]) {
        let mut data = vec![0; 48];
        data[..8].copy_from_slice(&size.to_le_bytes());
        data[23] = kind as u8;
        data.extend(rest);
        let to_symbol = |&(at, target): &(i32, &str)| (at, 8, ADDRESS, target.to_owned());
        let targets: Vec<_> = targets.iter().map(to_symbol).collect();
        let targets: Vec<_> = targets.iter().map(|(at, size, kind, target)| (*at, *size, *kind, &**target)).collect();
        self.define(&format!("type:{name}"), 3, data, &targets);
    }

    /// A structure of fields of 8 bytes.
    fn structure(&mut self, name: &str, fields: &[(&str, &str)]) {
        let mut rest = vec![0; 32];
        rest[16] = fields.len() as u8;
        let mut targets = Vec::new();
        for (index, (field, target)) in fields.iter().enumerate() {
            let text = format!("name.{field}");
            self.define(&text, 3, [&[1, field.len() as u8], field.as_bytes()].concat(), &[]);
            targets.push((80 + 24 * index as i32, text));
            targets.push((88 + 24 * index as i32, format!("type:{target}")));
            rest.extend([[0; 8], [0; 8], (8 * index as u64).to_le_bytes()].concat());
        }
        let targets: Vec<(i32, &str)> = targets.iter().map(|(at, target)| (*at, &**target)).collect();
        self.describe(name, TypeKind::Struct, 8 * fields.len() as u64, &rest, &targets);
    }
}

/// `var x int; func main() { var t T }` with `type T struct { a []string; m map[string]int; c chan int; next *T }`.
fn source() -> Source {
    let mut source = Source::default();
    for (name, kind) in [("int", TypeKind::Int), ("uint8", TypeKind::Uint8), ("uintptr", TypeKind::Uintptr)] {
        source.describe(name, kind, 8, &[], &[]);
    }
    source.describe("unsafe.Pointer", TypeKind::UnsafePointer, 8, &[], &[]);
    source.describe("string", TypeKind::String, 16, &[], &[]);
    source.describe("*uint8", TypeKind::Pointer, 8, &[0; 8], &[(48, "type:uint8")]);
    for name in ["Type", "ArrayType", "ChanType", "FuncType", "MapType", "PtrType", "SliceType", "StructType"] {
        source.structure(&format!("internal/abi.{name}"), &[]);
    }
    for name in ["InterfaceType", "ITab", "Imethod"] {
        source.structure(&format!("internal/abi.{name}"), &[]);
    }
    source.structure("runtime.eface", &[]);
    source.structure("runtime.iface", &[]);
    source.structure("runtime.stringStructDWARF", &[("str", "*uint8"), ("len", "int")]);
    source.structure("runtime.slice", &[("array", "unsafe.Pointer"), ("len", "int"), ("cap", "int")]);
    source.structure("runtime.sudog", &[("elem", "unsafe.Pointer")]);
    source.structure("runtime.waitq", &[("first", "uintptr"), ("last", "uintptr")]);
    source.structure("runtime.hchan", &[("recvq", "runtime.waitq"), ("sendq", "runtime.waitq")]);
    source.structure("internal/runtime/maps.Map", &[("used", "int"), ("dirPtr", "unsafe.Pointer")]);
    source.structure("internal/runtime/maps.table", &[("groups", "internal/runtime/maps.groupsReference")]);
    source.structure("internal/runtime/maps.groupsReference", &[("data", "unsafe.Pointer")]);
    source.structure("map.group[string]int", &[]);
    source.describe("[]string", TypeKind::Slice, 24, &[0; 8], &[(48, "type:string")]);
    let of_map = [(48, "type:string"), (56, "type:int"), (64, "type:map.group[string]int")];
    source.describe("map[string]int", TypeKind::Map, 8, &[0; 24], &of_map);
    source.describe("chan int", TypeKind::Chan, 8, &[0; 16], &[(48, "type:int")]);
    source.structure("main.T", &[("a", "[]string"), ("m", "map[string]int"), ("c", "chan int"), ("next", "*main.T")]);
    source.describe("*main.T", TypeKind::Pointer, 8, &[0; 8], &[(48, "type:main.T")]);

    let info = source.define(
        "main$info",
        14,
        [&b"\x03main.main\0"[..], &[0; 4], b"\x10\x01\x9c", &[1, 0, 0, 0], b"\x07\x01(t\0\x08", &[0; 4], b"\x01\x9c\0"]
            .concat(),
        &[(11, 4, NUMBER, "main.main"), (28, 4, SECTION, "go:info.main.T"), (0, 0, USE_TYPE, "type:*main.T")],
    );
    let lines = source.define(
        "main$lines",
        20,
        vec![0, 9, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1],
        &[(3, 8, ADDRESS, "main.main")],
    );
    let steps = source.define("main$pcsp", 3, vec![2, 4, 48, 12, 0], &[]);
    let described = source.define("main$funcinfo", 3, vec![0; 24], &[]);
    let main = source.define("main.main", 1, vec![0x90; 16], &[]);
    source.definitions[main as usize].aux = vec![(1, described), (3, info), (6, lines), (7, steps)];
    let variable = source.define(
        "x$info",
        17,
        [&b"\x0ax\0\x09\x03"[..], &[0; 8], &[0; 4], b"\x01"].concat(),
        &[(5, 8, ADDRESS, "main.x"), (13, 4, SECTION, "go:info.int")],
    );
    let x = source.define("main.x", 7, vec![1; 8], &[]);
    let int = source.of("type:int");
    source.definitions[x as usize].aux = vec![(0, int), (3, variable)];
    source
}

/// Plans and fills all sections, of a package that stands for the runtime as types are part of it; addresses are those of code, and `main.x` is at 0x8000.
fn build(bytes: &[u8], experiments: &'static str) -> Result<HashMap<&'static str, Vec<u8>>, Diagnostic> {
    let options = crate::args::golink::GoLink::default();
    let mut program: Program<'_> = program(&options, Architecture::X86_64, &[("runtime", &[])]);
    program.experiments = experiments;
    let damaged = |_| Diagnostic::error("damaged", "no object");
    let object = Object::parse(bytes).map_err(damaged)?;
    let inputs = vec![ObjectInput { object, package: PackageId(0) }];
    let mut symbols: Symbols<'_> = resolve(inputs, &program.packages, program.release, Unnamed::LeftOut)
        .map_err(|_| Diagnostic::error("damaged", "no program"))?;
    let find = |symbols: &Symbols<'_>, name: &[u8]| symbols.find(name, Version::Abi0).unwrap_or(GoSymbol::NONE);
    for name in [&b"main.main"[..], b"main.x", b"type:int"] {
        let symbol = find(&symbols, name);
        symbols.set(symbol, attribute::REACHABLE);
    }
    let mut text = layout::order(&mut symbols, &program)?;
    let places = text::measure(&symbols, &program, &text.order)?.settle(&mut symbols, &program, &mut text)?;
    let functions = pclntab::describe(&symbols, &text)?.functions();
    let frames = frames(&symbols, &program, &text, &places, &functions);
    let scan = scan(&symbols, &program, &text);
    let heads = scan.line_heads(&symbols, &program);
    let dwarf: Dwarf =
        scan.draft(&symbols, &program, &text)?.outline(&scan, &program, &text, (heads, frames))?.plan()?;
    let mut addresses = Addresses { value: places.value.clone(), ..Addresses::default() };
    addresses.value.resize(symbols.count(), 0);
    addresses.value[find(&symbols, b"main.x").index()] = 0x8000;
    let mut sections = HashMap::new();
    for (index, section) in dwarf.sections().iter().enumerate() {
        let mut bytes = vec![0xcc; section.size as usize];
        for piece in 0..section.pieces {
            let range = dwarf.piece_range(index, piece);
            let out = &mut bytes[range.start as usize..range.end as usize];
            dwarf.fill(index, piece, &symbols, &addresses, out)?;
        }
        sections.insert(section.name, bytes);
    }
    Ok(sections)
}

/// An entry as the reader sees it.
#[derive(Debug, Default)]
struct Seen {
    tag: String,
    name: String,
    /// The entry that DW_AT_type names.
    target: usize,
    children: Vec<usize>,
    low_pc: Option<u64>,
}

type Slice<'a> = EndianSlice<'a, LittleEndian>;

/// All entries by their offsets; names to offsets of what is no child of a type.
fn read(sections: &HashMap<&'static str, Vec<u8>>) -> HashMap<usize, Seen> {
    let load = |id: gimli::SectionId| {
        let bytes = sections.get(id.name()).map_or(&[][..], |bytes| bytes);
        Ok::<_, gimli::Error>(EndianSlice::new(bytes, LittleEndian))
    };
    let dwarf: gimli::Dwarf<Slice<'_>> = gimli::Dwarf::load(load).expect("sections");
    let mut all = HashMap::new();
    let mut units = dwarf.units();
    while let Some(header) = units.next().expect("a unit") {
        let start = header.debug_info_offset().expect("a place").0;
        let unit = dwarf.unit(header).expect("a unit");
        let mut open: Vec<usize> = Vec::new();
        let mut entries = unit.entries();
        while let Some(entry) = entries.next_dfs().expect("an entry") {
            let at = start + entry.offset().0;
            open.truncate(usize::try_from(entry.depth()).expect("a depth"));
            let mut seen = Seen { tag: entry.tag().to_string(), ..Seen::default() };
            for attribute in entry.attrs() {
                match (attribute.name(), attribute.value()) {
                    (gimli::DW_AT_name, AttributeValue::String(name)) => {
                        seen.name = String::from_utf8_lossy(name.slice()).into_owned();
                    }
                    (gimli::DW_AT_type, AttributeValue::DebugInfoRef(target)) => seen.target = target.0,
                    (gimli::DW_AT_low_pc, value) => seen.low_pc = dwarf.attr_address(&unit, value).expect("an address"),
                    _ => {}
                }
            }
            if let Some(parent) = open.last() {
                all.get_mut(parent).into_iter().for_each(|parent: &mut Seen| parent.children.push(at));
            }
            open.push(at);
            all.insert(at, seen);
        }
    }
    all
}

fn bytes() -> Vec<u8> {
    object_with_files(&["/src/main.go"], &source().definitions)
}

#[test]
fn entries_read_back() {
    let sections = build(&bytes(), "regabi,dwarf5").expect("debug information");
    let all = read(&sections);
    let at = |tag: &str, name: &str| {
        let found: Vec<_> = all.iter().filter(|(_, seen)| seen.tag == tag && seen.name == name).collect();
        assert_eq!(found.len(), 1, "{tag} {name}: {found:?}");
        *found[0].0
    };
    let describe = |offset: usize| format!("{} {}", all[&offset].tag, all[&offset].name);
    let field = |offset: usize, name: &str| {
        let found = all[&offset].children.iter().find(|child| all[child].name == name);
        all[found.unwrap_or_else(|| panic!("{} has no {name}", describe(offset)))].target
    };

    let main = &all[&at("DW_TAG_subprogram", "main.main")];
    let low_pc = main.low_pc.expect("an address");
    assert_eq!(low_pc % 32, 0);
    assert_eq!(all[&at("DW_TAG_compile_unit", "runtime")].low_pc, Some(low_pc));
    let typedef = all[&main.children[0]].target;
    assert_eq!(
        (describe(typedef), describe(main.children[0])),
        ("DW_TAG_typedef main.T".into(), "DW_TAG_variable t".into())
    );
    let structure = all[&typedef].target;
    assert_eq!(all[&structure].tag, "DW_TAG_structure_type");
    assert_eq!(describe(all[&field(structure, "next")].target), describe(typedef));

    let slice = field(structure, "a");
    assert_eq!(describe(all[&field(slice, "array")].target), "DW_TAG_structure_type string");
    assert_eq!(describe(field(all[&field(slice, "array")].target, "str")), "DW_TAG_pointer_type *uint8");
    let map = all[&all[&field(structure, "m")].target].target;
    assert_eq!(describe(map), "DW_TAG_structure_type map<string,int>");
    let table = all[&all[&field(map, "dirPtr")].target].target;
    assert_eq!(describe(table), "DW_TAG_structure_type table<string,int>");
    assert_eq!(describe(all[&field(field(table, "groups"), "data")].target), "DW_TAG_typedef map.group[string]int");
    let channel = all[&all[&field(structure, "c")].target].target;
    let waiting = all[&field(field(channel, "sendq"), "last")].target;
    assert_eq!(
        (describe(channel), describe(waiting)),
        ("DW_TAG_structure_type hchan<int>".into(), "DW_TAG_structure_type sudog<int>".into())
    );
    let x = &all[&at("DW_TAG_variable", "x")];
    assert_eq!(describe(x.target), "DW_TAG_base_type int");
    let info = &sections[".debug_info"];
    assert!(info.windows(11).any(|bytes| bytes == b"x\0\x09\x03\x00\x80\0\0\0\0\0"));
}

#[test]
fn both_versions_have_their_sections() {
    let five = build(&bytes(), "dwarf5").expect("debug information");
    let four = build(&bytes(), "").map(|_| ());
    for name in [".debug_abbrev", ".debug_line", ".debug_frame", ".debug_info", ".debug_rnglists", ".debug_addr"] {
        assert!(!five[name].is_empty(), "{name}");
    }
    // The function's entry asks for a number in a table that version 4 does not have.
    assert_eq!(four.expect_err("an object of version 5").code, "bad-go-object");
    let mut source = source();
    let at = source.of("main$info") as usize;
    source.definitions[at].relocations.remove(0);
    let four = build(&object_with_files(&["/src/main.go"], &source.definitions), "").expect("debug information");
    assert_eq!(four[".debug_ranges"][..16], [[0; 8], 16u64.to_le_bytes()].concat()[..]);
    assert!(!four.contains_key(".debug_addr") && !four.contains_key(".debug_loc"));
}

#[test]
fn a_missing_type_is_named() {
    let mut source = source();
    let at = source.of("type:main.T") as usize;
    source.definitions[at].data = &[];
    let error = build(&object_with_files(&[], &source.definitions), "dwarf5").expect_err("no type");
    assert_eq!(error.code, "missing-type");
    assert!(error.message.contains("main.T"), "{}", error.message);
}

#[test]
fn damaged_objects_give_sections_or_errors() {
    let object = bytes();
    let good = damaged(&object, 2).take(600).filter(|object| build(object, "dwarf5").is_ok()).count();
    assert!((50..590).contains(&good), "{good} of 600 give sections");
}

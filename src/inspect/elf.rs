//! ELF files: headers, sections, symbols, relocations; of Go executables also what the runtime reads.

use object::LittleEndian as Le;
use object::elf::{EM_AARCH64, EM_X86_64, Rela64, SHT_RELA};
use object::read::elf::Rela;

use super::document::{Part, Value};
use crate::executable::Image;
use crate::executable::buildinfo::BuildInfo;
use crate::executable::functions::PcLineTable;
use crate::executable::module::ModuleData;
use crate::executable::types::Types;
use crate::inputs::kind::ElfKind;
use crate::relocation::{Machine, aarch64::Aarch64, x86_64::X86_64};

/// Describes an ELF file. One that is not 64-bit and little-endian is named only.
///
/// # Errors
/// What is wrong with its headers.
pub fn file(title: String, data: &[u8], kind: ElfKind) -> Result<Part, String> {
    let part =
        Part::new(title).fact("kind", "ELF").fact("role", kind.role.name()).fact("machine", u32::from(kind.machine));
    let part = part.fact("size", data.len());
    if !kind.is_64 || !kind.little_endian {
        return Ok(part.fact("class", "not 64-bit little-endian, so only recognised"));
    }
    let image = Image::parse(data)?;
    let part = part.fact("entry", Value::Hex(image.field("e_entry")));
    let part = part.table(
        "segments",
        &["type", "flags", "offset", "address", "file-size", "memory-size", "alignment"],
        segments(&image),
    );
    let part = part.table(
        "sections",
        &["name", "type", "flags", "address", "offset", "size", "link", "info", "alignment", "entry-size"],
        sections(&image),
    );
    let part = part.table("symbols", &["value", "size", "type", "binding", "section", "name"], symbols(&image));
    let part = part.table("relocations", &["section", "offset", "type", "symbol", "addend"], relocations(&image));
    Ok(go_tables(part, &image))
}

fn segments(image: &Image<'_>) -> Vec<Vec<Value>> {
    let row = |segment: &crate::executable::Segment| {
        let [flags, offset, address, _, file, memory, alignment] = segment.fields.map(|(_, value)| Value::Hex(value));
        vec![Value::Text(segment_name(segment.kind)), flags, offset, address, file, memory, alignment]
    };
    image.segments.iter().map(row).collect()
}

fn segment_name(kind: u32) -> String {
    let name = match kind {
        1 => "LOAD",
        2 => "DYNAMIC",
        3 => "INTERP",
        4 => "NOTE",
        6 => "PHDR",
        7 => "TLS",
        0x6474_e550 => "GNU_EH_FRAME",
        0x6474_e551 => "GNU_STACK",
        0x6474_e552 => "GNU_RELRO",
        0x6474_e553 => "GNU_PROPERTY",
        _ => return format!("{kind:#x}"),
    };
    name.to_owned()
}

fn sections(image: &Image<'_>) -> Vec<Vec<Value>> {
    let row = |section: &crate::executable::Section<'_>| {
        vec![
            section.name.as_bytes().into(),
            section.kind.into(),
            Value::Hex(section.flags),
            Value::Hex(section.address),
            Value::Hex(section.offset),
            (section.size as i64).into(),
            section.link.into(),
            section.info.into(),
            (section.alignment as i64).into(),
            (section.entry_size as i64).into(),
        ]
    };
    image.sections.iter().skip(1).map(row).collect()
}

fn section_name(image: &Image<'_>, index: u16) -> Value {
    match (index, image.sections.get(usize::from(index))) {
        (0, _) => "undefined".into(),
        (0xfff1, _) => "absolute".into(),
        (0xfff2, _) => "common".into(),
        (_, Some(section)) => section.name.as_bytes().into(),
        (_, None) => u32::from(index).into(),
    }
}

fn symbols(image: &Image<'_>) -> Vec<Vec<Value>> {
    const TYPES: [&str; 7] = ["none", "object", "function", "section", "file", "common", "tls"];
    const BINDINGS: [&str; 3] = ["local", "global", "weak"];
    let name = |names: &[&'static str], number: u8| {
        names.get(usize::from(number)).map_or(Value::Number(number.into()), |name| (*name).into())
    };
    let row = |symbol: &crate::executable::Symbol<'_>| {
        vec![
            Value::Hex(symbol.value),
            (symbol.size as i64).into(),
            name(&TYPES, symbol.info & 15),
            name(&BINDINGS, symbol.info >> 4),
            section_name(image, symbol.section),
            symbol.name.into(),
        ]
    };
    image.symbols.iter().map(row).collect()
}

fn relocations(image: &Image<'_>) -> Vec<Vec<Value>> {
    let machine = image.field("e_machine") as u16;
    let kind_name = |kind: u32| {
        let name = match machine {
            EM_X86_64 => X86_64::type_name(kind),
            EM_AARCH64 => Aarch64::type_name(kind),
            _ => None,
        };
        name.map_or(Value::from(kind), Value::from)
    };
    let mut rows = Vec::new();
    for table in image.sections.iter().filter(|section| section.kind == SHT_RELA) {
        let target = image.sections.get(table.info as usize).filter(|_| table.info != 0).unwrap_or(table);
        for entry in object::pod::slice_from_all_bytes::<Rela64<Le>>(table.contents).unwrap_or(&[]) {
            // The null symbol is not in the list.
            let symbol = (entry.r_sym(Le, false) as usize).checked_sub(1).and_then(|index| image.symbols.get(index));
            let symbol = match symbol {
                Some(symbol) if symbol.name.is_empty() => section_name(image, symbol.section),
                Some(symbol) => symbol.name.into(),
                None => "".into(),
            };
            let place = Value::Hex(entry.r_offset(Le));
            rows.push(vec![
                target.name.as_bytes().into(),
                place,
                kind_name(entry.r_type(Le, false)),
                symbol,
                entry.r_addend(Le).into(),
            ]);
        }
    }
    rows
}

fn go_tables(mut part: Part, image: &Image<'_>) -> Part {
    if let Some(info) = BuildInfo::of(image) {
        part = part.fact("go", info.version);
        let lines = info.modules.lines().map(|line| vec![Value::from(line)]).collect();
        part = part.table("build-info", &["line"], lines);
    }
    if let Some(module) = ModuleData::of(image) {
        let words = |words: &[u64]| words.iter().map(|word| format!("{word:#x}")).collect::<Vec<_>>();
        let rows = module.fields.iter().map(|(name, found)| vec![(*name).into(), words(found).into()]).collect();
        part = part.table("module-data", &["field", "words"], rows);
        if let Some(types) = Types::of(image, Some(&module)) {
            let rows = types.all().into_iter().map(|at| vec![Value::Hex(at), types.name(at).unwrap_or(b"?").into()]);
            part = part.table("types", &["address", "name"], rows.collect());
            let name = |itab| types.itab_name(itab).unwrap_or_default();
            let rows = types.itabs().into_iter().map(|itab| vec![Value::Hex(itab), name(itab).as_slice().into()]);
            part = part.table("itabs", &["address", "name"], rows.collect());
        }
    }
    if let Some(table) = PcLineTable::of(image) {
        let rows = table.functions.iter().map(|function| {
            let file = table.first_file(function).unwrap_or(b"");
            let line = function.facts.iter().find(|(name, _)| *name == "startLine").map_or(0, |(_, line)| *line);
            vec![
                Value::Hex(function.entry.into()),
                function.end.wrapping_sub(function.entry).into(),
                line.into(),
                file.into(),
                function.name.into(),
            ]
        });
        part = part.table("functions", &["offset", "size", "line", "file", "name"], rows.collect());
    }
    part
}

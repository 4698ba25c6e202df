//! `-Map`: the views that [`super::map`] prints, taken from the finished image, and the file they go to.

use std::collections::HashMap;
use std::io::{BufWriter, Write};
use std::path::Path;

use object::elf::{SHN_UNDEF, SHT_FINI_ARRAY, SHT_INIT_ARRAY, SHT_NOBITS, SHT_NOTE, SHT_PREINIT_ARRAY, SHT_PROGBITS};

use super::file::OutputFile;
use super::map::{CommonSymbol, MapAtom, MapSection, MapView, MemoryRegion, TakenMember, write_map};
use crate::diag::{Result, io_error};
use crate::ids::{AtomId, FileId};
use crate::inputs::atoms::Atom;
use crate::inputs::elf::LE;
use crate::layout::image::Image;
use crate::layout::plan::{Addresses, OutputSection};
use crate::symbols::names::NameId;
use crate::target::Architecture;

/// Writes the map of a link to `path`, or to standard output for `-`.
pub fn write(image: &Image<'_>, path: &Path, output: &Path) -> Result<()> {
    let text = Text::new(image, output);
    let view = view(image, &text);
    if path == Path::new("-") {
        let mut out = BufWriter::new(std::io::stdout().lock());
        let written = write_map(&mut out, &view).and_then(|()| out.flush());
        return written.map_err(|error| io_error("write the map", path, &error).into());
    }
    let mut bytes = Vec::new();
    write_map(&mut bytes, &view).map_err(|error| io_error("write the map", path, &error))?;
    let file = OutputFile::create_with_mode(path, MODE)?;
    file.write_at(&bytes, 0)?;
    drop(file.finish()?.remove()?);
    Ok(())
}

/// What a map may be done with, less what the user's umask takes away.
const MODE: u32 = 0o666;

/// The names that inputs do not hold as text.
struct Text {
    /// By [`FileId`].
    files: Vec<String>,
    /// The inputs as they were named, archives once.
    inputs: Vec<String>,
    output: String,
}

impl Text {
    fn new(image: &Image<'_>, output: &Path) -> Text {
        let mut files = vec!["linker".to_owned()];
        let mut inputs = Vec::new();
        let mut known = std::collections::HashSet::new();
        for (_, file) in image.resolution.files.inputs() {
            files.push(file.object.origin().to_string());
            if known.insert(file.object.path) {
                inputs.push(file.object.path.display().to_string());
            }
        }
        Text { files, inputs, output: output.display().to_string() }
    }

    fn file(&self, file: FileId) -> &str {
        &self.files[file.index()]
    }
}

fn view<'a>(image: &'a Image<'_>, text: &'a Text) -> MapView<'a> {
    let symbols = symbols_by_atom(image);
    let sections = image.plan.sections.iter().zip(&image.addresses.sections);
    let format = match image.target.architecture {
        Architecture::X86_64 => "elf64-x86-64",
        Architecture::Aarch64 => "elf64-littleaarch64",
    };
    let commons = image.resolution.commons.iter().map(|common| CommonSymbol {
        name: readable(image.resolution.name_of(common.symbol)),
        size: common.size,
        file: text.file(image.resolution.files.owner(common.symbol).0),
    });
    let discarded =
        image.atoms.table.iter().enumerate().filter(|(index, atom)| !image.alive[*index] && has_contents(atom));
    MapView {
        members: members(image, text),
        commons: commons.collect(),
        discarded: discarded.map(|(_, atom)| map_atom(atom, 0, text)).collect(),
        regions: regions(image),
        inputs: text.inputs.iter().map(String::as_str).collect(),
        sections: sections
            .filter(|(_, place)| !place.omitted)
            .map(|(section, place)| MapSection {
                name: &section.name,
                address: place.address,
                size: place.size,
                load_address: None,
                atoms: atoms(image, section, text, &symbols),
            })
            .collect(),
        output: (&text.output, format),
    }
}

/// The MEMORY regions, without their other names.
fn regions<'a>(image: &'a Image<'_>) -> Vec<MemoryRegion<'a>> {
    let plan = &image.plan;
    let owned = plan.memory_shared_with.iter().enumerate().filter(|(index, owner)| *index == **owner);
    let region = |(index, _): (usize, &usize)| MemoryRegion {
        name: &plan.memory[index].name,
        origin: image.addresses.memory[index].0,
        length: image.addresses.memory[index].1,
        attributes: &plan.memory[index].attributes,
    };
    owned.map(region).collect()
}

fn map_atom<'a>(atom: &Atom<'a>, address: u64, text: &'a Text) -> MapAtom<'a> {
    MapAtom { name: readable(atom.name), address, size: atom.size, file: text.file(atom.file), symbols: Vec::new() }
}

/// The atoms of an output section, in order of address.
fn atoms<'a>(
    image: &'a Image<'_>,
    section: &'a OutputSection,
    text: &'a Text,
    symbols: &HashMap<AtomId, Vec<(u64, &'a str)>>,
) -> Vec<MapAtom<'a>> {
    let placed = image.plan.atoms_of(section).filter(|id| image.addresses.atoms[id.index()] != Addresses::NOWHERE);
    let each = placed.map(|id| MapAtom {
        symbols: symbols.get(&id).cloned().unwrap_or_default(),
        ..map_atom(image.atoms.get(id), image.addresses.atoms[id.index()], text)
    });
    each.collect()
}

/// The global symbols that each atom defines, by address.
fn symbols_by_atom<'a>(image: &'a Image<'_>) -> HashMap<AtomId, Vec<(u64, &'a str)>> {
    let resolution = &image.resolution;
    let mut symbols: HashMap<AtomId, Vec<(u64, &str)>> = HashMap::new();
    for (id, file) in resolution.files.inputs() {
        for index in file.object.first_global..file.object.symbols.len() {
            let Some(symbol) = file.symbol(index) else { continue };
            if resolution.definitions[symbol.index()] != symbol {
                continue;
            }
            let Some(atom) = resolution.atom_in(id, index) else { continue };
            let name = readable(resolution.name_of(symbol));
            symbols.entry(atom).or_default().push((image.values[symbol.index()], name));
        }
    }
    symbols.values_mut().for_each(|list| list.sort_unstable());
    symbols
}

/// The archive members, each with the first file that needed what it was taken for.
fn members<'a>(image: &'a Image<'_>, text: &'a Text) -> Vec<TakenMember<'a>> {
    let resolution = &image.resolution;
    let mut needed_by: HashMap<NameId, FileId> = HashMap::new();
    for (id, file) in resolution.files.inputs() {
        let globals = file.object.symbols.iter().skip(file.object.first_global);
        for (record, &name) in globals.zip(&file.globals) {
            if record.st_shndx.get(LE) == SHN_UNDEF {
                needed_by.entry(name).or_insert(id);
            }
        }
    }
    let taken = resolution.files.inputs().filter(|(_, file)| file.object.member.is_some());
    taken
        .map(|(id, file)| match file.reason {
            None => TakenMember { member: text.file(id), needed_by: "--whole-archive", symbol: "" },
            Some(name) => TakenMember {
                member: text.file(id),
                needed_by: needed_by.get(&name).map_or("command line", |&file| text.file(file)),
                symbol: readable(resolution.names.bytes(name)),
            },
        })
        .collect()
}

/// Whether an input section would have been part of the output.
fn has_contents(atom: &Atom<'_>) -> bool {
    let kinds = [SHT_PROGBITS, SHT_NOBITS, SHT_NOTE, SHT_INIT_ARRAY, SHT_FINI_ARRAY, SHT_PREINIT_ARRAY];
    atom.size > 0 && kinds.contains(&atom.kind)
}

/// A name up to what is not text.
fn readable(name: &[u8]) -> &str {
    name.utf8_chunks().next().map_or("", |chunk| chunk.valid())
}

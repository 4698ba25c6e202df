//! Small programs in memory, for the tests of stages.

use std::path::Path;

use super::layout::Addresses;
use super::program::{Package, Program};
use super::resolve::{ObjectInput, Unnamed, resolve};
use super::symbols::{PackageId, Symbols, attribute};
use super::table::Table;
use crate::args::golink::{BuildMode, GoLink};
use crate::diag::Diagnostic;
use crate::inputs::goabi::Release;
use crate::inputs::goarchive::PackageFile;
use crate::inputs::goobj::Object;
use crate::inputs::goobj::records::package_index;
use crate::mutation::Mutation;
use crate::target::Architecture;

/// Bytes of an object's header.
const HEADER: u32 = 96;

/// A table in parts of so many bytes, each of which is the part's number and 1. A part without bytes cannot be made.
pub(super) struct Numbered(pub &'static [u64]);

impl Table for Numbered {
    fn size(&self) -> u64 {
        self.0.iter().sum()
    }

    fn cuts(&self) -> Vec<u64> {
        (1..self.0.len()).map(|part| self.0[..part].iter().sum()).collect()
    }

    fn fill(&self, part: usize, _: &Symbols<'_>, _: &Addresses, out: &mut [u8]) -> Result<(), Diagnostic> {
        if out.is_empty() {
            return Err(Diagnostic::error("test", format!("part {part} has no bytes")));
        }
        out.iter().for_each(|byte| assert_eq!(*byte, 0));
        out.fill(part as u8 + 1);
        Ok(())
    }
}

/// A definition of an object.
#[derive(Clone, Default)]
pub(crate) struct Definition {
    pub name: &'static str,
    /// 0, 1 or [`u16::MAX`].
    pub abi: u16,
    /// As in `cmd/internal/objabi/symkind.go`: 1 is code, 3 read-only data, 5 and 7 data, 9 and 10 zeroed data.
    pub kind: u8,
    pub flags: u8,
    pub flags2: u8,
    pub size: u32,
    pub alignment: u32,
    pub data: &'static [u8],
    /// Offset, size, raw type, addend, and the position of the target among the definitions.
    pub relocations: Vec<(i32, u8, u16, i64, u32)>,
    /// Raw kind and the position of the symbol among the definitions.
    pub aux: Vec<(u8, u32)>,
    /// Whether it only refers to a definition elsewhere; references come last.
    pub is_reference: bool,
}

/// The bytes of an object whose definitions all have names of no package.
pub(crate) fn object(definitions: &[Definition]) -> Vec<u8> {
    object_with_files(&[], definitions)
}

/// The same, with names of source files.
pub(crate) fn object_with_files(names: &[&str], definitions: &[Definition]) -> Vec<u8> {
    let mut strings = Vec::new();
    let mut files = Vec::new();
    for name in names {
        files.extend((name.len() as u32).to_le_bytes());
        files.extend((HEADER + strings.len() as u32).to_le_bytes());
        strings.extend(name.bytes());
    }
    let (mut symbols, mut relocations, mut aux, mut data) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut indices = [vec![0u32], vec![0], vec![0]];
    let reference = |index: u32| [package_index::NONE.to_le_bytes(), index.to_le_bytes()].concat();
    let mut references = Vec::new();
    for definition in definitions {
        let symbols = if definition.is_reference { &mut references } else { &mut symbols };
        symbols.extend((definition.name.len() as u32).to_le_bytes());
        symbols.extend((HEADER + strings.len() as u32).to_le_bytes());
        strings.extend(definition.name.bytes());
        symbols.extend(definition.abi.to_le_bytes());
        symbols.extend([definition.kind, definition.flags, definition.flags2]);
        symbols.extend(definition.size.to_le_bytes());
        symbols.extend(definition.alignment.to_le_bytes());
        if definition.is_reference {
            continue;
        }
        for (offset, size, kind, addend, target) in &definition.relocations {
            relocations.extend(offset.to_le_bytes());
            relocations.push(*size);
            relocations.extend(kind.to_le_bytes());
            relocations.extend(addend.to_le_bytes());
            relocations.extend(reference(*target));
        }
        for (kind, symbol) in &definition.aux {
            aux.push(*kind);
            aux.extend(reference(*symbol));
        }
        data.extend(definition.data);
        let ends = [relocations.len() / 23, aux.len() / 9, data.len()];
        indices.iter_mut().zip(ends).for_each(|(index, end)| index.push(end as u32));
    }
    let [of_relocations, of_aux, of_data] =
        indices.map(|index| index.into_iter().flat_map(u32::to_le_bytes).collect::<Vec<u8>>());
    let none = Vec::new;
    let blocks: [Vec<u8>; 18] = [
        none(),
        none(),
        files,
        none(),
        none(),
        none(),
        symbols,
        references,
        none(),
        none(),
        none(),
        of_relocations,
        of_aux,
        of_data,
        relocations,
        aux,
        data,
        none(),
    ];
    let mut bytes = [&b"\0go120ld"[..], &[0; 12]].concat();
    let mut offset = HEADER + strings.len() as u32;
    for block in &blocks {
        bytes.extend(offset.to_le_bytes());
        offset += block.len() as u32;
    }
    bytes.extend(offset.to_le_bytes());
    bytes.extend(strings);
    blocks.iter().for_each(|block| bytes.extend(block));
    bytes
}

/// An object whose first definitions are its package's own.
pub(super) fn with_own(own: u32, definitions: &[Definition]) -> Vec<u8> {
    let mut bytes = object(definitions);
    // The blocks of definitions follow each other: moving where the others start leaves these to the first.
    let block = |index: usize| 20 + 4 * index..24 + 4 * index;
    let start = u32::from_le_bytes(bytes[block(3)].try_into().expect("an offset"));
    for others in 4..=6 {
        bytes[block(others)].copy_from_slice(&(start + 21 * own).to_le_bytes());
    }
    bytes
}

/// Copies of an object with some bytes behind its header changed.
pub(super) fn damaged(object: &[u8], changes: usize) -> impl Iterator<Item = Vec<u8>> {
    let mut source = Mutation::new(88_172_645_463_325_252);
    std::iter::repeat_with(move || {
        let mut copy = object.to_vec();
        for _ in 0..changes {
            let at = HEADER as usize + source.below(copy.len() - HEADER as usize);
            copy[at] = source.next() as u8;
        }
        copy
    })
}

/// A program of packages, each with the positions of those it imports; objects are added by [`load`].
pub(super) fn program<'data>(
    options: &'data GoLink,
    architecture: Architecture,
    packages: &[(&str, &[u32])],
) -> Program<'data> {
    let package = |(at, (path, imports)): (usize, &(&str, &[u32]))| Package {
        path: (*path).to_owned(),
        file: Path::new("p.a"),
        contents: PackageFile {
            path: Path::new("p.a"),
            members: Vec::new(),
            directives: Vec::new(),
            is_main: at == 0,
            cannot_link_internally: false,
            prefers_external: false,
        },
        fingerprint: [0; 8],
        objects: at as u32..at as u32 + 1,
        imports: imports.iter().map(|import| PackageId(*import)).collect(),
    };
    Program {
        options,
        release: Release::of_version("go1.26").expect("a known release"),
        version: "go1.26",
        experiments: "",
        architecture,
        build_mode: BuildMode::Exe,
        packages: packages.iter().enumerate().map(package).collect(),
        module_info: None,
        is_cgo: false,
    }
}

/// The symbols of a program: one object for each package.
pub(super) fn load<'data>(program: &Program<'data>, objects: &'data [Vec<u8>]) -> Symbols<'data> {
    let input = |(at, bytes): (usize, &'data Vec<u8>)| ObjectInput {
        object: Object::parse(bytes).expect("an object"),
        package: PackageId(at as u32),
    };
    let inputs = objects.iter().enumerate().map(input).collect();
    resolve(inputs, &program.packages, program.release, Unnamed::LeftOut).expect("a program")
}

/// Makes all symbols part of the program.
pub(super) fn reach_all(symbols: &mut Symbols<'_>) {
    symbols.attributes_mut().iter_mut().for_each(|column| *column |= attribute::REACHABLE);
}

//! The bytes of the linker's own tables, once every address is known.

use hashbrown::HashMap;
use object::elf::{
    DF_1_PIE, DT_FLAGS_1, DT_HASH, DT_NULL, DT_RELA, DT_RELAENT, DT_RELASZ, DT_STRSZ, DT_STRTAB, DT_SYMENT, DT_SYMTAB,
};

use super::{Output, buildid};
use crate::args::request::BuildId;
use crate::diag::{Diagnostic, Origin, Result};
use crate::ids::{AtomId, SymbolId};
use crate::inputs::elf::LE;
use crate::layout::arrange;
use crate::layout::got::{self, GotAddresses};
use crate::layout::image::Image;
use crate::layout::packed;
use crate::layout::tables::{HASH_SIZE, SYMBOL, build_id_note};
use crate::layout::unwind;
use crate::relocation::Machine;

// gABI, "Dynamic Section".
const DT_RELRSZ: u32 = 35;
const DT_RELR: u32 = 36;
const DT_RELRENT: u32 = 37;

/// The bytes of every table that has any, the build id's with zeros if it depends on the output.
pub fn fill<M: Machine>(image: &Image<'_>, output: &Output<'_>) -> Result<HashMap<AtomId, Vec<u8>>> {
    let tables = &image.tables;
    let at = |atom: AtomId| image.addresses.atoms[atom.index()];
    let addresses = GotAddresses {
        table: at(tables.got),
        values: &image.values,
        thread_pointer: image.tls.pointer,
        tls_start: image.tls.start,
    };
    let stubs = image.got.fill_stubs::<M>(at(tables.stubs), at(tables.got)).map_err(|refusal| {
        Diagnostic::error("output-too-large", format!("the stub of an IFUNC {refusal}"))
            .at(Origin::default().in_section(".iplt"))
    })?;
    let relocations = image.got.dynamic_relocations::<M>(
        &addresses,
        |atom, index| word(image, atom, index),
        |symbol| resolver(image, symbol),
    );
    let mut bytes = HashMap::new();
    bytes.insert(tables.got, image.got.fill(&addresses));
    bytes.insert(tables.stubs, stubs);
    bytes.insert(tables.dynamic_relocations, got::rela_records(&relocations));
    bytes.insert(tables.unwind_header, unwind_header(image)?);
    bytes.insert(tables.build_id, build_id(&output.request.build_id)?);
    bytes.insert(tables.property, output.property.clone());
    if image.got.is_position_independent() {
        let size = image.atoms.get(tables.packed_relocations).size;
        if image.got.has_packed() {
            let places = arrange::packed_places(&image.got, tables, &image.atoms, &image.addresses);
            bytes.insert(tables.packed_relocations, packed::records(&places, size));
        }
        bytes.insert(tables.dynamic, dynamic(image, relocations.len(), size));
        bytes.insert(tables.dynamic_symbols, vec![0; SYMBOL as usize]);
        bytes.insert(tables.dynamic_strings, vec![0]);
        bytes.insert(tables.hash, empty_hash());
    }
    let thunks = image.far_branches.fill::<M>(&image.addresses).map_err(|refusal| {
        Diagnostic::error("output-too-large", format!("the address in a range-extension thunk {refusal}"))
            .at(Origin::default().in_section(".text.thunks"))
    })?;
    bytes.extend(thunks);
    Ok(bytes)
}

/// The note of the build id, whose id is zeros as long as it depends on the output.
fn build_id(build_id: &BuildId) -> Result<Vec<u8>> {
    let mut note = vec![0; build_id_note(build_id) as usize];
    buildid::write_note(build_id, &mut note);
    if let Some(id) = buildid::fixed_id(build_id)? {
        buildid::write_id(&mut note, &id);
    }
    Ok(note)
}

/// Place and value of a word that the program relocates at start.
fn word(image: &Image<'_>, atom_id: AtomId, index: u32) -> (u64, u64) {
    let atom = image.atoms.get(atom_id);
    let file = image.resolution.files.get(atom.file);
    let record = &atom.relocations.records()[index as usize];
    let symbol = file.symbol(record.r_sym(LE, false) as usize).map_or(0, |symbol| {
        let facts = image.facts[symbol.index()];
        image.word_target(symbol, facts, record.r_addend.get(LE))
    });
    (image.addresses.atoms[atom_id.index()].wrapping_add(record.r_offset.get(LE)), symbol)
}

/// The address of an IFUNC's resolver.
fn resolver(image: &Image<'_>, symbol: SymbolId) -> u64 {
    let (file, index) = image.resolution.files.owner(symbol);
    let record = &image.resolution.files.get(file).object.symbols[index];
    let atom = image.resolution.atom_in(file, index);
    atom.and_then(|atom| image.position(atom, record.st_value.get(LE))).unwrap_or(0)
}

fn unwind_header(image: &Image<'_>) -> Result<Vec<u8>> {
    let size = image.atoms.get(image.tables.unwind_header).size as usize;
    let Some(place) = image.unwind.place.filter(|_| size > 0) else { return Ok(Vec::new()) };
    let entries = image.unwind.tables.header_entries(&image.unwind.plan, |file, index| {
        let symbol = image.resolution.files.get(file).symbol(index as usize)?;
        Some(image.values[symbol.index()])
    });
    let mut bytes = vec![0; size];
    let at = |atom: AtomId| image.addresses.atoms[atom.index()];
    unwind::write_header(&mut bytes, at(image.tables.unwind_header), at(place), entries)?;
    Ok(bytes)
}

/// `.dynamic` of a static-pie: what the program needs to relocate itself, and no more.
fn dynamic(image: &Image<'_>, relocations: usize, packed: u64) -> Vec<u8> {
    let tables = &image.tables;
    let at = |atom: AtomId| image.addresses.atoms[atom.index()];
    let packed = [(DT_RELR, at(tables.packed_relocations)), (DT_RELRSZ, packed), (DT_RELRENT, packed::ENTRY)];
    let packed = packed.iter().filter(|_| image.got.has_packed());
    let entries = [
        (DT_HASH, at(tables.hash)),
        (DT_STRTAB, at(tables.dynamic_strings)),
        (DT_SYMTAB, at(tables.dynamic_symbols)),
        (DT_STRSZ, 1),
        (DT_SYMENT, SYMBOL),
        (DT_RELA, if relocations > 0 { at(tables.dynamic_relocations) } else { 0 }),
        (DT_RELASZ, relocations as u64 * got::RELA),
        (DT_RELAENT, got::RELA),
        (DT_FLAGS_1, u64::from(DF_1_PIE)),
    ];
    let entries = entries.iter().chain(packed).chain([&(DT_NULL, 0)]);
    entries.flat_map(|(tag, value)| [u64::from(*tag), *value]).flat_map(u64::to_le_bytes).collect()
}

/// One empty bucket, and the chain of the null symbol (gABI, "Hash Table").
fn empty_hash() -> Vec<u8> {
    let mut bytes = vec![0; HASH_SIZE as usize];
    bytes[0] = 1;
    bytes[4] = 1;
    bytes
}

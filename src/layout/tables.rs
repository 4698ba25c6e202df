//! The atoms of what the linker itself makes. Each says its exact size before anything has an address.

use object::elf::{
    SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE, SHT_DYNAMIC, SHT_DYNSYM, SHT_HASH, SHT_NOBITS, SHT_NOTE, SHT_PROGBITS,
    SHT_RELA, SHT_RELR, SHT_STRTAB,
};

use super::packed;
use crate::args::request::BuildId;
use crate::ids::AtomId;
use crate::inputs::atoms::{Atom, Atoms, Relocations};
use crate::symbols::resolve::Resolution;

/// Bytes of the build id's note before the id: the sizes, the type NT_GNU_BUILD_ID, and the name "GNU" (gABI, note section).
pub const BUILD_ID_HEADER: u64 = 16;

/// Bytes of the build id's section, a multiple of 4; 0 for no note. Its alignment is 4.
pub fn build_id_note(build_id: &BuildId) -> u64 {
    match build_id {
        BuildId::None => 0,
        _ => BUILD_ID_HEADER + build_id.size().next_multiple_of(4),
    }
}

/// The linker's own atoms.
#[derive(Clone, Debug)]
pub struct LinkerTables {
    /// `.got`.
    pub got: AtomId,
    /// `.iplt`: the stubs of IFUNCs.
    pub stubs: AtomId,
    /// `.rela.iplt`, or `.rela.dyn` in an image that may be loaded anywhere.
    pub dynamic_relocations: AtomId,
    /// `.relr.dyn`: relative relocations, packed.
    pub packed_relocations: AtomId,
    /// `.dynamic`.
    pub dynamic: AtomId,
    /// `.dynsym`: the null symbol; start-up code reads the table's address even if nothing is in it.
    pub dynamic_symbols: AtomId,
    /// `.dynstr`.
    pub dynamic_strings: AtomId,
    /// `.hash`: an empty table.
    pub hash: AtomId,
    /// `.eh_frame_hdr`.
    pub unwind_header: AtomId,
    /// `.note.gnu.build-id`.
    pub build_id: AtomId,
    /// `.note.gnu.property`.
    pub property: AtomId,
    /// By common symbol, in order.
    pub commons: Vec<AtomId>,
}

/// Bytes of each table whose size depends on the program; 0 leaves it out.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct TableSizes {
    /// `.got`.
    pub got: u64,
    /// `.iplt`.
    pub stubs: u64,
    /// Dynamic relocations.
    pub dynamic_relocations: u64,
    /// There are packed relocations; their table's size depends on addresses.
    pub packed_relocations: bool,
    /// The image may be loaded anywhere: `.dynamic` and what it refers to.
    pub position_independent: bool,
    /// `.eh_frame_hdr`.
    pub unwind_header: u64,
    /// `.note.gnu.build-id`.
    pub build_id: u64,
    /// `.note.gnu.property`.
    pub property: u64,
}

/// Entries of `.dynamic`: RELA, RELASZ, RELAENT, SYMTAB, SYMENT, STRTAB, STRSZ, HASH, FLAGS_1, NULL.
pub const DYNAMIC_ENTRIES: u64 = 10;
/// More entries of `.dynamic` if there are packed relocations: RELR, RELRSZ, RELRENT.
pub const PACKED_ENTRIES: u64 = 3;
/// Bytes of a symbol record.
pub const SYMBOL: u64 = 24;
/// Bytes of an empty `.hash`: one bucket, one chain.
pub const HASH_SIZE: u64 = 16;

struct Shape {
    name: &'static [u8],
    kind: u32,
    flags: u32,
    alignment: u64,
    entry_size: u64,
    size: u64,
}

/// Adds the linker's atoms to the inputs'; those without bytes are not alive.
pub fn add(
    atoms: &mut Atoms<'_>,
    alive: &mut Vec<bool>,
    resolution: &Resolution<'_>,
    sizes: TableSizes,
) -> LinkerTables {
    let mut push = |shape: Shape| {
        let id = AtomId::new(atoms.table.len());
        atoms.table.push(Atom {
            file: Atom::LINKER,
            name: shape.name,
            data: &[],
            size: shape.size,
            alignment: shape.alignment,
            flags: u64::from(shape.flags),
            kind: shape.kind,
            entry_size: shape.entry_size,
            relocations: Relocations::None,
        });
        alive.push(shape.size > 0);
        id
    };
    let dynamic = |size: u64| if sizes.position_independent { size } else { 0 };
    let (packed, entries) = match sizes.packed_relocations {
        true => (packed::ENTRY, DYNAMIC_ENTRIES + PACKED_ENTRIES),
        false => (0, DYNAMIC_ENTRIES),
    };
    let relocations: &[u8] = if sizes.position_independent { b".rela.dyn" } else { b".rela.iplt" };
    let shape =
        |name, kind, flags, alignment, entry_size, size| Shape { name, kind, flags, alignment, entry_size, size };
    let (r, rw, rx) = (SHF_ALLOC, SHF_ALLOC | SHF_WRITE, SHF_ALLOC | SHF_EXECINSTR);
    LinkerTables {
        got: push(shape(b".got", SHT_PROGBITS, rw, 8, 8, sizes.got)),
        stubs: push(shape(b".iplt", SHT_PROGBITS, rx, 16, 0, sizes.stubs)),
        dynamic_relocations: push(shape(relocations, SHT_RELA, r, 8, 24, sizes.dynamic_relocations)),
        packed_relocations: push(shape(b".relr.dyn", SHT_RELR, r, 8, packed::ENTRY, packed)),
        dynamic: push(shape(b".dynamic", SHT_DYNAMIC, rw, 8, 16, dynamic(entries * 16))),
        dynamic_symbols: push(shape(b".dynsym", SHT_DYNSYM, r, 8, SYMBOL, dynamic(SYMBOL))),
        dynamic_strings: push(shape(b".dynstr", SHT_STRTAB, r, 1, 0, dynamic(1))),
        hash: push(shape(b".hash", SHT_HASH, r, 8, 4, dynamic(HASH_SIZE))),
        unwind_header: push(shape(b".eh_frame_hdr", SHT_PROGBITS, r, 4, 0, sizes.unwind_header)),
        build_id: push(shape(b".note.gnu.build-id", SHT_NOTE, r, 4, 0, sizes.build_id)),
        property: push(shape(b".note.gnu.property", SHT_NOTE, r, 8, 0, sizes.property)),
        commons: commons(atoms, alive, resolution),
    }
}

/// Space for common symbols, as if their files had a section for each.
fn commons(atoms: &mut Atoms<'_>, alive: &mut Vec<bool>, resolution: &Resolution<'_>) -> Vec<AtomId> {
    let each = resolution.commons.iter().map(|common| {
        let id = AtomId::new(atoms.table.len());
        let thread_local = if common.thread_local { object::elf::SHF_TLS } else { 0 };
        atoms.table.push(Atom {
            file: resolution.files.owner(common.symbol).0,
            name: if common.thread_local { b".tcommon" } else { b"COMMON" },
            data: &[],
            size: common.size,
            alignment: common.alignment,
            flags: u64::from(SHF_ALLOC | SHF_WRITE | thread_local),
            kind: SHT_NOBITS,
            entry_size: 0,
            relocations: Relocations::None,
        });
        alive.push(true);
        id
    });
    each.collect()
}

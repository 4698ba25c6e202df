//! From what lives to the frozen image: slots, merged tables, sections, addresses, values, in that order.

use object::elf::{PT_TLS, SHT_NULL};

use super::address;
use super::branches::{self, Parts, Placed, Program};
use super::facts::{self, FactSources, Facts};
use super::got::{self, Got};
use super::image::{Image, LinkerName, Merged, SymbolValues, ThreadLocal, Unwind};
use super::living::{Living, file_name};
use super::packed::PackedSize;
use super::plan::{Addresses, ScriptSymbolValue, SectionPlan};
use super::properties;
use super::report;
use super::scan::{self, Scan};
use super::sections::{self, PlanRequest};
use super::state::AddressRequest;
use super::strings;
use super::tables::{self, LinkerTables, TableSizes};
use crate::args::request::{LinkRequest, SectionSort};
use crate::diag::{Diagnostic, Result};
use crate::gnu_property::Properties;
use crate::ids::{AtomId, OutputSectionId, SymbolId};
use crate::inputs::atoms::Atoms;
use crate::inputs::elf::LE;
use crate::relocation::Machine;
use crate::script::ast::{Script, Sort};
use crate::script::expression;
use crate::script::symbols::ScriptSymbols;
use crate::symbols::resolve::{LinkerSymbol, Resolution};
use crate::target::Target;

/// The frozen image and what was noticed on the way.
pub struct Arranged<'data> {
    /// The image.
    pub image: Image<'data>,
    /// What deserves a look although nothing is wrong.
    pub warnings: Vec<Diagnostic>,
    /// The contents of `.note.gnu.property`.
    pub property: Vec<u8>,
}

/// Lays out the program.
pub fn arrange<'data, M: Machine>(
    request: &LinkRequest,
    target: Target,
    script: &Script,
    script_symbols: &ScriptSymbols,
    resolution: Resolution<'data>,
    living: Living<'data, '_>,
) -> Result<Arranged<'data>> {
    let Living { mut atoms, mut alive, mut matching, unwind, .. } = living;
    let sources = Sources { request, target, resolution: &resolution, script_symbols, unwind: &unwind };
    let Reserved { facts, got, tables, property, warnings } = reserve::<M>(&sources, &mut atoms, &mut alive)?;
    let (position_independent, relax) = (request.kind.is_position_independent(), request.relax);
    matching.extend(&atoms, &|file| file_name(&resolution, file));
    let placed = |atom: AtomId| alive[atom.index()] && atoms.get(atom).kind != SHT_NULL;
    let mut plan = sections::plan(&PlanRequest {
        script,
        definitions: &request.definitions,
        atoms: &atoms,
        matching: &matching,
        placed: &placed,
        sort_section: sort_section(request.sort_sections),
    })?;
    let merged = merge(&mut atoms, &plan, &alive)?;
    stand_for_unwind(&mut atoms, &unwind);
    let packed = PackedSize::default();
    let place = |atoms: &Atoms<'_>, plan: &SectionPlan| {
        let context = ValueContext {
            resolution: &resolution,
            plan,
            merged: &merged,
            unwind: &unwind,
            commons: &tables.commons,
            // Asked for every symbol of the link: the column is faster to look into than the table of the few.
            stubs: &|symbol| {
                let is_ifunc = facts[symbol.index()].any(Facts::IFUNC);
                is_ifunc.then(|| got.stub_offset::<M>(symbol)).flatten()
            },
            stubs_atom: tables.stubs,
        };
        let mut sizes: Vec<u64> = atoms.table.iter().map(|atom| atom.size).collect();
        let assign = |sizes: &[u64]| {
            address::assign(&AddressRequest {
                plan,
                atoms,
                sizes,
                symbols: script_symbols,
                in_force: &|index| is_in_force(&resolution, script_symbols, index),
                lookup: &|name, atoms| context.lookup(name, atoms),
                options: &request.segments,
                kind: request.kind,
                architecture: target.architecture,
            })
        };
        let table = tables.packed_relocations.index();
        sizes[table] = sizes[table].max(packed.bytes());
        let mut addresses = assign(&sizes)?;
        while got.has_packed() && !packed.holds(&packed_places(&got, &tables, atoms, &addresses)) {
            sizes[table] = packed.bytes();
            addresses = assign(&sizes)?;
        }
        let values = context.at(&addresses.atoms, &addresses, |values| values.all());
        Ok(Placed { addresses, values })
    };
    let placed = place(&atoms, &plan)?;
    let program = Program { resolution: &resolution, facts: &facts, position_independent, relax };
    let parts = Parts { atoms: &mut atoms, alive: &mut alive, plan: &mut plan };
    let (Placed { addresses, values }, far_branches) = branches::extend::<M>(&program, parts, placed, &place)?;
    if got.has_packed() {
        atoms.table[tables.packed_relocations.index()].size = packed.bytes();
    }
    let tls = thread_local::<M>(&addresses);
    let linker_names = linker_names(&resolution, script_symbols, &addresses, &plan);
    let image = Image {
        target,
        resolution,
        atoms,
        alive,
        facts,
        plan,
        addresses,
        got,
        merged,
        unwind,
        tables,
        values,
        tls,
        linker_names,
        far_branches,
        relax,
    };
    let property = properties::note(&image, property);
    Ok(Arranged { image, warnings, property })
}

/// What the slots and tables of a program depend on, besides its atoms.
struct Sources<'a, 'data> {
    request: &'a LinkRequest,
    target: Target,
    resolution: &'a Resolution<'data>,
    script_symbols: &'a ScriptSymbols,
    unwind: &'a Unwind<'data>,
}

/// What relocations need, and the linker's own atoms with their sizes.
struct Reserved {
    facts: Vec<Facts>,
    got: Got,
    tables: LinkerTables,
    property: Properties,
    warnings: Vec<Diagnostic>,
}

/// Scans the relocations and reserves what they need.
fn reserve<M: Machine>(sources: &Sources<'_, '_>, atoms: &mut Atoms<'_>, alive: &mut Vec<bool>) -> Result<Reserved> {
    let Sources { request, target, resolution, script_symbols, unwind } = *sources;
    let (position_independent, relax) = (request.kind.is_position_independent(), request.relax);
    let absolute = absolute_linker_symbols(resolution, script_symbols, request);
    let merged: Vec<bool> = (atoms.table.iter().zip(alive.iter()).enumerate())
        .map(|(index, (atom, &alive))| unwind.is_table[index] || (alive && strings::mergeable(atom).is_ok()))
        .collect();
    let facts = facts::facts(&FactSources { resolution, alive, merged: &merged, absolute: &absolute });
    let scan = Scan { resolution, atoms, alive, facts: &facts, position_independent, relax };
    let needs = scan::scan::<M>(&scan);
    let mut warnings = report::needs::<M>(resolution, atoms, &needs, request, target)?;
    let (property, lacking) = properties::merge(resolution, atoms, target.architecture, &request.properties)?;
    warnings.extend(lacking);
    let mut got = Got::new(needs, &facts, position_independent);
    if position_independent && request.segments.pack_relative_relocations {
        got.pack(|atom, index| {
            let atom = atoms.get(atom);
            let offset = atom.relocations.records()[index as usize].r_offset.get(LE);
            atom.alignment.is_multiple_of(2) && offset.is_multiple_of(2)
        });
    }
    let sizes = TableSizes {
        got: got.size,
        stubs: got.stubs_size::<M>(),
        dynamic_relocations: got.dynamic_count() as u64 * got::RELA,
        packed_relocations: got.has_packed(),
        position_independent,
        unwind_header: if request.segments.eh_frame_hdr { unwind.plan.header_size() } else { 0 },
        build_id: tables::build_id_note(&request.build_id),
        property: property.note_size(),
    };
    let tables = tables::add(atoms, alive, resolution, sizes);
    Ok(Reserved { facts, got, tables, property, warnings })
}

/// Where the packed relocations are, as addressed so far.
pub fn packed_places(got: &Got, tables: &LinkerTables, atoms: &Atoms<'_>, addresses: &Addresses) -> Vec<u64> {
    let at = |atom: AtomId| addresses.atoms[atom.index()];
    got.packed_places(at(tables.got), |atom, index| {
        at(atom).wrapping_add(atoms.get(atom).relocations.records()[index as usize].r_offset.get(LE))
    })
}

/// What symbol values depend on besides addresses.
struct ValueContext<'a, 'data> {
    resolution: &'a Resolution<'data>,
    plan: &'a SectionPlan,
    merged: &'a Merged<'data>,
    unwind: &'a Unwind<'data>,
    commons: &'a [AtomId],
    stubs: &'a (dyn Fn(SymbolId) -> Option<u64> + Sync),
    stubs_atom: AtomId,
}

impl ValueContext<'_, '_> {
    fn at<T>(&self, atoms: &[u64], addresses: &Addresses, ask: impl FnOnce(&SymbolValues<'_, '_>) -> T) -> T {
        let stub =
            |symbol: SymbolId| (self.stubs)(symbol).map(|offset| atoms[self.stubs_atom.index()].wrapping_add(offset));
        ask(&SymbolValues {
            resolution: self.resolution,
            plan: self.plan,
            atoms,
            sections: &addresses.sections,
            script: &addresses.script_symbols,
            merged: self.merged,
            unwind: self.unwind,
            commons: self.commons,
            stub: &stub,
        })
    }

    /// The value of an input's symbol, for the expressions of scripts.
    fn lookup(&self, name: &str, atoms: &[u64]) -> Option<ScriptSymbolValue> {
        let symbol = self.resolution.find(name.as_bytes())?;
        let value = self.at(atoms, &Addresses::default(), |values| values.definition(symbol));
        let atom = self.resolution.atom_of(symbol);
        let section = atom.and_then(|atom| self.plan.section_of.get(atom.index()).copied().flatten());
        Some(ScriptSymbolValue { value, section })
    }
}

/// Whether the script's definition is the one that counts, and somebody needs it.
fn is_in_force(resolution: &Resolution<'_>, symbols: &ScriptSymbols, index: usize) -> bool {
    // The symbols of scripts are the first of the linker's.
    let is_own = resolution.linker_symbols.get(index) == Some(&LinkerSymbol::Script(index));
    let name = resolution.names.find(symbols.symbols[index].name.as_bytes());
    name.is_some_and(|name| {
        is_own && resolution.referenced[name.index()] && resolution.by_name(name) == SymbolId::new(index + 1)
    })
}

/// `--sort-section` as the plan takes it.
const fn sort_section(asked: Option<SectionSort>) -> &'static [Sort] {
    match asked {
        None => &[],
        Some(SectionSort::Name) => &[Sort::Name],
        Some(SectionSort::Alignment) => &[Sort::Alignment],
    }
}

/// By linker symbol: whether it is a plain number.
fn absolute_linker_symbols(resolution: &Resolution<'_>, symbols: &ScriptSymbols, request: &LinkRequest) -> Vec<bool> {
    let is_number = |index: usize| {
        let name = &symbols.symbols[index].name;
        let values = request.definitions.iter().filter(|(defined, _)| defined == name);
        let mut values = values.map(|(_, value)| expression::constant(value).is_some()).peekable();
        values.peek().is_some() && values.all(|constant| constant)
    };
    let each = resolution.linker_symbols.iter().map(|symbol| match symbol {
        LinkerSymbol::Script(index) => is_number(*index),
        LinkerSymbol::Start(_) | LinkerSymbol::Stop(_) => false,
    });
    each.collect()
}

/// Merges strings and constants. The first section of a table stands for it from here on; the others are empty.
fn merge<'data>(atoms: &mut Atoms<'data>, plan: &SectionPlan, alive: &[bool]) -> Result<Merged<'data>> {
    let in_order = alive.iter().enumerate().filter(|(_, alive)| **alive).filter_map(|(index, _)| {
        let id = AtomId::new(index);
        Some((id, atoms.get(id), plan.section_of.get(index).copied().flatten()?))
    });
    let groups = strings::groups(in_order);
    let tables = strings::merge(&groups)?;
    let mut places = Vec::with_capacity(groups.len());
    for (group, table) in groups.iter().zip(&tables.tables) {
        for (position, (member, _)) in group.members.iter().enumerate() {
            let atom = &mut atoms.table[member.index()];
            atom.data = &[];
            atom.size = if position == 0 { table.size } else { 0 };
        }
        places.extend(group.members.first().map(|(first, _)| *first));
    }
    Ok(Merged { tables, places })
}

/// The first unwind table stands for all of them; the others are empty.
fn stand_for_unwind(atoms: &mut Atoms<'_>, unwind: &Unwind<'_>) {
    for (index, _) in unwind.is_table.iter().enumerate().filter(|(_, is_table)| **is_table) {
        let stands = unwind.place == Some(AtomId::new(index));
        let atom = &mut atoms.table[index];
        atom.data = &[];
        atom.size = if stands { unwind.plan.size } else { 0 };
    }
}

fn thread_local<M: Machine>(addresses: &Addresses) -> ThreadLocal {
    let segment = addresses.segments.iter().find(|segment| segment.kind == PT_TLS);
    segment.map_or_else(ThreadLocal::default, |segment| ThreadLocal {
        start: segment.address,
        pointer: M::thread_pointer(segment.address, segment.memory_size, segment.alignment),
    })
}

/// The linker's own symbols as the symbol table shows them.
fn linker_names(
    resolution: &Resolution<'_>,
    script: &ScriptSymbols,
    addresses: &Addresses,
    plan: &SectionPlan,
) -> Vec<LinkerName> {
    let section_named =
        |name: &str| plan.sections.iter().position(|section| section.name == name).map(OutputSectionId::new);
    let each = resolution.linker_symbols.iter().enumerate().map(|(index, symbol)| {
        let (name, hidden, provided, section) = match symbol {
            LinkerSymbol::Script(index) => {
                let symbol = &script.symbols[*index];
                let value = addresses.script_symbols.get(*index).copied().flatten();
                (symbol.name.clone(), symbol.hidden, value.is_some(), value.and_then(|value| value.section))
            }
            LinkerSymbol::Start(name) => (format!("__start_{name}"), false, true, section_named(name)),
            LinkerSymbol::Stop(name) => (format!("__stop_{name}"), false, true, section_named(name)),
        };
        let defines = resolution.find(name.as_bytes()) == Some(SymbolId::new(index + 1));
        LinkerName { kept: defines && provided, name, hidden, section }
    });
    each.collect()
}

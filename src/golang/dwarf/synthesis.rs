//! What strings, slices, maps and channels are made of: their entries get the fields of the runtime's structures (Go 1.26
//! and 1.27, `synthesizestringtypes` and its siblings in `cmd/link/internal/ld/dwarf.go`).
//!
//! Each pass goes from the entry that was made last to the first, and does not see what it makes itself.

use super::abbreviations::Shape;
use super::entries::{Entry, EntryId, Member};
use super::types::{Types, find, required};
use crate::diag::Diagnostic;
use crate::golang::symbols::GoSymbol;
use crate::golang::types::TypeKind;

const STRUCT: u8 = TypeKind::Struct as u8;

/// A field that refers to something else than in the runtime's structure.
type Replaced<'a> = (&'a [u8], EntryId);

/// Completes the entries.
pub(super) fn complete(types: &mut Types<'_, '_>) -> Result<(), Diagnostic> {
    strings(types)?;
    slices(types)?;
    maps(types)?;
    channels(types)
}

fn strings(types: &mut Types<'_, '_>) -> Result<(), Diagnostic> {
    let all = of_shape(types, Shape::String);
    let structure = prototype(types, b"runtime.stringStructDWARF")?;
    let members = types.entries.get(structure).members;
    for id in all {
        types.entries.get_mut(id).members = members;
    }
    Ok(())
}

fn slices(types: &mut Types<'_, '_>) -> Result<(), Diagnostic> {
    let all = of_shape(types, Shape::Slice);
    let structure = prototype(types, b"runtime.slice")?;
    for id in all {
        let members = copy_members(types, structure);
        types.entries.get_mut(id).members = members;
        if let Some(element) = types.entries.get(id).element {
            let pointer = pointer_to(types, element);
            replace(types, id, b"array", pointer)?;
        }
    }
    Ok(())
}

fn maps(types: &mut Types<'_, '_>) -> Result<(), Diagnostic> {
    let all = of_shape(types, Shape::Map);
    let map = prototype(types, b"internal/runtime/maps.Map")?;
    let table = prototype(types, b"internal/runtime/maps.table")?;
    let reference = prototype(types, b"internal/runtime/maps.groupsReference")?;
    for id in all {
        let Some(symbol) = types.entries.get(id).symbol.some() else { continue };
        let descriptor = types.descriptor(symbol);
        let key = types.define(descriptor.element())?;
        let element = types.define(descriptor.map_value())?;
        let group = types.define(descriptor.map_group())?;
        let of = [types.name(key), b",", types.name(element)].concat();
        let groups = structure(types, &[b"groupReference<", &of, b">"], reference, STRUCT, |types| {
            vec![(b"data", pointer_to(types, group))]
        })?;
        let tables = structure(types, &[b"table<", &of, b">"], table, STRUCT, |_| vec![(b"groups", groups)])?;
        let whole = structure(types, &[b"map<", &of, b">"], map, STRUCT, |types| {
            let one = pointer_to(types, tables);
            vec![(b"dirPtr", pointer_to(types, one))]
        })?;
        types.entries.get_mut(id).target = Some(pointer_to(types, whole));
    }
    Ok(())
}

fn channels(types: &mut Types<'_, '_>) -> Result<(), Diagnostic> {
    let all = of_shape(types, Shape::Channel);
    let sudog = prototype(types, b"runtime.sudog")?;
    let waitq = prototype(types, b"runtime.waitq")?;
    let hchan = prototype(types, b"runtime.hchan")?;
    for id in all {
        let Some(symbol) = types.entries.get(id).symbol.some() else { continue };
        let element = types.descriptor(symbol).element();
        let element = types.define(element)?;
        let of = types.name(element).to_vec();
        let waiting =
            structure(types, &[b"sudog<", &of, b">"], sudog, 0, |types| vec![(b"elem", pointer_to(types, element))])?;
        let queue = structure(types, &[b"waitq<", &of, b">"], waitq, 0, |types| {
            let first = pointer_to(types, waiting);
            vec![(b"first", first), (b"last", first)]
        })?;
        let whole =
            structure(types, &[b"hchan<", &of, b">"], hchan, 0, |_| vec![(b"recvq", queue), (b"sendq", queue)])?;
        types.entries.get_mut(id).target = Some(pointer_to(types, whole));
    }
    Ok(())
}

fn of_shape(types: &Types<'_, '_>, shape: Shape) -> Vec<EntryId> {
    let all = types.entries.all.iter().enumerate().rev();
    all.filter(|(_, entry)| entry.shape == shape).map(|(index, _)| EntryId::at(index)).collect()
}

/// The structure of the runtime whose fields are taken.
fn prototype(types: &mut Types<'_, '_>, name: &[u8]) -> Result<EntryId, Diagnostic> {
    let symbol = required(types.symbols, name)?;
    let id = types.define(symbol)?;
    Ok(types.definition(id))
}

fn copy_members(types: &mut Types<'_, '_>, from: EntryId) -> (u32, u32) {
    let first = types.entries.members.len() as u32;
    let range = types.entries.member_range(from);
    types.entries.members.extend_from_within(range);
    (first, types.entries.members.len() as u32)
}

/// The structure of a name with the fields of a prototype, some of them replaced; made if it is new.
fn structure<'n>(
    types: &mut Types<'_, '_>,
    name: &[&[u8]],
    prototype: EntryId,
    kind: u8,
    replaced: impl FnOnce(&mut Types<'_, '_>) -> Vec<Replaced<'n>>,
) -> Result<EntryId, Diagnostic> {
    let name = name.concat();
    if let Some(&id) = types.made.get(&name) {
        return Ok(id);
    }
    let text = types.entries.names.push(&name);
    let members = copy_members(types, prototype);
    let size = types.entries.get(prototype).size;
    let id = types.entries.push(Entry { size, kind, members, ..Entry::new(Shape::Struct, text) });
    types.made.insert(name, id);
    for (field, target) in replaced(types) {
        replace(types, id, field, target)?;
    }
    Ok(id)
}

/// Makes a field refer to something else.
fn replace(types: &mut Types<'_, '_>, id: EntryId, field: &[u8], target: EntryId) -> Result<(), Diagnostic> {
    let is_field = |member: &Member| types.entries.names.text(member.name) == field;
    // Of fields with one name the last one counts.
    let Some(position) = types.entries.members_of(id).iter().rposition(is_field) else {
        let (name, field) = (String::from_utf8_lossy(types.name(id)).into_owned(), String::from_utf8_lossy(field));
        let message = format!("the runtime's structure behind {name} has no field {field}");
        return Err(Diagnostic::error("bad-type", message).help("build the standard library again, or link with -w"));
    };
    let start = types.entries.member_range(id).start;
    types.entries.members[start + position].target = Some(target);
    Ok(())
}

/// The pointer to an entry, made if it is new. The program may have no such type.
fn pointer_to(types: &mut Types<'_, '_>, target: EntryId) -> EntryId {
    let symbols = types.symbols;
    let name = [b"*", types.name(target)].concat();
    let symbol = find(symbols, &name);
    let known = match symbol {
        Some(symbol) => types.of.get(symbol).map(|number| EntryId::at(number as usize)),
        None => types.made.get(&name).copied(),
    };
    if let Some(known) = known {
        return known;
    }
    let live = symbol.filter(|&symbol| symbols.is_reachable(symbol));
    let text = types.entries.names.push(&name);
    let id = types.entries.push(Entry {
        kind: if live.is_some() { TypeKind::Pointer as u8 } else { 0 },
        runtime_type: live.unwrap_or(GoSymbol::NONE),
        target: Some(target),
        ..Entry::new(Shape::Pointer, text)
    });
    match symbol {
        Some(symbol) => types.of.set(symbol, id.number()),
        None => {
            types.made.insert(name, id);
        }
    }
    id
}

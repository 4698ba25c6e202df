//! What symbols refer to: relocations, auxiliary symbols, and the symbols that references mean (Go 1.26 and 1.27,
//! `cmd/link/internal/loader/loader.go`, resolve).

use rayon::iter::Either;

use super::Symbols;
use super::ids::{GoSymbol, ObjectId};
use super::object::ObjectEntry;
use crate::inputs::goobj::records::package_index;
use crate::inputs::goobj::{AuxKind, Reference, RelocationKind, RelocationRecord};

/// A relocation with its target found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Relocation {
    /// Offset in the symbol, in bytes.
    pub offset: i32,
    /// Bytes that are patched; 0 patches nothing.
    pub size: u8,
    /// Whether it does not keep the target alive.
    pub weak: bool,
    /// What it asks for.
    pub kind: RelocationKind,
    /// The addend.
    pub addend: i64,
    /// The target; [`GoSymbol::NONE`] for kinds that have none and for references that name nothing.
    pub target: GoSymbol,
}

impl<'data> Symbols<'data> {
    /// The symbol that an object's reference means; none if it is nil or names nothing.
    #[inline]
    pub fn resolve(&self, from: ObjectId, reference: Reference) -> GoSymbol {
        self.resolve_in(self.object(from), reference)
    }

    /// The same, with the object found.
    #[inline]
    pub(in crate::golang) fn resolve_in(&self, entry: &ObjectEntry<'_>, reference: Reference) -> GoSymbol {
        match reference.package {
            package_index::SELF => entry.own.at(reference.index),
            package if package < package_index::SELF => {
                // No package is at 0, which stands for no symbol.
                entry.windows.get(package as usize).map_or(GoSymbol::NONE, |window| window.at(reference.index))
            }
            package_index::BUILTIN => self.builtins.get(reference.index as usize).copied().unwrap_or(GoSymbol::NONE),
            special => {
                let slots = entry.slots_of.get((special - package_index::HASHED) as usize);
                let slot = slots.and_then(|slots| slots.get(reference.index));
                slot.map_or(GoSymbol::NONE, |slot| self.slots[slot as usize])
            }
        }
    }

    /// The auxiliary symbol of a kind that an object's reference means.
    #[inline]
    pub fn resolve_aux(&self, entry: &ObjectEntry<'_>, kind: AuxKind, reference: Reference) -> GoSymbol {
        match kind.is_description() {
            true => self.resolve_description(entry, reference),
            false => self.resolve_in(entry, reference),
        }
    }

    /// What a reference means that may mean a description.
    #[inline]
    fn resolve_description(&self, entry: &ObjectEntry<'_>, reference: Reference) -> GoSymbol {
        let at = match reference.package {
            package_index::SELF => reference.index.checked_sub(entry.own.count),
            _ => None,
        };
        match at {
            None => self.resolve_in(entry, reference),
            Some(at) => entry.description(at).unwrap_or_default(),
        }
    }

    /// Its relocations, in order.
    #[inline]
    pub fn relocations(&self, symbol: GoSymbol) -> impl Iterator<Item = Relocation> + Clone + use<'_, 'data> {
        let Some((id, local)) = self.definition(symbol) else {
            let made = self.made(symbol).map_or(&[][..], |made| &made.relocations);
            return Either::Left(made.iter().copied());
        };
        let entry = self.object(id);
        Either::Right(entry.object.relocations(local).map(move |record| self.relocation(entry, record)))
    }

    /// Its relocations that patch bytes, in order. The others are not even resolved.
    #[inline]
    pub fn patches(&self, symbol: GoSymbol) -> impl Iterator<Item = Relocation> + use<'_, 'data> {
        let Some((id, local)) = self.definition(symbol) else {
            let made = self.made(symbol).map_or(&[][..], |made| &made.relocations);
            return Either::Left(made.iter().copied().filter(|relocation| relocation.size > 0));
        };
        let entry = self.object(id);
        let records = entry.object.relocations(local).filter(|record| record.size() > 0);
        Either::Right(records.map(move |record| self.relocation(entry, record)))
    }

    #[inline]
    fn relocation(&self, entry: &ObjectEntry<'data>, record: RelocationRecord<'data>) -> Relocation {
        let (kind, reference) = (entry.relocations.of(record.raw_kind()), record.target());
        Relocation {
            offset: record.offset(),
            size: record.size(),
            weak: record.is_weak(),
            kind,
            addend: record.addend(),
            target: match kind {
                RelocationKind::DwarfSectionReference => self.resolve_description(entry, reference),
                _ => self.resolve_in(entry, reference),
            },
        }
    }

    /// What its first relocation at an offset refers to; none if there is none.
    pub fn target_at(&self, symbol: GoSymbol, offset: i32) -> GoSymbol {
        match self.definition(symbol) {
            Some((id, local)) => {
                let found = self.object(id).object.relocations(local).find(|record| record.offset() == offset);
                found.map_or(GoSymbol::NONE, |record| self.resolve(id, record.target()))
            }
            None => {
                let found = self.relocations(symbol).find(|relocation| relocation.offset == offset);
                found.map_or(GoSymbol::NONE, |relocation| relocation.target)
            }
        }
    }

    /// How many relocations it has.
    pub fn relocation_count(&self, symbol: GoSymbol) -> usize {
        match self.made(symbol) {
            Some(made) => made.relocations.len(),
            None => self.definition(symbol).map_or(0, |(id, local)| self.object(id).object.relocations(local).len()),
        }
    }

    /// Its first auxiliary symbol of a kind.
    pub fn aux_of(&self, symbol: GoSymbol, kind: AuxKind) -> Option<GoSymbol> {
        let [found] = self.aux_of_kinds(symbol, [kind]);
        found.some()
    }

    /// Its first auxiliary symbol of each of some kinds, or none. Others are not even resolved.
    #[inline]
    pub fn aux_of_kinds<const N: usize>(&self, symbol: GoSymbol, kinds: [AuxKind; N]) -> [GoSymbol; N] {
        let Some((id, local)) = self.origin(symbol) else { return [GoSymbol::NONE; N] };
        let entry = self.object(id);
        let mut found = [None; N];
        for record in entry.object.aux(local) {
            let Some(kind) = record.kind() else { continue };
            if let Some(at) = kinds.iter().position(|wanted| *wanted == kind) {
                found[at] = found[at].or(Some(record.symbol()));
            }
        }
        std::array::from_fn(|at| {
            found[at].map_or(GoSymbol::NONE, |reference| self.resolve_aux(entry, kinds[at], reference))
        })
    }

    /// The contents of its first auxiliary symbol of a kind that its own object defines, as it does tables of program counters: these
    /// need be no symbols.
    pub fn aux_contents(&self, symbol: GoSymbol, kind: AuxKind) -> Option<&'data [u8]> {
        let (id, local) = self.origin(symbol)?;
        let object = &self.object(id).object;
        let record = object.aux(local).find(|record| record.kind() == Some(kind))?;
        Some(object.data(object.local(record.symbol())?))
    }
}

//! Symbols that the linker makes, or takes over from an object to change them.

use std::borrow::Cow;

use super::ids::{GoSymbol, ObjectId, Version};
use super::kind::Kind;
use super::references::Relocation;
use super::{Home, MADE, Symbols, attribute};
use crate::inputs::goobj::RelocationKind;

/// A symbol that the linker made, or took over from an object to change it.
#[derive(Clone, Debug, Default)]
pub struct Made<'data> {
    /// Its name.
    pub name: Cow<'data, [u8]>,
    /// The definition that was taken over.
    pub(super) origin: Option<(ObjectId, u32)>,
    /// Bytes it takes.
    pub size: u64,
    /// Its contents; zeros follow up to the size.
    pub data: Cow<'data, [u8]>,
    /// Its relocations.
    pub relocations: Vec<Relocation>,
    /// Which of its name.
    pub(super) version: u8,
}

impl<'data> Made<'data> {
    /// A name that nothing defines.
    pub(in crate::golang) fn undefined(name: &'data [u8], abi: u16) -> Self {
        Made { name: name.into(), version: Version::of_abi(abi) as u8, ..Made::default() }
    }

    /// Appends bytes.
    pub fn push_bytes(&mut self, bytes: &[u8]) {
        self.data.to_mut().extend_from_slice(bytes);
        self.size = self.size.max(self.data.len() as u64);
    }

    /// Appends a number of 8 bytes.
    pub fn push_u64(&mut self, value: u64) {
        self.push_bytes(&value.to_le_bytes());
    }

    /// Appends the address of a symbol, and an addend.
    pub fn push_address(&mut self, target: GoSymbol, addend: i64) {
        let offset = self.data.len() as i32;
        let kind = RelocationKind::Address;
        self.relocations.push(Relocation { offset, size: 8, weak: false, kind, addend, target });
        self.push_u64(0);
    }
}

impl<'data> Symbols<'data> {
    /// The symbol of a name, made if there is none: undefined and unreachable then.
    pub fn find_or_make(&mut self, name: &[u8], version: Version) -> GoSymbol {
        if let Some(symbol) = self.find(name, version) {
            return symbol;
        }
        let symbol = self.push(Made { name: name.to_vec().into(), version: version as u8, ..Made::default() });
        self.made_names.insert((name.to_vec(), version), symbol);
        symbol
    }

    /// The symbol of a name as a part of the program that is about to be filled: made if there is none, and reachable.
    pub fn define(&mut self, name: &[u8], kind: Kind) -> GoSymbol {
        let symbol = self.find_or_make(name, Version::Abi0);
        self.edit(symbol);
        self.set_kind(symbol, kind);
        self.set(symbol, attribute::REACHABLE);
        symbol
    }

    /// A symbol that no name finds, although it may have one.
    pub fn make_alone(&mut self, name: &[u8], version: Version) -> GoSymbol {
        self.push(Made { name: name.to_vec().into(), version: version as u8, ..Made::default() })
    }

    fn push(&mut self, made: Made<'data>) -> GoSymbol {
        let symbol = GoSymbol(self.homes.len() as u32);
        self.homes.push(Home { object: MADE, local: self.made.len() as u32 });
        self.kinds.push(Kind::Undefined);
        self.sizes.push(0);
        self.attributes.push(0);
        self.flags.push((0, 0));
        self.alignments.push(0);
        self.made.push(made);
        symbol
    }

    /// A symbol's contents for changing. A definition of an object is taken over with its relocations; the
    /// object stays as it is, and still tells which auxiliary symbols it has.
    pub fn edit(&mut self, symbol: GoSymbol) -> &mut Made<'data> {
        if let Some((id, local)) = self.definition(symbol) {
            let object = self.object(id).object;
            let record = object.symbol(local);
            let made = Made {
                name: object.name(record).into(),
                origin: Some((id, local)),
                size: u64::from(record.size()),
                data: object.data(local).into(),
                relocations: self.relocations(symbol).collect(),
                version: Version::of_abi(record.abi()) as u8,
            };
            self.homes[symbol.index()] = Home { object: MADE, local: self.made.len() as u32 };
            self.made.push(made);
        }
        let at = self.homes[symbol.index()].local as usize;
        &mut self.made[at]
    }
}

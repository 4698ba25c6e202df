//! The global offset table and the stubs of IFUNCs: which slot is whose, and what goes into it.
//!
//! In a static program a slot is needed only where an instruction could not be rewritten, and for every IFUNC, whose
//! address is known when its resolver has run. The dynamic relocations that a static program applies to itself at start
//! stand here too: IRELATIVE for IFUNCs, RELATIVE for addresses in an image that may be loaded anywhere.

use hashbrown::HashMap;

use super::facts::Facts;
use super::scan::{Needs, Slot};
use crate::ids::{AtomId, SymbolId};
use crate::relocation::{Machine, Refusal};
use crate::symbols::resolve::UNDEFINED;

/// Bytes of a slot.
const SLOT: u64 = 8;
/// Bytes of an Elf64_Rela.
pub const RELA: u64 = 24;

/// Slots and stubs, sized; addresses come later.
#[derive(Default, Debug)]
pub struct Got {
    /// By definition and kind: bytes from the start of the table.
    slots: HashMap<(SymbolId, Slot), u64>,
    /// The same in order of offset.
    order: Vec<(SymbolId, Slot)>,
    /// IFUNCs with a stub, in order.
    stubs: Vec<SymbolId>,
    /// By IFUNC: its position in `stubs`.
    stub_index: HashMap<SymbolId, u64>,
    /// Bytes of the table.
    pub size: u64,
    /// Slots that hold an address which moves with the image.
    moving: Vec<SymbolId>,
    /// Words in atoms that hold an address which moves with the image, and are not packed.
    words: Vec<(AtomId, u32)>,
    /// The other such words, if relative relocations are packed; the slots are too then.
    packed: Option<Vec<(AtomId, u32)>>,
    position_independent: bool,
}

/// A dynamic relocation the program applies to itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DynamicRelocation {
    /// `r_offset`.
    pub place: u64,
    /// `R_*_RELATIVE` or `R_*_IRELATIVE`.
    pub kind: u32,
    /// `r_addend`.
    pub addend: u64,
}

/// Numbers that only the addressed layout knows.
pub struct GotAddresses<'a> {
    /// `.got`.
    pub table: u64,
    /// By [`SymbolId`]: the value as relocations see it.
    pub values: &'a [u64],
    /// See [`crate::relocation::Values::thread_pointer`].
    pub thread_pointer: u64,
    /// The start of PT_TLS.
    pub tls_start: u64,
}

impl Got {
    /// Reserves what the relocations need.
    pub fn new(needs: Needs, facts: &[Facts], position_independent: bool) -> Self {
        let mut got = Got { position_independent, words: needs.relatives, ..Got::default() };
        let is_ifunc = |symbol: SymbolId| symbol != UNDEFINED && facts[symbol.index()].any(Facts::IFUNC);
        let mut slots = needs.slots;
        let ifuncs: Vec<SymbolId> = slots.iter().map(|slot| slot.0).filter(|&symbol| is_ifunc(symbol)).collect();
        slots.extend(ifuncs.into_iter().map(|symbol| (symbol, Slot::IfuncStub)));
        slots.sort_unstable();
        slots.dedup();
        for (symbol, slot) in slots {
            let moves = symbol != UNDEFINED && !facts[symbol.index()].target().absolute;
            got.slots.insert((symbol, slot), got.size);
            got.order.push((symbol, slot));
            got.size += if slot == Slot::ThreadPair { 2 * SLOT } else { SLOT };
            if slot == Slot::IfuncStub {
                got.stub_index.insert(symbol, got.stubs.len() as u64);
                got.stubs.push(symbol);
            }
            if slot == Slot::Address && moves && position_independent {
                got.moving.push(symbol);
            }
        }
        got
    }

    /// Has relative relocations packed: those of the words that `is_even` holds for, and of the slots.
    pub fn pack(&mut self, is_even: impl Fn(AtomId, u32) -> bool) {
        let (packed, words) =
            std::mem::take(&mut self.words).into_iter().partition(|&(atom, index)| is_even(atom, index));
        (self.packed, self.words) = (Some(packed), words);
    }

    /// Whether a table of packed relocations is needed.
    pub fn has_packed(&self) -> bool {
        self.packed.as_ref().is_some_and(|words| !words.is_empty() || !self.moving.is_empty())
    }

    /// The places of the packed relocations, ascending. `table` is the address of `.got`, `word` gives a word's place.
    pub fn packed_places(&self, table: u64, word: impl Fn(AtomId, u32) -> u64) -> Vec<u64> {
        let Some(packed) = &self.packed else { return Vec::new() };
        let slots = self.moving.iter().map(|&symbol| table.wrapping_add(self.slots[&(symbol, Slot::Address)]));
        let mut places: Vec<u64> = packed.iter().map(|&(atom, index)| word(atom, index)).chain(slots).collect();
        places.sort_unstable();
        places
    }

    /// The offset of a slot in the table.
    #[inline]
    pub fn offset(&self, symbol: SymbolId, slot: Slot) -> Option<u64> {
        self.slots.get(&(symbol, slot)).copied()
    }

    /// The offset of an IFUNC's stub among the stubs.
    pub fn stub_offset<M: Machine>(&self, symbol: SymbolId) -> Option<u64> {
        self.stub_index.get(&symbol).map(|index| index * M::IFUNC_STUB_SIZE as u64)
    }

    /// Bytes of all stubs.
    pub fn stubs_size<M: Machine>(&self) -> u64 {
        self.stubs.len() as u64 * M::IFUNC_STUB_SIZE as u64
    }

    /// How many dynamic relocations there are that are not packed.
    pub fn dynamic_count(&self) -> usize {
        self.moving().len() + self.words.len() + self.stubs.len()
    }

    /// Slots that need a record of their own.
    fn moving(&self) -> &[SymbolId] {
        if self.packed.is_some() { &[] } else { &self.moving }
    }

    /// The words of atoms that are relocated at start.
    pub fn words(&self) -> &[(AtomId, u32)] {
        &self.words
    }

    /// The IFUNCs with stubs.
    pub fn ifuncs(&self) -> &[SymbolId] {
        &self.stubs
    }

    /// The table's bytes.
    pub fn fill(&self, addresses: &GotAddresses<'_>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.size as usize);
        let value = |symbol: SymbolId| match symbol {
            UNDEFINED => 0,
            symbol => addresses.values[symbol.index()],
        };
        for &(symbol, slot) in &self.order {
            match slot {
                Slot::Address => bytes.extend(value(symbol).to_le_bytes()),
                Slot::ThreadOffset => {
                    let offset =
                        if symbol == UNDEFINED { 0 } else { value(symbol).wrapping_sub(addresses.thread_pointer) };
                    bytes.extend(offset.to_le_bytes());
                }
                Slot::ThreadPair => {
                    // An executable is module 1 (psABI, "Thread-Local Storage").
                    bytes.extend(1_u64.to_le_bytes());
                    bytes.extend(value(symbol).wrapping_sub(addresses.tls_start).to_le_bytes());
                }
                Slot::IfuncStub => bytes.extend(0_u64.to_le_bytes()),
            }
        }
        bytes
    }

    /// The stubs' bytes; `stubs` is their address.
    pub fn fill_stubs<M: Machine>(&self, stubs: u64, table: u64) -> Result<Vec<u8>, Refusal> {
        let mut bytes = vec![0; self.stubs_size::<M>() as usize];
        let each = bytes.chunks_exact_mut(M::IFUNC_STUB_SIZE);
        for (index, (stub, symbol)) in each.zip(&self.stubs).enumerate() {
            let slot = table + self.slots[&(*symbol, Slot::IfuncStub)];
            M::write_ifunc_stub(stub, stubs + (index * M::IFUNC_STUB_SIZE) as u64, slot)?;
        }
        Ok(bytes)
    }

    /// The dynamic relocations that are not packed, in the order in which they are applied: RELATIVE by ascending place, then IRELATIVE, whose
    /// resolvers may read what the former wrote. `word` gives place and value of a word; `resolver` the address of an
    /// IFUNC's resolver.
    pub fn dynamic_relocations<M: Machine>(
        &self,
        addresses: &GotAddresses<'_>,
        word: impl Fn(AtomId, u32) -> (u64, u64),
        resolver: impl Fn(SymbolId) -> u64,
    ) -> Vec<DynamicRelocation> {
        let relative = |(place, addend): (u64, u64)| DynamicRelocation { place, kind: M::RELATIVE, addend };
        let slot = |symbol: SymbolId, kind: Slot| addresses.table + self.slots[&(symbol, kind)];
        let slots = self.moving().iter().map(|&symbol| (slot(symbol, Slot::Address), addresses.values[symbol.index()]));
        let words = self.words.iter().map(|&(atom, index)| word(atom, index));
        let mut all: Vec<DynamicRelocation> = slots.chain(words).map(relative).collect();
        all.sort_unstable_by_key(|one| one.place);
        all.extend(self.stubs.iter().map(|&symbol| DynamicRelocation {
            place: slot(symbol, Slot::IfuncStub),
            kind: M::IRELATIVE,
            addend: resolver(symbol),
        }));
        all
    }

    /// Whether the program must relocate itself although it is loaded where it was linked.
    pub const fn is_position_independent(&self) -> bool {
        self.position_independent
    }
}

/// Dynamic relocations as Elf64_Rela records.
pub fn rela_records(relocations: &[DynamicRelocation]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(relocations.len() * RELA as usize);
    for one in relocations {
        bytes.extend(one.place.to_le_bytes());
        bytes.extend(u64::from(one.kind).to_le_bytes());
        bytes.extend(one.addend.to_le_bytes());
    }
    bytes
}

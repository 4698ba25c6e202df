//! The walk over the relocations of live atoms before anything has an address: what each needs from the layout, and which
//! symbols nothing defines.

use object::elf::{SHF_ALLOC, SHF_WRITE};
use rayon::prelude::*;

use super::facts::Facts;
use crate::ids::{AtomId, SymbolId};
use crate::inputs::atoms::{Atom, Atoms};
use crate::inputs::elf::LE;
use crate::relocation::{self, Machine, Mode, Need, Refusal};
use crate::symbols::resolve::{Resolution, UNDEFINED};

/// Relocations that one worker takes at a time.
const CHUNK: usize = 8192;

/// What the scan reads.
pub struct Scan<'a, 'data> {
    /// The names, resolved.
    pub resolution: &'a Resolution<'data>,
    /// The atoms.
    pub atoms: &'a Atoms<'data>,
    /// By [`AtomId`]: part of the program.
    pub alive: &'a [bool],
    /// By [`SymbolId`].
    pub facts: &'a [Facts],
    /// The image may be loaded anywhere.
    pub position_independent: bool,
    /// Instructions may be replaced: `--no-relax` was not given.
    pub relax: bool,
}

/// What the relocations need.
#[derive(Default, Debug)]
pub struct Needs {
    /// Slots, by the symbol that defines the target: sorted, each once.
    pub slots: Vec<(SymbolId, Slot)>,
    /// 8-byte words that hold an address in a position-independent image: atom, and index of the relocation in it.
    pub relatives: Vec<(AtomId, u32)>,
    /// References to symbols that nothing defines.
    pub undefined: Vec<Site>,
    /// References to symbols whose section is not linked, although the one with the reference is.
    pub dropped: Vec<Site>,
    /// Relocations that cannot be taken.
    pub refused: Vec<(Site, Refusal)>,
    /// Whether a direct branch was met, so that range matters.
    pub branches: bool,
}

/// What is reserved for a symbol.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Slot {
    /// A GOT slot with its address.
    Address,
    /// A GOT slot with its offset from the thread pointer.
    ThreadOffset,
    /// Two GOT slots: its module, and its offset in the module's block.
    ThreadPair,
    /// A stub that jumps to what its resolver chose, and the GOT slot that the stub reads.
    IfuncStub,
}

/// One relocation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Site {
    /// The atom it patches.
    pub atom: AtomId,
    /// Its index among the atom's relocations.
    pub index: u32,
    /// The symbol it refers to, in the atom's file.
    pub symbol: SymbolId,
}

/// Scans every live atom of the image.
pub fn scan<M: Machine>(scan: &Scan<'_, '_>) -> Needs {
    let jobs: Vec<(AtomId, usize, usize)> = scan.jobs();
    let parts: Vec<Needs> = jobs.par_iter().map(|&(atom, start, end)| scan.chunk::<M>(atom, start, end)).collect();
    let mut needs = Needs::default();
    for part in parts {
        needs.slots.extend(part.slots);
        needs.relatives.extend(part.relatives);
        needs.undefined.extend(part.undefined);
        needs.dropped.extend(part.dropped);
        needs.refused.extend(part.refused);
        needs.branches |= part.branches;
    }
    needs.slots.sort_unstable();
    needs.slots.dedup();
    needs
}

impl Scan<'_, '_> {
    fn jobs(&self) -> Vec<(AtomId, usize, usize)> {
        let mut jobs = Vec::new();
        for (index, atom) in self.atoms.table.iter().enumerate() {
            let count = atom.relocations.records().len();
            if count == 0 || !self.alive[index] || atom.flags & u64::from(SHF_ALLOC) == 0 {
                continue;
            }
            for start in (0..count).step_by(CHUNK) {
                jobs.push((AtomId::new(index), start, (start + CHUNK).min(count)));
            }
        }
        jobs
    }

    fn chunk<M: Machine>(&self, atom_id: AtomId, start: usize, end: usize) -> Needs {
        let atom = self.atoms.get(atom_id);
        let file = self.resolution.files.get(atom.file);
        let mode = Mode { position_independent: self.position_independent, allocated: true, relax: self.relax };
        let records = atom.relocations.records();
        let mut needs = Needs::default();
        let reports_dropped = !describes_functions(atom);
        let mut index = start;
        // The first relocation of a chunk may be the second of a relaxed pair, which is not decided by itself.
        if start > 0 && self.consumes_next::<M>(atom_id, start - 1, mode) {
            index += 1;
        }
        while index < end {
            let record = &records[index];
            let position = index as u32;
            index += 1;
            let Some(symbol) = file.symbol(record.r_sym(LE, false) as usize) else {
                let site = Site { atom: atom_id, index: position, symbol: UNDEFINED };
                needs.refused.push((site, Refusal::NoSuchSymbol));
                continue;
            };
            let facts = self.facts[symbol.index()];
            if facts.any(Facts::UNDEFINED) {
                needs.undefined.push(Site { atom: atom_id, index: position, symbol });
            }
            if facts.any(Facts::DROPPED) && reports_dropped && !M::is_none(record.r_type(LE, false)) {
                needs.dropped.push(Site { atom: atom_id, index: position, symbol });
            }
            let offset = record.r_offset.get(LE) as usize;
            match relocation::decide::<M>(records, position as usize, facts.target(), mode, atom.data, offset) {
                // The program relocates itself before its read-only pages could be made writable.
                Ok(decision) if relocates_itself(decision.need, mode) && !is_writable(atom) => {
                    let site = Site { atom: atom_id, index: position, symbol };
                    needs.refused.push((site, Refusal::NeedsPositionIndependentCode));
                }
                Ok(decision) => {
                    let definition = self.resolution.definitions[symbol.index()];
                    if decision.need == Need::BranchReach && facts.any(Facts::IFUNC) {
                        needs.slots.push((definition, Slot::IfuncStub));
                    }
                    needs.add(decision.need, definition, atom_id, position, mode);
                    index += usize::from(decision.consumes_next);
                }
                Err(refusal) => needs.refused.push((Site { atom: atom_id, index: position, symbol }, refusal)),
            }
        }
        needs
    }

    /// Whether the relocation at `index` takes the next one with it, seen from the start of its run of candidates.
    fn consumes_next<M: Machine>(&self, atom_id: AtomId, index: usize, mode: Mode) -> bool {
        let atom = self.atoms.get(atom_id);
        let records = atom.relocations.records();
        let record = &records[index];
        let file = self.resolution.files.get(atom.file);
        let Some(symbol) = file.symbol(record.r_sym(LE, false) as usize) else { return false };
        let facts = self.facts[symbol.index()].target();
        let offset = record.r_offset.get(LE) as usize;
        relocation::decide::<M>(records, index, facts, mode, atom.data, offset)
            .is_ok_and(|decision| decision.consumes_next)
    }
}

/// Whether a section describes functions one by one, and what it says of those that are not linked is not read.
fn describes_functions(atom: &Atom<'_>) -> bool {
    atom.name == b".eh_frame" || atom.name.starts_with(b".gcc_except_table")
}

/// Whether the place of a relocation is written when the program starts.
fn relocates_itself(need: Need, mode: Mode) -> bool {
    mode.position_independent && matches!(need, Need::DynamicRelative | Need::IfuncAddress)
}

fn is_writable(atom: &Atom<'_>) -> bool {
    atom.flags & u64::from(SHF_WRITE) != 0
}

impl Needs {
    #[inline]
    fn add(&mut self, need: Need, target: SymbolId, atom: AtomId, index: u32, mode: Mode) {
        match need {
            Need::Nothing | Need::TargetSize => {}
            Need::GotSlot => self.slots.push((target, Slot::Address)),
            Need::GotTpOffset => self.slots.push((target, Slot::ThreadOffset)),
            Need::GotTlsPair => self.slots.push((target, Slot::ThreadPair)),
            Need::IfuncStub => self.slots.push((target, Slot::IfuncStub)),
            Need::DynamicRelative => self.relatives.push((atom, index)),
            Need::IfuncAddress => {
                self.slots.push((target, Slot::IfuncStub));
                if mode.position_independent {
                    self.relatives.push((atom, index));
                }
            }
            Need::BranchReach => self.branches = true,
        }
    }
}

//! The write loop: every relocation of a range of an atom, decided as the scan decided it, patched into the bytes.

use std::ops::Range;

use crate::diag::Diagnostic;
use crate::ids::{AtomId, SymbolId};
use crate::inputs::atoms::Atom;
use crate::inputs::elf::{LE, Rela};
use crate::layout::facts::Facts;
use crate::layout::image::Image;
use crate::layout::scan::Slot;
use crate::relocation::refusal::refusal_error;
use crate::relocation::{self, Machine, Mode, Need, Refusal, Values};
use crate::symbols::files::LinkedFile;
use crate::symbols::resolve::UNDEFINED;

/// What stands for the address of something that is not linked in a debug section. 0 ends a list of ranges or
/// locations in DWARF 4 and before, so there it is 1, which makes an empty range.
const TOMBSTONE: u64 = 0;
const TOMBSTONE_IN_LISTS: u64 = 1;

/// A stretch of an atom in a buffer.
pub struct Target<'buffer> {
    /// The atom.
    pub atom: AtomId,
    /// Which of its bytes.
    pub range: Range<u64>,
    /// Those bytes, as the input has them.
    pub bytes: &'buffer mut [u8],
    /// The address of the first, or its offset in an output section that is not part of the image.
    pub address: u64,
}

/// Applies the relocations that lie in a range of an atom; errors are added to `errors`.
///
/// False if they are not in order of place, so that some of a part of an atom may be among those of another part. If it is
/// true for every part, it holds for the whole: parts end where the next begins, and so do their records.
pub fn apply<M: Machine>(image: &Image<'_>, target: Target<'_>, errors: &mut Vec<Diagnostic>) -> bool {
    let atom = image.atoms.get(target.atom);
    let records = atom.relocations.records();
    let whole = target.range == (0..atom.size);
    let within = if whole { Some(records) } else { records_in(records, &target.range, atom.size) };
    let Some(within) = within else { return false };
    let relocator = Relocator::<M>::new(image, target.atom);
    relocator.run(within, target.range.start, target.bytes, target.address, |record, refusal| {
        errors.push(refused::<M>(image, target.atom, record, &refusal));
    });
    true
}

/// Applies relocations whose places moved with a record: those of one unwind record, copied to `bytes`.
pub fn apply_record<M: Machine>(
    image: &Image<'_>,
    atom_id: AtomId,
    records: &[Rela],
    start: u64,
    bytes: &mut [u8],
    address: u64,
    errors: &mut Vec<Diagnostic>,
) {
    let relocator = Relocator::<M>::new(image, atom_id);
    relocator.run(records, start, bytes, address, |record, refusal| {
        errors.push(refused::<M>(image, atom_id, record, &refusal));
    });
}

/// The records that patch a range of an atom of `size` bytes; `None` if they are not in order of place. The last range has
/// those beyond the atom's end too, which are errors.
fn records_in<'a>(records: &'a [Rela], range: &Range<u64>, size: u64) -> Option<&'a [Rela]> {
    let place = |record: &Rela| record.r_offset.get(LE);
    let before = |limit: u64| records.partition_point(|record| place(record) < limit);
    let end = if range.end == size { records.len() } else { before(range.end) };
    let within = records.get(before(range.start)..end)?;
    let is_inside = within.first().is_none_or(|first| place(first) >= range.start)
        && within.last().is_none_or(|last| place(last) < range.end || range.end == size);
    (is_inside && within.is_sorted_by_key(place)).then_some(within)
}

/// Whether an atom's relocations are in order of place, so that a part of it can be written by itself.
pub fn is_sorted(atom: &Atom<'_>) -> bool {
    atom.relocations.records().is_sorted_by_key(|record| record.r_offset.get(LE))
}

/// One relocation in a run of them.
struct Site {
    index: usize,
    symbol: SymbolId,
    facts: Facts,
    offset: usize,
}

/// One atom's view of the image.
struct Relocator<'a, 'data, M> {
    image: &'a Image<'data>,
    atom: AtomId,
    file: &'a LinkedFile<'data>,
    mode: Mode,
    /// Some branches of the image go through thunks.
    has_detours: bool,
    tombstone: u64,
    machine: std::marker::PhantomData<M>,
}

impl<'a, 'data, M: Machine> Relocator<'a, 'data, M> {
    fn new(image: &'a Image<'data>, atom_id: AtomId) -> Self {
        let atom = image.atoms.get(atom_id);
        let lists = matches!(atom.name, b".debug_ranges" | b".debug_loc");
        Relocator {
            image,
            atom: atom_id,
            file: image.resolution.files.get(atom.file),
            mode: Mode {
                position_independent: image.got.is_position_independent(),
                allocated: atom.is_allocated(),
                relax: image.relax,
            },
            has_detours: !image.far_branches.is_empty(),
            tombstone: if lists { TOMBSTONE_IN_LISTS } else { TOMBSTONE },
            machine: std::marker::PhantomData,
        }
    }

    /// `start` is the offset in the atom of `bytes[0]`.
    fn run(
        &self,
        records: &[Rela],
        start: u64,
        bytes: &mut [u8],
        address: u64,
        mut refuse: impl FnMut(&Rela, Refusal),
    ) {
        let got_base = self.image.addresses.atoms[self.image.tables.got.index()];
        let mut values = Values {
            got_base,
            thread_pointer: self.image.tls.pointer,
            tls_start: self.image.tls.start,
            ..Values::default()
        };
        let mut index = 0;
        while let Some(record) = records.get(index) {
            let position = index;
            index += 1;
            // The scan checked the symbols of the image's atoms; those of other sections are checked here.
            let Some(symbol) = self.file.symbol(record.r_sym(LE, false) as usize) else {
                refuse(record, Refusal::NoSuchSymbol);
                continue;
            };
            let facts = self.image.facts[symbol.index()];
            let place = record.r_offset.get(LE).wrapping_sub(start);
            let offset = usize::try_from(place).unwrap_or(usize::MAX);
            values.symbol = self.image.values[symbol.index()];
            values.addend = record.r_addend.get(LE);
            values.place = address.wrapping_add(place);
            if facts.any(Facts::MERGED | Facts::DROPPED | Facts::UNDEFINED | Facts::UNDEFINED_WEAK) {
                self.adjust(symbol, facts, &mut values);
            }
            match self.one(records, &Site { index: position, symbol, facts, offset }, bytes, &mut values) {
                Ok(consumed) => index += usize::from(consumed),
                Err(refusal) => refuse(record, refusal),
            }
        }
    }

    #[inline(always)]
    fn one(&self, records: &[Rela], site: &Site, bytes: &mut [u8], values: &mut Values) -> Result<bool, Refusal> {
        let Site { index, symbol, facts, offset } = *site;
        let decision = relocation::decide::<M>(records, index, facts.target(), self.mode, bytes, offset)?;
        match decision.need {
            Need::Nothing => {}
            Need::BranchReach if !self.has_detours => {}
            need => self.fill_values(need, &records[index], symbol, values)?,
        }
        M::apply(decision.operation, bytes, offset, values)?;
        Ok(decision.consumes_next)
    }

    /// The cases in which a symbol's value alone is not the answer.
    #[cold]
    fn adjust(&self, symbol: SymbolId, facts: Facts, values: &mut Values) {
        let missing = facts.any(Facts::DROPPED | Facts::UNDEFINED | Facts::UNDEFINED_WEAK);
        if missing && !self.mode.allocated {
            values.symbol = self.tombstone;
            values.addend = 0;
        } else if facts.any(Facts::MERGED) && facts.any(Facts::SECTION) {
            // The addend chooses an entry, which may have moved by itself.
            if let Some(address) = self.image.merged_entry(symbol, values.addend) {
                values.symbol = address;
                values.addend = 0;
            }
        }
    }

    /// The values that few relocations ask for.
    #[cold]
    fn fill_values(&self, need: Need, record: &Rela, symbol: SymbolId, values: &mut Values) -> Result<(), Refusal> {
        let target = self.image.resolution.definitions[symbol.index()];
        let slot = match need {
            Need::GotSlot => Slot::Address,
            Need::GotTpOffset => Slot::ThreadOffset,
            Need::GotTlsPair => Slot::ThreadPair,
            Need::BranchReach => {
                if let Some(thunk) = self.image.far_branches.detour(self.atom, record.r_offset.get(LE)) {
                    (values.symbol, values.addend) = (thunk, 0);
                }
                return Ok(());
            }
            Need::TargetSize if target == UNDEFINED => return Ok(()),
            Need::TargetSize => {
                let (owner, index) = self.image.resolution.files.owner(target);
                let symbols = self.image.resolution.files.get(owner).object.symbols;
                values.size = symbols.get(index).map_or(0, |record| record.st_size.get(LE));
                return Ok(());
            }
            _ => return Ok(()),
        };
        // The scan reserves slots for the image; other sections have no instructions that could read one.
        let offset = self.image.got.offset(target, slot).ok_or(Refusal::NoSlot)?;
        values.got_slot = values.got_base.wrapping_add(offset);
        Ok(())
    }
}

/// The error for a relocation that cannot be taken.
fn refused<M: Machine>(image: &Image<'_>, atom_id: AtomId, record: &Rela, refusal: &Refusal) -> Diagnostic {
    let atom = image.atoms.get(atom_id);
    let file = image.resolution.files.get(atom.file);
    refusal_error::<M>(file, atom, record, refusal)
}

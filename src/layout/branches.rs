//! Branches that are too far, in the addressed image: which they are, and the atoms of the [`thunks`](super::thunks)
//! that help them. The image is addressed without thunks first; only if its code is longer than a branch reaches does
//! anything happen here.

use hashbrown::HashMap;
use object::elf::{SHF_ALLOC, SHF_EXECINSTR, SHT_PROGBITS};
use rayon::prelude::*;

use super::facts::Facts;
use super::plan::{Addresses, Piece, SectionPlan};
use super::thunks::{Branch, CodeAtom, Group, Layout, Limits, Planner, Thunks, Unreachable};
use crate::diag::{Diagnostic, Result};
use crate::ids::{AtomId, SymbolId};
use crate::inputs::atoms::{Atom, Atoms, Relocations};
use crate::inputs::elf::LE;
use crate::relocation::{self, Machine, Mode, Need, Refusal};
use crate::symbols::resolve::{Resolution, UNDEFINED};

/// How often the image is addressed at most. Two or three times is usual.
const MAX_ROUNDS: usize = 20;

/// What is known of the program before thunks.
pub struct Program<'a, 'data> {
    /// The names, resolved.
    pub resolution: &'a Resolution<'data>,
    /// By [`SymbolId`].
    pub facts: &'a [Facts],
    /// The image may be loaded anywhere.
    pub position_independent: bool,
    /// Instructions may be replaced: `--no-relax` was not given.
    pub relax: bool,
}

/// An image with addresses.
pub struct Placed {
    /// The addresses.
    pub addresses: Addresses,
    /// By [`SymbolId`]: the value relocations use.
    pub values: Vec<u64>,
}

/// What the thunks need to change.
pub struct Parts<'a, 'data> {
    /// The atoms: one is added for each group of thunks.
    pub atoms: &'a mut Atoms<'data>,
    /// By [`AtomId`].
    pub alive: &'a mut Vec<bool>,
    /// The sections, in which the groups get their places.
    pub plan: &'a mut SectionPlan,
}

/// Addresses everything anew, for the sizes that the atoms have now.
pub type Place<'a, 'data> = dyn Fn(&Atoms<'data>, &SectionPlan) -> Result<Placed> + 'a;

/// The thunks of an image; none in most.
#[derive(Default, Debug)]
pub struct FarBranches {
    /// By atom and offset of the branch: the address of its thunk.
    detours: HashMap<(AtomId, u64), u64>,
    /// Groups, with the address that each thunk jumps to.
    groups: Vec<(AtomId, Vec<u64>)>,
}

impl FarBranches {
    /// Whether every branch goes straight to its target.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.detours.is_empty()
    }

    /// The address of the thunk that the branch at `offset` of an atom goes through.
    pub fn detour(&self, atom: AtomId, offset: u64) -> Option<u64> {
        self.detours.get(&(atom, offset)).copied()
    }

    /// The bytes of the groups.
    pub fn fill<M: Machine>(&self, addresses: &Addresses) -> std::result::Result<Vec<(AtomId, Vec<u8>)>, Refusal> {
        let each = self.groups.iter().map(|(atom, targets)| {
            let start = addresses.atoms[atom.index()];
            let mut bytes = vec![0; targets.len() * M::THUNK_SIZE];
            let places = bytes.chunks_exact_mut(M::THUNK_SIZE.max(1));
            for (index, (thunk, target)) in places.zip(targets).enumerate() {
                M::write_thunk(thunk, start.wrapping_add((index * M::THUNK_SIZE) as u64), *target)?;
            }
            Ok((*atom, bytes))
        });
        each.collect()
    }
}

/// Gives thunks to the branches that need them.
pub fn extend<'data, M: Machine>(
    program: &Program<'_, 'data>,
    parts: Parts<'_, 'data>,
    placed: Placed,
    place: &Place<'_, 'data>,
) -> Result<(Placed, FarBranches)> {
    let limits = Limits { reach: M::BRANCH_REACH, thunk_size: M::THUNK_SIZE as u64 };
    let code = code_atoms(parts.atoms, parts.plan, &placed.addresses);
    let span = code
        .first()
        .zip(code.last())
        .map(|(first, last)| (first.1.address, last.1.address.saturating_add(last.1.size)));
    if M::THUNK_SIZE == 0 || span.is_none_or(|(start, end)| limits.all_in_reach(start, end)) {
        return Ok((placed, FarBranches::default()));
    }
    let (branches, targets) = branches::<M>(program, parts.atoms, &code, &placed, limits);
    if branches.is_empty() {
        return Ok((placed, FarBranches::default()));
    }
    let shapes: Vec<CodeAtom> = code.iter().map(|(_, shape)| *shape).collect();
    let mut planner = Planner::new(limits, &shapes, branches.clone());
    let ids: Vec<AtomId> = code.iter().map(|(id, _)| *id).collect();
    let groups = insert_groups(parts.atoms, parts.alive, parts.plan, &ids, planner.groups());
    for _ in 0..MAX_ROUNDS {
        let placed = place(parts.atoms, parts.plan)?;
        let address =
            |ids: &[AtomId]| -> Vec<u64> { ids.iter().map(|id| placed.addresses.atoms[id.index()]).collect() };
        let (atoms, starts) = (address(&ids), address(&groups));
        let goals: Vec<u64> = targets.iter().map(|&(symbol, addend)| goal(&placed.values, symbol, addend)).collect();
        let layout = Layout { atoms: &atoms, groups: &starts, targets: &goals };
        let grew =
            planner.refine(&layout).map_err(|refusal| unreachable(program, parts.atoms, &ids, &branches, refusal))?;
        if !grew {
            let far = detours(limits, planner.finish(), &branches, &ids, &groups, &starts, &goals);
            return Ok((placed, far));
        }
        for (position, group) in groups.iter().enumerate() {
            parts.atoms.table[group.index()].size = planner.group_size(position);
        }
    }
    Err(Diagnostic::error("branch-out-of-reach", "the places of range-extension thunks do not settle")
        .help("a script that moves sections by their sizes may cause this")
        .into())
}

/// The code of the image, by address.
fn code_atoms(atoms: &Atoms<'_>, plan: &SectionPlan, addresses: &Addresses) -> Vec<(AtomId, CodeAtom)> {
    let is_code = u64::from(SHF_ALLOC | SHF_EXECINSTR);
    let sections = plan.sections.iter().filter(|section| section.flags & is_code == is_code);
    let mut code: Vec<(AtomId, CodeAtom)> = sections
        .flat_map(|section| plan.atoms_of(section))
        .map(|id| (id, CodeAtom { address: addresses.atoms[id.index()], size: atoms.get(id).size }))
        .filter(|(_, atom)| atom.size > 0 && atom.address != Addresses::NOWHERE)
        .collect();
    code.sort_by_key(|(_, atom)| atom.address);
    code
}

#[inline]
fn goal(values: &[u64], symbol: SymbolId, addend: i64) -> u64 {
    values[symbol.index()].wrapping_add_signed(addend)
}

type Target = (SymbolId, i64);

/// The branches that may be too far, once thunks have moved things: those of more than three quarters of the reach. (A
/// quarter, 32 MiB, would be filled by 2.8 million thunks.) And their targets, by number.
fn branches<M: Machine>(
    program: &Program<'_, '_>,
    atoms: &Atoms<'_>,
    code: &[(AtomId, CodeAtom)],
    placed: &Placed,
    limits: Limits,
) -> (Vec<Branch>, Vec<Target>) {
    let near = limits.reach - limits.reach / 4;
    let found: Vec<Vec<(u64, Target)>> = code
        .par_iter()
        .map(|(id, shape)| {
            let mut far = Vec::new();
            branches_of::<M>(program, atoms.get(*id), |offset, symbol, addend| {
                let place = shape.address.wrapping_add(offset);
                if goal(&placed.values, symbol, addend).abs_diff(place) >= near {
                    far.push((offset, (symbol, addend)));
                }
            });
            far
        })
        .collect();
    let (mut branches, mut targets) = (Vec::new(), Vec::new());
    let mut numbers = HashMap::new();
    for (position, far) in found.into_iter().enumerate() {
        for (offset, target) in far {
            let number = *numbers.entry(target).or_insert_with(|| {
                targets.push(target);
                targets.len() as u32 - 1
            });
            branches.push(Branch { atom: position as u32, target: number, offset });
        }
    }
    (branches, targets)
}

/// Calls `found` with offset, definition and addend of each direct branch.
fn branches_of<M: Machine>(program: &Program<'_, '_>, atom: &Atom<'_>, mut found: impl FnMut(u64, SymbolId, i64)) {
    let records = atom.relocations.records();
    if records.is_empty() {
        return;
    }
    let mode = Mode { position_independent: program.position_independent, allocated: true, relax: program.relax };
    let file = program.resolution.files.get(atom.file);
    let mut index = 0;
    while let Some(record) = records.get(index) {
        let position = index;
        index += 1;
        let Some(symbol) = file.symbol(record.r_sym(LE, false) as usize) else { continue };
        let facts = program.facts[symbol.index()].target();
        let offset = record.r_offset.get(LE);
        let place = usize::try_from(offset).unwrap_or(usize::MAX);
        let decided = relocation::decide::<M>(records, position, facts, mode, atom.data, place);
        let Ok(decision) = decided else { continue };
        index += usize::from(decision.consumes_next);
        let definition = program.resolution.definitions[symbol.index()];
        if decision.need == Need::BranchReach && definition != UNDEFINED {
            found(offset, definition, record.r_addend.get(LE));
        }
    }
}

/// Adds an atom for each group, and gives it its place: before an atom, or after the last.
fn insert_groups(
    atoms: &mut Atoms<'_>,
    alive: &mut Vec<bool>,
    plan: &mut SectionPlan,
    code: &[AtomId],
    groups: &[Group],
) -> Vec<AtomId> {
    let (mut before, mut after) = (HashMap::new(), HashMap::new());
    let mut ids = Vec::with_capacity(groups.len());
    for group in groups {
        let id = AtomId::new(atoms.table.len());
        ids.push(id);
        atoms.table.push(Atom {
            file: Atom::LINKER,
            name: b".text.thunks",
            data: &[],
            size: 0,
            alignment: 4,
            flags: u64::from(SHF_ALLOC | SHF_EXECINSTR),
            kind: SHT_PROGBITS,
            entry_size: 0,
            relocations: Relocations::None,
        });
        alive.push(true);
        let neighbour = match code.get(group.before as usize) {
            Some(next) => {
                before.insert(*next, id);
                Some(next)
            }
            None => code.last().inspect(|last| {
                after.insert(**last, id);
            }),
        };
        let section = neighbour.and_then(|atom| plan.section_of.get(atom.index()).copied().flatten());
        plan.section_of.resize(id.index(), None);
        plan.section_of.push(section);
    }
    let old = std::mem::take(&mut plan.order);
    for piece in plan.sections.iter_mut().flat_map(|section| &mut section.pieces) {
        let Piece::Atoms(range) = piece else { continue };
        let start = plan.order.len() as u32;
        for atom in &old[range.start as usize..range.end as usize] {
            let neighbours = [before.get(atom), Some(atom), after.get(atom)];
            plan.order.extend(neighbours.into_iter().flatten().copied());
        }
        *range = start..plan.order.len() as u32;
    }
    ids
}

/// The result by place and by group.
fn detours(
    limits: Limits,
    thunks: Thunks,
    branches: &[Branch],
    code: &[AtomId],
    groups: &[AtomId],
    starts: &[u64],
    goals: &[u64],
) -> FarBranches {
    let detours = branches.iter().zip(&thunks.of_branch).filter_map(|(branch, thunk)| {
        let thunk = (*thunk)?;
        let address = starts[thunk.group as usize].wrapping_add(u64::from(thunk.index) * limits.thunk_size);
        Some(((code[branch.atom as usize], branch.offset), address))
    });
    let targets = |group: &Group| group.targets.iter().map(|&target| goals[target as usize]).collect();
    FarBranches {
        detours: detours.collect(),
        groups: groups.iter().zip(&thunks.groups).map(|(id, group)| (*id, targets(group))).collect(),
    }
}

/// The error for a branch that no thunk can help.
fn unreachable(
    program: &Program<'_, '_>,
    atoms: &Atoms<'_>,
    code: &[AtomId],
    branches: &[Branch],
    refusal: Unreachable,
) -> Diagnostic {
    let atom = atoms.get(code[refusal.atom as usize]);
    let file = program.resolution.files.get(atom.file);
    let name = String::from_utf8_lossy(atom.name);
    let offset = branches[refusal.branch as usize].offset;
    let text =
        format!("the target of a branch is too far, and {name} cannot be split: it is {} bytes long", refusal.size);
    Diagnostic::error("branch-out-of-reach", text)
        .at(file.object.origin().in_section(name).at(offset))
        .help("compile with -ffunction-sections, or make the program smaller: no branch reaches more than 128 MiB")
}

//! Range-extension thunks: what a direct branch goes through when its target is too far.
//!
//! On aarch64 `b` and `bl` reach 128 MiB (aaelf64, "Call and Jump relocations"). The linker may send them through a
//! *thunk* in between, three instructions that reach 4 GiB and spoil only x16 and x17. Most programs are smaller than
//! the reach and never get here ([`Limits::all_in_reach`]). On larger ones the work is:
//!
//! 1. **Where.** Thunks stand in groups between atoms, never more than 7/8 of the reach apart, unless one atom is longer:
//!    then there is a group on each of its sides. So from anywhere in an atom of less than twice the reach there is
//!    a group within the reach, and the remaining eighth is room for the groups themselves. The places are chosen once.
//! 2. **Which.** With everything addressed, every branch that cannot reach its target is given a thunk in a group that
//!    it can reach: after it if possible, since most code is written top-down, else before it. All branches near a
//!    group share the thunk to a target.
//! 3. **Again.** New thunks move what follows, and a branch that reached may not any more. The caller addresses
//!    everything anew, and the planner looks again. A thunk is never taken back, so this ends: in practice after one
//!    look that adds and one that finds all well.
//!
//! Large atoms cannot be split: Go's whole text is one section of its object. When a branch in the middle of more
//! than 256 MiB has a target outside, that is an error, with the atom's name. (GNU ld and lld fail in the same place.)
//!
//! The planner knows no file, no symbol and no instruction: only positions, sizes and addresses.

use hashbrown::HashMap;

/// What the instruction set allows, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// A branch reaches from `-reach` to `reach - 4`.
    pub reach: u64,
    /// One thunk.
    pub thunk_size: u64,
}

impl Limits {
    /// Whether code that lies in `start..end` cannot have a branch that is too far.
    pub fn all_in_reach(self, start: u64, end: u64) -> bool {
        end.saturating_sub(start) < self.reach
    }

    fn reaches(self, place: u64, target: u64) -> bool {
        let distance = target.wrapping_sub(place) as i64;
        let reach = self.reach.min(1 << 62) as i64;
        distance >= -reach && distance < reach
    }

    /// How far groups stand apart at most.
    fn spacing(self) -> u64 {
        self.reach - self.reach / 8
    }
}

/// One atom of code, in the order of addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CodeAtom {
    /// Its address in the layout without thunks.
    pub address: u64,
    /// Its bytes.
    pub size: u64,
}

/// One direct branch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Branch {
    /// The position of its atom.
    pub atom: u32,
    /// The number of its target, which the caller gives.
    pub target: u32,
    /// Its offset in the atom.
    pub offset: u64,
}

/// Thunks that stand together.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Group {
    /// The position of the atom it stands before; the number of atoms for the end.
    pub before: u32,
    /// The target of each thunk, in order.
    pub targets: Vec<u32>,
}

/// One thunk: its group, and its index there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Thunk {
    /// The position of its group.
    pub group: u32,
    /// Its index in the group.
    pub index: u32,
}

/// Where everything lies, as of the last addressing.
#[derive(Clone, Copy, Debug)]
pub struct Layout<'a> {
    /// By position.
    pub atoms: &'a [u64],
    /// By group; the address it would have for an empty one.
    pub groups: &'a [u64],
    /// By number.
    pub targets: &'a [u64],
}

/// A branch that nothing helps: its atom is too large.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unreachable {
    /// The branch's position among the branches.
    pub branch: u32,
    /// The position of its atom.
    pub atom: u32,
    /// The atom's bytes.
    pub size: u64,
}

/// The work in progress.
#[derive(Debug)]
pub struct Planner {
    limits: Limits,
    sizes: Vec<u64>,
    branches: Vec<Branch>,
    groups: Vec<Group>,
    /// By group and target.
    known: HashMap<(u32, u32), u32>,
    /// By branch.
    chosen: Vec<Option<Thunk>>,
}

/// What came out.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Thunks {
    /// In the order of addresses; some may be empty.
    pub groups: Vec<Group>,
    /// By branch: the thunk it goes through.
    pub of_branch: Vec<Option<Thunk>>,
}

impl Planner {
    /// Chooses where groups may stand.
    pub fn new(limits: Limits, atoms: &[CodeAtom], branches: Vec<Branch>) -> Self {
        let groups = places(limits, atoms).into_iter().map(|before| Group { before, targets: Vec::new() }).collect();
        let chosen = vec![None; branches.len()];
        let sizes = atoms.iter().map(|atom| atom.size).collect();
        Self { limits, sizes, branches, groups, known: HashMap::new(), chosen }
    }

    /// The groups so far.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The bytes of a group.
    pub fn group_size(&self, group: usize) -> u64 {
        self.groups.get(group).map_or(0, |group| group.targets.len() as u64 * self.limits.thunk_size)
    }

    /// Looks at every branch, and gives thunks to those that need them. Whether a group grew, so that everything
    /// must be addressed and looked at again.
    pub fn refine(&mut self, layout: &Layout<'_>) -> Result<bool, Unreachable> {
        let mut grew = false;
        for position in 0..self.branches.len() {
            let branch = self.branches[position];
            let place = address(layout.atoms, branch.atom).wrapping_add(branch.offset);
            let target = address(layout.targets, branch.target);
            if let Some(thunk) = self.chosen[position] {
                if self.limits.reaches(place, self.thunk_address(layout, thunk)) {
                    continue;
                }
            } else if self.limits.reaches(place, target) {
                continue;
            }
            let Some((thunk, new)) = self.choose(layout, place, branch.target) else {
                let size = self.sizes.get(branch.atom as usize).copied().unwrap_or(0);
                return Err(Unreachable { branch: position as u32, atom: branch.atom, size });
            };
            self.chosen[position] = Some(thunk);
            grew |= new;
        }
        Ok(grew)
    }

    /// The result.
    pub fn finish(self) -> Thunks {
        Thunks { groups: self.groups, of_branch: self.chosen }
    }

    fn thunk_address(&self, layout: &Layout<'_>, thunk: Thunk) -> u64 {
        address(layout.groups, thunk.group).wrapping_add(u64::from(thunk.index) * self.limits.thunk_size)
    }

    /// A thunk to `target` in reach of `place`, and whether it is new: in the group after `place`, else in the one before.
    fn choose(&mut self, layout: &Layout<'_>, place: u64, target: u32) -> Option<(Thunk, bool)> {
        let after = layout.groups.partition_point(|&group| group <= place);
        let near = [Some(after), after.checked_sub(1)];
        let near = near.into_iter().flatten().filter(|&group| group < self.groups.len());
        let mut fresh = None;
        for group in near.map(|group| group as u32) {
            let known = self.known.get(&(group, target)).copied();
            let index = known.unwrap_or(self.groups[group as usize].targets.len() as u32);
            let thunk = Thunk { group, index };
            if !self.limits.reaches(place, self.thunk_address(layout, thunk)) {
                continue;
            }
            if known.is_some() {
                return Some((thunk, false));
            }
            fresh = fresh.or(Some(thunk));
        }
        let thunk = fresh?;
        self.groups[thunk.group as usize].targets.push(target);
        self.known.insert((thunk.group, target), thunk.index);
        Some((thunk, true))
    }
}

/// The positions of the atoms that groups stand before, in order, with the end as the last.
fn places(limits: Limits, atoms: &[CodeAtom]) -> Vec<u32> {
    let mut places: Vec<u32> = Vec::new();
    let Some(first) = atoms.first() else { return places };
    let mut last = first.address;
    for (position, atom) in atoms.iter().enumerate() {
        let end = atom.address.saturating_add(atom.size);
        if end.saturating_sub(last) <= limits.spacing() {
            continue;
        }
        if places.last() != Some(&(position as u32)) {
            places.push(position as u32);
        }
        last = atom.address;
        if atom.size > limits.spacing() {
            places.push(position as u32 + 1);
            last = end;
        }
    }
    if places.last() != Some(&(atoms.len() as u32)) {
        places.push(atoms.len() as u32);
    }
    places
}

fn address(column: &[u64], position: u32) -> u64 {
    column.get(position as usize).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutation::Mutation;

    const LIMITS: Limits = Limits { reach: 1 << 27, thunk_size: 12 };
    const MIB: u64 = 1 << 20;

    /// A program of one code section from 0x400000 on, and how often it was addressed.
    struct Program {
        sizes: Vec<u64>,
        branches: Vec<Branch>,
        /// Atom and offset of each target.
        targets: Vec<(u32, u64)>,
    }

    struct Linked {
        thunks: Thunks,
        atoms: Vec<u64>,
        groups: Vec<u64>,
        targets: Vec<u64>,
        rounds: usize,
    }

    impl Program {
        fn address(&self, groups: &[Group]) -> (Vec<u64>, Vec<u64>) {
            let (mut at, mut atoms, mut starts) = (0x40_0000u64, Vec::new(), Vec::new());
            for position in 0..=self.sizes.len() {
                for group in groups.iter().filter(|group| group.before as usize == position) {
                    at = at.next_multiple_of(4);
                    starts.push(at);
                    at += group.targets.len() as u64 * LIMITS.thunk_size;
                }
                at = at.next_multiple_of(16);
                if let Some(size) = self.sizes.get(position) {
                    atoms.push(at);
                    at += size;
                }
            }
            (atoms, starts)
        }

        fn link(&self) -> Result<Linked, Unreachable> {
            let (atoms, _) = self.address(&[]);
            let code: Vec<_> =
                atoms.iter().zip(&self.sizes).map(|(&address, &size)| CodeAtom { address, size }).collect();
            let mut planner = Planner::new(LIMITS, &code, self.branches.clone());
            for rounds in 1.. {
                let (atoms, groups) = self.address(planner.groups());
                let targets: Vec<u64> = self.targets.iter().map(|&(atom, at)| atoms[atom as usize] + at).collect();
                let layout = Layout { atoms: &atoms, groups: &groups, targets: &targets };
                if !planner.refine(&layout)? {
                    return Ok(Linked { thunks: planner.finish(), atoms, groups, targets, rounds });
                }
                assert!(rounds < 10, "does not settle");
            }
            unreachable!("the loop returns")
        }
    }

    impl Linked {
        /// Follows every branch, as the processor would.
        fn check(&self, program: &Program) -> usize {
            let mut through = 0;
            for (branch, thunk) in program.branches.iter().zip(&self.thunks.of_branch) {
                let place = self.atoms[branch.atom as usize] + branch.offset;
                let goal = self.targets[branch.target as usize];
                let lands = match thunk {
                    None => goal,
                    Some(thunk) => {
                        through += 1;
                        let group = &self.thunks.groups[thunk.group as usize];
                        assert_eq!(group.targets[thunk.index as usize], branch.target);
                        self.groups[thunk.group as usize] + u64::from(thunk.index) * LIMITS.thunk_size
                    }
                };
                let distance = lands.wrapping_sub(place) as i64;
                assert!((-(1 << 27)..1 << 27).contains(&distance), "{place:#x} to {lands:#x}");
            }
            through
        }
    }

    /// 300 MB in pieces of about 64 KiB, with calls from everywhere to everywhere.
    fn large() -> Program {
        let mut noise = Mutation::new(0x7417);
        let sizes: Vec<u64> = (0..4800).map(|_| 4 * (1024 + noise.next() % 30_000)).collect();
        let targets: Vec<(u32, u64)> = (0..2000).map(|_| ((noise.next() % 4800) as u32, 0)).collect();
        let branches = (0..20_000)
            .map(|_| {
                let atom = (noise.next() % 4800) as u32;
                let offset = noise.next() % (sizes[atom as usize] / 4) * 4;
                Branch { atom, target: (noise.next() % 2000) as u32, offset }
            })
            .collect();
        Program { sizes, branches, targets }
    }

    #[test]
    fn a_program_of_300_megabytes_is_held_together() {
        let program = large();
        assert!(program.sizes.iter().sum::<u64>() > 290_000_000);
        let linked = program.link().unwrap();
        let through = linked.check(&program);
        assert!(through > 2000, "{through} of 20000 branches are too far");
        let made: usize = linked.thunks.groups.iter().map(|group| group.targets.len()).sum();
        assert!(made < through && made > 0, "branches share {made} thunks");
        assert!(linked.thunks.groups.len() <= 4, "112 MiB apart");
        assert!(linked.rounds <= 3, "{} rounds", linked.rounds);
    }

    #[test]
    fn the_same_program_gets_the_same_thunks() {
        let program = large();
        assert_eq!(program.link().unwrap().thunks, program.link().unwrap().thunks);
    }

    #[test]
    fn what_reaches_is_left_alone() {
        let branch = Branch { atom: 0, target: 0, offset: 0 };
        let mut program =
            Program { sizes: vec![4, 128 * MIB - 32, 16], branches: vec![branch], targets: vec![(2, 12)] };
        // From 0x400000 to 4 bytes less than the reach.
        let linked = program.link().unwrap();
        assert_eq!(linked.targets[0] - linked.atoms[0], (1 << 27) - 4);
        assert_eq!(linked.thunks.of_branch, [None]);
        assert!(linked.thunks.groups.iter().all(|group| group.targets.is_empty()));
        // 4 bytes farther.
        program.targets = vec![(2, 16)];
        let linked = program.link().unwrap();
        assert_eq!(linked.check(&program), 1);
        assert!(LIMITS.all_in_reach(0x40_0000, 0x40_0000 + (1 << 27) - 1));
        assert!(!LIMITS.all_in_reach(0x40_0000, 0x40_0000 + (1 << 27)));
    }

    #[test]
    fn a_thunk_that_pushes_a_branch_out_of_reach_gives_it_one_too() {
        // The first branch is too far. The second reaches exactly, until the thunk of the first stands in between.
        let branches = vec![Branch { atom: 0, target: 0, offset: 0 }, Branch { atom: 0, target: 1, offset: 16 }];
        let sizes = vec![32, 111 * MIB, 17 * MIB - 32, 16];
        let program = Program { sizes, branches, targets: vec![(3, 0), (3, 12)] };
        let linked = program.link().unwrap();
        assert_eq!(linked.check(&program), 2);
        assert!(linked.rounds >= 2);
    }

    #[test]
    fn a_large_atom_is_reached_from_both_of_its_sides() {
        // Go's text, 200 MiB in one piece, calls C before and after itself from all over.
        let branches = (0..200).flat_map(|at| {
            [Branch { atom: 1, target: 0, offset: at * MIB }, Branch { atom: 1, target: 1, offset: at * MIB }]
        });
        let program =
            Program { sizes: vec![64, 200 * MIB, 64], branches: branches.collect(), targets: vec![(0, 0), (2, 0)] };
        let linked = program.link().unwrap();
        assert!(linked.check(&program) > 100);
        assert_eq!(linked.thunks.groups.iter().map(|group| group.before).collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn the_middle_of_a_huge_atom_is_out_of_reach() {
        let branches = vec![Branch { atom: 1, target: 0, offset: 150 * MIB }];
        let program = Program { sizes: vec![64, 300 * MIB], branches, targets: vec![(0, 0)] };
        let Err(refusal) = program.link() else { panic!("nothing reaches") };
        assert_eq!(refusal, Unreachable { branch: 0, atom: 1, size: 300 * MIB });
    }

    #[test]
    fn groups_are_never_too_far_apart() {
        let mut noise = Mutation::new(99);
        for _ in 0..50 {
            let mut at = noise.next() % MIB;
            let atoms: Vec<CodeAtom> = (0..60)
                .map(|_| {
                    let size = match noise.next() % 12 {
                        0 => noise.next() % (250 * MIB),
                        _ => noise.next() % (20 * MIB),
                    };
                    let atom = CodeAtom { address: at, size };
                    at += size;
                    atom
                })
                .collect();
            let places = places(LIMITS, &atoms);
            assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "sorted, each once");
            let start = |place: u32| atoms.get(place as usize).map_or(at, |atom| atom.address);
            let mut from = atoms[0].address;
            for &place in &places {
                let one = atoms.iter().any(|atom| atom.address == from && atom.address + atom.size == start(place));
                assert!(one || start(place) - from <= LIMITS.spacing());
                from = start(place);
            }
            assert_eq!(from, at);
        }
        assert!(places(LIMITS, &[]).is_empty());
    }
}

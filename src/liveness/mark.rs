//! The graph walk of `--gc-sections`: wave by wave, each wave's relocations read by all workers, an atom entered by the
//! first to reach it. Who that is does not matter, as only the set is kept.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use hashbrown::HashMap;
use object::elf::{SHF_LINK_ORDER, SHT_FINI_ARRAY, SHT_INIT_ARRAY, SHT_NOTE, SHT_PREINIT_ARRAY};
use rayon::prelude::*;

use crate::ids::{AtomId, FileId, SymbolId};
use crate::inputs::atoms::{Atom, Atoms};
use crate::inputs::elf::LE;
use crate::symbols::resolve::{LinkerSymbol, Resolution, UNDEFINED, is_c_identifier};

/// `sh_flags`: kept although nothing refers to it.
const SHF_GNU_RETAIN: u64 = 0x20_0000;

/// What the walk starts from and follows besides relocations.
pub struct Marking<'a, 'data> {
    /// The names, resolved.
    pub resolution: &'a Resolution<'data>,
    /// The atoms.
    pub atoms: &'a Atoms<'data>,
    /// Which may be linked.
    pub eligible: &'a [bool],
    /// Symbols that must stay: the entry, `-u`, exports.
    pub roots: &'a [SymbolId],
    /// Atoms that a KEEP of the script names.
    pub kept: &'a (dyn Fn(AtomId) -> bool + Sync),
    /// Symbols that the unwind records of a function refer to: its personality and language-specific data.
    pub unwinding: &'a (dyn Fn(AtomId) -> Vec<(FileId, u32)> + Sync),
    /// `-z start-stop-gc`: `__start_` references keep nothing.
    pub start_stop_gc: bool,
}

/// By [`AtomId`]: whether an atom is part of the program.
pub fn mark(marking: &Marking<'_, '_>) -> Vec<bool> {
    let walk = Walk::new(marking);
    let mut wave = walk.first_wave();
    while !wave.is_empty() {
        wave = wave.par_iter().flat_map_iter(|&atom| walk.neighbours(atom)).filter(|&atom| walk.enter(atom)).collect();
    }
    let Walk { reached, dependent, .. } = walk;
    // Sections outside of the image describe it: they stay, but keep nothing.
    let describes = |id: usize| marking.eligible[id] && !marking.atoms.table[id].is_allocated();
    let independent = |id: usize| !dependent.contains_key(&AtomId::new(id));
    let reached = reached.into_iter().map(AtomicBool::into_inner).enumerate();
    reached.map(|(id, reached)| reached || (describes(id) && independent(id))).collect()
}

struct Walk<'a, 'data> {
    marking: &'a Marking<'a, 'data>,
    reached: Vec<AtomicBool>,
    /// Atoms that live when another does: group members, and sections ordered after one (SHF_LINK_ORDER).
    companions: HashMap<AtomId, Vec<AtomId>>,
    dependent: HashMap<AtomId, AtomId>,
    /// Atoms by name, for `__start_NAME`.
    by_name: HashMap<&'data [u8], Vec<AtomId>>,
}

impl<'a, 'data> Walk<'a, 'data> {
    fn new(marking: &'a Marking<'a, 'data>) -> Self {
        let mut walk = Walk {
            marking,
            reached: (0..marking.eligible.len()).map(|_| AtomicBool::new(false)).collect(),
            companions: HashMap::new(),
            dependent: HashMap::new(),
            by_name: HashMap::new(),
        };
        for (_, file) in marking.resolution.files.inputs() {
            for group in &file.object.groups {
                let members: Vec<AtomId> = group
                    .members
                    .iter()
                    .filter_map(|member| file.atom(member.get(LE)))
                    .filter(|&id| walk.may(id))
                    .collect();
                for &member in &members {
                    walk.companions.entry(member).or_default().extend(members.iter().filter(|&&other| other != member));
                }
            }
        }
        for (index, atom) in marking.atoms.table.iter().enumerate() {
            let id = AtomId::new(index);
            if !walk.may(id) {
                continue;
            }
            if atom.flags & u64::from(SHF_LINK_ORDER) != 0 {
                let file = marking.resolution.files.get(atom.file);
                let section = &file.object.sections[index - file.first_atom.index()];
                if let Some(leader) = file.atom(section.sh_link.get(LE)).filter(|_| section.sh_link.get(LE) != 0) {
                    walk.companions.entry(leader).or_default().push(id);
                    walk.dependent.insert(id, leader);
                }
            }
            if is_c_identifier(atom.name) {
                walk.by_name.entry(atom.name).or_default().push(id);
            }
        }
        walk
    }

    fn may(&self, atom: AtomId) -> bool {
        self.marking.eligible.get(atom.index()).copied().unwrap_or(false)
    }

    /// Whether the caller is the first to reach an atom.
    fn enter(&self, atom: AtomId) -> bool {
        self.may(atom) && !self.reached[atom.index()].swap(true, Relaxed)
    }

    fn first_wave(&self) -> Vec<AtomId> {
        let marking = self.marking;
        let kept = (0..marking.eligible.len()).into_par_iter().map(AtomId::new).filter(|&id| self.is_root(id));
        let mut wave: Vec<AtomId> = kept.filter(|&id| self.enter(id)).collect();
        let mut named = Vec::new();
        for &symbol in marking.roots {
            self.follow_definition(symbol, &mut named);
        }
        wave.extend(named.into_iter().filter(|&id| self.enter(id)));
        wave
    }

    fn is_root(&self, id: AtomId) -> bool {
        if !self.may(id) {
            return false;
        }
        let atom = self.marking.atoms.get(id);
        if !atom.is_allocated() || self.dependent.contains_key(&id) {
            return false;
        }
        let by_nature = matches!(atom.kind, SHT_INIT_ARRAY | SHT_FINI_ARRAY | SHT_PREINIT_ARRAY)
            || atom.flags & SHF_GNU_RETAIN != 0
            || atom.kind == SHT_NOTE;
        by_nature || (self.marking.kept)(id)
    }

    /// What a live atom keeps alive.
    fn neighbours(&self, id: AtomId) -> Vec<AtomId> {
        let marking = self.marking;
        let atom = marking.atoms.get(id);
        let mut found = self.companions.get(&id).cloned().unwrap_or_default();
        // The unwind table refers to every function; its records are followed function by function instead.
        if atom.name != b".eh_frame" && atom.is_allocated() {
            for record in atom.relocations.records() {
                self.follow(atom.file, record.r_sym(LE, false), &mut found);
            }
        }
        for (file, symbol) in (marking.unwinding)(id) {
            self.follow(file, symbol, &mut found);
        }
        found
    }

    /// The atom that a file's symbol leads to.
    fn follow(&self, file: FileId, index: u32, found: &mut Vec<AtomId>) {
        let resolution = self.marking.resolution;
        let Some(symbol) = resolution.files.get(file).symbol(index as usize) else { return };
        let definition = resolution.definitions[symbol.index()];
        if definition == symbol {
            found.extend(resolution.atom_in(file, index as usize));
        } else if definition != UNDEFINED {
            self.follow_definition(definition, found);
        }
    }

    fn follow_definition(&self, symbol: SymbolId, found: &mut Vec<AtomId>) {
        let resolution = self.marking.resolution;
        let (file, index) = resolution.files.owner(symbol);
        if file != Atom::LINKER {
            found.extend(resolution.atom_in(file, index));
            return;
        }
        let Some(LinkerSymbol::Start(name) | LinkerSymbol::Stop(name)) =
            index.checked_sub(1).and_then(|index| resolution.linker_symbols.get(index))
        else {
            return;
        };
        if !self.marking.start_stop_gc {
            found.extend(self.by_name.get(name.as_bytes()).into_iter().flatten());
        }
    }
}

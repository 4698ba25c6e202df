//! Which archive members the link takes: those that define a name some taken file needs, to a fixpoint. Archives are one
//! group whatever their order on the command line; of several that offer a name, the first on the command line gives it.

use std::collections::HashSet;

use hashbrown::HashMap;
use rayon::prelude::*;

use super::cpp_library::CppLibrary;
use super::names::{HashedName, NameId, NameTable};
use super::supply::Supply;
use crate::args::request::LinkRequest;
use crate::diag::{Diagnostic, Diagnostics, Result};
use crate::inputs::elf::{Object, Place};
use crate::inputs::load::{self, Loaded, OpenArchive, PassedOver, Priority};
use crate::inputs::store::Store;
use crate::target::Target;
use object::elf::{STB_GLOBAL, STB_LOCAL};

/// An object that takes part in the link.
pub struct TakenFile<'data> {
    /// Its place on the command line.
    pub priority: Priority,
    /// Its contents.
    pub object: Object<'data>,
    /// The names of its global symbols: those of `object.symbols[object.first_global..]`.
    pub globals: Vec<NameId>,
    /// The names that sign its groups: those of `object.groups`.
    pub signatures: Vec<NameId>,
    /// The name it was taken from an archive for, and the file that needed it, for the map.
    pub reason: Option<NameId>,
}

/// Every file of the link in command-line order, and the names they use.
pub struct Extraction<'data> {
    /// By ascending priority.
    pub files: Vec<TakenFile<'data>>,
    /// All global names.
    pub names: NameTable<'data>,
    /// Names that are needed although no object may mention them: the entry, `-u`.
    pub roots: Vec<NameId>,
    /// The archives that were searched, for what reports say of members that were not taken.
    pub archives: Vec<OpenArchive<'data>>,
    /// The libraries that are for another target.
    pub passed_over: Vec<PassedOver<'data>>,
}

/// What is known of each name so far; a column by [`NameId`].
#[derive(Clone, Copy, Default)]
struct NameState {
    defined: bool,
    wanted: bool,
    /// Position in `offers` plus one of the first archive member that defines it.
    offer: u32,
}

/// A member that can be taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Offer {
    archive: u32,
    member: u64,
}

struct Extractor<'data, 'link> {
    request: &'link LinkRequest,
    store: &'data Store,
    target: Target,
    archives: Vec<OpenArchive<'data>>,
    names: NameTable<'data>,
    states: Vec<NameState>,
    offers: Vec<Offer>,
    taken: HashSet<Offer>,
    wraps: HashMap<NameId, NameId>,
    files: Vec<TakenFile<'data>>,
}

/// Takes members until nothing more is needed. `roots` are names that are needed from the start. If names of a C++ library
/// are missing then, and the request has a place for one, `supply` gives it and the search goes on.
pub fn extract<'data>(
    request: &LinkRequest,
    loaded: Loaded<'data>,
    roots: &'data [String],
    supply: &dyn Supply,
    store: &'data Store,
) -> Result<Extraction<'data>> {
    let mut extractor = Extractor {
        request,
        store,
        target: loaded.target,
        archives: loaded.archives,
        names: NameTable::default(),
        states: Vec::new(),
        offers: Vec::new(),
        taken: HashSet::new(),
        wraps: HashMap::new(),
        files: Vec::new(),
    };
    extractor.intern_wraps();
    extractor.collect_offers(0)?;
    let roots: Vec<NameId> = roots.iter().map(|name| extractor.names.intern(name.as_bytes())).collect();
    extractor.run(loaded.objects, &roots)?;
    if let Some(first) = loaded.supplied {
        extractor.add_cpp_library(supply, first)?;
    }
    let Extractor { mut files, names, archives, .. } = extractor;
    files.par_sort_by_key(|file| file.priority);
    Ok(Extraction { files, names, roots, archives, passed_over: loaded.passed_over })
}

impl<'data> Extractor<'data, '_> {
    /// `--wrap NAME`: an undefined NAME means `__wrap_NAME`, an undefined `__real_NAME` means NAME.
    fn intern_wraps(&mut self) {
        for name in &self.request.wrap {
            let mut keep = |text: String| self.names.intern(self.store.keep(text.into_bytes()));
            let (plain, wrapped, real) =
                (keep(name.clone()), keep(format!("__wrap_{name}")), keep(format!("__real_{name}")));
            self.wraps.insert(plain, wrapped);
            self.wraps.insert(real, plain);
        }
    }

    /// Enters what every archive from a number on defines, from its index or, if it has none, from its members.
    fn collect_offers(&mut self, from: usize) -> Result<()> {
        let store = self.store;
        let target = self.target;
        let archives = &self.archives[from..];
        let entries: Vec<_> = archives.par_iter().map(|archive| archive_offers(archive, store, target)).collect();
        let mut errors = Vec::new();
        let mut batches = Vec::new();
        let mut members = Vec::new();
        for result in entries {
            match result {
                Ok((names, offsets)) => {
                    batches.push(names);
                    members.push(offsets);
                }
                Err(found) => errors.extend(found),
            }
        }
        Diagnostics::check((), errors)?;
        let ids = self.names.intern_batches(&batches);
        self.states.resize(self.names.bound(), NameState::default());
        for (archive, (names, offsets)) in (from..).zip(ids.iter().zip(&members)) {
            for (name, &member) in names.iter().zip(offsets) {
                let state = &mut self.states[name.index()];
                if state.offer == 0 {
                    self.offers.push(Offer { archive: archive as u32, member });
                    state.offer = self.offers.len() as u32;
                }
            }
        }
        Ok(())
    }

    /// Adds the C++ library that the missing names ask for, if they ask for one.
    fn add_cpp_library(&mut self, supply: &dyn Supply, first: u32) -> Result<()> {
        let is_missing = |&(name, _): &(NameId, &[u8])| {
            let state = self.states[name.index()];
            state.wanted && !state.defined
        };
        let (missing, names): (Vec<NameId>, Vec<&[u8]>) = self.names.iter().filter(is_missing).unzip();
        let Some(wanted) = CppLibrary::wanted(names.into_iter()) else { return Ok(()) };
        let inputs = supply.cpp_library(wanted)?;
        let loaded = load::load_supplied(self.request, &inputs, first, self.target, self.store)?;
        let from = self.archives.len();
        self.archives.extend(loaded.archives);
        self.collect_offers(from)?;
        self.fill(loaded.objects, missing)
    }

    fn run(&mut self, objects: Vec<(Priority, Object<'data>)>, roots: &[NameId]) -> Result<()> {
        self.states.resize(self.names.bound(), NameState::default());
        let mut wanted: Vec<NameId> = Vec::new();
        for &root in roots {
            self.want(root, &mut wanted);
        }
        self.fill(objects, wanted)
    }

    /// Takes these objects, and members in rounds until nothing that is wanted is offered.
    fn fill(&mut self, objects: Vec<(Priority, Object<'data>)>, mut wanted: Vec<NameId>) -> Result<()> {
        let mut round: Vec<_> = objects.into_iter().map(|(priority, object)| (priority, object, None)).collect();
        loop {
            self.take(round, &mut wanted)?;
            let mut due: Vec<(Offer, NameId)> = wanted.drain(..).filter_map(|name| self.offer_of(name)).collect();
            due.sort_unstable();
            due.dedup_by_key(|(offer, _)| *offer);
            due.retain(|(offer, _)| self.taken.insert(*offer));
            if due.is_empty() {
                return Ok(());
            }
            let (mut loaded, mut errors) = (Vec::with_capacity(due.len()), Vec::new());
            let results: Vec<_> = due.par_iter().map(|&(offer, name)| self.open(offer, name)).collect();
            for result in results {
                match result {
                    Ok(file) => loaded.push(file),
                    Err(error) => errors.push(error),
                }
            }
            round = Diagnostics::check(loaded, errors)?;
        }
    }

    fn want(&mut self, name: NameId, wanted: &mut Vec<NameId>) {
        let state = &mut self.states[name.index()];
        if !state.wanted {
            state.wanted = true;
            wanted.push(name);
        }
    }

    fn offer_of(&self, name: NameId) -> Option<(Offer, NameId)> {
        let state = self.states[name.index()];
        (!state.defined && state.offer != 0).then(|| (self.offers[state.offer as usize - 1], name))
    }

    fn open(
        &self,
        offer: Offer,
        reason: NameId,
    ) -> std::result::Result<(Priority, Object<'data>, Option<NameId>), Diagnostic> {
        let archive = &self.archives[offer.archive as usize];
        let member = archive.archive.member_at(offer.member).map_err(|error| {
            error.diagnostic(archive.path).help("the archive's index does not match its members; run ranlib on it")
        })?;
        let object = archive.object(&member, self.store, self.target)?;
        Ok((Priority { position: archive.position, member: offer.member }, object, Some(reason)))
    }

    /// Enters the names of new files and notes which of them are needed and not yet defined.
    fn take(&mut self, round: Vec<(Priority, Object<'data>, Option<NameId>)>, wanted: &mut Vec<NameId>) -> Result<()> {
        let hashed: Vec<_> = round.par_iter().map(|(_, object, _)| hashed_names(object)).collect();
        let (mut batches, mut errors) = (Vec::with_capacity(round.len()), Vec::new());
        for result in hashed {
            match result {
                Ok(batch) => batches.push(batch),
                Err(error) => errors.push(error),
            }
        }
        let batches = Diagnostics::check(batches, errors)?;
        let ids = self.names.intern_batches(&batches);
        self.states.resize(self.names.bound(), NameState::default());
        for ((priority, object, reason), mut globals) in round.into_iter().zip(ids) {
            let signatures = globals.split_off(object.symbols.len() - object.first_global);
            for (offset, name) in globals.iter_mut().enumerate() {
                let index = object.first_global + offset;
                if object.place(index) != Place::Undefined {
                    self.states[name.index()].defined = true;
                    continue;
                }
                if let Some(&other) = self.wraps.get(name) {
                    *name = other;
                }
                if object.symbols[index].st_info >> 4 == STB_GLOBAL {
                    self.want(*name, wanted);
                }
            }
            self.files.push(TakenFile { priority, object, globals, signatures, reason });
        }
        Ok(())
    }
}

/// The names an archive defines and the members that define them.
#[allow(clippy::type_complexity)] // two columns of one table
fn archive_offers<'data>(
    archive: &OpenArchive<'data>,
    store: &'data Store,
    target: Target,
) -> Result<(Vec<HashedName<'data>>, Vec<u64>)> {
    if let Some(index) = archive.archive.index() {
        return Ok(index.iter().map(|(name, member)| (HashedName::new(base_name(name)), member)).unzip());
    }
    let mut found = (Vec::new(), Vec::new());
    for member in archive.archive.members() {
        let member = member.map_err(|error| error.diagnostic(archive.path))?;
        // What is no object offers nothing: archives hold notes and metadata besides.
        let Ok(object) = archive.object(&member, store, target) else { continue };
        for index in object.first_global..object.symbols.len() {
            if !matches!(object.place(index), Place::Undefined) && object.symbols[index].st_info >> 4 != STB_LOCAL {
                found.0.push(HashedName::new(base_name(object.name(&object.symbols[index])?)));
                found.1.push(member.header_offset);
            }
        }
    }
    Ok(found)
}

/// The global names of an object, hashed, and after them those of its groups.
fn hashed_names<'data>(object: &Object<'data>) -> std::result::Result<Vec<HashedName<'data>>, Diagnostic> {
    let globals = &object.symbols[object.first_global..];
    let mut names = Vec::with_capacity(globals.len() + object.groups.len());
    for symbol in globals {
        names.push(HashedName::new(base_name(object.name(symbol)?)));
    }
    names.extend(object.groups.iter().map(|group| HashedName::new(group.signature)));
    Ok(names)
}

/// `name@@VERSION` is the default version of `name`, and simply `name` in a static link.
fn base_name(name: &[u8]) -> &[u8] {
    match memchr::memchr(b'@', name) {
        Some(at) if name[at..].starts_with(b"@@") => &name[..at],
        _ => name,
    }
}

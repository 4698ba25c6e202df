//! From the request's inputs to open files: libraries found, scripts in place of libraries expanded, objects parsed,
//! archives opened but no member of theirs read, unless `--whole-archive` asks for all.

use std::path::{Path, PathBuf};

use indexmap::IndexSet;
use rayon::prelude::*;

use super::archive::{Archive, Member, MemberData};
use super::elf::{self, LE, Object};
use super::kind::{self, ElfKind, ElfRole, FileKind, SectionFacts};
use super::libsearch::SearchPath;
use super::refuse;
use super::store::Store;
use crate::args::request::{Input, InputModifiers, InputName, LinkRequest};
use crate::diag::{Diagnostic, Diagnostics, Origin, Result};
use crate::script::ast::{Command, Script, ScriptInput, VersionNode};
use crate::script::{looks_like_script, parse_including};
use crate::target::{Architecture, Target};

/// How many positions are kept free for what may be supplied.
const SUPPLIED: u32 = 256;

/// How deep scripts may name scripts.
const SCRIPT_DEPTH: usize = 16;

/// Where an object stands on the command line: what decides between definitions of equal strength.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Priority {
    /// The input's number, scripts expanded.
    pub position: u32,
    /// The member's header offset in its archive, else 0.
    pub member: u64,
}

/// The open inputs.
pub struct Loaded<'data> {
    /// Objects named directly, and all members of whole archives.
    pub objects: Vec<(Priority, Object<'data>)>,
    /// Archives whose members are taken as needed, by ascending position.
    pub archives: Vec<OpenArchive<'data>>,
    /// Libraries that were found and cannot be linked for the target, so that the search went on.
    pub passed_over: Vec<PassedOver<'data>>,
    /// What the scripts among the inputs said besides naming files.
    pub directives: Directives,
    /// The first of the positions for what may be supplied, if anything may.
    pub supplied: Option<u32>,
    /// What is linked for.
    pub target: Target,
}

/// A library that is for another target.
#[derive(Debug)]
pub struct PassedOver<'data> {
    /// The name that was searched for.
    pub library: String,
    /// What it is.
    pub why: Diagnostic,
    /// Its contents, if it is an archive.
    pub archive: Option<Archive<'data>>,
}

/// An archive and its place.
#[derive(Clone, Copy)]
pub struct OpenArchive<'data> {
    /// Its number among the inputs.
    pub position: u32,
    /// Its path.
    pub path: &'data Path,
    /// Its reader.
    pub archive: Archive<'data>,
}

/// Commands of scripts in place of libraries that concern the whole link.
#[derive(Default)]
pub struct Directives {
    /// `ENTRY`.
    pub entry: Option<String>,
    /// `EXTERN`.
    pub undefined: Vec<String>,
    /// `VERSION`.
    pub versions: Vec<VersionNode>,
    /// Assignments and ASSERT, which join the script that orders the sections.
    pub commands: Vec<Command>,
}

/// One input after scripts are expanded.
enum Leaf<'data> {
    Object {
        path: &'data Path,
        data: &'data [u8],
    },
    Archive {
        path: &'data Path,
        archive: Archive<'data>,
        whole: bool,
    },
    Directive(Command),
    PassedOver(Box<PassedOver<'data>>),
    /// The place of what may be supplied.
    Supplied,
}

/// Opens every input of a request, and those that the script of `-T` names: STARTUP before, INPUT behind the others.
pub fn load<'data>(
    request: &LinkRequest,
    own_script: Option<(&Path, &Script)>,
    store: &'data Store,
) -> Result<Loaded<'data>> {
    let mut search = SearchPath::new(request);
    let own_commands = own_script.iter().flat_map(|(_, script)| &script.commands);
    for command in own_commands {
        if let Command::SearchDir(folder) = command {
            search.push(folder);
        }
    }
    let inputs = without_repeats(&request.inputs);
    let is_library = |input: &&Input| matches!(input.what, InputName::Library(_));
    // What is linked for decides which library a search ends at, and files may decide what is linked for.
    let files = Opener { store, search: &search, target: None };
    let mut opened: Vec<_> = inputs.par_iter().map(|input| (!is_library(input)).then(|| files.open(input))).collect();
    let leaves = opened.iter().flatten().flatten().flatten();
    let libraries = Opener { target: request.target.or_else(|| told_target(leaves)), ..files };
    opened.par_iter_mut().zip(&inputs).for_each(|(slot, input)| {
        slot.get_or_insert_with(|| libraries.open(input));
    });
    let of_script = |startup| own_script.map_or(Ok(Vec::new()), |script| libraries.inputs_of(script, startup));
    let opened = std::iter::once(of_script(true)).chain(opened.into_iter().flatten()).chain([of_script(false)]);
    let leaves = gather(opened)?;
    let target = settle_target(&leaves, request)?;
    place(leaves, 0, store, target)
}

/// Opens what is supplied for a link whose inputs are open, for the positions from `first` on.
pub fn load_supplied<'data>(
    request: &LinkRequest,
    inputs: &[Input],
    first: u32,
    target: Target,
    store: &'data Store,
) -> Result<Loaded<'data>> {
    let search = SearchPath::new(request);
    let opener = Opener { store, search: &search, target: Some(target) };
    let leaves = gather(without_repeats(inputs).into_iter().map(|input| opener.open(input)))?;
    place(leaves, first, store, target)
}

/// The parts of several inputs in their order, or all that is wrong with them.
fn gather<T>(results: impl IntoIterator<Item = Result<Vec<T>>>) -> Result<Vec<T>> {
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(parts) => found.extend(parts),
            Err(wrong) => errors.extend(wrong),
        }
    }
    Diagnostics::check(found, errors)
}

/// A library or archive that is named again adds nothing, as archives are searched until nothing more is found.
fn without_repeats(inputs: &[Input]) -> Vec<&Input> {
    let mut seen = IndexSet::new();
    let is_archive = |input: &Input| match &input.what {
        InputName::File(path) => path.extension().is_some_and(|extension| extension == "a"),
        InputName::Library(_) | InputName::CppLibrary => true,
    };
    inputs.iter().filter(|input| !is_archive(input) || seen.insert((&input.what, input.modifiers))).collect()
}

#[derive(Clone, Copy)]
struct Opener<'data, 'link> {
    store: &'data Store,
    search: &'link SearchPath,
    /// What libraries have to be for, once that is known.
    target: Option<Target>,
}

impl<'data> Opener<'data, '_> {
    fn open(&self, input: &Input) -> Result<Vec<Leaf<'data>>> {
        match &input.what {
            InputName::File(path) => self.open_path(self.search.in_sysroot(path), input.modifiers, 0),
            InputName::Library(name) => self.open_library(name, input.modifiers, 0),
            InputName::CppLibrary => Ok(vec![Leaf::Supplied]),
        }
    }

    /// The first library of a name that can be linked for the target. If none can, the error says what the first one is.
    fn open_library(&self, name: &str, modifiers: InputModifiers, depth: usize) -> Result<Vec<Leaf<'data>>> {
        let mut leaves: Vec<Leaf<'data>> = Vec::new();
        let mut error = None;
        for path in self.search.libraries(name, modifiers)? {
            let found = self.open_path(path, modifiers, depth)?;
            let Some((why, archive)) = self.target.and_then(|target| incompatible(&found, target)) else {
                leaves.extend(found);
                return Ok(leaves);
            };
            error.get_or_insert_with(|| why.clone());
            leaves.push(Leaf::PassedOver(Box::new(PassedOver { library: name.to_owned(), why, archive })));
        }
        error.map_or(Ok(Vec::new()), |error| Err(error.into()))
    }

    fn open_path(&self, path: PathBuf, modifiers: InputModifiers, depth: usize) -> Result<Vec<Leaf<'data>>> {
        let path = self.store.keep_path(path);
        let data = self.store.map(path)?;
        match FileKind::of(data) {
            FileKind::Archive { .. } => {
                let archive = Archive::parse(data).map_err(|error| error.diagnostic(path))?;
                Ok(vec![Leaf::Archive { path, archive, whole: modifiers.whole_archive }])
            }
            FileKind::Text if looks_like_script(data) => self.expand(path, data, modifiers, depth),
            _ => Ok(vec![Leaf::Object { path, data }]),
        }
    }

    /// The files that a script in place of a library names, in its order.
    fn expand(
        &self,
        path: &'data Path,
        data: &'data [u8],
        modifiers: InputModifiers,
        depth: usize,
    ) -> Result<Vec<Leaf<'data>>> {
        if depth >= SCRIPT_DEPTH {
            return Err(Diagnostic::error(
                "script-recursion",
                format!("scripts name scripts more than {SCRIPT_DEPTH} deep"),
            )
            .at(Origin::file(path))
            .into());
        }
        let find = |name: &Path, script: &Path| self.search.script_input(name, script);
        let Script { commands } = parse_including(data, path, &find)?;
        let mut leaves = Vec::new();
        let mut search = self.search.clone();
        for command in commands {
            match command {
                Command::Input(files) | Command::Startup(files) => {
                    let opener = Opener { search: &search, ..*self };
                    leaves.extend(opener.open_files(&files, path, modifiers, depth + 1)?);
                }
                Command::Entry(_)
                | Command::Extern(_)
                | Command::Version(_)
                | Command::Assignment(_)
                | Command::Assert(..) => leaves.push(Leaf::Directive(command)),
                Command::SearchDir(folder) => search.push(&folder),
                Command::OutputFormat(_) | Command::OutputArch(_) => {}
                _ => {
                    return Err(Diagnostic::error(
                        "script-as-input",
                        "lays out sections, which a script named as an input cannot do",
                    )
                    .at(Origin::file(path))
                    .help("give it with -T")
                    .into());
                }
            }
        }
        Ok(leaves)
    }

    /// What the script of `-T` names: by STARTUP, or by INPUT and GROUP.
    fn inputs_of(&self, (path, script): (&Path, &Script), startup: bool) -> Result<Vec<Leaf<'data>>> {
        gather(script.commands.iter().map(|command| match command {
            Command::Startup(files) if startup => self.open_files(files, path, InputModifiers::default(), 1),
            Command::Input(files) if !startup => self.open_files(files, path, InputModifiers::default(), 1),
            _ => Ok(Vec::new()),
        }))
    }

    /// The files of INPUT, in order.
    fn open_files(
        &self,
        files: &[ScriptInput],
        script: &Path,
        modifiers: InputModifiers,
        depth: usize,
    ) -> Result<Vec<Leaf<'data>>> {
        gather(files.iter().map(|file| match file.name.strip_prefix("-l") {
            Some(library) => self.open_library(library, modifiers, depth),
            None => self.open_path(self.script_input(&file.name, script)?, modifiers, depth),
        }))
    }

    fn script_input(&self, name: &str, script: &Path) -> std::result::Result<PathBuf, Diagnostic> {
        self.search.script_input(Path::new(name), script).ok_or_else(|| {
            Diagnostic::error(
                "file-not-found",
                format!("names {name}, which is neither beside it nor on the search path"),
            )
            .at(Origin::file(script))
        })
    }
}

/// What makes a library useless for a target, as GNU ld sees it: it is for another machine. Damage is no reason to search on.
fn incompatible<'data>(leaves: &[Leaf<'data>], target: Target) -> Option<(Diagnostic, Option<Archive<'data>>)> {
    let [leaf] = leaves else { return None };
    let (error, archive) = match leaf {
        Leaf::Object { path, data } => (refuse::object(&Origin::file(*path), data, target)?, None),
        Leaf::Archive { path, archive, .. } => {
            (refuse::archive(&Origin::file(*path), archive, target)?, Some(*archive))
        }
        Leaf::Directive(_) | Leaf::PassedOver(_) | Leaf::Supplied => return None,
    };
    let is_foreign = matches!(error.code, "wrong-architecture" | "wrong-class" | "wrong-endianness" | "wrong-format");
    is_foreign.then_some((error, archive))
}

/// Parses an object for the target, or says what the file is instead.
fn parse_object<'data>(
    path: &'data Path,
    member: Option<&'data [u8]>,
    data: &'data [u8],
    target: Target,
) -> std::result::Result<Object<'data>, Diagnostic> {
    let origin = match member {
        Some(name) => Origin::member(path, String::from_utf8_lossy(name)),
        None => Origin::file(path),
    };
    if let Some(error) = refuse::object(&origin, data, target) {
        return Err(error);
    }
    let object = elf::parse(path, member, data)?;
    let sections = (0..object.sections.len()).filter_map(|index| {
        let section = &object.sections[index];
        Some(SectionFacts {
            name: object.section_name(index as u32).ok()?,
            size: section.sh_size.get(LE),
            is_allocated: section.sh_flags.get(LE) & u64::from(object::elf::SHF_ALLOC) != 0,
        })
    });
    if kind::is_slim_lto(sections) {
        return Err(refuse::lto(&origin, refuse::Lto::Slim));
    }
    Ok(object)
}

impl<'data> OpenArchive<'data> {
    /// The object that a member holds; a thin archive's stands in a file of its own.
    pub fn object(
        &self,
        member: &Member<'data>,
        store: &'data Store,
        target: Target,
    ) -> std::result::Result<Object<'data>, Diagnostic> {
        let data = match member.data {
            MemberData::Inline(data) => data,
            MemberData::Thin(name) => {
                let beside = self.path.parent().unwrap_or(Path::new(""));
                store.map(&beside.join(String::from_utf8_lossy(name).as_ref()))?
            }
        };
        parse_object(self.path, Some(member.name), data, target)
    }

    /// Every member's object, those of other kinds left out.
    fn all_objects(&self, store: &'data Store, target: Target) -> Result<Vec<(Priority, Object<'data>)>> {
        let mut objects = Vec::new();
        let mut errors = Vec::new();
        for member in self.archive.members() {
            let member = member.map_err(|error| error.diagnostic(self.path))?;
            if matches!(member.data, MemberData::Inline(data) if FileKind::of(data) == FileKind::Text) {
                continue;
            }
            let priority = Priority { position: self.position, member: member.header_offset };
            match self.object(&member, store, target) {
                Ok(object) => objects.push((priority, object)),
                Err(error) => errors.push(error),
            }
        }
        Diagnostics::check(objects, errors)
    }
}

/// What an object file says it is for.
fn machine_of(data: &[u8]) -> Option<Architecture> {
    match FileKind::of(data) {
        FileKind::Elf(ElfKind { is_64: true, little_endian: true, role: ElfRole::Relocatable, machine }) => {
            Architecture::from_elf_machine(machine)
        }
        _ => None,
    }
}

/// What the inputs are for: the first object on the command line, or in an archive.
fn told_target<'a, 'data: 'a>(leaves: impl Iterator<Item = &'a Leaf<'data>> + Clone) -> Option<Target> {
    let direct = leaves.clone().filter_map(|leaf| match leaf {
        Leaf::Object { data, .. } => machine_of(data),
        _ => None,
    });
    let archived = leaves.filter_map(|leaf| match leaf {
        Leaf::Archive { archive, .. } => archive.members().flatten().find_map(|member| match member.data {
            MemberData::Inline(data) => machine_of(data),
            MemberData::Thin(_) => None,
        }),
        _ => None,
    });
    direct.chain(archived).next().map(|architecture| Target { architecture, libc: None })
}

/// What is linked for: as the request says, else as the inputs tell.
fn settle_target(leaves: &[Leaf<'_>], request: &LinkRequest) -> Result<Target> {
    if let Some(target) = request.target.or_else(|| told_target(leaves.iter())) {
        return Ok(target);
    }
    if let Some(Leaf::Object { path, data }) = leaves.iter().find(|leaf| matches!(leaf, Leaf::Object { .. })) {
        let assumed = Target { architecture: Architecture::X86_64, libc: None };
        if let Some(error) = refuse::object(&Origin::file(path), data, assumed) {
            return Err(error.into());
        }
    }
    Err(Diagnostic::error("no-input", "there is no object file to link")
        .help("name at least one object file or archive; with -u SYMBOL something is taken from an archive")
        .into())
}

/// Numbers the leaves from `first` on and parses the objects among them.
fn place<'data>(leaves: Vec<Leaf<'data>>, first: u32, store: &'data Store, target: Target) -> Result<Loaded<'data>> {
    let mut next = first;
    let mut positions = Vec::with_capacity(leaves.len());
    for leaf in &leaves {
        positions.push(next);
        next += if matches!(leaf, Leaf::Supplied) { SUPPLIED } else { 1 };
    }
    let parsed: Vec<_> =
        leaves.par_iter().zip(&positions).map(|(leaf, &position)| objects_of(leaf, position, store, target)).collect();
    let objects = gather(parsed)?;
    let (archives, passed_over, directives) = (Vec::new(), Vec::new(), Directives::default());
    let mut loaded = Loaded { objects, archives, passed_over, directives, supplied: None, target };
    for (leaf, position) in leaves.into_iter().zip(positions) {
        match leaf {
            Leaf::Archive { path, archive, whole: false } => {
                loaded.archives.push(OpenArchive { position, path, archive });
            }
            Leaf::Supplied => loaded.supplied = Some(position),
            Leaf::PassedOver(library) => loaded.passed_over.push(*library),
            Leaf::Directive(Command::Entry(entry)) => loaded.directives.entry = Some(entry),
            Leaf::Directive(Command::Extern(names)) => loaded.directives.undefined.extend(names),
            Leaf::Directive(Command::Version(nodes)) => loaded.directives.versions.extend(nodes),
            Leaf::Directive(command) => loaded.directives.commands.push(command),
            _ => {}
        }
    }
    Ok(loaded)
}

/// The objects that an input brings whether they are needed or not.
fn objects_of<'data>(
    leaf: &Leaf<'data>,
    position: u32,
    store: &'data Store,
    target: Target,
) -> Result<Vec<(Priority, Object<'data>)>> {
    match leaf {
        Leaf::Object { path, data } => {
            Ok(vec![(Priority { position, member: 0 }, parse_object(path, None, data, target)?)])
        }
        Leaf::Archive { path, archive, whole } => {
            if let Some(error) = refuse::archive(&Origin::file(*path), archive, target) {
                return Err(error.into());
            }
            match whole {
                true => OpenArchive { position, path, archive: *archive }.all_objects(store, target),
                false => Ok(Vec::new()),
            }
        }
        Leaf::Directive(_) | Leaf::PassedOver(_) | Leaf::Supplied => Ok(Vec::new()),
    }
}

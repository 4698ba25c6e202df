//! Which rule of the script takes each atom. The globs are compiled once: exact names into a table, the others into
//! buckets by their first bytes, so that a link of a hundred thousand sections asks each about a handful of globs.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::path::Path;

use object::elf;
use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use crate::ids::{AtomId, FileId};
use crate::inputs::atoms::{Atom, Atoms};
use crate::script::ast::{self, Command, Constraint, Content, Script, SectionCommand, Sort};
use crate::script::glob::Glob;
use crate::symbols::resolve::is_c_identifier;

/// How a file is called: what the file part of a pattern is compared with.
#[derive(Clone, Copy, Debug)]
pub struct FileName<'a> {
    /// The file or archive.
    pub path: &'a Path,
    /// The member, if the path is that of an archive.
    pub member: Option<&'a [u8]>,
}

/// Names of files by id; never asked about [`Atom::LINKER`].
pub type FileNames<'a> = dyn Fn(FileId) -> FileName<'a> + Sync + 'a;

/// The rules of a script, and which of them took each atom.
#[derive(Debug)]
pub struct Matching<'s> {
    rules: Rules<'s>,
    /// By [`AtomId`]: the index of a rule, [`ORPHAN`] or [`NEVER`].
    taken: Vec<u32>,
}

/// No rule fits.
const ORPHAN: u32 = u32::MAX;
/// Nothing that a rule could take: symbol tables, relocations, groups.
const NEVER: u32 = u32::MAX - 1;

/// What becomes of an atom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// The input pattern of this number takes it.
    Pattern {
        /// The pattern, counted over the whole script.
        pattern: u32,
        /// The glob within the pattern.
        glob: u32,
    },
    /// No rule takes it.
    Orphan,
    /// `/DISCARD/` takes it, or it is no part of any program.
    Discarded,
}

/// One glob of one pattern.
#[derive(Debug)]
struct Rule {
    /// Which output section description, in the order of the script.
    output: u32,
    /// Which input pattern, counted over the whole script.
    pattern: u32,
    /// Which glob of the pattern.
    glob: u32,
    keep: bool,
    /// Which files; an index in [`Rules::conditions`].
    condition: Option<u32>,
    name: Glob,
}

/// Which files a rule is for.
#[derive(PartialEq, Eq, Debug)]
struct FileCondition {
    file: FileGlob,
    excluded: Vec<FileGlob>,
}

#[derive(PartialEq, Eq, Debug)]
enum FileGlob {
    /// `name`: the member's name, or the path of a file that is no archive.
    Name(Glob),
    /// `archive:member`, either of which may be left out.
    Member { archive: Option<Glob>, member: Option<Glob> },
}

#[derive(Debug)]
struct Rules<'s> {
    outputs: Vec<&'s ast::OutputSection>,
    /// Output sections that an ONLY_IF constraint rules out.
    disabled: Vec<bool>,
    rules: Vec<Rule>,
    conditions: Vec<FileCondition>,
    /// By exact name: rules in order.
    exact: HashMap<Vec<u8>, Vec<u32>, BuildHasherDefault<NameHasher>>,
    /// By the first bytes of the name: rules with wildcards, in order.
    buckets: HashMap<[u8; BUCKET], Vec<u32>, BuildHasherDefault<NameHasher>>,
    /// Rules whose wildcard comes before that.
    general: Vec<u32>,
}

/// How many bytes of a name choose a bucket: `.te`, `.da`, `.bs`.
const BUCKET: usize = 3;

/// One hash of the whole name.
#[derive(Default)]
struct NameHasher(u64);

impl Hasher for NameHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 ^= xxh3_64(bytes);
    }

    fn write_usize(&mut self, length: usize) {
        self.0 ^= (length as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl<'s> Matching<'s> {
    /// Matches every atom there is so far.
    pub fn new(script: &'s Script, atoms: &Atoms, files: &FileNames) -> Self {
        let mut matching = Matching { rules: Rules::compile(script), taken: Vec::new() };
        matching.extend(atoms, files);
        // A constraint depends on everything the section would take, so those that fail are struck out, and what they
        // took goes to later rules. Each round strikes out one.
        while matching.rules.disable_failed(&matching.taken, atoms) {
            matching.taken.clear();
            matching.extend(atoms, files);
        }
        matching
    }

    /// Matches the atoms that have been added since: the linker's own tables.
    pub fn extend(&mut self, atoms: &Atoms, files: &FileNames) {
        const CHUNK: usize = 4096;
        let from = self.taken.len();
        self.taken.resize(atoms.table.len().max(from), ORPHAN);
        let rules = &self.rules;
        self.taken[from..].par_chunks_mut(CHUNK).zip(atoms.table[from..].par_chunks(CHUNK)).for_each(
            |(taken, atoms)| {
                let mut file = FileMemory::new(rules);
                for (taken, atom) in taken.iter_mut().zip(atoms) {
                    *taken = if can_be_placed(atom) { rules.find(atom, files, &mut file) } else { NEVER };
                }
            },
        );
    }

    /// What becomes of an atom.
    pub fn fate(&self, atom: AtomId) -> Fate {
        match self.taken.get(atom.index()) {
            None | Some(&NEVER) => Fate::Discarded,
            Some(&ORPHAN) => Fate::Orphan,
            Some(&rule) => {
                let Rule { output, pattern, glob, .. } = self.rules.rules[rule as usize];
                if self.rules.is_discard(output) { Fate::Discarded } else { Fate::Pattern { pattern, glob } }
            }
        }
    }

    /// The atoms that a KEEP takes: roots of liveness.
    pub fn kept(&self) -> impl Iterator<Item = AtomId> + '_ {
        let rules = &self.rules;
        self.taken.iter().enumerate().filter_map(move |(index, &rule)| {
            let rule = rules.rules.get(rule as usize)?;
            (rule.keep && !rules.is_discard(rule.output)).then(|| AtomId::new(index))
        })
    }

    /// The name of the output section that an atom is going to be in; `None` if it is dropped.
    pub fn output_name<'n>(&self, id: AtomId, atom: &Atom<'n>) -> Option<&'n [u8]>
    where
        's: 'n,
    {
        match self.taken.get(id.index()) {
            None | Some(&NEVER) => None,
            Some(&ORPHAN) => Some(atom.name),
            Some(&rule) => {
                let output = self.rules.rules[rule as usize].output;
                (!self.rules.is_discard(output)).then(|| self.rules.outputs[output as usize].name.as_bytes())
            }
        }
    }

    /// The output sections whose names are C identifiers, for which `__start_NAME` and `__stop_NAME` are symbols: each
    /// allocated atom of theirs with the section's name, in atom order.
    pub fn identifier_sections<'n>(&self, atoms: &Atoms<'n>) -> Vec<(AtomId, &'n [u8])>
    where
        's: 'n,
    {
        let named: Vec<bool> = self.rules.rules.iter().map(|rule| self.is_identifier_rule(rule)).collect();
        let mut found = Vec::new();
        for (index, (&taken, atom)) in self.taken.iter().zip(&atoms.table).enumerate() {
            let candidate = match taken {
                NEVER => false,
                ORPHAN => is_c_identifier(atom.name),
                rule => named[rule as usize],
            };
            if candidate && atom.is_allocated() {
                let id = AtomId::new(index);
                found.extend(self.output_name(id, atom).map(|name| (id, name)));
            }
        }
        found
    }

    fn is_identifier_rule(&self, rule: &Rule) -> bool {
        is_c_identifier(self.rules.outputs[rule.output as usize].name.as_bytes())
    }

    /// The output section descriptions that take part, with the number of each one's first input pattern.
    pub(super) fn outputs(&self) -> impl Iterator<Item = (&'s ast::OutputSection, u32, bool)> + '_ {
        let mut pattern = 0;
        self.rules.outputs.iter().zip(&self.rules.disabled).map(move |(&output, &disabled)| {
            let first = pattern;
            pattern += output.contents.iter().filter(|content| matches!(content, Content::Input(_))).count() as u32;
            (output, first, disabled)
        })
    }
}

/// Whether a section header stands for bytes of the program rather than for the object's own book-keeping.
fn can_be_placed(atom: &Atom) -> bool {
    const SHT_LLVM_ADDRSIG: u32 = 0x6fff_4c03;
    let own = atom.file == Atom::LINKER;
    match atom.kind {
        elf::SHT_NULL | elf::SHT_GROUP | elf::SHT_SYMTAB | elf::SHT_SYMTAB_SHNDX | SHT_LLVM_ADDRSIG => false,
        elf::SHT_REL | elf::SHT_RELA | elf::SHT_STRTAB => own,
        _ => own || atom.flags & u64::from(elf::SHF_EXCLUDE) == 0,
    }
}

impl<'s> Rules<'s> {
    fn compile(script: &'s Script) -> Self {
        let mut rules = Rules {
            outputs: Vec::new(),
            disabled: Vec::new(),
            rules: Vec::new(),
            conditions: Vec::new(),
            exact: HashMap::default(),
            buckets: HashMap::default(),
            general: Vec::new(),
        };
        let mut patterns = 0;
        for output in output_sections(script) {
            rules.outputs.push(output);
            rules.disabled.push(false);
            for content in &output.contents {
                if let Content::Input(pattern) = content {
                    rules.add_pattern(pattern, patterns);
                    patterns += 1;
                }
            }
        }
        rules.index();
        rules
    }

    fn add_pattern(&mut self, pattern: &ast::InputPattern, number: u32) {
        for (glob, section) in pattern.sections.iter().enumerate() {
            let excluded: Vec<FileGlob> =
                pattern.exclude_files.iter().chain(&section.exclude_files).map(|glob| FileGlob::new(glob)).collect();
            let file = FileGlob::new(&pattern.file);
            let condition = if excluded.is_empty() && file == FileGlob::Name(Glob::Any) {
                None
            } else {
                let condition = FileCondition { file, excluded };
                let known = self.conditions.iter().position(|known| *known == condition);
                Some(known.unwrap_or_else(|| {
                    self.conditions.push(condition);
                    self.conditions.len() - 1
                }) as u32)
            };
            self.rules.push(Rule {
                output: self.outputs.len() as u32 - 1,
                pattern: number,
                glob: glob as u32,
                keep: pattern.keep,
                condition,
                name: Glob::new(section.name.as_bytes()),
            });
        }
    }

    fn index(&mut self) {
        for (index, rule) in self.rules.iter().enumerate() {
            let index = index as u32;
            match &rule.name {
                Glob::Exact(name) => self.exact.entry(name.clone()).or_default().push(index),
                Glob::Prefix(pattern) | Glob::General(pattern) => {
                    let literal = pattern.iter().take_while(|byte| !matches!(byte, b'*' | b'?' | b'[' | b'\\')).count();
                    match pattern[..literal].first_chunk() {
                        Some(start) => self.buckets.entry(*start).or_default().push(index),
                        None => self.general.push(index),
                    }
                }
                Glob::Any => self.general.push(index),
            }
        }
    }

    fn is_discard(&self, output: u32) -> bool {
        self.outputs[output as usize].name == "/DISCARD/"
    }

    /// The first rule that takes an atom.
    fn find(&self, atom: &Atom, files: &FileNames, memory: &mut FileMemory) -> u32 {
        let mut best = ORPHAN;
        let mut consider = |candidates: &[u32], by_name: bool| {
            for &candidate in candidates {
                if candidate >= best {
                    return;
                }
                let rule = &self.rules[candidate as usize];
                if !self.disabled[rule.output as usize]
                    && (!by_name || rule.name.matches(atom.name))
                    && rule.condition.is_none_or(|condition| memory.holds(self, condition, atom.file, files))
                {
                    best = candidate;
                    return;
                }
            }
        };
        if let Some(candidates) = self.exact.get(atom.name) {
            consider(candidates, false);
        }
        if let Some(candidates) = atom.name.first_chunk::<BUCKET>().and_then(|start| self.buckets.get(start)) {
            consider(candidates, true);
        }
        consider(&self.general, true);
        best
    }

    /// Strikes out the first output section whose constraint what it took does not meet; says whether there was one.
    fn disable_failed(&mut self, taken: &[u32], atoms: &Atoms) -> bool {
        if self.outputs.iter().all(|output| output.constraint.is_none()) {
            return false;
        }
        let mut writable = vec![false; self.outputs.len()];
        for (&taken, atom) in taken.iter().zip(&atoms.table) {
            if let Some(rule) = self.rules.get(taken as usize) {
                writable[rule.output as usize] |= atom.flags & u64::from(elf::SHF_WRITE) != 0;
            }
        }
        for ((output, disabled), writable) in self.outputs.iter().zip(&mut self.disabled).zip(writable) {
            let fails = match output.constraint {
                None => false,
                Some(Constraint::ReadOnly) => writable,
                Some(Constraint::ReadWrite) => !writable,
            };
            if fails && !*disabled {
                *disabled = true;
                return true;
            }
        }
        false
    }
}

/// Every output section description of a script, in order.
pub(super) fn output_sections(script: &Script) -> impl Iterator<Item = &ast::OutputSection> {
    let sections = script.commands.iter().filter_map(|command| match command {
        Command::Sections(sections) => Some(sections),
        _ => None,
    });
    sections.flatten().filter_map(|section| match section {
        SectionCommand::Output(output) => Some(&**output),
        _ => None,
    })
}

impl FileGlob {
    fn new(pattern: &str) -> Self {
        let glob = |part: &str| (!part.is_empty()).then(|| Glob::new(part.as_bytes()));
        match pattern.split_once(':') {
            Some((archive, member)) => FileGlob::Member { archive: glob(archive), member: glob(member) },
            None => FileGlob::Name(Glob::new(pattern.as_bytes())),
        }
    }

    /// Whether a file fits. `archive:` is any member of the archive, `:file` a file that is in none (the manual, 3.6.4.1).
    fn matches(&self, file: FileName) -> bool {
        let path = file.path.as_os_str().as_encoded_bytes();
        match self {
            FileGlob::Name(glob) => glob.matches(file.member.unwrap_or(path)),
            FileGlob::Member { archive: Some(archive), member } => {
                file.member.is_some_and(|name| archive.matches(path) && member.as_ref().is_none_or(|m| m.matches(name)))
            }
            FileGlob::Member { archive: None, member } => {
                file.member.is_none() && member.as_ref().is_none_or(|member| member.matches(path))
            }
        }
    }

    /// Whether EXCLUDE_FILE leaves a file out: a plain name also leaves out the archive of that name.
    fn excludes(&self, file: FileName) -> bool {
        let whole_archive = || match self {
            FileGlob::Name(glob) => file.member.is_some() && glob.matches(file.path.as_os_str().as_encoded_bytes()),
            FileGlob::Member { .. } => false,
        };
        self.matches(file) || whole_archive()
    }
}

impl FileCondition {
    fn holds(&self, file: FileId, files: &FileNames) -> bool {
        if file == Atom::LINKER {
            // In no file, so only a glob that takes every file takes it.
            return self.file == FileGlob::Name(Glob::Any);
        }
        let name = files(file);
        self.file.matches(name) && !self.excluded.iter().any(|glob| glob.excludes(name))
    }
}

/// The answers of the file conditions for one file: an object's sections come one after the other.
struct FileMemory {
    file: Option<FileId>,
    answers: Vec<Option<bool>>,
}

impl FileMemory {
    fn new(rules: &Rules) -> Self {
        FileMemory { file: None, answers: vec![None; rules.conditions.len()] }
    }

    fn holds(&mut self, rules: &Rules, condition: u32, file: FileId, files: &FileNames) -> bool {
        if self.file != Some(file) {
            self.file = Some(file);
            self.answers.fill(None);
        }
        let answer = &mut self.answers[condition as usize];
        *answer.get_or_insert_with(|| rules.conditions[condition as usize].holds(file, files))
    }
}

/// How the matches of one glob are ordered: what it says, else `--sort-section`.
pub(super) fn sort_of(section: &ast::SectionPattern, command_line: &[Sort]) -> Vec<Sort> {
    let sort = if section.sort.is_empty() { command_line } else { &section.sort };
    sort.iter().copied().filter(|&sort| sort != Sort::None).collect()
}

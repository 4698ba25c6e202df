//! Hand-made programs for the tests of the layout: atoms without bytes, as little as a case needs.

use std::path::Path;

use object::elf;

use crate::args::request::{OutputKind, SegmentOptions};
use crate::diag;
use crate::ids::{AtomId, FileId};
use crate::inputs::atoms::{Atom, Atoms, Relocations};
use crate::script::ast::Script;
use crate::script::symbols::ScriptSymbols;
use crate::script::{embedded, parse};
use crate::target::Architecture;

use super::address::assign;
use super::matching::{FileName, Matching};
use super::plan::{Addresses, ScriptSymbolValue, SectionPlan, Segment};
use super::sections::{PlanRequest, plan};
use super::state::AddressRequest;

/// Files and their sections.
#[derive(Default)]
pub struct Program {
    files: Vec<(String, Option<String>)>,
    atoms: Vec<Atom<'static>>,
    dead: Vec<u32>,
}

impl Program {
    /// What follows is part of this file.
    pub fn file(&mut self, path: &str) -> &mut Self {
        self.files.push((path.into(), None));
        self
    }

    /// What follows is part of this archive member.
    pub fn member(&mut self, path: &str, member: &str) -> &mut Self {
        self.files.push((path.into(), Some(member.into())));
        self
    }

    fn add(&mut self, name: &'static str, kind: u32, flags: u32) -> &mut Self {
        self.atoms.push(Atom {
            // The linker's own is the first.
            file: FileId::new(self.files.len()),
            name: name.as_bytes(),
            data: &[],
            size: 16,
            alignment: 8,
            flags: flags.into(),
            kind,
            entry_size: 0,
            relocations: Relocations::None,
        });
        self
    }

    /// Adds a section of code.
    pub fn text(&mut self, name: &'static str) -> &mut Self {
        self.add(name, elf::SHT_PROGBITS, elf::SHF_ALLOC | elf::SHF_EXECINSTR)
    }

    /// Adds a section of data.
    pub fn data(&mut self, name: &'static str) -> &mut Self {
        self.add(name, elf::SHT_PROGBITS, elf::SHF_ALLOC | elf::SHF_WRITE)
    }

    /// Adds a section of constants.
    pub fn constants(&mut self, name: &'static str) -> &mut Self {
        self.add(name, elf::SHT_PROGBITS, elf::SHF_ALLOC)
    }

    /// Adds a section of zeros.
    pub fn bss(&mut self, name: &'static str) -> &mut Self {
        self.add(name, elf::SHT_NOBITS, elf::SHF_ALLOC | elf::SHF_WRITE)
    }

    /// Adds thread-local data.
    pub fn thread(&mut self, name: &'static str) -> &mut Self {
        self.add(name, elf::SHT_PROGBITS, elf::SHF_ALLOC | elf::SHF_WRITE | elf::SHF_TLS)
    }

    /// Adds thread-local zeros.
    pub fn thread_zeros(&mut self, name: &'static str) -> &mut Self {
        self.add(name, elf::SHT_NOBITS, elf::SHF_ALLOC | elf::SHF_WRITE | elf::SHF_TLS)
    }

    /// Adds a note.
    pub fn note(&mut self, name: &'static str) -> &mut Self {
        self.add(name, elf::SHT_NOTE, elf::SHF_ALLOC)
    }

    /// Adds a section that is not loaded.
    pub fn debug(&mut self, name: &'static str) -> &mut Self {
        self.add(name, elf::SHT_PROGBITS, 0)
    }

    /// Adds a section of any type.
    pub fn kind(&mut self, name: &'static str, kind: u32) -> &mut Self {
        self.add(name, kind, 0)
    }

    fn last(&mut self) -> &mut Atom<'static> {
        self.atoms.last_mut().unwrap()
    }

    /// Changes the alignment of the last section.
    pub fn aligned(&mut self, alignment: u64) -> &mut Self {
        self.last().alignment = alignment;
        self
    }

    /// Changes the size of the last section.
    pub fn sized(&mut self, size: u64) -> &mut Self {
        self.last().size = size;
        self
    }

    /// Changes the flags of the last section.
    pub fn flags(&mut self, flags: u64) -> &mut Self {
        self.last().flags = flags;
        self
    }

    /// Changes the entry size of the last section.
    pub fn entry_size(&mut self, size: u64) -> &mut Self {
        self.last().entry_size = size;
        self
    }

    /// Marks an atom as dead.
    pub fn dead(&mut self, atom: u32) {
        self.dead.push(atom);
    }

    /// Every atom.
    pub fn atoms(&self) -> Atoms<'static> {
        Atoms { table: self.atoms.clone() }
    }

    /// The atom of a section.
    pub fn id_of(&self, file: &str, section: &str) -> AtomId {
        let index = self.atoms.iter().position(|atom| {
            atom.name == section.as_bytes() && atom.file != Atom::LINKER && self.files[atom.file.index() - 1].0 == file
        });
        AtomId::new(index.unwrap())
    }

    /// The embedded script.
    pub fn script_default(&self) -> Script {
        embedded::script(Architecture::X86_64, true).unwrap()
    }

    /// Matches the atoms against a script.
    pub fn matching<'s>(&self, script: &'s Script) -> Matching<'s> {
        let files = |file: FileId| {
            let (path, member) = &self.files[file.index() - 1];
            FileName { path: Path::new(path), member: member.as_ref().map(|member| member.as_bytes()) }
        };
        Matching::new(script, &self.atoms(), &files)
    }

    /// The plan by a script's text.
    pub fn plan(&self, text: &str) -> SectionPlan {
        self.plan_script(&parse(text.as_bytes(), Path::new("test.ld")).unwrap_or_else(|error| panic!("{error}")))
    }

    /// The plan by the embedded script.
    pub fn plan_default(&self) -> SectionPlan {
        self.plan_script(&self.script_default())
    }

    /// The plan by a script.
    pub fn plan_script(&self, script: &Script) -> SectionPlan {
        let matching = self.matching(script);
        plan(&PlanRequest {
            script,
            definitions: &[],
            atoms: &self.atoms(),
            matching: &matching,
            placed: &|atom| !self.dead.contains(&atom.0),
            sort_section: &[],
        })
        .unwrap_or_else(|error| panic!("{error}"))
    }

    /// The roots that a script's KEEPs make.
    pub fn kept(&self, text: &str) -> Vec<String> {
        let script = parse(text.as_bytes(), Path::new("test.ld")).unwrap();
        self.matching(&script).kept().map(|atom| self.name(atom)).collect()
    }

    fn name(&self, id: AtomId) -> String {
        let atom = &self.atoms[id.index()];
        let (path, member) = &self.files[atom.file.index() - 1];
        format!("{}:{}", member.as_ref().unwrap_or(path), String::from_utf8_lossy(atom.name))
    }

    /// Each output section that has atoms, with them, as `file:section` and blanks between.
    pub fn listing<'p>(&self, plan: &'p SectionPlan) -> Vec<(&'p str, String)> {
        let sections = plan.sections.iter();
        let listing = sections.map(|section| {
            (section.name.as_str(), plan.atoms_of(section).map(|id| self.name(id)).collect::<Vec<_>>().join(" "))
        });
        listing.filter(|(_, atoms)| !atoms.is_empty()).collect()
    }
}

/// An addressed program with what is asked of it in tests.
pub struct Image {
    pub plan: SectionPlan,
    pub addresses: Addresses,
    symbols: ScriptSymbols,
}

/// How a test links.
pub struct Linking {
    pub options: SegmentOptions,
    pub kind: OutputKind,
    pub architecture: Architecture,
}

impl Default for Linking {
    fn default() -> Self {
        Linking {
            options: SegmentOptions::default(),
            kind: OutputKind::StaticExecutable,
            architecture: Architecture::X86_64,
        }
    }
}

impl Program {
    /// Addresses by a script's text; in these programs an input symbol `at_N` is at the start of atom N, and somebody
    /// needs every PROVIDE but those whose names start with `unused`.
    pub fn link(&self, text: &str) -> diag::Result<Image> {
        let script = parse(text.as_bytes(), Path::new("test.ld"))?;
        self.link_with(&script, &Linking::default())
    }

    /// Addresses by a script.
    pub fn link_with(&self, script: &Script, linking: &Linking) -> diag::Result<Image> {
        let plan = self.plan_script(script);
        let symbols = ScriptSymbols::collect(script, &[]);
        let atoms = self.atoms();
        let sizes: Vec<u64> = atoms.table.iter().map(|atom| atom.size).collect();
        let request = AddressRequest {
            plan: &plan,
            atoms: &atoms,
            sizes: &sizes,
            symbols: &symbols,
            in_force: &|index| !symbols.symbols[index].name.starts_with("unused"),
            lookup: &|name, addresses| {
                let atom: usize = name.strip_prefix("at_")?.parse().ok()?;
                Some(ScriptSymbolValue { value: *addresses.get(atom)?, section: plan.section_of[atom] })
            },
            options: &linking.options,
            kind: linking.kind,
            architecture: linking.architecture,
        };
        let addresses = assign(&request)?;
        Ok(Image { plan, addresses, symbols })
    }
}

impl Image {
    /// A script symbol's value.
    pub fn symbol(&self, name: &str) -> Option<u64> {
        let index = self.symbols.symbols.iter().position(|symbol| symbol.name == name).unwrap();
        self.addresses.script_symbols[index].map(|symbol| symbol.value)
    }

    /// The section that a script symbol is in.
    pub fn symbol_section(&self, name: &str) -> Option<&str> {
        let index = self.symbols.symbols.iter().position(|symbol| symbol.name == name).unwrap();
        Some(&self.plan.get(self.addresses.script_symbols[index]?.section?).name)
    }

    /// A section's address, size and whether it is left out.
    pub fn section(&self, name: &str) -> (u64, u64, bool) {
        let index = self.plan.sections.iter().position(|section| section.name == name).unwrap();
        let section = self.addresses.sections[index];
        (section.address, section.size, section.omitted)
    }

    /// The program headers of a type.
    pub fn segments(&self, kind: u32) -> Vec<Segment> {
        self.addresses.segments.iter().copied().filter(|segment| segment.kind == kind).collect()
    }
}

/// The names of every output section.
pub fn section_names(plan: &SectionPlan) -> Vec<&str> {
    plan.sections.iter().map(|section| section.name.as_str()).collect()
}

//! The section plan: live atoms sorted into the output sections of the script, in the script's order, with the sections
//! that it does not name put in between.

use hashbrown::HashMap;
use indexmap::IndexMap;
use object::elf;

use crate::diag::{self, Diagnostic, Diagnostics};
use crate::ids::{AtomId, OutputSectionId};
use crate::inputs::atoms::{Atom, Atoms};
use crate::script::ast::{self, Assignment, Command, Content, Expression, Script, SectionCommand, Sort};

use super::matching::{Fate, Matching, sort_of};
use super::orphans;
use super::plan::{OutputSection, Piece, Placement, SectionPlan, Statement};
use super::sort::sort_matches;

/// What a section plan is made from.
pub struct PlanRequest<'a> {
    /// The section order.
    pub script: &'a Script,
    /// `--defsym`.
    pub definitions: &'a [(String, Expression)],
    /// Every atom.
    pub atoms: &'a Atoms<'a>,
    /// Which rule takes each.
    pub matching: &'a Matching<'a>,
    /// Whether an atom is alive and part of the output.
    pub placed: &'a dyn Fn(AtomId) -> bool,
    /// `--sort-section`: for globs that ask for no order of their own.
    pub sort_section: &'a [Sort],
}

/// Makes the plan. Sections that nothing is in are part of it, for their symbols' sake; addresses tell which are left out.
pub fn plan(request: &PlanRequest) -> diag::Result<SectionPlan> {
    let mut errors = Vec::new();
    let mut builder = Builder::new(request);
    builder.sort_into_patterns(request);
    let mut statements = builder.statements(request, &mut errors);
    let orphans = builder.orphans(request);
    for section in &mut builder.sections {
        describe(section, &builder.order, request.atoms);
    }
    orphans::insert(&mut statements, &builder.sections, &orphans);
    let plan = builder.finish(statements, request);
    Diagnostics::check(plan, errors)
}

struct Builder {
    sections: Vec<OutputSection>,
    /// Descriptions of the script with one name make one section, and so do orphans; by name and whether allocated.
    by_name: HashMap<String, OutputSectionId>,
    /// Placed atoms by pattern.
    order: Vec<AtomId>,
    /// Where each pattern's atoms start in `order`; one more at the end.
    starts: Vec<u32>,
    orphan_atoms: Vec<AtomId>,
}

impl Builder {
    fn new(request: &PlanRequest) -> Self {
        let patterns: usize = request.matching.outputs().map(|(output, ..)| input_patterns(output).count()).sum();
        Builder {
            sections: Vec::new(),
            by_name: HashMap::new(),
            order: Vec::new(),
            starts: vec![0; patterns + 1],
            orphan_atoms: Vec::new(),
        }
    }

    /// A counting sort by pattern, which keeps input order, and the patterns' own order where they ask for one.
    fn sort_into_patterns(&mut self, request: &PlanRequest) {
        let mut placed: Vec<(AtomId, u32)> = Vec::with_capacity(request.atoms.table.len());
        for index in 0..request.atoms.table.len() {
            let id = AtomId::new(index);
            if !(request.placed)(id) {
                continue;
            }
            match request.matching.fate(id) {
                Fate::Pattern { pattern, .. } => {
                    placed.push((id, pattern));
                    self.starts[pattern as usize + 1] += 1;
                }
                Fate::Orphan => self.orphan_atoms.push(id),
                Fate::Discarded => {}
            }
        }
        for pattern in 1..self.starts.len() {
            self.starts[pattern] += self.starts[pattern - 1];
        }
        let mut next = self.starts.clone();
        self.order = vec![AtomId(0); placed.len()];
        for (id, pattern) in placed {
            let at = &mut next[pattern as usize];
            self.order[*at as usize] = id;
            *at += 1;
        }
        let glob_of = |id| match request.matching.fate(id) {
            Fate::Pattern { glob, .. } => glob,
            _ => 0,
        };
        for (output, first, _) in request.matching.outputs() {
            for (number, pattern) in input_patterns(output).enumerate() {
                let number = first as usize + number;
                let sorts: Vec<Vec<Sort>> =
                    pattern.sections.iter().map(|section| sort_of(section, request.sort_section)).collect();
                let matches = &mut self.order[self.starts[number] as usize..self.starts[number + 1] as usize];
                sort_matches(matches, &sorts, glob_of, request.atoms);
            }
        }
    }

    /// The script's statements in order, and its output sections with what they took.
    fn statements(&mut self, request: &PlanRequest, errors: &mut Vec<Diagnostic>) -> Vec<Statement> {
        let mut statements: Vec<Statement> =
            request.definitions.iter().map(|(name, value)| Statement::Assignment(definition(name, value))).collect();
        let mut outputs = request.matching.outputs();
        for command in &request.script.commands {
            match command {
                Command::Assignment(assignment) => statements.push(Statement::Assignment(assignment.clone())),
                Command::Assert(condition, message) => {
                    statements.push(Statement::Assert(condition.clone(), message.clone()));
                }
                Command::Sections(sections) => {
                    for section in sections {
                        match section {
                            SectionCommand::Assignment(assignment) => {
                                statements.push(Statement::Assignment(assignment.clone()));
                            }
                            SectionCommand::Assert(condition, message) => {
                                statements.push(Statement::Assert(condition.clone(), message.clone()));
                            }
                            SectionCommand::Entry(_) => {}
                            SectionCommand::Output(_) => {
                                if let Some((output, first, disabled)) = outputs.next()
                                    && !disabled
                                    && output.name != "/DISCARD/"
                                {
                                    statements.extend(self.output(output, first).map(Statement::Section));
                                }
                            }
                        }
                    }
                }
                Command::Insert { after, section } => {
                    let word = if *after { "AFTER" } else { "BEFORE" };
                    let message =
                        format!("INSERT {word} {section} in a script that takes the place of the default one");
                    errors.push(Diagnostic::error("bad-script", message));
                }
                _ => {}
            }
        }
        statements
    }

    /// Adds a description of the script; `None` if it adds to an earlier one of its name.
    fn output(&mut self, output: &ast::OutputSection, first_pattern: u32) -> Option<OutputSectionId> {
        let earlier = self.by_name.get(output.name.as_str()).copied();
        let id = earlier.unwrap_or_else(|| {
            let id = OutputSectionId::new(self.sections.len());
            self.by_name.insert(output.name.clone(), id);
            self.sections.push(OutputSection {
                name: output.name.clone(),
                kind: elf::SHT_PROGBITS,
                flags: 0,
                entry_size: 0,
                placement: placement(output),
                pieces: Vec::new(),
                fill: output.fill.clone().unwrap_or_default(),
            });
            id
        });
        let mut pattern = first_pattern as usize;
        let pieces = &mut self.sections[id.index()].pieces;
        for content in &output.contents {
            pieces.push(match content {
                Content::Input(_) => {
                    let range = self.starts[pattern]..self.starts[pattern + 1];
                    pattern += 1;
                    if range.is_empty() {
                        continue;
                    }
                    Piece::Atoms(range)
                }
                Content::Assignment(assignment) => Piece::Assignment(assignment.clone()),
                Content::Data(width, value) => Piece::Data(*width, value.clone()),
                Content::Fill(fill) => Piece::Fill(fill.clone()),
                Content::Assert(condition, message) => Piece::Assert(condition.clone(), message.clone()),
            });
        }
        earlier.is_none().then_some(id)
    }

    /// Gives the atoms that no rule takes to sections of their own names; returns those that are new.
    fn orphans(&mut self, request: &PlanRequest) -> Vec<OutputSectionId> {
        let mut groups: IndexMap<(&[u8], bool), Vec<AtomId>> = IndexMap::new();
        for &id in &self.orphan_atoms {
            let atom = request.atoms.get(id);
            groups.entry((atom.name, atom.is_allocated())).or_default().push(id);
        }
        let mut new = Vec::new();
        for ((name, allocated), members) in groups {
            let name = String::from_utf8_lossy(name).into_owned();
            let start = self.order.len() as u32;
            self.order.extend_from_slice(&members);
            let piece = Piece::Atoms(start..self.order.len() as u32);
            let known = self.by_name.get(name.as_str()).copied();
            if let Some(known) = known.filter(|id| self.is_compatible(*id, allocated, request.atoms)) {
                self.sections[known.index()].pieces.push(piece);
                continue;
            }
            let id = OutputSectionId::new(self.sections.len());
            self.by_name.entry(name.clone()).or_insert(id);
            self.sections.push(OutputSection {
                name,
                kind: elf::SHT_PROGBITS,
                flags: 0,
                entry_size: 0,
                placement: Placement::default(),
                pieces: vec![piece],
                fill: Vec::new(),
            });
            new.push(id);
        }
        new
    }

    /// Whether atoms that are (not) part of the image can join a section.
    fn is_compatible(&self, id: OutputSectionId, allocated: bool, atoms: &Atoms) -> bool {
        self.sections[id.index()].pieces.iter().all(|piece| match piece {
            Piece::Atoms(range) => atoms.get(self.order[range.start as usize]).is_allocated() == allocated,
            _ => true,
        })
    }

    /// Renumbers the sections in the order of the statements.
    fn finish(self, mut statements: Vec<Statement>, request: &PlanRequest) -> SectionPlan {
        let mut plan = SectionPlan { order: self.order, ..SectionPlan::default() };
        plan.section_of = vec![None; request.atoms.table.len()];
        let mut sections: Vec<Option<OutputSection>> = self.sections.into_iter().map(Some).collect();
        for statement in &mut statements {
            let Statement::Section(id) = statement else { continue };
            let Some(section) = sections[id.index()].take() else { continue };
            *id = OutputSectionId::new(plan.sections.len());
            for piece in &section.pieces {
                if let Piece::Atoms(range) = piece {
                    for atom in &plan.order[range.start as usize..range.end as usize] {
                        plan.section_of[atom.index()] = Some(*id);
                    }
                }
            }
            plan.sections.push(section);
        }
        plan.statements = statements;
        for command in &request.script.commands {
            match command {
                Command::ProgramHeaders(headers) => plan.program_headers.extend_from_slice(headers),
                Command::Memory(regions) => {
                    for region in regions {
                        plan.memory_shared_with.push(plan.memory.len());
                        plan.memory.push(region.clone());
                    }
                }
                Command::RegionAlias { alias, region } => {
                    if let Some(index) = plan.memory.iter().position(|known| known.name == *region) {
                        let shared = plan.memory_shared_with[index];
                        plan.memory_shared_with.push(shared);
                        let region = plan.memory[index].clone();
                        plan.memory.push(ast::MemoryRegion { name: alias.clone(), ..region });
                    }
                }
                _ => {}
            }
        }
        plan
    }
}

fn input_patterns(output: &ast::OutputSection) -> impl Iterator<Item = &ast::InputPattern> {
    output.contents.iter().filter_map(|content| match content {
        Content::Input(pattern) => Some(pattern),
        _ => None,
    })
}

fn definition(name: &str, value: &Expression) -> Assignment {
    Assignment { symbol: name.to_owned(), operator: None, value: value.clone(), provide: false, hidden: false }
}

fn placement(output: &ast::OutputSection) -> Placement {
    Placement {
        address: output.address.clone(),
        load_address: output.load_address.clone(),
        align: output.align.clone(),
        sub_align: output.sub_align.clone(),
        region: output.region.clone(),
        load_region: output.load_region.clone(),
        segments: output.segments.clone(),
        no_load: output.no_load,
        not_allocated: output.not_allocated,
        read_only: output.read_only,
        from_script: true,
    }
}

/// Flags that say something about one input only.
const INPUT_ONLY: u64 =
    (elf::SHF_GROUP | elf::SHF_COMPRESSED | elf::SHF_GNU_RETAIN | elf::SHF_LINK_ORDER | elf::SHF_EXCLUDE) as u64;
/// Flags that hold only if they hold for every input.
const UNANIMOUS: u64 = (elf::SHF_MERGE | elf::SHF_STRINGS) as u64;

/// Fills in what a section's members decide: type, flags, entry size.
fn describe(section: &mut OutputSection, order: &[AtomId], atoms: &Atoms) {
    let (mut any, mut all) = (0u64, u64::MAX);
    let mut kind: Option<u32> = None;
    let mut entry_size: Option<u64> = None;
    let mut agree = true;
    let mut atoms_seen = false;
    let mut has_data = false;
    for piece in &section.pieces {
        let Piece::Atoms(range) = piece else {
            has_data |= matches!(piece, Piece::Data(..));
            continue;
        };
        for &id in &order[range.start as usize..range.end as usize] {
            let atom = atoms.get(id);
            atoms_seen = true;
            any |= atom.flags;
            all &= atom.flags;
            kind = Some(merge_kinds(kind, atom));
            agree &= *entry_size.get_or_insert(atom.entry_size) == atom.entry_size;
        }
    }
    if atoms_seen {
        section.flags = any & !INPUT_ONLY & !(UNANIMOUS & !all);
        section.kind = kind.unwrap_or(elf::SHT_PROGBITS);
        section.entry_size = if agree { entry_size.unwrap_or(0) } else { 0 };
        if !agree {
            section.flags &= !UNANIMOUS;
        }
    } else {
        section.flags = default_flags(&section.name);
        section.kind = elf::SHT_NOBITS;
    }
    if has_data && section.kind == elf::SHT_NOBITS {
        section.kind = elf::SHT_PROGBITS;
    }
    match section.name.as_str() {
        ".init_array" => section.kind = elf::SHT_INIT_ARRAY,
        ".fini_array" => section.kind = elf::SHT_FINI_ARRAY,
        ".preinit_array" => section.kind = elf::SHT_PREINIT_ARRAY,
        _ => {}
    }
    if section.placement.no_load {
        section.kind = elf::SHT_NOBITS;
    }
    if section.placement.not_allocated {
        section.flags &= !u64::from(elf::SHF_ALLOC);
    }
    if section.placement.read_only {
        section.flags &= !u64::from(elf::SHF_WRITE);
    }
}

/// The type of a section whose members have different ones: zeros join anything, the rest make plain bytes.
fn merge_kinds(so_far: Option<u32>, atom: &Atom) -> u32 {
    match so_far {
        None | Some(elf::SHT_NOBITS) => atom.kind,
        Some(kind) if kind == atom.kind || atom.is_zero_fill() => kind,
        Some(_) => elf::SHT_PROGBITS,
    }
}

/// The flags of a section that holds nothing but what the script itself says.
fn default_flags(name: &str) -> u64 {
    let flags = match name {
        ".text" | ".init" | ".fini" => elf::SHF_ALLOC | elf::SHF_EXECINSTR,
        ".rodata" => elf::SHF_ALLOC,
        _ => elf::SHF_ALLOC | elf::SHF_WRITE,
    };
    u64::from(flags)
}

#[cfg(test)]
mod tests {
    use super::super::samples::{Program, section_names};
    use super::*;

    #[test]
    fn sorts_atoms_into_the_default_order() {
        let mut program = Program::default();
        program.file("crt1.o").text(".text").data(".data").note(".note.ABI-tag");
        program.file("a.o").text(".text.hot.f").text(".text").text(".text.g").constants(".rodata.x").bss(".bss.y");
        program
            .file("b.o")
            .text(".text.unlikely")
            .thread(".tdata")
            .thread_zeros(".tbss")
            .data(".data.rel.ro.z")
            .bss("COMMON");
        program.file("b.o").debug(".debug_info").debug(".comment").debug(".note.GNU-stack");
        let plan = program.plan_default();
        assert_eq!(
            program.listing(&plan),
            [
                (".note.ABI-tag", "crt1.o:.note.ABI-tag".into()),
                (".text", "b.o:.text.unlikely a.o:.text.hot.f crt1.o:.text a.o:.text a.o:.text.g".into()),
                (".rodata", "a.o:.rodata.x".into()),
                (".tdata", "b.o:.tdata".into()),
                (".tbss", "b.o:.tbss".into()),
                (".data.rel.ro", "b.o:.data.rel.ro.z".into()),
                (".data", "crt1.o:.data".into()),
                (".bss", "a.o:.bss.y b.o:COMMON".into()),
                (".debug_info", "b.o:.debug_info".into()),
                (".comment", "b.o:.comment".into()),
            ]
        );
    }

    #[test]
    fn constructors_of_both_kinds_are_ordered_by_priority() {
        let mut program = Program::default();
        program.file("/gcc/crtbegin.o").data(".ctors");
        program.file("a.o").data(".init_array").data(".init_array.200").data(".ctors.65435");
        program.file("b.o").data(".ctors").data(".init_array.100").data(".init_array.00050");
        program.file("/gcc/crtend.o").data(".ctors");
        let plan = program.plan_default();
        assert_eq!(
            program.listing(&plan),
            [
                (
                    ".init_array",
                    "b.o:.init_array.00050 a.o:.ctors.65435 b.o:.init_array.100 a.o:.init_array.200 a.o:.init_array b.o:.ctors".into() // .ctors.65435 has priority 100 too; ties go by name.
                ),
                (".ctors", "/gcc/crtbegin.o:.ctors /gcc/crtend.o:.ctors".into()),
            ]
        );
        let id = plan.section_of[program.id_of("a.o", ".init_array").index()].unwrap();
        assert_eq!(plan.get(id).kind, elf::SHT_INIT_ARRAY);
    }

    #[test]
    fn orphans_stand_next_to_their_like() {
        let mut program = Program::default();
        program.file("a.o").text(".text").text("my_code").constants("my_table").data("my_data").bss("my_zeros");
        program.file("a.o").thread("my_thread").note("my_note").debug("my_debug").constants(".rodata").data(".data");
        program.file("b.o").constants("my_table").text(".fini").note(".note.ABI-tag").bss(".bss");
        let plan = program.plan_default();
        let expected = [
            ".note.ABI-tag",
            "my_note",
            ".text",
            "my_code",
            ".fini",
            ".rodata",
            "my_table",
            "my_thread",
            ".data",
            "my_data",
            ".bss",
            "my_zeros",
            "my_debug",
        ];
        let names: Vec<&str> = program.listing(&plan).iter().map(|(name, _)| *name).collect();
        assert_eq!(names, expected);
        let table = plan.sections.iter().find(|section| section.name == "my_table").unwrap();
        assert_eq!(plan.atoms_of(table).count(), 2);
        // The end of the program lies behind the orphans.
        let position = |what: &dyn Fn(&Statement) -> bool| plan.statements.iter().position(what).unwrap();
        let zeros = position(&|s| matches!(s, Statement::Section(id) if plan.get(*id).name == "my_zeros"));
        assert!(zeros < position(&|s| matches!(s, Statement::Assignment(a) if a.symbol == "_end")));
        let data = position(&|s| matches!(s, Statement::Section(id) if plan.get(*id).name == "my_data"));
        assert!(data < position(&|s| matches!(s, Statement::Assignment(a) if a.symbol == "_edata")));
    }

    #[test]
    fn a_users_script_decides() {
        let script = "SECTIONS {
            .text : { *lib?.a:f.o(.text*) KEEP(*(.keep)) *(EXCLUDE_FILE(*b.o) .text*) }
            /DISCARD/ : { *(.drop*) }
            .all : { *(SORT_BY_ALIGNMENT(.d*)) *(SORT(.n*)) }
            .ro : ONLY_IF_RO { *(.m*) } .rw : ONLY_IF_RW { *(.m*) }
            .text : { *(.late) }
            .empty : { e = .; }
        }";
        let mut program = Program::default();
        program.file("a.o").text(".text.a").data(".d1").aligned(4).data(".d2").aligned(16).text(".late");
        program
            .file("b.o")
            .text(".text.b")
            .data(".nz")
            .data(".na")
            .data(".drop.x")
            .data(".keep")
            .data(".drop")
            .data(".m1");
        program.member("/x/lib1.a", "f.o").text(".text.f").constants(".m2");
        let plan = program.plan(script);
        assert_eq!(
            program.listing(&plan),
            [
                (".text", "f.o:.text.f b.o:.keep a.o:.text.a a.o:.late".into()),
                (".text.b", "b.o:.text.b".into()),
                (".all", "a.o:.d2 a.o:.d1 b.o:.na b.o:.nz".into()),
                (".rw", "b.o:.m1 f.o:.m2".into()),
            ]
        );
        assert_eq!(section_names(&plan), [".text", ".text.b", ".all", ".rw", ".empty"]);
        assert_eq!(program.kept(script), ["b.o:.keep"]);
    }

    #[test]
    fn dead_atoms_and_book_keeping_take_no_part() {
        let mut program = Program::default();
        program
            .file("a.o")
            .text(".text.dead")
            .text(".text.live")
            .kind(".symtab", elf::SHT_SYMTAB)
            .kind(".rela.text", elf::SHT_RELA);
        program.dead(0);
        let plan = program.plan_default();
        assert_eq!(program.listing(&plan), [(".text", "a.o:.text.live".into())]);
        assert_eq!(plan.section_of.iter().filter(|section| section.is_some()).count(), 1);
    }

    #[test]
    fn flags_are_the_union_and_merging_needs_agreement() {
        let merge = u64::from(elf::SHF_ALLOC | elf::SHF_MERGE | elf::SHF_STRINGS);
        let mut program = Program::default();
        program.file("a.o").constants(".c1").flags(merge).entry_size(1).constants(".c2").flags(merge).entry_size(1);
        program.file("a.o").constants(".d1").flags(merge).entry_size(1).constants(".d2");
        program.file("a.o").bss(".z1").data(".z2").bss(".y1").bss(".y2");
        let plan = program.plan("SECTIONS { .c : { *(.c?) } .d : { *(.d?) } .z : { *(.z?) } .y : { *(.y?) } }");
        let facts: Vec<_> = plan.sections.iter().map(|s| (s.flags, s.entry_size, s.kind)).collect();
        let write = u64::from(elf::SHF_ALLOC | elf::SHF_WRITE);
        assert_eq!(
            facts,
            [
                (merge, 1, elf::SHT_PROGBITS),
                (u64::from(elf::SHF_ALLOC), 0, elf::SHT_PROGBITS),
                (write, 0, elf::SHT_PROGBITS),
                (write, 0, elf::SHT_NOBITS)
            ]
        );
    }

    #[test]
    fn sections_named_like_identifiers_are_listed_for_start_and_stop() {
        let mut program = Program::default();
        program.file("a.o").data("hooks").data(".data").constants("9lives").debug("notes").data("_x");
        let script = program.script_default();
        let matching = program.matching(&script);
        let found: Vec<_> =
            matching.identifier_sections(&program.atoms()).iter().map(|&(id, name)| (id.0, name)).collect();
        assert_eq!(found, [(0, &b"hooks"[..]), (4, b"_x")]);
    }
}

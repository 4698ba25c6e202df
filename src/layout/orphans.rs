//! Where sections go that the script does not name: next to the section of their kind, as the GNU ld manual's 3.6.8
//! "Orphan Sections" wants it, so that access rights change as seldom as the script lets them.

use object::elf;

use crate::ids::OutputSectionId;

use super::plan::{OutputSection, Piece, Statement};

/// What decides a section's neighbours, in the order of the usual image.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Class {
    Note,
    Text,
    Constants,
    ThreadData,
    ThreadZeros,
    Data,
    Zeros,
    NotLoaded,
}

impl Class {
    const ALL: [Class; 8] = [
        Class::Note,
        Class::Text,
        Class::Constants,
        Class::ThreadData,
        Class::ThreadZeros,
        Class::Data,
        Class::Zeros,
        Class::NotLoaded,
    ];

    fn of(section: &OutputSection) -> Option<Class> {
        if !section.pieces.iter().any(|piece| matches!(piece, Piece::Atoms(_) | Piece::Data(..))) {
            return Class::of_name(&section.name);
        }
        let has = |flag: u32| section.flags & u64::from(flag) != 0;
        let zeros = section.kind == elf::SHT_NOBITS;
        Some(match () {
            () if !has(elf::SHF_ALLOC) => Class::NotLoaded,
            () if has(elf::SHF_TLS) && zeros => Class::ThreadZeros,
            () if has(elf::SHF_TLS) => Class::ThreadData,
            () if has(elf::SHF_EXECINSTR) => Class::Text,
            () if has(elf::SHF_WRITE) && zeros => Class::Zeros,
            () if has(elf::SHF_WRITE) => Class::Data,
            () if section.kind == elf::SHT_NOTE => Class::Note,
            () => Class::Constants,
        })
    }

    /// What an empty section of a script is there for.
    fn of_name(name: &str) -> Option<Class> {
        Some(match name {
            ".text" | ".init" | ".fini" => Class::Text,
            ".rodata" => Class::Constants,
            ".tdata" => Class::ThreadData,
            ".tbss" => Class::ThreadZeros,
            ".data" => Class::Data,
            ".bss" => Class::Zeros,
            _ if name.starts_with(".note.") => Class::Note,
            _ => return None,
        })
    }

    /// The section that GNU ld keeps orphans of the class next to, if the script has it.
    const fn usual_name(self) -> &'static str {
        match self {
            Class::Note => ".note.ABI-tag",
            Class::Text => ".text",
            Class::Constants => ".rodata",
            Class::ThreadData => ".tdata",
            Class::ThreadZeros => ".tbss",
            Class::Data => ".data",
            Class::Zeros => ".bss",
            Class::NotLoaded => "",
        }
    }

    /// Whom to follow when there is none of the class: the nearest in access rights first.
    const fn instead(self) -> &'static [Class] {
        match self {
            Class::Note => &[Class::Constants, Class::Text],
            Class::Text => &[Class::Constants, Class::Note],
            Class::Constants => &[Class::Note, Class::Text],
            Class::ThreadData => &[Class::Constants, Class::Text],
            Class::ThreadZeros => &[Class::ThreadData, Class::Constants, Class::Text],
            Class::Data => &[Class::ThreadZeros, Class::ThreadData, Class::Constants, Class::Text],
            Class::Zeros => &[Class::Data, Class::ThreadZeros, Class::ThreadData, Class::Constants, Class::Text],
            Class::NotLoaded => &[],
        }
    }
}

/// Puts orphans between the statements. Sections are named by their index in `sections`; those of `orphans` are in the
/// order in which they are to stand among their like.
pub fn insert(statements: &mut Vec<Statement>, sections: &[OutputSection], orphans: &[OutputSectionId]) {
    let mut by_class: Vec<(usize, Class, Vec<Statement>)> = Vec::new();
    for class in Class::ALL {
        let members: Vec<Statement> = orphans
            .iter()
            .filter(|id| Class::of(&sections[id.index()]).unwrap_or(Class::Data) == class)
            .map(|&id| Statement::Section(id))
            .collect();
        if !members.is_empty() {
            by_class.push((insertion_point(statements, sections, class), class, members));
        }
    }
    // Later points first, so that earlier ones stay valid; at one point, classes in the order of the image.
    by_class.sort_by_key(|(point, class, _)| std::cmp::Reverse((*point, *class)));
    for (point, _, members) in by_class {
        statements.splice(point..point, members);
    }
}

/// In front of which statement orphans of a class go.
fn insertion_point(statements: &[Statement], sections: &[OutputSection], class: Class) -> usize {
    let named = |class: Class| {
        statements.iter().rposition(|statement| match statement {
            Statement::Section(id) => sections[id.index()].name == class.usual_name(),
            _ => false,
        })
    };
    let last_of = |class: Class| {
        statements.iter().rposition(|statement| match statement {
            Statement::Section(id) => Class::of(&sections[id.index()]) == Some(class),
            _ => false,
        })
    };
    if class == Class::NotLoaded {
        return statements.len();
    }
    let anchor = named(class).or_else(|| last_of(class)).or_else(|| class.instead().iter().find_map(|&c| last_of(c)));
    let Some(anchor) = anchor else {
        // A script without sections of the image: in front of those that are not loaded.
        return last_loaded(statements, sections);
    };
    // Assignments after a section belong to it; one to the location counter belongs to what follows it.
    let own = statements[anchor + 1..].iter().take_while(|statement| match statement {
        Statement::Assignment(assignment) => assignment.symbol != ".",
        Statement::Assert(..) => true,
        Statement::Section(_) => false,
    });
    anchor + 1 + own.count()
}

fn last_loaded(statements: &[Statement], sections: &[OutputSection]) -> usize {
    let first_not_loaded = statements.iter().position(|statement| match statement {
        Statement::Section(id) => Class::of(&sections[id.index()]) == Some(Class::NotLoaded),
        _ => false,
    });
    first_not_loaded.unwrap_or(statements.len())
}

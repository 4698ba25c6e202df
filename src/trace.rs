//! What a link tells when it is asked to: the files it takes (`-t`), who defines and needs a symbol (`-y`), and what
//! nothing reaches (`--print-gc-sections`). Kept apart from the link's result, so that a link that fails has told it too.

use crate::ids::{AtomId, SymbolId};
use crate::inputs::atoms::Atoms;
use crate::inputs::elf::Place;
use crate::symbols::files::LinkedFile;
use crate::symbols::resolve::{Resolution, UNDEFINED};

/// Lines for people, without the line ends.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Told {
    /// For standard output, as GNU ld does it: `-t`.
    pub answers: Vec<String>,
    /// For standard error: `-y`, `--print-gc-sections`.
    pub remarks: Vec<String>,
}

/// The files of the link in command-line order; members as `lib.a(member)`.
pub fn files(resolution: &Resolution<'_>) -> impl Iterator<Item = String> {
    resolution.files.inputs().map(|(_, file)| name_of(file))
}

/// Who defines and who needs each of the names.
pub fn symbols(resolution: &Resolution<'_>, wanted: &[String]) -> Vec<String> {
    let mut lines = Vec::new();
    for name in wanted {
        let Some(id) = resolution.names.find(name.as_bytes()) else { continue };
        let definition = resolution.by_name(id);
        if definition != UNDEFINED && resolution.files.owner(definition).0.index() == 0 {
            lines.push(format!("linker script or command line: definition of {name}"));
        }
        for (_, file) in resolution.files.inputs() {
            let at = file.globals.iter().position(|&global| global == id);
            let Some(index) = at.map(|at| file.object.first_global + at) else { continue };
            let what = match file.object.place(index) {
                Place::Undefined => "reference to",
                Place::Common => "common definition of",
                Place::Absolute | Place::Section(_) => match is_definition(file, index, resolution) {
                    true => "definition of",
                    false => "unused definition of",
                },
            };
            lines.push(format!("{}: {what} {name}", name_of(file)));
        }
    }
    lines
}

fn is_definition(file: &LinkedFile<'_>, index: usize, resolution: &Resolution<'_>) -> bool {
    let symbol = SymbolId::new(file.first_symbol.index() + index);
    resolution.definitions[symbol.index()] == symbol
}

/// The input sections that `--gc-sections` drops, in GNU ld's words.
pub fn unused(resolution: &Resolution<'_>, atoms: &Atoms<'_>, unused: &[AtomId]) -> Vec<String> {
    let line = |&id: &AtomId| {
        let atom = atoms.get(id);
        let file = name_of(resolution.files.get(atom.file));
        format!("removing unused section '{}' in file '{file}'", String::from_utf8_lossy(atom.name))
    };
    unused.iter().map(line).collect()
}

fn name_of(file: &LinkedFile<'_>) -> String {
    file.object.origin().to_string()
}

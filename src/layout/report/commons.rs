//! `--warn-common`: common symbols that are merged with another definition of their name (GNU ld manual, "Options").

use crate::diag::Diagnostic;
use crate::inputs::elf::{LE, Place};
use crate::symbols::demangle::demangle;
use crate::symbols::resolve::{Resolution, UNDEFINED};

/// One warning for each common symbol that is not the definition of its name.
pub fn warnings(resolution: &Resolution<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (_, file) in resolution.files.inputs() {
        for (offset, &name) in file.globals.iter().enumerate() {
            let index = file.object.first_global + offset;
            if file.object.place(index) != Place::Common {
                continue;
            }
            let definition = resolution.by_name(name);
            if definition == UNDEFINED || file.symbol(index) == Some(definition) {
                continue;
            }
            let (owner, at) = resolution.files.owner(definition);
            let winner = resolution.files.get(owner);
            let size = file.object.symbols[index].st_size.get(LE);
            let readable = demangle(resolution.names.bytes(name));
            let message = match winner.object.symbols.get(at) {
                Some(record) if winner.object.place(at) == Place::Common => {
                    let other = record.st_size.get(LE);
                    format!("common symbol {readable} of {size} bytes is merged with one of {other} bytes")
                }
                _ => format!("common symbol {readable} is overridden by a definition"),
            };
            let note = match owner.index() {
                0 => "which the linker script or the command line gives".to_owned(),
                _ => format!("which is in {}", winner.object.origin()),
            };
            found.push(Diagnostic::warning("merged-common", message).at(file.object.origin()).note(note));
        }
    }
    found
}

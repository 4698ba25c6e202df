//! The section orders that are part of the program: what the native link follows unless `-T` gives another.

use std::path::Path;

use crate::diag;
use crate::target::Architecture;

use super::ast::Script;

/// The text of `linkscripts/` for an architecture, in GNU ld's syntax: also for the linkers that a link is handed to.
pub const fn text(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::X86_64 => include_str!("../../../linkscripts/x86_64-linux.ld"),
        Architecture::Aarch64 => include_str!("../../../linkscripts/aarch64-linux.ld"),
    }
}

/// The same, read.
pub fn script(architecture: Architecture) -> diag::Result<Script> {
    let path = match architecture {
        Architecture::X86_64 => "linkscripts/x86_64-linux.ld",
        Architecture::Aarch64 => "linkscripts/aarch64-linux.ld",
    };
    super::parse(text(architecture).as_bytes(), Path::new(path))
}

#[cfg(test)]
mod tests {
    use super::super::ast::{Command, SectionCommand};
    use super::*;

    #[test]
    fn embedded_scripts_read_and_hold_the_sections_every_program_needs() {
        for architecture in Architecture::ALL {
            let script = script(architecture).unwrap();
            let Some(Command::Sections(sections)) = script.commands.last() else { panic!("{architecture}") };
            let names: Vec<&str> = sections
                .iter()
                .filter_map(|command| match command {
                    SectionCommand::Output(section) => Some(section.name.as_str()),
                    _ => None,
                })
                .collect();
            let mut places =
                [".text", ".rodata", ".tdata", ".tbss", ".init_array", ".got", ".data", ".bss", "/DISCARD/"]
                    .map(|name| names.iter().position(|&other| other == name).unwrap());
            let in_order = places;
            places.sort_unstable();
            assert_eq!(in_order, places);
        }
    }
}

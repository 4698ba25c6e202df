//! The section orders that are part of the program: what the native link follows unless `-T` gives another.

use std::path::Path;

use crate::diag::{self, Diagnostic};
use crate::target::Architecture;

use super::ast::{Assignment, Command, Expression, Function, Operator, Script, SectionCommand};

/// The text of `linkscripts/` for an architecture, in GNU ld's syntax: also for the linkers that a link is handed to.
pub const fn text(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::X86_64 => include_str!("../../linkscripts/x86_64-linux.ld"),
        Architecture::Aarch64 => include_str!("../../linkscripts/aarch64-linux.ld"),
    }
}

/// Refuses a user's script that asks for another format than that of the target: `OUTPUT_FORMAT(binary)`.
pub fn check_format(script: &Script, architecture: Architecture) -> Result<(), Diagnostic> {
    let (format, machine) = match architecture {
        Architecture::X86_64 => ("elf64-x86-64", "i386:x86-64"),
        Architecture::Aarch64 => ("elf64-littleaarch64", "aarch64"),
    };
    let (command, asked, own) = match script.commands.iter().find_map(|command| match command {
        Command::OutputFormat(name) if name != format => Some(("OUTPUT_FORMAT", name, format)),
        Command::OutputArch(name) if name != machine => Some(("OUTPUT_ARCH", name, machine)),
        _ => None,
    }) {
        Some(found) => found,
        None => return Ok(()),
    };
    let message = format!("{command}({asked}): the objects are linked into {own}");
    Err(Diagnostic::error("wrong-format", message)
        .help(format!("say {own}; `objcopy -O FORMAT` turns the program into another format")))
}

/// The same, read. Without `separate_code` (`-z noseparate-code`) code and constants stand behind the headers in the pages
/// that they share with them, as in GNU ld's own script of that name.
pub fn script(architecture: Architecture, separate_code: bool) -> diag::Result<Script> {
    let mut script = read(architecture)?;
    for command in &mut script.commands {
        if let Command::Sections(sections) = command
            && !separate_code
        {
            sections.retain(|command| !is_page_break(command));
        }
    }
    Ok(script)
}

/// `. = ALIGN(CONSTANT(MAXPAGESIZE)) + ...`, which the scripts have between headers and code, and between code and constants.
fn is_page_break(command: &SectionCommand) -> bool {
    let SectionCommand::Assignment(Assignment { symbol, value, .. }) = command else { return false };
    let Expression::Binary(Operator::Add, aligned, _) = value else { return false };
    let aligns = matches!(&**aligned, Expression::Call(Function::Align, to) if *to == [Expression::MaxPageSize]);
    symbol == "." && aligns
}

fn read(architecture: Architecture) -> diag::Result<Script> {
    let path = match architecture {
        Architecture::X86_64 => "linkscripts/x86_64-linux.ld",
        Architecture::Aarch64 => "linkscripts/aarch64-linux.ld",
    };
    super::parse(text(architecture).as_bytes(), Path::new(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_scripts_read_and_hold_the_sections_every_program_needs() {
        for architecture in Architecture::ALL {
            let script = script(architecture, true).unwrap();
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

    #[test]
    fn code_in_pages_of_its_own_is_two_page_breaks() {
        let count = |script: Script| match script.commands.last() {
            Some(Command::Sections(sections)) => sections.len(),
            _ => 0,
        };
        for architecture in Architecture::ALL {
            let [with, without] = [true, false].map(|separate| count(script(architecture, separate).unwrap()));
            assert_eq!(with, without + 2, "{architecture}");
        }
    }
}

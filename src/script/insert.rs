//! What a user's script does to the default one: it takes its place, adds to it (INSERT), or leaves the section order
//! alone if it has none.

use crate::diag::{self, Diagnostic};

use super::ast::{Command, Script, SectionCommand};

/// The script to follow when a user gives one with `-T`.
///
/// A script with SECTIONS takes the default's place. SECTIONS that are followed by INSERT join the default's, in front of
/// or after the output section that INSERT names (the GNU ld manual, 3.4.5). A script without SECTIONS adds its commands.
pub fn complete(user: Script, default: Script) -> diag::Result<Script> {
    let has = |what: fn(&Command) -> bool| user.commands.iter().any(what);
    let inserts = has(|command| matches!(command, Command::Insert { .. }));
    if has(|command| matches!(command, Command::Sections(_))) && !inserts {
        return Ok(user);
    }
    let mut whole = default;
    let mut front = Vec::new();
    let mut pending: Vec<SectionCommand> = Vec::new();
    for command in user.commands {
        match command {
            Command::Sections(sections) => pending.extend(sections),
            Command::Insert { after, section } => insert(&mut whole, after, &section, std::mem::take(&mut pending))?,
            other => front.push(other),
        }
    }
    if !pending.is_empty() {
        let message = "a script with INSERT has SECTIONS that no INSERT follows";
        return Err(Diagnostic::error("bad-script", message).into());
    }
    // In front, so that the default's ENTRY and its like are those that come last only if the user gives none.
    let is_entry = |command: &Command| matches!(command, Command::Entry(_));
    if front.iter().any(is_entry) {
        whole.commands.retain(|command| !is_entry(command));
    }
    front.append(&mut whole.commands);
    Ok(Script { commands: front })
}

fn insert(script: &mut Script, after: bool, name: &str, sections: Vec<SectionCommand>) -> diag::Result<()> {
    for command in &mut script.commands {
        let Command::Sections(commands) = command else { continue };
        let place = commands.iter().position(|command| match command {
            SectionCommand::Output(output) => output.name == name,
            _ => false,
        });
        if let Some(place) = place {
            let place = if after { place + 1 } else { place };
            commands.splice(place..place, sections);
            return Ok(());
        }
    }
    let word = if after { "AFTER" } else { "BEFORE" };
    let message = format!("INSERT {word} {name}: the default script has no such output section");
    Err(Diagnostic::error("bad-script", message).into())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{embedded, parse};
    use super::*;
    use crate::target::Architecture;

    fn read(text: &str) -> Script {
        parse(text.as_bytes(), Path::new("t.ld")).unwrap()
    }

    fn outputs(script: &Script) -> Vec<&str> {
        let sections = script.commands.iter().filter_map(|command| match command {
            Command::Sections(sections) => Some(sections),
            _ => None,
        });
        let outputs = sections.flatten().filter_map(|section| match section {
            SectionCommand::Output(output) => Some(output.name.as_str()),
            _ => None,
        });
        outputs.collect()
    }

    #[test]
    fn a_script_with_sections_takes_the_defaults_place() {
        let user = read("SECTIONS { .x : { *(*) } }");
        assert_eq!(complete(user.clone(), read("SECTIONS { .text : {} }")).unwrap(), user);
    }

    #[test]
    fn insert_adds_to_the_default() {
        let user = read(
            "a = 1; SECTIONS { .one : { *(one) } } INSERT AFTER .text; SECTIONS { .two : { *(two) } } INSERT BEFORE .text;",
        );
        let whole = complete(user, read("ENTRY(s) SECTIONS { .init : {} .text : {} .data : {} }")).unwrap();
        assert_eq!(outputs(&whole), [".init", ".two", ".text", ".one", ".data"]);
        assert!(matches!(whole.commands[0], Command::Assignment(_)));
        for bad in [
            "SECTIONS { .a : {} } INSERT AFTER .none;",
            "SECTIONS { .a : {} } INSERT AFTER .text; SECTIONS { .b : {} }",
        ] {
            assert!(complete(read(bad), read("SECTIONS { .text : {} }")).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_script_without_sections_keeps_the_default_order() {
        let default = embedded::script(Architecture::X86_64, true).unwrap();
        let whole = complete(read("ENTRY(begin) x = 5;"), default.clone()).unwrap();
        assert_eq!(outputs(&whole), outputs(&default));
        let entries: Vec<_> = whole.commands.iter().filter(|command| matches!(command, Command::Entry(_))).collect();
        assert_eq!(entries, [&Command::Entry("begin".into())]);
    }
}

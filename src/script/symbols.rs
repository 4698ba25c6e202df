//! The symbols that scripts and `--defsym` assign, gathered before anything has an address.

use std::collections::HashMap;

use super::ast::{Assignment, Command, Content, Expression, Script, SectionCommand};

/// The symbols that the script and `--defsym` assign, in order of first assignment. The symbol stage defines them all
/// in the linker's own file, so that an index here is an index there.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct ScriptSymbols {
    /// Each name once.
    pub symbols: Vec<ScriptSymbol>,
}

/// One of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScriptSymbol {
    /// The name.
    pub name: String,
    /// Only assigned if referenced and not defined elsewhere.
    pub provide: bool,
    /// STV_HIDDEN.
    pub hidden: bool,
}

impl ScriptSymbols {
    /// Gathers the symbols of `--defsym`, then those of the script. A name that is assigned both plainly and by PROVIDE
    /// counts as assigned plainly.
    pub fn collect(script: &Script, definitions: &[(String, Expression)]) -> Self {
        let mut all = Collector::default();
        for (name, _) in definitions {
            all.add(name, false, false);
        }
        for command in &script.commands {
            match command {
                Command::Assignment(assignment) => all.assignment(assignment),
                Command::Sections(sections) => sections.iter().for_each(|section| match section {
                    SectionCommand::Assignment(assignment) => all.assignment(assignment),
                    SectionCommand::Output(section) => section.contents.iter().for_each(|content| {
                        if let Content::Assignment(assignment) = content {
                            all.assignment(assignment);
                        }
                    }),
                    SectionCommand::Assert(..) | SectionCommand::Entry(_) => {}
                }),
                _ => {}
            }
        }
        all.found
    }
}

#[derive(Default)]
struct Collector {
    found: ScriptSymbols,
    index: HashMap<String, usize>,
}

impl Collector {
    fn assignment(&mut self, assignment: &Assignment) {
        if assignment.symbol != "." {
            self.add(&assignment.symbol, assignment.provide, assignment.hidden);
        }
    }

    fn add(&mut self, name: &str, provide: bool, hidden: bool) {
        match self.index.get(name) {
            Some(&index) => {
                let symbol = &mut self.found.symbols[index];
                symbol.provide &= provide;
                symbol.hidden |= hidden;
            }
            None => {
                self.index.insert(name.to_owned(), self.found.symbols.len());
                self.found.symbols.push(ScriptSymbol { name: name.to_owned(), provide, hidden });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gathers_each_symbol_once_in_order() {
        let text =
            b"a = 1; PROVIDE(b = 2); SECTIONS { . = 0; .x : { PROVIDE_HIDDEN(c = .); . = . + 1; a += 1; } b = 3; }";
        let script = super::super::parse(text, std::path::Path::new("t")).unwrap();
        let symbols = ScriptSymbols::collect(&script, &[("d".into(), Expression::Number(1))]);
        let found: Vec<_> = symbols.symbols.iter().map(|s| (s.name.as_str(), s.provide, s.hidden)).collect();
        assert_eq!(found, [("d", false, false), ("a", false, false), ("b", false, false), ("c", true, true)]);
    }
}

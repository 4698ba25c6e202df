//! The symbols that a linker defines whatever the script says, as GNU ld does: where the file header, the dynamic section
//! and the global offset table lie; and, as lld, the handle by which C++ tells the program's own destructors from those
//! of shared objects (Itanium C++ ABI, 3.3.6.3), which start files of compilers other than GCC leave to the linker.

use super::ast::{Assignment, Command, Expression, NamedFunction, Script};
use super::symbols::ScriptSymbols;

/// Adds `PROVIDE_HIDDEN` of each to a script that does not assign it itself. `_DYNAMIC` is one of them only in position
/// independent outputs: in others start-up code takes its absence for the sign that there is nothing to relocate.
pub fn with_linker_symbols(mut script: Script, position_independent: bool) -> Script {
    let assigned = ScriptSymbols::collect(&script, &[]);
    let is_assigned = |name: &str| assigned.symbols.iter().any(|symbol| symbol.name == name);
    let mut added = vec![
        ("__ehdr_start", Expression::FileHeader),
        ("__dso_handle", Expression::FileHeader),
        ("_GLOBAL_OFFSET_TABLE_", address_or_zero(".got")),
    ];
    if position_independent {
        added.push(("_DYNAMIC", address_or_zero(".dynamic")));
    }
    for (name, value) in added {
        if !is_assigned(name) {
            let symbol = name.to_owned();
            let assignment = Assignment { symbol, operator: None, value, provide: true, hidden: true };
            script.commands.push(Command::Assignment(assignment));
        }
    }
    script
}

/// `SIZEOF(section) ? ADDR(section) : 0`: a section that does not exist has the size 0.
fn address_or_zero(section: &str) -> Expression {
    let named = |function| Box::new(Expression::Named(function, section.to_owned()));
    let (size, address) = (named(NamedFunction::SizeOf), named(NamedFunction::Address));
    Expression::Conditional(size, address, Box::new(Expression::Number(0)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn adds_what_the_script_does_not_assign() {
        let names = |text: &str, position_independent| {
            let script = super::super::parse(text.as_bytes(), Path::new("t")).unwrap();
            let script = with_linker_symbols(script, position_independent);
            let symbols = ScriptSymbols::collect(&script, &[]).symbols;
            symbols.into_iter().map(|symbol| (symbol.name, symbol.provide)).collect::<Vec<_>>()
        };
        let pair = |name: &str, provide| (name.to_owned(), provide);
        let [header, handle, table] =
            ["__ehdr_start", "__dso_handle", "_GLOBAL_OFFSET_TABLE_"].map(|name| pair(name, true));
        assert_eq!(names("", false), [header, handle.clone(), table.clone()]);
        assert_eq!(
            names("__ehdr_start = 1;", true),
            [pair("__ehdr_start", false), handle, table, pair("_DYNAMIC", true)]
        );
    }
}

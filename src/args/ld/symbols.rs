//! Flags about symbols: which are wanted, defined, exported, dropped, and what an undefined one does.

use super::{Flag, Given, State, flag_nothing, flag_optional, flag_value, inputs};
use crate::args::request::{Discard, Strip};
use crate::diag::Result;
use crate::script::parse_expression;
use std::path::PathBuf;

pub(super) const FLAGS: &[Flag<State>] = &[
    flag_value(&["e", "entry"], entry, "Start at this symbol or address"),
    flag_value(
        &["u", "undefined"],
        |state, given| push(&mut state.request().undefined, given),
        "Take archive members for this symbol",
    ),
    flag_value(
        &["require-defined"],
        |state, given| push(&mut state.request().require_defined, given),
        "As -u, and an error if nothing defines it",
    ),
    flag_value(&["defsym"], define, "Define SYMBOL=EXPRESSION"),
    flag_value(
        &["wrap"],
        |state, given| push(&mut state.request().wrap, given),
        "Send SYMBOL to __wrap_SYMBOL and __real_SYMBOL to SYMBOL",
    ),
    flag_value(&["exclude-libs"], exclude_libraries, "Make the symbols of these archives local; ALL for every archive"),
    flag_nothing(
        &["E", "export-dynamic"],
        |state, _| set(&mut state.request().export_dynamic, true),
        "Export every symbol",
    ),
    flag_nothing(
        &["no-export-dynamic"],
        |state, _| set(&mut state.request().export_dynamic, false),
        "Export only what shared libraries need",
    ),
    flag_value(
        &["export-dynamic-symbol"],
        |state, given| push(&mut state.request().export_dynamic_symbols, given),
        "Export the symbols that match this glob",
    ),
    flag_value(
        &["export-dynamic-symbol-list", "dynamic-list"],
        |state, given| push_path(&mut state.request().dynamic_lists, given),
        "Export the symbols that this file lists",
    ),
    flag_value(
        &["version-script"],
        |state, given| push_path(&mut state.request().version_scripts, given),
        "Read the versions and the scope of symbols",
    ),
    flag_nothing(
        &["allow-multiple-definition"],
        |state, _| set(&mut state.request().symbol_policy.allow_multiple_definition, true),
        "The first of several definitions wins",
    ),
    flag_nothing(
        &["no-allow-multiple-definition"],
        |state, _| set(&mut state.request().symbol_policy.allow_multiple_definition, false),
        "Several definitions are an error",
    ),
    flag_nothing(
        &["warn-common"],
        |state, _| set(&mut state.request().symbol_policy.warn_common, true),
        "Warn about common symbols that are merged",
    ),
    flag_nothing(
        &["fatal-warnings"],
        |state, _| set(&mut state.request().symbol_policy.fatal_warnings, true),
        "Warnings stop the link",
    ),
    flag_nothing(
        &["no-fatal-warnings"],
        |state, _| set(&mut state.request().symbol_policy.fatal_warnings, false),
        "Warnings do not stop the link",
    ),
    flag_value(
        &["unresolved-symbols"],
        unresolved_symbols,
        "ignore-all, report-all, ignore-in-object-files or ignore-in-shared-libs",
    ),
    flag_nothing(
        &["warn-unresolved-symbols", "noinhibit-exec"],
        |state, _| set(&mut state.unresolved.warn, true),
        "Undefined symbols are warnings",
    ),
    flag_nothing(
        &["error-unresolved-symbols"],
        |state, _| set(&mut state.unresolved.warn, false),
        "Undefined symbols are errors",
    ),
    flag_nothing(
        &["no-undefined"],
        |state, _| set(&mut state.unresolved.ignore, false),
        "Undefined symbols are reported",
    ),
    flag_value(&["ignore-unresolved-symbol"], inputs::host_only_flag(), "Let this symbol be undefined"),
    flag_nothing(
        &["s", "strip-all"],
        |state, _| strip(state, Strip::All),
        "Leave out debug sections and the symbol table",
    ),
    flag_nothing(&["S", "strip-debug"], |state, _| strip(state, Strip::Debug), "Leave out debug sections"),
    flag_nothing(&["x", "discard-all"], |state, _| discard(state, Discard::Locals), "Leave out all local symbols"),
    flag_nothing(
        &["X", "discard-locals"],
        |state, _| discard(state, Discard::Temporaries),
        "Leave out compilers' temporary local symbols",
    ),
    flag_nothing(&["discard-none"], |state, _| discard(state, Discard::Nothing), "Keep all local symbols"),
    flag_value(&["retain-symbols-file"], inputs::host_only_flag(), "Keep only the symbols that this file lists"),
    flag_value(
        &["y", "trace-symbol"],
        |state, given| push(&mut state.request().trace_symbols, given),
        "Print the files that mention this symbol",
    ),
    flag_optional(&["cref"], inputs::host_only_flag(), "Print a cross reference table"),
];

fn set<T>(place: &mut T, value: T) -> Result<()> {
    *place = value;
    Ok(())
}

fn push_path(list: &mut Vec<PathBuf>, given: &Given<'_>) -> Result<()> {
    list.push(given.path());
    Ok(())
}

fn push(list: &mut Vec<String>, given: &Given<'_>) -> Result<()> {
    list.push(name(given)?);
    Ok(())
}

/// A symbol's name: text, not empty.
fn name(given: &Given<'_>) -> Result<String> {
    match given.text()? {
        "" => Err(given.wrong("names no symbol")),
        name => Ok(name.to_owned()),
    }
}

fn entry(state: &mut State, given: &Given<'_>) -> Result<()> {
    state.request().entry = Some(name(given)?);
    Ok(())
}

fn define(state: &mut State, given: &Given<'_>) -> Result<()> {
    let form = || given.wrong("has not the form SYMBOL=EXPRESSION");
    let (symbol, text) = given.text()?.split_once('=').ok_or_else(form)?;
    if symbol.trim().is_empty() {
        return Err(form());
    }
    let value = parse_expression(text)?;
    state.request().definitions.push((symbol.trim().to_owned(), value));
    Ok(())
}

fn exclude_libraries(state: &mut State, given: &Given<'_>) -> Result<()> {
    let names = given.text()?.split([',', ':']).filter(|name| !name.is_empty()).map(str::to_owned);
    state.request().exclude_libs.extend(names);
    Ok(())
}

fn unresolved_symbols(state: &mut State, given: &Given<'_>) -> Result<()> {
    state.unresolved.ignore = match given.text()? {
        "ignore-all" | "ignore-in-object-files" => true,
        "report-all" | "ignore-in-shared-libs" => false,
        _ => {
            return Err(given.wrong("is not ignore-all, report-all, ignore-in-object-files or ignore-in-shared-libs"));
        }
    };
    Ok(())
}

fn strip(state: &mut State, what: Strip) -> Result<()> {
    let strip = &mut state.request().strip;
    *strip = (*strip).max(what);
    Ok(())
}

fn discard(state: &mut State, what: Discard) -> Result<()> {
    state.request().discard = what;
    Ok(())
}

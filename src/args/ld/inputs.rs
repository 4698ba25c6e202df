//! Flags about inputs: files, libraries, where they are looked for, and the switches that hold from where they stand.

use super::{Apply, Flag, Given, InputName, State, flag_nothing, flag_value};
use crate::args::request::InputModifiers;
use crate::diag::{Diagnostic, Result};
use crate::target::{Architecture, Target};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

pub(super) const FLAGS: &[Flag<State>] = &[
    flag_value(&["l", "library"], library, "Link libVALUE.so or libVALUE.a, or the file itself after a colon"),
    flag_value(
        &["L", "library-path"],
        library_path,
        "Look for libraries in this directory; '=' stands for the sysroot",
    ),
    flag_nothing(
        &["warn-search-mismatch"],
        |state, _| warn_search_mismatch(state, true),
        "Tell of libraries for another target that a search passes over (the default)",
    ),
    flag_nothing(
        &["no-warn-search-mismatch"],
        |state, _| warn_search_mismatch(state, false),
        "Pass over libraries for another target silently",
    ),
    flag_value(&["Y"], default_library_path, "Look for libraries in these directories, separated by colons"),
    flag_value(&["sysroot"], sysroot, "The root of the target's file system"),
    flag_value(&["T", "script"], script, "Read this linker script instead of the built-in one"),
    flag_value(&["dT", "default-script"], default_script, "Read this linker script unless -T names one"),
    flag_value(&["m"], emulation, "What to link for: elf_x86_64 or aarch64linux"),
    flag_value(&["b", "format"], input_format, "The format of the inputs"),
    flag_nothing(
        &["whole-archive"],
        |state, _| set(state, |now| now.whole_archive = true),
        "Take every member of the archives that follow",
    ),
    flag_nothing(
        &["no-whole-archive"],
        |state, _| set(state, |now| now.whole_archive = false),
        "Take only the members that are needed",
    ),
    flag_nothing(
        &["as-needed"],
        |state, _| set(state, |now| now.as_needed = true),
        "Record the shared libraries that follow only if they are used",
    ),
    flag_nothing(
        &["no-as-needed"],
        |state, _| set(state, |now| now.as_needed = false),
        "Record every shared library that follows",
    ),
    flag_nothing(
        &["Bstatic", "dn", "non_shared"],
        |state, _| set(state, |now| now.only_static = true),
        "Look only for archives from here on",
    ),
    flag_nothing(
        &["Bdynamic", "dy", "call_shared"],
        |state, _| set(state, |now| now.only_static = false),
        "Look for shared libraries first from here on",
    ),
    flag_nothing(&["static"], link_statically, "Make no use of shared libraries"),
    flag_nothing(&["(", "start-group"], start_group, "Start a group of archives that need each other"),
    flag_nothing(&[")", "end-group"], end_group, "End the group"),
    flag_nothing(&["push-state"], push_state, "Save the switches that hold for inputs"),
    flag_nothing(&["pop-state"], pop_state, "Restore the switches that were saved last"),
    flag_nothing(&["nostdlib"], no_default_paths, "Look for libraries only where -L says"),
    flag_value(&["R", "just-symbols"], just_symbols, "Take only the symbols of this file; a directory is an -rpath"),
    flag_value(&["c", "mri-script"], host_only, "Read a script in MRI's language"),
];

/// Flags that are understood but that only another linker carries out.
pub(super) const fn host_only_flag() -> Apply {
    host_only
}

fn warn_search_mismatch(state: &mut State, told: bool) -> Result<()> {
    state.request().warn_search_mismatch = told;
    Ok(())
}

fn host_only(state: &mut State, given: &Given<'_>) -> Result<()> {
    state.host_only(given);
    Ok(())
}

fn set(state: &mut State, change: fn(&mut InputModifiers)) -> Result<()> {
    change(&mut state.modifiers);
    Ok(())
}

fn library(state: &mut State, given: &Given<'_>) -> Result<()> {
    let name = given.text()?.to_owned();
    if name.is_empty() || name == ":" {
        return Err(given.wrong("names no library"));
    }
    state.input(InputName::Library(name));
    Ok(())
}

fn library_path(state: &mut State, given: &Given<'_>) -> Result<()> {
    state.request().library_paths.push(given.path());
    Ok(())
}

fn default_library_path(state: &mut State, given: &Given<'_>) -> Result<()> {
    let paths = given.raw().as_bytes().split(|&byte| byte == b':').filter(|path| !path.is_empty());
    let paths = paths.map(|path| PathBuf::from(std::ffi::OsString::from_vec(path.to_vec())));
    state.request().library_paths.extend(paths);
    Ok(())
}

fn sysroot(state: &mut State, given: &Given<'_>) -> Result<()> {
    let path = given.path();
    state.request().sysroot = (!path.as_os_str().is_empty()).then_some(path);
    Ok(())
}

fn script(state: &mut State, given: &Given<'_>) -> Result<()> {
    if let Some(first) = state.request().script.replace(given.path()) {
        let message = format!("only one linker script can be used, and {} came first", first.display());
        return Err(Diagnostic::error("conflicting-flags", message).into());
    }
    Ok(())
}

fn default_script(state: &mut State, given: &Given<'_>) -> Result<()> {
    state.request().script.get_or_insert(given.path());
    Ok(())
}

fn emulation(state: &mut State, given: &Given<'_>) -> Result<()> {
    let architecture = match given.text()? {
        "elf_x86_64" => Architecture::X86_64,
        "aarch64linux" | "aarch64elf" => Architecture::Aarch64,
        _ => return Err(given.wrong("is no emulation cgolink links for (elf_x86_64, aarch64linux)")),
    };
    state.request().target = Some(Target { architecture, libc: None });
    Ok(())
}

fn input_format(state: &mut State, given: &Given<'_>) -> Result<()> {
    match given.text()? {
        "elf64-x86-64" | "elf64-littleaarch64" | "default" | "elf" => Ok(()),
        _ => host_only(state, given),
    }
}

fn link_statically(state: &mut State, _: &Given<'_>) -> Result<()> {
    state.command.shape.static_link = true;
    state.modifiers.only_static = true;
    Ok(())
}

fn start_group(state: &mut State, _: &Given<'_>) -> Result<()> {
    if std::mem::replace(&mut state.in_group, true) {
        return Err(
            Diagnostic::error("unbalanced-flags", "groups cannot be nested: --start-group inside a group").into()
        );
    }
    Ok(())
}

fn end_group(state: &mut State, _: &Given<'_>) -> Result<()> {
    if !std::mem::replace(&mut state.in_group, false) {
        return Err(Diagnostic::error("unbalanced-flags", "--end-group ends a group that was not started").into());
    }
    Ok(())
}

fn push_state(state: &mut State, _: &Given<'_>) -> Result<()> {
    state.saved.push(state.modifiers);
    Ok(())
}

fn pop_state(state: &mut State, _: &Given<'_>) -> Result<()> {
    let unmatched = || Diagnostic::error("unbalanced-flags", "--pop-state without a --push-state before it");
    state.modifiers = state.saved.pop().ok_or_else(unmatched)?;
    Ok(())
}

fn no_default_paths(state: &mut State, _: &Given<'_>) -> Result<()> {
    state.command.default_paths = false;
    Ok(())
}

fn just_symbols(state: &mut State, given: &Given<'_>) -> Result<()> {
    if given.path().is_dir() {
        let path = given.text()?.to_owned();
        state.request().dynamic.run_paths.push(path);
        return Ok(());
    }
    host_only(state, given)
}

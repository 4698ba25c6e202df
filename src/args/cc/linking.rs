//! Driver flags about linking.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::{Action, Flag, Given, ShapeFlag, State};
use crate::args::flag::Takes;
use crate::diag::Result;

pub(super) const FLAGS: &[Flag<State>] = &[
    value(&["-o", "--output"], |state, given| pass(state, "-o", given)),
    rest(&["--output="], |state, given| pass(state, "-o", given)),
    value(&["-l", "--library"], |state, given| pass(state, "-l", given)),
    value(&["-L", "--library-directory"], |state, given| pass(state, "-L", given)),
    rest(&["--library-directory="], |state, given| pass(state, "-L", given)),
    rest(&["-Wl,", "--for-linker="], for_linker),
    value(&["-Xlinker", "--for-linker"], |state, given| token(state, given.raw())),
    value(&["-T"], |state, given| pass(state, "-T", given)),
    value(&["-u"], |state, given| pass(state, "-u", given)),
    value(&["-e", "--entry"], |state, given| pass(state, "-e", given)),
    rest(&["--entry="], |state, given| pass(state, "-e", given)),
    value(&["-z"], |state, given| pass(state, "-z", given)),
    value(&["-rpath"], |state, given| pass(state, "-rpath", given)),
    nothing(&["-s"], |state, _| token(state, "-s")),
    nothing(&["-t"], |state, _| token(state, "-t")),
    nothing(&["-rdynamic", "-export-dynamic"], |state, _| token(state, "--export-dynamic")),
    nothing(&["-symbolic"], |state, _| token(state, "-Bsymbolic")),
    nothing(&["-static", "--static"], |state, _| set(&mut state.shape.is_static, true)),
    nothing(&["-static-pie", "--static-pie"], |state, _| shape(state, ShapeFlag::StaticPie)),
    nothing(&["-pie", "--pie", "--pic-executable"], |state, _| shape(state, ShapeFlag::Pie)),
    nothing(&["-no-pie", "--no-pie", "-nopie"], |state, _| shape(state, ShapeFlag::NoPie)),
    nothing(&["-shared", "--shared"], |state, _| shape(state, ShapeFlag::Shared)),
    nothing(&["-r", "--relocatable"], |state, _| set(&mut state.shape.relocatable, true)),
    nothing(&["-dynamic", "-Bdynamic", "-Bstatic"], |_, _| Ok(())),
    nothing(&["-nostartfiles", "--no-start-files"], |state, _| set(&mut state.driver.start_files, false)),
    nothing(&["-nodefaultlibs"], no_default_libraries),
    nothing(&["-nolibc"], |state, _| set(&mut state.driver.c_library, false)),
    nothing(&["-nostdlib", "--no-standard-libraries"], no_standard_library),
    nothing(&["-nostdlib++"], |state, _| set(&mut state.driver.cxx_library, false)),
    nothing(&["-pthread", "-pthreads"], pthread),
    nothing(&["-static-libgcc", "-shared-libgcc", "-static-libstdc++", "-static-libasan"], |_, _| Ok(())),
    rest(&["-fuse-ld="], use_ld),
    rest(&["--ld-path="], |_, _| Ok(())),
    value(&["-B"], prefix),
    rest(&["--sysroot="], sysroot),
    value(&["--sysroot", "-isysroot"], sysroot),
    rest(&["--target=", "-target="], triple),
    value(&["-target", "--target"], triple),
    rest(&["--driver-mode="], driver_mode),
    rest(&["-fsanitize="], sanitize),
    rest(&["-fno-sanitize="], no_sanitize),
    nothing(&["-m64", "-Qn", "-Qunused-arguments", "-pipe", "-Qy"], |_, _| Ok(())),
    nothing(&["-m32", "-mx32", "-mbig-endian", "-pg", "-p", "-fopenmp", "--coverage", "-coverage"], host_only),
    nothing(&["-fprofile-arcs", "-fprofile-generate", "-fprofile-instr-generate"], host_only),
    rest(&["-fprofile-generate=", "-fopenmp=", "-specs=", "--specs="], host_only),
    value(&["-specs", "--specs"], host_only),
    nothing(&["-v", "--verbose"], |state, _| set(&mut state.driver.verbose, true)),
    nothing(&["-###"], |state, _| set(&mut state.driver.dry_run, true)),
    nothing(&["--version"], |state, _| set(&mut state.action, Some(Action::Version))),
    nothing(&["--help", "-help"], |state, _| set(&mut state.action, Some(Action::Help))),
    rest(&["-print-", "--print-", "-dump"], |state, given| {
        set(&mut state.action, Some(Action::Ask(format!("{}{}", given.flag, given.raw().to_string_lossy()))))
    }),
    rest(&["--backend="], |state, given| {
        let backend = given.text()?.parse().map_err(|_| given.wrong("is no backend"))?;
        set(&mut state.control.backend, Some(backend))
    }),
    rest(&["--error-format="], |state, given| {
        let format = given.text()?.parse().map_err(|_| given.wrong("is no error format: text, json"))?;
        set(&mut state.control.error_format, Some(format))
    }),
];

type Apply = fn(&mut State, &Given<'_>) -> Result<()>;

pub(super) const fn nothing(names: &'static [&'static str], apply: Apply) -> Flag<State> {
    Flag { names, takes: Takes::Nothing, apply, help: "" }
}

pub(super) const fn value(names: &'static [&'static str], apply: Apply) -> Flag<State> {
    Flag { names, takes: Takes::Value, apply, help: "" }
}

pub(super) const fn rest(names: &'static [&'static str], apply: Apply) -> Flag<State> {
    Flag { names, takes: Takes::Rest, apply, help: "" }
}

fn set<T>(place: &mut T, value: T) -> Result<()> {
    *place = value;
    Ok(())
}

fn token(state: &mut State, argument: impl Into<OsString>) -> Result<()> {
    state.give_linker(argument);
    Ok(())
}

/// Gives the linker a flag and its value in one argument, so that a value that looks like a flag stays a value.
fn pass(state: &mut State, flag: &str, given: &Given<'_>) -> Result<()> {
    let mut argument = OsString::from(flag);
    if flag.len() > 2 {
        argument.push("=");
    }
    argument.push(given.raw());
    state.give_linker(argument);
    Ok(())
}

fn for_linker(state: &mut State, given: &Given<'_>) -> Result<()> {
    for part in given.raw().as_bytes().split(|&byte| byte == b',') {
        state.give_linker(OsStr::from_bytes(part));
    }
    Ok(())
}

fn shape(state: &mut State, flag: ShapeFlag) -> Result<()> {
    state.shape.last = Some(flag);
    Ok(())
}

fn no_default_libraries(state: &mut State, _: &Given<'_>) -> Result<()> {
    state.driver.runtime_library = false;
    state.driver.c_library = false;
    state.driver.cxx_library = false;
    Ok(())
}

fn no_standard_library(state: &mut State, given: &Given<'_>) -> Result<()> {
    state.driver.start_files = false;
    no_default_libraries(state, given)
}

/// Where threads are a library of their own, it is wanted.
fn pthread(state: &mut State, given: &Given<'_>) -> Result<()> {
    state.give_compiler(given, true);
    state.driver.threads = true;
    Ok(())
}

fn use_ld(state: &mut State, given: &Given<'_>) -> Result<()> {
    state.driver.use_ld = Some(given.text()?.to_owned());
    Ok(())
}

fn prefix(state: &mut State, given: &Given<'_>) -> Result<()> {
    state.driver.prefixes.push(given.path());
    Ok(())
}

fn sysroot(state: &mut State, given: &Given<'_>) -> Result<()> {
    state.give_compiler(given, given.flag.ends_with('='));
    if given.flag == "-isysroot" {
        return Ok(()); // headers only, outside macOS
    }
    pass(state, "--sysroot", given)
}

fn triple(state: &mut State, given: &Given<'_>) -> Result<()> {
    let triple = given.text()?;
    if triple.is_empty() {
        return Err(given.wrong("names no target"));
    }
    state.driver.triple = Some(triple.to_owned());
    state.give_compiler(given, given.flag.ends_with('='));
    Ok(())
}

fn driver_mode(state: &mut State, given: &Given<'_>) -> Result<()> {
    state.driver.cxx = matches!(given.text()?, "g++" | "c++");
    Ok(())
}

fn sanitize(state: &mut State, given: &Given<'_>) -> Result<()> {
    state.give_compiler(given, true);
    for name in given.text()?.split(',').filter(|name| !name.is_empty()) {
        if !state.driver.sanitizers.iter().any(|known| known == name) {
            state.driver.sanitizers.push(name.to_owned());
        }
    }
    Ok(())
}

fn no_sanitize(state: &mut State, given: &Given<'_>) -> Result<()> {
    state.give_compiler(given, true);
    let names: Vec<&str> = given.text()?.split(',').collect();
    state.driver.sanitizers.retain(|known| !names.contains(&known.as_str()) && !names.contains(&"all"));
    Ok(())
}

fn host_only(state: &mut State, given: &Given<'_>) -> Result<()> {
    state.host_only(given);
    state.give_compiler(given, given.flag.ends_with('='));
    Ok(())
}

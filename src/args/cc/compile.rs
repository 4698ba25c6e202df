//! Driver flags about compiling: kept for the sources on the line, else without a meaning to a link.

use super::linking::{nothing, rest, value};
use super::{Action, Flag, Given, State};
use crate::diag::Result;

pub(super) const FLAGS: &[Flag<State>] = &[
    nothing(&["-c", "-S", "-E", "-M", "-MM", "-fsyntax-only", "--precompile"], only_compile),
    rest(&["-O", "-g", "-f", "-m", "-W", "-std=", "--std=", "-march=", "-mcpu=", "-mtune="], joined),
    rest(
        &["-Wa,", "-Wp,", "-stdlib=", "-rtlib=", "-unwindlib=", "--gcc-toolchain=", "--unwindlib=", "--rtlib="],
        joined,
    ),
    rest(&["-ftrivial-auto-var-init=", "-save-temps", "-no-canonical-prefixes", "--param=", "--config="], joined),
    nothing(
        &[
            "-ansi",
            "-trigraphs",
            "-w",
            "-pedantic",
            "-pedantic-errors",
            "-P",
            "-C",
            "-CC",
            "-H",
            "-Q",
            "-dM",
            "-dD",
            "-dI",
        ],
        joined,
    ),
    nothing(&["-nostdinc", "-nostdinc++", "-undef", "-remap", "-time", "-MD", "-MMD", "-MP", "-MG", "-ObjC"], joined),
    nothing(&["-no-integrated-cpp", "-integrated-as", "-no-integrated-as", "-traditional-cpp", "-emit-llvm"], joined),
    value(&["-D", "-U", "-I", "-A"], one_letter),
    value(&["-include", "-imacros", "-isystem", "-iquote", "-idirafter", "-iprefix", "-iwithprefix"], separate),
    value(
        &["-iwithprefixbefore", "-isystem-after", "-cxx-isystem", "-imultilib", "-imultiarch", "-iframework"],
        separate,
    ),
    value(&["-MF", "-MT", "-MQ", "-MJ", "-Xpreprocessor", "-Xassembler", "-Xclang", "-mllvm", "--param"], separate),
    value(&["-arch", "-wrapper", "-aux-info", "-dumpbase", "-dumpdir", "-dumpbase-ext", "-gcc-toolchain"], separate),
    value(&["-x", "--language"], language),
    rest(&["--language="], language),
];

fn only_compile(state: &mut State, given: &Given<'_>) -> Result<()> {
    state.action = Some(Action::Compile(given.flag.to_owned()));
    Ok(())
}

fn joined(state: &mut State, given: &Given<'_>) -> Result<()> {
    state.give_compiler(given, true);
    Ok(())
}

/// `-D NAME`: the compiler takes it joined as well.
fn one_letter(state: &mut State, given: &Given<'_>) -> Result<()> {
    state.give_compiler(given, true);
    Ok(())
}

fn separate(state: &mut State, given: &Given<'_>) -> Result<()> {
    state.give_compiler(given, false);
    Ok(())
}

/// `-x none` returns to the files' endings.
fn language(state: &mut State, given: &Given<'_>) -> Result<()> {
    let name = given.text()?;
    state.language = (name != "none").then(|| name.to_owned());
    Ok(())
}

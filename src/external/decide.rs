//! Who makes the output: cgolink itself, or a compiler that the link is handed to. A decision carries its reasons.

use crate::args::control::Backend;
use crate::args::request::OutputKind;
use crate::diag::{Diagnostic, Result};
use crate::target::{Architecture, Libc, Target};
use std::ffi::OsString;

use super::toolchain::{CompilerCommand, CompilerFamily};

/// What a decision is made from.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// `--backend=`, `CGOLINK_BACKEND`.
    pub backend: Backend,
    /// What is made.
    pub kind: OutputKind,
    /// The triple as typed, whether or not cgolink knows it.
    pub triple: Option<&'a str>,
    /// The target, where it is one of cgolink's.
    pub target: Option<Target>,
    /// Flags that only another linker carries out.
    pub host_only: &'a [String],
    /// `-fsanitize=`.
    pub sanitizers: &'a [String],
    /// What the engine has refused so that another linker has to take it: the first sentence of its error.
    pub refused: Option<&'a str>,
    /// What `$CC` names.
    pub compiler: Option<&'a CompilerCommand>,
    /// The machine that runs this.
    pub host: Option<Architecture>,
}

/// The outcome.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// Who links.
    pub linker: Linker,
    /// Why, one sentence each, without a full stop.
    pub reasons: Vec<String>,
}

/// Who links.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Linker {
    /// cgolink.
    Native,
    /// This compiler, as a driver.
    HandOff(Box<CompilerCommand>),
}

/// Sanitizers whose runtime a static link here can provide, or that need none.
const NATIVE_SANITIZERS: [&str; 9] = [
    "undefined",
    "undefined-trap",
    "bounds",
    "alignment",
    "shift",
    "signed-integer-overflow",
    "null",
    "unreachable",
    "vptr",
];

/// Decides. `installed` tells whether a program is on the PATH.
///
/// Errors: the backend that was asked for cannot make this output, or the compiler that is needed is not installed.
pub fn decide(question: &Question<'_>, installed: &dyn Fn(&CompilerCommand) -> bool) -> Result<Decision> {
    let against = reasons_against_native(question);
    let asked = format!("--backend={}", question.backend.name());
    match question.backend {
        Backend::Native if against.is_empty() => {
            Ok(Decision { linker: Linker::Native, reasons: vec![format!("{asked} was asked for")] })
        }
        Backend::Native => {
            let error = Diagnostic::error("not-native", format!("{asked}: cgolink cannot make this output itself"));
            let error = against.into_iter().fold(error, Diagnostic::note);
            Err(error.help("use --backend=auto to hand such links to a compiler").into())
        }
        Backend::Auto if against.is_empty() => {
            let reason = format!("cgolink links {} itself", describe(question.kind));
            Ok(Decision { linker: Linker::Native, reasons: vec![reason] })
        }
        Backend::Auto => hand_off(question, against, installed),
        _ => hand_off(question, vec![format!("{asked} was asked for")], installed),
    }
}

/// Why cgolink would not make the output itself; empty if it would.
fn reasons_against_native(question: &Question<'_>) -> Vec<String> {
    let mut reasons = Vec::new();
    if !question.kind.is_static() {
        reasons.push(format!("{} are not linked by cgolink itself yet", describe(question.kind)));
    }
    if let (Some(triple), None) = (question.triple, question.target) {
        reasons.push(format!("the target {triple} is none of cgolink's own (x86_64 and aarch64 Linux)"));
    }
    reasons.extend(question.host_only.iter().map(|flag| format!("{flag} needs another linker")));
    let foreign = |name: &&String| !NATIVE_SANITIZERS.contains(&name.as_str());
    let sanitizers = question.sanitizers.iter().filter(foreign);
    reasons.extend(sanitizers.map(|name| format!("-fsanitize={name} needs the compiler's runtime")));
    reasons.extend(question.refused.map(str::to_owned));
    reasons
}

fn describe(kind: OutputKind) -> &'static str {
    match kind {
        OutputKind::StaticExecutable => "static executables",
        OutputKind::StaticPie => "static position-independent executables",
        OutputKind::DynamicExecutable { .. } => "dynamic executables",
        OutputKind::SharedObject => "shared objects",
        OutputKind::Relocatable => "relocatable objects (-r)",
    }
}

fn hand_off(
    question: &Question<'_>,
    mut reasons: Vec<String>,
    installed: &dyn Fn(&CompilerCommand) -> bool,
) -> Result<Decision> {
    let candidates = candidates(question);
    let Some(chosen) = candidates.iter().find(|compiler| installed(compiler)) else {
        let names: Vec<String> = candidates.iter().map(CompilerCommand::to_string).collect();
        let message = "the link has to be handed to a compiler, and none that fits is installed";
        let error = Diagnostic::error("no-compiler", message).note(format!("looked for: {}", names.join(", ")));
        let error = reasons.into_iter().fold(error, Diagnostic::note);
        return Err(error.help("install one of them, or name a compiler in $CC").into());
    };
    if question.compiler == Some(chosen) {
        reasons.push(format!("$CC names {chosen}"));
    } else {
        reasons.push(format!("{chosen} is the first that fits the target"));
    }
    Ok(Decision { linker: Linker::HandOff(Box::new(chosen.clone())), reasons })
}

/// The compiler for what a driver's line asks besides linking: sources, questions.
///
/// Errors: none that fits is installed.
pub fn compiler(question: &Question<'_>, installed: &dyn Fn(&CompilerCommand) -> bool) -> Result<CompilerCommand> {
    match hand_off(question, Vec::new(), installed)?.linker {
        Linker::HandOff(compiler) => Ok(*compiler),
        Linker::Native => Err(Diagnostic::error("no-compiler", "no compiler is installed").into()),
    }
}

/// The compilers that may make the output, best first.
fn candidates(question: &Question<'_>) -> Vec<CompilerCommand> {
    let named = |family: CompilerFamily| question.compiler.filter(|compiler| compiler.family == family).cloned();
    match question.backend {
        Backend::Auto | Backend::Native => {
            let named = question.compiler.filter(|compiler| fits(compiler, question)).cloned();
            named.into_iter().chain(usual(question)).collect()
        }
        Backend::Zig => named(CompilerFamily::Zig).into_iter().chain([program(&["zig", "cc"])]).collect(),
        Backend::Clang => named(CompilerFamily::Clang).into_iter().chain([program(&["clang"])]).collect(),
        Backend::MuslGcc => {
            let own =
                question.target.filter(|target| Some(target.architecture) == question.host || question.host.is_none());
            let wrapper = (own.is_some() || question.target.is_none()).then(|| program(&["musl-gcc"]));
            named(CompilerFamily::MuslGcc).into_iter().chain(wrapper).chain(prefixed(question, Libc::Musl)).collect()
        }
        Backend::Gcc => {
            let named = named(CompilerFamily::Gcc).filter(|compiler| fits(compiler, question));
            named.into_iter().chain(gccs(question)).collect()
        }
    }
}

/// Whether the compiler is one for the target's architecture, as far as its words tell. zig and clang, and what is not
/// known, are for every target.
fn fits(compiler: &CompilerCommand, question: &Question<'_>) -> bool {
    if !matches!(compiler.family, CompilerFamily::Gcc | CompilerFamily::MuslGcc) {
        return true;
    }
    match (compiler.target(), question.target) {
        (Some(own), Some(wanted)) => own.architecture == wanted.architecture,
        (None, Some(wanted)) => question.host.is_none_or(|host| host == wanted.architecture),
        _ => true,
    }
}

/// gcc under the names it has for the target.
fn gccs(question: &Question<'_>) -> Vec<CompilerCommand> {
    let at_home = question.target.is_none_or(|target| question.host.is_none_or(|host| host == target.architecture));
    let musl = question.target.is_some_and(|target| target.libc == Some(Libc::Musl));
    let plain = (at_home && !musl).then(|| program(&["gcc"]));
    let libc = if musl { Libc::Musl } else { Libc::Gnu };
    plain.into_iter().chain(prefixed(question, libc)).collect()
}

fn prefixed(question: &Question<'_>, libc: Libc) -> Option<CompilerCommand> {
    let architecture = question.target?.architecture;
    Some(program(&[&format!("{architecture}-linux-{}-gcc", libc.name())]))
}

/// What to try where nothing was named.
fn usual(question: &Question<'_>) -> Vec<CompilerCommand> {
    let (zig, clang) = (program(&["zig", "cc"]), program(&["clang"]));
    match question.target {
        Some(Target { libc: Some(Libc::Musl), architecture }) => {
            let wrapper = (question.host == Some(architecture)).then(|| program(&["musl-gcc"]));
            [zig].into_iter().chain(wrapper).chain(prefixed(question, Libc::Musl)).collect()
        }
        None if question.triple.is_some() => vec![zig, clang],
        _ => gccs(question).into_iter().chain([clang, zig]).collect(),
    }
}

fn program(words: &[&str]) -> CompilerCommand {
    let words: Vec<OsString> = words.iter().map(OsString::from).collect();
    CompilerCommand::from_words(&words).unwrap_or_else(|| CompilerCommand::from_program("cc"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(kind: OutputKind) -> Question<'static> {
        Question {
            backend: Backend::Auto,
            kind,
            triple: None,
            target: Some("x86_64-linux-gnu".parse().unwrap()),
            host_only: &[],
            sanitizers: &[],
            refused: None,
            compiler: None,
            host: Some(Architecture::X86_64),
        }
    }

    fn chosen(question: &Question<'_>, installed: &[&str]) -> std::result::Result<String, String> {
        let on_path = |compiler: &CompilerCommand| installed.contains(&compiler.program.to_str().unwrap());
        match decide(question, &on_path) {
            Ok(Decision { linker: Linker::Native, .. }) => Ok("native".to_owned()),
            Ok(Decision { linker: Linker::HandOff(compiler), .. }) => Ok(compiler.to_string()),
            Err(errors) => Err(errors.to_string()),
        }
    }

    #[test]
    fn links_static_executables_itself() {
        for kind in [OutputKind::StaticExecutable, OutputKind::StaticPie] {
            assert_eq!(chosen(&question(kind), &[]).unwrap(), "native");
            assert_eq!(chosen(&Question { backend: Backend::Native, ..question(kind) }, &[]).unwrap(), "native");
        }
        let undefined = ["undefined".to_owned()];
        let with_ubsan = Question { sanitizers: &undefined, ..question(OutputKind::StaticExecutable) };
        assert_eq!(chosen(&with_ubsan, &[]).unwrap(), "native");
    }

    #[test]
    fn hands_off_what_it_does_not_link() {
        let dynamic = OutputKind::DynamicExecutable { pie: true };
        let tools = ["gcc", "zig", "clang", "aarch64-linux-gnu-gcc", "musl-gcc"];
        for kind in [dynamic, OutputKind::SharedObject, OutputKind::Relocatable] {
            assert_eq!(chosen(&question(kind), &tools).unwrap(), "gcc");
        }
        let (flags, address) = (["-Ttext=1".to_owned()], ["address".to_owned()]);
        let plain = question(OutputKind::StaticExecutable);
        assert_eq!(chosen(&Question { host_only: &flags, ..plain.clone() }, &tools).unwrap(), "gcc");
        assert_eq!(chosen(&Question { sanitizers: &address, ..plain.clone() }, &tools).unwrap(), "gcc");
        assert_eq!(chosen(&Question { refused: Some("LTO"), ..plain.clone() }, &tools).unwrap(), "gcc");
        let arm = Question { target: "aarch64-linux-gnu".parse().ok(), ..question(dynamic) };
        assert_eq!(chosen(&arm, &tools).unwrap(), "aarch64-linux-gnu-gcc");
        assert_eq!(chosen(&arm, &["gcc", "zig"]).unwrap(), "zig cc");
        let musl = Question { target: "x86_64-linux-musl".parse().ok(), ..question(dynamic) };
        assert_eq!(chosen(&musl, &["musl-gcc", "gcc"]).unwrap(), "musl-gcc");
        let foreign = Question { target: None, triple: Some("riscv64-linux-musl"), ..plain };
        assert_eq!(chosen(&foreign, &tools).unwrap(), "zig cc");
    }

    #[test]
    fn the_named_compiler_comes_first() {
        let zig = program(&["zig", "cc", "--target=x86_64-linux-gnu"]);
        let dynamic = Question { compiler: Some(&zig), ..question(OutputKind::DynamicExecutable { pie: false }) };
        assert_eq!(chosen(&dynamic, &["gcc", "zig"]).unwrap(), "zig cc --target=x86_64-linux-gnu");
        let forced = Question { backend: Backend::Gcc, ..dynamic };
        assert_eq!(chosen(&forced, &["gcc", "zig"]).unwrap(), "gcc");
    }

    #[test]
    fn a_backend_can_be_forced_for_anything() {
        let tools = ["gcc", "zig", "clang", "musl-gcc"];
        let forced = |backend| chosen(&Question { backend, ..question(OutputKind::StaticExecutable) }, &tools).unwrap();
        assert_eq!(forced(Backend::Zig), "zig cc");
        assert_eq!(forced(Backend::Gcc), "gcc");
        assert_eq!(forced(Backend::MuslGcc), "musl-gcc");
        assert_eq!(forced(Backend::Clang), "clang");
    }

    #[test]
    fn explains_what_cannot_be_done() {
        let dynamic = question(OutputKind::DynamicExecutable { pie: false });
        let text = chosen(&Question { backend: Backend::Native, ..dynamic.clone() }, &["gcc"]).unwrap_err();
        assert!(text.contains("dynamic executables are not linked by cgolink itself"), "{text}");
        let text = chosen(&dynamic, &[]).unwrap_err();
        assert!(text.contains("looked for: gcc, x86_64-linux-gnu-gcc, clang, zig cc"), "{text}");
    }
}

//! A link handed off: from the driver's line as typed to the line for another driver. A pure function over the table of
//! [`super::rules`].

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::rules::{Rule, Treatment, driver_rules, linker_rules};
use super::toolchain::{CompilerCommand, CompilerFamily};
use crate::args::cc::words::{DriverWord, LinkerWord, Word, words};
use crate::diag::{Diagnostic, Diagnostics, Result};
use crate::symbols::cpp_library::CppLibrary;
use crate::target::{Libc, Target};

/// A link for another driver.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// The driver. Its own flags are not used: what of `$CC` counts stands in `arguments`.
    pub compiler: &'a CompilerCommand,
    /// The target, for a driver that has to be told and a line that does not say.
    pub target: Option<Target>,
    /// The C++ library that the objects need and the line does not name.
    pub cpp: Option<CppLibrary>,
    /// The line as typed, with the flags of `$CC` in front and response files expanded.
    pub arguments: &'a [OsString],
}

/// The line for the other driver.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HandOff {
    /// The program and its arguments.
    pub argv: Vec<OsString>,
    /// Flags that were left out or replaced, for `-v`: one sentence each.
    pub changes: Vec<String>,
}

/// Translates the line.
///
/// Errors: all the flags that the driver has no equivalent for, where the program would be another without them.
pub fn translate(plan: &Plan<'_>) -> Result<HandOff> {
    let compiler = plan.compiler;
    let mut translation = Translation {
        family: compiler.family,
        name: compiler.program.display().to_string(),
        out: HandOff { argv: vec![compiler.program.clone().into()], changes: Vec::new() },
        linker: Vec::new(),
        errors: Vec::new(),
    };
    translation.out.argv.extend(compiler.bare().into_iter().map(OsString::from));
    let words = words(plan.arguments);
    let names_target = |word: &Word| matches!(word, Word::Driver(word) if is_target_flag(&word.flag));
    let has_targets = matches!(compiler.family, CompilerFamily::Zig | CompilerFamily::Clang);
    if let (true, Some(target)) = (has_targets && !words.iter().any(names_target), plan.target) {
        translation.out.argv.push(format!("--target={}", complete(target)).into());
    }
    for word in words {
        match word {
            Word::Linker(word) => translation.linker_word(word),
            Word::Driver(word) => translation.driver_word(word),
            Word::Input(file) => translation.push(file),
        }
    }
    if let Some(library) = plan.cpp {
        translation.add_cpp_library(library);
    }
    translation.flush();
    Diagnostics::check(translation.out, translation.errors)
}

/// The line for a target that is none of cgolink's: flags are passed on as typed but for cgolink's own, since the tables
/// are about ELF linkers.
pub fn pass_on(compiler: &CompilerCommand, arguments: &[OsString]) -> Vec<OsString> {
    let own = |argument: &&OsString| {
        let bytes = argument.as_bytes();
        bytes.starts_with(b"--backend=") || bytes.starts_with(b"--error-format=")
    };
    let words = compiler.bare().into_iter().map(OsString::from);
    let kept = arguments.iter().filter(|argument| !own(argument)).cloned();
    std::iter::once(compiler.program.clone().into()).chain(words).chain(kept).collect()
}

fn is_target_flag(flag: &str) -> bool {
    matches!(flag, "--target=" | "-target=" | "--target" | "-target")
}

/// A triple with a C library, since a driver would take its own default else.
fn complete(target: Target) -> Target {
    Target { libc: target.libc.or(Some(Libc::Gnu)), ..target }
}

struct Translation {
    family: CompilerFamily,
    /// The driver, for sentences.
    name: String,
    out: HandOff,
    /// Linker arguments not yet written.
    linker: Vec<OsString>,
    errors: Vec<Diagnostic>,
}

impl Translation {
    fn push(&mut self, argument: impl Into<OsString>) {
        self.flush();
        self.out.argv.push(argument.into());
    }

    /// Writes linker arguments: behind one `-Wl,` where none holds a comma.
    fn flush(&mut self) {
        let pending = std::mem::take(&mut self.linker);
        if pending.is_empty() {
            return;
        }
        if pending.iter().any(|argument| argument.as_bytes().contains(&b',') || argument.is_empty()) {
            for argument in pending {
                self.out.argv.extend([OsString::from("-Xlinker"), argument]);
            }
            return;
        }
        let mut joined = OsString::from("-Wl");
        for argument in pending {
            joined.push(",");
            joined.push(argument);
        }
        self.out.argv.push(joined);
    }

    /// What the driver's C++ form would add.
    fn add_cpp_library(&mut self, library: CppLibrary) {
        let flags: &[&str] = match (library, self.family) {
            (_, CompilerFamily::Zig) => &["-lc++"],
            (CppLibrary::Llvm, _) => &["-lc++", "-lc++abi", "-lm"],
            (CppLibrary::Gnu | CppLibrary::Either, _) => &["-lstdc++", "-lm"],
        };
        flags.iter().for_each(|flag| self.push(flag));
        let sentence = format!("{} is added: objects need {}, and the line names none", flags[0], library.title());
        self.out.changes.push(sentence);
    }

    fn linker_word(&mut self, word: LinkerWord) {
        let fits = |rule: &Rule| word.names.contains(&rule.name) && value_fits(rule, word.value.as_deref());
        let treatment = linker_rules(self.family).iter().find(|rule| fits(rule)).map(|rule| rule.treatment);
        // Several flags of the linker's go behind one `-Wl,` only if they stood together.
        match treatment {
            None => {
                self.flush();
                self.linker.extend(word.typed);
                self.flush();
            }
            Some(treatment) => self.treat(treatment, &typed(&word.typed), word.value),
        }
    }

    fn driver_word(&mut self, word: DriverWord) {
        if self.family == CompilerFamily::Zig && is_target_flag(&word.flag) {
            let triple = word.value.as_deref().unwrap_or_default().to_string_lossy();
            return self.push(format!("--target={}", zig_triple(&triple)));
        }
        let fits = |rule: &Rule| word.flag == rule.name && value_fits(rule, word.value.as_deref());
        let treatment = driver_rules(self.family).iter().find(|rule| fits(rule)).map(|rule| rule.treatment);
        match treatment {
            None => word.typed.into_iter().for_each(|argument| self.push(argument)),
            Some(treatment) => self.treat(treatment, &typed(&word.typed), word.value),
        }
    }

    fn treat(&mut self, treatment: Treatment, typed: &str, value: Option<OsString>) {
        let other = match treatment {
            Treatment::Drop => {
                self.out.changes.push(format!("{typed} is left out: {} does not take it", self.name));
                return;
            }
            Treatment::Refuse => {
                let message = format!("{} has no equivalent of {typed}", self.name);
                let help = "choose another --backend, or leave the flag out";
                self.errors.push(Diagnostic::error("untranslatable-flag", message).help(help));
                return;
            }
            Treatment::Linker(other) => {
                self.flush();
                self.linker.push(other.into());
                self.flush();
                other
            }
            Treatment::LinkerWithValue(other) => {
                self.flush();
                self.linker.push(other.into());
                self.linker.extend(value);
                self.flush();
                other
            }
            Treatment::Driver(other) => {
                self.push(other);
                other
            }
        };
        self.out.changes.push(format!("{typed} becomes {other} for {}", self.name));
    }
}

fn value_fits(rule: &Rule, value: Option<&OsStr>) -> bool {
    rule.value.is_none_or(|wanted| value.is_some_and(|value| value == wanted))
}

fn typed(arguments: &[OsString]) -> String {
    let words: Vec<_> = arguments.iter().map(|argument| argument.to_string_lossy()).collect();
    words.join(" ")
}

/// zig's triples have no vendor: `x86_64-linux-gnu` for `x86_64-unknown-linux-gnu`.
fn zig_triple(triple: &str) -> String {
    let parts: Vec<&str> = triple.split('-').filter(|part| !matches!(*part, "unknown" | "pc" | "none")).collect();
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What cmd/link passes for a dynamic executable.
    const GO: &str = "-m64 -Wl,--build-id=0x12 -o a.out -Wl,--export-dynamic-symbol=_cgo_panic -Qunused-arguments \
                      -Wl,--compress-debug-sections=zlib go.o 000000.o -O2 -g -lpthread -nopie";

    fn line(compiler: &str, target: Option<&str>, arguments: &str) -> std::result::Result<String, String> {
        let split = |text: &str| text.split_whitespace().map(OsString::from).collect::<Vec<_>>();
        let compiler = CompilerCommand::from_words(&split(compiler)).unwrap();
        let target = target.map(|triple| triple.parse().unwrap());
        match translate(&Plan { compiler: &compiler, target, cpp: None, arguments: &split(arguments) }) {
            Ok(out) => Ok(typed(&out.argv)),
            Err(errors) => Err(errors.to_string()),
        }
    }

    #[test]
    fn gos_line_for_each_driver() {
        let gcc = "gcc -m64 -Wl,--build-id=0x12 -o a.out -Wl,--export-dynamic-symbol=_cgo_panic \
                   -Wl,--compress-debug-sections=zlib go.o 000000.o -O2 -g -lpthread -no-pie";
        assert_eq!(line("gcc", Some("x86_64-linux-gnu"), GO).unwrap(), gcc);
        let clang = "clang --target=x86_64-linux-gnu -m64 -Wl,--build-id=0x12 -o a.out \
                     -Wl,--export-dynamic-symbol=_cgo_panic -Qunused-arguments -Wl,--compress-debug-sections=zlib \
                     go.o 000000.o -O2 -g -lpthread -no-pie";
        assert_eq!(line("clang", Some("x86_64-linux-gnu"), GO).unwrap(), clang);
        let zig = "zig cc --target=aarch64-linux-musl -Wl,--build-id=0x12 -o a.out -Wl,--export-dynamic \
                   -Qunused-arguments -Wl,--compress-debug-sections=zlib go.o 000000.o -O2 -g -lpthread -no-pie";
        assert_eq!(line("zig cc", Some("aarch64-linux-musl"), GO).unwrap(), zig);
    }

    #[test]
    fn targets_as_each_driver_spells_them() {
        let typed = "--target=x86_64-unknown-linux-musl -static a.o";
        assert_eq!(line("zig cc", None, typed).unwrap(), "zig cc --target=x86_64-linux-musl -static a.o");
        assert_eq!(line("clang", None, typed).unwrap(), format!("clang {typed}"));
        assert_eq!(line("musl-gcc", None, typed).unwrap(), "musl-gcc -static a.o");
        let separate = "-target aarch64-linux-gnu a.o";
        assert_eq!(line("zig cc", None, separate).unwrap(), "zig cc --target=aarch64-linux-gnu a.o");
        assert_eq!(line("aarch64-linux-gnu-gcc", None, separate).unwrap(), "aarch64-linux-gnu-gcc a.o");
        assert_eq!(line("zig cc", Some("x86_64-linux"), "a.o").unwrap(), "zig cc --target=x86_64-linux-gnu a.o");
    }

    #[test]
    fn the_compilers_own_flags_are_not_said_twice() {
        let typed = "--target=x86_64-linux-gnu -static a.o";
        let zig = "python3 -m ziglang cc --target=x86_64-linux-gnu -static";
        assert_eq!(line(zig, None, typed).unwrap(), format!("python3 -m ziglang cc {typed}"));
    }

    #[test]
    fn static_pie_for_each_driver() {
        assert_eq!(line("zig cc", None, "-static-pie a.o").unwrap(), "zig cc -pie a.o");
        assert_eq!(line("gcc", None, "-static-pie a.o").unwrap(), "gcc -static-pie a.o");
    }

    #[test]
    fn linker_flags_keep_their_place_and_values() {
        let typed = "-Wl,-rpath -Wl,/r a.o -Wl,--whole-archive,b.a,--no-whole-archive -Xlinker --version-script=a,b";
        let out =
            "gcc -Wl,-rpath,/r a.o -Wl,--whole-archive -Wl,b.a -Wl,--no-whole-archive -Xlinker --version-script=a,b";
        assert_eq!(line("gcc", None, typed).unwrap(), out);
        let zig = line("zig cc", None, "-u sym -Wl,--undefined=other,--push-state,-Map=m -s a.o").unwrap();
        assert_eq!(zig, "zig cc -Wl,-u,sym -Wl,-u,other -s a.o");
    }

    #[test]
    fn what_would_make_another_program_is_an_error() {
        let errors = line("zig cc", None, "-Wl,--wrap=malloc,--defsym,a=b -Wl,-z,muldefs a.o").unwrap_err();
        assert_eq!(errors.lines().count(), 6, "three errors with their help: {errors}");
        assert!(errors.contains("zig has no equivalent of --wrap=malloc"), "{errors}");
        assert!(line("gcc", None, "-Wl,--wrap=malloc a.o").is_ok());
    }

    #[test]
    fn lines_for_other_systems_are_passed_on() {
        let compiler = CompilerCommand::from_program("clang");
        let line = ["-arch", "arm64", "-Wl,-headerpad,1144", "--backend=clang", "go.o"].map(OsString::from);
        assert_eq!(typed(&pass_on(&compiler, &line)), "clang -arch arm64 -Wl,-headerpad,1144 go.o");
    }

    #[test]
    fn the_cpp_library_is_added_where_objects_need_it() {
        let line = |compiler: &str, cpp| {
            let words: Vec<OsString> = compiler.split(' ').map(OsString::from).collect();
            let compiler = CompilerCommand::from_words(&words).unwrap();
            let arguments = ["a.o".into()];
            let out =
                translate(&Plan { compiler: &compiler, target: None, cpp: Some(cpp), arguments: &arguments }).unwrap();
            assert!(out.changes[0].contains(" is added: "), "{:?}", out.changes);
            typed(&out.argv)
        };
        assert_eq!(line("gcc", CppLibrary::Gnu), "gcc a.o -lstdc++ -lm");
        assert_eq!(line("clang", CppLibrary::Llvm), "clang a.o -lc++ -lc++abi -lm");
        assert_eq!(line("zig cc", CppLibrary::Either), "zig cc a.o -lc++");
    }

    #[test]
    fn changes_are_told() {
        let compiler = CompilerCommand::from_program("gcc");
        let arguments = ["-fuse-ld=gold", "-Qunused-arguments", "-Wl,--build-id=fast"].map(OsString::from);
        let out = translate(&Plan { compiler: &compiler, target: None, cpp: None, arguments: &arguments }).unwrap();
        assert_eq!(out.changes.len(), 3);
        assert_eq!(out.changes[2], "--build-id=fast becomes --build-id=sha1 for gcc");
    }
}

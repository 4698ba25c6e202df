//! What each family of drivers makes of flags that the others take: the table behind [`super::command`].
//!
//! The facts were read off the tools: zig 0.15.2 (`zig cc -target x86_64-linux-musl x.o -Wl,FLAG -###`, which names the
//! arguments it does not take), gcc 12 with GNU ld 2.40, clang with GNU ld.

use super::toolchain::CompilerFamily;

/// What becomes of a flag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Treatment {
    /// Left out: the output is the same program without it.
    Drop,
    /// Another linker flag in its place, without a value.
    Linker(&'static str),
    /// Another linker flag in its place, with the value as a further argument.
    LinkerWithValue(&'static str),
    /// A driver flag in its place, without a value.
    Driver(&'static str),
    /// No equivalent, and the program would be another without it: an error.
    Refuse,
}

/// One line of the table.
pub(super) struct Rule {
    /// A name of the flag, without dashes for linker flags, as typed for driver flags.
    pub(super) name: &'static str,
    /// The only value that the rule is about.
    pub(super) value: Option<&'static str>,
    /// What is done.
    pub(super) treatment: Treatment,
}

use Treatment::{Driver, Drop, Linker, LinkerWithValue, Refuse};

const fn rule(name: &'static str, treatment: Treatment) -> Rule {
    Rule { name, value: None, treatment }
}

const fn valued(name: &'static str, value: &'static str, treatment: Treatment) -> Rule {
    Rule { name, value: Some(value), treatment }
}

/// Rules for linker flags, the first that fits counts. What no rule names is passed on.
pub(super) const fn linker_rules(family: CompilerFamily) -> &'static [Rule] {
    match family {
        CompilerFamily::Zig => ZIG_LINKER,
        _ => GNU_LINKER,
    }
}

/// Rules for driver flags, the first that fits counts. What no rule names is passed on.
pub(super) const fn driver_rules(family: CompilerFamily) -> &'static [Rule] {
    match family {
        CompilerFamily::Zig => ZIG_DRIVER,
        CompilerFamily::Clang => CLANG_DRIVER,
        _ => GCC_DRIVER,
    }
}

/// `zig cc` reads linker flags itself and takes a part of lld's.
const ZIG_LINKER: &[Rule] = &[
    rule("backend", Drop),
    rule("error-format", Drop),
    rule("export-dynamic-symbol", Linker("--export-dynamic")),
    rule("export-dynamic-symbol-list", Linker("--export-dynamic")),
    rule("undefined", LinkerWithValue("-u")),
    rule("require-defined", LinkerWithValue("-u")),
    rule("soname", LinkerWithValue("-soname")),
    rule("pie", Driver("-pie")),
    rule("static-pie", Driver("-pie")),
    rule("relocatable", Driver("-r")),
    rule("wrap", Refuse),
    rule("defsym", Refuse),
    rule("emit-relocs", Refuse),
    rule("section-start", Refuse),
    rule("retain-symbols-file", Refuse),
    rule("just-symbols", Refuse),
    rule("mri-script", Refuse),
    rule("oformat", Refuse),
    rule("format", Refuse),
    rule("allow-multiple-definition", Refuse),
    rule("unresolved-symbols", Refuse),
    rule("warn-unresolved-symbols", Refuse),
    rule("ignore-unresolved-symbol", Refuse),
    valued("z", "muldefs", Refuse),
    valued("z", "execstack", Refuse),
    valued("z", "separate-code", Drop),
    valued("z", "pack-relative-relocs", Drop),
    valued("z", "text", Drop),
    valued("z", "undefs", Refuse),
    valued("z", "start-stop-gc", Drop),
    valued("z", "nostart-stop-gc", Drop),
    rule("discard-locals", Drop),
    rule("discard-none", Drop),
    rule("no-export-dynamic", Drop),
    rule("push-state", Drop),
    rule("pop-state", Drop),
    rule("Bsymbolic-functions", Drop),
    rule("exclude-libs", Drop),
    rule("Map", Drop),
    rule("threads", Drop),
    rule("no-threads", Drop),
    rule("relax", Drop),
    rule("no-relax", Drop),
    rule("fatal-warnings", Drop),
    rule("no-fatal-warnings", Drop),
    rule("no-allow-multiple-definition", Drop),
    rule("error-unresolved-symbols", Drop),
    rule("orphan-handling", Drop),
    rule("icf", Drop),
    rule("trace", Drop),
    rule("trace-symbol", Drop),
    rule("no-demangle", Drop),
    rule("demangle", Drop),
    rule("O", Drop),
    rule("plugin", Drop),
    rule("plugin-opt", Drop),
    rule("no-dynamic-linker", Drop),
    rule("error-limit", Drop),
    rule("warn-common", Drop),
    rule("stats", Drop),
    rule("verbose", Drop),
    rule("dependency-file", Drop),
    rule("hash-size", Drop),
    rule("gdb-index", Drop),
    rule("enable-new-dtags", Drop),
    rule("no-warn-mismatch", Drop),
    rule("nostdlib", Drop),
    rule("cref", Drop),
];

/// GNU ld, behind gcc and clang.
const GNU_LINKER: &[Rule] = &[
    rule("backend", Drop),
    rule("error-format", Drop),
    valued("build-id", "fast", Linker("--build-id=sha1")),
    rule("icf", Drop),
    rule("threads", Drop),
    rule("no-threads", Drop),
    rule("color-diagnostics", Drop),
    rule("no-color-diagnostics", Drop),
    rule("error-limit", Drop),
    rule("gdb-index", Drop),
    rule("no-gdb-index", Drop),
    rule("no-eh-frame-hdr", Drop),
    rule("static-pie", Driver("-static-pie")),
    rule("image-base", LinkerWithValue("-Ttext-segment")),
    rule("rosegment", Drop),
    rule("no-rosegment", Drop),
    valued("z", "separate-loadable-segments", Linker("-zseparate-code")),
    valued("orphan-handling", "place", Drop),
];

const GCC_DRIVER: &[Rule] = &[
    rule("--backend=", Drop),
    rule("--error-format=", Drop),
    rule("-Qunused-arguments", Drop),
    rule("-nopie", Driver("-no-pie")),
    rule("--no-pie", Driver("-no-pie")),
    rule("--target=", Drop),
    rule("-target=", Drop),
    rule("-target", Drop),
    rule("--target", Drop),
    rule("--driver-mode=", Drop),
    rule("--gcc-toolchain=", Drop),
    rule("-gcc-toolchain", Drop),
    rule("-rtlib=", Drop),
    rule("--rtlib=", Drop),
    rule("-unwindlib=", Drop),
    rule("--unwindlib=", Drop),
    rule("-stdlib=", Drop),
    rule("-export-dynamic", Driver("-rdynamic")),
    valued("-fuse-ld=", "gold", Drop),
    valued("-fuse-ld=", "cgolink", Drop),
    rule("--ld-path=", Drop),
];

const CLANG_DRIVER: &[Rule] = &[
    rule("--backend=", Drop),
    rule("--error-format=", Drop),
    rule("-nopie", Driver("-no-pie")),
    rule("--no-pie", Driver("-no-pie")),
    valued("-fuse-ld=", "gold", Drop),
    valued("-fuse-ld=", "cgolink", Drop),
    rule("--ld-path=", Drop),
];

const ZIG_DRIVER: &[Rule] = &[
    rule("--driver-mode=", Drop),
    rule("--backend=", Drop),
    rule("--error-format=", Drop),
    rule("-nopie", Driver("-no-pie")),
    rule("--no-pie", Driver("-no-pie")),
    rule("-static-pie", Driver("-pie")),
    rule("--static-pie", Driver("-pie")),
    rule("-fuse-ld=", Drop),
    rule("--ld-path=", Drop),
    rule("-m64", Drop),
    rule("-specs=", Drop),
    rule("--specs=", Drop),
    rule("-specs", Drop),
    rule("-u", LinkerWithValue("-u")),
    rule("-symbolic", Linker("-Bsymbolic")),
    rule("-export-dynamic", Driver("-rdynamic")),
    rule("-rpath", LinkerWithValue("-rpath")),
];

//! Why a symbol is probably undefined, and what to do about it: one rule after the other, the surest first.
//!
//! Symbols with the same cause and the same remedy have equal hints, which is how [`super::undefined`] groups them.

use crate::inputs::refuse::rebuild_command;
use crate::target::Libc;

use super::cgo::CgoName;
use super::cpp_library::CppLibrary;
use super::demangle::{demangle, is_rust};
use super::known_names as known;
use super::missing::{Context, Undefined};
use super::spelling::{Dictionary, Difference, Language};

/// The likely cause.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Hint {
    /// What the symbol is one of, to follow "12 undefined symbols: " in the singular of a name: `the C++ run time`.
    pub family: String,
    /// The reason, a sentence without a full stop.
    pub cause: String,
    /// The remedy, an imperative sentence.
    pub help: String,
}

impl Hint {
    fn new(family: impl Into<String>, cause: impl Into<String>, help: impl Into<String>) -> Self {
        Hint { family: family.into(), cause: cause.into(), help: help.into() }
    }
}

/// The first rule that knows the symbol.
/// `used` is the C++ library that the program's other missing names tell of; see [`cpp_library_used`].
pub fn hint(
    symbol: &Undefined<'_>,
    context: &Context<'_>,
    dictionary: &Dictionary<'_>,
    used: CppLibrary,
) -> Option<Hint> {
    let text = String::from_utf8_lossy(symbol.name);
    let name = text.as_ref();
    skipped_archive(symbol, context)
        .or_else(|| cgo_glue(symbol, context))
        .or_else(|| unwinder(name))
        .or_else(|| cpp_library(name, context, used))
        .or_else(|| start_up(name))
        .or_else(|| instrumentation(name))
        .or_else(|| compiler_helper(name))
        .or_else(|| rust_runtime(symbol.name))
        .or_else(|| wrong_libc(symbol, name, context))
        .or_else(|| other_form(symbol, context, dictionary))
        .or_else(|| go_function(symbol, context))
        .or_else(|| library(name, context))
        .or_else(|| libc(symbol, name))
        .or_else(|| nearest(symbol, context, dictionary))
        .or_else(|| cgo_call(symbol, context))
}

/// An archive that was not searched, for its architecture or format, has it.
fn skipped_archive(symbol: &Undefined<'_>, context: &Context<'_>) -> Option<Hint> {
    let found = context.skipped.iter().find(|skipped| {
        let Some(index) = skipped.archive.and_then(|archive| archive.index()) else { return false };
        // macOS puts an underscore in front of every name.
        index.iter().any(|(name, _)| name == symbol.name || name.strip_prefix(b"_") == Some(symbol.name))
    })?;
    Some(Hint::new(
        format!("{}, which was skipped", found.origin),
        format!("{} defines it but was skipped: {}", found.origin, found.why),
        format!("build that library for the target: {}", rebuild_command(&found.origin, context.target)),
    ))
}

/// The C half of a Go package is missing.
fn cgo_glue(symbol: &Undefined<'_>, context: &Context<'_>) -> Option<Hint> {
    let name = CgoName::of(symbol.name)?;
    let package = context.packages.of_symbol(symbol.name).map_or("a Go package".to_owned(), |p| format!("package {p}"));
    let (family, help) = match name {
        CgoName::Export { .. } => (
            format!("the Go functions that {package} exports"),
            "link go.o of the same build: these functions are Go code",
        ),
        CgoName::Call { .. } | CgoName::Runtime => (
            format!("cgo's code for {package}"),
            "pass all the numbered objects that Go's linker made beside go.o, and none of another build",
        ),
    };
    Some(Hint::new(family.clone(), format!("the link lacks {family}"), help))
}

fn unwinder(name: &str) -> Option<Hint> {
    let is_unwinder = name.starts_with("_Unwind_")
        || matches!(
            name,
            "__register_frame" | "__deregister_frame" | "__register_frame_info" | "__deregister_frame_info"
        )
        || ["unw_", "_ULx86_64_", "_ULaarch64_", "_Ux86_64_", "_Uaarch64_"]
            .iter()
            .any(|prefix| name.starts_with(prefix));
    is_unwinder.then(|| {
        Hint::new(
            "the unwinder",
            "Rust panics and C++ exceptions need an unwinder, and none is linked",
            "add `-lunwind` (LLVM's, in zig) or `-lgcc_eh` (GCC's) to `#cgo LDFLAGS` or -extldflags",
        )
    })
}

fn cpp_library(name: &str, context: &Context<'_>, used: CppLibrary) -> Option<Hint> {
    // The run time's names are in both libraries: the one that other missing names belong to is meant.
    let library = match CppLibrary::of(name)? {
        CppLibrary::Either => used,
        certain => certain,
    };
    let target = context.target.architecture;
    Some(match (library, context.target.libc) {
        (CppLibrary::Llvm, _) => Hint::new(
            library.title(),
            "C++ objects were compiled against libc++, and the program is linked without it",
            "add `-lc++ -lc++abi` to `#cgo LDFLAGS` or -extldflags",
        ),
        (CppLibrary::Gnu, Some(Libc::Gnu)) => Hint::new(
            library.title(),
            "C++ objects were compiled against libstdc++, and the program is linked without it",
            "add `-lstdc++` to `#cgo LDFLAGS` or -extldflags",
        ),
        (CppLibrary::Gnu, _) => Hint::new(
            library.title(),
            "C++ objects were compiled against libstdc++, and the program is linked without it",
            format!(
                "compile the C++ with libc++, `CXX=\"zig c++ --target={target}-linux-musl\"`, and link `-lc++ -lc++abi`; or add `-lstdc++` and \
                 the folder of a libstdc++.a made for musl"
            ),
        ),
        (CppLibrary::Either, _) => Hint::new(
            library.title(),
            "there are C++ objects, and the program is linked without a C++ library",
            "add `-lc++ -lc++abi` if clang or zig compiled them, `-lstdc++` if g++ did, to `#cgo LDFLAGS` or -extldflags",
        ),
    })
}

/// The C++ library that the missing names tell of.
pub fn cpp_library_used(symbols: &[Undefined<'_>]) -> CppLibrary {
    let of = |symbol: &Undefined<'_>| CppLibrary::of(&String::from_utf8_lossy(symbol.name));
    symbols.iter().filter_map(of).min().unwrap_or(CppLibrary::Either)
}

/// crtbegin.o's names.
fn start_up(name: &str) -> Option<Hint> {
    matches!(name, "__dso_handle" | "__TMC_END__").then(|| {
        Hint::new(
            "the compiler's start-up objects",
            "crtbegin.o (or crtbeginT.o) defines it, and it is not linked",
            "remove -nostartfiles, or add crtbeginT.o and crtend.o of the compiler",
        )
    })
}

fn instrumentation(name: &str) -> Option<Hint> {
    const RUN_TIMES: [(&str, &str, &str); 10] = [
        ("__ubsan_", "UBSan", "-fsanitize=undefined"),
        ("__asan_", "AddressSanitizer", "-fsanitize=address"),
        ("__tsan_", "ThreadSanitizer", "-fsanitize=thread"),
        ("__msan_", "MemorySanitizer", "-fsanitize=memory"),
        ("__hwasan_", "HWAddressSanitizer", "-fsanitize=hwaddress"),
        ("__lsan_", "LeakSanitizer", "-fsanitize=leak"),
        ("__sanitizer_cov_", "the fuzzer's coverage", "-fsanitize-coverage"),
        ("__llvm_profile_", "LLVM's profile", "-fprofile-instr-generate"),
        ("__gcov_", "gcov", "--coverage"),
        ("__cyg_profile_func_", "function instrumentation", "-finstrument-functions"),
    ];
    let (_, what, flag) = RUN_TIMES.iter().find(|(prefix, ..)| name.starts_with(prefix))?;
    let help = match *what {
        "UBSan" => {
            "compile with `-fno-sanitize=undefined` (zig cc checks unless told not to), or add zig's libubsan_rt.a"
                .to_owned()
        }
        _ => format!("compile without `{flag}`, or let the compiler link: --backend=clang and `{flag}` in -extldflags"),
    };
    Some(Hint::new(
        format!("{what} run time"),
        format!("the objects were compiled with `{flag}`, and its run time is not linked"),
        help,
    ))
}

fn compiler_helper(name: &str) -> Option<Hint> {
    if !known::is_compiler_helper(name) {
        return None;
    }
    let (cause, help) = if name.starts_with("__aarch64_") {
        (
            "the compiler calls out-of-line atomics, which its support library defines",
            "add `-lgcc` (GCC), zig's libcompiler_rt.a or LLVM's libclang_rt.builtins; or compile with `-mno-outline-atomics`",
        )
    } else {
        (
            "the compiler calls it for arithmetic that takes more than an instruction; its support library defines it",
            "add `-lgcc` (GCC), zig's libcompiler_rt.a or LLVM's libclang_rt.builtins to -extldflags",
        )
    };
    Some(Hint::new("the compiler's support library", cause, help))
}

fn rust_runtime(name: &[u8]) -> Option<Hint> {
    let readable = demangle(name);
    let is_std = is_rust(name)
        && ["core::", "std::", "alloc::", "<core::", "<std::", "<alloc::", "__rustc::"]
            .iter()
            .any(|path| readable.starts_with(path));
    let is_runtime = name.starts_with(b"__rust_") || matches!(name, b"rust_begin_unwind" | b"rust_eh_personality");
    (is_std || is_runtime).then(|| {
        Hint::new(
            "Rust's standard library",
            "Rust code is linked without the standard library it was compiled against",
            "build the crate with `crate-type = [\"staticlib\"]`, whose archive has everything; an rlib or a lone object has not",
        )
    })
}

fn wrong_libc(symbol: &Undefined<'_>, name: &str, context: &Context<'_>) -> Option<Hint> {
    let place = symbol.references.first().map(|reference| reference.origin.clone()).unwrap_or_default();
    match context.target.libc.unwrap_or(Libc::Musl) {
        Libc::Musl if known::is_glibc_only(name) => Some(Hint::new(
            "glibc, which musl does not have",
            "only glibc defines it: the code was compiled for glibc, and this link is for musl",
            format!(
                "compile it for musl: {}; Go modules that carry archives may have one for musl: `go build -tags musl`",
                rebuild_command(&place, context.target)
            ),
        )),
        Libc::Musl if known::is_large_file(name) => Some(Hint::new(
            "the large-file names, which musl has dropped",
            "glibc and musl before 1.2.4 define it: the archive was built for one of these",
            format!("build the archive again for this musl: {}", rebuild_command(&place, context.target)),
        )),
        Libc::Gnu => {
            let release = known::glibc_release(name)?;
            Some(Hint::new(
                format!("glibc {release} and newer"),
                format!(
                    "glibc has it since {release}: the archive was built on a newer system than the libc.a of this link"
                ),
                format!("link on a system with glibc {release} or newer, or build the archive on this one"),
            ))
        }
        Libc::Musl => None,
    }
}

/// The name is defined in another form.
fn other_form(symbol: &Undefined<'_>, context: &Context<'_>, dictionary: &Dictionary<'_>) -> Option<Hint> {
    let (found, difference) = dictionary.other_form(symbol.name)?;
    let place = context.place(found.file);
    let (name, readable) = (demangle(symbol.name), demangle(found.name));
    let (cause, help) = match difference {
        Difference::Mangled(Language::Cpp) => (
            format!("{place} defines the C++ function `{readable}`, which C and Go cannot call by its plain name"),
            "declare it `extern \"C\"` where it is defined".to_owned(),
        ),
        Difference::Mangled(Language::Rust) => (
            format!("{place} defines the Rust function `{readable}`, whose name is mangled"),
            "write `#[unsafe(no_mangle)] pub extern \"C\"` before it (`#[no_mangle]` up to edition 2021)".to_owned(),
        ),
        Difference::ReferenceMangled => (
            format!("{place} defines `{readable}` with C linkage, and the reference is to the C++ function `{name}`"),
            "put its declaration into `extern \"C\" { ... }` in the header that the C++ code includes".to_owned(),
        ),
        Difference::Local => (
            format!("{place} defines `{readable}`, but for itself only"),
            "remove `static` from its definition (a hidden or internal name is not seen from outside either)"
                .to_owned(),
        ),
        _ => (
            format!("{place} defines `{readable}`: the names differ by an underscore in front"),
            "use the same name on both sides; macOS compilers put an underscore in front, Linux compilers do not"
                .to_owned(),
        ),
    };
    Some(Hint::new(format!("{place} under another name"), cause, help))
}

/// A Go function of that name exists, but C cannot see it.
fn go_function(symbol: &Undefined<'_>, context: &Context<'_>) -> Option<Hint> {
    let package = context.packages.of_go_function(symbol.name)?;
    let name = demangle(symbol.name);
    Some(Hint::new(
        format!("Go package {package}, not exported to C"),
        format!("package {package} has a Go function of this name, which C does not see"),
        format!("write `//export {name}` directly above the Go function, without a space after the slashes"),
    ))
}

fn library(name: &str, context: &Context<'_>) -> Option<Hint> {
    let (library, flags) = match known::library(name) {
        Some(library) => (library.name, library.flags),
        None if known::is_math(name) => ("the mathematics library", "-lm"),
        None => return None,
    };
    let is_given =
        flags.split(' ').all(|flag| context.libraries.iter().any(|given| flag.strip_prefix("-l") == Some(given)));
    Some(if is_given {
        Hint::new(
            library,
            format!(
                "by its name it belongs to {library}; `{flags}` is given, but the library that was found does not define it"
            ),
            format!(
                "look which release of {library} was found (-Wl,-t lists the files): it may be older or built with fewer features"
            ),
        )
    } else {
        Hint::new(
            library,
            format!("by its name it belongs to {library}"),
            format!("add `{flags}` to `#cgo LDFLAGS` (or -extldflags), and `-L` with the folder of its archive"),
        )
    })
}

fn libc(symbol: &Undefined<'_>, name: &str) -> Option<Hint> {
    if name == "main" {
        return Some(Hint::new(
            "the program itself",
            "the C library's start-up code calls `main`, and no input defines it",
            "link go.o, whose `main` starts Go; an archive of -buildmode=c-archive needs a C `main` of your own",
        ));
    }
    known::is_libc(name).then(|| {
        let from = symbol.references.first().map(|one| one.origin.to_string()).unwrap_or_default();
        let cause = "every C library defines it: none is linked, or one of another architecture";
        let help = if from.contains("libgcc") {
            "give `-lc` after `-lgcc` too, or remove -nostdlib and -nodefaultlibs"
        } else {
            "remove -nostdlib, -nodefaultlibs and -nolibc, or add `-lc`; `cgolink doctor` shows which C library is found"
        };
        Hint::new("the C library", cause, help)
    })
}

fn nearest(symbol: &Undefined<'_>, context: &Context<'_>, dictionary: &Dictionary<'_>) -> Option<Hint> {
    let (found, difference) = dictionary.nearest(symbol.name)?;
    let (place, readable) = (context.place(found.file), demangle(found.name));
    let how = if difference == Difference::Case { ", in other letter case" } else { "" };
    Some(Hint::new(
        format!("{place} by another spelling"),
        format!("{place} defines `{readable}`{how}"),
        format!("write `{readable}` if that is what is meant"),
    ))
}

/// Only cgo's calls refer to it: the C code that the package itself was to bring.
fn cgo_call(symbol: &Undefined<'_>, context: &Context<'_>) -> Option<Hint> {
    let calls = |function: &[u8]| match CgoName::of(function) {
        Some(CgoName::Call { function, .. }) => function == symbol.name,
        _ => false,
    };
    let mut callers = symbol.references.iter().map(|reference| reference.function).peekable();
    callers.peek()?;
    if !callers.all(|function| function.is_some_and(calls)) {
        return None;
    }
    let package = symbol.references.iter().find_map(|reference| context.package(symbol.name, reference));
    let package = package.map_or("the Go package".to_owned(), |package| format!("Go package {package}"));
    Some(Hint::new(
        format!("the C code that {package} calls"),
        format!("{package} calls it through cgo, and no input defines it"),
        "if it is defined in the comment above `import \"C\"`, remove the empty line between the two: cgo reads only a comment that \
         touches the import; else add the library that has it to `#cgo LDFLAGS`",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Origin;
    use crate::symbols::cgo::Packages;
    use crate::symbols::missing::{Reference, Skipped};
    use crate::symbols::spelling::Known;
    use crate::target::{Architecture, Target};

    fn target(libc: Libc) -> Target {
        Target { architecture: Architecture::X86_64, libc: Some(libc) }
    }

    fn hint_for(name: &str, libc: Libc, known: &[&'static str], libraries: &[&str]) -> Option<Hint> {
        let known: Vec<Known> =
            known.iter().map(|name| Known { name: name.as_bytes(), file: 0, is_local: false }).collect();
        let libraries: Vec<String> = libraries.iter().map(|name| (*name).to_owned()).collect();
        let packages = Packages::from_symbols([b"app.goCallback".as_slice()]);
        let context = Context {
            target: target(libc),
            known: &known,
            files: &[Origin::member("libapi.a", "api.o")],
            packages: &packages,
            libraries: &libraries,
            skipped: &[],
        };
        let references = vec![Reference { origin: Origin::member("libx.a", "x.o"), function: None }];
        let symbol = Undefined { name: name.as_bytes(), is_strong: true, references };
        hint(&symbol, &context, &Dictionary::new(&known), CppLibrary::Either)
    }

    #[test]
    fn knows_families_by_name() {
        let cases = [
            ("_Unwind_Resume", "the unwinder", "`-lunwind`"),
            ("__cxa_throw", "the C++ run time", "`-lstdc++` if g++"),
            ("__gxx_personality_v0", "the C++ run time", "-lc++"),
            ("_Znwm", "the C++ run time", "-lc++"),
            ("_ZTIi", "the C++ run time", "-lc++"),
            (
                "_ZNSt3__112basic_stringIcNS_11char_traitsIcEENS_9allocatorIcEEE6appendEPKcm",
                "LLVM's C++ library (libc++)",
                "-lc++abi",
            ),
            ("_ZSt4cout", "GNU's C++ library (libstdc++)", "zig c++ --target=x86_64-linux-musl"),
            ("__ubsan_handle_add_overflow", "UBSan run time", "-fno-sanitize=undefined"),
            ("__asan_init", "AddressSanitizer run time", "-fsanitize=address"),
            ("__udivti3", "the compiler's support library", "libcompiler_rt.a"),
            ("__aarch64_ldadd4_acq_rel", "the compiler's support library", "-mno-outline-atomics"),
            ("rust_eh_personality", "Rust's standard library", "staticlib"),
            ("_ZN4core9panicking5panic17h0123456789abcdefE", "Rust's standard library", "staticlib"),
            ("__strdup", "glibc, which musl does not have", "-tags musl"),
            ("__memcpy_chk", "glibc, which musl does not have", "zig cc --target=x86_64-linux-musl"),
            ("fopen64", "the large-file names, which musl has dropped", "musl"),
            ("deflateInit2_", "zlib", "`-lz`"),
            ("sinf", "the mathematics library", "`-lm`"),
            ("getauxval", "the C library", "-nostdlib"),
            ("main", "the program itself", "go.o"),
            ("goCallback", "Go package app, not exported to C", "`//export goCallback`"),
            ("x_cgo_init", "cgo's code for package runtime/cgo", "numbered objects"),
            ("_cgoexp_540de0713d40_f", "the Go functions that a Go package exports", "go.o"),
        ];
        for (name, family, help) in cases {
            let hint = hint_for(name, Libc::Musl, &[], &[]).unwrap_or_else(|| panic!("no hint for {name}"));
            assert_eq!(hint.family, family, "{name}");
            assert!(hint.help.contains(help), "{name}: {}", hint.help);
        }
        assert_eq!(hint_for("animal_make_dog", Libc::Musl, &[], &[]), None);
        assert_eq!(hint_for("_ZTI6Animal", Libc::Musl, &[], &[]), None);
    }

    #[test]
    fn the_same_name_differs_by_libc() {
        assert!(hint_for("__isoc23_strtol", Libc::Gnu, &[], &[]).unwrap().family.contains("glibc 2.38"));
        assert!(hint_for("__isoc23_strtol", Libc::Musl, &[], &[]).unwrap().family.contains("musl does not"));
        assert_eq!(hint_for("__strdup", Libc::Gnu, &[], &[]), None);
    }

    #[test]
    fn definitions_under_other_names_come_before_libraries() {
        let cause = |name: &str, known: &[&'static str]| hint_for(name, Libc::Musl, known, &[]).unwrap().cause;
        assert_eq!(
            cause("greet", &["_Z5greeti"]),
            "libapi.a(api.o) defines the C++ function `greet(int)`, which C and Go cannot call by its plain name"
        );
        assert!(cause("run", &["_ZN5mylib3run17h0123456789abcdefE"]).contains("the Rust function `mylib::run`"));
        assert!(cause("png_mine", &["_png_mine"]).contains("differ by an underscore"));
        assert!(cause("_Z5greeti", &["greet"]).contains("with C linkage"));
        assert_eq!(cause("animal_pritn", &["animal_print"]), "libapi.a(api.o) defines `animal_print`");
        assert!(cause("png_create_thing", &["png_create_thinh"]).contains("libpng"));
    }

    #[test]
    fn a_library_that_is_given_is_not_asked_for_again() {
        let hint = hint_for("inflateFuture", Libc::Musl, &[], &["z", "m"]).unwrap();
        assert!(hint.cause.contains("`-lz` is given"), "{}", hint.cause);
    }

    #[test]
    fn skipped_archives_are_searched() {
        let mut data = b"!<arch>\n".to_vec();
        let index = [&1u32.to_be_bytes()[..], &80u32.to_be_bytes(), b"_animal_print\0"].concat();
        data.extend(format!("{:<16}{:<32}{:<10}`\n", "/", 0, index.len()).bytes());
        data.extend(&index);
        let skipped = [Skipped {
            origin: Origin::file("libapi.a"),
            why: "a Mach-O object file".to_owned(),
            archive: Some(crate::inputs::archive::Archive::parse(&data).unwrap()),
        }];
        let packages = Packages::default();
        let context = Context {
            target: target(Libc::Musl),
            known: &[],
            files: &[],
            packages: &packages,
            libraries: &[],
            skipped: &skipped,
        };
        let symbol = Undefined { name: b"animal_print", is_strong: true, references: vec![] };
        let hint = hint(&symbol, &context, &Dictionary::new(&[]), CppLibrary::Either).unwrap();
        assert_eq!(hint.cause, "libapi.a defines it but was skipped: a Mach-O object file");
    }
}

//! Which C++ library a name belongs to, by the Itanium ABI's mangling: entities of `std` carry its inline namespace, and
//! the run time's names are fixed.

use std::path::Path;

use super::demangle::is_rust;
use crate::args::request::{Input, InputName};

/// A C++ library.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum CppLibrary {
    /// LLVM's: `std::__1` (`std::__ndk1` on Android).
    Llvm,
    /// GNU's: `std` itself, `std::__cxx11`, and the abbreviations for `std::string` and the streams.
    Gnu,
    /// The ABI's run time, which both have: exceptions, `operator new`, type information.
    Either,
}

/// Entities of `std` itself that both libraries have under the same names, as the run time throws or tests them.
const SHARED: [&str; 31] = [
    "exception",
    "bad_exception",
    "bad_alloc",
    "bad_array_new_length",
    "bad_cast",
    "bad_typeid",
    "bad_any_cast",
    "bad_optional_access",
    "bad_variant_access",
    "logic_error",
    "domain_error",
    "invalid_argument",
    "length_error",
    "out_of_range",
    "runtime_error",
    "range_error",
    "overflow_error",
    "underflow_error",
    "nested_exception",
    "type_info",
    "terminate",
    "get_terminate",
    "set_terminate",
    "unexpected",
    "set_unexpected",
    "get_new_handler",
    "set_new_handler",
    "current_exception",
    "uncaught_exception",
    "uncaught_exceptions",
    "nothrow",
];

impl CppLibrary {
    /// The library that some missing names ask for: where one of them is of a certain library, that one.
    pub fn wanted<'a>(names: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        names.filter_map(|name| CppLibrary::of(std::str::from_utf8(name).ok()?)).min()
    }

    /// Whether a C++ library is among some inputs.
    pub fn is_among(inputs: &[Input]) -> bool {
        inputs.iter().any(|input| match &input.what {
            InputName::File(path) => CppLibrary::of_archive(path).is_some(),
            InputName::Library(name) => match name.strip_prefix(':') {
                Some(file) => CppLibrary::of_archive(Path::new(file)).is_some(),
                None => matches!(name.as_str(), "c++" | "c++abi" | "stdc++" | "supc++"),
            },
            InputName::CppLibrary => false,
        })
    }

    /// The library that an archive is, by its file name.
    pub fn of_archive(path: &Path) -> Option<Self> {
        match path.file_name()?.to_str()? {
            "libc++.a" | "libc++abi.a" => Some(CppLibrary::Llvm),
            "libstdc++.a" | "libsupc++.a" => Some(CppLibrary::Gnu),
            _ => None,
        }
    }

    /// What a person calls it.
    pub const fn title(self) -> &'static str {
        match self {
            CppLibrary::Llvm => "LLVM's C++ library (libc++)",
            CppLibrary::Gnu => "GNU's C++ library (libstdc++)",
            CppLibrary::Either => "the C++ run time",
        }
    }

    /// The library that defines the name, if it is one of a C++ library.
    pub fn of(name: &str) -> Option<Self> {
        let of_libc = ["__cxa_atexit", "__cxa_finalize", "__cxa_thread_atexit_impl", "__cxa_at_quick_exit"];
        if of_libc.contains(&name) || is_rust(name.as_bytes()) {
            return None;
        }
        let is_run_time =
            name.starts_with("__cxa_") || name.starts_with("__gxx_personality_") || name == "__dynamic_cast";
        let Some(mangled) = name.strip_prefix("_Z") else { return is_run_time.then_some(CppLibrary::Either) };
        if ["nw", "na", "dl", "da"].iter().any(|operator| mangled.starts_with(operator)) {
            return Some(CppLibrary::Either);
        }
        let is_type_information = ["TI", "TS", "TV"].iter().any(|kind| mangled.starts_with(kind));
        if is_type_information && (mangled.contains("10__cxxabiv1") || is_fundamental(&mangled[2..])) {
            return Some(CppLibrary::Either);
        }
        let entity = entity(mangled)?;
        let inner = entity.strip_prefix("St").unwrap_or_default();
        if inner.starts_with("3__1") || inner.starts_with("6__ndk1") {
            return Some(CppLibrary::Llvm);
        }
        if is_shared(inner) {
            // What it takes may still be of one library: `runtime_error(const std::string &)`.
            let mentions = |namespace: &str| mangled.contains(namespace);
            return Some(match (mentions("St3__1"), mentions("7__cxx11") || mentions("Ss")) {
                (true, _) => CppLibrary::Llvm,
                (_, true) => CppLibrary::Gnu,
                _ => CppLibrary::Either,
            });
        }
        // ABI 5.1.8: St is std::, Sa allocator, Sb basic_string, Ss string, Si istream, So ostream, Sd iostream.
        ["St", "Sa", "Sb", "Ss", "Si", "So", "Sd"]
            .iter()
            .any(|short| entity.starts_with(short))
            .then_some(CppLibrary::Gnu)
    }
}

/// The name without what says how its entity is meant: tables (`TV`), guards (`GV`), thunks (`Th16_`), nesting and
/// qualifiers (`NK`).
fn entity(mangled: &str) -> Option<&str> {
    let mut rest = mangled;
    if let Some(thunk) = rest.strip_prefix("Th").or_else(|| rest.strip_prefix("Tv")) {
        rest = thunk.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == 'n' || letter == '_');
    } else {
        let kinds = ["TV", "TT", "TI", "TS", "GV", "GR"];
        rest = kinds.iter().find_map(|kind| rest.strip_prefix(kind)).unwrap_or(rest);
    }
    rest = rest.strip_prefix('N').unwrap_or(rest);
    let rest = rest.trim_start_matches(['K', 'V', 'r', 'R', 'O']);
    (!rest.is_empty()).then_some(rest)
}

/// Whether a name in `std`, as `9exceptionD2Ev`, is one of [`SHARED`].
fn is_shared(inner: &str) -> bool {
    let digits = inner.bytes().take_while(u8::is_ascii_digit).count();
    let name = inner[..digits].parse().ok().and_then(|length: usize| inner[digits..].get(..length));
    name.is_some_and(|name| SHARED.contains(&name))
}

/// Whether a type is a fundamental one or a pointer to one: `i`, `PKc`.
fn is_fundamental(kind: &str) -> bool {
    !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'P' | b'K' | b'D'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_libraries_apart() {
        let cases = [
            ("_ZNSt3__112basic_stringIcNS_11char_traitsIcEENS_9allocatorIcEEE6appendEPKcm", Some(CppLibrary::Llvm)),
            ("_ZNSt3__14coutE", Some(CppLibrary::Llvm)),
            ("_ZTINSt3__19exceptionE", Some(CppLibrary::Llvm)),
            ("_ZThn16_NSt3__114basic_iostreamIcE", Some(CppLibrary::Llvm)),
            ("_ZSt4cout", Some(CppLibrary::Gnu)),
            ("_ZNSolsEi", Some(CppLibrary::Gnu)),
            ("_ZNKSs4sizeEv", Some(CppLibrary::Gnu)),
            ("_ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE10_M_disposeEv", Some(CppLibrary::Gnu)),
            ("_ZTISt9exception", Some(CppLibrary::Either)),
            ("_ZSt9terminatev", Some(CppLibrary::Either)),
            ("_ZNSt13runtime_errorC1EPKc", Some(CppLibrary::Either)),
            ("_ZNSt13runtime_errorC1ERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE", Some(CppLibrary::Gnu)),
            (
                "_ZNSt13runtime_errorC1ERKNSt3__112basic_stringIcNS0_11char_traitsIcEENS0_9allocatorIcEEEE",
                Some(CppLibrary::Llvm),
            ),
            ("_ZNSt15__exception_ptr13exception_ptrC1EPv", Some(CppLibrary::Gnu)),
            ("_ZSt99exception", Some(CppLibrary::Gnu)),
            ("_ZNSt8ios_base4InitC1Ev", Some(CppLibrary::Gnu)),
            ("_ZTv0_n24_NSt14basic_iostreamIcE", Some(CppLibrary::Gnu)),
            ("__cxa_throw", Some(CppLibrary::Either)),
            ("__gxx_personality_v0", Some(CppLibrary::Either)),
            ("_Znwm", Some(CppLibrary::Either)),
            ("_ZTIPKc", Some(CppLibrary::Either)),
            ("_ZTVN10__cxxabiv120__si_class_type_infoE", Some(CppLibrary::Either)),
            ("__cxa_atexit", None),
            ("_Z5greetNSt3__112basic_stringIcEE", None),
            ("_Z5greetSs", None),
            ("_ZTI6Animal", None),
            ("_ZN3std2io5stdio6_print17h0123456789abcdefE", None),
            ("printf", None),
            ("_Z", None),
            ("_ZTI", None),
        ];
        for (name, library) in cases {
            assert_eq!(CppLibrary::of(name), library, "{name}");
        }
    }

    #[test]
    fn certain_names_decide() {
        let wanted = |names: &[&str]| CppLibrary::wanted(names.iter().map(|name| name.as_bytes()));
        assert_eq!(wanted(&["printf", "__cxa_throw"]), Some(CppLibrary::Either));
        assert_eq!(wanted(&["__cxa_throw", "_ZSt4cout"]), Some(CppLibrary::Gnu));
        assert_eq!(wanted(&["__cxa_throw", "_ZSt4cout", "_ZNSt3__14coutE"]), Some(CppLibrary::Llvm));
        assert_eq!(wanted(&["printf", "__cxa_finalize"]), None);
        assert_eq!(CppLibrary::of_archive(Path::new("/x/libstdc++.a")), Some(CppLibrary::Gnu));
        assert_eq!(CppLibrary::of_archive(Path::new("/x/libc.a")), None);
    }
}

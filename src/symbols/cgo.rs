//! cgo's names: which Go package a C symbol or object belongs to, and which C function a wrapper calls.
//!
//! For `C.f` in package `p` cgo writes a C function `_cgo_<hash>_Cfunc_f` (`_Cmacro_` for an expression), the hash being
//! that of the package, and a Go variable of that name in `p`, which in go.o is the symbol `p._cgo_<hash>_Cfunc_f`. For an
//! exported Go function `f` it writes `_cgoexp_<hash>_f`. So the symbols of go.o translate hashes to packages, and a
//! host object tells its package by the hash in any name that it defines. (Go: `cmd/cgo/out.go`.)

use std::collections::HashMap;

use super::demangle::go_package;

/// The Go packages that use cgo, by the hash in their C names.
#[derive(Clone, Default, Debug)]
pub struct Packages {
    by_hash: HashMap<Vec<u8>, String>,
    /// Go functions by what follows the package: for "is there a Go function of this name?".
    functions: HashMap<Vec<u8>, String>,
}

/// A name that cgo made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CgoName<'a> {
    /// The C function through which Go calls the C function `function`.
    Call {
        /// The package's hash.
        hash: &'a [u8],
        /// The C function.
        function: &'a [u8],
    },
    /// The Go side of a function marked `//export`.
    Export {
        /// The package's hash.
        hash: &'a [u8],
        /// The Go function.
        function: &'a [u8],
    },
    /// Of `runtime/cgo`: `x_cgo_init`, `_cgo_panic`…
    Runtime,
}

impl<'a> CgoName<'a> {
    /// Reads a C symbol's name; a package before it (`app._cgo_…`) is skipped.
    pub fn of(name: &'a [u8]) -> Option<Self> {
        let name = match memchr::memmem::find(name, b"._cgo") {
            Some(at) => &name[at + 1..],
            None => name,
        };
        if let Some(rest) = name.strip_prefix(b"_cgoexp_") {
            let (hash, function) = split_hash(rest)?;
            return Some(CgoName::Export { hash, function });
        }
        if let Some((hash, rest)) = name.strip_prefix(b"_cgo_").and_then(split_hash) {
            let after = [&b"Cfunc_"[..], b"C2func_", b"Cmacro_"].iter().find_map(|kind| rest.strip_prefix(*kind))?;
            return Some(CgoName::Call { hash, function: after });
        }
        let is_runtime = name.starts_with(b"x_cgo_")
            || name.starts_with(b"_cgo_")
            || name == b"crosscall2"
            || name == b"x_crosscall2_ptr";
        is_runtime.then_some(CgoName::Runtime)
    }

    /// The package's hash.
    pub const fn hash(self) -> Option<&'a [u8]> {
        match self {
            CgoName::Call { hash, .. } | CgoName::Export { hash, .. } => Some(hash),
            CgoName::Runtime => None,
        }
    }
}

impl Packages {
    /// Learns from the symbol names of go.o; those of other objects do no harm.
    pub fn from_symbols<'a>(names: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut packages = Packages::default();
        for name in names {
            if let Some(at) = memchr::memmem::find(name, b"._cgo_") {
                if let Some(hash) = CgoName::of(name).and_then(CgoName::hash) {
                    packages.by_hash.entry(hash.to_vec()).or_insert_with(|| go_package(&name[..at]));
                }
                continue;
            }
            // `path/pkg.Function`: no receiver, no closure, no generated name.
            let start = memchr::memrchr(b'/', name).map_or(0, |slash| slash + 1);
            let Some(dot) = memchr::memchr(b'.', &name[start..]) else { continue };
            let (package, function) = (&name[..start + dot], &name[start + dot + 1..]);
            if !package.is_empty() && is_identifier(function) {
                packages.functions.entry(function.to_vec()).or_insert_with(|| go_package(package));
            }
        }
        packages
    }

    /// The package that a C symbol made by cgo belongs to.
    pub fn of_symbol(&self, name: &[u8]) -> Option<&str> {
        match CgoName::of(name)? {
            CgoName::Runtime => Some("runtime/cgo"),
            found => self.by_hash.get(found.hash()?).map(String::as_str),
        }
    }

    /// The package of a host object, by the names that it defines.
    pub fn of_object<'a>(&self, defined: impl IntoIterator<Item = &'a [u8]>) -> Option<&str> {
        defined.into_iter().find_map(|name| self.of_symbol(name))
    }

    /// The package of a Go function called `function`, if the program has one.
    pub fn of_go_function(&self, function: &[u8]) -> Option<&str> {
        self.functions.get(function).map(String::as_str)
    }
}

/// `<12 hexadecimal digits>_rest`.
fn split_hash(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (hash, rest) = text.split_at_checked(12)?;
    let is_hash = hash.iter().all(u8::is_ascii_hexdigit);
    rest.strip_prefix(b"_").filter(|rest| is_hash && !rest.is_empty()).map(|rest| (hash, rest))
}

fn is_identifier(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_cgo_writes() {
        let hash = &b"540de0713d40"[..];
        let call = CgoName::Call { hash, function: b"initial_setup" };
        assert_eq!(CgoName::of(b"_cgo_540de0713d40_Cfunc_initial_setup"), Some(call));
        assert_eq!(CgoName::of(b"example.com/v%2e2/app._cgo_540de0713d40_Cfunc_initial_setup"), Some(call));
        let export = CgoName::Export { hash, function: b"goCallback" };
        assert_eq!(CgoName::of(b"_cgoexp_540de0713d40_goCallback"), Some(export));
        assert_eq!(CgoName::of(b"x_cgo_init"), Some(CgoName::Runtime));
        assert_eq!(CgoName::of(b"_cgo_topofstack"), Some(CgoName::Runtime));
        assert_eq!(CgoName::of(b"printf"), None);
        assert_eq!(CgoName::of(b"_cgoexp_5"), None);
    }

    #[test]
    fn symbols_of_go_tell_the_packages() {
        let names: [&[u8]; 4] = [
            b"example.com/v.2/my%2eapp._cgo_540de0713d40_Cfunc_f",
            b"example.com/app.goCallback",
            b"example.com/app.(*T).Method",
            b"printf",
        ];
        let packages = Packages::from_symbols(names);
        assert_eq!(packages.of_symbol(b"_cgo_540de0713d40_Cfunc_other"), Some("example.com/v.2/my.app"));
        assert_eq!(packages.of_symbol(b"_cgo_000000000000_Cfunc_other"), None);
        assert_eq!(packages.of_symbol(b"x_cgo_init"), Some("runtime/cgo"));
        assert_eq!(packages.of_go_function(b"goCallback"), Some("example.com/app"));
        assert_eq!(packages.of_go_function(b"Method"), None);
        let object: [&[u8]; 2] = [b"helper", b"_cgoexp_540de0713d40_x"];
        assert_eq!(packages.of_object(object), Some("example.com/v.2/my.app"));
    }
}

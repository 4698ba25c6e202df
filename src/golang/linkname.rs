//! Which references by `//go:linkname` are allowed (Go 1.26 and 1.27, `cmd/link/internal/loader/loader.go` checkLinkname).
//!
//! A package may always give a symbol another name (push). It may refer to one of the standard library (pull) if that
//! one was made to be referred to, and is not reserved for certain packages. The rules are the release's.

use hashbrown::HashMap;
use rayon::prelude::*;

use super::program::Program;
use super::symbols::{GoSymbol, ObjectEntry, ObjectId, Symbols, Version};
use crate::diag::{Diagnostic, Diagnostics, Origin, Result};
use crate::inputs::goabi::Release;
use crate::inputs::goobj::records::flag2;

/// Checks every reference, unless `-checklinkname=0` says not to.
pub fn check(symbols: &Symbols<'_>, program: &Program<'_>) -> Result<()> {
    if !program.options.check_linkname {
        return Ok(());
    }
    let check = Check { symbols, program, blocked: program.release.blocked_linknames().collect() };
    // Those that a linkname names are among the others.
    let references = |index: u32| {
        let object = &symbols.objects[index as usize].object;
        let (counts, flags) = (object.counts(), flags(program.release));
        let unnamed = (counts.definitions()..counts.all()).filter(move |&at| object.symbol(at).flags2() & flags == 0);
        unnamed.map(move |local| (ObjectId(index), local))
    };
    let objects = (0..symbols.objects.len() as u32).into_par_iter();
    let of_assembly = objects.filter(|&index| check.is_checked_assembly(index)).flat_map_iter(references);
    let all = symbols.linknames.par_iter().copied().chain(of_assembly);
    let errors: Vec<Diagnostic> = all.filter_map(|(id, local)| check.one(id, local)).collect();
    Diagnostics::check((), errors)
}

/// The second flags of symbols that a linkname names.
pub(super) fn flags(release: &Release) -> u8 {
    flag2::LINKNAME | release.linkname_std_flag
}

struct Check<'a, 'data> {
    symbols: &'a Symbols<'data>,
    program: &'a Program<'data>,
    /// By name: the packages that may refer to it.
    blocked: HashMap<&'static str, Vec<&'static str>>,
}

impl Check<'_, '_> {
    /// Why something that is named by a linkname, or referred to by assembly, may not be.
    fn one(&self, id: ObjectId, local: u32) -> Option<Diagnostic> {
        let entry = self.symbols.object(id);
        let is_pulled = local >= entry.object.counts().definitions() || self.is_pulled_variable(entry, local);
        let name = entry.object.name(entry.object.symbol(local));
        let is_refused = is_pulled && !self.is_allowed(entry, name, self.symbols.of_local(id, local));
        is_refused.then(|| self.refusal(entry, name))
    }

    fn is_checked_assembly(&self, index: u32) -> bool {
        self.checks_assembly() && self.symbols.objects[index as usize].object.is_from_assembly()
    }

    fn linkname_flags(&self) -> u8 {
        flags(self.program.release)
    }

    fn checks_assembly(&self) -> bool {
        self.program.release.linkname_std_flag != 0
    }

    /// A variable without contents that a linkname names refers to one elsewhere. Names without a dot are those of C.
    fn is_pulled_variable(&self, entry: &ObjectEntry<'_>, local: u32) -> bool {
        entry.object.data(local).is_empty() && entry.object.name(entry.object.symbol(local)).contains(&b'.')
    }

    fn path(&self, entry: &ObjectEntry<'_>) -> &str {
        &self.symbols.packages[entry.package.index()]
    }

    fn is_allowed(&self, from: &ObjectEntry<'_>, name: &[u8], target: GoSymbol) -> bool {
        let package = self.path(from);
        if let Some(packages) = std::str::from_utf8(name).ok().and_then(|name| self.blocked.get(name)) {
            // A frozen FIPS module may do what the module in development may.
            let unfrozen = unfrozen(package);
            if !packages.iter().any(|allowed| *allowed == package || Some(*allowed) == unfrozen.as_deref()) {
                return false;
            }
            return true;
        }
        let Some(unit) = self.symbols.unit(target) else { return true };
        let definer = self.symbols.object(unit);
        if !definer.object.is_standard_library() || self.path(definer) == package {
            return true;
        }
        let flags = self.symbols.flags(target).1;
        let std_flag = self.program.release.linkname_std_flag;
        if !self.checks_assembly() {
            return flags & (flag2::LINKNAME | self.program.release.abi_wrapper_flag) != 0;
        }
        let is_marked =
            |flags: u8| flags & flag2::LINKNAME != 0 || (flags & std_flag != 0 && from.object.is_standard_library());
        if definer.object.is_from_assembly() && flags & self.linkname_flags() == 0 {
            // Assembly defines for others by name, and what has no dot is not Go's. Else the wrapper may be marked.
            return name.starts_with(package.as_bytes())
                || !name.contains(&b'.')
                || !self.program.has_experiment("regabiwrappers")
                || self.wrapper(name, target).is_some_and(|wrapper| is_marked(self.symbols.flags(wrapper).1));
        }
        is_marked(flags)
    }

    /// The symbol of the same name for the other calling convention.
    fn wrapper(&self, name: &[u8], symbol: GoSymbol) -> Option<GoSymbol> {
        let other = match self.symbols.version(symbol) {
            Version::Abi0 => Version::AbiInternal,
            _ => Version::Abi0,
        };
        self.symbols.find(name, other)
    }

    fn refusal(&self, from: &ObjectEntry<'_>, name: &[u8]) -> Diagnostic {
        let package = self.path(from);
        let name = String::from_utf8_lossy(name);
        let file = self.program.packages[from.package.index()].file;
        let message = format!("{package}: invalid reference to {name}");
        Diagnostic::error("bad-linkname", message)
            .at(Origin { package: Some(package.to_owned()), ..Origin::file(file) })
            .note(format!("//go:linkname names {name}, which the standard library does not offer to package {package}"))
            .help("use the library's public functions, update the module, or link with -ldflags=-checklinkname=0")
    }
}

/// `crypto/internal/fips140/v1.2.3/x` as `crypto/internal/fips140/x`.
fn unfrozen(package: &str) -> Option<String> {
    const FROZEN: &str = "crypto/internal/fips140/v";
    let rest = package.strip_prefix(FROZEN)?;
    let behind = rest.split_once('/').map(|(_, behind)| behind);
    Some(behind.map_or("crypto/internal/fips140".to_owned(), |behind| format!("crypto/internal/fips140/{behind}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::golink::GoLink;
    use crate::golang::fixture::{self, Definition};
    use crate::target::Architecture;

    const FROM_ASSEMBLY: u8 = 1 << 2;
    const STANDARD_LIBRARY: u8 = 1 << 4;

    /// Whether `package` may refer to `name`, which package `std` of the standard library defines with some second flags.
    fn may_refer(release: &str, package: &str, name: &'static str, defined: u8, object_flags: u8) -> bool {
        let options = GoLink::default();
        let mut program = fixture::program(&options, Architecture::X86_64, &[(package, &[]), ("std", &[])]);
        program.release = Release::of_version(release).expect("a release");
        program.experiments = "regabiwrappers";
        let text = Definition { name, kind: 1, size: 1, data: b"\xc3", ..Definition::default() };
        let pull = Definition { name, flags2: flag2::LINKNAME, is_reference: true, ..Definition::default() };
        let mut objects = [fixture::object(&[pull]), fixture::object(&[Definition { flags2: defined, ..text }])];
        objects[1][16] = STANDARD_LIBRARY | object_flags;
        let symbols = fixture::load(&program, &objects);
        let result = check(&symbols, &program);
        if let Err(errors) = &result {
            assert!(errors.to_string().contains(&format!("{package}: invalid reference to {name}")), "{errors}");
        }
        result.is_ok()
    }

    #[test]
    fn the_standard_library_says_what_may_be_pulled() {
        assert!(!may_refer("go1.26", "main", "std.f", 0, 0));
        assert!(may_refer("go1.26", "main", "std.f", flag2::LINKNAME, 0));
        assert!(may_refer("go1.26", "std", "std.f", 0, 0), "a package may refer to itself");
        for release in ["go1.26", "go1.27"] {
            assert!(!may_refer(release, "main", "crypto/rand.fatal", flag2::LINKNAME, 0));
            assert!(may_refer(release, "crypto/rand", "crypto/rand.fatal", flag2::LINKNAME, 0));
        }
        assert!(!may_refer("go1.26", "main", "runtime.newcoro", flag2::LINKNAME, 0));
        assert!(may_refer("go1.27", "main", "runtime.newcoro", flag2::LINKNAME, 0), "no longer listed");
    }

    #[test]
    fn wrappers_and_assembly_are_judged_by_release() {
        assert!(may_refer("go1.26", "main", "std.f", 1 << 5, 0), "a wrapper between calling conventions");
        assert!(!may_refer("go1.27", "main", "std.f", 1 << 6, 0));
        assert!(!may_refer("go1.27", "main", "std.f", 1 << 5, 0), "go:linknamestd is for the standard library");
        assert!(!may_refer("go1.27", "main", "std.f", 0, FROM_ASSEMBLY));
        assert!(may_refer("go1.27", "main", "main.f", 0, FROM_ASSEMBLY), "defined for this package");
        assert!(may_refer("go1.27", "main", "crosscall", 0, FROM_ASSEMBLY), "not a name of Go");
    }

    #[test]
    fn frozen_modules_are_known_by_their_path_in_development() {
        assert_eq!(unfrozen("crypto/internal/fips140/v1.0.0/check").as_deref(), Some("crypto/internal/fips140/check"));
        assert_eq!(unfrozen("crypto/internal/fips140/v1.0.0").as_deref(), Some("crypto/internal/fips140"));
        assert_eq!(unfrozen("crypto/internal/fips140/check"), None);
    }
}

//! What differs between Go releases, in one table: a new release is one more row (Go 1.25 to 1.27,
//! `src/cmd/internal/goobj/builtinlist.go`, `src/cmd/internal/objabi/reloctype.go`, `src/runtime/symtab.go`).

use std::fmt;

use crate::inputs::goobj::RelocationKinds;
use crate::target::Architecture;

/// A Go release as far as a linker can tell it from its neighbours.
#[derive(Clone, Copy, Debug)]
pub struct Release {
    /// 26 of 1.26.
    pub minor: u32,
    /// Whether its programs are linked, and its archives not only read.
    pub is_linked: bool,
    /// The functions that compilers refer to by number, a line each: name and ABI.
    builtins: &'static str,
    /// What its types of relocations mean.
    pub relocations: RelocationKinds,
    /// Whether types stand in a segment that relocations may write, sorted for reflection, without a table of their
    /// offsets: itabs and typelinks are then found by walking the types themselves.
    pub types_are_walked: bool,
    /// Whether a definition that may not be repeated wins over those that may.
    pub strong_wins_over_duplicates: bool,
    /// Whether `.symtab` has content-addressed functions as local symbols.
    pub hashed_code_is_local: bool,
    /// Words of a map's descriptor behind what all types have, without its last 8 bytes.
    pub map_type_words: u32,
    /// The experiments in the order of `internal/goexperiment`; those that are on unless they are turned off have a `+`.
    experiments: &'static str,
    /// Symbols that `//go:linkname` may refer to only in some packages: a name and the packages, a line each.
    blocked_linknames: &'static str,
    /// The second flag of symbols that `//go:linknamestd` names; 0 where there is no such thing, and references of assembly
    /// are not checked.
    pub linkname_std_flag: u8,
    /// Whether the go command writes response files in words with quotation marks, and not an argument a line.
    pub quotes_response_files: bool,
    /// The second flag of wrappers between calling conventions.
    pub abi_wrapper_flag: u8,
}

static RELEASES: [Release; 3] = [
    Release {
        minor: 25,
        is_linked: false,
        builtins: include_str!("goabi/builtins-1.25.txt"),
        relocations: RelocationKinds::with_tail(91),
        types_are_walked: false,
        strong_wins_over_duplicates: false,
        hashed_code_is_local: false,
        map_type_words: 7,
        experiments: "fieldtrack preemptibleloops staticlockranking boringcrypto +regabiwrappers +regabiargs \
                      heapminimum512kib arenas cgocheck2 loopvar cacheprog newinliner rangefunc +aliastypeparams \
                      +swissmap +synchashtriemap synctest +dwarf5 jsonv2 greenteagc",
        blocked_linknames: "",
        linkname_std_flag: 0,
        quotes_response_files: false,
        abi_wrapper_flag: 1 << 5,
    },
    Release {
        minor: 26,
        is_linked: true,
        builtins: include_str!("goabi/builtins-1.26.txt"),
        relocations: RelocationKinds::with_tail(95),
        types_are_walked: false,
        strong_wins_over_duplicates: false,
        hashed_code_is_local: false,
        map_type_words: 7,
        experiments: "fieldtrack preemptibleloops staticlockranking boringcrypto +regabiwrappers +regabiargs \
                      heapminimum512kib arenas cgocheck2 loopvar newinliner +dwarf5 jsonv2 +greenteagc \
                      +randomizedheapbase64 runtimefreegc sizespecializedmalloc goroutineleakprofile simd runtimesecret",
        blocked_linknames: include_str!("goabi/linknames-1.26.txt"),
        linkname_std_flag: 0,
        quotes_response_files: false,
        abi_wrapper_flag: 1 << 5,
    },
    Release {
        minor: 27,
        is_linked: true,
        builtins: include_str!("goabi/builtins-1.27.txt"),
        relocations: RelocationKinds::with_tail(98),
        types_are_walked: true,
        strong_wins_over_duplicates: true,
        hashed_code_is_local: true,
        map_type_words: 10,
        experiments: "fieldtrack preemptibleloops staticlockranking boringcrypto +regabiwrappers +regabiargs \
                      heapminimum512kib arenas cgocheck2 loopvar newinliner +dwarf5 +jsonv2 +greenteagc \
                      +randomizedheapbase64 runtimefreegc +sizespecializedmalloc simd runtimesecret mapsplitgroup",
        blocked_linknames: include_str!("goabi/linknames-1.27.txt"),
        linkname_std_flag: 1 << 5,
        quotes_response_files: true,
        abi_wrapper_flag: 1 << 6,
    },
];

impl Release {
    /// The release of a version: `go1.26`, `go1.26.8`, `go1.27rc1`.
    pub fn of_version(version: &str) -> Option<&'static Release> {
        let rest = version.strip_prefix("go1.")?;
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        let minor: u32 = rest[..digits].parse().ok()?;
        RELEASES.iter().find(|release| release.minor == minor)
    }

    /// The releases whose programs are linked, for errors.
    pub fn supported() -> String {
        let names: Vec<String> = RELEASES.iter().filter(|release| release.is_linked).map(Release::to_string).collect();
        names.join(" and ")
    }

    /// Names and ABIs of the functions that compilers refer to by number, in order.
    pub fn builtins(&self) -> impl Iterator<Item = (&'static str, u16)> + use<> {
        let line = |line: &'static str| {
            let (name, abi) = line.rsplit_once(' ').unwrap_or((line, "1"));
            (name, if abi == "0" { 0 } else { 1 })
        };
        self.builtins.lines().map(line)
    }
}

impl Release {
    /// Symbols that `//go:linkname` may refer to only in some packages, and these packages
    /// (`cmd/link/internal/loader/loader.go`).
    pub fn blocked_linknames(&self) -> impl Iterator<Item = (&'static str, Vec<&'static str>)> + use<> {
        self.blocked_linknames.lines().map(|line| {
            let mut words = line.split(' ');
            (words.next().unwrap_or_default(), words.collect())
        })
    }

    /// What of the experiments that are on is not as usual: names that are not on elsewhere, and `no` and the name
    /// of those that are (`internal/buildcfg/exp.go`). Both lists are comma-separated.
    pub fn unusual_experiments(&self, on: &str) -> String {
        let unusual = self.experiments.split_ascii_whitespace().filter_map(|known| {
            let (name, usual) = known.strip_prefix('+').map_or((known, false), |name| (name, true));
            match (on.split(',').any(|on| on == name), usual) {
                (true, false) => Some(name.to_owned()),
                (false, true) => Some(format!("no{name}")),
                _ => None,
            }
        });
        unusual.collect::<Vec<_>>().join(",")
    }
}

impl fmt::Display for Release {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Go 1.{}", self.minor)
    }
}

/// The first line of a Go object: what it was compiled for, and by what.
///
/// `go object linux amd64 go1.26.8 GOAMD64=v1 X:regabiwrappers,...`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ObjectHeader<'data> {
    /// The whole line without its end: equal in all objects of one link.
    pub line: &'data str,
    /// GOOS.
    pub system: &'data str,
    /// GOARCH.
    pub architecture: &'data str,
    /// `go1.26.8`.
    pub version: &'data str,
}

impl<'data> ObjectHeader<'data> {
    /// Takes the line apart; `None` if it is none.
    pub fn parse(line: &'data [u8]) -> Option<Self> {
        let line = std::str::from_utf8(line).ok()?;
        let mut words = line.strip_prefix("go object ")?.split(' ');
        Some(ObjectHeader { line, system: words.next()?, architecture: words.next()?, version: words.next()? })
    }

    /// The experiments that the toolchain was built with, comma-separated: `X:regabiwrappers,...` without `X:`.
    pub fn experiments(&self) -> Option<&'data str> {
        self.line.split(' ').find_map(|word| word.strip_prefix("X:"))
    }

    /// The architecture, if cgolink links for it.
    pub fn target(&self) -> Option<Architecture> {
        Architecture::ALL.into_iter().find(|architecture| architecture.goarch() == self.architecture)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_told_by_their_version() {
        for version in ["go1.26", "go1.26.8", "go1.26rc1", "go1.26-custom"] {
            assert_eq!(Release::of_version(version).map(|release| release.minor), Some(26), "{version}");
        }
        let older = Release::of_version("go1.25.5").expect("a release that is read");
        assert!(!older.is_linked && !Release::supported().contains("1.25"));
        for version in ["go1.2", "go1.260", "go2.26", "devel", "go1."] {
            assert!(Release::of_version(version).is_none(), "{version}");
        }
    }

    #[test]
    fn lists_of_builtins_are_whole() {
        for release in &RELEASES {
            assert_eq!(release.builtins().next(), Some(("runtime.newobject", 1)));
            assert!(release.builtins().count() > 200, "{release}");
            assert!(release.builtins().all(|(name, _)| !name.is_empty()));
            assert_eq!(release.builtins().last(), Some(("type:*func(error) string", 0)));
            assert!(
                release.blocked_linknames().all(|(name, packages)| name.contains([':', '.']) && packages.len() < 2)
            );
        }
    }

    #[test]
    fn experiments_are_named_where_they_differ() {
        let release = Release::of_version("go1.26.8").expect("a release");
        let usual = "regabiwrappers,regabiargs,dwarf5,greenteagc,randomizedheapbase64";
        assert_eq!(release.unusual_experiments(usual), "");
        assert_eq!(release.unusual_experiments(&format!("fieldtrack,{usual},simd")), "fieldtrack,simd");
        let less = "regabiwrappers,regabiargs,greenteagc,randomizedheapbase64,arenas";
        assert_eq!(release.unusual_experiments(less), "arenas,nodwarf5");
    }

    #[test]
    fn headers_are_taken_apart() {
        let line = b"go object linux arm64 go1.27.3 GOARM64=v8.0 X:regabiwrappers,dwarf5";
        let header = ObjectHeader::parse(line).expect("a header");
        assert_eq!((header.system, header.version), ("linux", "go1.27.3"));
        assert_eq!(header.target(), Some(Architecture::Aarch64));
        assert_eq!(header.experiments(), Some("regabiwrappers,dwarf5"));
        assert!(ObjectHeader::parse(b"go object linux").is_none());
        assert!(ObjectHeader::parse(b"build id \"x\"").is_none());
    }
}

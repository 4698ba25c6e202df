//! The question a door asks about the C library, and the answer it gets.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::compiler::CompilerCommand;
use crate::symbols::cpp_library::CppLibrary;
use crate::target::Target;

/// Which start files a static executable takes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum StaticKind {
    /// At a fixed address: `crt1.o`.
    Executable,
    /// Relocates itself: `rcrt1.o`, and libraries of position-independent code.
    Pie,
}

/// What a link needs a C library for.
#[derive(Clone, Debug)]
pub struct ToolchainQuery {
    /// The target; any C library will do when its `libc` is `None`.
    pub target: Target,
    /// The kind of executable.
    pub kind: StaticKind,
    /// Whether the C++ runtime is wanted: `-lc++` or `-lstdc++` was given, or `$CC` is a C++ compiler. zig makes its
    /// C++ runtime on first use, which takes time, so that it is not asked for without need.
    pub cxx: bool,
    /// `--sysroot`.
    pub sysroot: Option<PathBuf>,
    /// What `$CC` (or the door's own flags) names.
    pub compiler: Option<CompilerCommand>,
}

/// Where an answer comes from: one rung of the order in which C libraries are looked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rung {
    /// `--sysroot`.
    Sysroot,
    /// The compiler that `$CC` names.
    NamedCompiler,
    /// `zig` on the PATH.
    Zig,
    /// `musl-gcc` on the PATH.
    MuslGcc,
    /// The self-contained musl of an installed Rust target.
    Rust,
    /// `<arch>-linux-musl-gcc` or `<arch>-linux-gnu-gcc` on the PATH.
    CrossGcc,
    /// `gcc` on the PATH, where its target is the one asked for.
    Gcc,
}

/// Which rung was used, and what was found there.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Provenance {
    /// The rung.
    pub rung: Rung,
    /// One line for a person: `musl 1.2.5 made by zig 0.15.2 (/usr/bin/zig)`.
    pub sentence: String,
}

/// What a link takes from the toolchain. Every path is absolute and existed when it was found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CLibrary {
    /// The target with its C library: `libc` is never `None`.
    #[serde(with = "target_name")]
    pub target: Target,
    /// The kind of executable the start files are for.
    pub kind: StaticKind,
    /// Where all this comes from.
    pub provenance: Provenance,
    /// Objects before the user's, in order: `crt1.o`, `crti.o`, `crtbeginT.o`.
    pub crt_begin: Vec<PathBuf>,
    /// Objects after the user's, in order: `crtend.o`, `crtn.o`.
    pub crt_end: Vec<PathBuf>,
    /// Archives that end the link as one group: the C library, the compiler's runtime, UBSan's runtime.
    pub default_libraries: Vec<PathBuf>,
    /// Folders in which `-l` looks after the user's own, in order.
    pub library_dirs: Vec<PathBuf>,
    /// The unwinder (`_Unwind_*`): zig's or Rust's `libunwind.a`, gcc's `libgcc_eh.a`; a member of `default_libraries`
    /// too, since Rust archives need it without saying so, and an archive that nothing refers to adds nothing.
    pub unwind: Option<PathBuf>,
    /// The C++ runtime's archives: `libc++.a` and `libc++abi.a`, or `libstdc++.a`. Empty if not asked for or not there.
    pub cxx: Vec<PathBuf>,
    /// UBSan's runtime; a member of `default_libraries` too.
    pub ubsan: Option<PathBuf>,
    /// The size in bytes that the compiler gives to a program's stack (PT_GNU_STACK; musl makes threads of that size).
    pub stack_size: Option<u64>,
    /// The compiler that compiles C for this library; `None` if there is only a library.
    pub compiler: Option<CompilerCommand>,
}

/// What `-lNAME` stands for, where no folder of the user's has such a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LibraryAnswer {
    /// These archives.
    Archives(Vec<PathBuf>),
    /// Nothing to add: what the library holds elsewhere is in the C library or another default library here.
    Provided,
    /// Not a library of the toolchain's.
    Unknown,
}

/// Names that musl keeps as empty archives, since everything is in `libc.a`, and glibc since 2.34 nearly all of.
const IN_LIBC: [&str; 8] = ["c", "m", "pthread", "dl", "rt", "util", "resolv", "crypt"];

impl CLibrary {
    /// What `-lNAME` stands for in a static link with this C library, apart from the user's own folders.
    ///
    /// zig and Rust targets come without the usual folder of archives, so that `-lpthread` or `-lgcc_s` in a library's
    /// flags has no file although everything is there.
    pub fn library(&self, name: &str) -> LibraryAnswer {
        let in_folder = |name: &str| {
            let file = format!("lib{name}.a");
            self.library_dirs.iter().map(|folder| folder.join(&file)).find(|path| path.is_file())
        };
        match name {
            "unwind" | "gcc_s" | "gcc_eh" => match (&self.unwind, in_folder(name)) {
                (_, Some(path)) => LibraryAnswer::Archives(vec![path]),
                (Some(path), None) => LibraryAnswer::Archives(vec![path.clone()]),
                (None, None) => LibraryAnswer::Unknown,
            },
            "c++" | "c++abi" | "stdc++" | "supc++" => match in_folder(name) {
                Some(path) => LibraryAnswer::Archives(vec![path]),
                None if self.cxx.is_empty() => LibraryAnswer::Unknown,
                None => LibraryAnswer::Archives(self.cxx.clone()),
            },
            _ => match in_folder(name) {
                Some(path) => LibraryAnswer::Archives(vec![path]),
                None if IN_LIBC.contains(&name) || matches!(name, "gcc" | "compiler_rt" | "ubsan_rt") => {
                    LibraryAnswer::Provided
                }
                None => LibraryAnswer::Unknown,
            },
        }
    }

    /// The archives of a C++ library: the toolchain's own, where any will do. Empty if there is no such library here.
    pub fn cpp_library(&self, wanted: CppLibrary) -> Vec<PathBuf> {
        let own = |family| self.cxx.iter().filter(move |path| CppLibrary::of_archive(path) == family).cloned();
        let family = match wanted {
            CppLibrary::Either => self.cxx.first().and_then(|path| CppLibrary::of_archive(path)),
            certain => Some(certain),
        };
        let found: Vec<PathBuf> = own(family).collect();
        let files: &[&str] = match family {
            Some(CppLibrary::Llvm) => &["libc++.a", "libc++abi.a"],
            Some(CppLibrary::Gnu) => &["libstdc++.a"],
            _ => &[],
        };
        if !found.is_empty() || files.is_empty() {
            return found;
        }
        let in_folder = |folder: &PathBuf| files.iter().map(|file| folder.join(file)).collect::<Vec<_>>();
        let mut folders = self.library_dirs.iter().map(in_folder);
        folders.find(|paths| paths.iter().all(|path| path.is_file())).unwrap_or_default()
    }

    /// A remembered answer as the answer of this question: another rung may have asked first, with other flags.
    pub(super) fn given_by(self, rung: Rung, compiler: &CompilerCommand) -> Self {
        let provenance = Provenance { rung, ..self.provenance };
        CLibrary { provenance, compiler: Some(compiler.clone()), ..self }
    }

    /// Every file of the answer.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let lists = [&self.crt_begin, &self.crt_end, &self.default_libraries, &self.cxx];
        lists.into_iter().flatten().chain(&self.unwind).chain(&self.ubsan).map(PathBuf::as_path)
    }
}

impl Rung {
    /// What a person calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Rung::Sysroot => "--sysroot",
            Rung::NamedCompiler => "$CC",
            Rung::Zig => "zig",
            Rung::MuslGcc => "musl-gcc",
            Rung::Rust => "Rust target",
            Rung::CrossGcc => "gcc cross compiler",
            Rung::Gcc => "gcc",
        }
    }
}

impl fmt::Display for Rung {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl StaticKind {
    /// Both, in the order in which reports list them.
    pub const ALL: [StaticKind; 2] = [StaticKind::Executable, StaticKind::Pie];

    /// The driver flag that asks for it.
    pub const fn name(self) -> &'static str {
        match self {
            StaticKind::Executable => "static",
            StaticKind::Pie => "static-pie",
        }
    }
}

impl fmt::Display for StaticKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// A [`Target`] as its triple.
mod target_name {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::target::Target;

    pub(super) fn serialize<S: Serializer>(target: &Target, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(target)
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Target, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

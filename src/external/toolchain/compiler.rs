//! What a compiler command says about itself by its words alone: which family of driver it is, for which target, for
//! which language. Nothing is run here.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::target::{Libc, Target};

/// A compiler as a person names it: the program and the flags that belong to it, as in `$CC`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CompilerCommand {
    /// The program, as named: to be looked up on the PATH unless it has a slash.
    pub program: PathBuf,
    /// What follows: `cc --target=aarch64-linux-musl -static` after `zig`, `-m ziglang cc` after `python3`.
    pub arguments: Vec<String>,
    /// The family, as far as the name tells.
    pub family: CompilerFamily,
    /// Whether it links the C++ runtime by itself: `g++`, `clang++`, `zig c++`.
    pub cxx: bool,
    /// The triple it compiles for as written: from `--target=`, `-target`, or the prefix of the name
    /// (`aarch64-linux-gnu-gcc`). It may be one that cgolink has no link of its own for.
    pub triple: Option<String>,
}

/// Drivers that understand the same questions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CompilerFamily {
    /// `zig cc`, `zig c++`, however zig is started.
    Zig,
    /// gcc and g++, cross or not; `cc`.
    Gcc,
    /// musl's wrapper of gcc.
    MuslGcc,
    /// clang and clang++.
    Clang,
    /// The name tells nothing: a wrapper.
    Unknown,
}

impl CompilerCommand {
    /// Reads the words of `$CC`, already split. `None` if there are none. A caching launcher in front
    /// (`ccache gcc`) is left out, since it has no part in a link.
    pub fn from_words(words: &[OsString]) -> Option<Self> {
        let launchers = words.iter().take_while(|word| is_launcher(word)).count();
        let words = if launchers < words.len() { &words[launchers..] } else { words };
        let (program, rest) = words.split_first()?;
        let arguments: Vec<String> = rest.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let name = base_name(program);
        let (family, cxx) = classify(&name, &arguments);
        let triple = triple_argument(&arguments).or_else(|| triple_prefix(&name, family));
        Some(CompilerCommand { program: program.into(), arguments, family, cxx, triple })
    }

    /// A program without arguments.
    pub fn from_program(program: impl Into<OsString>) -> Self {
        let program = program.into();
        let name = base_name(&program);
        let (family, cxx) = classify(&name, &[]);
        let triple = triple_prefix(&name, family);
        CompilerCommand { program: program.into(), arguments: Vec::new(), family, cxx, triple }
    }

    /// The target it compiles for, where its words tell and cgolink knows it.
    pub fn target(&self) -> Option<Target> {
        let target: Target = self.triple.as_deref()?.parse().ok()?;
        Some(match (self.family, target.libc) {
            // zig takes musl for a Linux target without a C library.
            (CompilerFamily::Zig, None) => Target { libc: Some(Libc::Musl), ..target },
            _ => target,
        })
    }

    /// How many leading arguments are part of starting the driver rather than flags: `cc` of `zig cc`,
    /// `-m ziglang cc` of `python3 -m ziglang cc`.
    pub fn launch_words(&self) -> usize {
        match self.family {
            CompilerFamily::Zig => zig_subcommand(&base_name(self.program.as_os_str()), &self.arguments).unwrap_or(0),
            _ => 0,
        }
    }

    /// The same driver without its flags: `zig cc` of `zig cc --target=aarch64-linux-musl`.
    pub fn bare(&self) -> Vec<String> {
        self.arguments[..self.launch_words()].to_vec()
    }
}

impl fmt::Display for CompilerCommand {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.program.display())?;
        self.arguments.iter().try_for_each(|word| write!(out, " {word}"))
    }
}

fn base_name(program: &OsStr) -> String {
    Path::new(program).file_name().unwrap_or(program).to_string_lossy().into_owned()
}

fn is_launcher(word: &OsStr) -> bool {
    matches!(base_name(word).as_str(), "ccache" | "sccache" | "distcc" | "env")
}

/// The family, and whether the driver is one for C++.
fn classify(name: &str, arguments: &[String]) -> (CompilerFamily, bool) {
    if let Some(words) = zig_subcommand(name, arguments) {
        return (CompilerFamily::Zig, words > 0 && arguments[words - 1] == "c++");
    }
    let stem = without_version(name);
    let cxx = stem.ends_with("++") || stem.ends_with("-cxx");
    let family = match stem {
        "zig-cc" | "zigcc" | "zig-c++" | "zig-cxx" => CompilerFamily::Zig,
        "cc" | "c++" => CompilerFamily::Gcc,
        "musl-gcc" | "musl-g++" => CompilerFamily::MuslGcc,
        _ if stem.ends_with("clang") || stem.ends_with("clang++") => CompilerFamily::Clang,
        _ if is_tool(stem, "gcc") || is_tool(stem, "g++") => CompilerFamily::Gcc,
        _ => CompilerFamily::Unknown,
    };
    (family, cxx)
}

/// `gcc` itself, or a prefixed `aarch64-linux-gnu-gcc`.
fn is_tool(stem: &str, tool: &str) -> bool {
    stem.strip_suffix(tool).is_some_and(|prefix| prefix.is_empty() || prefix.ends_with('-'))
}

/// `gcc` of `gcc-12`, `clang` of `clang-15.0`.
fn without_version(name: &str) -> &str {
    match name.rsplit_once('-') {
        Some((stem, version)) if version.starts_with(|c: char| c.is_ascii_digit()) => stem,
        _ => name,
    }
}

/// The number of arguments up to and with the `cc` or `c++` that makes zig a compiler; `None` if this is not zig.
fn zig_subcommand(name: &str, arguments: &[String]) -> Option<usize> {
    let is_python = name.starts_with("python");
    let first = match without_version(name) {
        "zig" | "python-zig" => 0,
        _ if is_python && arguments.first().is_some_and(|word| word == "-m") => {
            (arguments.get(1)? == "ziglang").then_some(2)?
        }
        _ => return None,
    };
    matches!(arguments.get(first)?.as_str(), "cc" | "c++").then_some(first + 1)
}

fn triple_argument(arguments: &[String]) -> Option<String> {
    let mut found = None;
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if let Some(triple) = word.strip_prefix("--target=").or_else(|| word.strip_prefix("-target=")) {
            found = Some(triple.to_owned());
        } else if matches!(word.as_str(), "-target" | "--target") {
            found = words.next().cloned().or(found);
        }
    }
    found
}

/// `aarch64-linux-gnu` of `aarch64-linux-gnu-gcc-12`.
fn triple_prefix(name: &str, family: CompilerFamily) -> Option<String> {
    if !matches!(family, CompilerFamily::Gcc | CompilerFamily::Clang) {
        return None;
    }
    let (prefix, _) = without_version(name).rsplit_once('-')?;
    prefix.contains('-').then(|| prefix.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> CompilerCommand {
        let words: Vec<OsString> = text.split(' ').map(OsString::from).collect();
        CompilerCommand::from_words(&words).unwrap()
    }

    #[test]
    fn tells_families_languages_and_triples_by_name() {
        use CompilerFamily::*;
        let cases: [(&str, CompilerFamily, bool, Option<&str>); 17] = [
            ("zig cc --target=aarch64-linux-musl -static", Zig, false, Some("aarch64-linux-musl")),
            ("/opt/zig-0.15/zig c++ -target x86_64-linux-gnu.2.28", Zig, true, Some("x86_64-linux-gnu.2.28")),
            ("python3 -m ziglang cc -target x86_64-linux-musl", Zig, false, Some("x86_64-linux-musl")),
            ("python-zig cc", Zig, false, None),
            ("zig-cc", Zig, false, None),
            ("zig build-exe", Unknown, false, None),
            ("python3 build.py", Unknown, false, None),
            ("ccache gcc -O2", Gcc, false, None),
            ("gcc-12", Gcc, false, None),
            ("g++", Gcc, true, None),
            ("cc", Gcc, false, None),
            ("musl-gcc", MuslGcc, false, None),
            ("aarch64-linux-gnu-gcc-12", Gcc, false, Some("aarch64-linux-gnu")),
            ("/x/bin/x86_64-linux-musl-g++", Gcc, true, Some("x86_64-linux-musl")),
            ("clang-15 --target=aarch64-linux-gnu", Clang, false, Some("aarch64-linux-gnu")),
            ("clang++", Clang, true, None),
            ("my-wrapper", Unknown, false, None),
        ];
        for (text, family, cxx, triple) in cases {
            let command = read(text);
            assert_eq!((command.family, command.cxx, command.triple.as_deref()), (family, cxx, triple), "{text}");
        }
    }

    #[test]
    fn keeps_the_words_that_start_the_driver() {
        assert_eq!(read("python3 -m ziglang cc -static").bare(), ["-m", "ziglang", "cc"]);
        assert_eq!(read("zig cc --target=x86_64-linux-musl").bare(), ["cc"]);
        assert!(read("gcc -m64").bare().is_empty());
        assert_eq!(read("ccache").program, Path::new("ccache"));
        assert!(CompilerCommand::from_words(&[]).is_none());
    }

    #[test]
    fn zig_links_musl_where_the_triple_names_no_library() {
        assert_eq!(read("zig cc -target x86_64-linux").target().unwrap().libc, Some(Libc::Musl));
        assert_eq!(read("clang --target=x86_64-linux").target().unwrap().libc, None);
        assert_eq!(read("zig cc --target=x86_64-windows-gnu").target(), None);
    }
}

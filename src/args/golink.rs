//! The Go door's command line: the flags of `go tool link` (Go 1.26 and 1.27, `cmd/link/internal/ld/main.go`), read as Go's
//! `flag` package reads them: `-name value`, `-name=value`, with one dash or two, until the first argument that is no flag.

mod table;
#[cfg(test)]
mod tests;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::diag::{Diagnostic, Result};
pub use table::usage;
use table::{FLAGS, Flag};

/// What kind of file is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BuildMode {
    /// An executable at fixed addresses.
    Exe,
    /// An executable for any address.
    Pie,
    /// An archive for C programs.
    CArchive,
    /// A shared object for C programs.
    CShared,
    /// A shared object of Go packages.
    Shared,
    /// A Go plugin.
    Plugin,
}

/// Who ends the link.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LinkMode {
    /// As the program needs.
    #[default]
    Auto,
    /// The Go linker alone.
    Internal,
    /// A host linker.
    External,
}

/// What a link by the Go door was asked for. Fields are named after what they mean; the flag is in the comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoLink {
    /// The archive of `package main`.
    pub input: PathBuf,
    /// `-o`.
    pub output: PathBuf,
    /// `-importcfg`.
    pub importcfg: Option<PathBuf>,
    /// `-L`, in order.
    pub library_folders: Vec<PathBuf>,
    /// `-buildmode`.
    pub build_mode: Option<BuildMode>,
    /// `-linkmode`.
    pub link_mode: LinkMode,
    /// `-buildid`.
    pub build_id: String,
    /// `-B`: the GNU build id in hexadecimal, `gobuildid`, or `none`.
    pub gnu_build_id: Option<String>,
    /// `-X`: importpath.name and value, in order.
    pub definitions: Vec<(String, Vec<u8>)>,
    /// How many of these stand before `-importcfg`, which defines a variable too.
    pub definitions_before_importcfg: usize,
    /// `-s`.
    pub omit_symtab: bool,
    /// `-w`, where it was said.
    pub omit_dwarf: Option<bool>,
    /// `-compressdwarf`.
    pub compress_dwarf: bool,
    /// `-E`.
    pub entry: Option<String>,
    /// `-I`.
    pub interpreter: Option<String>,
    /// `-aslr=false`.
    pub fixed_addresses: bool,
    /// `-r`.
    pub rpath: Option<String>,
    /// `-T`.
    pub text_address: Option<u64>,
    /// `-D`.
    pub data_address: Option<u64>,
    /// `-R`.
    pub round: Option<u64>,
    /// `-funcalign`.
    pub function_alignment: Option<u64>,
    /// `-randlayout`: the seed; 0 for Go's order.
    pub random_layout: i64,
    /// `-strictdups`.
    pub strict_duplicates: u8,
    /// `-checklinkname`.
    pub check_linkname: bool,
    /// `-pruneweakmap`.
    pub prune_weak_maps: bool,
    /// `-bindnow`.
    pub bind_now: bool,
    /// `-d`.
    pub no_dynamic: bool,
    /// `-g`.
    pub ignore_package_data: bool,
    /// `-h`.
    pub halt_on_error: bool,
    /// `-c`.
    pub dump_call_graph: bool,
    /// `-dumpdep`.
    pub dump_dependencies: bool,
    /// `-debugnosplit`.
    pub dump_nosplit: bool,
    /// `-debugtramp`.
    pub debug_thunks: i64,
    /// `-debugtextsize`.
    pub debug_text_size: i64,
    /// `-k`: the variable that lists tracked fields.
    pub track_fields: Option<String>,
    /// `-race`.
    pub race: bool,
    /// `-msan`.
    pub msan: bool,
    /// `-asan`.
    pub asan: bool,
    /// `-linkshared`.
    pub link_shared: bool,
    /// `-benchmark`: `cpu` or `mem`.
    pub benchmark: Option<String>,
    /// `-fipso`.
    pub fips_output: Option<PathBuf>,
    /// `-installsuffix`.
    pub install_suffix: Option<String>,
    /// `-extld`, split into words.
    pub host_linker: Vec<OsString>,
    /// `-extldflags`, split into words.
    pub host_linker_flags: Vec<OsString>,
    /// `-v`: how often.
    pub verbose: u32,
    /// `GOROOT` of the process, which the program remembers; `None` if it is empty, as with `-trimpath`.
    pub goroot: Option<OsString>,
    /// Threads, if not as many as the machine has cores: `CGOLINK_THREADS`.
    pub threads: Option<usize>,
}

/// What a command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A link.
    Link(Box<GoLink>),
    /// `-V`, or `-V=full`.
    Version {
        /// Whether it was `full`.
        full: bool,
    },
}

impl Default for GoLink {
    fn default() -> Self {
        GoLink {
            input: PathBuf::new(),
            output: PathBuf::from("a.out"),
            importcfg: None,
            library_folders: Vec::new(),
            build_mode: None,
            link_mode: LinkMode::Auto,
            build_id: String::new(),
            gnu_build_id: None,
            definitions: Vec::new(),
            definitions_before_importcfg: 0,
            omit_symtab: false,
            omit_dwarf: None,
            compress_dwarf: true,
            entry: None,
            interpreter: None,
            fixed_addresses: false,
            rpath: None,
            text_address: None,
            data_address: None,
            round: None,
            function_alignment: None,
            random_layout: 0,
            strict_duplicates: 0,
            check_linkname: true,
            prune_weak_maps: true,
            bind_now: false,
            no_dynamic: false,
            ignore_package_data: false,
            halt_on_error: false,
            dump_call_graph: false,
            dump_dependencies: false,
            dump_nosplit: false,
            debug_thunks: 0,
            debug_text_size: 0,
            track_fields: None,
            race: false,
            msan: false,
            asan: false,
            link_shared: false,
            benchmark: None,
            fips_output: None,
            install_suffix: None,
            host_linker: Vec::new(),
            host_linker_flags: Vec::new(),
            verbose: 0,
            goroot: None,
            threads: None,
        }
    }
}

impl GoLink {
    /// Whether DWARF is left out: `-w`, or `-s` without `-w=false`.
    pub fn omits_dwarf(&self) -> bool {
        self.omit_dwarf.unwrap_or(self.omit_symtab)
    }

    /// Whether somebody wants to be told of every step to a symbol, or of how many symbols there are: `-dumpdep`, `-v`.
    pub fn tells_every_symbol(&self) -> bool {
        self.dump_dependencies || self.verbose > 0
    }
}

/// Reads a command line without the program's name; its response files are expanded already.
pub fn parse(arguments: &[OsString]) -> Result<Asked> {
    let mut link = GoLink::default();
    let mut rest = arguments.iter();
    let mut inputs = Vec::new();
    while let Some(argument) = rest.next() {
        let Some(flag) = flag_text(argument.as_bytes()) else {
            if argument != "--" {
                inputs.push(argument);
            }
            inputs.extend(rest.by_ref());
            break;
        };
        let (name, value) = match flag.iter().position(|&byte| byte == b'=') {
            Some(at) => (&flag[..at], Some(OsStr::from_bytes(&flag[at + 1..]).to_owned())),
            None => (flag, None),
        };
        let name = String::from_utf8_lossy(name);
        if name == "V" {
            return Ok(Asked::Version { full: value.is_some_and(|value| value == "full") });
        }
        let known: &Flag = FLAGS.iter().find(|known| known.name == name).ok_or_else(|| unknown(&name))?;
        let value = match (known.takes.needs_value(), value) {
            (_, Some(value)) => value,
            (false, None) => OsString::from("true"),
            (true, None) => rest.next().cloned().ok_or_else(|| bad(&name, "needs a value"))?,
        };
        known.takes.store(&mut link, value).map_err(|problem| bad(&name, &problem))?;
    }
    match inputs.as_slice() {
        [input] => link.input = PathBuf::from(input),
        [] => return Err(usage_error("no input: the archive of package main is missing").into()),
        [_, extra, ..] => {
            let extra = extra.to_string_lossy();
            return Err(usage_error(&format!("more than one input: '{extra}' follows the archive")).into());
        }
    }
    if link.fixed_addresses && link.build_mode != Some(BuildMode::CShared) {
        return Err(bad("aslr", "false is only for -buildmode=c-shared").into());
    }
    if link.gnu_build_id.is_none() && !link.build_id.is_empty() {
        link.gnu_build_id = Some("gobuildid".to_owned());
    }
    Ok(Asked::Link(Box::new(link)))
}

/// A flag without its dashes; `None` for what ends the flags.
fn flag_text(argument: &[u8]) -> Option<&[u8]> {
    let one = argument.strip_prefix(b"-")?;
    let text = one.strip_prefix(b"-").unwrap_or(one);
    (!text.is_empty()).then_some(text)
}

fn unknown(name: &str) -> Diagnostic {
    usage_error(&format!("unknown flag -{name}"))
}

fn bad(name: &str, problem: &str) -> Diagnostic {
    usage_error(&format!("-{name}: {problem}"))
}

fn usage_error(message: &str) -> Diagnostic {
    Diagnostic::error("bad-command-line", message).help("see cgolink link -help for the flags")
}

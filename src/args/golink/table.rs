//! The flags of the Go door as data: name, what it takes, what it means, where it goes.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use super::{BuildMode, GoLink, LinkMode};
use crate::args::quoted;
use Takes::{Count, Number, Switch, Text};

/// A flag.
pub struct Flag {
    pub name: &'static str,
    pub takes: Takes,
    pub help: &'static str,
}

/// What a flag takes, and where it goes.
pub enum Takes {
    /// `true`, `false`, or nothing.
    Switch(fn(&mut GoLink, bool)),
    /// A text.
    Text(fn(&mut GoLink, OsString) -> Result<(), String>),
    /// A number, decimal, `0x` or `0`.
    Number(fn(&mut GoLink, i64) -> Result<(), String>),
    /// A switch that counts.
    Count(fn(&mut GoLink, u32)),
}

impl Takes {
    /// Whether the next argument is the value if there is no `=`.
    pub const fn needs_value(&self) -> bool {
        matches!(self, Text(_) | Number(_))
    }

    /// Keeps a value.
    pub fn store(&self, link: &mut GoLink, value: OsString) -> Result<(), String> {
        match self {
            Switch(set) => {
                set(link, truth(&value)?);
                Ok(())
            }
            Text(set) => set(link, value),
            Number(set) => set(link, number(&value)?),
            Count(set) => {
                match truth(&value) {
                    Ok(true) => set(link, link.verbose + 1),
                    Ok(false) => set(link, 0),
                    Err(_) => set(link, number(&value)?.clamp(0, 1000) as u32),
                }
                Ok(())
            }
        }
    }
}

/// The words of Go's `strconv.ParseBool`.
fn truth(value: &OsString) -> Result<bool, String> {
    match value.to_str() {
        Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(true),
        Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(false),
        _ => Err(format!("'{}' is neither true nor false", value.to_string_lossy())),
    }
}

/// A number as Go's `strconv.ParseInt` with base 0 reads it.
fn number(value: &OsString) -> Result<i64, String> {
    let wrong = || format!("'{}' is not a number", value.to_string_lossy());
    let text = value.to_str().ok_or_else(wrong)?.replace('_', "");
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(&text)),
    };
    if digits.starts_with(['+', '-']) {
        return Err(wrong());
    }
    let lower = digits.to_ascii_lowercase();
    let (digits, base) = match () {
        () if lower.starts_with("0x") => (&lower[2..], 16),
        () if lower.starts_with("0b") => (&lower[2..], 2),
        () if lower.starts_with("0o") => (&lower[2..], 8),
        () if lower.len() > 1 && lower.starts_with('0') => (&lower[1..], 8),
        () => (&lower[..], 10),
    };
    // There is one number more below zero than above.
    i64::from_str_radix(&format!("{sign}{digits}"), base).map_err(|_| wrong())
}

fn text(value: OsString) -> Result<Option<String>, String> {
    let text = value.into_string().map_err(|value| format!("'{}' is not UTF-8", value.to_string_lossy()))?;
    Ok((!text.is_empty()).then_some(text))
}

fn path(value: OsString) -> Option<PathBuf> {
    (!value.is_empty()).then(|| PathBuf::from(value))
}

fn words(value: &OsString) -> Result<Vec<OsString>, String> {
    quoted::split_fields(value).ok_or_else(|| "a quotation is not closed".to_owned())
}

fn address(value: i64) -> Result<Option<u64>, String> {
    match value {
        -1 => Ok(None),
        0.. => Ok(Some(value as u64)),
        _ => Err(format!("{value} is no address")),
    }
}

fn definition(value: OsString) -> Result<(String, Vec<u8>), String> {
    let bytes = value.into_vec();
    let at = bytes.iter().position(|&byte| byte == b'=');
    let at = at.filter(|&at| bytes[..at].contains(&b'.')).ok_or("the form is importpath.name=value")?;
    let name = String::from_utf8(bytes[..at].to_vec()).map_err(|_| "the name is not UTF-8".to_owned())?;
    Ok((name, bytes[at + 1..].to_vec()))
}

fn build_mode(value: OsString) -> Result<BuildMode, String> {
    match value.as_bytes() {
        b"exe" => Ok(BuildMode::Exe),
        b"pie" => Ok(BuildMode::Pie),
        b"c-archive" => Ok(BuildMode::CArchive),
        b"c-shared" => Ok(BuildMode::CShared),
        b"shared" => Ok(BuildMode::Shared),
        b"plugin" => Ok(BuildMode::Plugin),
        _ => Err(format!(
            "'{}' is no build mode: exe, pie, c-archive, c-shared, shared or plugin",
            value.to_string_lossy()
        )),
    }
}

fn link_mode(value: OsString) -> Result<LinkMode, String> {
    match value.as_bytes() {
        b"auto" => Ok(LinkMode::Auto),
        b"internal" => Ok(LinkMode::Internal),
        b"external" => Ok(LinkMode::External),
        _ => Err(format!("'{}' is no link mode: auto, internal or external", value.to_string_lossy())),
    }
}

fn power_of_two(value: i64, least: i64) -> Result<u64, String> {
    match value >= least && (value as u64).is_power_of_two() {
        true => Ok(value as u64),
        false => Err(format!("{value} is not a power of two of at least {least}")),
    }
}

const fn flag(name: &'static str, takes: Takes, help: &'static str) -> Flag {
    Flag { name, takes, help }
}

/// Every flag of `go tool link`, and `-V`, which is read elsewhere.
pub static FLAGS: &[Flag] = &[
    flag(
        "B",
        Text(|link, value| {
            link.gnu_build_id = text(value)?;
            Ok(())
        }),
        "the GNU build id: 0x..., gobuildid or none",
    ),
    flag(
        "D",
        Number(|link, value| {
            link.data_address = address(value)?;
            Ok(())
        }),
        "the address of the data segment",
    ),
    flag(
        "E",
        Text(|link, value| {
            link.entry = text(value)?;
            Ok(())
        }),
        "the entry symbol",
    ),
    flag(
        "H",
        Text(|_, value| match value.to_str() {
            // Android's is that of Linux.
            Some("" | "linux" | "android") => Ok(()),
            _ => Err(format!("'{}' is not linux", value.to_string_lossy())),
        }),
        "the header type: linux",
    ),
    flag(
        "I",
        Text(|link, value| {
            link.interpreter = text(value)?;
            Ok(())
        }),
        "the dynamic linker",
    ),
    flag(
        "L",
        Text(|link, value| {
            link.library_folders.push(PathBuf::from(value));
            Ok(())
        }),
        "a folder of package archives",
    ),
    flag(
        "R",
        Number(|link, value| {
            link.round = match value {
                -1 => None,
                _ => Some(power_of_two(value, 4096)?),
            };
            Ok(())
        }),
        "what segments are aligned to",
    ),
    flag(
        "T",
        Number(|link, value| {
            link.text_address = address(value)?;
            Ok(())
        }),
        "the address of the text segment",
    ),
    flag(
        "X",
        Text(|link, value| {
            link.definitions.push(definition(value)?);
            Ok(())
        }),
        "importpath.name=value: the value of a string variable",
    ),
    flag("a", Switch(|_, _| {}), "nothing; for old scripts"),
    flag("asan", Switch(|link, on| link.asan = on), "link with AddressSanitizer"),
    flag("aslr", Switch(|link, on| link.fixed_addresses = !on), "for -buildmode=c-shared on Windows"),
    flag(
        "benchmark",
        Text(|link, value| {
            link.benchmark = match value.to_str() {
                Some("") => None,
                Some("cpu" | "mem") => text(value)?,
                _ => return Err(format!("'{}' is neither cpu nor mem", value.to_string_lossy())),
            };
            Ok(())
        }),
        "print the time (cpu) of each phase, or its time and memory (mem)",
    ),
    flag("benchmarkprofile", Text(|_, _| Err("profiles of phases are not made; use perf".to_owned())), "refused"),
    flag("bindnow", Switch(|link, on| link.bind_now = on), "resolve dynamic symbols at start-up"),
    flag(
        "buildid",
        Text(|link, value| {
            link.build_id = text(value)?.unwrap_or_default();
            Ok(())
        }),
        "the Go build id",
    ),
    flag(
        "buildmode",
        Text(|link, value| {
            link.build_mode = Some(build_mode(value)?);
            Ok(())
        }),
        "what is made",
    ),
    flag("c", Switch(|link, on| link.dump_call_graph = on), "print the call graph"),
    flag(
        "capturehostobjs",
        Text(|_, _| Ok(())),
        "copy host objects into a folder; programs that have some are left to the toolchain's own linker",
    ),
    flag("checklinkname", Switch(|link, on| link.check_linkname = on), "check that linknames are allowed"),
    flag("compressdwarf", Switch(|link, on| link.compress_dwarf = on), "compress debug information"),
    flag("cpuprofile", Text(|_, _| Err("profiles in Go's format are not made; use perf".to_owned())), "refused"),
    flag("d", Switch(|link, on| link.no_dynamic = on), "no dynamic executable"),
    flag(
        "debugnosplit",
        Switch(|link, on| link.dump_nosplit = on),
        "print the calls of functions that do not check the stack",
    ),
    flag(
        "debugtextsize",
        Number(|link, value| {
            link.debug_text_size = value;
            Ok(())
        }),
        "the largest text section, for tests",
    ),
    flag(
        "debugtramp",
        Number(|link, value| {
            link.debug_thunks = value;
            Ok(())
        }),
        "thunks for all calls, for tests",
    ),
    flag("dumpdep", Switch(|link, on| link.dump_dependencies = on), "print what refers to what"),
    flag("e", Switch(|_, _| {}), "print all errors; cgolink always does"),
    flag(
        "extar",
        Text(|_, _| Ok(())),
        "the archiver for -buildmode=c-archive, which is left to the toolchain's own linker",
    ),
    flag(
        "extld",
        Text(|link, value| {
            link.host_linker = words(&value)?;
            Ok(())
        }),
        "the host linker",
    ),
    flag(
        "extldflags",
        Text(|link, value| {
            link.host_linker_flags = words(&value)?;
            Ok(())
        }),
        "flags for the host linker",
    ),
    flag("f", Switch(|_, _| {}), "nothing; objects of other versions are never linked"),
    flag(
        "fipso",
        Text(|link, value| {
            link.fips_output = path(value);
            Ok(())
        }),
        "write the FIPS module to a file",
    ),
    flag(
        "funcalign",
        Number(|link, value| {
            link.function_alignment = match value {
                0 => None,
                _ => Some(power_of_two(value, 1)?),
            };
            Ok(())
        }),
        "what functions are aligned to",
    ),
    flag("g", Switch(|link, on| link.ignore_package_data = on), "do not look at package data"),
    flag("h", Switch(|link, on| link.halt_on_error = on), "stop at the first error"),
    flag(
        "importcfg",
        Text(|link, value| {
            link.importcfg = path(value);
            link.definitions_before_importcfg = link.definitions.len();
            Ok(())
        }),
        "which file holds which package",
    ),
    flag(
        "installsuffix",
        Text(|link, value| {
            link.install_suffix = text(value)?;
            Ok(())
        }),
        "the suffix of the toolchain's package folder, where there is no -importcfg",
    ),
    flag(
        "k",
        Text(|link, value| {
            link.track_fields = text(value)?;
            Ok(())
        }),
        "the variable that lists tracked fields, with GOEXPERIMENT=fieldtrack",
    ),
    flag(
        "libgcc",
        Text(|_, _| Ok(())),
        "the compiler's support library, or none; for cgo, which is left to the toolchain's own linker",
    ),
    flag(
        "linkmode",
        Text(|link, value| {
            link.link_mode = link_mode(value)?;
            Ok(())
        }),
        "auto, internal or external",
    ),
    flag("linkshared", Switch(|link, on| link.link_shared = on), "link with shared Go libraries"),
    flag("macos", Text(|_, _| Ok(())), "macOS only"),
    flag("macsdk", Text(|_, _| Ok(())), "macOS only"),
    flag("memprofile", Text(|_, _| Err("profiles in Go's format are not made; use perf".to_owned())), "refused"),
    flag("memprofilerate", Number(|_, _| Ok(())), "nothing without -memprofile"),
    flag("msan", Switch(|link, on| link.msan = on), "link with MemorySanitizer"),
    flag("n", Switch(|_, _| {}), "nothing; for old scripts"),
    flag(
        "o",
        Text(|link, value| {
            link.output = path(value).unwrap_or_else(|| PathBuf::from("a.out"));
            Ok(())
        }),
        "the output",
    ),
    flag("pluginpath", Text(|_, _| Ok(())), "the path of a plugin"),
    flag("pruneweakmap", Switch(|link, on| link.prune_weak_maps = on), "drop initialisers of maps that are not used"),
    flag(
        "r",
        Text(|link, value| {
            link.rpath = text(value)?;
            Ok(())
        }),
        "where the dynamic linker looks for libraries",
    ),
    flag("race", Switch(|link, on| link.race = on), "link with the race detector"),
    flag(
        "randlayout",
        Number(|link, value| {
            link.random_layout = value;
            Ok(())
        }),
        "a seed for the order of functions",
    ),
    flag("s", Switch(|link, on| link.omit_symtab = on), "no symbol table"),
    flag(
        "strictdups",
        Number(|link, value| {
            link.strict_duplicates = u8::try_from(value).ok().filter(|level| *level <= 2).ok_or("is not 0, 1 or 2")?;
            Ok(())
        }),
        "compare definitions that may be repeated: 1 warns, 2 is an error",
    ),
    flag("tmpdir", Text(|_, _| Ok(())), "a folder for temporary files, of which only external linking makes any"),
    flag("v", Count(|link, count| link.verbose = count), "say what is done"),
    flag("w", Switch(|link, on| link.omit_dwarf = Some(on)), "no debug information"),
];

/// The list of flags for people.
pub fn usage() -> String {
    let mut text = String::from("usage: cgolink link [flags] archive\n\n");
    for flag in FLAGS {
        let value = if flag.takes.needs_value() { " value" } else { "" };
        let name = format!("-{}{value}", flag.name);
        text.push_str(&format!("  {name:<24} {}\n", flag.help));
    }
    text.push_str("  -V, -V=full              print the version\n");
    text
}

//! `cgolink inspect FILE`: what is in an archive, object or executable, as text or as JSON. Every file of the kinds that the
//! project reads can be shown; of other kinds it says which they are.

mod containers;
pub mod document;
mod elf;
mod go_object;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::diag::{self, Diagnostic, Origin};
use crate::inputs::kind::FileKind;
use crate::inputs::store::Store;
use document::Part;

/// The text of `cgolink inspect --help`.
pub const HELP: &str = "\
Usage: cgolink inspect [--show=LIST] [--format=text|json] FILE...

Prints what is in Go package archives, ELF objects and executables, other archives and Mach-O files: headers, packages,
pragmas, symbols, relocations, and the objects of C compilers that a package carries.

  --show=LIST    only these tables: any of imports, packages, files, symbols, relocations, auxiliary, pragmas, sections,
                 segments, functions, types, itabs, module-data, build-info, members, slices
  --format=FORM  text, or json: an array with one object for each file
";

/// The command line.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Options {
    files: Vec<PathBuf>,
    show: Option<Vec<String>>,
    json: bool,
}

/// What `--show` may name.
const TABLES: [&str; 16] = [
    "imports",
    "packages",
    "files",
    "symbols",
    "relocations",
    "auxiliary",
    "pragmas",
    "sections",
    "segments",
    "functions",
    "types",
    "itabs",
    "module-data",
    "build-info",
    "members",
    "slices",
];

/// Runs `cgolink inspect`; `print` gets the text.
///
/// # Errors
/// Wrong command lines; files that cannot be read or are damaged.
pub fn run(arguments: &[OsString], print: impl FnOnce(&str)) -> diag::Result<u8> {
    let Some(options) = options(arguments)? else {
        print(HELP);
        return Ok(0);
    };
    let store = Store::default();
    let mut parts = Vec::new();
    for path in &options.files {
        let mut part = inspect(path, store.map(path)?)?;
        if let Some(show) = &options.show {
            part.keep(show);
        }
        parts.push(part);
    }
    let text = match options.json {
        true => serde_json::to_string_pretty(&parts)
            .map_err(|error| Diagnostic::error("internal-error", format!("the report is no JSON: {error}")))?,
        false => parts.iter().map(Part::text).collect::<Vec<_>>().join("\n"),
    };
    print(&format!("{}\n", text.trim_end()));
    Ok(0)
}

fn options(arguments: &[OsString]) -> diag::Result<Option<Options>> {
    let wrong = |message: String| Diagnostic::error("bad-flag", message).help("see 'cgolink inspect --help'");
    let mut options = Options { files: Vec::new(), show: None, json: false };
    for argument in arguments {
        let text = argument.to_str().unwrap_or_default();
        match text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value))) {
            ("--help" | "-h", None) => return Ok(None),
            ("--format", Some("json")) => options.json = true,
            ("--format", Some("text")) => options.json = false,
            ("--show", Some(list)) => {
                let list: Vec<String> = list.split(',').map(str::to_owned).collect();
                if let Some(unknown) = list.iter().find(|name| !TABLES.contains(&name.as_str())) {
                    return Err(wrong(format!("--show: there is no table '{unknown}'")).into());
                }
                options.show = Some(list);
            }
            _ if text.starts_with('-') => {
                return Err(wrong(format!("cgolink inspect has no flag {}", argument.display())).into());
            }
            _ => options.files.push(PathBuf::from(argument)),
        }
    }
    match options.files.is_empty() {
        true => Err(wrong("cgolink inspect needs a file".to_owned()).into()),
        false => Ok(Some(options)),
    }
}

/// Describes a file by its bytes; `path` is for titles and errors.
///
/// # Errors
/// What is wrong with a damaged file.
pub fn inspect(path: &Path, data: &[u8]) -> Result<Part, Diagnostic> {
    let title = path.display().to_string();
    match FileKind::of(data) {
        FileKind::GoArchive | FileKind::GoObject => go_object::package(path, data),
        FileKind::Archive { .. } => containers::archive(path, data),
        FileKind::Elf(kind) => {
            elf::file(title, data, kind).map_err(|problem| Diagnostic::error("bad-elf", problem).at(Origin::file(path)))
        }
        FileKind::MachO | FileKind::MachOFat => containers::macho(path, data),
        other => Ok(containers::other(title, data, other)),
    }
}

#[cfg(test)]
mod tests;

//! The targets of the cases and the compilers that make objects for them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::directives::{ArchivePlan, Plan};
use crate::support;

/// How long one compilation may take; the first use of zig builds its C library.
const COMPILE: Duration = Duration::from_secs(300);

/// A target of the cases, with its compilers.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    pub name: &'static str,
    pub cc: &'static str,
    pub cxx: Option<&'static str>,
    pub rust: &'static str,
    pub aarch64: bool,
    /// The C library and its startup files come with zig.
    pub zig: bool,
    /// A case that names no targets is linked for this one.
    pub usual: bool,
}

pub const TARGETS: [Target; 4] = [
    Target {
        name: "x86_64-musl",
        cc: "zig cc --target=x86_64-linux-musl",
        cxx: Some("zig c++ --target=x86_64-linux-musl"),
        rust: "x86_64-unknown-linux-musl",
        aarch64: false,
        zig: true,
        usual: true,
    },
    Target {
        name: "aarch64-musl",
        cc: "zig cc --target=aarch64-linux-musl",
        cxx: Some("zig c++ --target=aarch64-linux-musl"),
        rust: "aarch64-unknown-linux-musl",
        aarch64: true,
        zig: true,
        usual: true,
    },
    Target {
        name: "x86_64-glibc",
        cc: "gcc",
        cxx: Some("g++"),
        rust: "x86_64-unknown-linux-gnu",
        aarch64: false,
        zig: false,
        usual: true,
    },
    Target {
        name: "x86_64-musl-gcc",
        cc: "musl-gcc",
        cxx: None,
        rust: "x86_64-unknown-linux-musl",
        aarch64: false,
        zig: false,
        usual: false,
    },
];

/// What the sources of a case became, in the order of the command line.
pub struct Built {
    pub objects: Vec<PathBuf>,
    pub has_cxx: bool,
}

/// Compiles the sources of a case into `out`, and archives those that the plan puts into archives.
pub fn build(target: &Target, case: &Path, plan: &Plan, out: &Path) -> Result<Built, String> {
    let mut sources: Vec<String> = std::fs::read_dir(case)
        .map_err(|e| format!("{}: {e}", case.display()))?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| crate::directives::is_source(name))
        .collect();
    // The main source comes first, the others by name.
    sources.sort_by_key(|name| (!name.starts_with("main."), name.clone()));
    let archived = |name: &str| plan.archives.iter().any(|a| a.members.iter().any(|m| m == name));
    let mut objects = Vec::new();
    let mut has_cxx = false;
    for source in &sources {
        has_cxx |= source.ends_with(".cpp");
        if source.ends_with(".rs") {
            rust_staticlib(target, &case.join(source), plan, out)?;
            continue;
        }
        let object = compile(target, case, source, plan, out)?;
        if !archived(source) {
            objects.push(object);
        }
    }
    for archive in &plan.archives {
        make_archive(archive, out)?;
    }
    Ok(Built { objects, has_cxx })
}

fn compile(target: &Target, case: &Path, source: &str, plan: &Plan, out: &Path) -> Result<PathBuf, String> {
    let words = match source.ends_with(".cpp") {
        true => target.cxx.ok_or_else(|| format!("{} has no C++ compiler", target.name))?,
        false => target.cc,
    };
    let object = out.join(format!("{source}.o"));
    let mut command = support::compiler(words)?;
    command.current_dir(case).args(["-O1", "-g", "-c", source, "-o"]).arg(&object).args(&plan.compile_args);
    for (file, args) in &plan.file_args {
        if file == source {
            command.args(args);
        }
    }
    support::run_ok(&mut command, COMPILE)?;
    Ok(object)
}

fn rust_staticlib(target: &Target, source: &Path, plan: &Plan, out: &Path) -> Result<(), String> {
    let stem = source.file_stem().expect("a source has a name").to_string_lossy();
    let mut command = support::command(support::need("rustc")?);
    command.args(["--edition", "2021", "--crate-type", "staticlib", "-O", "-g", "--target", target.rust, "-o"]);
    command.arg(out.join(format!("lib{stem}.a"))).arg(source);
    for (file, args) in &plan.file_args {
        if source.ends_with(file) {
            command.args(args);
        }
    }
    support::run_ok(&mut command, COMPILE).map(drop)
}

fn make_archive(archive: &ArchivePlan, out: &Path) -> Result<(), String> {
    if let Some(folder) = out.join(&archive.name).parent() {
        std::fs::create_dir_all(folder).map_err(|e| e.to_string())?;
    }
    let mut command = support::command(support::need("ar")?);
    command.current_dir(out).arg(if archive.thin { "rcsT" } else { "rcs" }).arg(&archive.name);
    command.args(archive.members.iter().map(|m| format!("{m}.o")));
    support::run_ok(&mut command, COMPILE).map(drop)
}

/// A folder with one program in it that is called `ld`, for a compiler's `-B`.
pub fn ld_folder(out: &Path, program: &Path) -> Result<PathBuf, String> {
    let folder = out.join("ld-folder");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    std::os::unix::fs::symlink(program, folder.join("ld")).map_err(|e| e.to_string())?;
    Ok(folder)
}

/// The target's compiler as the one who links, with `ld` in the folder as its linker.
pub fn driver(target: &Target, built: &Built, folder: &Path) -> Result<Command, String> {
    let words = if built.has_cxx { target.cxx.unwrap_or(target.cc) } else { target.cc };
    let mut command = support::compiler(words)?;
    command.arg(format!("-B{}", folder.display()));
    Ok(command)
}

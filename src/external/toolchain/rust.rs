//! The musl that comes with an installed Rust target: `<sysroot>/lib/rustlib/<triple>/lib/self-contained` has the start
//! files, `libc.a` and `libunwind.a`; the compiler's runtime is `libcompiler_builtins-<hash>.rlib` next to that folder.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::answer::{CLibrary, Provenance, Rung, StaticKind};
use super::cache;
use super::probe::{Invocation, Probe, find_program};
use super::search::{Missing, Search};
use crate::target::{Libc, Target};

/// The musl of the `rustc` on the PATH.
pub(super) fn find(search: &Search<'_>) -> Result<CLibrary, Missing> {
    let (probe, query) = (search.probe, search.query);
    let program = find_program(probe, Path::new("rustc")).ok_or_else(|| Missing::new("no rustc on the PATH"))?;
    let triple = format!("{}-unknown-linux-musl", query.target.architecture);
    let root = sysroot(probe, &program)?;
    let folder = root.join("lib/rustlib").join(&triple).join("lib");
    if probe.identity(&folder.join("self-contained")).is_none() {
        return Err(Missing::new(format!("the Rust target {triple} is not installed in {}", root.display())));
    }
    let file = |name: &str| {
        let path = folder.join("self-contained").join(name);
        match probe.identity(&path) {
            Some(_) => Ok(path),
            None => Err(Missing::new(format!("the Rust target {triple} has no {name}"))),
        }
    };
    // rustc's own choice (its link_self_contained tables): position-dependent programs take crtbegin.o.
    let (begin, end) = match query.kind {
        StaticKind::Executable => (["crt1.o", "crti.o", "crtbegin.o"], ["crtend.o", "crtn.o"]),
        StaticKind::Pie => (["rcrt1.o", "crti.o", "crtbeginS.o"], ["crtendS.o", "crtn.o"]),
    };
    let unwind = file("libunwind.a")?;
    let builtins = probe
        .list(&folder)
        .into_iter()
        .find(|name| name.starts_with("libcompiler_builtins-") && name.ends_with(".rlib"))
        .ok_or_else(|| Missing::new(format!("the Rust target {triple} has no libcompiler_builtins")))?;
    Ok(CLibrary {
        target: Target { libc: Some(Libc::Musl), ..query.target },
        kind: query.kind,
        provenance: Provenance {
            rung: Rung::Rust,
            sentence: format!("musl of the Rust target {triple} ({})", root.display()),
        },
        crt_begin: begin.into_iter().map(file).collect::<Result<_, _>>()?,
        crt_end: end.into_iter().map(file).collect::<Result<_, _>>()?,
        default_libraries: vec![unwind.clone(), file("libc.a")?, folder.join(builtins)],
        library_dirs: Vec::new(),
        unwind: Some(unwind),
        cxx: Vec::new(),
        ubsan: None,
        stack_size: None,
        compiler: None,
    })
}

/// `rustc --print sysroot`, remembered: rustup's front end takes long to answer.
fn sysroot(probe: &dyn Probe, program: &Path) -> Result<PathBuf, Missing> {
    // What rustup chooses by: its variable, and its settings.
    let chosen = probe.variable("RUSTUP_TOOLCHAIN").unwrap_or_default();
    let home = probe.variable("RUSTUP_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(probe.variable("HOME")?).join(".rustup")));
    let settings = home.map(|home| home.join("settings.toml")).filter(|path| probe.identity(path).is_some());
    let question = format!("rustc {} toolchain={}", program.display(), chosen.to_string_lossy());
    let remembered: Option<PathBuf> = cache::recall(probe, &question);
    if let Some(folder) = remembered.filter(|folder| probe.identity(folder).is_some()) {
        return Ok(folder);
    }
    let arguments = ["--print", "sysroot"].map(OsString::from).to_vec();
    let invocation = Invocation { program: program.to_owned(), arguments, environment: vec![], files: vec![] };
    let answer =
        probe.run(&invocation, &mut |_| ()).map_err(|error| Missing::new(format!("cannot run rustc: {error}")))?;
    let folder = PathBuf::from(answer.output.trim());
    if !answer.success || !folder.is_absolute() {
        let complaint = answer.errors.lines().next().unwrap_or("no message");
        return Err(Missing::new(format!("rustc does not tell its sysroot: {complaint}")));
    }
    let witnesses = cache::witnesses(probe, [Some(program.to_owned()), probe.canonical(program), settings]);
    cache::remember(probe, &question, witnesses, &folder);
    Ok(folder)
}

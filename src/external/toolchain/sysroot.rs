//! `--sysroot=DIR`: the C library of a folder that looks like the root of a target's file system.

use std::path::{Path, PathBuf};

use super::answer::{CLibrary, Provenance, Rung, StaticKind};
use super::compiler::CompilerFamily;
use super::gcc;
use super::probe::Probe;
use super::search::{Missing, Search, libc_of, object_architecture};
use crate::target::{Architecture, Libc, Target};

/// The C library in the sysroot of the query. A gcc or clang that is named knows best how it uses its sysroot; without
/// one, the usual folders are searched.
pub(super) fn find(search: &Search<'_>) -> Result<CLibrary, Missing> {
    let root = search.query.sysroot.as_deref().ok_or_else(|| Missing::new("no --sysroot is given"))?;
    let driver = search.query.compiler.as_ref().filter(|compiler| {
        matches!(compiler.family, CompilerFamily::Gcc | CompilerFamily::MuslGcc | CompilerFamily::Clang)
    });
    if let Some(Ok(library)) = driver.map(|compiler| gcc::find(search, compiler, Rung::Sysroot)) {
        // A driver without the target's files falls back on its own machine's.
        let root = search.probe.canonical(root);
        if root.is_some_and(|root| library.crt_begin.first().is_some_and(|start| start.starts_with(root))) {
            return Ok(library);
        }
    }
    in_folders(search, root)
}

/// Searches the folders in which distributions and musl's own installation put the C library.
fn in_folders(search: &Search<'_>, root: &Path) -> Result<CLibrary, Missing> {
    let (probe, query) = (search.probe, search.query);
    let root = probe.canonical(root).ok_or_else(|| Missing::new("there is no such folder"))?;
    let architecture = query.target.architecture;
    let folders: Vec<PathBuf> = usual_folders(architecture, query.target.libc)
        .iter()
        .map(|folder| root.join(folder))
        .filter(|folder| probe.identity(folder).is_some_and(|found| found.folder))
        .collect();
    let start = match query.kind {
        StaticKind::Executable => "crt1.o",
        StaticKind::Pie => "rcrt1.o",
    };
    let folder = folders
        .iter()
        .find(|folder| object_architecture(probe, &folder.join(start)) == Some(architecture))
        .ok_or_else(|| {
            Missing::new(format!("it has no {start} for {architecture} in usr/lib, lib or their subfolders"))
        })?;
    let anywhere =
        |name: &str| folders.iter().map(|folder| folder.join(name)).find(|path| probe.identity(path).is_some());
    let need = |name: &str| anywhere(name).ok_or_else(|| Missing::new(format!("it has no {name}")));
    let runtime = runtime_folder(probe, &folders, architecture);
    let of_runtime =
        |name: &str| runtime.as_ref().map(|folder| folder.join(name)).filter(|path| probe.identity(path).is_some());
    // musl's crti.o and crtn.o hold nothing that a program needs; glibc's are required by its libc.a.
    let mut crt_begin = vec![folder.join(start)];
    crt_begin.extend(anywhere("crti.o"));
    let mut crt_end = Vec::new();
    let (begin, end) = match query.kind {
        StaticKind::Executable => ("crtbeginT.o", "crtend.o"),
        StaticKind::Pie => ("crtbeginS.o", "crtendS.o"),
    };
    if let (Some(begin), Some(end)) = (of_runtime(begin), of_runtime(end)) {
        crt_begin.push(begin);
        crt_end.push(end);
    }
    crt_end.extend(anywhere("crtn.o"));
    let unwind = of_runtime("libgcc_eh.a").or_else(|| anywhere("libunwind.a"));
    let mut default_libraries = vec![need("libc.a")?];
    default_libraries.extend(of_runtime("libgcc.a").or_else(|| anywhere("libcompiler_rt.a")));
    default_libraries.extend(unwind.clone());
    let cxx = match query.cxx {
        true => ["libstdc++.a", "libc++.a", "libc++abi.a"]
            .iter()
            .filter_map(|name| of_runtime(name).or_else(|| anywhere(name)))
            .collect(),
        false => Vec::new(),
    };
    let libc = libc_of(probe, &folders).or(query.target.libc).unwrap_or(Libc::Musl);
    let mut library_dirs = folders.clone();
    library_dirs.extend(runtime.clone());
    Ok(CLibrary {
        target: Target { architecture, libc: Some(libc) },
        kind: query.kind,
        provenance: Provenance {
            rung: Rung::Sysroot,
            sentence: format!("{} of the sysroot {}", libc.name(), root.display()),
        },
        crt_begin,
        crt_end,
        default_libraries,
        library_dirs,
        unwind,
        cxx,
        ubsan: None,
        stack_size: None,
        compiler: query.compiler.clone(),
    })
}

/// Where C libraries are, relative to a sysroot, the more particular folders first.
fn usual_folders(architecture: Architecture, libc: Option<Libc>) -> Vec<String> {
    let mut folders = Vec::new();
    for libc in [Libc::Musl, Libc::Gnu].into_iter().filter(|&one| libc.is_none_or(|wanted| wanted == one)) {
        let triple = format!("{architecture}-linux-{}", libc.name());
        folders.extend([format!("usr/lib/{triple}"), format!("lib/{triple}"), format!("{triple}/lib")]);
    }
    folders.extend(["usr/lib64", "usr/lib", "lib64", "lib", "usr/local/musl/lib"].map(str::to_owned));
    folders
}

/// `lib/gcc/<triple>/<version>` with the architecture's triple and the newest version.
fn runtime_folder(probe: &dyn Probe, folders: &[PathBuf], architecture: Architecture) -> Option<PathBuf> {
    folders.iter().map(|folder| folder.join("gcc")).find_map(|gcc| {
        let triple =
            probe.list(&gcc).into_iter().find(|triple| triple.split('-').next() == Some(architecture.name()))?;
        let versions = probe.list(&gcc.join(&triple));
        let number =
            |version: &String| version.split('.').map(|part| part.parse().unwrap_or(0_u32)).collect::<Vec<_>>();
        let newest = versions.into_iter().max_by_key(number)?;
        Some(gcc.join(triple).join(newest))
    })
}

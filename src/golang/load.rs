//! The packages of a program: from `main` through what each imports, in the order of Go's linker (Go 1.26 and 1.27,
//! `cmd/link/internal/ld/lib.go` loadlib, `ld.go` addlib).
//!
//! The archives of an importcfg are all read at once, by as many workers as there are; then the packages are put in order.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use hashbrown::HashMap;
use rayon::prelude::*;

use super::program::{Package, Program};
use super::resolve::ObjectInput;
use super::symbols::PackageId;
use crate::args::golink::{BuildMode, GoLink, LinkMode};
use crate::diag::{Diagnostic, Diagnostics, Origin, Result, io_error};
use crate::inputs::goabi::Release;
use crate::inputs::goarchive::{self, GoMember, PackageFile};
use crate::inputs::goobj::Fingerprint;
use crate::inputs::importcfg::{self, ImportConfig};
use crate::inputs::store::Store;
use crate::par::largest_first;

/// A program with its objects.
pub struct Loaded<'data> {
    /// The program.
    pub program: Program<'data>,
    /// Its objects, in order.
    pub objects: Vec<ObjectInput<'data>>,
}

/// Loads a program.
pub fn load<'data>(options: &'data GoLink, store: &'data Store) -> Result<Loaded<'data>> {
    let config = match &options.importcfg {
        None => ImportConfig::default(),
        Some(path) => {
            let text = std::fs::read(path).map_err(|error| io_error("read the importcfg", path, &error))?;
            importcfg::parse(&text, path)?
        }
    };
    let mut loader = Loader::new(options, store, config);
    let main = loader.read_file(&options.input)?;
    loader.insert("main", &options.input, main, [0; 8]);
    loader.drain()?;
    if options.race {
        loader.add_internal("runtime/race")?;
    }
    loader.add_internal("runtime")?;
    loader.drain()?;
    if options.link_mode == LinkMode::External && !loader.by_path.contains_key("runtime/cgo") {
        loader.add_internal("runtime/cgo")?;
        loader.drain()?;
    }
    store.check_output(&options.output)?;
    loader.finish()
}

struct Loader<'data> {
    options: &'data GoLink,
    store: &'data Store,
    config: ImportConfig,
    /// Read in advance.
    read: HashMap<String, Result<PackageFile<'data>>>,
    packages: Vec<Package<'data>>,
    by_path: HashMap<String, PackageId>,
    objects: Vec<ObjectInput<'data>>,
    /// How many of the packages have had their imports added.
    done: usize,
    errors: Vec<Diagnostic>,
}

impl<'data> Loader<'data> {
    fn new(options: &'data GoLink, store: &'data Store, config: ImportConfig) -> Self {
        let read = read_all(store, &config);
        Loader {
            options,
            store,
            config,
            read,
            packages: Vec::new(),
            by_path: HashMap::new(),
            objects: Vec::new(),
            done: 0,
            errors: Vec::new(),
        }
    }

    fn read_file(&self, path: &Path) -> Result<PackageFile<'data>> {
        read(self.store, path)
    }

    fn insert(&mut self, path: &str, file: &Path, contents: PackageFile<'data>, fingerprint: Fingerprint) -> PackageId {
        let id = PackageId(self.packages.len() as u32);
        self.by_path.insert(path.to_owned(), id);
        self.packages.push(Package {
            path: path.to_owned(),
            file: self.store.keep_path(file.to_owned()),
            contents,
            fingerprint,
            objects: 0..0,
            imports: Vec::new(),
        });
        id
    }

    /// Adds the objects of every package that has none yet, and the packages that they import, until there are no more.
    fn drain(&mut self) -> Result<()> {
        while self.done < self.packages.len() {
            let id = PackageId(self.done as u32);
            self.add_objects(id)?;
            self.done += 1;
        }
        Ok(())
    }

    fn add_objects(&mut self, id: PackageId) -> Result<()> {
        let start = self.objects.len() as u32;
        let members: Vec<GoMember<'data>> =
            self.packages[id.index()].contents.go_members().map(|(_, member)| *member).collect();
        for member in members {
            self.objects.push(ObjectInput { object: member.object, package: id });
            self.check_fingerprint(id, &member);
            for import in member.object.imports() {
                let path = String::from_utf8_lossy(import.package);
                let imported = self.import(id, &path, import.fingerprint)?;
                self.packages[id.index()].imports.push(imported);
            }
        }
        let package = &mut self.packages[id.index()];
        package.objects = start..self.objects.len() as u32;
        if package.path == "main" && !package.contents.is_main && !self.options.ignore_package_data {
            let problem = Diagnostic::error("not-main", "is not package main, so it cannot be linked as a program");
            self.errors.push(problem.at(Origin::file(package.file)).help("name the archive of a package main"));
        }
        Ok(())
    }

    /// What a package was compiled as must be what others were compiled against.
    fn check_fingerprint(&mut self, id: PackageId, member: &GoMember<'data>) {
        let own = member.object.fingerprint();
        let package = &mut self.packages[id.index()];
        if own == Fingerprint::default() {
            return;
        }
        if package.fingerprint == Fingerprint::default() {
            package.fingerprint = own;
        }
        if package.fingerprint != own {
            self.errors.push(stale(package, &package.path.clone(), own, package.fingerprint));
        }
    }

    fn import(&mut self, from: PackageId, path: &str, fingerprint: Fingerprint) -> Result<PackageId> {
        let path = clean(path);
        if let Some(&id) = self.by_path.get(&*path) {
            let known = self.packages[id.index()].fingerprint;
            if known != Fingerprint::default() && known != fingerprint {
                let importer = self.packages[from.index()].path.clone();
                self.errors.push(stale(&self.packages[id.index()], &importer, known, fingerprint));
            }
            return Ok(id);
        }
        let (file, contents) = self.find(&path).map_err(|found| {
            let importer = &self.packages[from.index()];
            let note = format!("imported by package {} ({})", importer.path, importer.file.display());
            let noted = found.into_iter().map(|problem| problem.note(note.clone())).collect();
            Diagnostics::check((), noted).err().unwrap_or_else(|| missing_package(&path, "").into())
        })?;
        Ok(self.insert(&path, &file, contents, fingerprint))
    }

    fn add_internal(&mut self, path: &str) -> Result<()> {
        if !self.by_path.contains_key(path) {
            let (file, contents) = self.find(path)?;
            self.insert(path, &file, contents, [0; 8]);
        }
        Ok(())
    }

    /// The archive of a package: what the importcfg says, else in the folders of `-L`.
    fn find(&mut self, path: &str) -> Result<(PathBuf, PackageFile<'data>)> {
        if let Some(file) = self.config.packages.get(path).cloned() {
            let contents = match self.read.remove(path) {
                Some(read) => read?,
                None => self.read_file(&file)?,
            };
            return Ok((file, contents));
        }
        if self.options.importcfg.is_some() {
            return Err(missing_package(path, "list it in the importcfg: 'packagefile path=file'").into());
        }
        let installed = self.installed_packages();
        let folders = self.options.library_folders.iter().chain(&installed);
        let candidates = folders.flat_map(|folder| ["a", "o"].map(|suffix| folder.join(format!("{path}.{suffix}"))));
        let file = candidates.into_iter().find(|file| file.exists());
        let file = file.ok_or_else(|| missing_package(path, "name its folder with -L, or pass an -importcfg"))?;
        let contents = self.read_file(&file)?;
        Ok((file, contents))
    }

    /// The folder of the toolchain's own packages: `GOROOT/pkg/linux_amd64`, with what `-installsuffix` adds to it.
    fn installed_packages(&self) -> Option<PathBuf> {
        let main = self.packages.first()?.contents.go_members().next().map(|(_, member)| member.header)?;
        let mut name = format!("{}_{}", main.system, main.architecture);
        if let Some(suffix) = &self.options.install_suffix {
            name = format!("{name}_{suffix}");
        }
        Some(Path::new(self.options.goroot.as_ref()?).join("pkg").join(name))
    }

    /// Checks the objects of all packages: apart from reading them, so that a large one keeps no worker waiting for the others.
    fn check_objects(&mut self) {
        let size = |package: &Package<'_>| package.contents.size() as usize;
        let check = |(): &mut (), package: &Package<'_>| package.contents.check().err();
        self.errors.extend(largest_first(&self.packages, size, || (), check).into_iter().flatten());
    }

    fn finish(mut self) -> Result<Loaded<'data>> {
        self.check_objects();
        Diagnostics::check((), self.errors)?;
        let first = self.packages.first().and_then(|main| main.contents.go_members().next().map(|(_, member)| *member));
        let Some(first) = first else {
            let problem = Diagnostic::error("no-go-object", "has no Go object, so there is no program to link");
            return Err(problem.at(Origin::file(&self.options.input)).into());
        };
        check_headers(&self.packages, &first)?;
        if !first.release.is_linked {
            let message = format!("was compiled by {}, whose programs cgolink does not link", first.header.version);
            return Err(Diagnostic::error("unknown-go-release", message)
                .at(Origin::file(&self.options.input))
                .note(format!("this version of cgolink links programs of {}", Release::supported()))
                .help("use a Go toolchain of a supported release")
                .into());
        }
        let architecture = first.header.target().filter(|_| first.header.system == "linux").ok_or_else(|| {
            let target = format!("{}/{}", first.header.system, first.header.architecture);
            Diagnostic::error("unsupported-target", format!("is compiled for {target}, which cgolink does not link"))
                .at(Origin::file(&self.options.input))
                .help("linux/amd64 and linux/arm64 are linked; use the toolchain's own linker for the others")
        })?;
        let program = Program {
            options: self.options,
            release: first.release,
            version: first.header.version,
            experiments: first.header.experiments().unwrap_or_default(),
            architecture,
            build_mode: self.options.build_mode.unwrap_or(BuildMode::Exe),
            is_cgo: self.by_path.contains_key("runtime/cgo"),
            packages: self.packages,
            module_info: self.config.module_info,
        };
        Ok(Loaded { program, objects: self.objects })
    }
}

/// Reads the archives of an importcfg.
fn read_all<'data>(store: &'data Store, config: &ImportConfig) -> HashMap<String, Result<PackageFile<'data>>> {
    let files: Vec<(&String, &PathBuf)> = config.packages.iter().collect();
    let read = files.into_par_iter().with_max_len(1).map(|(package, file)| (package.clone(), read(store, file)));
    read.collect::<Vec<_>>().into_iter().collect()
}

fn missing_package(path: &str, help: &str) -> Diagnostic {
    Diagnostic::error("missing-package", format!("package {path} is not found")).help(help)
}

fn read<'data>(store: &'data Store, path: &Path) -> Result<PackageFile<'data>> {
    let kept = store.keep_path(path.to_owned());
    Ok(goarchive::open(kept, store)?)
}

/// Every object must be compiled by the same toolchain for the same target.
fn check_headers(packages: &[Package<'_>], first: &GoMember<'_>) -> Result<()> {
    let mut errors = Vec::new();
    for package in packages {
        for (name, member) in package.contents.go_members() {
            if member.header.line != first.header.line {
                let origin = Origin {
                    package: Some(package.path.clone()),
                    ..Origin::member(package.file, String::from_utf8_lossy(name))
                };
                errors.push(
                    Diagnostic::error("mixed-toolchains", "was compiled by another toolchain or for another target")
                        .at(origin)
                        .note(format!("this object: {}", member.header.line))
                        .note(format!("package main: {}", first.header.line))
                        .help("build every package with one toolchain: go build -a"),
                );
            }
        }
    }
    Diagnostics::check((), errors)
}

fn stale(package: &Package<'_>, importer: &str, has: Fingerprint, expected: Fingerprint) -> Diagnostic {
    let text = |fingerprint: Fingerprint| u64::from_be_bytes(fingerprint);
    let message = format!("package {} is not the one that package {importer} was compiled against", package.path);
    Diagnostic::error("fingerprint-mismatch", message)
        .at(Origin::file(package.file))
        .note(format!("fingerprint {:016x}, expected {:016x}", text(has), text(expected)))
        .help("build again what imports it")
}

/// A package path without empty, `.` and `..` elements.
fn clean(path: &str) -> Cow<'_, str> {
    if !path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return path.into();
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts.join("/").into()
}

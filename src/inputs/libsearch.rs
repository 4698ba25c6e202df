//! `-lNAME` to a path: GNU ld's search, in `-L` order.

use std::path::{Path, PathBuf};

use crate::args::request::{InputModifiers, LinkRequest};
use crate::diag::Diagnostic;

/// Where libraries are looked for.
#[derive(Clone)]
pub struct SearchPath {
    directories: Vec<PathBuf>,
    sysroot: Option<PathBuf>,
    shared_allowed: bool,
}

impl SearchPath {
    /// The path of a link: its `-L`s, with the sysroot filled in.
    pub fn new(request: &LinkRequest) -> Self {
        let mut path = SearchPath {
            directories: Vec::new(),
            sysroot: request.sysroot.clone(),
            shared_allowed: !request.kind.is_static(),
        };
        for directory in &request.library_paths {
            path.push(directory);
        }
        path
    }

    /// Adds a directory at the end: `SEARCH_DIR` of a script.
    pub fn push(&mut self, directory: &Path) {
        self.directories.push(self.in_sysroot(directory));
    }

    /// A leading `=` or `$SYSROOT` stands for the sysroot (GNU ld manual, `-L`).
    pub fn in_sysroot(&self, path: &Path) -> PathBuf {
        let text = path.to_string_lossy();
        let rest = text.strip_prefix('=').or_else(|| text.strip_prefix("$SYSROOT"));
        match (rest, &self.sysroot) {
            (Some(rest), Some(sysroot)) => sysroot.join(rest.trim_start_matches('/')),
            (Some(rest), None) => PathBuf::from(rest),
            (None, _) => path.to_owned(),
        }
    }

    /// The files that `-lNAME` may mean, the first one first: the next is for a link that cannot use it.
    pub fn libraries(&self, name: &str, modifiers: InputModifiers) -> Result<Vec<PathBuf>, Diagnostic> {
        let candidates = match name.strip_prefix(':') {
            Some(file) => vec![file.to_owned()],
            None if self.shared_allowed && !modifiers.only_static => {
                vec![format!("lib{name}.so"), format!("lib{name}.a")]
            }
            None => vec![format!("lib{name}.a")],
        };
        let paths = self.directories.iter().flat_map(|directory| candidates.iter().map(|file| directory.join(file)));
        let found: Vec<PathBuf> = paths.filter(|path| path.is_file()).collect();
        if found.is_empty() { Err(self.missing(name, &candidates)) } else { Ok(found) }
    }

    /// The file that a script's `INPUT(NAME)` means: beside the script, or on the search path.
    pub fn script_input(&self, name: &Path, script: &Path) -> Option<PathBuf> {
        if name.is_absolute() {
            // A script inside the sysroot means files inside the sysroot.
            let inside = self.sysroot.as_ref().filter(|sysroot| script.starts_with(sysroot));
            let moved = inside.map(|sysroot| sysroot.join(name.strip_prefix("/").unwrap_or(name)));
            return moved.filter(|path| path.is_file()).or_else(|| Some(name.to_owned()));
        }
        let beside = script.parent().map(|directory| directory.join(name));
        let places = std::iter::once(name.to_owned()).chain(beside);
        places.chain(self.directories.iter().map(|directory| directory.join(name))).find(|path| path.is_file())
    }

    fn missing(&self, name: &str, candidates: &[String]) -> Diagnostic {
        let mut error = Diagnostic::error("library-not-found", format!("cannot find -l{name}"))
            .note(format!("looked for {}", candidates.join(", ")));
        if self.directories.is_empty() {
            error = error.note("no library folder was given");
        }
        for directory in &self.directories {
            error = error.note(format!("in {}", directory.display()));
        }
        let shared = self.directories.iter().map(|directory| directory.join(format!("lib{name}.so")));
        if let Some(found) = shared.into_iter().find(|path| path.is_file()) {
            return error.help(format!(
                "{} is a shared library, which a static link cannot take; install or build its static archive lib{name}.a",
                found.display()
            ));
        }
        error.help(format!("build or install lib{name}.a, or add its folder with -L"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::request::OutputKind;

    #[test]
    fn finds_archives_in_order_and_explains_a_miss() {
        let root = tempfile::tempdir().expect("a folder");
        let (first, second) = (root.path().join("a"), root.path().join("b"));
        for directory in [&first, &second] {
            std::fs::create_dir(directory).expect("a folder");
            std::fs::write(directory.join("libx.a"), b"").expect("a file");
        }
        std::fs::write(second.join("liby.so"), b"").expect("a file");
        let mut request = LinkRequest::new("out", OutputKind::StaticExecutable);
        request.library_paths = vec![first.clone(), second.clone()];
        let path = SearchPath::new(&request);
        let both = vec![first.join("libx.a"), second.join("libx.a")];
        assert_eq!(path.libraries("x", InputModifiers::default()), Ok(both.clone()));
        assert_eq!(path.libraries(":libx.a", InputModifiers::default()), Ok(both));
        let missing = path.libraries("y", InputModifiers::default()).expect_err("only a shared library");
        assert!(missing.help.expect("a fix").contains("liby.so is a shared library"));
    }

    #[test]
    fn fills_in_the_sysroot() {
        let mut request = LinkRequest::new("out", OutputKind::StaticExecutable);
        request.sysroot = Some(PathBuf::from("/sys"));
        let path = SearchPath::new(&request);
        assert_eq!(path.in_sysroot(Path::new("=/lib")), Path::new("/sys/lib"));
        assert_eq!(path.in_sysroot(Path::new("$SYSROOT/lib")), Path::new("/sys/lib"));
        assert_eq!(path.in_sysroot(Path::new("/lib")), Path::new("/lib"));
    }
}

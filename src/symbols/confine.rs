//! Which globals stay inside the program: those of archives that `--exclude-libs` names, and those that a version script
//! makes local (GNU ld manual, "VERSION Command"). One answer for each name, since only its definition counts.

use std::path::Path;

use hashbrown::HashMap;
use rayon::prelude::*;

use super::demangle::{demangle, is_cpp};
use super::files::LinkedFile;
use super::names::NameId;
use super::resolve::{Resolution, UNDEFINED};
use crate::args::request::LinkRequest;
use crate::diag::{Diagnostics, Result, io_error};
use crate::ids::FileId;
use crate::script::ast::{Command, Script, VersionNode, VersionPattern};
use crate::script::glob::Glob;
use crate::script::version::parse_version_script;

/// The confined names.
#[derive(Default, Debug)]
pub struct Confined {
    /// By [`NameId`]; empty if there are none.
    names: Vec<bool>,
}

/// The nodes of every `--version-script`, and of the VERSION commands of scripts.
pub fn version_nodes(request: &LinkRequest, directives: &[VersionNode], script: &Script) -> Result<Vec<VersionNode>> {
    let (mut nodes, mut errors) = (directives.to_vec(), None::<Diagnostics>);
    for command in &script.commands {
        if let Command::Version(more) = command {
            nodes.extend(more.iter().cloned());
        }
    }
    for path in &request.version_scripts {
        match read(path) {
            Ok(more) => nodes.extend(more),
            Err(more) => errors = Some(errors.into_iter().fold(more, Diagnostics::and)),
        }
    }
    errors.map_or(Ok(nodes), Err)
}

fn read(path: &Path) -> Result<Vec<VersionNode>> {
    let text = std::fs::read(path).map_err(|error| io_error("read the version script", path, &error))?;
    parse_version_script(&text, path)
}

impl Confined {
    /// Decides for every name that an input defines.
    pub fn new(resolution: &Resolution<'_>, exclude_libs: &[String], nodes: &[VersionNode]) -> Self {
        if exclude_libs.is_empty() && nodes.iter().all(|node| node.local.is_empty()) {
            return Confined::default();
        }
        let scopes = Scopes::new(nodes);
        let all: Vec<_> = resolution.names.iter().collect();
        let decide = |&(name, bytes): &(NameId, &[u8])| {
            let definition = resolution.by_name(name);
            if definition == UNDEFINED {
                return None;
            }
            let file = resolution.files.get(resolution.files.owner(definition).0);
            (is_excluded(file, exclude_libs) || scopes.is_local(bytes)).then_some(name)
        };
        let found: Vec<NameId> = all.par_iter().filter_map(decide).collect();
        let mut names = vec![false; resolution.names.bound()];
        found.into_iter().for_each(|name| names[name.index()] = true);
        Confined { names }
    }

    /// Whether symbol `index` of a file is a global that stays inside.
    pub fn contains(&self, resolution: &Resolution<'_>, file: FileId, index: usize) -> bool {
        if self.names.is_empty() {
            return false;
        }
        let name = resolution.files.get(file).global_name(index);
        name.is_some_and(|name| self.names.get(name.index()).copied().unwrap_or(false))
    }
}

/// Whether a file comes from an archive that `--exclude-libs` names by its file name, or from any for `ALL`.
fn is_excluded(file: &LinkedFile<'_>, exclude_libs: &[String]) -> bool {
    let name = file.object.member.and_then(|_| file.object.path.file_name());
    name.is_some_and(|name| exclude_libs.iter().any(|wanted| wanted == "ALL" || name == wanted.as_str()))
}

/// How closely a pattern names a symbol; the closest decides, and of two that are as close, the global one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Closeness {
    Name,
    Pattern,
    Everything,
}

/// The patterns of version nodes, sorted by what it takes to try them.
#[derive(Default)]
struct Scopes<'a> {
    /// Whether the name is local, by name as the object has it.
    names: HashMap<&'a [u8], bool>,
    /// The same by readable C++ name.
    cpp_names: HashMap<&'a str, bool>,
    globs: Vec<(Glob, bool)>,
    cpp_globs: Vec<(Glob, bool)>,
    everything: Option<bool>,
}

impl<'a> Scopes<'a> {
    fn new(nodes: &'a [VersionNode]) -> Self {
        let mut scopes = Scopes::default();
        for node in nodes {
            node.local.iter().for_each(|pattern| scopes.add(pattern, true));
        }
        // A global pattern that is as close replaces a local one.
        for node in nodes {
            node.global.iter().for_each(|pattern| scopes.add(pattern, false));
        }
        scopes
    }

    fn add(&mut self, pattern: &'a VersionPattern, local: bool) {
        let text = pattern.pattern.as_str();
        let glob = match pattern.exact {
            true => Glob::Exact(text.as_bytes().to_vec()),
            false => Glob::new(text.as_bytes()),
        };
        match (glob, pattern.cpp) {
            (Glob::Exact(_), true) => _ = self.cpp_names.insert(text, local),
            (Glob::Exact(_), false) => _ = self.names.insert(text.as_bytes(), local),
            (Glob::Any, false) => self.everything = Some(local),
            (glob, true) => self.cpp_globs.push((glob, local)),
            (glob, false) => self.globs.push((glob, local)),
        }
    }

    fn is_local(&self, name: &[u8]) -> bool {
        // Closeness first; a global pattern (`false`) comes before a local one.
        let mut best: Option<(Closeness, bool)> = self.names.get(name).map(|&local| (Closeness::Name, local));
        let mut offer = |closeness, local| best = Some(best.map_or((closeness, local), |b| b.min((closeness, local))));
        let matching = |globs: &[(Glob, bool)], text: &[u8]| {
            globs.iter().filter(|(glob, _)| glob.matches(text)).map(|(_, local)| *local).min()
        };
        matching(&self.globs, name).into_iter().for_each(|local| offer(Closeness::Pattern, local));
        if is_cpp(name) && !(self.cpp_names.is_empty() && self.cpp_globs.is_empty()) {
            let readable = demangle(name);
            self.cpp_names.get(&*readable).into_iter().for_each(|&local| offer(Closeness::Name, local));
            let found = matching(&self.cpp_globs, readable.as_bytes());
            found.into_iter().for_each(|local| offer(Closeness::Pattern, local));
        }
        self.everything.into_iter().for_each(|local| offer(Closeness::Everything, local));
        best.is_some_and(|(_, local)| local)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locals(script: &str, names: &[&str]) -> Vec<bool> {
        let nodes = parse_version_script(script.as_bytes(), Path::new("v")).expect("a version script");
        let scopes = Scopes::new(&nodes);
        names.iter().map(|name| scopes.is_local(name.as_bytes())).collect()
    }

    #[test]
    fn the_closest_pattern_decides() {
        let script = "{ global: keep; k*; local: kept_not; *; };";
        assert_eq!(locals(script, &["keep", "kind", "kept_not", "other"]), [false, false, true, true]);
        assert_eq!(locals("{ global: *; local: a*; b; };", &["a", "ab", "b", "c"]), [true, true, true, false]);
    }

    #[test]
    fn of_two_as_close_the_global_one_counts() {
        assert_eq!(locals("{ global: a; b*; local: a; *b; c; };", &["a", "bb", "xb", "c"]), [false, false, true, true]);
        assert_eq!(locals("V1 { local: a; *; }; V2 { global: a; } V1;", &["a", "b"]), [false, true]);
    }

    #[test]
    fn cpp_patterns_see_readable_names() {
        let script = "{ global: extern \"C++\" { ns::*; \"plain(int)\"; }; local: *; };";
        let names = ["_ZN2ns1fEv", "_Z5plaini", "_Z5plainc", "ns::f"];
        assert_eq!(locals(script, &names), [false, false, true, true]);
        assert_eq!(locals("{ local: extern \"C++\" { ns::*; }; };", &["_ZN2ns1fEv", "_ZN2no1fEv"]), [true, false]);
    }

    #[test]
    fn what_nothing_mentions_stays_global() {
        assert_eq!(locals("{ global: a; };", &["a", "b"]), [false, false]);
        assert_eq!(locals("{ local: \"a*\"; };", &["a*", "ab"]), [true, false]);
    }
}

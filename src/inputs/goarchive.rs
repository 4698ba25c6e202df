//! Package archives: the file that `go tool compile -pack` and the go command make of a Go package (Go 1.26 and 1.27,
//! `cmd/link/internal/ld/lib.go`, `go.go`).
//!
//! ```text
//! archive   = ar members: "__.PKGDEF" for compilers, "_go_.o", assembly objects, C objects, marks
//! Go object = "go object " header "\n"  text  "\n!\n"  object        see goobj for the last part
//! text      = "build id ..."  "main"?  ""  ("$$" section "$$")*      "\n!\n" may stand within a section
//! cgo       = "\n$$  // cgo" ... "\n" JSON array of arrays of strings "\n$$"
//! ```

use std::path::Path;

use crate::diag::{Diagnostic, Origin};
use crate::inputs::archive::{Archive, ArchiveError, MAGIC, MemberData};
use crate::inputs::goabi::{ObjectHeader, Release};
use crate::inputs::goobj::{Object, ObjectError};
use crate::inputs::store::{Store, Tail};

/// A package, borrowed from its file.
#[derive(Clone, Debug)]
pub struct PackageFile<'data> {
    /// The file.
    pub path: &'data Path,
    /// What the linker takes, in file order: each is a compilation unit.
    pub members: Vec<Member<'data>>,
    /// cgo's directives, of each Go object that has some: lists of words.
    pub directives: Vec<Vec<Vec<String>>>,
    /// Whether a Go object says that it belongs to `package main`.
    pub is_main: bool,
    /// The go command could not find out what the package's C code imports.
    pub cannot_link_internally: bool,
    /// The go command saw C flags that call for a host linker.
    pub prefers_external: bool,
}

/// One member that is linked.
#[derive(Clone, Debug)]
pub struct Member<'data> {
    /// Its name in the archive; the file's name if there is no archive.
    pub name: &'data [u8],
    /// What it is.
    pub kind: MemberKind<'data>,
}

/// What a member is.
#[derive(Clone, Debug)]
pub enum MemberKind<'data> {
    /// Compiled by Go.
    Go(Box<GoMember<'data>>),
    /// Anything else: an object of a C compiler, by its first bytes.
    Host(&'data [u8]),
}

/// A Go object with the line that says for what it was compiled.
#[derive(Clone, Copy, Debug)]
pub struct GoMember<'data> {
    /// The line.
    pub header: ObjectHeader<'data>,
    /// The release that compiled it.
    pub release: &'static Release,
    /// The object.
    pub object: Object<'data>,
    /// Where it starts in the member, in bytes.
    pub start: u64,
}

/// Opens a package archive, or a Go object that is a file of its own. What is there for compilers comes first and is a good part of
/// many archives: it is not mapped. The objects are still to be checked: [`PackageFile::check`].
pub fn open<'data>(path: &'data Path, store: &'data Store) -> Result<PackageFile<'data>, Diagnostic> {
    read_tail(path, store.map_tail(path, end_of_exports)?)
}

fn read_tail<'data>(path: &'data Path, tail: Tail<'data>) -> Result<PackageFile<'data>, Diagnostic> {
    if tail.start == 0 {
        return read_whole(path, tail.bytes);
    }
    let mut file = PackageFile::new(path);
    file.add_members(&Archive::from_member(tail.bytes), tail.start)?;
    Ok(file)
}

/// Reads a package archive, or a Go object that is a file of its own, and checks its objects.
pub fn read<'data>(path: &'data Path, data: &'data [u8]) -> Result<PackageFile<'data>, Diagnostic> {
    let file = read_whole(path, data)?;
    file.check()?;
    Ok(file)
}

fn read_whole<'data>(path: &'data Path, data: &'data [u8]) -> Result<PackageFile<'data>, Diagnostic> {
    let mut file = PackageFile::new(path);
    if data.starts_with(MAGIC) {
        let archive = Archive::parse(data).map_err(|error| error.diagnostic(path))?;
        file.add_members(&archive, 0)?;
    } else {
        let name = path.file_name().map_or(&b""[..], std::ffi::OsStr::as_encoded_bytes);
        file.add(name, data)?;
    }
    Ok(file)
}

/// The member that compilers read.
const EXPORTS: &[u8] = b"__.PKGDEF";

/// Where an archive's second member starts if the first one is for compilers, by the first bytes; else 0.
fn end_of_exports(head: &[u8]) -> u64 {
    let first = Archive::first_member(head).filter(|(name, _)| *name == EXPORTS);
    first.map_or(0, |(_, next)| next)
}

/// Whether a member takes part in links: not what compilers import, nor marks of build tools with short names.
fn is_linked(name: &[u8]) -> bool {
    let may_be_cut = name.len() >= 16;
    name != EXPORTS && (may_be_cut || name.ends_with(b".o") || name.ends_with(b".syso"))
}

impl<'data> PackageFile<'data> {
    const fn new(path: &'data Path) -> Self {
        PackageFile {
            path,
            members: Vec::new(),
            directives: Vec::new(),
            is_main: false,
            cannot_link_internally: false,
            prefers_external: false,
        }
    }

    /// Adds the members of an archive whose bytes are those of the file from `start` on.
    fn add_members(&mut self, archive: &Archive<'data>, start: u64) -> Result<(), Diagnostic> {
        for member in archive.members() {
            let in_file = |error: ArchiveError| ArchiveError { offset: start + error.offset, ..error };
            let member = member.map_err(|error| in_file(error).diagnostic(self.path))?;
            match member.name {
                b"dynimportfail" => self.cannot_link_internally = true,
                b"preferlinkext" => self.prefers_external = true,
                _ => {}
            }
            let MemberData::Inline(contents) = member.data else { continue };
            if is_linked(member.name) {
                self.add(member.name, contents)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, name: &'data [u8], contents: &'data [u8]) -> Result<(), Diagnostic> {
        let kind = match contents.starts_with(b"go o") {
            true => MemberKind::Go(Box::new(self.read_go(name, contents)?)),
            false => {
                if name.ends_with(b".go") {
                    let problem = "is Go source that was not compiled";
                    return Err(self.problem(name, "bad-go-object", problem).help("compile it: go build"));
                }
                MemberKind::Host(contents)
            }
        };
        self.members.push(Member { name, kind });
        Ok(())
    }

    fn problem(&self, member: &[u8], code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, message).at(Origin::member(self.path, String::from_utf8_lossy(member)))
    }

    fn read_go(&mut self, name: &'data [u8], contents: &'data [u8]) -> Result<GoMember<'data>, Diagnostic> {
        let truncated = || self.problem(name, "bad-go-object", "the Go object is truncated: it ends within its text");
        let end = memchr::memchr(b'\n', contents).ok_or_else(truncated)?;
        let header = ObjectHeader::parse(&contents[..end]).ok_or_else(|| {
            self.problem(
                name,
                "bad-go-object",
                "not a Go object: its first line is not 'go object SYSTEM ARCH VERSION'",
            )
        })?;
        let release = Release::of_version(header.version).ok_or_else(|| {
            let message = format!("was compiled by {}, whose objects cgolink does not know", header.version);
            self.problem(name, "unknown-go-release", message)
                .note(format!("this version of cgolink links objects of {}", Release::supported()))
                .help("use a Go toolchain of a supported release, or a newer cgolink")
        })?;
        let rest = &contents[end..];
        let text_end = end_of_text(rest).ok_or_else(truncated)?;
        let text = &rest[..text_end];
        self.read_text(name, text)?;
        let start = (end + text_end + END_OF_TEXT.len()) as u64;
        let object = Object::open(&contents[start as usize..]).map_err(|error| self.damaged(name, start, error))?;
        if object.is_unlinkable() {
            let problem = self.problem(name, "bad-go-object", "was compiled without -p and cannot be linked");
            return Err(problem.help("pass -p with the package's path to the compiler"));
        }
        Ok(GoMember { header, release, object, start })
    }

    /// Checks what Go objects say of their symbols: nothing of that can be relied on before.
    pub fn check(&self) -> Result<(), Diagnostic> {
        self.go_members().try_for_each(|(name, member)| {
            member.object.check().map_err(|error| self.damaged(name, member.start, error))
        })
    }

    /// `start` is where the object starts in its member.
    fn damaged(&self, member: &[u8], start: u64, error: ObjectError) -> Diagnostic {
        let problem = self.problem(member, "bad-go-object", error.kind.to_string());
        let origin = problem.origin.clone().at(error.offset + start);
        problem.at(origin).help("build the package again: go clean -cache, then go build")
    }

    /// Bytes of its Go objects.
    pub fn size(&self) -> u64 {
        self.go_members().map(|(_, member)| member.object.size()).sum()
    }

    fn read_text(&mut self, name: &[u8], text: &[u8]) -> Result<(), Diagnostic> {
        let lines = text.split(|&byte| byte == b'\n').skip(1).take_while(|line| !line.is_empty());
        self.is_main |= lines.into_iter().any(|line| line == b"main");
        let Some(start) = memchr::memmem::find(text, b"\n$$  // cgo") else { return Ok(()) };
        let bad = |what: String| self.problem(name, "bad-cgo-directives", what);
        let section = &text[start + 1..];
        let line = memchr::memchr(b'\n', section).ok_or_else(|| bad("the cgo directives are cut off".to_owned()))?;
        let section = &section[line..];
        let end = memchr::memmem::find(section, b"\n$$").unwrap_or(section.len());
        let directives = serde_json::from_slice(section[..end].trim_ascii())
            .map_err(|error| bad(format!("the cgo directives are no JSON lists of words: {error}")))?;
        self.directives.push(directives);
        Ok(())
    }

    /// Whether a member was not compiled by Go.
    pub fn has_host_objects(&self) -> bool {
        self.members.iter().any(|member| matches!(member.kind, MemberKind::Host(_)))
    }

    /// The Go objects.
    pub fn go_members(&self) -> impl Iterator<Item = (&[u8], &GoMember<'data>)> {
        self.members.iter().filter_map(|member| match &member.kind {
            MemberKind::Go(object) => Some((member.name, &**object)),
            MemberKind::Host(_) => None,
        })
    }
}

const END_OF_TEXT: &[u8] = b"\n!\n";

/// Where the text before an object ends: at the first line "!" that is not within a section between two "$$".
/// `text` starts with the end of the header's line.
fn end_of_text(text: &[u8]) -> Option<usize> {
    let mut markers = 0;
    for at in memchr::memchr_iter(b'\n', text) {
        let rest = &text[at..];
        if markers % 2 == 0 && rest.starts_with(END_OF_TEXT) {
            return Some(at);
        }
        markers += usize::from(rest.starts_with(b"\n$$"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golang::fixture;
    use crate::mutation::Mutation;

    #[test]
    fn the_text_ends_outside_sections() {
        assert_eq!(end_of_text(b"\n!\n"), Some(0));
        assert_eq!(end_of_text(b"\nbuild id \"x\"\n\n!\nrest\n!\n"), Some(14));
        assert_eq!(end_of_text(b"\n$$B\nab\n!\ncd\n$$\n!\n"), Some(15));
        assert_eq!(end_of_text(b"\n$$B\nab\n!\ncd"), None);
    }

    #[test]
    fn marks_of_build_tools_are_not_linked() {
        for (name, want) in [
            (&b"__.PKGDEF"[..], false),
            (b"_go_.o", true),
            (b"x_amd64.syso", true),
            (b"preferlinkext", false),
            (b"a_name_that_is_cu", true),
        ] {
            assert_eq!(is_linked(name), want, "{}", String::from_utf8_lossy(name));
        }
    }

    fn archive_of(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = MAGIC.to_vec();
        for (name, contents) in members {
            archive.extend(format!("{name:<16}{:<32}{:<10}`\n", "", contents.len()).bytes());
            archive.extend(*contents);
            archive.resize(archive.len().next_multiple_of(2), b'\n');
        }
        archive
    }

    /// Bytes in front of the contents of the first member.
    const HEAD: usize = MAGIC.len() + 60;

    /// Members by name and size and what they told, or the problem.
    fn summary(read: Result<PackageFile<'_>, Diagnostic>) -> Result<String, String> {
        let file = read.map_err(|problem| problem.to_string())?;
        let of_member = |member: &Member<'_>| match &member.kind {
            MemberKind::Go(member) => (member.header.version.to_owned(), member.object.size()),
            MemberKind::Host(contents) => (String::from_utf8_lossy(contents).into_owned(), contents.len() as u64),
        };
        let members = file.members.iter().map(|member| (String::from_utf8_lossy(member.name), of_member(member)));
        Ok(format!("{:?} {} {}", members.collect::<Vec<_>>(), file.is_main, file.cannot_link_internally))
    }

    #[test]
    fn archives_are_read_the_same_without_what_compilers_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("p.a");
        let object = [b"go object linux amd64 go1.26.8 X:x\nmain\n\n!\n", &fixture::object(&[])[..]].concat();
        let exports = vec![b'e'; 5001];
        let members: &[(&str, &[u8])] = &[
            ("__.PKGDEF", &exports),
            ("_go_.o", &object),
            ("a_amd64.o", &object),
            ("dynimportfail", b""),
            ("c.o", b"C"),
        ];
        let whole = archive_of(members);
        assert_eq!(end_of_exports(&whole[..HEAD]), (HEAD + 5002) as u64);
        let mut mutation = Mutation::new(0x5eed_0006);
        let mut kept = 0;
        for round in 0..400 {
            // Most of the damage is to be outside the exports.
            let data = match round {
                0 => whole.clone(),
                1 => archive_of(&members[..1]),
                2 => archive_of(&members[1..]),
                _ => [&mutation.of(&whole[..80])[..], &exports[20..], &mutation.of(&whole[HEAD + 4990..])].concat(),
            };
            std::fs::write(&path, &data).expect("a file");
            let store = Store::default();
            let checked = open(&path, &store).and_then(|file| file.check().map(|()| file));
            let (ours, want) = (summary(checked), summary(read(&path, &data)));
            assert_eq!(ours, want, "round {round}");
            kept += usize::from(ours.is_ok());
        }
        assert!((3..400).contains(&kept), "{kept} were read");
    }

    #[test]
    fn unknown_releases_are_named() {
        let text = b"go object linux amd64 go1.99.1 X:x\n\n!\n";
        let error = read(Path::new("p.a"), text).expect_err("an unknown release");
        assert_eq!(error.code, "unknown-go-release");
        assert!(error.to_string().contains("go1.99.1") && error.to_string().contains("Go 1.27"), "{error}");
    }
}

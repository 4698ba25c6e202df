//! Go package archives and Go objects: everything that a link takes from them.

use std::collections::HashMap;
use std::path::Path;

use super::containers;
use super::document::{Part, Value};
use crate::diag::Diagnostic;
use crate::golang::symbols::Kind;
use crate::inputs::goabi::Release;
use crate::inputs::goarchive::{self, GoMember, MemberKind};
use crate::inputs::goobj::records::{ABI_STATIC, flag, flag2, package_index};
use crate::inputs::goobj::{Object, Reference, SymbolRecord};

/// A package archive, or a Go object that is a file of its own.
pub fn package(path: &Path, data: &[u8]) -> Result<Part, Diagnostic> {
    let file = goarchive::read(path, data)?;
    let pragmas = file.directives.iter().flatten().map(|words| {
        let (name, rest) = words.split_first().map_or(("", &[][..]), |(name, rest)| (name.as_str(), rest));
        vec![name.into(), rest.to_vec().into()]
    });
    let part = Part::new(path.display().to_string())
        .fact("kind", "Go package archive")
        .fact("main", file.is_main)
        .fact("cannot-link-internally", file.cannot_link_internally)
        .fact("prefers-external-linking", file.prefers_external)
        .table("pragmas", &["directive", "words"], pragmas.collect());
    let members = file.members.iter().map(|member| {
        let name = String::from_utf8_lossy(member.name).into_owned();
        match &member.kind {
            MemberKind::Go(object) => go_member(name, object),
            MemberKind::Host(contents) => containers::object(name, contents),
        }
    });
    Ok(part.parts("objects", members.collect()))
}

fn go_member(name: String, member: &GoMember<'_>) -> Part {
    let object = &member.object;
    let counts = object.counts();
    let names = Names::of(object, member.release);
    let imports = object.imports().map(|import| vec![import.package.into(), hex(&import.fingerprint).into()]);
    let list = |items: &mut dyn Iterator<Item = &[u8]>| items.map(|item| vec![item.into()]).collect::<Vec<_>>();
    Part::new(name)
        .fact("kind", "Go object")
        .fact("header", member.header.line)
        .fact("release", member.release.to_string())
        .fact("fingerprint", hex(&object.fingerprint()))
        .fact("shared", object.is_shared())
        .fact("from-assembly", object.is_from_assembly())
        .fact("standard-library", object.is_standard_library())
        .fact("package-symbols", counts.package)
        .fact("hashed64-symbols", counts.hashed64)
        .fact("hashed-symbols", counts.hashed)
        .fact("non-package-symbols", counts.non_package)
        .fact("references", counts.references)
        .table("imports", &["package", "fingerprint"], imports.collect())
        .table("packages", &["package"], list(&mut object.packages().skip(1)))
        .table("files", &["file"], list(&mut object.files()))
        .table(
            "symbols",
            &["index", "name", "kind", "abi", "size", "alignment", "flags", "hash"],
            symbols(object, &names, member.release),
        )
        .table(
            "relocations",
            &["symbol", "offset", "size", "type", "target", "addend"],
            relocations(object, &names, member.release),
        )
        .table("auxiliary", &["symbol", "kind", "target"], auxiliary(object, &names))
}

fn symbols(object: &Object<'_>, names: &Names<'_>, release: &Release) -> Vec<Vec<Value>> {
    let row = |(index, symbol): (usize, SymbolRecord<'_>)| {
        let local = index as u32;
        let hash = match local < object.counts().package {
            true => String::new(),
            false => object.content_hash(local).map_or_else(String::new, |hash| hash.to_string()),
        };
        let defined = local < object.counts().definitions();
        let kind = if defined { format!("{:?}", Kind::of_object(symbol.kind())) } else { "reference".to_owned() };
        let abi = match symbol.abi() {
            0 => "ABI0".to_owned(),
            1 => "ABIInternal".to_owned(),
            ABI_STATIC => "static".to_owned(),
            other => other.to_string(),
        };
        vec![
            index.into(),
            names.local(object, local),
            kind.into(),
            abi.into(),
            symbol.size().into(),
            symbol.alignment().into(),
            flags(symbol, release).into(),
            hash.into(),
        ]
    };
    object.symbols().enumerate().map(row).collect()
}

fn flags(symbol: SymbolRecord<'_>, release: &Release) -> Vec<String> {
    const FIRST: [(u8, &str); 7] = [
        (flag::DUPLICATE_OK, "dupok"),
        (flag::LOCAL, "local"),
        (flag::TYPELINK, "typelink"),
        (flag::LEAF, "leaf"),
        (flag::NO_SPLIT, "nosplit"),
        (flag::REFLECT_METHOD, "reflectmethod"),
        (flag::GO_TYPE, "gotype"),
    ];
    let second = [
        (flag2::USED_IN_IFACE, "usediniface"),
        (flag2::ITAB, "itab"),
        (flag2::DICTIONARY, "dict"),
        (flag2::PACKAGE_INIT, "pkginit"),
        (flag2::LINKNAME, "linkname"),
        (release.linkname_std_flag, "linknamestd"),
        (release.abi_wrapper_flag, "abiwrapper"),
    ];
    let set = |names: &[(u8, &str)], bits: u8| {
        let set = names.iter().filter(|(bit, _)| bits & bit != 0);
        set.map(|(_, name)| (*name).to_owned()).collect::<Vec<_>>()
    };
    [set(&FIRST, symbol.flags()), set(&second, symbol.flags2())].concat()
}

fn relocations(object: &Object<'_>, names: &Names<'_>, release: &Release) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    for local in 0..object.counts().definitions() {
        for relocation in object.relocations(local) {
            let kind = release.relocations.of(relocation.raw_kind());
            let weak = if relocation.is_weak() { "weak " } else { "" };
            rows.push(vec![
                names.local(object, local),
                i64::from(relocation.offset()).into(),
                u32::from(relocation.size()).into(),
                format!("{weak}{kind:?}").into(),
                names.of_reference(object, relocation.target()),
                relocation.addend().into(),
            ]);
        }
    }
    rows
}

fn auxiliary(object: &Object<'_>, names: &Names<'_>) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    for local in 0..object.counts().definitions() {
        for aux in object.aux(local) {
            let kind = aux.kind().map_or_else(|| "unknown".to_owned(), |kind| format!("{kind:?}"));
            rows.push(vec![names.local(object, local), kind.into(), names.of_reference(object, aux.symbol())]);
        }
    }
    rows
}

/// What references are called.
struct Names<'data> {
    packages: Vec<&'data [u8]>,
    /// Names that the object keeps of other packages' symbols.
    others: HashMap<Reference, &'data [u8]>,
    builtins: Vec<&'static str>,
}

impl<'data> Names<'data> {
    fn of(object: &Object<'data>, release: &Release) -> Self {
        Names {
            packages: object.packages().collect(),
            others: object.reference_names().collect(),
            builtins: release.builtins().map(|(name, _)| name).collect(),
        }
    }

    /// A symbol of the object; one without a name is called by its number.
    fn local(&self, object: &Object<'_>, local: u32) -> Value {
        let name = object.name(object.symbol(local));
        if name.is_empty() { format!("#{local}").into() } else { name.into() }
    }

    fn of_reference(&self, object: &Object<'_>, reference: Reference) -> Value {
        let counts = object.counts();
        let Reference { package, index } = reference;
        let after = |lists: u32| self.local(object, lists.saturating_add(index));
        match package {
            _ if reference.is_nil() => "".into(),
            package_index::SELF => after(0),
            package_index::HASHED64 => after(counts.package),
            package_index::HASHED => after(counts.package + counts.hashed64),
            package_index::NONE => after(counts.package + counts.hashed64 + counts.hashed),
            package_index::BUILTIN => self
                .builtins
                .get(index as usize)
                .map_or_else(|| format!("builtin #{index}").into(), |name| (*name).into()),
            _ => match self.others.get(&reference) {
                Some(name) => (*name).into(),
                None => {
                    let package = self.packages.get(package as usize).copied().unwrap_or(b"?");
                    format!("{}#{index}", String::from_utf8_lossy(package)).into()
                }
            },
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

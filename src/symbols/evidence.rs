//! From the resolved link to the plain views that [`super::undefined`] and [`super::duplicate`] report on. Runs on the
//! error path only: everything here is looked up anew, so that a link that succeeds keeps no tables for it.

use std::collections::{HashMap, HashSet};

use object::elf::{SHT_NOBITS, STT_FUNC, STT_GNU_IFUNC};

use super::cgo::{CgoName, Packages};
use super::demangle::go_package;
use super::duplicate::{self, Definition, Duplicate};
use super::files::LinkedFile;
use super::missing::{Context, Reference, Skipped, Undefined};
use super::resolve::Resolution;
use super::spelling::Known;
use super::undefined;
use crate::diag::{Diagnostic, Origin};
use crate::ids::{AtomId, FileId, SymbolId};
use crate::inputs::atoms::Atoms;
use crate::inputs::elf::{LE, Place};
use crate::inputs::load::PassedOver;
use crate::target::Target;

/// One relocation whose symbol nothing defines.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct NeedSite {
    /// The atom it patches.
    pub atom: AtomId,
    /// Its index among the atom's relocations.
    pub relocation: u32,
    /// The symbol, in the atom's file.
    pub symbol: SymbolId,
}

/// What the link is made of, for the reports.
#[derive(Clone, Copy)]
pub struct Link<'a, 'data> {
    /// The names, resolved.
    pub resolution: &'a Resolution<'data>,
    /// What the `-l` options named.
    pub libraries: &'a [String],
    /// What is linked for.
    pub target: Target,
}

/// The errors for references without a definition.
pub fn undefined_symbols(link: Link<'_, '_>, atoms: &Atoms<'_>, sites: &[NeedSite]) -> Vec<Diagnostic> {
    if sites.is_empty() {
        return Vec::new();
    }
    let mut witness = Witness::new(link);
    let mut sorted = sites.to_vec();
    sorted.sort_unstable();
    let mut symbols: HashMap<&[u8], Undefined<'_>> = HashMap::new();
    // A function that refers to a symbol a hundred times is one place that needs it.
    let mut seen = HashSet::new();
    for site in sorted {
        let name = wanted_name(link.resolution, site.symbol);
        let reference = witness.reference(atoms, site);
        if !seen.insert((name, site.atom, reference.function)) {
            continue;
        }
        let symbol = symbols.entry(name).or_insert_with(|| Undefined { name, is_strong: true, references: Vec::new() });
        symbol.references.push(reference);
    }
    let symbols: Vec<Undefined<'_>> = symbols.into_values().collect(); // sorted by the report
    let (known, files) = witness.known();
    let skipped: Vec<Skipped<'_>> = link.resolution.passed_over.iter().map(skipped).collect();
    let context = Context {
        target: link.target,
        known: &known,
        files: &files,
        packages: &witness.packages,
        libraries: link.libraries,
        skipped: &skipped,
    };
    undefined::report(&symbols, &context)
}

fn skipped<'data>(library: &PassedOver<'data>) -> Skipped<'data> {
    let origin = Origin { member: None, ..library.why.origin.clone() };
    Skipped { origin, why: library.why.message.clone(), archive: library.archive }
}

/// The errors for names with several strong definitions: [`Resolution::duplicates`].
pub fn duplicate_symbols(link: Link<'_, '_>) -> Vec<Diagnostic> {
    if link.resolution.duplicates.is_empty() {
        return Vec::new();
    }
    let witness = Witness::new(link);
    let mut losers: HashMap<SymbolId, Vec<SymbolId>> = HashMap::new();
    for &(loser, winner) in &link.resolution.duplicates {
        losers.entry(winner).or_default().push(loser);
    }
    let duplicates: Vec<Duplicate<'_>> = losers
        .into_iter()
        .map(|(winner, mut others)| {
            others.sort_unstable();
            let symbols = std::iter::once(winner).chain(others);
            let definitions = symbols.map(|symbol| witness.definition(symbol)).collect();
            Duplicate { name: link.resolution.name_of(winner), definitions }
        })
        .collect();
    duplicate::report(&duplicates, &witness.packages)
}

/// Answers questions about places in the inputs.
struct Witness<'a, 'data> {
    link: Link<'a, 'data>,
    packages: Packages,
    /// By [`FileId`]: the Go package a file belongs to.
    owners: Vec<Option<String>>,
    /// Of the files asked about: their functions by section and start.
    functions: HashMap<FileId, Vec<Function<'data>>>,
}

/// A function of one file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Function<'data> {
    section: u32,
    start: u64,
    size: u64,
    name: &'data [u8],
}

impl<'a, 'data> Witness<'a, 'data> {
    fn new(link: Link<'a, 'data>) -> Self {
        let files = &link.resolution.files.files;
        let go_names =
            files.iter().filter(|file| is_go_object(file)).flat_map(|file| names(file).map(|(_, name)| name));
        let packages = Packages::from_symbols(go_names);
        let owners = owners(files, &packages);
        Witness { link, packages, owners, functions: HashMap::new() }
    }

    /// The place of a relocation, with the function around it.
    fn reference(&mut self, atoms: &Atoms<'_>, site: NeedSite) -> Reference<'data> {
        let atom = atoms.get(site.atom);
        let file = self.link.resolution.files.get(atom.file);
        let offset =
            atom.relocations.records().get(site.relocation as usize).map_or(0, |record| record.r_offset.get(LE));
        let section = (site.atom.index() - file.first_atom.index()) as u32;
        let functions = self.functions.entry(atom.file).or_insert_with(|| functions(file));
        let before = functions.partition_point(|one| (one.section, one.start) <= (section, offset));
        let around = before.checked_sub(1).map(|index| functions[index]);
        let function = around
            .filter(|one| one.section == section && (one.size == 0 || offset - one.start < one.size))
            .map(|one| one.name);
        let mut origin = file.object.origin().in_section(String::from_utf8_lossy(atom.name)).at(offset);
        origin.package = match function.filter(|_| is_go_object(file)) {
            Some(function) => package_of_go_symbol(function),
            None => self.owners[atom.file.index()].clone(),
        };
        Reference { origin, function }
    }

    fn definition(&self, symbol: SymbolId) -> Definition<'data> {
        let resolution = self.link.resolution;
        let (file_id, index) = resolution.files.owner(symbol);
        let file = resolution.files.get(file_id);
        let mut origin = file.object.origin();
        origin.package = self.owners[file_id.index()].clone();
        let Some(record) = file.object.symbols.get(index) else {
            return Definition { origin, size: 0, bytes: None, is_function: false };
        };
        let (start, size) = (record.st_value.get(LE), record.st_size.get(LE));
        let mut bytes = None;
        if let Place::Section(section) = file.object.place(index) {
            let name = file.object.section_name(section).unwrap_or_default();
            origin = origin.in_section(String::from_utf8_lossy(name)).at(start);
            bytes = section_bytes(file, section, start, size);
        }
        let is_function = matches!(record.st_info & 0xf, STT_FUNC | STT_GNU_IFUNC);
        Definition { origin, size, bytes, is_function }
    }

    /// Every definition that the inputs have or offer, and the files they are in.
    fn known(&self) -> (Vec<Known<'data>>, Vec<Origin>) {
        let (mut known, mut places) = (Vec::new(), Vec::new());
        for file in &self.link.resolution.files.files {
            let is_go = is_go_object(file);
            for (index, name) in names(file) {
                let is_local = index < file.object.first_global;
                let is_function = file.object.symbols[index].st_info & 0xf == STT_FUNC;
                let counts = !name.is_empty() && file.object.place(index) != Place::Undefined;
                // Go's own functions are no C names.
                if counts && (!is_local || (is_function && !is_go)) {
                    known.push(Known { name, file: places.len(), is_local });
                }
            }
            places.push(file.object.origin());
        }
        for archive in &self.link.resolution.archives {
            if let Some(index) = archive.archive.index() {
                known.extend(index.iter().map(|(name, _)| Known { name, file: places.len(), is_local: false }));
            }
            places.push(Origin::file(archive.path));
        }
        (known, places)
    }
}

/// Bytes of a section in the file, before relocation.
fn section_bytes<'data>(file: &LinkedFile<'data>, section: u32, start: u64, size: u64) -> Option<&'data [u8]> {
    let header = file.object.sections.get(section as usize)?;
    if header.sh_type.get(LE) == SHT_NOBITS {
        return None;
    }
    let start = header.sh_offset.get(LE).checked_add(start)?;
    let end = start.checked_add(size)?;
    file.object.data.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
}

/// The name that was looked for: with `--wrap`, another than the one in the file.
fn wanted_name<'data>(resolution: &Resolution<'data>, symbol: SymbolId) -> &'data [u8] {
    let (file, index) = resolution.files.owner(symbol);
    match resolution.files.get(file).global_name(index) {
        Some(name) => resolution.names.bytes(name),
        None => resolution.name_of(symbol),
    }
}

/// The names of a file's symbols, with their indices. Damaged ones are left out.
fn names<'f, 'data>(file: &'f LinkedFile<'data>) -> impl Iterator<Item = (usize, &'data [u8])> + 'f {
    let symbols = file.object.symbols.iter().enumerate();
    symbols.filter_map(|(index, symbol)| Some((index, file.object.name(symbol).ok()?)))
}

fn functions<'data>(file: &LinkedFile<'data>) -> Vec<Function<'data>> {
    let mut functions: Vec<Function<'data>> = names(file)
        .filter_map(|(index, name)| {
            let record = &file.object.symbols[index];
            match file.object.place(index) {
                Place::Section(section) if record.st_info & 0xf == STT_FUNC => {
                    Some(Function { section, start: record.st_value.get(LE), size: record.st_size.get(LE), name })
                }
                _ => None,
            }
        })
        .collect();
    functions.sort_unstable();
    functions
}

/// Whether it is go.o: what Go's linker makes of all Go packages has their table of functions.
fn is_go_object(file: &LinkedFile<'_>) -> bool {
    (1..file.object.sections.len() as u32)
        .any(|index| file.object.section_name(index).is_ok_and(|name| name.ends_with(b".gopclntab")))
}

/// By [`FileId`]: the package whose cgo names the file defines or exports. Go's linker numbers the objects of a package
/// one after the other (`000004.o`), so that one without such names belongs where both its neighbours do.
fn owners(files: &[LinkedFile<'_>], packages: &Packages) -> Vec<Option<String>> {
    let own = |file: &LinkedFile<'_>| {
        if is_go_object(file) {
            return None;
        }
        let mut named = names(file).filter(|&(index, name)| match CgoName::of(name) {
            // The C side of an export refers to the Go side; anyone may refer to run-time functions.
            Some(CgoName::Export { .. }) => true,
            Some(_) => file.object.place(index) != Place::Undefined,
            None => false,
        });
        named.find_map(|(_, name)| packages.of_symbol(name)).map(str::to_owned)
    };
    let mut owners: Vec<Option<String>> = files.iter().map(own).collect();
    let numbered: Vec<usize> = (0..files.len()).filter(|&index| is_numbered(&files[index])).collect();
    let known: Vec<Option<String>> = numbered.iter().map(|&index| owners[index].clone()).collect();
    for (position, &index) in numbered.iter().enumerate() {
        if owners[index].is_none() {
            let before = known[..position].iter().rev().flatten().next();
            let after = known[position + 1..].iter().flatten().next();
            owners[index] = before.filter(|package| Some(*package) == after).cloned();
        }
    }
    owners
}

/// `000004.o`, a host object as Go's linker passes it on.
fn is_numbered(file: &LinkedFile<'_>) -> bool {
    let name = file.object.path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let stem = name.strip_suffix(".o").unwrap_or_default();
    file.object.member.is_none() && stem.len() == 6 && stem.bytes().all(|byte| byte.is_ascii_digit())
}

/// The package in `path/name.Function` and `path/name.(*T).Method`.
fn package_of_go_symbol(name: &[u8]) -> Option<String> {
    let path_end = memchr::memchr3(b'(', b'[', b'{', name).unwrap_or(name.len());
    let start = memchr::memrchr(b'/', &name[..path_end]).map_or(0, |slash| slash + 1);
    let dot = memchr::memchr(b'.', &name[start..])?;
    Some(go_package(&name[..start + dot])).filter(|package| !package.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::request::{Input, InputModifiers, InputName, LinkRequest, OutputKind};
    use crate::inputs::load;
    use crate::inputs::store::Store;
    use crate::script::ast::Script;
    use crate::script::symbols::ScriptSymbols;
    use crate::symbols::supply::NoSupply;
    use crate::symbols::{extract, resolve};
    use crate::target::{Architecture, Libc};

    const TEXT: &[u8; 32] = b"0123456789abcdef0123456789abcdef";

    /// An object with one `.text` of 32 bytes: `functions` of 8 bytes each one after the other, and a call of each name
    /// of `calls` in the function at that index. `sections` are names of further, empty sections.
    fn object(functions: &[&str], calls: &[(usize, &str)], sections: &[&str]) -> Vec<u8> {
        let mut names = vec![0u8];
        let mut keep = |name: &str| {
            let at = names.len() as u32;
            names.extend(name.bytes().chain([0]));
            at
        };
        let symbol = |name: u32, info: u8, section: u16, value: u64, size: u64| {
            let mut out = name.to_le_bytes().to_vec();
            out.extend([info, 0]);
            out.extend(section.to_le_bytes());
            out.extend(value.to_le_bytes().into_iter().chain(size.to_le_bytes()));
            out
        };
        let mut symbols = vec![0u8; 24];
        for (index, name) in functions.iter().enumerate() {
            symbols.extend(symbol(keep(name), 0x12, 1, 8 * index as u64, 8));
        }
        let mut relocations = Vec::new();
        for (index, (function, name)) in calls.iter().enumerate() {
            symbols.extend(symbol(keep(name), 0x10, 0, 0, 0));
            let info = ((1 + functions.len() + index) as u64) << 32 | 4;
            [8 * *function as u64 + 1, info, 0].iter().for_each(|word| relocations.extend(word.to_le_bytes()));
        }
        let mut header_names = vec![keep(".text"), keep(".rela.text"), keep(".symtab"), keep(".strtab")];
        header_names.extend(sections.iter().map(|name| keep(name)));
        let mut out = vec![0u8; 64];
        let mut headers = vec![0u8; 64];
        let mut section = |out: &mut Vec<u8>, name: u32, kind: u32, data: &[u8], links: [u32; 2], entry: u64| {
            let words = [u64::from(kind == 1) * 6, 0, out.len() as u64, data.len() as u64];
            headers.extend(name.to_le_bytes().into_iter().chain(kind.to_le_bytes()));
            words.iter().for_each(|word| headers.extend(word.to_le_bytes()));
            links.iter().for_each(|word| headers.extend(word.to_le_bytes()));
            [1, entry].iter().for_each(|word| headers.extend(word.to_le_bytes()));
            out.extend(data);
        };
        section(&mut out, header_names[0], 1, TEXT, [0, 0], 0);
        section(&mut out, header_names[1], 4, &relocations, [3, 1], 24);
        section(&mut out, header_names[2], 2, &symbols, [4, 1], 24);
        section(&mut out, header_names[3], 3, &names, [0, 0], 0);
        for &name in &header_names[4..] {
            section(&mut out, name, 1, &[], [0, 0], 0);
        }
        let (start, count) = (out.len() as u64, (headers.len() / 64) as u16);
        out.extend(headers);
        out[..6].copy_from_slice(b"\x7fELF\x02\x01");
        out[16] = 1;
        out[18] = 62;
        out[40..48].copy_from_slice(&start.to_le_bytes());
        for (at, value) in [(58, 64), (60, count), (62, 4)] {
            out[at..at + 2].copy_from_slice(&value.to_le_bytes());
        }
        out
    }

    /// The messages of a link of these files, with the folder's path removed.
    fn messages(files: &[(&str, Vec<u8>)]) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let mut request = LinkRequest::new("out", OutputKind::StaticExecutable);
        request.target = Some(Target { architecture: Architecture::X86_64, libc: Some(Libc::Musl) });
        for (name, data) in files {
            let path = folder.path().join(name);
            std::fs::write(&path, data).expect("a file");
            request.inputs.push(Input { what: InputName::File(path), modifiers: InputModifiers::default() });
        }
        let store = Store::default();
        let loaded = load::load(&request, None, &store).expect("objects");
        let target = loaded.target;
        let extraction = extract::extract(&request, loaded, &[], &NoSupply, &store).expect("members");
        let script = ScriptSymbols::collect(&Script { commands: Vec::new() }, &[]);
        let resolution = resolve::resolve(extraction, &script, target.architecture).expect("names");
        let mut atoms = Atoms::default();
        for (id, file) in resolution.files.files.iter().enumerate() {
            atoms.table.extend(file.object.atoms(FileId::new(id)).expect("sections"));
        }
        let mut sites = Vec::new();
        for (index, atom) in atoms.table.iter().enumerate() {
            for (relocation, record) in atom.relocations.records().iter().enumerate() {
                let file = resolution.files.get(atom.file);
                let symbol = file.symbol(record.r_sym(LE, false) as usize).expect("a symbol");
                if resolution.definitions[symbol.index()] == resolve::UNDEFINED {
                    let atom = AtomId::new(index);
                    sites.push(NeedSite { atom, relocation: relocation as u32, symbol });
                }
            }
        }
        let link = Link { resolution: &resolution, libraries: &[], target };
        let mut errors = undefined_symbols(link, &atoms, &sites);
        errors.extend(duplicate_symbols(link));
        let errors = crate::diag::Diagnostics::check((), errors).map_or_else(|all| all.to_string(), |()| String::new());
        errors.replace(&format!("{}/", folder.path().display()), "")
    }

    #[test]
    fn gathers_functions_and_packages() {
        let go = object(
            &["cgo/app._cgo_f1a74d84225f_Cfunc_setup", "cgo/app.Start"],
            &[(1, "nowhere_to_find")],
            &[".gopclntab"],
        );
        let call = object(&["_cgo_f1a74d84225f_Cfunc_setup"], &[(0, "setup"), (0, "setup")], &[]);
        let plain = object(&["one", "two"], &[(1, "setup")], &[]);
        let last = object(&["_cgo_f1a74d84225f_Cfunc_last"], &[], &[]);
        let got = messages(&[("go.o", go), ("000000.o", call), ("000001.o", plain), ("000002.o", last)]);
        assert!(got.contains("go.o:(.text+0x9) [Go package cgo/app]: undefined symbol: nowhere_to_find"), "{got}");
        assert!(got.contains("note: in function `cgo/app.Start`"), "{got}");
        assert!(got.contains("000000.o:(.text+0x1) [Go package cgo/app]: undefined symbol: setup"), "{got}");
        // The second reference in the same function is no further place; a file between two of a package is of it.
        assert!(got.contains("note: also needed by 000001.o [Go package cgo/app], in function `two`"), "{got}");
        assert!(!got.contains("more place"), "{got}");
    }

    #[test]
    fn names_of_unread_members_are_suggestions() {
        let member = object(&["animal_make_dog"], &[], &[]);
        let mut library = b"!<arch>\n".to_vec();
        let index = [&1u32.to_be_bytes()[..], &88u32.to_be_bytes(), b"animal_make_dog\0"].concat();
        for (name, data) in [("/", &index), ("dog.o/", &member)] {
            library.extend(format!("{name:<16}{:<32}{:<10}`\n", 0, data.len()).bytes());
            library.extend(data);
        }
        let got = messages(&[("a.o", object(&["f"], &[(0, "animal_make_dgo")], &[])), ("libapi.a", library)]);
        assert!(got.contains("note: libapi.a defines `animal_make_dog`"), "{got}");
    }

    #[test]
    fn compares_the_bytes_of_duplicates() {
        let one = object(&["first", "twice"], &[], &[]);
        let other = object(&["twice"], &[], &[]);
        let got = messages(&[("a.o", one), ("b.o", other)]);
        assert!(got.contains("b.o:(.text+0x0): duplicate symbol: twice"), "{got}");
        assert!(got.contains("first defined in a.o:(.text+0x8) (8 bytes)"), "{got}");
        assert!(got.contains("also defined in b.o:(.text+0x0) (8 bytes): different contents"), "{got}");
    }
}

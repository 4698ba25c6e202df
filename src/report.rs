//! From what the stages found wrong to what the user reads: ids become names, files, members, sections, and the evidence
//! for hints is gathered. Only failing links come here.

use object::elf::{STT_FUNC, STT_SECTION};

use crate::args::request::{InputName, LinkRequest, SymbolPolicy, Unresolved};
use crate::diag::{Diagnostic, Diagnostics, Origin, Result, Severity};
use crate::ids::{AtomId, FileId, SymbolId};
use crate::inputs::atoms::Atoms;
use crate::inputs::elf::{LE, Place};
use crate::layout::scan::{Needs, Site};
use crate::relocation::Machine;
use crate::relocation::apply::refusal_error;
use crate::symbols::cgo::Packages;
use crate::symbols::duplicate::{self, Definition, Duplicate};
use crate::symbols::resolve::Resolution;
use crate::symbols::spelling::Known;
use crate::symbols::undefined::{self, Context, Reference, Undefined};
use crate::target::Target;

/// Fails if a name has two strong definitions and that is not allowed.
pub fn duplicates(resolution: &Resolution<'_>, policy: SymbolPolicy) -> Result<()> {
    if resolution.duplicates.is_empty() || policy.allow_multiple_definition {
        return Ok(());
    }
    let mut by_winner: indexmap::IndexMap<SymbolId, Vec<SymbolId>> = indexmap::IndexMap::new();
    for &(loser, winner) in &resolution.duplicates {
        by_winner.entry(winner).or_insert_with(|| vec![winner]).push(loser);
    }
    let found: Vec<Duplicate<'_>> = by_winner
        .into_iter()
        .map(|(winner, symbols)| Duplicate {
            name: resolution.name_of(winner),
            definitions: symbols.into_iter().map(|symbol| definition(resolution, symbol)).collect(),
        })
        .collect();
    Diagnostics::check((), duplicate::report(&found, &packages(resolution)))
}

fn definition<'a>(resolution: &'a Resolution<'_>, symbol: SymbolId) -> Definition<'a> {
    let (file, index) = resolution.files.owner(symbol);
    let object = &resolution.files.get(file).object;
    let record = &object.symbols[index];
    let mut origin = object.origin();
    let mut bytes = None;
    if let Place::Section(section) = object.place(index) {
        if let Ok(name) = object.section_name(section) {
            origin = origin.in_section(String::from_utf8_lossy(name));
        }
        bytes = section_bytes(resolution, file, section, record.st_value.get(LE), record.st_size.get(LE));
    }
    Definition { origin, size: record.st_size.get(LE), bytes, is_function: record.st_info & 0xf == STT_FUNC }
}

fn section_bytes<'a>(
    resolution: &'a Resolution<'_>,
    file: FileId,
    section: u32,
    value: u64,
    size: u64,
) -> Option<&'a [u8]> {
    let object = &resolution.files.get(file).object;
    let header = object.sections.get(section as usize)?;
    if header.sh_type.get(LE) == object::elf::SHT_NOBITS {
        return None;
    }
    let start = header.sh_offset.get(LE).checked_add(value)?;
    let end = start.checked_add(size)?;
    object.data.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
}

/// Fails if a `--require-defined` name is not defined.
pub fn required(resolution: &Resolution<'_>, names: &[String]) -> Result<()> {
    let missing = names.iter().filter(|name| resolution.find(name.as_bytes()).is_none());
    let error = |name: &String| {
        Diagnostic::error("undefined-symbol", format!("nothing defines {name}, which --require-defined asks for"))
    };
    Diagnostics::check((), missing.map(error).collect())
}

/// Fails, or warns, for what the relocations need and there is not.
pub fn needs<M: Machine>(
    resolution: &Resolution<'_>,
    atoms: &Atoms<'_>,
    needs: &Needs,
    request: &LinkRequest,
    target: Target,
) -> Result<Vec<Diagnostic>> {
    let mut errors: Vec<Diagnostic> = needs
        .refused
        .iter()
        .map(|(site, refusal)| {
            let atom = atoms.get(site.atom);
            let record = &atom.relocations.records()[site.index as usize];
            refusal_error::<M>(resolution.files.get(atom.file), atom, record, refusal)
        })
        .collect();
    let mut warnings = Vec::new();
    if !needs.undefined.is_empty() && request.symbol_policy.unresolved != Unresolved::Ignore {
        let found = undefined_symbols(resolution, atoms, &needs.undefined, request, target);
        match request.symbol_policy.unresolved {
            Unresolved::Error => errors.extend(found),
            _ => warnings.extend(found.into_iter().map(|one| Diagnostic { severity: Severity::Warning, ..one })),
        }
    }
    Diagnostics::check(warnings, errors)
}

fn undefined_symbols(
    resolution: &Resolution<'_>,
    atoms: &Atoms<'_>,
    sites: &[Site],
    request: &LinkRequest,
    target: Target,
) -> Vec<Diagnostic> {
    let packages = packages(resolution);
    let mut symbols: indexmap::IndexMap<&[u8], Undefined<'_>> = indexmap::IndexMap::new();
    for site in sites {
        // `--wrap` renames references: the name that is missing is the one that was looked for.
        let (file, index) = resolution.files.owner(site.symbol);
        let name = match resolution.files.get(file).global_name(index) {
            Some(name) => resolution.names.bytes(name),
            None => resolution.name_of(site.symbol),
        };
        let symbol = symbols.entry(name).or_insert_with(|| Undefined { name, is_strong: true, references: Vec::new() });
        symbol.references.push(reference(resolution, atoms, site));
    }
    let symbols: Vec<Undefined<'_>> = symbols.into_values().collect();
    let files: Vec<Origin> = resolution.files.files.iter().map(|file| file.object.origin()).collect();
    let known = known(resolution);
    let libraries = request.inputs.iter().filter_map(|input| match &input.what {
        InputName::Library(name) => Some(name.clone()),
        InputName::File(_) => None,
    });
    let libraries: Vec<String> = libraries.collect();
    let context =
        Context { target, known: &known, files: &files, packages: &packages, libraries: &libraries, skipped: &[] };
    undefined::report(&symbols, &context)
}

fn reference<'a>(resolution: &'a Resolution<'_>, atoms: &Atoms<'_>, site: &Site) -> Reference<'a> {
    let atom = atoms.get(site.atom);
    let offset = atom.relocations.records()[site.index as usize].r_offset.get(LE);
    let object = &resolution.files.get(atom.file).object;
    let origin = object.origin().in_section(String::from_utf8_lossy(atom.name)).at(offset);
    Reference { origin, function: function_at(resolution, atom.file, site.atom, offset) }
}

/// The function whose bytes hold an offset of an atom.
fn function_at<'a>(resolution: &'a Resolution<'_>, file: FileId, atom: AtomId, offset: u64) -> Option<&'a [u8]> {
    let linked = resolution.files.get(file);
    let object = &linked.object;
    (0..object.symbols.len()).find_map(|index| {
        let record = &object.symbols[index];
        let start = record.st_value.get(LE);
        let holds =
            record.st_info & 0xf == STT_FUNC && start <= offset && offset - start < record.st_size.get(LE).max(1);
        let here =
            holds && matches!(object.place(index), Place::Section(section) if linked.atom(section) == Some(atom));
        if here { object.name(record).ok() } else { None }
    })
}

/// Every definition of the files, as evidence for spelling hints.
fn known<'a>(resolution: &'a Resolution<'_>) -> Vec<Known<'a>> {
    let mut known = Vec::new();
    for (id, file) in resolution.files.inputs() {
        let object = &file.object;
        for (index, record) in object.symbols.iter().enumerate().skip(1) {
            let named = record.st_info & 0xf != STT_SECTION && object.place(index) != Place::Undefined;
            if let Some(name) = object.name(record).ok().filter(|name| named && !name.is_empty()) {
                known.push(Known { name, file: id.index(), is_local: index < object.first_global });
            }
        }
    }
    known
}

fn packages(resolution: &Resolution<'_>) -> Packages {
    let names = resolution.files.inputs().flat_map(|(_, file)| {
        let object = &file.object;
        object.symbols.iter().filter_map(|record| object.name(record).ok())
    });
    Packages::from_symbols(names)
}

//! From what the stages found wrong to what the user reads. Only links that fail, or warn, come here.

pub mod commons;
mod dropped;

use crate::args::request::{InputName, LinkRequest, OrphanHandling, SymbolPolicy, Unresolved};
use crate::diag::{Diagnostic, Diagnostics, Origin, Result, Severity};
use crate::ids::AtomId;
use crate::inputs::atoms::Atoms;
use crate::layout::living::Living;
use crate::layout::matching::Fate;
use crate::layout::scan::{Needs, Site};
use crate::relocation::Machine;
use crate::relocation::refusal::refusal_error;
use crate::symbols::evidence::{self, Link, NeedSite};
use crate::symbols::resolve::Resolution;
use crate::target::Target;

/// Fails if a name has two strong definitions and that is not allowed.
pub fn duplicates(resolution: &Resolution<'_>, policy: SymbolPolicy, target: Target) -> Result<()> {
    if resolution.duplicates.is_empty() || policy.allow_multiple_definition {
        return Ok(());
    }
    Diagnostics::check((), evidence::duplicate_symbols(Link { resolution, libraries: &[], target }))
}

/// Fails if a `--require-defined` name is not defined.
pub fn required(resolution: &Resolution<'_>, names: &[String]) -> Result<()> {
    let missing = names.iter().filter(|name| resolution.find(name.as_bytes()).is_none());
    let error = |name: &String| {
        Diagnostic::error("undefined-symbol", format!("nothing defines {name}, which --require-defined asks for"))
    };
    Diagnostics::check((), missing.map(error).collect())
}

/// A warning for each library that a search passed over, in the words of GNU ld.
pub fn passed_over(resolution: &Resolution<'_>) -> impl Iterator<Item = Diagnostic> {
    resolution.passed_over.iter().map(|library| {
        let message = format!("skipping incompatible library when searching for -l{}", library.library);
        let origin = Origin { member: None, ..library.why.origin.clone() };
        Diagnostic::warning("skipped-library", message).at(origin).note(&library.why.message)
    })
}

/// Fails, or warns, for sections of the program that the script does not mention, if `--orphan-handling` asks for it.
pub fn orphans(
    resolution: &Resolution<'_>,
    living: &Living<'_, '_>,
    handling: OrphanHandling,
) -> Result<Vec<Diagnostic>> {
    let severity = match handling {
        OrphanHandling::Place | OrphanHandling::Discard => return Ok(Vec::new()),
        OrphanHandling::Warn => Severity::Warning,
        OrphanHandling::Error => Severity::Error,
    };
    let told = living.alive.iter().enumerate().filter(|(_, alive)| **alive).map(|(index, _)| AtomId::new(index));
    let told = told.filter(|&id| living.matching.fate(id) == Fate::Orphan && living.atoms.get(id).size > 0);
    let found = told.map(|id| {
        let atom = living.atoms.get(id);
        let origin = resolution.files.get(atom.file).object.origin().in_section(String::from_utf8_lossy(atom.name));
        let orphan = Diagnostic::error("orphan-section", "the linker script does not mention this section").at(origin);
        Diagnostic { severity, ..orphan.help("name it in an output section of the script, or in /DISCARD/") }
    });
    match severity {
        Severity::Warning => Ok(found.collect()),
        Severity::Error => Diagnostics::check(Vec::new(), found.collect()),
    }
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
    errors.extend(dropped::errors(resolution, atoms, &needs.dropped));
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
    let libraries = request.inputs.iter().filter_map(|input| match &input.what {
        InputName::Library(name) => Some(name.clone()),
        InputName::File(_) | InputName::CppLibrary => None,
    });
    let libraries: Vec<String> = libraries.collect();
    let site = |site: &Site| NeedSite { atom: site.atom, relocation: site.index, symbol: site.symbol };
    let sites: Vec<NeedSite> = sites.iter().map(site).collect();
    evidence::undefined_symbols(Link { resolution, libraries: &libraries, target }, atoms, &sites)
}

//! The program's `.note.gnu.property`, from the notes of its files. The notes themselves are not linked.

use super::image::Image;
use crate::args::request::{PropertyOptions, PropertyReport};
use crate::diag::{Diagnostic, Diagnostics, Result, Severity};
use crate::gnu_property::{
    self, AARCH64_BTI, AARCH64_FEATURE_1_AND, Properties, X86_FEATURE_1_AND, X86_IBT, X86_ISA_1_NEEDED, X86_SHSTK,
};
use crate::inputs::atoms::Atoms;
use crate::symbols::files::LinkedFile;
use crate::symbols::resolve::Resolution;
use crate::target::Architecture;

/// Reads every file's note, combines them, and adds what the command line promises. A file without a note counts as one
/// that has no property. The warnings tell of files that do not keep a promise.
pub fn merge(
    resolution: &Resolution<'_>,
    atoms: &Atoms<'_>,
    architecture: Architecture,
    options: &PropertyOptions,
) -> Result<(Properties, Vec<Diagnostic>)> {
    let (mut files, mut errors, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
    let promise = Promise::of(architecture, options);
    for (_, file) in resolution.files.inputs() {
        match read(file, resolution, atoms, architecture) {
            Ok(properties) => {
                match promise.lacks(properties.as_ref()).map(|lack| lack.at(file.object.origin())) {
                    Some(lack) if promise.report == PropertyReport::Error => errors.push(lack),
                    Some(lack) => warnings.push(Diagnostic { severity: Severity::Warning, ..lack }),
                    None => {}
                }
                files.push(properties);
            }
            Err(error) => errors.push(error),
        }
    }
    let files = Diagnostics::check(files, errors)?;
    let mut merged = Properties::merge(architecture, files.iter().map(Option::as_ref));
    for (property, bits) in promise.forced {
        if bits != 0 {
            merged.force(property, bits);
        }
    }
    Ok((merged, warnings))
}

/// What a command line promises of an architecture's programs.
struct Promise {
    /// Properties with the bits that are set whatever the files say.
    forced: [(u32, u64); 2],
    /// What to say of files that lack some of the bits below.
    report: PropertyReport,
    property: u32,
    bits: [(u64, &'static str); 2],
}

impl Promise {
    fn of(architecture: Architecture, options: &PropertyOptions) -> Promise {
        match architecture {
            Architecture::X86_64 => Promise {
                forced: [(X86_FEATURE_1_AND, options.x86_features), (X86_ISA_1_NEEDED, options.x86_isa_needed)],
                report: options.cet_report,
                property: X86_FEATURE_1_AND,
                bits: [(X86_IBT, "IBT"), (X86_SHSTK, "SHSTK")],
            },
            Architecture::Aarch64 => Promise {
                forced: [(AARCH64_FEATURE_1_AND, if options.force_bti { AARCH64_BTI } else { 0 }), (0, 0)],
                report: match (options.bti_report, options.force_bti) {
                    (Some(report), _) => report,
                    (None, true) => PropertyReport::Warning,
                    (None, false) => PropertyReport::None,
                },
                property: AARCH64_FEATURE_1_AND,
                bits: [(AARCH64_BTI, "BTI"), (0, "")],
            },
        }
    }

    /// What a file lacks, if that is to be told.
    fn lacks(&self, properties: Option<&Properties>) -> Option<Diagnostic> {
        if self.report == PropertyReport::None {
            return None;
        }
        let has = properties.map_or(0, |properties| properties.get(self.property));
        let missing: Vec<&str> = self.bits.iter().filter(|(bit, _)| has & bit != *bit).map(|(_, name)| *name).collect();
        let message = match missing.as_slice() {
            [] => return None,
            [one] => format!("missing {one} property"),
            several => format!("missing {} properties", several.join(" and ")),
        };
        let fix = match self.property {
            X86_FEATURE_1_AND => "compile it with -fcf-protection",
            _ => "compile it with -mbranch-protection=bti",
        };
        Some(Diagnostic::error("missing-property", message).help(fix))
    }
}

/// One file's properties; several notes are read as one.
fn read(
    file: &LinkedFile<'_>,
    resolution: &Resolution<'_>,
    atoms: &Atoms<'_>,
    architecture: Architecture,
) -> std::result::Result<Option<Properties>, Diagnostic> {
    let notes = file.atoms().filter(|&index| {
        let atom = &atoms.table[index];
        atom.name == b".note.gnu.property" && !resolution.discarded[index] && !atom.data.is_empty()
    });
    let notes: Vec<&[u8]> = notes.map(|index| atoms.table[index].data).collect();
    if notes.is_empty() {
        return Ok(None);
    }
    let read = gnu_property::read(architecture, &notes.concat());
    read.map(Some).map_err(|error| {
        let origin = file.object.origin().in_section(".note.gnu.property").at(error.offset);
        Diagnostic::error("bad-object", format!("cannot be read: {}", error.problem)).at(origin)
    })
}

/// The bytes of the note. Range-extension thunks jump with `br`, and their targets need not begin with `bti`, so a
/// program that has thunks does not promise that it does.
pub fn note(image: &Image<'_>, mut properties: Properties) -> Vec<u8> {
    if !image.far_branches.is_empty() {
        properties.withdraw(AARCH64_FEATURE_1_AND, AARCH64_BTI);
    }
    let mut bytes = vec![0; properties.note_size() as usize];
    properties.write_note(&mut bytes);
    bytes
}

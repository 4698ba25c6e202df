//! `-z KEYWORD`. GNU ld ignores keywords that it does not know, with a warning; so does this door.

use super::{Given, State, inputs};
use crate::args::flag::parse_number;
use crate::args::request::PropertyReport;
use crate::diag::{Diagnostic, Result};
use crate::gnu_property::{X86_IBT, X86_LAM_U48, X86_LAM_U57, X86_SHSTK};

/// Keywords that only concern dynamic outputs or checks, and change nothing in a link that cgolink makes itself; the
/// hand-off passes them on.
const WITHOUT_EFFECT: &[&str] = &[
    "text",
    "notext",
    "textoff",
    "textwarn",
    "combreloc",
    "nocombreloc",
    "copyreloc",
    "nocopyreloc",
    "initfirst",
    "interpose",
    "loadfltr",
    "nodefaultlib",
    "nodelete",
    "nodlopen",
    "nodump",
    "origin",
    "global",
    "unique",
    "nounique",
    "common",
    "nocommon",
    "globalaudit",
    "noextern-protected-data",
    "extern-protected-data",
    "dynamic-undefined-weak",
    "nodynamic-undefined-weak",
    "nosectionheader",
    "sectionheader",
    "mark-plt",
    "nomark-plt",
    "pac-plt",
    "ibtplt",
    "bndplt",
    "rodynamic",
    "retpolineplt",
    "keep-text-section-prefix",
    "nokeep-text-section-prefix",
    "indirect-extern-access",
    "noindirect-extern-access",
    "unique-symbol",
    "nounique-symbol",
    "nognustack",
    "memory-seal",
    "nomemory-seal",
];

/// Applies one keyword.
pub(super) fn apply(state: &mut State, given: &Given<'_>) -> Result<()> {
    let keyword = given.text()?;
    let (name, value) = match keyword.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (keyword, None),
    };
    match value {
        Some(value) => with_value(state, given, name, value),
        None if plain(state, name) => Ok(()),
        None => without_effect(state, keyword),
    }
}

/// Keywords without a value; `false` if `name` is none of them.
fn plain(state: &mut State, name: &str) -> bool {
    let request = &mut state.command.request;
    let segments = &mut request.segments;
    match name {
        "relro" => segments.relro = true,
        "norelro" => segments.relro = false,
        "now" => segments.now = true,
        "lazy" => segments.now = false,
        "execstack" => segments.executable_stack = true,
        "noexecstack" => segments.executable_stack = false,
        "separate-code" | "separate-loadable-segments" => segments.separate_code = true,
        "noseparate-code" => segments.separate_code = false,
        "pack-relative-relocs" => segments.pack_relative_relocations = true,
        "nopack-relative-relocs" => segments.pack_relative_relocations = false,
        "start-stop-gc" => request.garbage.start_stop = true,
        "nostart-stop-gc" => request.garbage.start_stop = false,
        "ibt" => request.properties.x86_features |= X86_IBT,
        "shstk" => request.properties.x86_features |= X86_SHSTK,
        "lam-u48" => request.properties.x86_features |= X86_LAM_U48,
        "lam-u57" => request.properties.x86_features |= X86_LAM_U57,
        "x86-64-baseline" => request.properties.x86_isa_needed |= 1,
        "x86-64-v2" => request.properties.x86_isa_needed |= 1 << 1,
        "x86-64-v3" => request.properties.x86_isa_needed |= 1 << 2,
        "x86-64-v4" => request.properties.x86_isa_needed |= 1 << 3,
        "force-bti" => request.properties.force_bti = true,
        "muldefs" => request.symbol_policy.allow_multiple_definition = true,
        "defs" => state.unresolved.ignore = false,
        "undefs" => state.unresolved.ignore = true,
        _ => return false,
    }
    true
}

fn with_value(state: &mut State, given: &Given<'_>, name: &str, value: &str) -> Result<()> {
    let number = || parse_number(value).ok_or_else(|| given.wrong("does not end in a number"));
    let segments = &mut state.command.request.segments;
    match name {
        "stack-size" => segments.stack_size = Some(number()?).filter(|&size| size > 0),
        "max-page-size" => segments.max_page_size = Some(page_size(given, number()?)?),
        "common-page-size" => segments.common_page_size = Some(page_size(given, number()?)?),
        "cet-report" => state.command.request.properties.cet_report = report(given, value)?,
        "bti-report" => state.command.request.properties.bti_report = Some(report(given, value)?),
        // They ask for properties that this linker does not write: to drop the request would be a false promise.
        "gcs" | "gcs-report" | "gcs-report-dynamic" | "isa-level-report" | "pauth-report" => {
            if !matches!(value, "none" | "never" | "implicit") {
                return inputs::host_only_flag()(state, given);
            }
        }
        _ => return without_effect(state, given.text()?),
    }
    Ok(())
}

fn report(given: &Given<'_>, value: &str) -> Result<PropertyReport> {
    match value {
        "none" => Ok(PropertyReport::None),
        "warning" => Ok(PropertyReport::Warning),
        "error" => Ok(PropertyReport::Error),
        _ => Err(given.wrong("does not end in none, warning or error")),
    }
}

/// The largest page that any system has, in bytes; a larger alignment would only waste the file.
const MAX_PAGE_SIZE: u64 = 1 << 30;

fn page_size(given: &Given<'_>, size: u64) -> Result<u64> {
    if size.is_power_of_two() && size <= MAX_PAGE_SIZE {
        Ok(size)
    } else {
        Err(given.wrong("is not a power of two up to 1 GiB"))
    }
}

fn without_effect(state: &mut State, keyword: &str) -> Result<()> {
    if !WITHOUT_EFFECT.contains(&keyword) {
        let warning = Diagnostic::warning("ignored-flag", format!("-z {keyword} is ignored"));
        state.command.warnings.push(warning);
    }
    Ok(())
}

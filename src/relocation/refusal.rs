//! What is said of relocations that cannot be taken.

use super::{Machine, Refusal};
use crate::diag::Diagnostic;
use crate::inputs::atoms::Atom;
use crate::inputs::elf::{LE, Rela};
use crate::symbols::demangle::demangle;
use crate::symbols::files::LinkedFile;

/// The code of errors about fields that cannot hold their value.
pub const OUT_OF_RANGE: &str = "relocation-out-of-range";

/// The error for a relocation of an atom.
pub fn refusal_error<M: Machine>(
    file: &LinkedFile<'_>,
    atom: &Atom<'_>,
    record: &Rela,
    refusal: &Refusal,
) -> Diagnostic {
    let kind = record.r_type(LE, false);
    let type_name = M::type_name(kind).map_or_else(|| format!("type {kind}"), str::to_owned);
    let symbol = file.object.symbols.get(record.r_sym(LE, false) as usize);
    let name = symbol.and_then(|symbol| file.object.name(symbol).ok()).unwrap_or(b"");
    let against = match name {
        b"" => String::new(),
        name => format!(" against {}", demangle(name)),
    };
    let origin = file.object.origin().in_section(String::from_utf8_lossy(atom.name)).at(record.r_offset.get(LE));
    let code = if matches!(refusal, Refusal::OutOfRange { .. }) { OUT_OF_RANGE } else { "bad-relocation" };
    let error = Diagnostic::error(code, format!("relocation {type_name}{against} {refusal}")).at(origin);
    match refusal {
        Refusal::NeedsPositionIndependentCode => error.help("compile the object with -fPIC, or link with -no-pie"),
        Refusal::OutOfRange { .. } => error.help(
            "the program is too large for the code model the object was compiled for; try -mcmodel=medium or large",
        ),
        _ => error,
    }
}

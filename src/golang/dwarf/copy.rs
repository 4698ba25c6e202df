//! What compilers wrote, copied from the objects and relocated in place (Go 1.26 and 1.27, `relocsym` of
//! `cmd/link/internal/ld/data.go` for the relocations of debug information).

use super::Dwarf;
use crate::diag::{Diagnostic, Origin};
use crate::golang::layout::Addresses;
use crate::golang::relocate::{Fault, store};
use crate::golang::symbols::{GoSymbol, Relocation, Symbols};
use crate::inputs::goobj::RelocationKind;

impl Dwarf {
    /// Copies a symbol's contents, which have the length of `out`, and relocates them.
    pub(super) fn copy(
        &self,
        symbol: GoSymbol,
        symbols: &Symbols<'_>,
        addresses: &Addresses,
        out: &mut [u8],
    ) -> Result<(), Diagnostic> {
        let data = symbols.data(symbol);
        if data.len() != out.len() {
            return Err(damaged(symbols, symbol, "its debug information changed while the link went on"));
        }
        out.copy_from_slice(data);
        for relocation in symbols.patches(symbol) {
            self.relocate(symbol, relocation, symbols, addresses, out)?;
        }
        Ok(())
    }

    fn relocate(
        &self,
        symbol: GoSymbol,
        relocation: Relocation,
        symbols: &Symbols<'_>,
        addresses: &Addresses,
        out: &mut [u8],
    ) -> Result<(), Diagnostic> {
        let Relocation { target, addend, size, .. } = relocation;
        let place =
            usize::try_from(relocation.offset).ok().and_then(|start| out.get_mut(start..)?.get_mut(..size.into()));
        let Some(place) = place else {
            return Err(damaged(symbols, symbol, "a relocation lies outside its debug information"));
        };
        let value = match relocation.kind {
            RelocationKind::Address => addresses.of(target).wrapping_add_signed(addend),
            RelocationKind::AddressOffset => offset_in_section(addresses, target).wrapping_add_signed(addend),
            RelocationKind::AddressCuOffset => {
                let unit = symbols.unit(target).and_then(|unit| self.first_functions.get(unit.index()));
                let start = addresses.of(unit.copied().unwrap_or_default());
                addresses.of(target).wrapping_sub(start).wrapping_add_signed(addend)
            }
            RelocationKind::DwarfSectionReference => match self.places.get(target) {
                Some(offset) => u64::from(offset).wrapping_add_signed(addend),
                None => return Err(unresolved(symbols, symbol, target)),
            },
            RelocationKind::DwarfTextAddress(_) => {
                let put = self.places.get(target).and_then(|number| put_padded(number, place));
                return put
                    .ok_or_else(|| damaged(symbols, symbol, "it refers to a function that has no number in its unit"));
            }
            _ => {
                return Err(damaged(
                    symbols,
                    symbol,
                    "its debug information has a relocation of a kind for code or data",
                ));
            }
        };
        store(place, value as i64, false).map_err(|fault| damaged(symbols, symbol, &not_stored(fault, size)))
    }
}

/// The offset of a symbol in its section; 0 if it has none.
pub(super) fn offset_in_section(addresses: &Addresses, symbol: GoSymbol) -> u64 {
    addresses.section_of(symbol).map_or(0, |section| addresses.of(symbol).wrapping_sub(section.address))
}

/// A number in groups of seven bits that takes all of `out`.
fn put_padded(value: u32, out: &mut [u8]) -> Option<()> {
    let mut rest = value;
    let last = out.len().checked_sub(1)?;
    for (index, byte) in out.iter_mut().enumerate() {
        *byte = rest as u8 & 0x7f | if index < last { 0x80 } else { 0 };
        rest >>= 7;
    }
    (rest == 0).then_some(())
}

/// Why a value is not in a place of so many bytes.
fn not_stored(fault: Fault, size: u8) -> String {
    match fault {
        Fault::BadSize => "its debug information has a relocation of an odd size".to_owned(),
        _ => format!("an address or offset in its debug information does not fit in {size} bytes"),
    }
}

fn damaged(symbols: &Symbols<'_>, symbol: GoSymbol, what: &str) -> Diagnostic {
    let name = match symbols.name(symbol) {
        b"" => "a function or variable".into(),
        _ => symbols.display(symbol),
    };
    let package = Some(symbols.package_path(symbol).to_owned()).filter(|path| !path.is_empty());
    Diagnostic::error("bad-go-object", format!("{name}: {what}"))
        .at(Origin { package, ..Origin::default() })
        .help("build the package again, or link with -w")
}

fn unresolved(symbols: &Symbols<'_>, symbol: GoSymbol, target: GoSymbol) -> Diagnostic {
    let target = symbols.display(target);
    damaged(symbols, symbol, &format!("its debug information refers to {target}, which nothing describes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_told_with_the_bytes_there_are() {
        let stored = |size: u8, value: i64| {
            let mut out = [0xff; 8];
            let place = &mut out[..size.into()];
            store(place, value, false).map(|()| out).map_err(|fault| not_stored(fault, size))
        };
        assert_eq!(stored(4, u32::MAX.into()), Ok([0xff; 8]));
        assert_eq!(stored(4, i32::MIN.into()), Ok([0, 0, 0, 0x80, 0xff, 0xff, 0xff, 0xff]));
        assert_eq!(stored(8, 1 << 32), Ok([0, 0, 0, 0, 1, 0, 0, 0]));
        let too_far = |size| Err(format!("an address or offset in its debug information does not fit in {size} bytes"));
        assert_eq!([stored(4, 1 << 32), stored(2, 1 << 16)], [too_far(4), too_far(2)]);
        assert_eq!(stored(3, 1), Err("its debug information has a relocation of an odd size".to_owned()));
    }

    #[test]
    fn numbers_are_padded_or_refused() {
        let mut out = [0xff; 3];
        assert_eq!(put_padded(1, &mut out), Some(()));
        assert_eq!(out, [0x81, 0x80, 0]);
        assert_eq!(put_padded(0x3fff, &mut out[..2]), Some(()));
        assert_eq!(out[..2], [0xff, 0x7f]);
        assert_eq!(put_padded(0x4000, &mut out[..2]), None);
        assert_eq!(put_padded(1 << 28, &mut [0; 4]), None);
        assert_eq!(put_padded(0, &mut []), None);
    }
}

//! Relocation of Go symbols: their bytes get the values of what they refer to (Go 1.26 and 1.27, `relocsym` of
//! `cmd/link/internal/ld/data.go`, and `archreloc` of `amd64/asm.go` and `arm64/asm.go`).
//!
//! Nearly every target is a laid-out symbol, and then its address is all that is asked of it: one access to one column.
//! Only a target without an address is looked at more closely.

mod aarch64;
mod report;
#[cfg(test)]
mod tests;
mod x86_64;

use super::layout::{Addresses, Segment};
use super::symbols::{GoSymbol, Kind, Relocation, Symbols, Version};
use crate::inputs::goobj::RelocationKind;
use crate::target::Architecture;

pub use report::report;

/// What is wrong with a relocation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The symbol that is relocated.
    pub symbol: GoSymbol,
    /// The relocation.
    pub relocation: Relocation,
    /// What is wrong.
    pub fault: Fault,
}

/// The ways in which a relocation can fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Its target is not defined.
    Undefined,
    /// Its target is defined and not part of the program: a fault of the linker.
    Unreachable,
    /// Its kind needs a target, and it names none.
    NoTarget,
    /// Its target lies in no section.
    NoSection,
    /// The bytes to patch lie outside the symbol.
    Outside,
    /// It patches a number of bytes that its kind cannot patch.
    BadSize,
    /// The value does not fit.
    TooFar(i64),
    /// The value must be a multiple of this.
    Misaligned(i64, u8),
    /// The instruction is none that its kind patches.
    Instruction(u32),
    /// Code holds an address, and the program may be loaded anywhere.
    PositionDependent,
    /// Code asks where its thread's variables are, as code of shared libraries has to, and the program is loaded where it is linked.
    SharedCode,
    /// A kind that no static program has.
    Unsupported,
}

/// What every relocation of a link needs.
pub struct Relocator<'a, 'data> {
    symbols: &'a Symbols<'data>,
    addresses: &'a Addresses,
    architecture: Architecture,
    /// Whether the program may be loaded at any address.
    is_dynamic: bool,
    /// By position of a section: what offsets into it count from. All code counts as one section.
    bases: Vec<u64>,
    /// What weak references to dropped methods call.
    unreachable_method: GoSymbol,
}

/// AMD64's thread-local block lies below the thread pointer: Go's only variable in it takes 8 bytes.
const THREAD_OFFSET: i64 = -8;

/// The value that a patch stores, or that there is none to store.
type Value = Result<Option<i64>, Fault>;

impl<'a, 'data> Relocator<'a, 'data> {
    /// Collects what relocations need.
    pub fn new(
        symbols: &'a Symbols<'data>,
        addresses: &'a Addresses,
        architecture: Architecture,
        is_dynamic: bool,
    ) -> Self {
        let sections = &addresses.sections;
        let is_code = |name: &[u8], segment| segment == Segment::Text && name == b".text";
        let code = sections.iter().find(|section| is_code(&section.name, section.segment));
        let code = code.map_or(0, |section| section.address);
        let base = |section: &super::layout::Section| match is_code(&section.name, section.segment) {
            true => code,
            false => section.address,
        };
        Relocator {
            symbols,
            addresses,
            architecture,
            is_dynamic,
            bases: sections.iter().map(base).collect(),
            unreachable_method: symbols
                .find(b"runtime.unreachableMethod", Version::AbiInternal)
                .unwrap_or(GoSymbol::NONE),
        }
    }

    /// Relocates the contents of a symbol.
    pub fn apply(&self, symbol: GoSymbol, bytes: &mut [u8], problems: &mut Vec<Problem>) {
        let Some((id, local)) = self.symbols.definition(symbol) else {
            for relocation in self.symbols.relocations(symbol) {
                self.one(symbol, &relocation, bytes, problems);
            }
            return;
        };
        let entry = self.symbols.object(id);
        for record in entry.object.relocations(local) {
            let size = record.size();
            if size == 0 {
                continue; // a fact about the program
            }
            let relocation = Relocation {
                offset: record.offset(),
                size,
                weak: record.is_weak(),
                kind: entry.relocations.of(record.raw_kind()),
                addend: record.addend(),
                target: self.symbols.resolve_in(entry, record.target()),
            };
            self.one(symbol, &relocation, bytes, problems);
        }
    }

    #[inline]
    fn one(&self, symbol: GoSymbol, relocation: &Relocation, bytes: &mut [u8], problems: &mut Vec<Problem>) {
        if let Err(fault) = self.patch(symbol, relocation, bytes) {
            problems.push(Problem { symbol, relocation: *relocation, fault });
        }
    }

    #[inline]
    fn patch(&self, symbol: GoSymbol, relocation: &Relocation, bytes: &mut [u8]) -> Result<(), Fault> {
        let size = usize::from(relocation.size);
        if size == 0 {
            return Ok(());
        }
        let offset = usize::try_from(relocation.offset).map_err(|_| Fault::Outside)?;
        let end = offset.checked_add(size).filter(|&end| end <= bytes.len()).ok_or(Fault::Outside)?;
        let target = self.addresses.of(relocation.target);
        if target == 0 {
            self.check_target(relocation)?;
        }
        if self.is_dynamic && relocation.kind == RelocationKind::Address && self.symbols.kind(symbol).is_text() {
            return Err(Fault::PositionDependent);
        }
        let place = self.addresses.of(symbol).wrapping_add(offset as u64);
        let Some(value) = self.value(relocation, target, place, bytes)? else { return Ok(()) };
        let field = &mut bytes[offset..end];
        let signed_only = matches!(relocation.kind, RelocationKind::PcRelative | RelocationKind::Call);
        store(field, value, signed_only)
    }

    /// Whether a relocation may have a target without an address.
    #[cold]
    fn check_target(&self, relocation: &Relocation) -> Result<(), Fault> {
        use RelocationKind::*;
        let target = relocation.target;
        if target.is_none() {
            // A call of a constant address has no target.
            return match relocation.kind {
                Const | Call | PcRelative | GotPcRelative | TlsLe | TlsIe => Ok(()),
                _ => Err(Fault::NoTarget),
            };
        }
        match self.symbols.kind(target) {
            Kind::Undefined | Kind::HostReference => Err(Fault::Undefined),
            Kind::TlsBss => Ok(()),
            _ if relocation.weak || relocation.kind == MethodOffset => Ok(()),
            _ if self.symbols.is_reachable(target) => Ok(()),
            _ => Err(Fault::Unreachable),
        }
    }

    /// What a relocation stores; `None` if it leaves the bytes as they are, or has patched them itself.
    #[inline]
    fn value(&self, relocation: &Relocation, target: u64, place: u64, bytes: &mut [u8]) -> Value {
        use RelocationKind::*;
        let Relocation { size, weak, kind, addend, .. } = *relocation;
        let absolute = (target as i64).wrapping_add(addend);
        let value = match kind {
            Call | PcRelative | GotPcRelative => absolute.wrapping_sub(place as i64).wrapping_sub(i64::from(size)),
            Address => return self.address(relocation, absolute),
            AddressOffset if weak && !self.symbols.is_reachable(relocation.target) => return Ok(None),
            MethodOffset if !self.symbols.is_reachable(relocation.target) => -1,
            AddressOffset | MethodOffset => absolute.wrapping_sub(self.base(relocation.target)? as i64),
            Const => addend,
            Size => (self.symbols.size(relocation.target) as i64).wrapping_add(addend),
            TlsLe => THREAD_OFFSET.wrapping_add(addend),
            TlsIe | Arm64TlsIe if !self.is_dynamic => return Err(Fault::SharedCode),
            TlsIe if self.architecture == Architecture::X86_64 => {
                x86_64::access_directly(bytes, relocation.offset as usize, size)?;
                THREAD_OFFSET
            }
            _ if self.architecture == Architecture::Aarch64 => {
                aarch64::patch(relocation, target, place, bytes)?;
                return Ok(None);
            }
            _ => return Err(Fault::Unsupported),
        };
        Ok(Some(value))
    }

    fn address(&self, relocation: &Relocation, absolute: i64) -> Value {
        let is_dropped = relocation.weak && !self.symbols.is_reachable(relocation.target);
        let value = match is_dropped {
            true => (self.addresses.of(self.unreachable_method) as i64).wrapping_add(relocation.addend),
            false => absolute,
        };
        // Instructions extend 4 bytes by their sign.
        if relocation.size == 4 && !(0..1 << 31).contains(&value) {
            return Err(Fault::TooFar(value));
        }
        Ok(Some(value))
    }

    /// What offsets to a symbol count from.
    fn base(&self, symbol: GoSymbol) -> Result<u64, Fault> {
        let section = self.addresses.section.get(symbol.index()).copied().unwrap_or(0);
        let position = usize::from(section).checked_sub(1).ok_or(Fault::NoSection)?;
        self.bases.get(position).copied().ok_or(Fault::NoSection)
    }
}

/// Stores a value in a field of 1, 2, 4 or 8 bytes; 2 and 4 bytes hold it as a number of either sign, or a signed one.
#[inline]
pub(super) fn store(field: &mut [u8], value: i64, signed_only: bool) -> Result<(), Fault> {
    let fits = |bits: u32| {
        let unsigned_end = if signed_only { 1i64 << (bits - 1) } else { 1i64 << bits };
        value >= -(1i64 << (bits - 1)) && value < unsigned_end
    };
    match field.len() {
        4 if fits(32) => field.copy_from_slice(&(value as u32).to_le_bytes()),
        8 => field.copy_from_slice(&value.to_le_bytes()),
        2 if fits(16) => field.copy_from_slice(&(value as u16).to_le_bytes()),
        1 => field[0] = value as u8,
        2 | 4 => return Err(Fault::TooFar(value)),
        _ => return Err(Fault::BadSize),
    }
    Ok(())
}

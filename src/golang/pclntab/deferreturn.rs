//! Where functions call `runtime.deferreturn`: a panic that a deferred call recovers from goes on there.

use super::super::symbols::{GoSymbol, ObjectEntry, ObjectId, Symbols, Version};
use crate::inputs::goobj::Reference;
use crate::inputs::goobj::records::package_index;
use crate::target::Architecture;

/// Thunks of `runtime.deferreturn` have names that start like this.
const THUNK: &[u8] = b"runtime.deferreturn+0-tramp";

/// What calls of `runtime.deferreturn` are known by.
#[derive(Default, Debug)]
pub(super) struct DeferReturn {
    symbol: GoSymbol,
    /// The object that defines it.
    home: Option<ObjectId>,
    /// Its number among the functions that compilers refer to by number.
    builtin: Option<u32>,
    /// Thunks of it.
    thunks: Vec<GoSymbol>,
    /// Bytes of the call before the relocated ones.
    opcode: u32,
}

impl DeferReturn {
    /// Finds it, and its thunks among the functions.
    pub fn find(symbols: &Symbols<'_>, architecture: Architecture, functions: &[GoSymbol]) -> Self {
        let Some(symbol) = symbols.find(b"runtime.deferreturn", Version::AbiInternal) else {
            return DeferReturn::default();
        };
        let is_thunk =
            |function: &&GoSymbol| symbols.is_made(**function) && symbols.name(**function).starts_with(THUNK);
        let (opcode, thunks) = match architecture {
            Architecture::X86_64 => (1, Vec::new()),
            Architecture::Aarch64 => (0, functions.iter().filter(is_thunk).copied().collect()),
        };
        let builtin = symbols.builtins.iter().position(|builtin| *builtin == symbol).map(|number| number as u32);
        DeferReturn { symbol, home: symbols.unit(symbol), builtin, thunks, opcode }
    }

    /// The offset of the first call in a function; 0 if there is none.
    pub fn call(&self, symbols: &Symbols<'_>, function: GoSymbol) -> u32 {
        if self.symbol.is_none() {
            return 0;
        }
        let offset = match symbols.definition(function) {
            Some((id, local)) => {
                let entry = symbols.object(id);
                let mut calls = entry.object.relocations(local).filter(|record| {
                    let kind = entry.relocations.of(record.raw_kind());
                    kind.is_direct_call() && self.is_meant(symbols, id, entry, record.target())
                });
                calls.next().map(|record| record.offset())
            }
            None => {
                let is_it = |target: GoSymbol| target == self.symbol || self.thunks.contains(&target);
                let mut relocations = symbols.relocations(function);
                let call = relocations.find(|relocation| relocation.kind.is_direct_call() && is_it(relocation.target));
                call.map(|relocation| relocation.offset)
            }
        };
        offset.map_or(0, |offset| (offset as u32).wrapping_sub(self.opcode))
    }

    /// Whether an object's reference means it. Most references are told by their package alone.
    fn is_meant(&self, symbols: &Symbols<'_>, id: ObjectId, entry: &ObjectEntry<'_>, reference: Reference) -> bool {
        let may_be = match reference.package {
            package_index::BUILTIN => return Some(reference.index) == self.builtin,
            package_index::NONE => true,
            package_index::SELF | package_index::HASHED64 | package_index::HASHED => self.home == Some(id),
            package => entry.packages.get(package as usize).is_some_and(|object| *object == self.home),
        };
        may_be && symbols.resolve(id, reference) == self.symbol
    }
}

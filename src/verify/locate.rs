//! Which symbol, function or type an address belongs to.

use std::borrow::Cow;

use object::elf::{STT_FILE, STT_SECTION};
use rayon::prelude::*;

use super::findings::text;
use crate::executable::Image;
use crate::executable::functions::PcLineTable;
use crate::executable::module::ModuleData;
use crate::executable::types::Types;

/// One file with what is needed to name its addresses.
pub struct Locator<'data> {
    /// The file.
    pub image: Image<'data>,
    /// The contents of each section, uncompressed; as they are where that fails.
    plain: Vec<Cow<'data, [u8]>>,
    /// `.gopclntab`, in a Go program.
    pub functions: Option<PcLineTable<'data>>,
    /// `runtime.firstmoduledata`, in a Go program of a known release.
    pub module: Option<ModuleData>,
    /// Symbols by address: start, size, name.
    symbols: Vec<(u64, u64, &'data [u8])>,
    /// Addresses of the types that reflection can find, in order.
    type_starts: Vec<u64>,
    /// Function data: offset from `go:func.*`, and the function and index that use it first.
    funcdata: Vec<(u32, u32, u32)>,
}

/// How far back to look for a symbol that contains an address, past markers without a size.
const MARKERS: usize = 24;

impl<'data> Locator<'data> {
    /// Sorts what there is.
    pub fn new(image: Image<'data>) -> Self {
        let functions = PcLineTable::of(&image);
        let module = ModuleData::of(&image);
        let kinds = image.symbols.iter().filter(|symbol| {
            symbol.section != 0 && symbol.section < 0xff00 && ![STT_FILE, STT_SECTION].contains(&(symbol.info & 15))
        });
        let mut symbols: Vec<_> = kinds.map(|symbol| (symbol.value, symbol.size, symbol.name)).collect();
        symbols.sort_unstable();
        let mut funcdata = Vec::new();
        for (number, function) in functions.iter().flat_map(|table| &table.functions).enumerate() {
            let used = function.funcdata.iter().enumerate().filter(|(_, offset)| **offset != u32::MAX);
            funcdata.extend(used.map(|(index, offset)| (*offset, number as u32, index as u32)));
        }
        funcdata.sort_unstable();
        let plain = image.sections.par_iter().map(|section| section.plain().unwrap_or(Cow::Borrowed(section.contents)));
        let plain = plain.collect();
        let mut locator = Locator { image, plain, functions, module, symbols, type_starts: Vec::new(), funcdata };
        locator.type_starts = locator.types().map_or_else(Vec::new, |types| types.all());
        locator.type_starts.sort_unstable();
        locator
    }

    /// The contents of a section, uncompressed; empty if there is none of this name.
    pub fn plain(&self, name: &str) -> &[u8] {
        let found = self.image.sections.iter().position(|section| section.name == name);
        found.map_or(&[], |index| &self.plain[index])
    }

    /// Where the code starts.
    pub fn text(&self) -> u64 {
        let section = || self.image.section(".text").map(|section| section.address);
        self.module.as_ref().and_then(|module| module.first("text")).or_else(section).unwrap_or(0)
    }

    /// `main.main+0x1c`: what an address lies in.
    pub fn name(&self, address: u64) -> String {
        let symbol = self.symbol(address);
        let found = symbol.or_else(|| self.function(address));
        let name = match (found, self.image.section_at(address)) {
            (Some((start, name)), _) => offset(&text(name), address - start),
            (None, Some(section)) => offset(&section.name, address - section.address),
            (None, None) => return format!("{address:#x}"),
        };
        let inner = match symbol {
            None if found.is_none() => self.type_at(address).or_else(|| self.funcdata_at(address)),
            Some((_, b"type:*")) => self.type_at(address),
            Some((_, b"go:func.*")) => self.funcdata_at(address),
            _ => None,
        };
        inner.map_or(name.clone(), |inner| format!("{name} [{inner}]"))
    }

    /// The start of what [`Locator::name`] names after an address: where the next symbol begins.
    pub fn next(&self, address: u64) -> u64 {
        let after = self.symbols.partition_point(|(start, ..)| *start <= address);
        let symbol = self.symbols.get(after).map_or(u64::MAX, |(start, ..)| *start);
        let function = self.functions.as_ref().and_then(|table| table.at(address.wrapping_sub(self.text())));
        function.map_or(symbol, |function| symbol.min(self.text().saturating_add(u64::from(function.end))))
    }

    /// The symbol that contains an address, else the last one before it in its section.
    fn symbol(&self, address: u64) -> Option<(u64, &'data [u8])> {
        let after = self.symbols.partition_point(|(start, ..)| *start <= address);
        let before = self.symbols[..after].iter().rev();
        let containing = before.clone().take(MARKERS).find(|(start, size, _)| address - start < *size);
        let section = self.image.section_at(address)?;
        let found = containing.or_else(|| before.clone().find(|(start, ..)| section.holds(*start)))?;
        Some((found.0, found.2))
    }

    fn function(&self, address: u64) -> Option<(u64, &'data [u8])> {
        let function = self.functions.as_ref()?.at(address.checked_sub(self.text())?)?;
        Some((self.text() + u64::from(function.entry), function.name))
    }

    /// The type whose descriptor an address lies in, as far as reflection can find it.
    fn type_at(&self, address: u64) -> Option<String> {
        let module = self.module.as_ref()?;
        if !(module.first("types")?..module.first("etypes")?).contains(&address) {
            return None;
        }
        let after = self.type_starts.partition_point(|start| *start <= address);
        let start = *self.type_starts.get(after.checked_sub(1)?)?;
        Some(format!("after type {}", offset(&text(self.types()?.name(start)?), address - start)))
    }

    /// The function whose data an address lies in.
    fn funcdata_at(&self, address: u64) -> Option<String> {
        let start = self.module.as_ref()?.first("gofunc")?;
        if self.image.section_at(start)?.address != self.image.section_at(address)?.address {
            return None;
        }
        let data = u32::try_from(address.checked_sub(start)?).ok()?;
        let after = self.funcdata.partition_point(|(start, ..)| *start <= data);
        let start = self.funcdata.get(after.checked_sub(1)?)?.0;
        let first = self.funcdata.partition_point(|(other, ..)| *other < start);
        let &(_, function, index) = self.funcdata.get(first)?;
        let name = self.functions.as_ref()?.functions.get(function as usize)?.name;
        Some(format!("funcdata {index} of {}", offset(&text(name), u64::from(data - start))))
    }

    /// The types, in a Go program of a known release.
    pub fn types(&self) -> Option<Types<'_, 'data>> {
        Types::of(&self.image, self.module.as_ref())
    }
}

fn offset(name: &str, offset: u64) -> String {
    if offset == 0 { name.to_owned() } else { format!("{name}+{offset:#x}") }
}

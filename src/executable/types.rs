//! Types as the runtime finds them: by the table `.typelink` (Go 1.26), or by walking the descriptors that stand first
//! among the types (Go 1.27). Mirrors internal/abi/type.go, internal/abi/map.go and runtime/type.go.

use super::Image;
use super::bytes::{half, short, uvarint};
use super::module::ModuleData;

/// Fields of `abi.Type`, by offset.
mod field {
    pub const FLAGS: u64 = 20;
    pub const KIND: u64 = 23;
    pub const NAME: u64 = 40;
    /// The length of the slice of methods or fields, in interfaces and structs.
    pub const COUNT: u64 = 64;
    /// Numbers of parameters and results, in functions.
    pub const PARAMETERS: u64 = 48;
}

/// `abi.TFlagUncommon`: methods follow.
const UNCOMMON: u8 = 1;
/// `abi.TFlagExtraStar`: the name has a star too many in front.
const EXTRA_STAR: u8 = 2;
/// Bytes of `abi.UncommonType`, and of one `abi.Method` behind it.
const UNCOMMON_SIZE: u64 = 16;
const METHOD_SIZE: u64 = 16;

/// The types of one file.
pub struct Types<'i, 'data> {
    image: &'i Image<'data>,
    module: &'i ModuleData,
    start: u64,
}

impl<'i, 'data> Types<'i, 'data> {
    /// Of a program whose module data is known.
    pub fn of(image: &'i Image<'data>, module: Option<&'i ModuleData>) -> Option<Self> {
        let module = module?;
        Some(Types { image, module, start: module.first("types")? })
    }

    /// The addresses of the types that reflection can find, in the runtime's order.
    pub fn all(&self) -> Vec<u64> {
        let table = self.image.sections.iter().find(|section| section.name.ends_with(".typelink"));
        match (table, self.module.first("typedesclen")) {
            (Some(section), _) => {
                let offsets = section.contents.chunks_exact(4).filter_map(|entry| half(entry, 0));
                offsets.map(|offset| self.start.wrapping_add(u64::from(offset))).collect()
            }
            (None, Some(length)) => self.walk(length),
            (None, None) => Vec::new(),
        }
    }

    /// One descriptor after the other.
    fn walk(&self, length: u64) -> Vec<u64> {
        let end = self.start.saturating_add(length);
        let mut at = self.start.saturating_add(8);
        let mut found = Vec::new();
        while at < end {
            let Some(size) = self.size(at) else { break };
            found.push(at);
            at = at.saturating_add(size).checked_next_multiple_of(8).unwrap_or(end);
        }
        found
    }

    /// Bytes of the descriptor at an address.
    fn size(&self, address: u64) -> Option<u64> {
        let bytes = self.image.bytes_at(address);
        let byte = |at: u64| bytes.get(at as usize).copied();
        let count = || self.image.word_at(address.checked_add(field::COUNT)?);
        let (base, more) = match byte(field::KIND)? {
            1..=16 | 24 | 26 => (48, 0),
            17 => (72, 0),
            18 => (64, 0),
            19 => {
                let parameters = |at: u64| short(bytes, at as usize).map(u64::from);
                // The highest bit of the number of results marks a variadic function.
                (56, 8 * (parameters(field::PARAMETERS)? + (parameters(field::PARAMETERS + 2)? & 0x7fff)))
            }
            20 => (80, count()?.checked_mul(8)?),
            21 => (136, 0),
            22 | 23 => (56, 0),
            25 => (80, count()?.checked_mul(24)?),
            _ => return None,
        };
        let methods = match byte(field::FLAGS)? & UNCOMMON {
            0 => 0,
            _ => UNCOMMON_SIZE + METHOD_SIZE * u64::from(short(bytes, base as usize + 4)?),
        };
        methods.checked_add(more)?.checked_add(base)
    }

    /// The name in the descriptor at an address.
    pub fn name(&self, address: u64) -> Option<&'data [u8]> {
        let name = half(self.image.bytes_at(address.checked_add(field::NAME)?), 0)?;
        let bytes = self.image.bytes_at(self.start.checked_add(u64::from(name))?);
        // A byte of flags, the length, the name.
        let (length, size) = uvarint(bytes, 1)?;
        let name = bytes.get(1 + size..)?.get(..usize::try_from(length).ok()?)?;
        let flags = *self.image.bytes_at(address.checked_add(field::FLAGS)?).first()?;
        // A type shares the name of the pointer to it.
        let is_shared = flags & EXTRA_STAR != 0;
        Some(name.strip_prefix(b"*").filter(|_| is_shared).unwrap_or(name))
    }

    /// The addresses of the itabs, in the runtime's order: those that `.itablink` points at (Go 1.26), else one behind the
    /// other among the types (Go 1.27).
    pub fn itabs(&self) -> Vec<u64> {
        if let Some(section) = self.image.sections.iter().find(|section| section.name.ends_with(".itablink")) {
            let places = (0..section.contents.len() as u64 / 8).filter_map(|at| section.address.checked_add(8 * at));
            return places.filter_map(|place| self.image.word_at(place)).collect();
        }
        let (Some(offset), Some(size)) = (self.module.first("itaboffset"), self.module.first("itabsize")) else {
            return Vec::new();
        };
        let mut at = self.start.saturating_add(offset);
        let end = at.saturating_add(size);
        let mut found = Vec::new();
        while at < end {
            found.push(at);
            let interface = self.image.word_at(at).and_then(|interface| interface.checked_add(field::COUNT));
            let Some(methods) = interface.and_then(|place| self.image.word_at(place)) else { break };
            // Two types and a hash, then the methods.
            at = at.saturating_add(methods.saturating_mul(8)).saturating_add(24);
        }
        found
    }

    /// `*os.File as io.Writer`: the types of the itab at an address.
    pub fn itab_name(&self, itab: u64) -> Option<Vec<u8>> {
        let part = |offset: u64| self.name(self.image.word_at(itab.checked_add(offset)?)?);
        Some([part(8)?, b" as ", part(0)?].concat())
    }
}

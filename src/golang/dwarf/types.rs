//! Entries for the types that functions, variables and constants mention, each when it is first met (Go 1.26 and 1.27,
//! `defgotype` and `newtype` of `cmd/link/internal/ld/dwarf.go`).
//!
//! The order of making is the order of the output: a type comes before what it refers to, depth first. Types can be nested as
//! deeply as a program likes, so what is still to be met waits on a stack of its own.

use hashbrown::HashMap;

use super::abbreviations::Shape;
use super::column::Column;
use super::entries::{Entries, Entry, EntryId, Member, Name};
use crate::diag::Diagnostic;
use crate::golang::symbols::{GoSymbol, Symbols, Version};
use crate::golang::types::{GoType, TypeKind, reflected_name};
use crate::inputs::goabi::Release;

/// DW_ATE_*.
mod encoding {
    pub const BOOLEAN: u8 = 2;
    pub const COMPLEX_FLOAT: u8 = 3;
    pub const FLOAT: u8 = 4;
    pub const SIGNED: u8 = 5;
    pub const UNSIGNED: u8 = 7;
}

/// Types that pretty-printers of debuggers need.
const NEEDED: [&[u8]; 11] = [
    b"internal/abi.Type",
    b"internal/abi.ArrayType",
    b"internal/abi.ChanType",
    b"internal/abi.FuncType",
    b"internal/abi.MapType",
    b"internal/abi.PtrType",
    b"internal/abi.SliceType",
    b"internal/abi.StructType",
    b"internal/abi.InterfaceType",
    b"internal/abi.ITab",
    b"internal/abi.Imethod",
];

/// Makes the entries of types.
pub(super) struct Types<'a, 'data> {
    pub symbols: &'a Symbols<'data>,
    release: &'static Release,
    pub entries: Entries,
    /// By symbol of a type, or of the name by which compilers refer to its entry: the entry that others refer to.
    pub of: Column,
    /// By symbol that holds a name for reflection: the name, and a bit that says whether fields of this name are embedded.
    field_names: Column,
    /// Entries without a type's symbol, by name.
    pub(super) made: HashMap<Vec<u8>, EntryId>,
    unspecified: EntryId,
    uintptr: EntryId,
    eface: GoSymbol,
    iface: GoSymbol,
    pending: Vec<Pending>,
}

/// A reference to a type that is still to be met.
#[derive(Clone, Copy, Debug)]
struct Pending {
    from: Slot,
    target: GoSymbol,
}

/// Where a reference goes.
#[derive(Clone, Copy, Debug)]
enum Slot {
    Target(EntryId),
    Element(EntryId),
    Key(EntryId),
    Member(u32),
}

impl<'a, 'data> Types<'a, 'data> {
    /// The entries that every program has.
    pub fn new(symbols: &'a Symbols<'data>, release: &'static Release) -> Result<Self, Diagnostic> {
        let mut entries = Entries::default();
        let unspecified = entries.names.push(b"<unspecified>");
        let unspecified = entries.push(Entry::new(Shape::Unspecified, unspecified));
        let pointer = required(symbols, b"unsafe.Pointer")?;
        let name = entries.names.push(b"unsafe.Pointer");
        let bare = Entry { runtime_type: pointer, ..Entry::new(Shape::BarePointer, name) };
        let bare = entries.push(bare);
        let word = required(symbols, b"uintptr")?;
        let name = entries.names.push(b"uintptr");
        let uintptr = entries.push(Entry {
            encoding: encoding::UNSIGNED,
            kind: TypeKind::Uintptr as u8,
            size: 8,
            runtime_type: word,
            ..Entry::new(Shape::Base, name)
        });
        let mut of = Column::of(symbols);
        of.set(pointer, bare.number());
        of.set(word, uintptr.number());
        let mut types = Types {
            symbols,
            release,
            entries,
            of,
            field_names: Column::of(symbols),
            made: HashMap::new(),
            unspecified,
            uintptr,
            eface: required(symbols, b"runtime.eface")?,
            iface: required(symbols, b"runtime.iface")?,
            pending: Vec::new(),
        };
        for name in NEEDED {
            types.define(required(symbols, name)?)?;
        }
        Ok(types)
    }

    /// The entry that stands for a type, made with all that it refers to if it is new.
    pub fn define(&mut self, symbol: GoSymbol) -> Result<EntryId, Diagnostic> {
        let id = self.meet(symbol)?;
        while let Some(Pending { from, target }) = self.pending.pop() {
            let target = Some(self.meet(target)?);
            match from {
                Slot::Target(id) => self.entries.get_mut(id).target = target,
                Slot::Element(id) => self.entries.get_mut(id).element = target,
                Slot::Key(id) => self.entries.get_mut(id).key = target,
                Slot::Member(position) => self.entries.members[position as usize].target = target,
            }
        }
        Ok(id)
    }

    /// Makes the type that compilers refer to by the name of its entry: `go:info.` and the type's name.
    pub fn describe(&mut self, info: GoSymbol) -> Result<(), Diagnostic> {
        if self.of.get(info).is_none() {
            let symbols = self.symbols;
            let name = symbols.name(info);
            let name = name.strip_prefix(b"go:info.").unwrap_or(name);
            let found = match find(symbols, name) {
                Some(symbol) => Some(self.define(symbol)?),
                // A pointer that the linker made, if anything.
                None => self.made.get(name).copied(),
            };
            if let Some(id) = found {
                self.of.set(info, id.number());
            }
        }
        Ok(())
    }

    /// The entry that an entry stands for, where it gives a name to another.
    pub fn definition(&self, id: EntryId) -> EntryId {
        let entry = self.entries.get(id);
        entry.target.filter(|_| entry.shape == Shape::Typedef).unwrap_or(id)
    }

    /// An entry's name.
    pub fn name(&self, id: EntryId) -> &[u8] {
        self.entries.names.text(self.entries.get(id).name)
    }

    /// A type's descriptor.
    pub fn descriptor(&self, symbol: GoSymbol) -> GoType<'a, 'data> {
        GoType::of(self.symbols, self.release, symbol)
    }

    fn meet(&mut self, symbol: GoSymbol) -> Result<EntryId, Diagnostic> {
        if symbol.is_none() {
            return Ok(self.unspecified);
        }
        match self.of.get(symbol) {
            Some(number) => Ok(EntryId::at(number as usize)),
            None => self.make(symbol),
        }
    }

    fn make(&mut self, symbol: GoSymbol) -> Result<EntryId, Diagnostic> {
        let symbols = self.symbols;
        let descriptor = self.descriptor(symbol);
        let text = symbols.name(symbol).strip_prefix(b"type:").filter(|_| !symbols.data(symbol).is_empty());
        let text = text.ok_or_else(|| missing(symbols, symbol))?;
        let (shape, encoding) = shape_of(descriptor.kind()).ok_or_else(|| unknown_kind(symbols, symbol))?;
        let has_size = !matches!(shape, Shape::Channel | Shape::Interface | Shape::Map | Shape::Pointer);
        let name = self.entries.names.push(text);
        let id = self.entries.push(Entry {
            encoding,
            symbol,
            kind: descriptor.kind() as u8,
            size: if has_size { descriptor.size() } else { 0 },
            runtime_type: if symbols.is_reachable(symbol) { symbol } else { GoSymbol::NONE },
            ..Entry::new(shape, name)
        });
        let named = match has_typedef(shape, text) {
            true => self.entries.push(Entry { target: Some(id), ..Entry::new(Shape::Typedef, name) }),
            false => id,
        };
        self.of.set(symbol, named.number());
        self.refer(id, shape, &descriptor);
        Ok(named)
    }

    /// Makes an entry's children, and notes what it refers to.
    fn refer(&mut self, id: EntryId, shape: Shape, descriptor: &GoType<'_, '_>) {
        let mark = self.pending.len();
        let first = self.entries.members.len() as u32;
        let mut refer = |from, target| self.pending.push(Pending { from, target });
        match shape {
            Shape::Channel | Shape::Slice => refer(Slot::Element(id), descriptor.element()),
            Shape::Pointer => refer(Slot::Target(id), descriptor.element()),
            Shape::Map => {
                refer(Slot::Key(id), descriptor.element());
                refer(Slot::Element(id), descriptor.map_value());
            }
            Shape::Interface => {
                refer(Slot::Target(id), if descriptor.interface_method_count() == 0 { self.eface } else { self.iface });
            }
            Shape::Array => {
                refer(Slot::Target(id), descriptor.element());
                let number = descriptor.array_length() as i64;
                self.entries.members.push(Member { number, ..self.part(Shape::Range, Some(self.uintptr)) });
            }
            Shape::Function => {
                for (index, target) in descriptor.parameters().enumerate() {
                    refer(Slot::Member(first + index as u32), target);
                }
                let results = first + descriptor.parameters().len() as u32 + u32::from(descriptor.is_variadic());
                for (index, target) in descriptor.results().enumerate() {
                    refer(Slot::Member(results + index as u32), target);
                }
                self.push_signature(descriptor);
            }
            Shape::Struct => self.push_fields(descriptor),
            _ => {}
        }
        self.pending[mark..].reverse();
        self.entries.get_mut(id).members = (first, self.entries.members.len() as u32);
    }

    fn part(&self, shape: Shape, target: Option<EntryId>) -> Member {
        Member { shape, embedded: false, name: Name::EMPTY, target, number: 0 }
    }

    fn push_signature(&mut self, descriptor: &GoType<'_, '_>) {
        let (parameter, result) = (self.part(Shape::Parameter, None), self.part(Shape::Result, None));
        self.entries.members.extend(descriptor.parameters().map(|_| parameter));
        if descriptor.is_variadic() {
            self.entries.members.push(self.part(Shape::Variadic, None));
        }
        self.entries.members.extend(descriptor.results().map(|_| result));
    }

    fn push_fields(&mut self, descriptor: &GoType<'_, '_>) {
        for field in descriptor.fields() {
            let slot = Slot::Member(self.entries.members.len() as u32);
            self.pending.push(Pending { from: slot, target: field.kind });
            let (name, embedded) = self.field_name(field.name, field.kind);
            let number = i64::from(field.offset as i32);
            self.entries.members.push(Member { name, number, embedded, ..self.part(Shape::Field, None) });
        }
    }

    /// A field's name, or that of its type if it has none; and whether it is embedded. Many fields have the same name.
    fn field_name(&mut self, symbol: GoSymbol, kind: GoSymbol) -> (Name, bool) {
        if let Some(known) = self.field_names.get(symbol) {
            return (Name::of_number(known >> 1), known & 1 != 0);
        }
        let symbols = self.symbols;
        let (text, is_embedded) = symbol.some().map_or((&[][..], false), |name| reflected_name(symbols.data(name)));
        if text.is_empty() {
            let name = symbols.name(kind);
            return (self.entries.names.push(name.strip_prefix(b"type:").unwrap_or(name)), is_embedded);
        }
        let name = self.entries.names.push(text);
        self.field_names.set(symbol, name.number() << 1 | u32::from(is_embedded));
        (name, is_embedded)
    }
}

/// The symbol of the type of a name.
pub(super) fn find(symbols: &Symbols<'_>, name: &[u8]) -> Option<GoSymbol> {
    symbols.find(&[b"type:", name].concat(), Version::Abi0)
}

/// The symbol of a type that the runtime has.
pub(super) fn required(symbols: &Symbols<'_>, name: &[u8]) -> Result<GoSymbol, Diagnostic> {
    let found = find(symbols, name).filter(|&symbol| !symbols.data(symbol).is_empty());
    found.ok_or_else(|| {
        let name = String::from_utf8_lossy(name);
        Diagnostic::error(
            "missing-type",
            format!("debug information needs the type {name}, which no package describes"),
        )
        .help("build the standard library again, or link with -w")
    })
}

fn missing(symbols: &Symbols<'_>, symbol: GoSymbol) -> Diagnostic {
    let name = symbols.display(symbol);
    Diagnostic::error("missing-type", format!("debug information needs {name}, which no package describes as a type"))
        .help("build the packages again with one toolchain, or link with -w")
}

fn unknown_kind(symbols: &Symbols<'_>, symbol: GoSymbol) -> Diagnostic {
    let name = symbols.display(symbol);
    Diagnostic::error("bad-type", format!("{name} is a type of no known kind"))
        .help("build the packages again with one toolchain, or link with -w")
}

fn shape_of(kind: TypeKind) -> Option<(Shape, u8)> {
    use TypeKind::*;
    Some(match kind {
        Invalid => return None,
        Bool => (Shape::Base, encoding::BOOLEAN),
        Int | Int8 | Int16 | Int32 | Int64 => (Shape::Base, encoding::SIGNED),
        Uint | Uint8 | Uint16 | Uint32 | Uint64 | Uintptr => (Shape::Base, encoding::UNSIGNED),
        Float32 | Float64 => (Shape::Base, encoding::FLOAT),
        Complex64 | Complex128 => (Shape::Base, encoding::COMPLEX_FLOAT),
        Array => (Shape::Array, 0),
        Chan => (Shape::Channel, 0),
        Func => (Shape::Function, 0),
        Interface => (Shape::Interface, 0),
        Map => (Shape::Map, 0),
        Pointer => (Shape::Pointer, 0),
        Slice => (Shape::Slice, 0),
        String => (Shape::String, 0),
        Struct => (Shape::Struct, 0),
        UnsafePointer => (Shape::BarePointer, 0),
    })
}

/// Whether an entry gets a typedef by which others refer to it: where the name is not made of the type's parts.
fn has_typedef(shape: Shape, name: &[u8]) -> bool {
    use Shape::*;
    let is_made_of_parts = |prefix: &&[u8]| name.starts_with(prefix);
    matches!(shape, Array | Function | Interface | Pointer | Slice | Struct)
        && ![&b"map["[..], b"struct {", b"noalg.struct {", b"chan ", b"[", b"*"].iter().any(is_made_of_parts)
}

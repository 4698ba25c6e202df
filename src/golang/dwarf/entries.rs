//! Entries of types, as records that are written when their places are known (Go 1.26 and 1.27, `newdie` and `PutAttrs` of
//! `cmd/link/internal/ld/dwarf.go` and `cmd/internal/dwarf/dwarf.go`).

use std::num::NonZeroU32;
use std::ops::Range;

use super::abbreviations::{Shape, at, form};
use super::put::Put;
use crate::diag::Diagnostic;
use crate::golang::symbols::GoSymbol;

/// An entry by its position in the order of making, which is that of the output.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct EntryId(NonZeroU32);

impl EntryId {
    /// The entry at a position.
    pub fn at(position: usize) -> Self {
        EntryId(NonZeroU32::MIN.saturating_add(position as u32))
    }

    /// Its position as a number.
    pub fn number(self) -> u32 {
        self.0.get() - 1
    }

    /// Its position.
    #[inline]
    pub fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// A name: its offset in [`Names`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Name(u32);

impl Name {
    /// No name.
    pub const EMPTY: Self = Name(0);

    /// The name of a number.
    pub const fn of_number(number: u32) -> Self {
        Name(number)
    }

    /// A number less than 2 to the power of 31.
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// The names of all entries, each behind its length in four bytes.
///
/// They are copied when they are met: where objects have them they lie far apart, and are slow to come by a second time, when
/// entries are measured, and a third time, when they are written.
#[derive(Debug)]
pub(super) struct Names(Vec<u8>);

impl Default for Names {
    fn default() -> Self {
        Names(vec![0; LENGTH])
    }
}

/// Bytes of the length of a name.
const LENGTH: usize = 4;

impl Names {
    /// Keeps a name.
    pub fn push(&mut self, name: &[u8]) -> Name {
        let offset = self.0.len() as u32;
        self.0.extend((name.len() as u32).to_le_bytes());
        self.0.extend_from_slice(name);
        Name(offset)
    }

    /// The text of a name.
    #[inline]
    pub fn text(&self, name: Name) -> &[u8] {
        let rest = self.0.get(name.0 as usize..).unwrap_or_default();
        let Some((length, rest)) = rest.split_first_chunk::<LENGTH>() else { return &[] };
        rest.get(..u32::from_le_bytes(*length) as usize).unwrap_or_default()
    }

    /// Refuses more names than there are numbers for.
    pub fn check(&self) -> Result<(), Diagnostic> {
        check_size(self.0.len())
    }
}

fn check_size(size: usize) -> Result<(), Diagnostic> {
    if size <= i32::MAX as usize {
        return Ok(());
    }
    let message = format!("the names of types take {size} bytes: more than debug information can have");
    Err(Diagnostic::error("too-much-debug-info", message).help("link with -w"))
}

/// An entry of a type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    /// What it is.
    pub shape: Shape,
    /// DW_AT_encoding.
    pub encoding: u8,
    /// The kind of the Go type; 0 for what is no Go type.
    pub kind: u8,
    /// Its name.
    pub name: Name,
    /// DW_AT_byte_size.
    pub size: u64,
    /// The symbol of the Go type that it describes by itself; none for what is made of other types.
    pub symbol: GoSymbol,
    /// The type's descriptor, if it is part of the program.
    pub runtime_type: GoSymbol,
    /// DW_AT_type.
    pub target: Option<EntryId>,
    /// Type of the elements.
    pub element: Option<EntryId>,
    /// Type of the keys.
    pub key: Option<EntryId>,
    /// Its children: positions in [`Entries::members`].
    pub members: (u32, u32),
}

impl Entry {
    /// An entry with nothing but a name.
    pub fn new(shape: Shape, name: Name) -> Self {
        Entry {
            shape,
            encoding: 0,
            kind: 0,
            name,
            size: 0,
            symbol: GoSymbol::NONE,
            runtime_type: GoSymbol::NONE,
            target: None,
            element: None,
            key: None,
            members: (0, 0),
        }
    }
}

/// A child of an entry: a field, a parameter, the bounds of an array.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Member {
    /// What it is.
    pub shape: Shape,
    /// Whether it is an embedded field.
    pub embedded: bool,
    /// The name of a field.
    pub name: Name,
    /// Its type.
    pub target: Option<EntryId>,
    /// Offset of a field; count of an array.
    pub number: i64,
}

/// The entries of all types.
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// In the order of making.
    pub all: Vec<Entry>,
    /// Their children, one list behind the other.
    pub members: Vec<Member>,
    /// The names of both.
    pub names: Names,
}

impl Entries {
    /// An entry.
    pub fn get(&self, id: EntryId) -> &Entry {
        &self.all[id.index()]
    }

    /// An entry, for changing.
    pub fn get_mut(&mut self, id: EntryId) -> &mut Entry {
        &mut self.all[id.index()]
    }

    /// Adds an entry.
    pub fn push(&mut self, entry: Entry) -> EntryId {
        self.all.push(entry);
        EntryId::at(self.all.len() - 1)
    }

    /// An entry's children.
    pub fn members_of(&self, id: EntryId) -> &[Member] {
        &self.members[self.member_range(id)]
    }

    /// Where an entry's children are.
    pub fn member_range(&self, id: EntryId) -> Range<usize> {
        let (start, end) = self.get(id).members;
        start as usize..end as usize
    }

    /// Writes an entry with its children.
    pub fn put(&self, id: EntryId, places: &impl Places, out: &mut impl Put) {
        let entry = self.get(id);
        out.uleb(entry.shape as u64);
        for &(attribute, form) in entry.shape.attributes() {
            match attribute {
                at::NAME => out.string(self.names.text(entry.name)),
                at::TYPE => put_reference(entry.target, places, out),
                at::GO_ELEM => put_reference(entry.element, places, out),
                at::GO_KEY => put_reference(entry.key, places, out),
                at::ENCODING => out.u8(entry.encoding),
                at::GO_KIND => out.u8(entry.kind),
                at::BYTE_SIZE if form == form::DATA1 => out.u8(entry.size as u8),
                at::BYTE_SIZE => out.uleb(entry.size),
                at::GO_RUNTIME_TYPE => out.u64(places.of_type(entry.runtime_type)),
                _ => {}
            }
        }
        if entry.shape.has_children() {
            for member in self.members_of(id) {
                self.put_member(member, places, out);
            }
            out.u8(0);
        }
    }

    fn put_member(&self, member: &Member, places: &impl Places, out: &mut impl Put) {
        out.uleb(member.shape as u64);
        for &(attribute, _) in member.shape.attributes() {
            match attribute {
                at::NAME => out.string(self.names.text(member.name)),
                at::TYPE => put_reference(member.target, places, out),
                at::DATA_MEMBER_LOCATION | at::COUNT => out.uleb(member.number as u64),
                at::GO_EMBEDDED_FIELD => out.u8(u8::from(member.embedded)),
                at::VARIABLE_PARAMETER => out.u8(1),
                _ => {}
            }
        }
    }
}

/// Where things are that entries refer to.
pub(super) trait Places {
    /// The offset of an entry in `.debug_info`.
    fn of_entry(&self, id: EntryId) -> u32;

    /// The offset of a type's descriptor in its section; 0 for none.
    fn of_type(&self, symbol: GoSymbol) -> u64;
}

/// Places that are not known yet: sizes do not depend on them.
pub(super) struct Unplaced;

impl Places for Unplaced {
    fn of_entry(&self, _: EntryId) -> u32 {
        0
    }

    fn of_type(&self, _: GoSymbol) -> u64 {
        0
    }
}

/// A reference that was never set takes no bytes: Go leaves it out.
fn put_reference(target: Option<EntryId>, places: &impl Places, out: &mut impl Put) {
    if let Some(target) = target {
        out.u32(places.of_entry(target));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept() {
        let mut names = Names::default();
        let kept = [&b"one"[..], b"", b"three"].map(|name| names.push(name));
        assert_eq!(kept.map(|name| names.text(name)), [&b"one"[..], b"", b"three"]);
        assert_eq!(names.text(Name::EMPTY), b"");
        assert_eq!(names.text(Name::of_number(kept[2].number())), b"three");
        assert_eq!(names.text(Name::of_number(1 << 20)), b"");
    }
    #[test]
    fn names_without_numbers_are_refused() {
        let largest = i32::MAX as usize;
        assert!(check_size(largest).is_ok());
        let problem = check_size(largest + 1).expect_err("a refusal").to_string();
        assert!(
            problem.contains("the names of types take 2147483648 bytes: more than debug information can have"),
            "{problem}"
        );
        assert!(problem.contains("link with -w"), "{problem}");
    }
}

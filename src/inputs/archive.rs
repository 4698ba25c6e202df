//! `ar` archives, read in place: System V and GNU, BSD, and GNU thin archives.
//!
//! ```text
//! archive  = ("!<arch>\n" | "!<thin>\n") member*
//! member   = name[16] mtime[12] uid[6] gid[6] mode[8] size[10] "`\n"  data[size]  ["\n" if size is odd]
//! name     = "/" index | "/SYM64/" index, 64-bit | "//" long names | "/123" at byte 123 of the long names
//!          | "short/" | "#1/20" BSD: the name is the first 20 bytes of the data | "__.SYMDEF" BSD index
//! index    = count:u32be offset:u32be[count] (name "\0")[count]              "/SYM64/": all three of u64be
//!          | bytes:u32le (name:u32le offset:u32le)[bytes/8] size:u32le names  BSD; "__.SYMDEF_64": of u64le
//! ```
//!
//! In a thin archive the index and the long names have their data in place; every other member is a file whose path,
//! relative to the folder of the archive, is the name. Offsets in an index are those of member headers. Headers stand
//! at even offsets, so that data are aligned to 2 bytes and no more.
//!
//! Nothing is allocated and nothing is read twice: [`Archive::parse`] looks at the leading special members only,
//! [`Archive::member_at`] at one header. Every problem is an [`ArchiveError`] with its offset.

use std::path::Path;

use crate::diag::{Diagnostic, Origin};

/// The first bytes of an archive.
pub const MAGIC: &[u8; 8] = b"!<arch>\n";
/// The first bytes of a thin archive.
pub const THIN_MAGIC: &[u8; 8] = b"!<thin>\n";
/// Bytes of a member's header.
const HEADER: usize = 60;

/// An archive, borrowed from its file.
#[derive(Clone, Copy, Debug)]
pub struct Archive<'data> {
    data: &'data [u8],
    thin: bool,
    index: Option<SymbolIndex<'data>>,
    long_names: &'data [u8],
    first_member: u64,
}

/// What is wrong with an archive, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{kind}")]
pub struct ArchiveError {
    /// Bytes from the start of the archive.
    pub offset: u64,
    /// What is wrong there.
    pub kind: ArchiveErrorKind,
}

/// The ways in which an archive can be malformed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ArchiveErrorKind {
    /// Neither magic stands at the start.
    #[error("not an archive: it does not start with '!<arch>' or '!<thin>'")]
    BadMagic,
    /// The file ends within a header.
    #[error("the archive is truncated: it ends within a member's header")]
    TruncatedHeader,
    /// The header does not end in "`\n".
    #[error("no member header here: its terminator is missing")]
    BadTerminator,
    /// The size is no decimal number.
    #[error("the member's size is not a decimal number")]
    BadSize,
    /// The data reach past the end of the file.
    #[error("the archive is truncated: the member's data reach past its end")]
    TruncatedData,
    /// The reference to a long name is no number or points past the table.
    #[error("the member's name refers outside the archive's long-name table")]
    BadLongName,
    /// A thin archive that refers to a member of another archive.
    #[error("the thin archive refers into another archive; make it again from the objects themselves")]
    NestedThin,
}

/// One member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member<'data> {
    /// Where its header starts, in bytes from the start of the archive: what an index refers to.
    pub header_offset: u64,
    /// Its name; a path in a thin archive.
    pub name: &'data [u8],
    /// Its contents.
    pub data: MemberData<'data>,
    /// Bytes of its contents; those of the file when the archive was made, if thin.
    pub size: u64,
}

/// Where the contents of a member are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MemberData<'data> {
    /// In the archive; aligned to 2 bytes.
    Inline(&'data [u8]),
    /// In a file of its own: the path, relative to the archive's folder unless absolute.
    Thin(&'data [u8]),
}

/// The names that the members define, with the members' header offsets.
///
/// Its counts are checked; its offsets are not, as an index may be older than the members: [`Archive::member_at`] says so.
#[derive(Clone, Copy, Debug)]
pub struct SymbolIndex<'data> {
    layout: IndexLayout<'data>,
    count: usize,
}

#[derive(Clone, Copy, Debug)]
enum IndexLayout<'data> {
    /// System V: `wide` tells 64-bit offsets.
    SystemV { offsets: &'data [u8], names: &'data [u8], wide: bool },
    /// BSD: pairs of name and header offset.
    Bsd { pairs: &'data [u8], names: &'data [u8], wide: bool },
}

impl<'data> Archive<'data> {
    /// Reads the magic, the index and the long names; no other member is looked at.
    ///
    /// # Errors
    /// A wrong magic, or a special member that is malformed or truncated. A malformed *index* is no error:
    /// [`Archive::index`] is `None`, as if the archive had none.
    pub fn parse(data: &'data [u8]) -> Result<Self, ArchiveError> {
        let thin = match data.get(..MAGIC.len()) {
            Some(magic) if magic == MAGIC => false,
            Some(magic) if magic == THIN_MAGIC => true,
            _ => return Err(ArchiveError { offset: 0, kind: ArchiveErrorKind::BadMagic }),
        };
        let mut archive = Archive { data, thin, index: None, long_names: &[], first_member: MAGIC.len() as u64 };
        while !archive.is_end(archive.first_member) {
            let header = Header::read(data, archive.first_member)?;
            let Some(special) = header.special(data)? else { break };
            let contents = header.inline(data)?;
            match special {
                Special::LongNames => archive.long_names = contents,
                // A COFF import library has a second "/" of another shape: the first one is the index.
                _ if archive.index.is_some() => {}
                Special::SystemV { wide } => archive.index = SymbolIndex::system_v(contents, wide),
                Special::Bsd { wide, name_bytes } => {
                    archive.index = contents.get(name_bytes..).and_then(|index| SymbolIndex::bsd(index, wide));
                }
            }
            archive.first_member = header.next(true);
        }
        Ok(archive)
    }

    /// The members from one on, with which `data` starts: for who has looked at those before it in another way. Offsets count from
    /// there, and there is no index.
    pub const fn from_member(data: &'data [u8]) -> Self {
        Archive { data, thin: false, index: None, long_names: &[], first_member: 0 }
    }

    /// The name of the first member and where the next one starts, by a file's first bytes; none unless these are an archive's.
    pub fn first_member(head: &'data [u8]) -> Option<(&'data [u8], u64)> {
        let header = head.starts_with(MAGIC).then(|| Header::read(head, MAGIC.len() as u64).ok()).flatten()?;
        Some((header.short_name(), header.next(true)))
    }

    /// Whether the members are files of their own.
    pub const fn is_thin(&self) -> bool {
        self.thin
    }

    /// The index; `None` if there is none or its counts and sizes contradict each other.
    pub const fn index(&self) -> Option<SymbolIndex<'data>> {
        self.index
    }

    /// The members in file order, without the special ones. Ends after the first error.
    pub const fn members(&self) -> Members<'data> {
        Members { archive: *self, offset: self.first_member }
    }

    /// The member whose header starts at `header_offset`. Looks at that header only.
    ///
    /// # Errors
    /// No (whole) member stands there: an index that gave the offset is stale.
    pub fn member_at(&self, header_offset: u64) -> Result<Member<'data>, ArchiveError> {
        self.read(header_offset).map(|(member, _)| member)
    }

    /// The member at an offset and the offset of the header that follows it.
    fn read(&self, offset: u64) -> Result<(Member<'data>, u64), ArchiveError> {
        let header = Header::read(self.data, offset)?;
        let is_special = header.special(self.data)?.is_some();
        let in_place = is_special || !self.thin;
        let whole = if in_place { header.inline(self.data)? } else { &[] };
        let (name, contents) = if is_special {
            (header.short_name(), whole)
        } else if let Some(name_bytes) = header.bsd_name_bytes() {
            if !in_place {
                return Err(header.error(ArchiveErrorKind::BadLongName));
            }
            let (name, contents) =
                whole.split_at_checked(name_bytes).ok_or_else(|| header.error(ArchiveErrorKind::BadLongName))?;
            (until(0, name), contents)
        } else if header.name[0] == b'/' {
            (self.long_name(&header)?, whole)
        } else {
            (header.short_name(), whole)
        };
        let (data, size) = if in_place {
            (MemberData::Inline(contents), contents.len() as u64)
        } else {
            (MemberData::Thin(name), header.size)
        };
        Ok((Member { header_offset: offset, name, data, size }, header.next(in_place)))
    }

    /// The name that "/123" stands for: it ends in "/\n" (GNU) or NUL (Microsoft).
    fn long_name(&self, header: &Header<'data>) -> Result<&'data [u8], ArchiveError> {
        let reference = header.short_name().get(1..).unwrap_or_default();
        if self.thin && reference.contains(&b':') {
            return Err(header.error(ArchiveErrorKind::NestedThin));
        }
        let rest = decimal(reference)
            .and_then(|start| self.long_names.get(usize::try_from(start).ok()?..))
            .filter(|rest| !rest.is_empty())
            .ok_or_else(|| header.error(ArchiveErrorKind::BadLongName))?;
        let end = memchr::memchr2(b'\n', 0, rest).unwrap_or(rest.len());
        let name = &rest[..end];
        Ok(name.strip_suffix(b"/").unwrap_or(name))
    }

    /// Whether no member starts at `offset`: nothing is left, or less than a header and all of it padding.
    fn is_end(&self, offset: u64) -> bool {
        let rest = usize::try_from(offset).ok().and_then(|start| self.data.get(start..)).unwrap_or_default();
        rest.len() < HEADER && rest.iter().all(|byte| matches!(byte, b'\n' | 0))
    }
}

/// Walks the members; see [`Archive::members`].
#[derive(Clone, Debug)]
pub struct Members<'data> {
    archive: Archive<'data>,
    /// `u64::MAX` once done.
    offset: u64,
}

impl<'data> Iterator for Members<'data> {
    type Item = Result<Member<'data>, ArchiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.archive.is_end(self.offset) {
                return None;
            }
            match self.archive.read(self.offset) {
                Ok((member, next)) => {
                    self.offset = next; // at least a header further
                    // A second index or table amid the members is none of them.
                    if !is_special_name(member.name) {
                        return Some(Ok(member));
                    }
                }
                Err(error) => {
                    self.offset = u64::MAX;
                    return Some(Err(error));
                }
            }
        }
    }
}

impl ArchiveError {
    /// The error as a diagnostic about the archive at `path`.
    pub fn diagnostic(&self, path: &Path) -> Diagnostic {
        Diagnostic::error("bad-archive", self.kind.to_string()).at(Origin::file(path).at(self.offset))
    }
}

/// What a leading special member holds.
enum Special {
    LongNames,
    SystemV {
        wide: bool,
    },
    /// `name_bytes`: how much of the data the name takes.
    Bsd {
        wide: bool,
        name_bytes: usize,
    },
}

/// A member's header.
struct Header<'data> {
    offset: u64,
    name: &'data [u8],
    size: u64,
}

impl<'data> Header<'data> {
    fn read(data: &'data [u8], offset: u64) -> Result<Self, ArchiveError> {
        let error = |kind| ArchiveError { offset, kind };
        let bytes = usize::try_from(offset)
            .ok()
            .and_then(|start| data.get(start..)?.get(..HEADER))
            .ok_or_else(|| error(ArchiveErrorKind::TruncatedHeader))?;
        if &bytes[58..] != b"`\n" {
            return Err(error(ArchiveErrorKind::BadTerminator));
        }
        let size = decimal(trim(&bytes[48..58])).ok_or_else(|| error(ArchiveErrorKind::BadSize))?;
        Ok(Header { offset, name: &bytes[..16], size })
    }

    const fn error(&self, kind: ArchiveErrorKind) -> ArchiveError {
        ArchiveError { offset: self.offset, kind }
    }

    /// The data that follow the header.
    fn inline(&self, data: &'data [u8]) -> Result<&'data [u8], ArchiveError> {
        let start = self.offset as usize + HEADER; // the header lies within `data`
        usize::try_from(self.size)
            .ok()
            .and_then(|size| data.get(start..)?.get(..size))
            .ok_or_else(|| self.error(ArchiveErrorKind::TruncatedData))
    }

    /// Where the next header starts. The size has at most ten digits, so that nothing overflows.
    const fn next(&self, in_place: bool) -> u64 {
        let end = self.offset + HEADER as u64 + if in_place { self.size } else { 0 };
        end + (end & 1)
    }

    /// The name as it stands, without its padding and GNU's final slash.
    fn short_name(&self) -> &'data [u8] {
        let name = trim(self.name);
        if is_special_name(name) { name } else { name.strip_suffix(b"/").unwrap_or(name) }
    }

    /// N of "#1/N".
    fn bsd_name_bytes(&self) -> Option<usize> {
        decimal(trim(self.name.strip_prefix(b"#1/")?)).and_then(|bytes| usize::try_from(bytes).ok())
    }

    /// Which special member it is, if one.
    fn special(&self, data: &'data [u8]) -> Result<Option<Special>, ArchiveError> {
        let bsd = |name: &[u8], name_bytes| match name {
            b"__.SYMDEF" | b"__.SYMDEF SORTED" => Some(Special::Bsd { wide: false, name_bytes }),
            b"__.SYMDEF_64" | b"__.SYMDEF_64 SORTED" => Some(Special::Bsd { wide: true, name_bytes }),
            _ => None,
        };
        Ok(match trim(self.name) {
            b"/" => Some(Special::SystemV { wide: false }),
            b"/SYM64/" => Some(Special::SystemV { wide: true }),
            b"//" => Some(Special::LongNames),
            name if name.starts_with(b"__.SYMDEF") => bsd(name, 0),
            name if name.starts_with(b"#1/") => match self.bsd_name_bytes() {
                Some(bytes) => self.inline(data)?.get(..bytes).and_then(|name| bsd(until(0, name), bytes)),
                None => None,
            },
            _ => None,
        })
    }
}

impl<'data> SymbolIndex<'data> {
    /// How many names it has.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether it has none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Name and header offset of each definition, in the order of the index.
    pub fn iter(&self) -> IndexEntries<'data> {
        let names = match self.layout {
            IndexLayout::SystemV { names, .. } => names,
            IndexLayout::Bsd { .. } => &[],
        };
        IndexEntries { index: *self, position: 0, names }
    }

    fn system_v(data: &'data [u8], wide: bool) -> Option<Self> {
        let width = if wide { 8 } else { 4 };
        let (count, rest) = data.split_at_checked(width)?;
        let count = usize::try_from(big_endian(count)).ok()?;
        let (offsets, names) = rest.split_at_checked(count.checked_mul(width)?)?;
        (memchr::memchr_iter(0, names).count() >= count)
            .then_some(SymbolIndex { layout: IndexLayout::SystemV { offsets, names, wide }, count })
    }

    fn bsd(data: &'data [u8], wide: bool) -> Option<Self> {
        let width = if wide { 8 } else { 4 };
        let (bytes, rest) = data.split_at_checked(width)?;
        let (pairs, rest) = rest.split_at_checked(usize::try_from(little_endian(bytes)).ok()?)?;
        let (size, rest) = rest.split_at_checked(width)?;
        let names = rest.get(..usize::try_from(little_endian(size)).ok()?)?;
        let count = pairs.len() / (2 * width);
        Some(SymbolIndex { layout: IndexLayout::Bsd { pairs, names, wide }, count })
    }
}

/// Walks an index; see [`SymbolIndex::iter`].
#[derive(Clone, Debug)]
pub struct IndexEntries<'data> {
    index: SymbolIndex<'data>,
    position: usize,
    /// System V: the names not yet given.
    names: &'data [u8],
}

impl<'data> Iterator for IndexEntries<'data> {
    type Item = (&'data [u8], u64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.position == self.index.count {
            return None;
        }
        let position = self.position;
        self.position += 1;
        match self.index.layout {
            IndexLayout::SystemV { offsets, wide, .. } => {
                let width = if wide { 8 } else { 4 };
                let offset = big_endian(&offsets[position * width..][..width]);
                let end = memchr::memchr(0, self.names)?;
                let name = &self.names[..end];
                self.names = &self.names[end + 1..];
                Some((name, offset))
            }
            IndexLayout::Bsd { pairs, names, wide } => {
                let width = if wide { 8 } else { 4 };
                let (name, offset) = pairs[position * 2 * width..][..2 * width].split_at(width);
                // A name outside the table is empty, which no symbol is called.
                let name = usize::try_from(little_endian(name)).ok().and_then(|start| names.get(start..));
                Some((until(0, name.unwrap_or_default()), little_endian(offset)))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.index.count - self.position;
        (0, Some(left))
    }
}

/// Whether a name is that of an index or a table, which are no members to link.
fn is_special_name(name: &[u8]) -> bool {
    matches!(name, b"/" | b"//" | b"/SYM64/") || name.starts_with(b"__.SYMDEF")
}

/// The bytes before the first `end`, or all.
fn until(end: u8, bytes: &[u8]) -> &[u8] {
    memchr::memchr(end, bytes).map_or(bytes, |length| &bytes[..length])
}

/// Without the spaces at the end.
fn trim(field: &[u8]) -> &[u8] {
    field.trim_ascii_end()
}

/// A number of decimal digits and nothing else.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |value, &digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

fn big_endian(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, &byte| value << 8 | u64::from(byte))
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutation::numbers;

    /// A member's header; `name` as it stands in the field.
    fn header(name: &str, size: usize) -> Vec<u8> {
        format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, "100644").into_bytes()
    }

    /// An archive of the given raw members, padded as `ar` pads.
    fn archive(magic: &[u8], members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut out = magic.to_vec();
        for (name, data) in members {
            out.extend(header(name, data.len()));
            out.extend_from_slice(data);
            if out.len() % 2 == 1 {
                out.push(b'\n');
            }
        }
        out
    }

    fn system_v_index(entries: &[(&str, u32)]) -> Vec<u8> {
        let mut out = (entries.len() as u32).to_be_bytes().to_vec();
        entries.iter().for_each(|(_, offset)| out.extend(offset.to_be_bytes()));
        entries.iter().for_each(|(name, _)| out.extend(name.bytes().chain([0])));
        out
    }

    /// An archive with an index, long names, and members of odd and even size.
    fn gnu() -> Vec<u8> {
        let index = system_v_index(&[("first", 0xba), ("second", 0xfc)]);
        let names = b"a_name_of_more_than_16_bytes.o/\n";
        archive(MAGIC, &[("/", &index), ("//", names), ("short.o/", b"12345"), ("/0", b"6789")])
    }

    fn names(data: &[u8]) -> Vec<String> {
        let archive = Archive::parse(data).unwrap();
        archive.members().map(|member| String::from_utf8(member.unwrap().name.to_vec()).unwrap()).collect()
    }

    #[test]
    fn reads_names_data_and_index_of_gnu_archives() {
        let data = gnu();
        let archive = Archive::parse(&data).unwrap();
        let members: Vec<Member> = archive.members().map(Result::unwrap).collect();
        assert_eq!(names(&data), ["short.o", "a_name_of_more_than_16_bytes.o"]);
        assert_eq!(members[0].data, MemberData::Inline(b"12345"));
        assert_eq!((members[1].data, members[1].size), (MemberData::Inline(b"6789"), 4));
        assert!(members.iter().all(|member| member.header_offset % 2 == 0));
        let index = archive.index().unwrap();
        assert_eq!(index.len(), 2);
        let offsets: Vec<u64> = members.iter().map(|member| member.header_offset).collect();
        let entries: Vec<_> = index.iter().collect();
        assert_eq!(entries, [(&b"first"[..], offsets[0]), (&b"second"[..], offsets[1])]);
        assert_eq!(archive.member_at(entries[1].1), Ok(members[1]));
    }

    #[test]
    fn reads_64_bit_indexes() {
        let mut index = 1u64.to_be_bytes().to_vec();
        index.extend(0x1_0000_0008u64.to_be_bytes());
        index.extend(b"far\0");
        let data = archive(MAGIC, &[("/SYM64/", &index)]);
        let entries: Vec<_> = Archive::parse(&data).unwrap().index().unwrap().iter().collect();
        assert_eq!(entries, [(&b"far"[..], 0x1_0000_0008)]);
    }

    #[test]
    fn reads_bsd_names_and_indexes() {
        let mut index = b"__.SYMDEF SORTED\0\0\0\0".to_vec();
        for word in [8u32, 1, 0x88, 8] {
            index.extend(word.to_le_bytes());
        }
        index.extend(b"\0foo\0bar");
        let data = archive(MAGIC, &[("#1/20", &index), ("#1/20", b"a long file name.o\0\0contents"), ("x.o", b"")]);
        assert_eq!(names(&data), ["a long file name.o", "x.o"]);
        let read = Archive::parse(&data).unwrap();
        let first = read.members().next().unwrap().unwrap();
        assert_eq!((first.data, first.size), (MemberData::Inline(b"contents"), 8));
        assert_eq!(read.index().unwrap().iter().collect::<Vec<_>>(), [(&b"foo"[..], 0x88)]);
    }

    #[test]
    fn thin_members_are_paths_and_take_no_space() {
        let names = b"build/x.o/\n../y.o/\n";
        let mut data = archive(THIN_MAGIC, &[("//", names)]);
        data.extend(header("/0", 1000));
        data.extend(header("/11", 7));
        let read = Archive::parse(&data).unwrap();
        assert!(read.is_thin());
        let members: Vec<Member> = read.members().map(Result::unwrap).collect();
        assert_eq!(members[0].data, MemberData::Thin(b"build/x.o"));
        assert_eq!((members[1].data, members[1].size), (MemberData::Thin(b"../y.o"), 7));
        data.extend(header("/0:99", 7));
        let last = Archive::parse(&data).unwrap().members().last().unwrap();
        assert_eq!(last.unwrap_err().kind, ArchiveErrorKind::NestedThin);
    }

    #[test]
    fn empty_archives_have_no_members() {
        assert!(names(MAGIC).is_empty());
        assert!(names(b"!<arch>\n\n").is_empty());
        assert!(Archive::parse(MAGIC).unwrap().index().is_none());
    }

    #[test]
    fn contradictory_indexes_count_as_none() {
        for index in [&b""[..], b"\0\0", b"\xff\xff\xff\xff", b"\0\0\0\x01\0\0\0\x08noend", b"\0\0\0\x02\0\0\0\0"] {
            let data = archive(MAGIC, &[("/", index), ("x.o/", b"y")]);
            assert!(Archive::parse(&data).unwrap().index().is_none());
            assert_eq!(names(&data), ["x.o"]);
        }
    }

    #[test]
    fn errors_say_where() {
        let data = gnu();
        let whole = Archive::parse(&data).unwrap();
        assert_eq!(Archive::parse(b"!<arch>").unwrap_err().kind, ArchiveErrorKind::BadMagic);
        assert_eq!(whole.member_at(9), Err(ArchiveError { offset: 9, kind: ArchiveErrorKind::BadTerminator }));
        assert_eq!(whole.member_at(u64::MAX).unwrap_err().kind, ArchiveErrorKind::TruncatedHeader);
        let last = whole.members().last().unwrap().unwrap().header_offset;
        let cut = Archive::parse(&data[..data.len() - 1]).unwrap().members().last().unwrap();
        assert_eq!(cut, Err(ArchiveError { offset: last, kind: ArchiveErrorKind::TruncatedData }));
        let text = cut.unwrap_err().diagnostic(Path::new("libx.a")).to_string();
        assert_eq!(
            text,
            format!("error: libx.a: offset {last:#x}: the archive is truncated: the member's data reach past its end")
        );
        let bad = archive(MAGIC, &[("/7", b"")]);
        assert_eq!(
            Archive::parse(&bad).unwrap().members().next().unwrap().unwrap_err().kind,
            ArchiveErrorKind::BadLongName
        );
    }

    /// Reads everything there is; gives how many members and names that were.
    fn exhaust(data: &[u8]) -> usize {
        let Ok(archive) = Archive::parse(data) else { return 0 };
        let mut seen = archive.members().filter(Result::is_ok).count();
        if let Some(index) = archive.index() {
            for (name, offset) in index.iter() {
                seen += 1 + name.len().min(1);
                let _ = archive.member_at(offset);
            }
        }
        seen
    }

    #[test]
    fn hostile_bytes_never_panic_or_loop() {
        let mut random = numbers(0x9e37_79b9_7f4a_7c15);
        let mut bsd = b"__.SYMDEF\0\0\0".to_vec();
        for word in [8u32, 0, 0x60, 4] {
            bsd.extend(word.to_le_bytes());
        }
        bsd.extend(b"foo\0");
        let bsd = archive(MAGIC, &[("#1/12", &bsd), ("#1/4", b"x.o\0data")]);
        let mut thin = archive(THIN_MAGIC, &[("/", &system_v_index(&[("f", 8)])), ("//", b"q.o/\n")]);
        thin.extend(header("/0", 4));
        for seed in [gnu(), bsd, thin] {
            assert!(exhaust(&seed) > 0);
            (0..seed.len()).for_each(|length| {
                exhaust(&seed[..length]);
            });
            for _ in 0..3000 {
                let mut mutant = seed.clone();
                for _ in 0..=random(4) {
                    let at = random(mutant.len());
                    mutant[at] = match random(4) {
                        0 => 0xff,
                        1 => b'0' + random(10) as u8,
                        2 => b" /#\n\0:"[random(6)],
                        _ => random(256) as u8,
                    };
                }
                assert!(exhaust(&mutant) <= 2 * mutant.len());
            }
        }
    }

    #[test]
    fn agrees_with_another_writer_of_archives() {
        let names: Vec<Vec<u8>> = (0..40)
            .map(|number| format!("{}{number}.o", "long_member_name_".repeat(number % 3)).into_bytes())
            .collect();
        let mut bytes = Vec::new();
        let mut builder = ar::GnuBuilder::new(&mut bytes, names.clone());
        for (number, name) in names.iter().enumerate() {
            let contents = vec![number as u8; number * 3 + 1];
            builder
                .append(&ar::Header::new(name.clone(), contents.len() as u64), contents.as_slice())
                .expect("a member");
        }
        drop(builder);
        let archive = Archive::parse(&bytes).expect("an archive");
        let members: Vec<Member<'_>> = archive.members().map(|member| member.expect("a member")).collect();
        assert_eq!(members.len(), names.len());
        for (number, (member, name)) in members.iter().zip(&names).enumerate() {
            assert_eq!((member.name, member.size), (name.as_slice(), number as u64 * 3 + 1));
        }
    }
}

//! `.note.gnu.property`: what the processor may be asked to enforce (Intel CET, Arm BTI and PAC) and what it must have, for
//! the whole program. "Linux Extensions to gABI", "x86-64 psABI" and "AAELF64" define how notes combine: each property's
//! number says whether its bits are joined by AND, by OR, or by OR if every file has the property.
//!
//! One file without a note is enough to lose the properties that need all of them: code that is not marked for indirect
//! branch tracking would trap.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::target::Architecture;

/// The properties of one file, or of the output: value by `pr_type`.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Properties(BTreeMap<u32, u64>);

/// What is malformed, at which offset of the section.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{problem}")]
pub struct PropertyError {
    /// Bytes from the start of the section.
    pub offset: u64,
    /// One line.
    pub problem: &'static str,
}

/// GNU_PROPERTY_STACK_SIZE: the largest wins.
const STACK_SIZE: u32 = 1;
/// GNU_PROPERTY_X86_FEATURE_1_AND.
pub const X86_FEATURE_1_AND: u32 = 0xc000_0002;
/// GNU_PROPERTY_X86_FEATURE_1_IBT: indirect branches land on `endbr`.
pub const X86_IBT: u64 = 1;
/// GNU_PROPERTY_X86_FEATURE_1_SHSTK: returns agree with a shadow stack.
pub const X86_SHSTK: u64 = 1 << 1;
/// GNU_PROPERTY_X86_FEATURE_1_LAM_U48.
pub const X86_LAM_U48: u64 = 1 << 2;
/// GNU_PROPERTY_X86_FEATURE_1_LAM_U57.
pub const X86_LAM_U57: u64 = 1 << 3;
/// GNU_PROPERTY_X86_ISA_1_NEEDED.
pub const X86_ISA_1_NEEDED: u32 = 0xc000_8002;
/// GNU_PROPERTY_AARCH64_FEATURE_1_BTI (AAELF64, "Program Property").
pub const AARCH64_BTI: u64 = 1;
/// GNU_PROPERTY_AARCH64_FEATURE_1_AND.
pub const AARCH64_FEATURE_1_AND: u32 = 0xc000_0000;

/// `sh_addralign` of the section in ELF64.
pub const ALIGNMENT: u64 = 8;
/// Bytes of the note before the properties: sizes, NT_GNU_PROPERTY_TYPE_0, "GNU".
const NOTE_HEADER_SIZE: usize = 16;
/// Bytes of a property: its type, its size, and a value of 4 or 8 bytes, padded to 8.
const PROPERTY_SIZE: usize = 16;

/// How the values of several files become one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rule {
    /// The bits that every file has.
    And,
    /// The bits that any file has.
    Or,
    /// The bits that any file has, if every file has the property.
    OrIfAll,
    /// The largest.
    Largest,
}

/// The rule for a property; `None` for those that are not known to combine, which are dropped.
fn rule(architecture: Architecture, property: u32) -> Option<Rule> {
    match (architecture, property) {
        (_, STACK_SIZE) => Some(Rule::Largest),
        (_, 0xb000_0000..=0xb000_7fff) => Some(Rule::And),
        (_, 0xb000_8000..=0xb000_ffff) => Some(Rule::Or),
        (Architecture::X86_64, 0xc000_0002..=0xc000_7fff) => Some(Rule::And),
        (Architecture::X86_64, 0xc000_8000..=0xc000_ffff) => Some(Rule::Or),
        (Architecture::X86_64, 0xc001_0000..=0xc001_7fff) => Some(Rule::OrIfAll),
        (Architecture::Aarch64, AARCH64_FEATURE_1_AND) => Some(Rule::And),
        _ => None,
    }
}

/// Bytes of a property's value.
fn value_size(property: u32) -> usize {
    if property == STACK_SIZE { 8 } else { 4 }
}

/// Reads an input section. Other notes in it are passed over, and so are properties that do not combine.
pub fn read(architecture: Architecture, section: &[u8]) -> Result<Properties, PropertyError> {
    let mut properties = Properties::default();
    let mut at = 0;
    while at < section.len() {
        let fail = |problem| PropertyError { offset: at as u64, problem };
        let word = |index: usize| u32_at(section, at + 4 * index).map(|word| word as usize);
        let (Some(name_size), Some(size), Some(kind)) = (word(0), word(1), word(2)) else {
            return Err(fail("the section ends within the header of a note"));
        };
        let start = at + 12 + name_size.next_multiple_of(4);
        let contents = start.checked_add(size).and_then(|end| section.get(start..end));
        let Some(contents) = contents else {
            return Err(fail("a note is longer than the rest of the section"));
        };
        let is_property = kind == object::elf::NT_GNU_PROPERTY_TYPE_0 as usize
            && name_size == 4
            && section[at + 12..].starts_with(b"GNU\0");
        if is_property {
            properties.add(architecture, contents, start)?;
        }
        at = (start + size).next_multiple_of(ALIGNMENT as usize);
    }
    Ok(properties)
}

impl Properties {
    /// The program's properties, from those of all its files. Files that have no such section count too, as `None`.
    pub fn merge<'a>(architecture: Architecture, files: impl Iterator<Item = Option<&'a Properties>>) -> Properties {
        let mut merged: BTreeMap<u32, (u64, usize)> = BTreeMap::new();
        let mut file_count = 0;
        for file in files {
            file_count += 1;
            for (&property, &value) in file.iter().flat_map(|file| &file.0) {
                let Some((known, seen)) = merged.get_mut(&property) else {
                    merged.insert(property, (value, 1));
                    continue;
                };
                *seen += 1;
                match rule(architecture, property) {
                    Some(Rule::And) => *known &= value,
                    Some(Rule::Or | Rule::OrIfAll) => *known |= value,
                    Some(Rule::Largest) | None => *known = value.max(*known),
                }
            }
        }
        let stays = |(property, (value, seen)): (u32, (u64, usize))| {
            let needs_all = matches!(rule(architecture, property), Some(Rule::And | Rule::OrIfAll));
            (value != 0 && (seen == file_count || !needs_all)).then_some((property, value))
        };
        Properties(merged.into_iter().filter_map(stays).collect())
    }

    /// Sets bits whatever the files say: `-z force-bti`, `-z ibt`, `-z shstk`.
    pub fn force(&mut self, property: u32, bits: u64) {
        *self.0.entry(property).or_default() |= bits;
    }

    /// Clears bits of a property that stays, so that the note keeps its size.
    pub fn withdraw(&mut self, property: u32, bits: u64) {
        if let Some(value) = self.0.get_mut(&property) {
            *value &= !bits;
        }
    }

    /// The value of a property; 0 if it is not there.
    pub fn get(&self, property: u32) -> u64 {
        self.0.get(&property).copied().unwrap_or(0)
    }

    /// Bytes of the output section; 0 if there are no properties, and so no section.
    pub fn note_size(&self) -> u64 {
        if self.0.is_empty() { 0 } else { (NOTE_HEADER_SIZE + PROPERTY_SIZE * self.0.len()) as u64 }
    }

    /// Writes the one note of the output section.
    ///
    /// # Panics
    /// If `out` has not the size of [`Properties::note_size`].
    pub fn write_note(&self, out: &mut [u8]) {
        assert_eq!(out.len() as u64, self.note_size(), "the property note has the wrong size");
        if out.is_empty() {
            return;
        }
        out.fill(0);
        let (header, properties) = out.split_at_mut(NOTE_HEADER_SIZE);
        header[..4].copy_from_slice(&4u32.to_le_bytes());
        header[4..8].copy_from_slice(&(properties.len() as u32).to_le_bytes());
        header[8..12].copy_from_slice(&object::elf::NT_GNU_PROPERTY_TYPE_0.to_le_bytes());
        header[12..].copy_from_slice(b"GNU\0");
        for (place, (&property, value)) in properties.chunks_exact_mut(PROPERTY_SIZE).zip(&self.0) {
            let size = value_size(property);
            place[..4].copy_from_slice(&property.to_le_bytes());
            place[4..8].copy_from_slice(&(size as u32).to_le_bytes());
            place[8..8 + size].copy_from_slice(&value.to_le_bytes()[..size]);
        }
    }

    /// Reads the properties of one note, which starts at `base` in the section.
    fn add(&mut self, architecture: Architecture, note: &[u8], base: usize) -> Result<(), PropertyError> {
        let mut at = 0;
        while at < note.len() {
            let fail = |problem| PropertyError { offset: (base + at) as u64, problem };
            let (Some(property), Some(size)) = (u32_at(note, at), u32_at(note, at + 4)) else {
                return Err(fail("a note ends within a property"));
            };
            let start = at + 8;
            let Some(value) = start.checked_add(size as usize).and_then(|end| note.get(start..end)) else {
                return Err(fail("a property is longer than the rest of its note"));
            };
            if let Some(rule) = rule(architecture, property) {
                if value.len() != value_size(property) {
                    return Err(fail("a property has the wrong size"));
                }
                let value = value.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte));
                // Twice in one file means both: as `ld -r` of two files, but with nothing missing.
                let known = self.0.entry(property).or_insert(value);
                *known = match rule {
                    Rule::And => *known & value,
                    Rule::Or | Rule::OrIfAll => *known | value,
                    Rule::Largest => value.max(*known),
                };
            }
            at = (start + size as usize).next_multiple_of(ALIGNMENT as usize);
        }
        Ok(())
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutation::numbers;

    const X86: Architecture = Architecture::X86_64;
    const ISA_NEEDED: u32 = 0xc000_8002;
    const ISA_USED: u32 = 0xc001_0002;

    fn properties(list: &[(u32, u64)]) -> Properties {
        Properties(list.iter().copied().collect())
    }

    fn written(properties: &Properties) -> Vec<u8> {
        let mut out = vec![0xcc; properties.note_size() as usize];
        properties.write_note(&mut out);
        out
    }

    #[test]
    fn reads_what_gcc_writes() {
        // gcc -fcf-protection: IBT and SHSTK
        let note = b"\x04\0\0\0\x10\0\0\0\x05\0\0\0GNU\0\x02\0\0\xc0\x04\0\0\0\x03\0\0\0\0\0\0\0";
        let read = read(X86, note).unwrap();
        assert_eq!(read, properties(&[(X86_FEATURE_1_AND, 3)]));
        assert_eq!(written(&read), note);
    }

    #[test]
    fn a_feature_needs_every_file() {
        let both = properties(&[(X86_FEATURE_1_AND, 3), (ISA_NEEDED, 1), (ISA_USED, 1)]);
        let one = properties(&[(X86_FEATURE_1_AND, 1), (ISA_NEEDED, 2), (ISA_USED, 4)]);
        let merge = |files: &[Option<&Properties>]| Properties::merge(X86, files.iter().copied());
        assert_eq!(
            merge(&[Some(&both), Some(&one)]),
            properties(&[(X86_FEATURE_1_AND, 1), (ISA_NEEDED, 3), (ISA_USED, 5)])
        );
        assert_eq!(merge(&[Some(&both), None, Some(&one)]), properties(&[(ISA_NEEDED, 3)]));
        let none = properties(&[(X86_FEATURE_1_AND, 2)]);
        assert_eq!(merge(&[Some(&one), Some(&none)]).get(X86_FEATURE_1_AND), 0);
        assert_eq!(merge(&[None]).note_size(), 0);
        assert!(written(&merge(&[])).is_empty());
    }

    #[test]
    fn arm_has_other_numbers() {
        let bti = properties(&[(AARCH64_FEATURE_1_AND, 3)]);
        let read = read(Architecture::Aarch64, &written(&bti)).unwrap();
        assert_eq!(read, bti);
        assert_eq!(super::read(X86, &written(&bti)).unwrap(), Properties::default());
        let mut merged = Properties::merge(Architecture::Aarch64, [Some(&bti), None].into_iter());
        assert_eq!(merged, Properties::default());
        merged.force(AARCH64_FEATURE_1_AND, 1);
        assert_eq!(merged, properties(&[(AARCH64_FEATURE_1_AND, 1)]));
        let size = merged.note_size();
        merged.withdraw(AARCH64_FEATURE_1_AND, 1);
        merged.withdraw(X86_FEATURE_1_AND, 1);
        assert_eq!((merged.get(AARCH64_FEATURE_1_AND), merged.note_size()), (0, size));
    }

    #[test]
    fn the_largest_stack_wins() {
        let [small, large] = [1 << 20, 1 << 33].map(|size| properties(&[(STACK_SIZE, size)]));
        let merged = Properties::merge(X86, [Some(&small), None, Some(&large)].into_iter());
        assert_eq!(read(X86, &written(&merged)).unwrap(), large);
    }

    #[test]
    fn says_what_is_malformed_and_where() {
        let note = written(&properties(&[(X86_FEATURE_1_AND, 3), (ISA_NEEDED, 1)]));
        let fail = |bytes: &[u8]| {
            let error = read(X86, bytes).unwrap_err();
            (error.offset, error.problem)
        };
        assert_eq!(fail(&note[..10]), (0, "the section ends within the header of a note"));
        assert_eq!(fail(&note[..note.len() - 1]), (0, "a note is longer than the rest of the section"));
        let mut wrong = note.clone();
        wrong[36] = 8;
        assert_eq!(fail(&wrong), (32, "a property has the wrong size"));
        wrong[36] = 9;
        assert_eq!(fail(&wrong), (32, "a property is longer than the rest of its note"));
        wrong = note;
        wrong[4] = 20;
        assert_eq!(fail(&wrong[..36]), (32, "a note ends within a property"));
    }

    #[test]
    fn mutated_notes_never_panic() {
        let mut note = written(&properties(&[(X86_FEATURE_1_AND, 3), (ISA_NEEDED, 1), (STACK_SIZE, 9)]));
        note.extend(note.clone());
        let mut random = numbers(0x1234_5678_9abc_def1);
        let (mut good, mut bad) = (0, 0);
        for _ in 0..20_000 {
            let mut bytes = note.clone();
            for _ in 0..=random(2) {
                let at = random(bytes.len());
                bytes[at] = [0, 1, 4, 8, 0xff, random(256) as u8][random(6)];
            }
            bytes.truncate(bytes.len() - random(2) * random(bytes.len()));
            match read(X86, &bytes) {
                Ok(properties) => good += usize::from(written(&properties).len().is_multiple_of(8)),
                Err(error) => bad += usize::from(error.offset <= bytes.len() as u64),
            }
        }
        assert_eq!(good + bad, 20_000);
        assert!(good > 1000 && bad > 1000, "{good} {bad}");
    }
}

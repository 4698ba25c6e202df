//! The bytes of sections, with debug sections uncompressed: each difference by the symbol that it lies in.

use object::elf::{SHF_ALLOC, SHF_EXECINSTR, SHT_RELA};

use super::dwarf::{self, Debug};
use super::findings::{Findings, hex, number, text};
use super::instructions;
use super::locate::Locator;
use crate::executable::Section;
use crate::executable::bytes::word;

/// Compares the sections that both have; says which only one has.
pub fn compare(sides: &[Locator<'_>; 2], findings: &mut Findings) {
    let [a, b] = sides;
    for (one, other) in [(a, b), (b, a)] {
        for section in &one.image.sections {
            if other.image.section(&section.name).is_none() {
                let there = format!("{:#x} bytes", section.size);
                let (left, right) =
                    if std::ptr::eq(one, a) { (there, "absent".to_owned()) } else { ("absent".to_owned(), there) };
                findings.add("sections", section.name.clone(), left, right);
            }
        }
    }
    let mut debug: Option<[Debug<'_>; 2]> = None;
    for section in &a.image.sections {
        let Some(other) = b.image.section(&section.name) else { continue };
        let bytes = [a.plain(&section.name), b.plain(&section.name)];
        if bytes[0] == bytes[1] || section.name.is_empty() {
            continue;
        }
        sizes(section, bytes, findings);
        if section.name.starts_with(".debug_") {
            let debug = debug.get_or_insert_with(|| [Debug::of(a), Debug::of(b)]);
            if section.name == ".debug_line" {
                dwarf::compare_lines(&debug[0], &debug[1], findings);
            }
            debug_bytes(section, bytes, sides, debug, findings);
        } else if section.flags & u64::from(SHF_ALLOC) != 0 {
            loaded(section, other, bytes, sides, findings);
        } else if !findings.tell_of(&section.name) {
            plain(section, bytes, findings);
        }
    }
}

/// One line on how much differs.
fn sizes(section: &Section<'_>, [a, b]: [&[u8]; 2], findings: &mut Findings) {
    let differing = a.iter().zip(b).filter(|(one, other)| one != other).count();
    let say = |bytes: &[u8]| number(bytes.len() as u64);
    let place = match a.len() == b.len() {
        true => format!("contents: {differing} bytes differ of"),
        false => "contents: size".to_owned(),
    };
    findings.add(&section.name, place, say(a), say(b));
}

/// Sections in memory: by symbol, the first difference in each.
fn loaded(
    section: &Section<'_>,
    other: &Section<'_>,
    bytes: [&[u8]; 2],
    sides: &[Locator<'_>; 2],
    findings: &mut Findings,
) {
    let [a, b] = bytes;
    let mut at = 0;
    while let Some(found) = first_difference(a, b, at) {
        if !findings.has_room(&section.name) {
            return;
        }
        let addresses = [section.address, other.address].map(|address| address.wrapping_add(found as u64));
        let place = format!("{} at {:#x}", sides[0].name(addresses[0]), addresses[0]);
        let [one, two] = [0, 1].map(|side| describe(section, bytes[side], found, addresses[side], &sides[side]));
        findings.add(&section.name, place, one, two);
        let next = sides[0].next(addresses[0]).wrapping_sub(section.address);
        at = (found + 1).max(usize::try_from(next).unwrap_or(usize::MAX).min(found.saturating_add(1 << 16)));
    }
    if a.len() != b.len() && findings.has_room(&section.name) {
        let at = a.len().min(b.len()) as u64;
        let [one, two] = [(0, section), (1, other)].map(|(side, section)| {
            let ends = bytes[side].len() as u64 == at;
            if ends { "ends".to_owned() } else { sides[side].name(section.address.wrapping_add(at)) }
        });
        findings.add(&section.name, format!("after {at:#x} equal or compared bytes"), one, two);
    }
}

fn describe(section: &Section<'_>, bytes: &[u8], at: usize, address: u64, side: &Locator<'_>) -> String {
    let start = address.wrapping_sub(at as u64);
    let tail = &bytes[at.min(bytes.len())..bytes.len().min(at.saturating_add(48))];
    if section.kind == SHT_RELA {
        let entry = at / 24 * 24;
        let [place, info, addend] = [0, 8, 16].map(|field| word(bytes, entry + field).unwrap_or(0));
        return format!("entry {}: {} info {info:#x} addend {}", at / 24, side.name(place), side.name(addend));
    }
    if section.flags & u64::from(SHF_EXECINSTR) != 0 {
        return instructions::describe(side, bytes, at, start);
    }
    let printable = tail.iter().take_while(|byte| (0x20..0x7f).contains(*byte)).count();
    if printable >= 6 {
        return format!("{} '{}'", hex(&tail[..8.min(tail.len())]), text(&tail[..printable]));
    }
    instructions::describe_data(side, bytes, at, start)
}

fn debug_bytes(
    section: &Section<'_>,
    bytes: [&[u8]; 2],
    sides: &[Locator<'_>; 2],
    debug: &[Debug<'_>; 2],
    findings: &mut Findings,
) {
    let mut at = 0;
    while let Some(found) = first_difference(bytes[0], bytes[1], at) {
        if !findings.has_room(&section.name) {
            return;
        }
        let say = |side: usize| {
            let shown = hex(&bytes[side][found..bytes[side].len().min(found + 12)]);
            let owner = debug[side].explain(&section.name, found, &sides[side]);
            if owner.is_empty() { shown } else { format!("{shown} ({owner})") }
        };
        findings.add(&section.name, format!("offset {found:#x}"), say(0), say(1));
        at = found + 16;
    }
}

fn plain(section: &Section<'_>, bytes: [&[u8]; 2], findings: &mut Findings) {
    if let Some(at) = first_difference(bytes[0], bytes[1], 0) {
        let [one, two] = bytes.map(|bytes| {
            let tail = &bytes[at..bytes.len().min(at + 16)];
            format!("{} '{}'", hex(tail), text(tail))
        });
        findings.add(&section.name, format!("offset {at:#x}"), one, two);
    }
}

/// The first place from `at` on where both have a byte, and not the same one.
fn first_difference(a: &[u8], b: &[u8], at: usize) -> Option<usize> {
    const BLOCK: usize = 4096;
    let end = a.len().min(b.len());
    let mut start = at;
    while start < end {
        let stop = end.min(start + BLOCK);
        let (one, other) = (&a[start..stop], &b[start..stop]);
        if one != other {
            return one.iter().zip(other).position(|(one, other)| one != other).map(|found| start + found);
        }
        start = stop;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_found_across_blocks() {
        let mut bytes = vec![0; 10_000];
        assert_eq!(first_difference(&bytes, &bytes, 0), None);
        bytes[9_000] = 1;
        let zeros = vec![0; 9_500];
        assert_eq!(first_difference(&bytes, &zeros, 3), Some(9_000));
        assert_eq!(first_difference(&bytes, &zeros, 9_001), None);
        assert_eq!(first_difference(&bytes, &zeros, 20_000), None);
    }
}

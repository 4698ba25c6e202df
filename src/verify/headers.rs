//! File header, program headers and section headers, and what lies outside of all sections. Where debug sections are
//! compressed otherwise, the places of what follows them are no difference.

use object::elf::{SHF_ALLOC, SHF_COMPRESSED};

use super::findings::{Findings, hex, number};
use super::locate::Locator;
use crate::executable::{Image, Section};

/// Compares all headers.
pub fn compare(sides: &[Locator<'_>; 2], findings: &mut Findings) {
    let [a, b] = sides;
    let moved = differ_by_compression(sides);
    for ((name, one), (_, other)) in a.image.header.iter().zip(&b.image.header) {
        if !(moved && *name == "e_shoff") {
            findings.number("ELF header", name, *one, *other);
        }
    }
    findings.number("program headers", "number", a.image.segments.len() as u64, b.image.segments.len() as u64);
    for (index, (one, other)) in a.image.segments.iter().zip(&b.image.segments).enumerate() {
        findings.number("program headers", &format!("{index}: p_type"), u64::from(one.kind), u64::from(other.kind));
        for ((name, left), (_, right)) in one.fields.iter().zip(&other.fields) {
            findings.number("program headers", &format!("{index} (type {:#x}): {name}", one.kind), *left, *right);
        }
    }
    sections(&a.image, &b.image, moved, findings);
    gaps(&a.image, &b.image, findings);
}

/// Whether some section takes another number of bytes because it is compressed.
pub fn differ_by_compression([a, b]: &[Locator<'_>; 2]) -> bool {
    a.image.sections.iter().any(|section| {
        let other = b.image.section(&section.name);
        other.is_some_and(|other| {
            (section.is_compressed() || other.is_compressed()) && section.contents != other.contents
        })
    })
}

/// The first differing byte, where nothing else was found to differ.
pub fn first_byte(sides: &[Locator<'_>; 2], findings: &mut Findings) {
    let [a, b] = sides.each_ref().map(|side| side.image.data);
    let at = a.iter().zip(b).position(|(one, other)| one != other).unwrap_or(a.len().min(b.len()));
    let say = |bytes: &[u8]| format!("{} of {:#x} bytes", hex(&bytes[at..bytes.len().min(at + 16)]), bytes.len());
    findings.add("file", format!("offset {at:#x}, in no section"), say(a), say(b));
}

fn sections(a: &Image<'_>, b: &Image<'_>, moved: bool, findings: &mut Findings) {
    let names = |image: &Image<'_>| image.sections.iter().map(|section| section.name.clone()).collect::<Vec<_>>();
    let (one, other) = (names(a), names(b));
    if let Some(at) = (0..one.len().max(other.len())).find(|at| one.get(*at) != other.get(*at)) {
        let say = |names: &[String]| names.get(at).cloned().unwrap_or_else(|| format!("only {}", names.len()));
        findings.add("section headers", format!("entry {at}"), say(&one), say(&other));
    }
    for section in &a.sections {
        let Some(other) = b.section(&section.name) else { continue };
        let compressed = section.is_compressed() || other.is_compressed();
        let (left, right) = (fields(section, compressed), fields(other, compressed));
        for ((name, left), (_, right)) in left.iter().zip(&right) {
            // What stands behind compressed sections moves with their sizes.
            let loaded = section.flags & u64::from(SHF_ALLOC) != 0;
            if left != right && !(moved && !loaded && *name == "sh_offset") {
                findings.add("section headers", format!("{}: {name}", section.name), number(*left), number(*right));
            }
        }
    }
}

/// The fields that count; of compressed sections those that compression leaves alone.
fn fields(section: &Section<'_>, compressed: bool) -> Vec<(&'static str, u64)> {
    let flags = section.flags & !u64::from(SHF_COMPRESSED);
    let mut fields = vec![
        ("sh_type", u64::from(section.kind)),
        ("sh_flags", flags),
        ("sh_addr", section.address),
        ("sh_link", u64::from(section.link)),
        ("sh_info", u64::from(section.info)),
        ("sh_entsize", section.entry_size),
    ];
    if !compressed {
        fields.extend([("sh_offset", section.offset), ("sh_size", section.size), ("sh_addralign", section.alignment)]);
    }
    fields
}

/// Bytes between loaded sections, where both files have the same gap.
fn gaps(a: &Image<'_>, b: &Image<'_>, findings: &mut Findings) {
    let others = gaps_of(b);
    for gap in gaps_of(a).iter().filter(|gap| others.contains(gap)) {
        let [one, other] = [a, b].map(|image| image.data.get(gap.1..gap.2).unwrap_or(&[]));
        if let Some(found) = one.iter().zip(other).position(|(one, other)| one != other) {
            let say = |bytes: &[u8]| hex(&bytes[found..bytes.len().min(found + 16)]);
            findings.add("gaps", format!("before {}, offset {:#x}", gap.0, gap.1 + found), say(one), say(other));
        }
    }
}

/// The section after each gap, and where it starts and ends.
fn gaps_of<'i>(image: &'i Image<'_>) -> Vec<(&'i str, usize, usize)> {
    let loaded =
        image.sections.iter().filter(|section| section.flags & u64::from(SHF_ALLOC) != 0 && section.has_contents());
    let mut loaded: Vec<&Section<'_>> = loaded.collect();
    loaded.sort_by_key(|section| section.offset);
    let place = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    let headers = place(image.field("e_shoff"));
    let mut at = 64 + 56 * image.segments.len();
    let mut gaps = Vec::new();
    for section in loaded {
        let start = place(section.offset);
        // Go's linker puts the section headers behind the program headers.
        if !(at..start).contains(&headers) {
            gaps.push((section.name.as_str(), at, start));
        }
        at = at.max(start.saturating_add(place(section.size)));
    }
    gaps
}

//! `runtime.firstmoduledata`: where a Go program's runtime finds its tables. Mirrors runtime/symtab.go of Go 1.26 and 1.27.

use super::Image;
use super::buildinfo::BuildInfo;

/// A field: its name, and how many words it takes.
type Field = (&'static str, usize);

const HEAD: &[Field] = &[
    ("pcHeader", 1),
    ("funcnametab", 3),
    ("cutab", 3),
    ("filetab", 3),
    ("pctab", 3),
    ("pclntable", 3),
    ("ftab", 3),
    ("findfunctab", 1),
    ("minpc", 1),
    ("maxpc", 1),
    ("text", 1),
    ("etext", 1),
    ("noptrdata", 1),
    ("enoptrdata", 1),
    ("data", 1),
    ("edata", 1),
    ("bss", 1),
    ("ebss", 1),
    ("noptrbss", 1),
    ("enoptrbss", 1),
    ("covctrs", 1),
    ("ecovctrs", 1),
    ("end", 1),
    ("gcdata", 1),
    ("gcbss", 1),
];
const TYPES_26: &[Field] = &[("types", 1), ("etypes", 1)];
const TYPES_27: &[Field] = &[("types", 1), ("typedesclen", 1), ("etypes", 1), ("itaboffset", 1), ("itabsize", 1)];
const MIDDLE: &[Field] = &[("rodata", 1), ("gofunc", 1), ("epclntab", 1), ("textsectmap", 3)];
const LINKS_26: &[Field] = &[("typelinks", 3), ("itablinks", 3)];
const TAIL: &[Field] = &[
    ("ptab", 3),
    ("pluginpath", 2),
    ("pkghashes", 3),
    ("inittasks", 3),
    ("modulename", 2),
    ("modulehashes", 3),
    ("hasmain, bad", 1),
    ("gcdatamask", 2),
    ("gcbssmask", 2),
    ("typemap", 1),
    ("next", 1),
];

/// The fields with their words, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ModuleData {
    /// Where it lies.
    pub address: u64,
    /// Name and words of each field.
    pub fields: Vec<(&'static str, Vec<u64>)>,
}

impl ModuleData {
    /// Reads it, in a program of a release whose layout is known.
    pub fn of(image: &Image<'_>) -> Option<Self> {
        let parts: &[&[Field]] = match BuildInfo::of(image)?.minor()? {
            26 => &[HEAD, TYPES_26, MIDDLE, LINKS_26, TAIL],
            27 => &[HEAD, TYPES_27, MIDDLE, TAIL],
            _ => return None,
        };
        let symbol = image.symbol("runtime.firstmoduledata").map(|symbol| symbol.value);
        let address = symbol.or_else(|| image.section(".go.module").map(|section| section.address))?;
        let mut next = address;
        let mut fields = Vec::new();
        for &(name, count) in parts.iter().copied().flatten() {
            let words: Option<Vec<u64>> =
                (0..count as u64).map(|at| image.word_at(next.checked_add(8 * at)?)).collect();
            fields.push((name, words?));
            next = next.checked_add(8 * count as u64)?;
        }
        Some(ModuleData { address, fields })
    }

    /// The first word of a field.
    pub fn first(&self, name: &str) -> Option<u64> {
        self.words(name)?.first().copied()
    }

    /// The words of a field: address, length and capacity of a slice.
    pub fn words(&self, name: &str) -> Option<&[u64]> {
        self.fields.iter().find(|(field, _)| *field == name).map(|(_, words)| words.as_slice())
    }
}

//! Tables of the types that reflection may look up by name, and of itabs (Go 1.26, `cmd/link/internal/ld/typelink.go`).
//! From Go 1.27 on the runtime walks the types themselves, and there are no such tables.

use rayon::prelude::*;

use super::program::Program;
use super::sort;
use super::symbols::{GoSymbol, Kind, Relocation, Symbols, attribute};
use super::types;
use crate::inputs::goobj::RelocationKind;
use crate::inputs::goobj::records::{flag, flag2};

/// What the tables list.
#[derive(Debug, Default)]
pub struct Lists {
    types: Vec<GoSymbol>,
    itabs: Vec<GoSymbol>,
}

/// Lists what the tables have, if the release has tables.
pub fn list(symbols: &Symbols<'_>, program: &Program<'_>) -> Option<Lists> {
    if program.release.types_are_walked {
        return None;
    }
    let Lists { types, itabs } = find(symbols);
    let order = sort::order_like_go(&sort::ranks(&types::strings(symbols, program.release, &types)));
    Some(Lists { types: order.into_iter().map(|at| types[at as usize]).collect(), itabs })
}

impl Lists {
    /// Makes the tables.
    pub fn make(&self, symbols: &mut Symbols<'_>) {
        fill(symbols, b"runtime.typelink", Kind::TypeLink, &self.types, (4, RelocationKind::AddressOffset));
        fill(symbols, b"runtime.itablink", Kind::ItabLink, &self.itabs, (8, RelocationKind::Address));
    }
}

/// Both lists, by number.
fn find(symbols: &Symbols<'_>) -> Lists {
    const CHUNK: usize = 1 << 14;
    let chunk = |start: usize| {
        let mut found = Lists::default();
        for symbol in (start..symbols.count().min(start + CHUNK)).map(|index| GoSymbol(index as u32)) {
            if symbols.kind(symbol) != Kind::Rodata || !symbols.is_reachable(symbol) {
                continue;
            }
            let (flags, flags2) = symbols.flags(symbol);
            if flags & flag::TYPELINK != 0 {
                found.types.push(symbol);
            } else if flags2 & flag2::ITAB != 0 {
                found.itabs.push(symbol);
            }
        }
        found
    };
    let chunks: Vec<Lists> = (1..symbols.count()).into_par_iter().step_by(CHUNK).map(chunk).collect();
    let mut all = Lists::default();
    for mut found in chunks {
        all.types.append(&mut found.types);
        all.itabs.append(&mut found.itabs);
    }
    all
}

fn fill(
    symbols: &mut Symbols<'_>,
    name: &[u8],
    kind: Kind,
    targets: &[GoSymbol],
    (size, relocation): (u8, RelocationKind),
) {
    let table = symbols.define(name, kind);
    symbols.set(table, attribute::LOCAL);
    let entry = |(index, target): (usize, &GoSymbol)| Relocation {
        offset: index as i32 * i32::from(size),
        size,
        weak: false,
        kind: relocation,
        addend: 0,
        target: *target,
    };
    let made = symbols.edit(table);
    made.size = targets.len() as u64 * u64::from(size);
    made.data = vec![0; made.size as usize].into();
    made.relocations = targets.iter().enumerate().map(entry).collect();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::golink::GoLink;
    use crate::golang::fixture::{self, Definition};
    use crate::golang::symbols::Version;
    use crate::inputs::goabi::Release;
    use crate::target::Architecture;

    /// Names of what `runtime.typelink` and `runtime.itablink` list.
    fn listed(release: &str) -> Option<[Vec<String>; 2]> {
        let options = GoLink::default();
        let mut program = fixture::program(&options, Architecture::X86_64, &[("main", &[])]);
        program.release = Release::of_version(release).expect("a release");
        let text = |data| Definition { kind: 3, data, size: 8, ..Definition::default() };
        let of_type = |name, flags, text| Definition {
            name,
            kind: 3,
            flags: flag::GO_TYPE | flags,
            size: 48,
            // The text has a star too much: flag 2 at offset 20.
            data: b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02",
            relocations: vec![(40, 4, 5, 0, text)],
            ..Definition::default()
        };
        let itab = Definition { name: "go:itab.x,y", kind: 3, flags2: flag2::ITAB, size: 32, ..Definition::default() };
        let all = [
            of_type("type:z", flag::TYPELINK, 4),
            of_type("type:a", flag::TYPELINK, 3),
            of_type("type:m", 0, 3),
            Definition { name: "text.b", ..text(b"\x01\x02*b") },
            Definition { name: "text.a", ..text(b"\x01\x02*a") },
            itab,
        ];
        let objects = [fixture::object(&all)];
        let mut symbols = fixture::load(&program, &objects);
        symbols.all().for_each(|symbol| symbols.set(symbol, attribute::REACHABLE));
        if let Some(lists) = list(&symbols, &program) {
            lists.make(&mut symbols);
        }
        let names = |table: &[u8]| {
            let table = symbols.find(table, Version::Abi0)?;
            Some(symbols.relocations(table).map(|entry| symbols.display(entry.target).into_owned()).collect())
        };
        Some([names(b"runtime.typelink")?, names(b"runtime.itablink")?])
    }

    #[test]
    fn types_are_listed_by_their_text() {
        let [types, itabs] = listed("go1.26").expect("tables");
        assert_eq!(types, ["type:z", "type:a"]);
        assert_eq!(itabs, ["go:itab.x,y"]);
        assert_eq!(listed("go1.27"), None);
    }
}

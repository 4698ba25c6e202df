//! Tables of the types that reflection may look up by name, and of itabs (Go 1.26, `cmd/link/internal/ld/typelink.go`).
//! From Go 1.27 on the runtime walks the types themselves, and there are no such tables.

use rayon::prelude::*;

use super::kind::Kind;
use super::program::Program;
use super::sort::{Text, sort_like_go};
use super::symbols::{GoSymbol, Relocation, Symbols, attribute};
use super::types::GoType;
use crate::inputs::goobj::RelocationKind;
use crate::inputs::goobj::records::{flag, flag2};

/// What the tables list.
#[derive(Default)]
struct Found {
    types: Vec<GoSymbol>,
    itabs: Vec<GoSymbol>,
}

/// Makes the tables, if the release has them.
pub fn make(symbols: &mut Symbols<'_>, program: &Program<'_>) {
    if program.release.types_are_walked {
        return;
    }
    let Found { types, itabs } = find(symbols);
    let text = |symbol| Text::new(GoType::of(symbols, program.release, symbol).string());
    let mut types: Vec<(Text<'_>, GoSymbol)> = types.into_par_iter().map(|symbol| (text(symbol), symbol)).collect();
    sort_like_go(&mut types, |left, right| left.0 < right.0);
    let types: Vec<GoSymbol> = types.into_iter().map(|(_, symbol)| symbol).collect();
    fill(symbols, b"runtime.typelink", Kind::TypeLink, &types, (4, RelocationKind::AddressOffset));
    fill(symbols, b"runtime.itablink", Kind::ItabLink, &itabs, (8, RelocationKind::Address));
}

/// Both lists, by number.
fn find(symbols: &Symbols<'_>) -> Found {
    const CHUNK: usize = 1 << 14;
    let chunk = |start: usize| {
        let mut found = Found::default();
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
    let chunks: Vec<Found> = (1..symbols.count()).into_par_iter().step_by(CHUNK).map(chunk).collect();
    let mut all = Found::default();
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

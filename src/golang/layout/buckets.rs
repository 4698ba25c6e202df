//! Data that is part of the program, collected kind by kind (Go 1.26 and 1.27, `dodata` and `makeRelroForSharedLib` of
//! `cmd/link/internal/ld/data.go`; the order of kinds is that of `cmd/link/internal/sym/symkind.go`).
//!
//! All there is to know of a symbol's place is asked for at once, when it is collected: what an object says of it lies
//! together, and far from what it says of others.

use std::ops::Range;

use rayon::prelude::*;

use super::groups::Groups;
use super::signs::Signs;
use crate::diag::{Diagnostic, Diagnostics, Result};
use crate::golang::symbols::{GoSymbol, Kind, Symbols, attribute};
use crate::inputs::goabi::Release;

/// No symbol and no section may take more bytes.
pub(super) const LARGEST: u64 = 2_000_000_000;
/// The largest alignment that a size asks for.
const LARGEST_ALIGNMENT: u64 = 32;

/// What is not written, in order (Go 1.26).
const READ_ONLY_26: [Kind; 22] = {
    use Kind::*;
    [
        ElfExecutable,
        Type,
        GoString,
        GoFunc,
        GcBits,
        Rodata,
        RodataFipsStart,
        RodataFips,
        RodataFipsEnd,
        RodataEnd,
        FuncTab,
        PclnTab,
        ElfReadOnly,
        TypeRelro,
        GoStringRelro,
        GoFuncRelro,
        GcBitsRelro,
        RodataRelro,
        FuncTabRelro,
        ElfRelro,
        TypeLink,
        ItabLink,
    ]
};

/// What is not written, in order (Go 1.27): types and function values follow what needs no relocations.
const READ_ONLY_27: [Kind; 14] = {
    use Kind::*;
    [
        ElfExecutable,
        GoString,
        GcBits,
        Rodata,
        RodataFipsStart,
        RodataFips,
        RodataFipsEnd,
        RodataEnd,
        PclnTab,
        ElfReadOnly,
        RodataRelro,
        Type,
        GoFunc,
        ElfRelro,
    ]
};

/// What may be written, in order.
const WRITABLE: [Kind; 23] = {
    use Kind::*;
    [
        BuildInfo,
        FipsInfo,
        ElfWritable,
        ModuleData,
        ElfGot,
        NoptrData,
        NoptrDataFipsStart,
        NoptrDataFips,
        NoptrDataFipsEnd,
        NoptrDataEnd,
        InitArray,
        Data,
        DataFipsStart,
        DataFips,
        DataFipsEnd,
        DataEnd,
        Bss,
        NoptrBss,
        GcMask,
        FuzzerCounter,
        CoverageCounter,
        CoverageAuxiliary,
        TlsBss,
    ]
};

/// Kinds that relocations move to where the dynamic linker may write, and what they become there (Go 1.26).
pub(super) const RELRO_26: [(Kind, Kind); 6] = [
    (Kind::Type, Kind::TypeRelro),
    (Kind::GoString, Kind::GoStringRelro),
    (Kind::GoFunc, Kind::GoFuncRelro),
    (Kind::GcBits, Kind::GcBitsRelro),
    (Kind::Rodata, Kind::RodataRelro),
    (Kind::FuncTab, Kind::FuncTabRelro),
];

/// What stands for a kind that is not laid out.
const NOWHERE: u8 = u8::MAX;

/// The data that is part of the program, kind by kind, in the order of numbers.
#[derive(Clone, Debug)]
pub struct Buckets {
    pub(super) kinds: Vec<Kind>,
    pub(super) of: Vec<Bucket>,
    /// By kind: its position.
    pub(super) position: [u8; 256],
}

/// The data of one kind, as it was collected: in pieces.
pub(super) type Bucket = Vec<Vec<Item>>;

impl Buckets {
    fn new(release: &Release) -> Self {
        let read_only = if release.types_are_walked { &READ_ONLY_27[..] } else { &READ_ONLY_26 };
        let kinds = [read_only, &WRITABLE].concat();
        let mut position = [NOWHERE; 256];
        for (at, kind) in (0..).zip(&kinds) {
            position[*kind as usize] = at;
        }
        Buckets { of: vec![Vec::new(); kinds.len()], kinds, position }
    }

    fn position(&self, kind: Kind) -> Option<usize> {
        let position = self.position[kind as usize];
        (position != NOWHERE).then_some(usize::from(position))
    }

    fn of(&self, kind: Kind) -> impl Iterator<Item = &Item> {
        self.position(kind).into_iter().flat_map(|position| &self.of[position]).flatten()
    }

    fn of_mut(&mut self, kind: Kind) -> Option<&mut Bucket> {
        let position = self.position(kind)?;
        self.of.get_mut(position)
    }

    /// Takes the symbols of a kind away.
    pub(super) fn take(&mut self, kind: Kind) -> Bucket {
        self.of_mut(kind).map(std::mem::take).unwrap_or_default()
    }

    /// All symbols, kind by kind in the order in which Go's linker looks at them.
    pub fn symbols(&self) -> Vec<GoSymbol> {
        self.of.iter().flatten().flatten().map(|item| item.symbol).collect()
    }
}

/// Data that is part of the program, among some symbols.
struct Found {
    /// By position of the kind.
    of: Bucket,
    changes: Vec<Change>,
}

/// What becomes of a symbol that belongs to a group, or that is not listed in `.symtab`.
struct Change {
    symbol: GoSymbol,
    kind: Kind,
    is_hidden: bool,
}

/// Collects the data that is part of the program, and puts what belongs to a group into it. After this no data may be made.
pub fn collect(symbols: &mut Symbols<'_>, release: &Release, groups: Groups, signs: &Signs) -> Buckets {
    let mut buckets = Buckets::new(release);
    let count = symbols.count() as u32;
    let chunks = 0..count.div_ceil(CHUNK);
    let chunk = |chunk: u32| (chunk * CHUNK).max(1)..count.min((chunk + 1) * CHUNK);
    let found = chunks.into_par_iter().map(|at| find(symbols, groups, signs, &buckets, chunk(at)));
    let found: Vec<Found> = found.collect();
    let columns = symbols.kinds.par_chunks_mut(CHUNK as usize).zip(symbols.attributes.par_chunks_mut(CHUNK as usize));
    columns.zip(&found).for_each(|((kinds, attributes), found)| {
        for Change { symbol, kind, is_hidden } in &found.changes {
            let at = symbol.index() % CHUNK as usize;
            kinds[at] = *kind;
            if *is_hidden {
                attributes[at] |= attribute::NOT_IN_SYMTAB;
            }
        }
    });
    for found in found {
        for (bucket, piece) in buckets.of.iter_mut().zip(found.of).filter(|(_, piece)| !piece.is_empty()) {
            bucket.push(piece);
        }
    }
    buckets
}

/// Symbols that are looked at as one.
const CHUNK: u32 = 1 << 14;

/// Finds the data that is part of the program among some symbols.
fn find(symbols: &Symbols<'_>, groups: Groups, signs: &Signs, buckets: &Buckets, ids: Range<u32>) -> Found {
    let mut found = Found { of: vec![Vec::new(); buckets.kinds.len()], changes: Vec::new() };
    for symbol in ids.map(GoSymbol).filter(|symbol| is_laid_out(symbols, *symbol)) {
        let own = symbols.kind(symbol);
        let group = groups.of(symbols, symbol, signs);
        let is_hidden = group.is_some() || groups.is_hidden(symbols, symbol);
        let kind = group.unwrap_or(own);
        if is_hidden || kind != own {
            found.changes.push(Change { symbol, kind, is_hidden });
        }
        if let Some(position) = buckets.position(kind).filter(|_| !symbols.is(symbol, attribute::SPECIAL)) {
            found.of[position].push(item(symbols, symbol));
        }
    }
    found
}

/// Whether a symbol is data that is part of the program and has a place of its own.
fn is_laid_out(symbols: &Symbols<'_>, symbol: GoSymbol) -> bool {
    let kind = symbols.kind(symbol);
    let is_data = !kind.is_text() && !kind.is_dwarf() && kind != Kind::Undefined;
    is_data && symbols.is_reachable(symbol) && (kind.is_top_level_unnamed() || symbols.is_named(symbol))
}

/// Moves read-only data with relocations to where the dynamic linker may write.
pub(super) fn separate_relro(symbols: &Symbols<'_>, release: &Release, buckets: &mut Buckets) -> Result<()> {
    let moves = if release.types_are_walked { &[(Kind::Rodata, Kind::RodataRelro)][..] } else { &RELRO_26 };
    for (from, to) in moves {
        let has_relocations = |item: &Item| match from {
            Kind::Type => true,
            // Their relocations are offsets.
            Kind::GoFunc => false,
            _ => symbols.relocation_count(item.symbol) > 0,
        };
        let Some(all) = buckets.of_mut(*from) else { continue };
        let all_of_kind = std::mem::take(all).into_par_iter();
        let moved: Bucket;
        (moved, *all) = all_of_kind.map(|piece| piece.into_iter().partition(has_relocations)).unzip();
        if let Some(relro) = buckets.of_mut(*to) {
            relro.extend(moved);
        }
    }
    let mut errors = Vec::new();
    if !release.types_are_walked {
        let fips = [Kind::RodataFipsStart, Kind::RodataFips, Kind::RodataFipsEnd, Kind::RodataEnd];
        let fixed = fips.into_iter().flat_map(|kind| buckets.of(kind));
        for symbol in fixed.map(|item| item.symbol).filter(|symbol| symbols.relocation_count(*symbol) > 0) {
            let message = format!("{} has addresses but stands where none can be relocated", symbols.display(symbol));
            errors.push(Diagnostic::error("relocated-rodata", message).help("link it with -buildmode=exe"));
        }
    }
    Diagnostics::check((), errors)
}

/// A symbol on its way to its address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Item {
    pub symbol: GoSymbol,
    /// [`REFUSED`] for what cannot be laid out.
    pub alignment: u32,
    pub size: u32,
}

/// No alignment: of what cannot be laid out.
pub(super) const REFUSED: u32 = 0;

/// What is to be known of a symbol to lay it out.
pub(super) fn item(symbols: &Symbols<'_>, symbol: GoSymbol) -> Item {
    let size = symbols.size(symbol);
    let fits = size <= LARGEST && symbols.data(symbol).len() as u64 <= size;
    let alignment = if fits { alignment(symbols.alignment(symbol), size) as u32 } else { REFUSED };
    Item { symbol, alignment, size: size as u32 }
}

/// The alignment of data: what was asked for, or the largest power of two that its size has room for.
pub(super) fn alignment(asked: u64, size: u64) -> u64 {
    if asked != 0 {
        return asked;
    }
    let bits = u64::BITS - size.leading_zeros();
    LARGEST_ALIGNMENT.min(1 << bits.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::alignment;

    #[test]
    fn size_decides_the_alignment_unless_one_is_asked_for() {
        for (asked, size, want) in [
            (0, 0, 1),
            (0, 1, 1),
            (0, 3, 2),
            (0, 8, 8),
            (0, 31, 16),
            (0, 32, 32),
            (0, 4096, 32),
            (1, 64, 1),
            (64, 1, 64),
        ] {
            assert_eq!(alignment(asked, size), want, "{asked} {size}");
        }
    }
}

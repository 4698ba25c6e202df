//! The order of data: by kind, then by size, then by number (Go 1.26 and 1.27, `dodata`, `makeRelroForSharedLib` and
//! `dodataSect` of `cmd/link/internal/ld/data.go`; the order of kinds is that of `cmd/link/internal/sym/symkind.go`).
//!
//! All there is to know of a symbol's place is asked for at once, when it is collected: what an object says of it lies
//! together, and far from what it says of others.

use std::ops::Range;

use rayon::prelude::*;

use super::ahead;
use super::groups::Groups;
use super::kind::Kind;
use super::sort;
use super::symbols::{GoSymbol, Symbols, Version, attribute};
use super::types;
use crate::diag::{Diagnostic, Diagnostics, Result};
use crate::inputs::goabi::Release;
use crate::inputs::goobj::records::flag;

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
    kinds: Vec<Kind>,
    of: Vec<Bucket>,
    /// By kind: its position.
    position: [u8; 256],
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
pub fn collect(symbols: &mut Symbols<'_>, release: &Release, groups: Groups) -> Buckets {
    let mut buckets = Buckets::new(release);
    let count = symbols.count() as u32;
    let chunks = 0..count.div_ceil(CHUNK);
    let chunk = |chunk: u32| (chunk * CHUNK).max(1)..count.min((chunk + 1) * CHUNK);
    let found = chunks.into_par_iter().map(|at| find(symbols, groups, &buckets, chunk(at)));
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
fn find(symbols: &Symbols<'_>, groups: Groups, buckets: &Buckets, ids: Range<u32>) -> Found {
    let live: Vec<GoSymbol> = ids.map(GoSymbol).filter(|symbol| may_be_laid_out(symbols, *symbol)).collect();
    // Names lie apart from the rest: waiting for one after the other is quicker than for both in turns.
    let named = live.chunks(ahead::BATCH).flat_map(|batch| {
        ahead::look_at_names(symbols, batch.iter().copied());
        batch.iter().filter_map(|symbol| named(symbols, *symbol))
    });
    let named: Vec<(Item, &[u8])> = named.collect();
    let mut found = Found { of: vec![Vec::new(); buckets.kinds.len()], changes: Vec::new() };
    for (item, name) in named {
        let (symbol, own) = (item.symbol, symbols.kind(item.symbol));
        let group = groups.of(symbols, symbol, name);
        let is_hidden = group.is_some() || groups.is_hidden(symbols, symbol);
        let kind = group.unwrap_or(own);
        if is_hidden || kind != own {
            found.changes.push(Change { symbol, kind, is_hidden });
        }
        if let Some(position) = buckets.position(kind).filter(|_| !symbols.is(symbol, attribute::SPECIAL)) {
            found.of[position].push(item);
        }
    }
    found
}

/// Whether a symbol is part of the program and data, as far as columns tell. Of data without a name, most is for the table of functions
/// alone: it is not even looked at.
fn may_be_laid_out(symbols: &Symbols<'_>, symbol: GoSymbol) -> bool {
    let kind = symbols.kind(symbol);
    let is_data = !kind.is_text() && !kind.is_dwarf() && kind != Kind::Undefined;
    is_data && symbols.is_reachable(symbol) && (kind.is_top_level_unnamed() || !symbols.is(symbol, attribute::UNNAMED))
}

/// A symbol and its name, if it is laid out.
fn named<'a>(symbols: &'a Symbols<'_>, symbol: GoSymbol) -> Option<(Item, &'a [u8])> {
    let name = symbols.name(symbol);
    let is_laid_out = !name.is_empty() || symbols.kind(symbol).is_top_level_unnamed();
    is_laid_out.then(|| (item(symbols, symbol), name))
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

/// No alignment.
const REFUSED: u32 = 0;

/// The symbols of a kind in the order of their addresses.
#[derive(Clone, Default, Debug)]
pub(super) struct Sorted {
    pub items: Vec<Item>,
    /// The largest of their alignments; 0 if there are none.
    pub alignment: u64,
}

impl Sorted {
    fn new(items: Vec<Item>) -> Self {
        let alignment = items.iter().map(|item| u64::from(item.alignment)).max().unwrap_or(0);
        Sorted { items, alignment }
    }
}

/// The symbols of all kinds in the order of their addresses.
#[derive(Debug)]
pub(super) struct SortedData {
    of: Vec<Sorted>,
    position: [u8; 256],
}

impl SortedData {
    /// Takes the symbols of a kind away.
    pub fn take(&mut self, kind: Kind) -> Sorted {
        let position = usize::from(self.position[kind as usize]);
        self.of.get_mut(position).map(std::mem::take).unwrap_or_default()
    }

    /// Changes the size of a symbol that has its place already.
    pub fn resize(&mut self, kind: Kind, symbol: GoSymbol, size: u32) {
        let of = self.of.get_mut(usize::from(self.position[kind as usize]));
        let item = of.and_then(|of| of.items.iter_mut().find(|item| item.symbol == symbol));
        if let Some(item) = item {
            item.size = size;
        }
    }

    /// The largest alignment of some kinds.
    pub fn alignment(&self, kinds: &[Kind]) -> u64 {
        let alignment = |kind: &Kind| self.of.get(usize::from(self.position[*kind as usize])).map(|of| of.alignment);
        kinds.iter().filter_map(alignment).max().unwrap_or(0)
    }
}

/// Puts the symbols of each kind in order.
pub(super) fn sort(symbols: &Symbols<'_>, buckets: Buckets) -> Result<SortedData> {
    let zero_base = symbols.find(b"runtime.zerobase", Version::Abi0);
    let sorted: Vec<Result<Sorted>> = buckets
        .kinds
        .par_iter()
        .zip(buckets.of)
        .map(|(kind, mut bucket)| {
            if kind.is_elf() {
                // The sections of dynamic linking have grown since they were collected.
                bucket.iter_mut().flatten().for_each(|known| *known = item(symbols, known.symbol));
            }
            check(symbols, bucket.iter().flatten())?;
            let mut items = match kind {
                // Made in its order.
                Kind::PclnTab => bucket.concat(),
                // The slots of a GOT are made by name.
                Kind::ElfGot => {
                    let mut items = bucket.concat();
                    items.sort_by_key(|item| symbols.name(item.symbol));
                    items
                }
                _ => sort_by_size(bucket, zero_base),
            };
            if *kind == Kind::ElfReadOnly {
                join_relocation_tables(symbols, &mut items);
            }
            Ok(Sorted::new(items))
        })
        .collect();
    let mut errors = Vec::new();
    let mut of = Vec::with_capacity(sorted.len());
    for sorted in sorted {
        match sorted {
            Ok(sorted) => of.push(sorted),
            Err(more) => errors.extend(more.iter().cloned()),
        }
    }
    Diagnostics::check(SortedData { of, position: buckets.position }, errors)
}

/// Sizes below this are sorted by counting.
const SMALL: usize = 1 << 12;

/// Sorts symbols that come in the order of their numbers. `runtime.zerobase` follows what has no size, so that all of that
/// has its address.
fn sort_by_size(mut bucket: Bucket, zero_base: Option<GoSymbol>) -> Vec<Item> {
    let find = |piece: &mut Vec<Item>| {
        let at = piece.iter().position(|item| Some(item.symbol) == zero_base)?;
        Some(piece.remove(at))
    };
    let zero_base = bucket.iter_mut().find_map(find);
    let mut next = vec![0; SMALL];
    for item in bucket.iter().flatten() {
        if let Some(count) = next.get_mut(item.size as usize) {
            *count += 1;
        }
    }
    let without_size = next[0];
    let mut small = 0;
    for count in &mut next {
        small += std::mem::replace(count, small);
    }
    let mut sorted = vec![Item { symbol: GoSymbol::NONE, alignment: 1, size: 0 }; small];
    let mut large = Vec::new();
    for item in bucket.into_iter().flatten() {
        match next.get_mut(item.size as usize) {
            Some(next) => {
                sorted[*next] = item;
                *next += 1;
            }
            None => large.push(item),
        }
    }
    large.sort_by_key(|item| item.size);
    sorted.extend(large);
    if let Some(zero_base) = zero_base {
        sorted.insert(without_size, zero_base);
    }
    sorted
}

fn item(symbols: &Symbols<'_>, symbol: GoSymbol) -> Item {
    let size = symbols.size(symbol);
    let fits = size <= LARGEST && symbols.data(symbol).len() as u64 <= size;
    let alignment = if fits { alignment(symbols.alignment(symbol), size) as u32 } else { REFUSED };
    Item { symbol, alignment, size: size as u32 }
}

/// Refuses what cannot be laid out.
fn check<'a>(symbols: &Symbols<'_>, items: impl Iterator<Item = &'a Item>) -> Result<()> {
    let refused = items.filter(|item| item.alignment == REFUSED).map(|Item { symbol, .. }| {
        let size = symbols.size(*symbol);
        let problem = match symbols.data(*symbol).len() as u64 {
            data if size < data => format!("has {data} bytes of contents but a size of {size}"),
            _ => format!("takes {size} bytes: more than {LARGEST}"),
        };
        let message = format!("{} {problem}", symbols.display(*symbol));
        Diagnostic::error("bad-symbol", message).help("build the packages again")
    });
    Diagnostics::check((), refused.collect())
}

/// The alignment of data: what was asked for, or the largest power of two that its size has room for.
pub(super) fn alignment(asked: u64, size: u64) -> u64 {
    if asked != 0 {
        return asked;
    }
    let bits = u64::BITS - size.leading_zeros();
    LARGEST_ALIGNMENT.min(1 << bits.saturating_sub(1))
}

/// Puts types in order where reflection walks them (Go 1.27): those come first that it finds by their strings, in the order of these;
/// then other types, then itabs.
pub(super) fn sort_walked_types(symbols: &Symbols<'_>, release: &'static Release, types: Bucket) -> Result<Sorted> {
    check(symbols, types.iter().flatten())?;
    let items = types.concat();
    let group = symbols.find(b"type:*", Version::Abi0);
    // By position: the group comes first.
    let mut ranks = vec![0; items.len()];
    let (mut walked, mut places, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for (at, &Item { symbol, size, .. }) in (0u32..).zip(&items) {
        match symbols.is_itab(symbol) {
            false if Some(symbol) == group => {}
            false if symbols.has_flag(symbol, flag::TYPELINK) => {
                walked.push(symbol);
                places.push(at);
            }
            is_itab => others.push((is_itab, size, at)),
        }
    }
    for (at, rank) in places.into_iter().zip(sort::ranks(&types::strings(symbols, release, &walked))) {
        ranks[at as usize] = 1 + rank;
    }
    // Positions are in the order of symbols.
    others.par_sort_unstable();
    for ((.., at), rank) in others.iter().zip(1 + walked.len() as u32..) {
        ranks[*at as usize] = rank;
    }
    Ok(Sorted::new(sort::order_like_go(&ranks).into_iter().map(|at| items[at as usize]).collect()))
}

/// Puts the relocations of the PLT right behind the others, as dynamic linkers expect.
fn join_relocation_tables(symbols: &Symbols<'_>, items: &mut Vec<Item>) {
    let find = |names: [&[u8]; 2]| items.iter().position(|item| names.contains(&symbols.name(item.symbol)));
    let (Some(rela), Some(plt)) = (find([b".rela", b".rel"]), find([b".rela.plt", b".rel.plt"])) else { return };
    if plt == rela + 1 {
        return;
    }
    let first = rela.min(plt);
    let mut tables = [items[rela], items[plt]];
    items.remove(rela.max(plt));
    items.remove(first);
    tables.iter_mut().for_each(|table| table.alignment = 8);
    items.splice(first..first, tables);
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, Definition};
    use super::*;
    use crate::args::golink::GoLink;
    use crate::target::Architecture;

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

    fn sorted(version: &str, definitions: &[Definition], kind: Kind) -> Result<Vec<String>> {
        let options = GoLink::default();
        let mut program = fixture::program(&options, Architecture::X86_64, &[("main", &[])]);
        program.release = Release::of_version(version).expect("a release");
        let objects = [fixture::object(definitions)];
        let mut symbols = fixture::load(&program, &objects);
        symbols.attributes_mut().iter_mut().for_each(|column| *column |= attribute::REACHABLE);
        for symbol in symbols.all() {
            if symbols.name(symbol).starts_with(b"type:") {
                symbols.set_kind(symbol, Kind::Type);
            }
            if symbols.name(symbol).starts_with(b".r") {
                symbols.set_kind(symbol, Kind::ElfReadOnly);
            }
        }
        let mut buckets = collect(&mut symbols, program.release, Groups::of_program(&program));
        let items = match kind {
            Kind::Type if program.release.types_are_walked => {
                sort_walked_types(&symbols, program.release, buckets.take(kind))?.items
            }
            _ => sort(&symbols, buckets)?.take(kind).items,
        };
        Ok(items.iter().map(|item| symbols.display(item.symbol).into_owned()).collect())
    }

    #[test]
    fn zero_base_follows_what_is_empty() {
        let bss = |name, size| Definition { name, kind: 10, size, ..Definition::default() };
        let all = [bss("b", 8), bss("runtime.zerobase", 8), bss("a", 8), bss("empty", 0), bss("byte", 1), bss("", 0)];
        let want = ["empty", "runtime.zerobase", "byte", "b", "a"];
        assert_eq!(sorted("go1.26", &all, Kind::NoptrBss).expect("an order"), want);
    }

    #[test]
    fn data_without_a_name_is_not_laid_out() {
        let table = |name, size| Definition { name, kind: 3, size, ..Definition::default() };
        let all = [table("b", 2), table("", 8), table("a", 1)];
        assert_eq!(sorted("go1.27", &all, Kind::Rodata).expect("an order"), ["a", "b"]);
    }

    #[test]
    fn relocations_of_the_plt_follow_the_others() {
        let table = |name, size| Definition { name, kind: 3, size, ..Definition::default() };
        let all = [table(".rela", 48), table(".rela.plt", 0), table(".rx", 4), table(".ry", 96)];
        assert_eq!(sorted("go1.26", &all, Kind::ElfReadOnly).expect("an order"), [".rela", ".rela.plt", ".rx", ".ry"]);
    }

    #[test]
    fn walked_types_are_sorted_by_string() {
        // A descriptor's string is a name: flags, length, text.
        let walked = |name, size| Definition {
            name,
            kind: 3,
            size,
            flags: flag::TYPELINK,
            relocations: vec![(40, 4, 5, 0, if size == 80 { 4 } else { 5 })],
            ..Definition::default()
        };
        let text = |name, data| Definition { name, kind: 3, size: 4, data, ..Definition::default() };
        let all = [
            walked("type:*b", 72),
            Definition { flags: 0, ..walked("type:plain", 48) },
            walked("type:*a", 80),
            Definition { name: "type:*", kind: 3, ..Definition::default() },
            text("a", b"\x01\x02*a"),
            text("b", b"\x01\x02*b"),
        ];
        assert_eq!(
            sorted("go1.27", &all, Kind::Type).expect("an order"),
            ["type:*", "type:*a", "type:*b", "type:plain"]
        );
        assert_eq!(
            sorted("go1.26", &all, Kind::Type).expect("an order"),
            ["type:*", "type:plain", "type:*b", "type:*a"]
        );
    }

    #[test]
    fn symbols_with_more_contents_than_size_are_refused() {
        let all = [Definition { name: "main.x", kind: 7, size: 1, data: b"abc", ..Definition::default() }];
        let error = sorted("go1.26", &all, Kind::Data).expect_err("a bad symbol");
        assert!(error.iter().all(|error| error.code == "bad-symbol"));
    }
}

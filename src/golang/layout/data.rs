//! The order of data of a kind: by size, then by number (Go 1.26 and 1.27, `dodataSect` of `cmd/link/internal/ld/data.go`).

use rayon::prelude::*;

use super::buckets::{Bucket, Buckets, Item, LARGEST, REFUSED, item};
use crate::diag::{Diagnostic, Diagnostics, Result};
use crate::golang::symbols::{GoSymbol, Kind, Symbols, Version};
use crate::golang::{sort, types};
use crate::inputs::goabi::Release;
use crate::inputs::goobj::records::flag;

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
    use super::super::buckets::collect;
    use super::super::groups::Groups;
    use super::super::signs::Signs;
    use super::*;
    use crate::args::golink::GoLink;
    use crate::golang::fixture::{self, Definition};
    use crate::target::Architecture;

    fn sorted(version: &str, definitions: &[Definition], kind: Kind) -> Result<Vec<String>> {
        let options = GoLink::default();
        let mut program = fixture::program(&options, Architecture::X86_64, &[("main", &[])]);
        program.release = Release::of_version(version).expect("a release");
        let objects = [fixture::object(definitions)];
        let mut symbols = fixture::load(&program, &objects);
        fixture::reach_all(&mut symbols);
        for symbol in symbols.all() {
            if symbols.name(symbol).starts_with(b"type:") {
                symbols.set_kind(symbol, Kind::Type);
            }
            if symbols.name(symbol).starts_with(b".r") {
                symbols.set_kind(symbol, Kind::ElfReadOnly);
            }
        }
        let groups = Groups::of_program(&program);
        let mut buckets = collect(&mut symbols, program.release, groups, &Signs::default());
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

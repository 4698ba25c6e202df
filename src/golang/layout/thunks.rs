//! Thunks for branches that do not reach, arm64 (Go 1.26 and 1.27, `textaddress` and `trampoline` of
//! `cmd/link/internal/ld/data.go`, `cmd/link/internal/arm64/asm.go`).
//!
//! Functions get their addresses in order, and a function's thunks follow it at once. So a call backwards is known to
//! reach or not; a call forwards gets a thunk to be safe, unless it stays within the package or within the runtime,
//! whose code lies together: for these the addresses are estimated, as if every call needed a thunk.

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use super::cursor::Cursor;
use super::order::is_runtime_package;
use crate::diag::Diagnostic;
use crate::golang::program::Program;
use crate::golang::symbols::{GoSymbol, Kind, ObjectId, PackageId, Relocation, Symbols, Version, attribute};
use crate::inputs::goobj::RelocationKind;

/// ADRP, ADD and BR: three instructions.
const SIZE: u64 = 12;
/// `adrp x16, target`; `add x16, x16, :lo12:target`; `br x16`.
const CODE: [u32; 3] = [0x9000_0010, 0x9100_0210, 0xd61f_0200];
/// How far a branch reaches in either direction.
const REACH: i64 = 1 << 27;

/// Gives all functions their addresses, and returns them with the thunks that they need among them.
pub(super) fn place(
    symbols: &mut Symbols<'_>,
    program: &Program<'_>,
    order: &[GoSymbol],
    cursor: &mut Cursor,
) -> Result<Vec<GoSymbol>, Diagnostic> {
    let of_runtime = program.packages.iter().map(|package| is_runtime_package(&package.path)).collect();
    let mut thunks = Thunks {
        of_runtime,
        is_shuffled: program.options.random_layout != 0,
        wants_all: program.options.debug_thunks > 1,
        statics: HashMap::new(),
        waiting: Vec::new(),
    };
    let mut placed = Vec::with_capacity(order.len());
    let mut current = None;
    for (at, symbol) in order.iter().enumerate() {
        let package = symbols.package(*symbol);
        if package.is_some() && package != current {
            current = package;
            estimate(symbols, &order[at..], package, cursor)?;
        }
        cursor.place(symbols, *symbol)?;
        placed.push(*symbol);
        thunks.lengthen(symbols, *symbol, &mut cursor.value);
        for thunk in thunks.waiting.drain(..) {
            cursor.place(symbols, thunk)?;
            placed.push(thunk);
        }
    }
    Ok(placed)
}

/// Gives the functions of a package addresses as if every call needed a thunk.
fn estimate(
    symbols: &Symbols<'_>,
    order: &[GoSymbol],
    package: Option<PackageId>,
    cursor: &mut Cursor,
) -> Result<(), Diagnostic> {
    let start = cursor.address;
    for symbol in order.iter().take_while(|symbol| symbols.package(**symbol) == package) {
        cursor.place(symbols, *symbol)?;
        let calls = symbols.relocations(*symbol).filter(|relocation| relocation.kind.is_direct_call()).count();
        cursor.address += SIZE * calls as u64;
    }
    cursor.address = start;
    Ok(())
}

struct Thunks {
    /// By package: whether it is part of the runtime.
    of_runtime: Vec<bool>,
    is_shuffled: bool,
    wants_all: bool,
    /// Thunks to functions that only their object knows.
    statics: HashMap<(ObjectId, Vec<u8>), GoSymbol>,
    /// Made for the current function, and not placed yet.
    waiting: Vec<GoSymbol>,
}

impl Thunks {
    /// Makes the thunks that a function needs, and directs its calls to them.
    fn lengthen(&mut self, symbols: &mut Symbols<'_>, function: GoSymbol, value: &mut Vec<u64>) {
        let calls: Vec<(usize, Relocation)> = symbols
            .relocations(function)
            .enumerate()
            .filter(|(_, call)| call.kind.is_direct_call() && symbols.is_reachable(call.target))
            .filter(|(_, call)| symbols.kind(call.target) != Kind::Undefined)
            .collect();
        for (at, call) in calls {
            let target = value.get(call.target.index()).copied().unwrap_or(0);
            if target == 0 && self.will_be_near(symbols, function, call.target) {
                continue;
            }
            let from = value[function.index()].wrapping_add_signed(i64::from(call.offset));
            let reaches = target != 0 && is_near(target.wrapping_add_signed(call.addend), from);
            if reaches && !(self.wants_all && self.crosses_packages(symbols, function, call.target)) {
                continue;
            }
            let thunk = self.find_or_make(symbols, function, &call, from, value);
            if let Some(call) = symbols.edit(function).relocations.get_mut(at) {
                (call.target, call.addend) = (thunk, 0);
            }
        }
    }

    /// Whether a function without an address will be laid out close by.
    fn will_be_near(&self, symbols: &Symbols<'_>, function: GoSymbol, target: GoSymbol) -> bool {
        let (Some(from), Some(to)) = (symbols.package(function), symbols.package(target)) else { return false };
        let same = from == to && symbols.kind(function) == symbols.kind(target);
        let both_runtime = self.of_runtime[from.index()] && self.of_runtime[to.index()];
        !self.is_shuffled && (same || both_runtime)
    }

    fn crosses_packages(&self, symbols: &Symbols<'_>, function: GoSymbol, target: GoSymbol) -> bool {
        let package = symbols.package(function);
        package.is_none() || package != symbols.package(target)
    }

    /// The first thunk to a target that reaches, or that is about to be placed behind the function.
    fn find_or_make(
        &mut self,
        symbols: &mut Symbols<'_>,
        function: GoSymbol,
        call: &Relocation,
        from: u64,
        value: &mut Vec<u64>,
    ) -> GoSymbol {
        let mut name = symbols.name(call.target).to_vec();
        let sign = if call.addend < 0 { '-' } else { '+' };
        name.extend(format!("{sign}{:x}-tramp", call.addend.unsigned_abs()).bytes());
        for number in 0_u32.. {
            let thunk = self.named(symbols, call.target, &[&name, number.to_string().as_bytes()].concat());
            value.resize(symbols.count().max(value.len()), 0);
            symbols.set(thunk, attribute::REACHABLE);
            let address = value[thunk.index()];
            if address != 0 && !is_near(address, from) {
                continue;
            }
            if symbols.kind(thunk) == Kind::Undefined {
                symbols.set_kind(thunk, symbols.kind(function));
                let made = symbols.edit(thunk);
                made.push_bytes(&CODE.map(u32::to_le_bytes).concat());
                made.relocations.push(Relocation {
                    offset: 0,
                    size: 8,
                    weak: false,
                    kind: RelocationKind::AddressArm64,
                    addend: call.addend,
                    target: call.target,
                });
                self.waiting.push(thunk);
            }
            return thunk;
        }
        call.target
    }

    fn named(&mut self, symbols: &mut Symbols<'_>, target: GoSymbol, name: &[u8]) -> GoSymbol {
        let object = symbols.unit(target).filter(|_| symbols.is_file_local(target));
        let Some(object) = object else { return symbols.find_or_make(name, symbols.version(target)) };
        match self.statics.entry((object, name.to_vec())) {
            Entry::Occupied(found) => *found.get(),
            Entry::Vacant(free) => *free.insert(symbols.make_alone(name, Version::Static)),
        }
    }
}

fn is_near(target: u64, from: u64) -> bool {
    (-REACH..REACH).contains(&(target.wrapping_sub(from) as i64))
}

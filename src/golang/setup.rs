//! The symbols that every Go program has although no package defines them in full (Go 1.26 and 1.27,
//! `cmd/link/internal/ld/lib.go` linksetup and setArchSyms, `fips140.go` loadfips). Their order of making is part of the
//! output: see [`super::symbols`].

use super::symbols::{GoSymbol, Kind, Symbols, Version, attribute};
use crate::diag::{Diagnostic, Result};

/// What the FIPS module's self-check needs.
#[derive(Clone, Copy, Debug)]
pub struct FipsSymbols {
    /// `go:fipsinfo`: magic, sum, own address, addresses of the bounds.
    pub info: GoSymbol,
    /// Start and end of the module's text, rodata, noptrdata and data.
    pub bounds: [GoSymbol; 8],
}

/// The first bytes of `go:fipsinfo`.
pub const FIPS_MAGIC: &[u8; 16] = b"\xff Go fipsinfo \xff\0";
/// Bytes of the sum behind the magic.
pub const FIPS_SUM: usize = 32;

const FIPS_BOUNDS: [(&[u8], Kind); 8] = [
    (b"go:textfipsstart", Kind::TextFipsStart),
    (b"go:textfipsend", Kind::TextFipsEnd),
    (b"go:rodatafipsstart", Kind::RodataFipsStart),
    (b"go:rodatafipsend", Kind::RodataFipsEnd),
    (b"go:noptrdatafipsstart", Kind::NoptrDataFipsStart),
    (b"go:noptrdatafipsend", Kind::NoptrDataFipsEnd),
    (b"go:datafipsstart", Kind::DataFipsStart),
    (b"go:datafipsend", Kind::DataFipsEnd),
];

/// Makes the FIPS symbols; before liveness.
pub fn fips(symbols: &mut Symbols<'_>) -> FipsSymbols {
    let info = symbols.define(b"go:fipsinfo", Kind::FipsInfo);
    let contents = symbols.edit(info);
    contents.data = [&FIPS_MAGIC[..], &[0; FIPS_SUM]].concat().into();
    contents.size = contents.data.len() as u64;
    contents.push_address(info, 0);
    let bounds = FIPS_BOUNDS.map(|(name, kind)| {
        let bound = symbols.define(name, kind);
        symbols.set(bound, attribute::LOCAL);
        symbols.edit(bound).size = 1;
        symbols.edit(info).push_address(bound, 0);
        bound
    });
    FipsSymbols { info, bounds }
}

/// What describes the module to the runtime.
#[derive(Clone, Copy, Debug)]
pub struct Module {
    /// `runtime.tlsg`: where a thread keeps its goroutine.
    pub tlsg: GoSymbol,
    /// `runtime.firstmoduledata`.
    pub moduledata: GoSymbol,
}

/// Bytes of a pointer, on both machines.
const POINTER: u64 = 8;

/// Makes them; after liveness.
pub fn module(symbols: &mut Symbols<'_>) -> Result<Module> {
    let tlsg = symbols.find_or_make(b"runtime.tlsg", Version::Abi0);
    match symbols.kind(tlsg) {
        Kind::Undefined => {
            symbols.edit(tlsg).size = POINTER;
            symbols.set_kind(tlsg, Kind::TlsBss);
        }
        Kind::DynamicImport => {}
        _ => {
            let problem = "package runtime defines tlsg, which only the linker may";
            return Err(Diagnostic::error("bad-runtime", problem).into());
        }
    }
    symbols.set(tlsg, attribute::REACHABLE);
    let mut moduledata = symbols.find_or_make(b"runtime.firstmoduledata", Version::Abi0);
    if symbols.kind(moduledata) == Kind::Undefined {
        moduledata = symbols.find_or_make(b"local.moduledata", Version::Abi0);
        symbols.set(moduledata, attribute::LOCAL);
        symbols.edit(moduledata);
    } else {
        symbols.edit(moduledata).size = 0;
        disable_memory_profiling(symbols);
    }
    symbols.set_kind(moduledata, Kind::ModuleData);
    symbols.set(moduledata, attribute::REACHABLE);
    Ok(Module { tlsg, moduledata })
}

/// A program that cannot ask for memory profiles need not collect them.
fn disable_memory_profiling(symbols: &mut Symbols<'_>) {
    let profile = symbols.find(b"runtime.memProfileInternal", Version::AbiInternal);
    if profile.is_none_or(|profile| symbols.is_reachable(profile)) {
        return;
    }
    let switch = symbols.find_or_make(b"runtime.disableMemoryProfiling", Version::Abi0);
    let contents = symbols.edit(switch);
    (contents.size, contents.data) = (0, Vec::new().into());
    contents.push_bytes(&[1]);
    symbols.set_kind(switch, Kind::NoptrData);
}

/// What every image may refer to, in the order of making: the sections of dynamic linking, and where calls of unreachable
/// methods go.
const IMAGE: [(&[u8], Version); 11] = [
    (b".got", Version::Abi0),
    (b".plt", Version::Abi0),
    (b".got.plt", Version::Abi0),
    (b".dynamic", Version::Abi0),
    (b".dynsym", Version::Abi0),
    (b".dynstr", Version::Abi0),
    (b"runtime.unreachableMethod", Version::AbiInternal),
    (b".rel", Version::Abi0),
    (b".rela", Version::Abi0),
    (b".rel.plt", Version::Abi0),
    (b".rela.plt", Version::Abi0),
];

/// Makes the symbols of the image; after the ELF sections.
pub fn image(symbols: &mut Symbols<'_>) {
    for (name, version) in IMAGE {
        let symbol = symbols.find_or_make(name, version);
        symbols.set(symbol, attribute::REACHABLE);
    }
}

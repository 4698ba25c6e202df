//! The symbols that every Go program has although no package defines them in full (Go 1.26 and 1.27,
//! `cmd/link/internal/ld/lib.go` linksetup and setArchSyms, `fips140.go` loadfips). Their order of making is part of the
//! output: see [`super::symbols`].

use super::kind::Kind;
use super::symbols::{GoSymbol, Symbols, Version, attribute};
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

/// The sections that ELF images have for dynamic linking, and where calls of unreachable methods go.
#[derive(Clone, Copy, Debug)]
pub struct ImageSymbols {
    /// `.got`.
    pub got: GoSymbol,
    /// `.plt`.
    pub plt: GoSymbol,
    /// `.got.plt`.
    pub got_plt: GoSymbol,
    /// `.dynamic`.
    pub dynamic: GoSymbol,
    /// `.dynsym`.
    pub dynsym: GoSymbol,
    /// `.dynstr`.
    pub dynstr: GoSymbol,
    /// `runtime.unreachableMethod`.
    pub unreachable_method: GoSymbol,
    /// `.rela`.
    pub rela: GoSymbol,
    /// `.rela.plt`.
    pub rela_plt: GoSymbol,
}

/// Makes them; after the ELF sections.
pub fn image(symbols: &mut Symbols<'_>) -> ImageSymbols {
    let mut make = |name: &[u8], version| {
        let symbol = symbols.find_or_make(name, version);
        symbols.set(symbol, attribute::REACHABLE);
        symbol
    };
    let got = make(b".got", Version::Abi0);
    let plt = make(b".plt", Version::Abi0);
    let got_plt = make(b".got.plt", Version::Abi0);
    let dynamic = make(b".dynamic", Version::Abi0);
    let dynsym = make(b".dynsym", Version::Abi0);
    let dynstr = make(b".dynstr", Version::Abi0);
    let unreachable_method = make(b"runtime.unreachableMethod", Version::AbiInternal);
    make(b".rel", Version::Abi0);
    let rela = make(b".rela", Version::Abi0);
    make(b".rel.plt", Version::Abi0);
    let rela_plt = make(b".rela.plt", Version::Abi0);
    ImageSymbols { got, plt, got_plt, dynamic, dynsym, dynstr, unreachable_method, rela, rela_plt }
}

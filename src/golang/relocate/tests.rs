//! Relocations of both machines applied to small symbols, and what is said of those that cannot be.

use super::*;
use crate::args::golink::GoLink;
use crate::golang::fixture;
use crate::golang::layout::{Section, access};
use crate::golang::symbols::attribute;

const FROM: u64 = 0x40_1000;
const TARGET: u64 = 0x50_2468;

/// A program of `from`, `target`, `dropped` and `missing`, whose sections begin at 0x401000 and 0x500000.
fn with_program<T>(
    architecture: Architecture,
    test: impl FnOnce(&mut Symbols<'_>, &mut Addresses, [GoSymbol; 4]) -> T,
) -> T {
    let options = GoLink::default();
    let program = fixture::program(&options, architecture, &[("main", &[])]);
    let objects = [fixture::object(&[])];
    let mut symbols = fixture::load(&program, &objects);
    let mut define = |name: &str, kind| symbols.define(name.as_bytes(), kind);
    let from = define("from", Kind::Text);
    let target = define("target", Kind::Rodata);
    let dropped = define("dropped", Kind::Text);
    symbols.clear(dropped, attribute::REACHABLE);
    let missing = symbols.find_or_make(b"lib.missing", Version::Abi0);
    let section = |name: &str, segment, address, symbols| Section {
        name: name.into(),
        access: access::READ,
        alignment: 32,
        address,
        length: 0x10000,
        segment,
        has_bytes: true,
        file_offset: 0,
        symbols,
    };
    let mut addresses = Addresses {
        value: vec![0; symbols.count()],
        section: vec![0; symbols.count()],
        sections: vec![
            section(".text", Segment::Text, FROM, vec![from]),
            section(".rodata", Segment::Rodata, 0x50_0000, vec![target]),
        ],
        segments: Vec::new(),
    };
    for (symbol, value, section) in [(from, FROM, 1), (target, TARGET, 2)] {
        addresses.value[symbol.index()] = value;
        addresses.section[symbol.index()] = section;
    }
    test(&mut symbols, &mut addresses, [from, target, dropped, missing])
}

fn relocation(kind: RelocationKind, size: u8, target: GoSymbol, addend: i64) -> Relocation {
    Relocation { offset: 4, size, weak: false, kind, addend, target }
}

/// Twelve bytes of `from`, those from the fourth on being `bytes`, after a relocation of them.
fn patched(
    architecture: Architecture,
    bytes: &[u8],
    make: impl FnOnce([GoSymbol; 4]) -> Relocation,
) -> Result<Vec<u8>, Fault> {
    with_program(architecture, |symbols, addresses, known| {
        symbols.edit(known[0]).relocations = vec![make(known)];
        let mut contents = [&[0; 4], bytes].concat();
        let mut problems = Vec::new();
        Relocator::new(symbols, addresses, architecture, false).apply(known[0], &mut contents, &mut problems);
        match problems.first() {
            Some(problem) => Err(problem.fault),
            None => Ok(contents[4..].to_vec()),
        }
    })
}

#[test]
fn data_gets_addresses_and_offsets() {
    use RelocationKind::*;
    let x86 = |kind, size: u8, addend| {
        patched(Architecture::X86_64, &vec![0xff; size.into()], |[_, target, ..]| {
            relocation(kind, size, target, addend)
        })
    };
    assert_eq!(x86(Address, 8, 8), Ok((TARGET + 8).to_le_bytes().to_vec()));
    assert_eq!(x86(Address, 4, 0), Ok((TARGET as u32).to_le_bytes().to_vec()));
    assert_eq!(x86(Address, 4, 1 << 31), Err(Fault::TooFar(TARGET as i64 + (1 << 31))));
    assert_eq!(x86(AddressOffset, 4, 2), Ok(0x246a_u32.to_le_bytes().to_vec()));
    assert_eq!(x86(PcRelative, 4, 0), Ok(((TARGET - FROM - 8) as u32).to_le_bytes().to_vec()));
    assert_eq!(x86(Call, 4, i64::from(i32::MAX)), Err(Fault::TooFar(i64::from(i32::MAX) + (TARGET - FROM - 8) as i64)));
    assert_eq!(x86(TlsLe, 4, 0), Ok((-8_i32).to_le_bytes().to_vec()));
    assert_eq!(x86(Const, 2, 0x1234), Ok(vec![0x34, 0x12]));
    assert_eq!(x86(Const, 3, 1), Err(Fault::BadSize));
    assert_eq!(x86(CallArm64, 4, 0), Err(Fault::Unsupported));
}

#[test]
fn references_to_what_was_dropped_are_told_apart() {
    use RelocationKind::*;
    let to_dropped = |kind, weak, size: u8| {
        patched(Architecture::X86_64, &vec![7; size.into()], |[_, _, dropped, _]| Relocation {
            weak,
            ..relocation(kind, size, dropped, 0)
        })
    };
    assert_eq!(to_dropped(MethodOffset, false, 4), Ok(vec![0xff; 4]));
    assert_eq!(to_dropped(AddressOffset, true, 4), Ok(vec![7; 4]));
    assert_eq!(to_dropped(Address, true, 8), Ok(vec![0; 8]));
    assert_eq!(to_dropped(Address, false, 8), Err(Fault::Unreachable));
    let missing = |[_, _, _, missing]: [GoSymbol; 4]| relocation(Call, 4, missing, 0);
    assert_eq!(patched(Architecture::X86_64, &[0; 4], missing), Err(Fault::Undefined));
    let nothing = |_: [GoSymbol; 4]| relocation(Address, 8, GoSymbol::NONE, 0);
    assert_eq!(patched(Architecture::X86_64, &[0; 8], nothing), Err(Fault::NoTarget));
}

#[test]
fn a_patch_stays_inside_its_symbol() {
    for (offset, size) in [(-1, 4), (9, 4), (i32::MAX, 8), (0, 255)] {
        let outside = |[_, target, ..]: [GoSymbol; 4]| Relocation {
            offset,
            ..relocation(RelocationKind::Address, size, target, 0)
        };
        assert_eq!(patched(Architecture::X86_64, &[0; 8], outside), Err(Fault::Outside));
    }
}

#[test]
fn amd64_loads_its_thread_offset_directly() {
    // movq x@gottpoff(%rip), %r9
    with_program(Architecture::X86_64, |symbols, addresses, [from, ..]| {
        let kind = RelocationKind::TlsIe;
        symbols.edit(from).relocations = vec![Relocation { offset: 3, ..relocation(kind, 4, GoSymbol::NONE, 0) }];
        let relocator = Relocator::new(symbols, addresses, Architecture::X86_64, true);
        let mut problems = Vec::new();
        let mut code = [0x4c, 0x8b, 0x0d, 0, 0, 0, 0];
        relocator.apply(from, &mut code, &mut problems);
        assert_eq!(code, [0x49, 0xc7, 0xc1, 0xf8, 0xff, 0xff, 0xff]); // movq $-8, %r9
        assert!(problems.is_empty());
        relocator.apply(from, &mut [0x48, 0x03, 0x0d, 0, 0, 0, 0], &mut problems);
        assert_eq!(problems[0].fault, Fault::Instruction(0x48030d));
    });
}

/// The words after a relocation of `target`, which lies 0x101 pages after `from` at 0x468.
fn arm64(kind: RelocationKind, words: &[u32], addend: i64) -> Result<Vec<u32>, Fault> {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let size = bytes.len() as u8;
    let relocated = patched(Architecture::Aarch64, &bytes, |[_, target, ..]| relocation(kind, size, target, addend))?;
    Ok(relocated.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word)).collect())
}

#[test]
fn arm64_instructions_get_their_fields() {
    use RelocationKind::*;
    let page = 0x9000_0000 | 1 << 29 | 0x40 << 5; // adrp x0, +0x101 pages
    assert_eq!(arm64(AddressArm64, &[0x9000_0000, 0x9100_0000], 0), Ok(vec![page, 0x9100_0000 | 0x468 << 10]));
    let load = 0xf940_0001;
    let loads = Arm64PcRelativeLoadStore(64);
    assert_eq!(arm64(loads, &[0x9000_0000, load], 0), Ok(vec![page, load | (0x468 >> 3) << 10]));
    assert_eq!(arm64(loads, &[0x9000_0000, load], 4), Err(Fault::Misaligned(0x10146c, 8)));
    let distance = (TARGET - FROM - 4) as u32;
    assert_eq!(arm64(CallArm64, &[0x9400_0000], 0), Ok(vec![0x9400_0000 | distance >> 2]));
    assert_eq!(arm64(CallArm64, &[0x9400_0000], 1 << 27), Err(Fault::TooFar(i64::from(distance) + (1 << 27))));
    assert_eq!(arm64(AddressArm64, &[0x9000_0000, 0x9100_0000], 1 << 32), Err(Fault::TooFar((1 << 32) + 0x10_1468)));
    assert_eq!(arm64(Arm64LoadStore(16), &[0x7940_0000], 2), Ok(vec![0x7940_0000 | (0x46a >> 1) << 10]));
    assert_eq!(arm64(Arm64PcRelative, &[0x9100_0000], 0), Ok(vec![0x9100_0000 | 0x468 << 10]));
    assert_eq!(arm64(Arm64PcRelative, &[0xd503_201f], 0), Err(Fault::Instruction(0xd503_201f)));
    assert_eq!(arm64(CallArm64, &[0, 0], 0), Err(Fault::BadSize));
}

#[test]
fn arm64_knows_its_thread_offset() {
    let of_thread = |kind, words: &[u32]| {
        with_program(Architecture::Aarch64, |symbols, addresses, [from, ..]| {
            let tlsg = symbols.define(b"runtime.tlsg", Kind::TlsBss);
            addresses.value.push(0);
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            let patch = Relocation { offset: 0, ..relocation(kind, bytes.len() as u8, tlsg, 0) };
            symbols.edit(from).relocations = vec![patch];
            let (mut code, mut problems) = (bytes, Vec::new());
            Relocator::new(symbols, addresses, Architecture::Aarch64, true).apply(from, &mut code, &mut problems);
            assert_eq!(problems, []);
            code.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word)).collect::<Vec<u32>>()
        })
    };
    assert_eq!(of_thread(RelocationKind::Arm64TlsLe, &[0xd280_001b]), [0xd280_001b | 16 << 5]);
    // adrp x27, ldr x27, [x27] become movz x27, #0, lsl #16 and movk x27, #16.
    assert_eq!(of_thread(RelocationKind::Arm64TlsIe, &[0x9000_001b, 0xf940_037b]), [0xd2a0_001b, 0xf280_021b]);
}

#[test]
fn code_of_shared_libraries_is_refused_where_go_refuses_it() {
    for (architecture, kind, bytes) in [
        (Architecture::X86_64, RelocationKind::TlsIe, vec![0; 4]),
        (Architecture::Aarch64, RelocationKind::Arm64TlsIe, vec![0; 8]),
    ] {
        let of_thread = |[_, target, ..]: [GoSymbol; 4]| relocation(kind, bytes.len() as u8, target, 0);
        assert_eq!(patched(architecture, &bytes, of_thread), Err(Fault::SharedCode));
    }
    let options = GoLink::default();
    let program = fixture::program(&options, Architecture::X86_64, &[("main", &[])]);
    with_program(Architecture::X86_64, |symbols, _, [from, ..]| {
        let relocation = relocation(RelocationKind::TlsIe, 4, GoSymbol::NONE, 0);
        let problem = Problem { symbol: from, relocation, fault: Fault::SharedCode };
        let [told] = &report(vec![problem; 3], symbols, &program)[..] else { panic!("one error") };
        assert_eq!((told.code, &told.notes[..]), ("shared-code", &["and 2 more like it".to_owned()][..]));
        let text = "relocation R_TLS_IE without a target at from+0x4: the package is compiled with -shared or -dynlink, for another \
                    build mode";
        assert_eq!(told.message, text);
        let help = "build the packages without such flags of the compiler, or link with -buildmode=pie";
        assert_eq!(told.help.as_deref(), Some(help));
    });
}

#[test]
fn undefined_symbols_are_reported_once_with_who_needs_them() {
    let options = GoLink::default();
    let mut program = fixture::program(&options, Architecture::X86_64, &[("main", &[]), ("lib", &[])]);
    program.packages[1].path = "lib".to_owned();
    with_program(Architecture::X86_64, |symbols, addresses, [from, target, _, missing]| {
        let call = relocation(RelocationKind::Call, 4, missing, 0);
        symbols.edit(from).relocations = vec![call, call];
        symbols.edit(target).relocations = vec![call];
        let mut problems = Vec::new();
        let relocator = Relocator::new(symbols, addresses, Architecture::X86_64, false);
        relocator.apply(target, &mut [0; 8], &mut problems);
        relocator.apply(from, &mut [0; 8], &mut problems);
        let found = report(problems, symbols, &program);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].message, "relocation target lib.missing not defined");
        assert_eq!(found[0].notes, ["needed by from (package )", "needed by target (package )"]);
        assert!(found[0].help.as_deref().is_some_and(|help| help.contains("no body")), "{found:?}");
    });
}

#[test]
fn another_calling_convention_is_named() {
    let options = GoLink::default();
    let program = fixture::program(&options, Architecture::X86_64, &[("main", &[])]);
    with_program(Architecture::X86_64, |symbols, addresses, [from, _, _, missing]| {
        let other = symbols.find_or_make(b"lib.missing", Version::AbiInternal);
        symbols.set_kind(other, Kind::Text);
        symbols.edit(from).relocations = vec![relocation(RelocationKind::Call, 4, missing, 0)];
        let mut problems = Vec::new();
        Relocator::new(symbols, addresses, Architecture::X86_64, false).apply(from, &mut [0; 8], &mut problems);
        let found = report(problems, symbols, &program);
        let want = "relocation target lib.missing not defined for ABI0 (but is defined for ABIInternal)";
        assert_eq!(found[0].message, want);
    });
}

//! Byte-exact tests. The expected instructions are what GNU as makes of the assembler that the psABI prescribes.

use super::*;
use crate::mutation::Mutation;

mod sequences;

const ORDINARY: TargetFacts = TargetFacts { ifunc: false, thread_local: false, absolute: false, undefined_weak: false };
const VARIABLE: TargetFacts = TargetFacts { thread_local: true, ..ORDINARY };
const IFUNC: TargetFacts = TargetFacts { ifunc: true, ..ORDINARY };
const ABSOLUTE: TargetFacts = TargetFacts { absolute: true, ..ORDINARY };
const WEAK: TargetFacts = TargetFacts { absolute: true, undefined_weak: true, ..ORDINARY };

const FIXED: Mode = Mode { position_independent: false, allocated: true, relax: true };
const PIE: Mode = Mode { position_independent: true, ..FIXED };
const DEBUG: Mode = Mode { allocated: false, ..FIXED };

/// The TLS block is [0x403000, 0x405234), so the symbol, taken as a variable, is 0x1234 below the thread pointer.
const VALUES: Values = Values {
    symbol: 0x40_4000,
    addend: 0,
    place: 0x40_0100,
    got_slot: 0x40_6010,
    got_base: 0x40_6000,
    thread_pointer: 0x40_5234,
    tls_start: 0x40_3000,
    size: 0x18,
};

fn bytes(hex: &str) -> Vec<u8> {
    hex.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).expect("a byte")).collect()
}

/// Decides and applies; the section after it.
fn link(
    kind: u32,
    facts: TargetFacts,
    mode: Mode,
    code: &str,
    offset: usize,
    values: Values,
) -> Result<Vec<u8>, Refusal> {
    let mut section = bytes(code);
    let decision = X86_64::decide(kind, facts, mode, &section, offset, values.addend)?;
    X86_64::apply(decision.operation, &mut section, offset, &values)?;
    Ok(section)
}

fn need(kind: u32, facts: TargetFacts, mode: Mode) -> Result<Need, Refusal> {
    X86_64::decide(kind, facts, mode, &[0; 16], 4, -4).map(|decision| decision.need)
}

#[test]
fn fields_hold_the_value_of_the_table() {
    #[rustfmt::skip]
    let cases: [(u32, TargetFacts, i64, &str); 29] = [
        (R_X86_64_NONE, ORDINARY, 0, "ff ff ff ff ff ff ff ff"),
        (R_X86_64_64, ORDINARY, 2, "02 40 40 00 00 00 00 00"),
        (R_X86_64_64, WEAK, -0x40_4001, "ff ff ff ff ff ff ff ff"),
        (R_X86_64_32, ORDINARY, 2, "02 40 40 00 ff ff ff ff"),
        (R_X86_64_32S, ORDINARY, -2, "fe 3f 40 00 ff ff ff ff"),
        (R_X86_64_16, ORDINARY, -0x40_0000, "00 40 ff ff ff ff ff ff"),
        (R_X86_64_8, ORDINARY, -0x40_4000 - 128, "80 ff ff ff ff ff ff ff"),
        (R_X86_64_PC64, ORDINARY, 0, "00 3f 00 00 00 00 00 00"),
        (R_X86_64_PC32, ORDINARY, -4, "fc 3e 00 00 ff ff ff ff"),
        (R_X86_64_PC32, WEAK, -4, "fc 3e 00 00 ff ff ff ff"),
        (R_X86_64_PLT32, ORDINARY, -4, "fc 3e 00 00 ff ff ff ff"),
        (R_X86_64_PLT32, IFUNC, -4, "fc 3e 00 00 ff ff ff ff"),
        (R_X86_64_PLT32_BND, ORDINARY, -4, "fc 3e 00 00 ff ff ff ff"),
        (R_X86_64_PC16, ORDINARY, -2, "fe 3e ff ff ff ff ff ff"),
        (R_X86_64_PC8, ORDINARY, -0x3f00 + 127, "7f ff ff ff ff ff ff ff"),
        (R_X86_64_GOT32, ORDINARY, 1, "11 00 00 00 ff ff ff ff"),
        (R_X86_64_GOT64, ORDINARY, 0, "10 00 00 00 00 00 00 00"),
        (R_X86_64_GOTPLT64, ORDINARY, 0, "10 00 00 00 00 00 00 00"),
        (R_X86_64_GOTPCREL, ORDINARY, -4, "0c 5f 00 00 ff ff ff ff"),
        (R_X86_64_GOTPCREL64, ORDINARY, 0, "10 5f 00 00 00 00 00 00"),
        (R_X86_64_GOTOFF64, ORDINARY, 1, "01 e0 ff ff ff ff ff ff"),
        (R_X86_64_PLTOFF64, ORDINARY, 0, "00 e0 ff ff ff ff ff ff"),
        (R_X86_64_GOTPC32, ORDINARY, 3, "03 5f 00 00 ff ff ff ff"),
        (R_X86_64_GOTPC64, ORDINARY, 9, "09 5f 00 00 00 00 00 00"),
        (R_X86_64_SIZE32, ORDINARY, 1, "19 00 00 00 ff ff ff ff"),
        (R_X86_64_SIZE64, VARIABLE, -1, "17 00 00 00 00 00 00 00"),
        (R_X86_64_TPOFF32, VARIABLE, 4, "d0 ed ff ff ff ff ff ff"),
        (R_X86_64_TPOFF64, VARIABLE, 0, "cc ed ff ff ff ff ff ff"),
        (R_X86_64_DTPOFF32, VARIABLE, 0, "cc ed ff ff ff ff ff ff"),
    ];
    for (kind, facts, addend, expected) in cases {
        let values = Values { addend, ..VALUES };
        let linked = link(kind, facts, FIXED, "ff ff ff ff ff ff ff ff", 0, values);
        assert_eq!(linked, Ok(bytes(expected)), "{}", X86_64::type_name(kind).unwrap());
    }
}

#[test]
fn debug_information_takes_plain_values() {
    let cases = [
        (R_X86_64_DTPOFF32, VARIABLE, "00 10 00 00 ff ff ff ff"),
        (R_X86_64_DTPOFF64, VARIABLE, "00 10 00 00 00 00 00 00"),
        (R_X86_64_32, ORDINARY, "00 40 40 00 ff ff ff ff"),
        (R_X86_64_64, VARIABLE, "00 40 40 00 00 00 00 00"),
        (R_X86_64_64, IFUNC, "00 40 40 00 00 00 00 00"),
    ];
    let debug_of_pie = Mode { position_independent: true, ..DEBUG };
    for (kind, facts, expected) in cases {
        assert_eq!(link(kind, facts, debug_of_pie, "ff ff ff ff ff ff ff ff", 0, VALUES), Ok(bytes(expected)));
        assert_eq!(need(kind, facts, debug_of_pie), Ok(Need::Nothing));
    }
    // What is gone has no offset, whatever the block's start.
    let gone = Values { symbol: 0, ..VALUES };
    assert_eq!(link(R_X86_64_DTPOFF32, WEAK, DEBUG, "ff ff ff ff", 0, gone), Ok(bytes("00 00 00 00")));
    assert_eq!(link(R_X86_64_TPOFF32, WEAK, FIXED, "ff ff ff ff", 0, gone), Ok(bytes("00 00 00 00")));
}

#[test]
fn what_does_not_fit_is_refused_and_left_alone() {
    let cases = [
        (R_X86_64_32, 0x1_0000_0000, 0, 0xffff_ffff_i128),
        (R_X86_64_32S, 0x8000_0000, -0x8000_0000, 0x7fff_ffff),
        (R_X86_64_16, 0x1_0000, -0x8000, 0xffff),
        (R_X86_64_8, 0x100, -0x80, 0xff),
        (R_X86_64_PC32, 0x8000_0000, -0x8000_0000, 0x7fff_ffff),
        (R_X86_64_PC16, 0x8000, -0x8000, 0x7fff),
        (R_X86_64_PC8, 0x80, -0x80, 0x7f),
    ];
    for (kind, value, minimum, maximum) in cases {
        for (symbol, fits) in [(value, false), (maximum as u64, true), (minimum as u64, true)] {
            let values = Values { symbol, place: 0, ..VALUES };
            let result = link(kind, ORDINARY, FIXED, "ee ee ee ee", 0, values);
            if fits {
                assert!(result.is_ok(), "{kind} {symbol:#x}");
            } else {
                assert_eq!(result, Err(Refusal::OutOfRange { value: value.into(), minimum, maximum }));
            }
        }
    }
    // Rewritten instructions are all or nothing.
    for (kind, code) in [(R_X86_64_GOTPCRELX, "ff 15 00 00 00 00"), (R_X86_64_GOTPCRELX, "85 05 00 00 00 00")] {
        let mut section = bytes(code);
        let values = Values { symbol: 0x2_0000_0000, addend: -4, ..VALUES };
        let decision = X86_64::decide(kind, ORDINARY, FIXED, &section, 2, -4).unwrap();
        let result = X86_64::apply(decision.operation, &mut section, 2, &values);
        assert!(matches!(result, Err(Refusal::OutOfRange { .. })));
        assert_eq!(section, bytes(code));
    }
}

#[test]
fn a_position_independent_image_moves_its_words() {
    assert_eq!(need(R_X86_64_64, ORDINARY, PIE), Ok(Need::DynamicRelative));
    assert_eq!(need(R_X86_64_64, ORDINARY, FIXED), Ok(Need::Nothing));
    assert_eq!(need(R_X86_64_64, ABSOLUTE, PIE), Ok(Need::Nothing));
    assert_eq!(need(R_X86_64_64, WEAK, PIE), Ok(Need::Nothing));
    assert_eq!(need(R_X86_64_64, IFUNC, PIE), Ok(Need::IfuncAddress));
    for kind in [R_X86_64_32, R_X86_64_32S, R_X86_64_16, R_X86_64_8] {
        assert_eq!(need(kind, ORDINARY, PIE), Err(Refusal::NeedsPositionIndependentCode));
        assert_eq!(need(kind, ABSOLUTE, PIE), Ok(Need::Nothing));
        assert_eq!(need(kind, WEAK, PIE), Ok(Need::Nothing));
    }
    assert_eq!(need(R_X86_64_PC32, ABSOLUTE, PIE), Err(Refusal::NeedsPositionIndependentCode));
    assert_eq!(need(R_X86_64_PC32, ABSOLUTE, FIXED), Ok(Need::Nothing));
    assert_eq!(need(R_X86_64_PLT32, WEAK, PIE), Ok(Need::Nothing));
}

#[test]
fn an_ifunc_is_its_stub() {
    for kind in [R_X86_64_PC32, R_X86_64_PLT32, R_X86_64_32, R_X86_64_32S, R_X86_64_GOTOFF64] {
        assert_eq!(need(kind, IFUNC, FIXED), Ok(Need::IfuncStub));
    }
    assert_eq!(need(R_X86_64_64, IFUNC, FIXED), Ok(Need::IfuncAddress));
    assert_eq!(need(R_X86_64_GOTPCREL, IFUNC, FIXED), Ok(Need::GotSlot));
    let load = bytes("48 8b 05 00 00 00 00");
    let decision = X86_64::decide(R_X86_64_REX_GOTPCRELX, IFUNC, PIE, &load, 3, -4).unwrap();
    assert_eq!((decision.operation, decision.need), (Operation::LoadAddress, Need::IfuncStub));
}

#[test]
fn wrong_types_are_refused_by_their_reason() {
    for kind in [R_X86_64_COPY, R_X86_64_GLOB_DAT, R_X86_64_JUMP_SLOT, R_X86_64_RELATIVE, R_X86_64_DTPMOD64] {
        assert_eq!(need(kind, ORDINARY, FIXED), Err(Refusal::DynamicOnly));
    }
    for kind in [52, 249, 252, u32::MAX] {
        assert_eq!(need(kind, ORDINARY, FIXED), Err(Refusal::UnknownType));
        assert_eq!(need(kind, VARIABLE, FIXED), Err(Refusal::UnknownType));
        assert_eq!(X86_64::type_name(kind), None);
    }
    for kind in [R_X86_64_64, R_X86_64_PC32, R_X86_64_GOTPCREL] {
        assert_eq!(need(kind, VARIABLE, FIXED), Err(Refusal::ThreadLocalMismatch));
    }
    for kind in [R_X86_64_TPOFF32, R_X86_64_GOTTPOFF, R_X86_64_TLSGD, R_X86_64_DTPOFF32] {
        assert_eq!(need(kind, ORDINARY, FIXED), Err(Refusal::ThreadLocalMismatch));
    }
    assert_eq!(X86_64::type_name(R_X86_64_REX_GOTPCRELX), Some("R_X86_64_REX_GOTPCRELX"));
    for kind in 0..=51 {
        assert!(X86_64::type_name(kind).is_some(), "{kind}");
    }
}

#[test]
fn fields_outside_of_the_section_are_refused() {
    for (kind, facts) in [(R_X86_64_64, ORDINARY), (R_X86_64_32, ORDINARY), (R_X86_64_TPOFF32, VARIABLE)] {
        for offset in [1, 4, usize::MAX] {
            assert_eq!(link(kind, facts, FIXED, "00 00 00 00", offset, VALUES), Err(Refusal::OutsideSection));
        }
    }
}

#[test]
fn stubs_jump_through_their_slot() {
    let mut stub = [0; 16];
    X86_64::write_ifunc_stub(&mut stub, 0x40_1000, 0x40_6018).unwrap();
    // endbr64; jmp *0x500e(%rip) # 0x406018; nopw
    assert_eq!(stub.to_vec(), bytes("f3 0f 1e fa ff 25 0e 50 00 00 66 0f 1f 44 00 00"));
    assert!(matches!(X86_64::write_ifunc_stub(&mut stub, 0, 1 << 32), Err(Refusal::OutOfRange { .. })));
    assert_eq!(X86_64::write_ifunc_stub(&mut stub[..8], 0, 64), Err(Refusal::OutsideSection));
    assert_eq!(X86_64::write_thunk(&mut [], 0, 0), Ok(()));
}

#[test]
fn the_thread_pointer_ends_the_block() {
    assert_eq!(X86_64::thread_pointer(0x40_3000, 0x24, 16), 0x40_3030);
    assert_eq!(X86_64::thread_pointer(0x40_3008, 0x8, 16), 0x40_3010);
    assert_eq!(X86_64::thread_pointer(0x40_3000, 0x1000, 0x1000), 0x40_4000);
    assert_eq!(X86_64::thread_pointer(0x40_3000, 0x24, 0), 0x40_3024);
}

#[test]
fn no_bytes_panic() {
    let mut noise = Mutation::new(0x5eed);
    let interesting = [0x66, 0x48, 0x4c, 0x8b, 0x8d, 0x3d, 0x05, 0xe8, 0xff, 0x15, 0x25, 0xd5, 0x03, 0x81, 0x10];
    for _ in 0..200_000 {
        let length = (noise.next() % 28) as usize;
        let mut section: Vec<u8> = (0..length)
            .map(|_| match noise.next() {
                value if value % 3 == 0 => value as u8,
                value => interesting[(value >> 8) as usize % interesting.len()],
            })
            .collect();
        let offset = match noise.next() % 64 {
            0 => noise.next() as usize,
            1 => usize::MAX - (noise.next() % 8) as usize,
            small => (small % 30) as usize,
        };
        let kind = (noise.next() % 54) as u32;
        let bits = noise.next();
        let facts = TargetFacts {
            ifunc: bits & 7 == 0,
            thread_local: bits & 8 != 0,
            absolute: bits & 0x70 == 0,
            undefined_weak: bits & 0x380 == 0,
        };
        let mode =
            Mode { position_independent: bits & 0x400 != 0, allocated: bits & 0x1800 != 0, relax: bits & 0x6000 != 0 };
        let addend = if bits & 0x8000 == 0 { -4 } else { noise.next() as i64 };
        let Ok(decision) = X86_64::decide(kind, facts, mode, &section, offset, addend) else { continue };
        let values = Values {
            symbol: noise.next() >> (bits >> 58),
            addend,
            place: noise.next() >> (bits >> 58),
            got_slot: noise.next(),
            got_base: noise.next(),
            thread_pointer: noise.next(),
            tls_start: noise.next(),
            size: noise.next(),
        };
        let before = section.clone();
        if X86_64::apply(decision.operation, &mut section, offset, &values).is_err() {
            assert_eq!(section, before, "a refusal changed the section");
        }
    }
}

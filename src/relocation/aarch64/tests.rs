//! Byte-exact tests. The expected instructions are what GNU as makes of the assembler that aaelf64 prescribes.

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

/// The symbol, taken as a variable, is 0x123456 above the thread pointer.
const VALUES: Values = Values {
    symbol: 0x40_4340,
    addend: 0,
    place: 0x40_0100,
    got_slot: 0x40_6010,
    got_base: 0x40_6000,
    thread_pointer: 0x40_4340 - 0x12_3456,
    tls_start: 0x40_4000,
    size: 0x18,
};

fn section(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Decides and applies; the section after it.
fn link(kind: u32, facts: TargetFacts, mode: Mode, words: &[u32], values: Values) -> Result<Vec<u8>, Refusal> {
    let mut section = section(words);
    let decision = Aarch64::decide(kind, facts, mode, &section, 0, values.addend)?;
    Aarch64::apply(decision.operation, &mut section, 0, &values)?;
    Ok(section)
}

fn need(kind: u32, facts: TargetFacts, mode: Mode) -> Result<Need, Refusal> {
    Aarch64::decide(kind, facts, mode, &[0; 16], 4, 0).map(|decision| decision.need)
}

#[test]
fn data_holds_the_value_of_the_table() {
    const ONES: u32 = u32::MAX;
    #[rustfmt::skip]
    let cases: [(u32, TargetFacts, i64, [u32; 2]); 18] = [
        (R_AARCH64_NONE, ORDINARY, 0, [ONES, ONES]),
        (R_AARCH64_NONE_WITHDRAWN, ORDINARY, 0, [ONES, ONES]),
        (R_AARCH64_ABS64, ORDINARY, 2, [0x40_4342, 0]),
        (R_AARCH64_ABS64, WEAK, -0x40_4341, [ONES, ONES]),
        (R_AARCH64_ABS32, ORDINARY, -0x40_4342, [0xffff_fffe, ONES]),
        (R_AARCH64_ABS32, ORDINARY, 0xff00_0000, [0xff40_4340, ONES]),
        (R_AARCH64_ABS16, ORDINARY, -0x40_0000, [0xffff_4340, ONES]),
        (R_AARCH64_PREL64, ORDINARY, -0x4241, [ONES, ONES]),
        (R_AARCH64_PREL32, ORDINARY, 1, [0x4241, ONES]),
        (R_AARCH64_PREL32, IFUNC, 1, [0x4241, ONES]),
        (R_AARCH64_PREL16, ORDINARY, 1, [0xffff_4241, ONES]),
        (R_AARCH64_PLT32, ORDINARY, -0x4240, [0, ONES]),
        (R_AARCH64_GOTPCREL32, ORDINARY, 4, [0x5f14, ONES]),
        (R_AARCH64_GOTREL64, ORDINARY, 0, [0xffff_e340, ONES]),
        (R_AARCH64_GOTREL32, ORDINARY, 0, [0xffff_e340, ONES]),
        (R_AARCH64_TLSLE_ADD_TPREL_HI12, VARIABLE, 0, [0xffc4_8fff, ONES]),
        (R_AARCH64_ADD_ABS_LO12_NC, ABSOLUTE, 1, [0xffcd_07ff, ONES]),
        (R_AARCH64_CALL26, ORDINARY, 4, [0xfc00_1091, ONES]),
    ];
    for (kind, facts, addend, expected) in cases {
        let linked = link(kind, facts, FIXED, &[ONES, ONES], Values { addend, ..VALUES });
        assert_eq!(linked, Ok(section(&expected)), "{}", Aarch64::type_name(kind).unwrap());
    }
}

#[test]
fn debug_information_takes_plain_values() {
    let debug_of_pie = Mode { position_independent: true, ..DEBUG };
    for (kind, facts, expected) in [
        (R_AARCH64_ABS64, ORDINARY, [0x40_4340, 0]),
        (R_AARCH64_ABS64, VARIABLE, [0x40_4340, 0]),
        (R_AARCH64_ABS32, ORDINARY, [0x40_4340, 9]),
        (R_AARCH64_TLS_DTPREL64, VARIABLE, [0x340, 0]),
    ] {
        assert_eq!(link(kind, facts, debug_of_pie, &[9, 9], VALUES), Ok(section(&expected)));
        assert_eq!(need(kind, facts, debug_of_pie), Ok(Need::Nothing));
    }
    assert_eq!(need(R_AARCH64_TLS_DTPREL64, VARIABLE, FIXED), Err(Refusal::DynamicOnly));
}

#[test]
fn what_does_not_fit_is_refused_and_left_alone() {
    let cases: &[(u32, TargetFacts, i64, i64)] = &[
        (R_AARCH64_ABS32, ORDINARY, -(1 << 31), (1 << 32) - 1),
        (R_AARCH64_ABS16, ORDINARY, -(1 << 15), (1 << 16) - 1),
        (R_AARCH64_PREL32, ORDINARY, -(1 << 31), (1 << 32) - 1),
        (R_AARCH64_PREL16, ORDINARY, -(1 << 15), (1 << 16) - 1),
        (R_AARCH64_PLT32, ORDINARY, -(1 << 31), (1 << 31) - 1),
        (R_AARCH64_CALL26, ORDINARY, -(1 << 27), (1 << 27) - 1),
        (R_AARCH64_JUMP26, ORDINARY, -(1 << 27), (1 << 27) - 1),
        (R_AARCH64_CONDBR19, ORDINARY, -(1 << 20), (1 << 20) - 1),
        (R_AARCH64_LD_PREL_LO19, ORDINARY, -(1 << 20), (1 << 20) - 1),
        (R_AARCH64_TSTBR14, ORDINARY, -(1 << 15), (1 << 15) - 1),
        (R_AARCH64_ADR_PREL_LO21, ORDINARY, -(1 << 20), (1 << 20) - 1),
        (R_AARCH64_ADR_PREL_PG_HI21, ORDINARY, -(1 << 32), (1 << 32) - 1),
        (R_AARCH64_MOVW_UABS_G0, ORDINARY, 0, (1 << 16) - 1),
        (R_AARCH64_MOVW_UABS_G1, ORDINARY, 0, (1 << 32) - 1),
        (R_AARCH64_MOVW_UABS_G2, ORDINARY, 0, (1 << 48) - 1),
        (R_AARCH64_MOVW_SABS_G0, ORDINARY, -(1 << 16), (1 << 16) - 1),
        (R_AARCH64_MOVW_SABS_G1, ORDINARY, -(1 << 32), (1 << 32) - 1),
        (R_AARCH64_MOVW_SABS_G2, ORDINARY, -(1 << 48), (1 << 48) - 1),
        (R_AARCH64_TLSLE_ADD_TPREL_HI12, VARIABLE, 0, (1 << 24) - 1),
        (R_AARCH64_TLSLE_ADD_TPREL_LO12, VARIABLE, 0, (1 << 12) - 1),
        (R_AARCH64_TLSLE_LDST8_TPREL_LO12, VARIABLE, 0, (1 << 12) - 1),
        (R_AARCH64_TLSLE_MOVW_TPREL_G1, VARIABLE, -(1 << 32), (1 << 32) - 1),
    ];
    for &(kind, facts, minimum, maximum) in cases {
        // Branches go to words, and adrp to pages.
        let step = match kind {
            R_AARCH64_ADR_PREL_PG_HI21 => 4096,
            R_AARCH64_CALL26 | R_AARCH64_JUMP26 | R_AARCH64_CONDBR19 | R_AARCH64_LD_PREL_LO19 | R_AARCH64_TSTBR14 => 4,
            _ => 1,
        };
        // One byte, for the symbol, is taken from the addend: 0 stands for a symbol that is not there.
        let at = |value: i64| {
            let values = Values { symbol: 1, addend: value - 1, place: 0, thread_pointer: 0, ..VALUES };
            link(kind, facts, FIXED, &[0, 0], values)
        };
        let name = Aarch64::type_name(kind).unwrap();
        assert!(at(minimum).is_ok(), "{name}");
        assert!(at(maximum + 1 - step).is_ok(), "{name}");
        for beyond in [minimum - step, maximum + 1] {
            let Err(Refusal::OutOfRange { value, .. }) = at(beyond) else { panic!("{name} takes {beyond:#x}") };
            assert_eq!(value, beyond.into());
        }
    }
}

#[test]
fn misaligned_values_are_refused() {
    for (kind, multiple) in [
        (R_AARCH64_CALL26, 4),
        (R_AARCH64_CONDBR19, 4),
        (R_AARCH64_TSTBR14, 4),
        (R_AARCH64_LD_PREL_LO19, 4),
        (R_AARCH64_LDST16_ABS_LO12_NC, 2),
        (R_AARCH64_LDST32_ABS_LO12_NC, 4),
        (R_AARCH64_LDST64_ABS_LO12_NC, 8),
        (R_AARCH64_LDST128_ABS_LO12_NC, 16),
    ] {
        let values = Values { addend: (multiple / 2) as i64, ..VALUES };
        let refusal = link(kind, ORDINARY, FIXED, &[0, 0], values).unwrap_err();
        assert!(matches!(refusal, Refusal::Misaligned { multiple: found, .. } if found == multiple), "{refusal:?}");
    }
    let odd = Values { got_slot: 0x40_6014, ..VALUES };
    let refusal = link(R_AARCH64_LD64_GOT_LO12_NC, ORDINARY, FIXED, &[0], odd).unwrap_err();
    assert_eq!(refusal, Refusal::Misaligned { value: 0x14, multiple: 8 });
}

#[test]
fn a_position_independent_image_moves_its_words() {
    assert_eq!(need(R_AARCH64_ABS64, ORDINARY, PIE), Ok(Need::DynamicRelative));
    assert_eq!(need(R_AARCH64_ABS64, ORDINARY, FIXED), Ok(Need::Nothing));
    assert_eq!(need(R_AARCH64_ABS64, ABSOLUTE, PIE), Ok(Need::Nothing));
    assert_eq!(need(R_AARCH64_ABS64, WEAK, PIE), Ok(Need::Nothing));
    assert_eq!(need(R_AARCH64_ABS64, IFUNC, PIE), Ok(Need::IfuncAddress));
    for kind in [R_AARCH64_ABS32, R_AARCH64_ABS16, R_AARCH64_MOVW_UABS_G0_NC, R_AARCH64_MOVW_SABS_G1] {
        assert_eq!(need(kind, ORDINARY, PIE), Err(Refusal::NeedsPositionIndependentCode));
        assert_eq!(need(kind, ABSOLUTE, PIE), Ok(Need::Nothing));
    }
    for kind in [R_AARCH64_PREL32, R_AARCH64_ADR_PREL_PG_HI21, R_AARCH64_ADR_PREL_LO21, R_AARCH64_CALL26] {
        assert_eq!(need(kind, ABSOLUTE, PIE), Err(Refusal::NeedsPositionIndependentCode));
    }
    assert_eq!(need(R_AARCH64_ADD_ABS_LO12_NC, ABSOLUTE, PIE), Ok(Need::Nothing));
}

#[test]
fn an_ifunc_is_its_stub() {
    for kind in [R_AARCH64_PREL32, R_AARCH64_ADR_PREL_PG_HI21, R_AARCH64_ADD_ABS_LO12_NC, R_AARCH64_CONDBR19] {
        assert_eq!(need(kind, IFUNC, PIE), Ok(Need::IfuncStub));
    }
    assert_eq!(need(R_AARCH64_ABS64, IFUNC, FIXED), Ok(Need::IfuncAddress));
    assert_eq!(need(R_AARCH64_CALL26, IFUNC, FIXED), Ok(Need::BranchReach));
    assert_eq!(need(R_AARCH64_ADR_GOT_PAGE, IFUNC, FIXED), Ok(Need::GotSlot));
}

#[test]
fn wrong_types_are_refused_by_their_reason() {
    for kind in R_AARCH64_COPY..=R_AARCH64_IRELATIVE {
        assert_eq!(need(kind, ORDINARY, FIXED), Err(Refusal::DynamicOnly));
    }
    for kind in [1, 255, 281, 298, 511, 574, 1033, u32::MAX] {
        assert_eq!(need(kind, ORDINARY, FIXED), Err(Refusal::UnknownType));
        assert_eq!(need(kind, VARIABLE, FIXED), Err(Refusal::UnknownType));
        assert_eq!(Aarch64::type_name(kind), None);
    }
    for kind in [R_AARCH64_ABS64, R_AARCH64_CALL26, R_AARCH64_ADR_GOT_PAGE] {
        assert_eq!(need(kind, VARIABLE, FIXED), Err(Refusal::ThreadLocalMismatch));
    }
    for kind in [R_AARCH64_TLSLE_ADD_TPREL_HI12, R_AARCH64_TLSDESC_CALL, R_AARCH64_TLSIE_LD64_GOTTPREL_LO12_NC] {
        assert_eq!(need(kind, ORDINARY, FIXED), Err(Refusal::ThreadLocalMismatch));
    }
    let decided = Aarch64::decide(R_AARCH64_ADR_GOT_PAGE, ORDINARY, FIXED, &[0; 4], 0, 8);
    assert_eq!(decided, Err(Refusal::SlotWithAddend));
    assert_eq!(Aarch64::type_name(R_AARCH64_CALL26), Some("R_AARCH64_CALL26"));
}

#[test]
fn every_type_that_has_a_name_is_decided() {
    for kind in 0..1024 {
        if name(kind).is_some() {
            for facts in [ORDINARY, VARIABLE] {
                assert_ne!(need(kind, facts, FIXED), Err(Refusal::UnknownType), "{:?}", name(kind));
            }
        }
    }
}

#[test]
fn fields_outside_of_the_section_are_refused() {
    for (kind, facts) in [(R_AARCH64_ABS64, ORDINARY), (R_AARCH64_CALL26, ORDINARY), (R_AARCH64_TLSDESC_CALL, VARIABLE)]
    {
        for offset in [5, 8, usize::MAX] {
            let mut section = [0; 8];
            let result = Aarch64::decide(kind, facts, FIXED, &section, offset, 0)
                .and_then(|decision| Aarch64::apply(decision.operation, &mut section, offset, &VALUES));
            assert_eq!(result, Err(Refusal::OutsideSection));
        }
    }
}

#[test]
fn stubs_and_thunks_jump_where_they_should() {
    let mut stub = [0; 16];
    Aarch64::write_ifunc_stub(&mut stub, 0x40_0ffc, 0x40_6018).unwrap();
    // bti c; adrp x16, 0x406000 (from the page 0x401000); ldr x17, [x16, #0x18]; br x17
    assert_eq!(stub.to_vec(), section(&[0xd503_245f, 0xb000_0030, 0xf940_0e11, 0xd61f_0220]));
    assert!(matches!(Aarch64::write_ifunc_stub(&mut stub, 0, 1 << 33), Err(Refusal::OutOfRange { .. })));
    assert!(matches!(Aarch64::write_ifunc_stub(&mut stub, 0, 12), Err(Refusal::Misaligned { .. })));
    let mut thunk = [0; 12];
    Aarch64::write_thunk(&mut thunk, 0x40_0100, 0x1040_0abc).unwrap();
    // adrp x16, 0x10400000; add x16, x16, #0xabc; br x16
    assert_eq!(thunk.to_vec(), section(&[0x9008_0010, 0x912a_f210, 0xd61f_0200]));
    Aarch64::write_thunk(&mut thunk, 0x1040_0000, 0x40_0000).unwrap();
    assert_eq!(thunk.to_vec(), section(&[0x90f8_0010, 0x9100_0210, 0xd61f_0200]));
    assert_eq!(Aarch64::write_thunk(&mut thunk[..8], 0, 0), Err(Refusal::OutsideSection));
}

#[test]
fn the_thread_pointer_lies_before_the_block() {
    assert_eq!(Aarch64::thread_pointer(0x40_4000, 0x24, 8), 0x40_3ff0);
    assert_eq!(Aarch64::thread_pointer(0x40_4000, 0x24, 16), 0x40_3ff0);
    assert_eq!(Aarch64::thread_pointer(0x40_4000, 0x24, 64), 0x40_3fc0);
    assert_eq!(Aarch64::thread_pointer(0x40_4008, 0x24, 64), 0x40_3fc0);
    assert_eq!(Aarch64::thread_pointer(0x40_4000, 0x24, 0), 0x40_3ff0);
}

#[test]
fn no_bytes_panic() {
    let mut noise = Mutation::new(0x5eed);
    let interesting = [0x9000_0000u32, 0x1000_0000, 0xf940_0000, 0x9100_0000, 0x9400_0000, 0xd503_201f, 0xd63f_0020];
    for _ in 0..200_000 {
        let words: Vec<u32> = (0..noise.next() % 5)
            .map(|_| match noise.next() {
                value if value % 3 == 0 => value as u32,
                value => interesting[(value >> 8) as usize % interesting.len()],
            })
            .collect();
        let mut section = section(&words);
        section.truncate(section.len() - (noise.next() % 8 / 6) as usize * usize::from(!words.is_empty()));
        let offset = match noise.next() % 64 {
            0 => noise.next() as usize,
            1 => usize::MAX - (noise.next() % 8) as usize,
            small => (small % 22) as usize,
        };
        let kind = match noise.next() % 3 {
            0 => 255 + (noise.next() % 64) as u32,
            1 => 510 + (noise.next() % 66) as u32,
            _ => (noise.next() % 1040) as u32,
        };
        let bits = noise.next();
        let facts = TargetFacts {
            ifunc: bits & 7 == 0,
            thread_local: bits & 8 != 0,
            absolute: bits & 0x70 == 0,
            undefined_weak: bits & 0x380 == 0,
        };
        let mode =
            Mode { position_independent: bits & 0x400 != 0, allocated: bits & 0x1800 != 0, relax: bits & 0x6000 != 0 };
        let addend = if bits & 0x8000 == 0 { 0 } else { noise.next() as i64 };
        let values = Values {
            symbol: noise.next() >> (bits >> 58),
            addend,
            place: noise.next() >> (bits >> 58),
            got_slot: noise.next() & !7,
            got_base: noise.next(),
            thread_pointer: noise.next() >> (bits >> 58),
            tls_start: noise.next(),
            size: noise.next(),
        };
        let pair = Aarch64::decide_pair(kind, kind + 1, facts, mode, &section, offset);
        let decided = Aarch64::decide(kind, facts, mode, &section, offset, addend);
        for decision in pair.into_iter().chain(decided) {
            let before = section.clone();
            if Aarch64::apply(decision.operation, &mut section, offset, &values).is_err() {
                assert_eq!(section, before, "a refusal changed the section");
            }
        }
    }
}

//! Deciding and applying a million relocations, in the mix of a large program, from one thread. The scan pays for
//! the first, the write for both.

use cgolink::relocation::aarch64::Aarch64;
use cgolink::relocation::x86_64::X86_64;
use cgolink::relocation::{Machine, Mode, TargetFacts, Values};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use object::elf::*;

const COUNT: usize = 1_000_000;
const MODE: Mode = Mode { position_independent: false, allocated: true, relax: true };
const ORDINARY: TargetFacts = TargetFacts { ifunc: false, thread_local: false, absolute: false, undefined_weak: false };

fn main() {
    divan::main();
}

struct Relocation {
    kind: u32,
    facts: TargetFacts,
    offset: usize,
    addend: i64,
}

struct Work {
    section: Vec<u8>,
    relocations: Vec<Relocation>,
}

/// One line of a mix: type, how many in a hundred, whether the symbol is thread-local, addend, bytes and where the field is.
type Share = (u32, usize, bool, i64, &'static [u8], usize);

fn work(mix: &[Share]) -> Work {
    let deck: Vec<&Share> = mix.iter().flat_map(|share| std::iter::repeat_n(share, share.1)).collect();
    let mut work = Work { section: vec![0; 16], relocations: Vec::with_capacity(COUNT) };
    let mut state = 1u64;
    for _ in 0..COUNT {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let &&(kind, _, thread_local, addend, code, field) = &deck[(state >> 33) as usize % deck.len()];
        let facts = TargetFacts { thread_local, ..ORDINARY };
        work.relocations.push(Relocation { kind, facts, offset: work.section.len() + field, addend });
        work.section.extend_from_slice(code);
        // Instructions of A64 stand on multiples of 4.
        work.section.resize((work.section.len() + 16).next_multiple_of(8), 0);
    }
    work.section.resize(work.section.len() + 16, 0);
    work
}

fn amd64() -> Work {
    work(&[
        (R_X86_64_PC32, 34, false, -4, &[0x48, 0x8d, 0x05, 0, 0, 0, 0], 3),
        (R_X86_64_PLT32, 38, false, -4, &[0xe8, 0, 0, 0, 0], 1),
        (R_X86_64_64, 14, false, 0, &[0; 8], 0),
        (R_X86_64_32S, 5, false, 0, &[0; 4], 0),
        (R_X86_64_REX_GOTPCRELX, 5, false, -4, &[0x48, 0x8b, 0x05, 0, 0, 0, 0], 3),
        (R_X86_64_GOTPCRELX, 2, false, -4, &[0xff, 0x15, 0, 0, 0, 0], 2),
        (R_X86_64_TPOFF32, 1, true, 0, &[0; 4], 0),
        (R_X86_64_GOTTPOFF, 1, true, -4, &[0x48, 0x8b, 0x05, 0, 0, 0, 0], 3),
    ])
}

fn arm64() -> Work {
    work(&[
        (R_AARCH64_CALL26, 30, false, 0, &[0, 0, 0, 0x94], 0),
        (R_AARCH64_JUMP26, 3, false, 0, &[0, 0, 0, 0x14], 0),
        (R_AARCH64_ADR_PREL_PG_HI21, 22, false, 0, &[0, 0, 0, 0x90], 0),
        (R_AARCH64_ADD_ABS_LO12_NC, 17, false, 0, &[0, 0, 0, 0x91], 0),
        (R_AARCH64_LDST64_ABS_LO12_NC, 6, false, 0, &[0, 0, 0x40, 0xf9], 0),
        (R_AARCH64_LDST32_ABS_LO12_NC, 3, false, 0, &[0, 0, 0x40, 0xb9], 0),
        (R_AARCH64_ABS64, 10, false, 0, &[0; 8], 0),
        (R_AARCH64_PREL32, 3, false, 0, &[0; 4], 0),
        (R_AARCH64_ADR_GOT_PAGE, 2, false, 0, &[0, 0, 0, 0x90], 0),
        (R_AARCH64_LD64_GOT_LO12_NC, 2, false, 0, &[0, 0, 0x40, 0xf9], 0),
        (R_AARCH64_TLSLE_ADD_TPREL_HI12, 1, true, 0, &[0, 0, 0x40, 0x91], 0),
        (R_AARCH64_TLSLE_ADD_TPREL_LO12_NC, 1, true, 0, &[0, 0, 0, 0x91], 0),
    ])
}

fn decide_all<M: Machine>(bencher: Bencher, work: Work) {
    bencher.counter(ItemsCount::new(COUNT)).bench_local(|| {
        let mut needs = 0usize;
        for relocation in &work.relocations {
            let Relocation { kind, facts, offset, addend } = *relocation;
            let decision = M::decide(kind, facts, MODE, &work.section, offset, addend).expect("a type of the mix");
            needs += decision.need as usize;
        }
        black_box(needs)
    });
}

fn link_all<M: Machine>(bencher: Bencher, work: Work) {
    // The rewritten instructions stay rewritten, so each round takes a copy, as the link does.
    let mut output = work.section.clone();
    bencher.counter(ItemsCount::new(COUNT)).bench_local(|| {
        output.copy_from_slice(&work.section);
        for relocation in &work.relocations {
            let Relocation { kind, facts, offset, addend } = *relocation;
            let decision = M::decide(kind, facts, MODE, &work.section, offset, addend).expect("a type of the mix");
            let values = Values {
                symbol: 0x60_0000 + (offset as u64 & !15),
                addend,
                place: 0x40_0000 + offset as u64,
                got_slot: 0x50_0000,
                got_base: 0x50_0000,
                thread_pointer: 0x40_0000,
                tls_start: 0x60_0000,
                size: 8,
            };
            let symbol = if facts.thread_local { 0x40_1000 } else { values.symbol };
            let values = Values { symbol, ..values };
            M::apply(decision.operation, &mut output, offset, &values).expect("a value that fits");
        }
        black_box(output.len())
    });
}

#[divan::bench]
fn decide_x86_64(bencher: Bencher) {
    decide_all::<X86_64>(bencher, amd64());
}

#[divan::bench]
fn decide_and_apply_x86_64(bencher: Bencher) {
    link_all::<X86_64>(bencher, amd64());
}

#[divan::bench]
fn decide_aarch64(bencher: Bencher) {
    decide_all::<Aarch64>(bencher, arm64());
}

#[divan::bench]
fn decide_and_apply_aarch64(bencher: Bencher) {
    link_all::<Aarch64>(bencher, arm64());
}

//! Relocations of the Arm 64-bit architecture, after "ELF for the Arm 64-bit Architecture" (aaelf64), chapter
//! "Relocation".
//!
//! An address takes two instructions: `adrp` gives the page, relative to the instruction's own page, and the low 12 bits
//! are an immediate of the instruction that follows. Both are patched apart, and the low part is scaled by the size
//! of a load, hence the alignment checks. Calls reach 128 MiB ([`Need::BranchReach`]); what lies farther is reached
//! through a thunk, which may change x16 and x17 only (AAPCS64, "Use of IP0 and IP1 by the linker").
//!
//! * **GOT loads.** `adrp` and `ldr` of a slot may become `adrp` and `add` of the address (aaelf64, "Relaxation") if it is
//!   proven that the two belong together: [`Machine::decide_pair`]. Alone, neither tells where the other is, and the slot
//!   stays.
//! * **Weak undefined** symbols: a branch to one has no effect (aaelf64, "Weak references"), so it becomes `nop`.
//! * **TLS** is the matter of [`tls`].
//!
//! An IFUNC has one address in the program: its stub's. Calls go there, slots and words hold it.

use super::field::write;
use super::{Decision, Machine, Mode, Need, Refusal, TargetFacts, Values};

pub mod instructions;
pub mod tls;
mod types;

#[cfg(test)]
mod tests;

use instructions::Encoding;
use types::*;

/// The instruction set A64.
#[derive(Clone, Copy, Debug)]
pub struct Aarch64;

/// What a field's value is computed from. The letters are aaelf64's; see [`Values`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Formula {
    /// `S + A`
    Absolute,
    /// `S + A - P`
    Relative,
    /// `Page(S + A) - Page(P)`
    PageRelative,
    /// `G(GDAT(S))`: the slot's address.
    Slot,
    /// `G(GDAT(S)) + A - P`
    SlotRelative,
    /// `Page(G(GDAT(S))) - Page(P)`
    SlotPageRelative,
    /// `G(GDAT(S)) - GOT`
    SlotInTable,
    /// `G(GDAT(S)) - Page(GOT)`
    SlotInPages,
    /// `S + A - GOT`
    InTable,
    /// `S + A - TP`
    ThreadOffset,
    /// `S + A` from the start of PT_TLS.
    BlockOffset,
}

/// What is done at a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// Nothing.
    Nothing,
    /// A value in a field.
    Field(Formula, Encoding),
    /// A branch to nowhere becomes `nop`.
    NoBranch,
    /// `adrp` and `ldr` of a GOT slot become `adrp` and `add` of the address.
    LoadAddress,
    /// A thread-local access that becomes local exec.
    ThreadLocal(tls::Sequence),
}

type Decided = Result<Decision<Operation>, Refusal>;

#[inline(always)]
fn field(formula: Formula, encoding: Encoding, need: Need) -> Decided {
    Ok(Decision { operation: Operation::Field(formula, encoding), need, consumes_next: false })
}

impl Machine for Aarch64 {
    type Operation = Operation;

    #[inline]
    fn decide(kind: u32, facts: TargetFacts, mode: Mode, section: &[u8], offset: usize, addend: i64) -> Decided {
        // The types that make up nearly all of a program and its debug information, against ordinary symbols.
        if facts == TargetFacts::default() {
            match kind {
                R_AARCH64_CALL26 | R_AARCH64_JUMP26 => {
                    return field(Formula::Relative, Encoding::Branch, Need::BranchReach);
                }
                R_AARCH64_ADR_PREL_PG_HI21 => return field(Formula::PageRelative, Encoding::Adrp, Need::Nothing),
                R_AARCH64_ADD_ABS_LO12_NC => return field(Formula::Absolute, Encoding::AddLow, Need::Nothing),
                R_AARCH64_LDST64_ABS_LO12_NC => return field(Formula::Absolute, Encoding::LoadLow(3), Need::Nothing),
                R_AARCH64_LDST32_ABS_LO12_NC => return field(Formula::Absolute, Encoding::LoadLow(2), Need::Nothing),
                R_AARCH64_LDST8_ABS_LO12_NC => return field(Formula::Absolute, Encoding::LoadLow(0), Need::Nothing),
                R_AARCH64_ABS64 => {
                    let moves = mode.position_independent && mode.allocated;
                    let need = if moves { Need::DynamicRelative } else { Need::Nothing };
                    return field(Formula::Absolute, Encoding::Word64, need);
                }
                R_AARCH64_PREL32 => return field(Formula::Relative, Encoding::Either32, Need::Nothing),
                R_AARCH64_ABS32 if !(mode.position_independent && mode.allocated) => {
                    return field(Formula::Absolute, Encoding::Either32, Need::Nothing);
                }
                _ => {}
            }
        }
        decide_other(kind, facts, mode, section, offset, addend)
    }

    #[inline]
    fn begins_pair(kind: u32) -> bool {
        kind == R_AARCH64_ADR_GOT_PAGE
    }

    /// `adrp xN, :got:x; ldr xN, [xN, :got_lo12:x]`. As both name the same register, nothing else can read the page.
    fn decide_pair(
        kind: u32,
        next: u32,
        facts: TargetFacts,
        mode: Mode,
        section: &[u8],
        offset: usize,
    ) -> Option<Decision<Operation>> {
        let plain = !facts.absolute && !facts.undefined_weak && !facts.thread_local;
        if kind != R_AARCH64_ADR_GOT_PAGE || next != R_AARCH64_LD64_GOT_LO12_NC || !mode.relax || !plain {
            return None;
        }
        let page = instructions::word(section, offset).ok()?;
        let load = instructions::word(section, offset.checked_add(4)?).ok()?;
        let register = instructions::destination(page);
        let fits = instructions::is_adrp(page)
            && instructions::is_load64(load)
            && instructions::base(load) == register
            && instructions::destination(load) == register;
        fits.then_some(Decision { operation: Operation::LoadAddress, need: direct(facts, mode), consumes_next: true })
    }

    #[inline]
    fn apply(operation: Operation, section: &mut [u8], offset: usize, values: &Values) -> Result<(), Refusal> {
        match operation {
            Operation::Field(formula, encoding) => {
                instructions::store(encoding, evaluate(formula, values), section, offset)
            }
            Operation::Nothing => Ok(()),
            Operation::NoBranch => write(section, offset, instructions::NOP.to_le_bytes()),
            Operation::LoadAddress => apply_load_address(section, offset, values),
            Operation::ThreadLocal(sequence) => tls::apply(sequence, section, offset, values),
        }
    }

    #[inline]
    fn is_none(kind: u32) -> bool {
        matches!(kind, R_AARCH64_NONE | R_AARCH64_NONE_WITHDRAWN)
    }

    fn type_name(kind: u32) -> Option<&'static str> {
        name(kind)
    }

    const RELATIVE: u32 = R_AARCH64_RELATIVE;
    const IRELATIVE: u32 = R_AARCH64_IRELATIVE;

    const IFUNC_STUB_SIZE: usize = 16;

    /// The slot is aligned to 8. `bti c` lets an indirect call land here on machines that check it, and is `nop` on others.
    fn write_ifunc_stub(stub: &mut [u8], address: u64, slot: u64) -> Result<(), Refusal> {
        if !slot.is_multiple_of(8) {
            return Err(Refusal::Misaligned { value: slot, multiple: 8 });
        }
        let code = [
            0xd503_245f,                                            // bti  c
            instructions::adrp(16, address.wrapping_add(4), slot)?, // adrp x16, slot
            0xf940_0211 | ((slot as u32 & 0xfff) >> 3) << 10,       // ldr  x17, [x16, :lo12:slot]
            0xd61f_0220,                                            // br   x17
        ];
        write_words(stub, code)
    }

    const THUNK_SIZE: usize = 12;
    const BRANCH_REACH: u64 = 1 << 27;

    fn write_thunk(thunk: &mut [u8], address: u64, target: u64) -> Result<(), Refusal> {
        let code = [
            instructions::adrp(16, address, target)?, // adrp x16, target
            instructions::add_low(16, 16, target),    // add  x16, x16, :lo12:target
            0xd61f_0200,                              // br   x16
        ];
        write_words(thunk, code)
    }

    /// Variant I (AAPCS64 TLS ABI): 16 bytes before the block, and as many more as keep the block's alignment.
    /// `tls_align` is a power of two or 0.
    fn thread_pointer(tls_start: u64, _tls_size: u64, tls_align: u64) -> u64 {
        let header = tls_start.wrapping_sub(16);
        header.wrapping_sub(header & tls_align.max(1).wrapping_sub(1))
    }
}

fn write_words<const N: usize>(out: &mut [u8], words: [u32; N]) -> Result<(), Refusal> {
    let out = out.get_mut(..4 * N).ok_or(Refusal::OutsideSection)?;
    out.chunks_exact_mut(4).zip(words).for_each(|(place, word)| place.copy_from_slice(&word.to_le_bytes()));
    Ok(())
}

/// All types, for all targets.
fn decide_other(kind: u32, facts: TargetFacts, mode: Mode, section: &[u8], offset: usize, addend: i64) -> Decided {
    if matches!(kind, R_AARCH64_NONE | R_AARCH64_NONE_WITHDRAWN) {
        return Ok(Decision { operation: Operation::Nothing, need: Need::Nothing, consumes_next: false });
    }
    if let Some(decided) = decide_thread_local(kind, facts, mode, section, offset, addend) {
        return decided;
    }
    match kind {
        R_AARCH64_COPY
        | R_AARCH64_GLOB_DAT
        | R_AARCH64_JUMP_SLOT
        | R_AARCH64_RELATIVE
        | R_AARCH64_TLS_DTPMOD64
        | R_AARCH64_TLS_DTPREL64
        | R_AARCH64_TLS_TPREL64
        | R_AARCH64_TLSDESC
        | R_AARCH64_IRELATIVE => return Err(Refusal::DynamicOnly),
        _ if name(kind).is_none() => return Err(Refusal::UnknownType),
        _ if facts.thread_local && mode.allocated => return Err(Refusal::ThreadLocalMismatch),
        _ => {}
    }
    decide_branch(kind, facts, mode)
        .or_else(|| decide_absolute(kind, facts, mode))
        .or_else(|| decide_relative(kind, facts, mode))
        .or_else(|| decide_slot(kind, addend))
        .unwrap_or(Err(Refusal::UnknownType))
}

/// The address of an IFUNC is that of its stub, in the image; debug information takes what there is.
fn direct(facts: TargetFacts, mode: Mode) -> Need {
    if facts.ifunc && mode.allocated { Need::IfuncStub } else { Need::Nothing }
}

/// The distance to a symbol with a fixed value changes with the load address. A weak undefined one is tolerated: code
/// that takes its address this way tests it.
fn require_moving(facts: TargetFacts, mode: Mode) -> Result<(), Refusal> {
    let fixed = facts.absolute && !facts.undefined_weak;
    if mode.position_independent && mode.allocated && fixed {
        Err(Refusal::NeedsPositionIndependentCode)
    } else {
        Ok(())
    }
}

/// Direct branches; `None` for any other type.
fn decide_branch(kind: u32, facts: TargetFacts, mode: Mode) -> Option<Decided> {
    let (encoding, need) = match kind {
        R_AARCH64_CALL26 | R_AARCH64_JUMP26 => (Encoding::Branch, Need::BranchReach),
        R_AARCH64_CONDBR19 => (Encoding::Literal, direct(facts, mode)),
        R_AARCH64_TSTBR14 => (Encoding::TestBranch, direct(facts, mode)),
        _ => return None,
    };
    if facts.undefined_weak {
        return Some(Ok(Decision { operation: Operation::NoBranch, need: Need::Nothing, consumes_next: false }));
    }
    Some(require_moving(facts, mode).and_then(|()| field(Formula::Relative, encoding, need)))
}

/// Absolute addresses, whole and in parts; `None` for any other type.
fn decide_absolute(kind: u32, facts: TargetFacts, mode: Mode) -> Option<Decided> {
    let direct = direct(facts, mode);
    let moves = mode.position_independent && mode.allocated && !facts.absolute && !facts.undefined_weak;
    let encoding = match kind {
        R_AARCH64_ABS64 => {
            let need = match (facts.ifunc && mode.allocated, moves) {
                (true, _) => Need::IfuncAddress,
                (false, true) => Need::DynamicRelative,
                (false, false) => Need::Nothing,
            };
            return Some(field(Formula::Absolute, Encoding::Word64, need));
        }
        // Pages do not change their inside when an image moves.
        R_AARCH64_ADD_ABS_LO12_NC => return Some(field(Formula::Absolute, Encoding::AddLow, direct)),
        R_AARCH64_LDST8_ABS_LO12_NC => return Some(field(Formula::Absolute, Encoding::LoadLow(0), direct)),
        R_AARCH64_LDST16_ABS_LO12_NC => return Some(field(Formula::Absolute, Encoding::LoadLow(1), direct)),
        R_AARCH64_LDST32_ABS_LO12_NC => return Some(field(Formula::Absolute, Encoding::LoadLow(2), direct)),
        R_AARCH64_LDST64_ABS_LO12_NC => return Some(field(Formula::Absolute, Encoding::LoadLow(3), direct)),
        R_AARCH64_LDST128_ABS_LO12_NC => return Some(field(Formula::Absolute, Encoding::LoadLow(4), direct)),
        R_AARCH64_ABS32 => Encoding::Either32,
        R_AARCH64_ABS16 => Encoding::Either16,
        R_AARCH64_MOVW_UABS_G0 => Encoding::Move(0),
        R_AARCH64_MOVW_UABS_G0_NC => Encoding::MovePart(0),
        R_AARCH64_MOVW_UABS_G1 => Encoding::Move(1),
        R_AARCH64_MOVW_UABS_G1_NC => Encoding::MovePart(1),
        R_AARCH64_MOVW_UABS_G2 => Encoding::Move(2),
        R_AARCH64_MOVW_UABS_G2_NC => Encoding::MovePart(2),
        R_AARCH64_MOVW_UABS_G3 => Encoding::MovePart(3),
        R_AARCH64_MOVW_SABS_G0 => Encoding::MoveSigned(0),
        R_AARCH64_MOVW_SABS_G1 => Encoding::MoveSigned(1),
        R_AARCH64_MOVW_SABS_G2 => Encoding::MoveSigned(2),
        _ => return None,
    };
    Some(match moves {
        true => Err(Refusal::NeedsPositionIndependentCode),
        false => field(Formula::Absolute, encoding, direct),
    })
}

/// Distances; `None` for any other type.
fn decide_relative(kind: u32, facts: TargetFacts, mode: Mode) -> Option<Decided> {
    let direct = direct(facts, mode);
    let encoding = match kind {
        R_AARCH64_ADR_PREL_PG_HI21 | R_AARCH64_ADR_PREL_PG_HI21_NC => {
            let checked = kind == R_AARCH64_ADR_PREL_PG_HI21;
            let encoding = if checked { Encoding::Adrp } else { Encoding::AdrpUnchecked };
            let moving = require_moving(facts, mode);
            return Some(moving.and_then(|()| field(Formula::PageRelative, encoding, direct)));
        }
        R_AARCH64_GOTREL64 => return Some(field(Formula::InTable, Encoding::Word64, direct)),
        R_AARCH64_GOTREL32 => return Some(field(Formula::InTable, Encoding::Either32, direct)),
        R_AARCH64_PREL64 => Encoding::Word64,
        R_AARCH64_PREL32 => Encoding::Either32,
        R_AARCH64_PLT32 => Encoding::Signed32,
        R_AARCH64_PREL16 => Encoding::Either16,
        R_AARCH64_LD_PREL_LO19 => Encoding::Literal,
        R_AARCH64_ADR_PREL_LO21 => Encoding::Adr,
        R_AARCH64_MOVW_PREL_G0 => Encoding::MoveSigned(0),
        R_AARCH64_MOVW_PREL_G0_NC => Encoding::MovePart(0),
        R_AARCH64_MOVW_PREL_G1 => Encoding::MoveSigned(1),
        R_AARCH64_MOVW_PREL_G1_NC => Encoding::MovePart(1),
        R_AARCH64_MOVW_PREL_G2 => Encoding::MoveSigned(2),
        R_AARCH64_MOVW_PREL_G2_NC => Encoding::MovePart(2),
        R_AARCH64_MOVW_PREL_G3 => Encoding::MoveSigned(3),
        _ => return None,
    };
    Some(require_moving(facts, mode).and_then(|()| field(Formula::Relative, encoding, direct)))
}

/// GOT slots; `None` for any other type.
fn decide_slot(kind: u32, addend: i64) -> Option<Decided> {
    let (formula, encoding) = match kind {
        R_AARCH64_GOTPCREL32 => return Some(field(Formula::SlotRelative, Encoding::Signed32, Need::GotSlot)),
        R_AARCH64_ADR_GOT_PAGE => (Formula::SlotPageRelative, Encoding::Adrp),
        R_AARCH64_LD64_GOT_LO12_NC => (Formula::Slot, Encoding::LoadLow(3)),
        R_AARCH64_LD64_GOTPAGE_LO15 => (Formula::SlotInPages, Encoding::Load15),
        R_AARCH64_LD64_GOTOFF_LO15 => (Formula::SlotInTable, Encoding::Load15),
        R_AARCH64_GOT_LD_PREL19 => (Formula::SlotRelative, Encoding::Literal),
        R_AARCH64_MOVW_GOTOFF_G0 => (Formula::SlotInTable, Encoding::MoveSigned(0)),
        R_AARCH64_MOVW_GOTOFF_G0_NC => (Formula::SlotInTable, Encoding::MovePart(0)),
        R_AARCH64_MOVW_GOTOFF_G1 => (Formula::SlotInTable, Encoding::MoveSigned(1)),
        R_AARCH64_MOVW_GOTOFF_G1_NC => (Formula::SlotInTable, Encoding::MovePart(1)),
        R_AARCH64_MOVW_GOTOFF_G2 => (Formula::SlotInTable, Encoding::MoveSigned(2)),
        R_AARCH64_MOVW_GOTOFF_G2_NC => (Formula::SlotInTable, Encoding::MovePart(2)),
        R_AARCH64_MOVW_GOTOFF_G3 => (Formula::SlotInTable, Encoding::MoveSigned(3)),
        _ => return None,
    };
    // The slot would hold S + A, and slots belong to symbols.
    Some(if addend == 0 { field(formula, encoding, Need::GotSlot) } else { Err(Refusal::SlotWithAddend) })
}

/// The thread-local types; `None` for any other.
fn decide_thread_local(
    kind: u32,
    facts: TargetFacts,
    mode: Mode,
    section: &[u8],
    offset: usize,
    addend: i64,
) -> Option<Decided> {
    let block = matches!(kind, R_AARCH64_TLSLD_ADR_PREL21..=R_AARCH64_TLSLD_LD_PREL19);
    match kind {
        R_AARCH64_TLS_DTPREL64 if !mode.allocated => {
            return Some(field(Formula::BlockOffset, Encoding::Word64, Need::Nothing));
        }
        R_AARCH64_TLSGD_ADR_PREL21..=R_AARCH64_TLSLD_LDST128_DTPREL_LO12_NC => {}
        _ => return None,
    }
    // A module's block is asked for through any symbol, even none; the other types name a variable. What is undefined
    // carries no type.
    if !block && !facts.thread_local && !facts.undefined_weak && mode.allocated {
        return Some(Err(Refusal::ThreadLocalMismatch));
    }
    if let Some(decided) = tls::decide(kind, section, offset) {
        return Some(decided);
    }
    let slot = match kind {
        R_AARCH64_TLSIE_LD_GOTTPREL_PREL19 => Some((Formula::SlotRelative, Encoding::Literal)),
        R_AARCH64_TLSIE_MOVW_GOTTPREL_G1 => Some((Formula::SlotInTable, Encoding::MoveSigned(1))),
        R_AARCH64_TLSIE_MOVW_GOTTPREL_G0_NC => Some((Formula::SlotInTable, Encoding::MovePart(0))),
        _ => None,
    };
    if let Some((formula, encoding)) = slot {
        return Some(match addend {
            0 => field(formula, encoding, Need::GotTpOffset),
            _ => Err(Refusal::SlotWithAddend),
        });
    }
    Some(match thread_offset_encoding(kind) {
        Some(encoding) => field(Formula::ThreadOffset, encoding, Need::Nothing),
        None if name(kind).is_some() => Err(Refusal::UnexpectedInstructions("adrp x0; add x0, x0; bl __tls_get_addr")),
        None => Err(Refusal::UnknownType),
    })
}

/// How the types that take part of an offset store it. The offsets in the module's block (DTPREL) are added to what the
/// local dynamic sequence yields, and that is now the thread pointer, so both kinds are the same.
fn thread_offset_encoding(kind: u32) -> Option<Encoding> {
    Some(match kind {
        R_AARCH64_TLSLE_MOVW_TPREL_G2 | R_AARCH64_TLSLD_MOVW_DTPREL_G2 => Encoding::MoveSigned(2),
        R_AARCH64_TLSLE_MOVW_TPREL_G1 | R_AARCH64_TLSLD_MOVW_DTPREL_G1 => Encoding::MoveSigned(1),
        R_AARCH64_TLSLE_MOVW_TPREL_G1_NC | R_AARCH64_TLSLD_MOVW_DTPREL_G1_NC => Encoding::MovePart(1),
        R_AARCH64_TLSLE_MOVW_TPREL_G0 | R_AARCH64_TLSLD_MOVW_DTPREL_G0 => Encoding::MoveSigned(0),
        R_AARCH64_TLSLE_MOVW_TPREL_G0_NC | R_AARCH64_TLSLD_MOVW_DTPREL_G0_NC => Encoding::MovePart(0),
        R_AARCH64_TLSLE_ADD_TPREL_HI12 | R_AARCH64_TLSLD_ADD_DTPREL_HI12 => Encoding::AddHigh,
        R_AARCH64_TLSLE_ADD_TPREL_LO12 | R_AARCH64_TLSLD_ADD_DTPREL_LO12 => Encoding::AddAll,
        R_AARCH64_TLSLE_ADD_TPREL_LO12_NC | R_AARCH64_TLSLD_ADD_DTPREL_LO12_NC => Encoding::AddLow,
        R_AARCH64_TLSLE_LDST8_TPREL_LO12 | R_AARCH64_TLSLD_LDST8_DTPREL_LO12 => Encoding::LoadAll(0),
        R_AARCH64_TLSLE_LDST8_TPREL_LO12_NC | R_AARCH64_TLSLD_LDST8_DTPREL_LO12_NC => Encoding::LoadLow(0),
        R_AARCH64_TLSLE_LDST16_TPREL_LO12 | R_AARCH64_TLSLD_LDST16_DTPREL_LO12 => Encoding::LoadAll(1),
        R_AARCH64_TLSLE_LDST16_TPREL_LO12_NC | R_AARCH64_TLSLD_LDST16_DTPREL_LO12_NC => Encoding::LoadLow(1),
        R_AARCH64_TLSLE_LDST32_TPREL_LO12 | R_AARCH64_TLSLD_LDST32_DTPREL_LO12 => Encoding::LoadAll(2),
        R_AARCH64_TLSLE_LDST32_TPREL_LO12_NC | R_AARCH64_TLSLD_LDST32_DTPREL_LO12_NC => Encoding::LoadLow(2),
        R_AARCH64_TLSLE_LDST64_TPREL_LO12 | R_AARCH64_TLSLD_LDST64_DTPREL_LO12 => Encoding::LoadAll(3),
        R_AARCH64_TLSLE_LDST64_TPREL_LO12_NC | R_AARCH64_TLSLD_LDST64_DTPREL_LO12_NC => Encoding::LoadLow(3),
        R_AARCH64_TLSLE_LDST128_TPREL_LO12 | R_AARCH64_TLSLD_LDST128_DTPREL_LO12 => Encoding::LoadAll(4),
        R_AARCH64_TLSLE_LDST128_TPREL_LO12_NC | R_AARCH64_TLSLD_LDST128_DTPREL_LO12_NC => Encoding::LoadLow(4),
        _ => return None,
    })
}

/// The distance between the pages of two addresses, in bytes.
#[inline(always)]
fn pages(target: u64, place: u64) -> i64 {
    (target & !0xfff).wrapping_sub(place & !0xfff) as i64
}

/// A formula's value, in wrapping 64-bit arithmetic.
#[inline]
fn evaluate(formula: Formula, values: &Values) -> i64 {
    let Values { symbol, addend, place, got_slot, got_base, tls_start, .. } = *values;
    let address = symbol.wrapping_add_signed(addend);
    match formula {
        Formula::Absolute => address as i64,
        Formula::Relative => address.wrapping_sub(place) as i64,
        Formula::PageRelative => pages(address, place),
        Formula::Slot => got_slot as i64,
        Formula::SlotRelative => got_slot.wrapping_add_signed(addend).wrapping_sub(place) as i64,
        Formula::SlotPageRelative => pages(got_slot, place),
        Formula::SlotInTable => got_slot.wrapping_sub(got_base) as i64,
        Formula::SlotInPages => got_slot.wrapping_sub(got_base & !0xfff) as i64,
        Formula::InTable => address.wrapping_sub(got_base) as i64,
        Formula::ThreadOffset => tls::thread_offset(values),
        Formula::BlockOffset if symbol == 0 => addend,
        Formula::BlockOffset => address.wrapping_sub(tls_start) as i64,
    }
}

/// `adrp xN, page; add xN, xN, :lo12:`, in place of the load of a slot.
fn apply_load_address(section: &mut [u8], offset: usize, values: &Values) -> Result<(), Refusal> {
    let target = values.symbol.wrapping_add_signed(values.addend);
    let register = instructions::destination(instructions::word(section, offset)?);
    let code = [instructions::adrp(register, values.place, target)?, instructions::add_low(register, register, target)];
    write_words(section.get_mut(offset..).ok_or(Refusal::OutsideSection)?, code)
}

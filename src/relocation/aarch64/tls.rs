//! Thread-local storage on aarch64, and its way into an executable.
//!
//! AArch64 has TLS variant I: `tpidr_el0` points at 16 bytes that belong to the C library, and the executable's block
//! follows them, so its offsets are positive constants. A static executable has no dynamic linker, hence every model
//! becomes *local exec*, with or without `--no-relax`. The replacements follow the idea of aaelf64, "Relaxation", and
//! the TLSDESC paper; each instruction of a sequence carries its own relocation, and compilers schedule them apart, so
//! that each must be rewritten alone and without knowing the others:
//!
//! ```text
//! descriptors                                      becomes
//!   adrp x0, :tlsdesc:v         TLSDESC_ADR_PAGE21   movz x0, #tprel_g1, lsl #16
//!   ldr  x1, [x0, :tlsdesc_lo12:v]   ..._LD64_LO12   movk x0, #tprel_g0
//!   add  x0, x0, :tlsdesc_lo12:v      ..._ADD_LO12   nop
//!   blr  x1                           TLSDESC_CALL   nop
//! general dynamic
//!   adrp x0, :tlsgd:v             TLSGD_ADR_PAGE21   mrs  x0, tpidr_el0
//!   add  x0, x0, :tlsgd_lo12:v   TLSGD_ADD_LO12_NC   add  x0, x0, #tprel_hi12, lsl #12
//!   bl   __tls_get_addr                     CALL26   add  x0, x0, #tprel_lo12
//!   nop                                              nop
//! local dynamic
//!   adrp x0, :tlsldm:v            TLSLD_ADR_PAGE21   mrs  x0, tpidr_el0
//!   add  x0, x0, :tlsldm_lo12:v  TLSLD_ADD_LO12_NC   nop
//!   bl   __tls_get_addr                     CALL26   nop
//!   (offsets of the block)         TLSLD_*_DTPREL_*   offsets from the thread pointer
//! initial exec
//!   adrp xN, :gottprel:v   TLSIE_ADR_GOTTPREL_PAGE21  movz xN, #tprel_g0
//!   ldr  xM, [xN, :gottprel_lo12:v]     ..._LD64_...  movk xN, #tprel_g1, lsl #16       if N = M
//!                                                    add  xM, xN, #tprel_g1 << 4, lsl #12  otherwise
//! ```
//!
//! The psABI's own initial-exec rewrite puts the high half first, which cannot be completed in another register. With
//! the low half first both forms work for blocks below 16 MiB, and below 4 GiB when the registers agree. General
//! dynamic is limited to 16 MiB too, as is the local-exec code that compilers emit by default (`-mtls-size=24`).
//! A longer offset is refused.
//!
//! The descriptor's result is in x0 and nothing but x0, x1 and flags may change (TLSDESC calling convention), so these
//! sequences use fixed registers, and anything else is refused. The initial-exec accesses of the tiny and the large code
//! model (a literal load, an offset in the GOT) read a constant slot.

use crate::relocation::field::{require_range, write};
use crate::relocation::{Decision, Need, Refusal, Values};

use super::Operation;
use super::instructions::*;
use super::types::*;

/// A thread-local sequence that becomes local exec.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sequence {
    /// The first instruction of a descriptor: x0 gets bits 16-31.
    DescriptorHigh,
    /// The second: x0 gets bits 0-15.
    DescriptorLow,
    /// An instruction without a job left.
    Erase,
    /// The first instruction of a general or local dynamic access: x0 gets the thread pointer.
    ThreadPointer,
    /// Two `add`, the second in place of the call.
    General,
    /// In the tiny model: `mrs` and two `add`, up to the `nop` after the call.
    GeneralTiny,
    /// Two `nop`, the second in place of the call.
    Local,
    /// In the tiny model: `mrs` and a `nop` in place of the call.
    LocalTiny,
    /// In the large model: two `add` and a `nop` in place of the call.
    GeneralLarge,
    /// In the large model: three `nop`.
    LocalLarge,
    /// The first instruction of an initial-exec access.
    InitialPage,
    /// The second.
    InitialLoad,
}

const DESCRIPTOR: &str = "adrp x0; ldr x1, [x0]; add x0, x0; blr x1";
const GENERAL: &str = "adrp x0; add x0, x0; bl __tls_get_addr";
const GENERAL_TINY: &str = "adr x0; bl __tls_get_addr; nop";
const GENERAL_LARGE: &str = "movz x0; movk x0; add x0, xn, x0; bl __tls_get_addr";
const INITIAL: &str = "adrp xn; ldr xm, [xn]";

/// A rewritten thread-local access; `None` for types that are not rewritten.
pub(super) fn decide(kind: u32, section: &[u8], offset: usize) -> Option<Result<Decision<Operation>, Refusal>> {
    let (sequence, expected, fits): (_, _, fn(u32) -> bool) = match kind {
        R_AARCH64_TLSDESC_ADR_PAGE21 => (Sequence::DescriptorHigh, DESCRIPTOR, is_adrp_x0),
        R_AARCH64_TLSDESC_LD64_LO12 => (Sequence::DescriptorLow, DESCRIPTOR, |word| is_load64(word) && base(word) == 0),
        R_AARCH64_TLSDESC_ADD_LO12 => (Sequence::Erase, DESCRIPTOR, is_add_x0),
        R_AARCH64_TLSDESC_CALL => (Sequence::Erase, DESCRIPTOR, is_blr),
        // The tiny model loads the function first and then takes the address of the descriptor.
        R_AARCH64_TLSDESC_LD_PREL19 => (Sequence::DescriptorHigh, DESCRIPTOR, |word| word & 0xff00_0000 == 0x5800_0000),
        R_AARCH64_TLSDESC_ADR_PREL21 => (Sequence::DescriptorLow, DESCRIPTOR, is_adr_x0),
        // The large model takes the offset of the descriptor in the GOT.
        R_AARCH64_TLSDESC_OFF_G1 => (Sequence::DescriptorHigh, DESCRIPTOR, is_wide_move_x0),
        R_AARCH64_TLSDESC_OFF_G0_NC => (Sequence::DescriptorLow, DESCRIPTOR, is_wide_move_x0),
        R_AARCH64_TLSDESC_LDR => (Sequence::Erase, DESCRIPTOR, |word| word & 0xffe0_0c00 == 0xf860_0800),
        R_AARCH64_TLSDESC_ADD => (Sequence::Erase, DESCRIPTOR, is_add_registers_x0),
        R_AARCH64_TLSGD_ADR_PAGE21 | R_AARCH64_TLSLD_ADR_PAGE21 => (Sequence::ThreadPointer, GENERAL, is_adrp_x0),
        R_AARCH64_TLSGD_MOVW_G1 | R_AARCH64_TLSLD_MOVW_G1 => (Sequence::ThreadPointer, GENERAL_LARGE, is_wide_move_x0),
        R_AARCH64_TLSIE_ADR_GOTTPREL_PAGE21 => (Sequence::InitialPage, INITIAL, is_adrp),
        R_AARCH64_TLSIE_LD64_GOTTPREL_LO12_NC => (Sequence::InitialLoad, INITIAL, is_load64),
        _ => return decide_call(kind, section, offset),
    };
    Some(match word(section, offset) {
        Err(refusal) => Err(refusal),
        Ok(found) if fits(found) => Ok(rewritten(sequence, false)),
        Ok(_) => Err(Refusal::UnexpectedInstructions(expected)),
    })
}

fn rewritten(sequence: Sequence, consumes_next: bool) -> Decision<Operation> {
    Decision { operation: Operation::ThreadLocal(sequence), need: Need::Nothing, consumes_next }
}

/// The instruction before a call to `__tls_get_addr`, which takes the call's relocation with it.
fn decide_call(kind: u32, section: &[u8], offset: usize) -> Option<Result<Decision<Operation>, Refusal>> {
    let at = |index: usize| {
        // What lies outside of the section is no instruction.
        offset.checked_add(4 * index).and_then(|place| word(section, place).ok()).unwrap_or(0)
    };
    let is_large = || is_wide_move_x0(at(0)) && is_add_registers_x0(at(1)) && is_bl(at(2));
    let (sequence, expected, fits) = match kind {
        R_AARCH64_TLSGD_ADD_LO12_NC => (Sequence::General, GENERAL, is_add_x0(at(0)) && is_bl(at(1))),
        R_AARCH64_TLSLD_ADD_LO12_NC => (Sequence::Local, GENERAL, is_add_x0(at(0)) && is_bl(at(1))),
        R_AARCH64_TLSGD_ADR_PREL21 => {
            (Sequence::GeneralTiny, GENERAL_TINY, is_adr_x0(at(0)) && is_bl(at(1)) && at(2) == NOP)
        }
        R_AARCH64_TLSLD_ADR_PREL21 => (Sequence::LocalTiny, GENERAL_TINY, is_adr_x0(at(0)) && is_bl(at(1))),
        R_AARCH64_TLSGD_MOVW_G0_NC => (Sequence::GeneralLarge, GENERAL_LARGE, is_large()),
        R_AARCH64_TLSLD_MOVW_G0_NC => (Sequence::LocalLarge, GENERAL_LARGE, is_large()),
        _ => return None,
    };
    if section.len() < offset.saturating_add(4) {
        return Some(Err(Refusal::OutsideSection));
    }
    Some(if fits { Ok(rewritten(sequence, true)) } else { Err(Refusal::UnexpectedInstructions(expected)) })
}

/// `S + A - TP`. A weak variable that nobody defines (address 0) has the offset 0: reading it is the program's error, but
/// its address must not be one that overflows.
pub(super) fn thread_offset(values: &Values) -> i64 {
    let offset = if values.symbol == 0 { 0 } else { values.symbol.wrapping_sub(values.thread_pointer) };
    (offset as i64).wrapping_add(values.addend)
}

/// The offset, if it is a natural number of `bits` bits.
fn offset_of_bits(values: &Values, bits: u32) -> Result<u64, Refusal> {
    let offset = thread_offset(values);
    require_range(offset, 0, (1i64 << bits) - 1)?;
    Ok(offset as u64)
}

/// Rewrites the instruction at `place` and those after it that belong to it.
pub(super) fn apply(sequence: Sequence, section: &mut [u8], place: usize, values: &Values) -> Result<(), Refusal> {
    match sequence {
        Sequence::DescriptorHigh => put(section, place, [movz_high(0, offset_of_bits(values, 32)?)]),
        Sequence::DescriptorLow => put(section, place, [movk_low(0, offset_of_bits(values, 32)?)]),
        Sequence::Erase => put(section, place, [NOP]),
        Sequence::ThreadPointer => put(section, place, [READ_THREAD_POINTER]),
        Sequence::General => {
            let offset = offset_of_bits(values, 24)?;
            put(section, place, [add_high(0, 0, offset), add_low(0, 0, offset)])
        }
        Sequence::GeneralTiny => {
            let offset = offset_of_bits(values, 24)?;
            put(section, place, [READ_THREAD_POINTER, add_high(0, 0, offset), add_low(0, 0, offset)])
        }
        Sequence::GeneralLarge => {
            let offset = offset_of_bits(values, 24)?;
            put(section, place, [add_high(0, 0, offset), add_low(0, 0, offset), NOP])
        }
        Sequence::Local => put(section, place, [NOP, NOP]),
        Sequence::LocalTiny => put(section, place, [READ_THREAD_POINTER, NOP]),
        Sequence::LocalLarge => put(section, place, [NOP, NOP, NOP]),
        Sequence::InitialPage => {
            let register = destination(word(section, place)?);
            put(section, place, [movz_low(register, offset_of_bits(values, 32)?)])
        }
        Sequence::InitialLoad => {
            let load = word(section, place)?;
            let (to, from) = (destination(load), base(load));
            let rest = if to == from {
                movk_high(to, offset_of_bits(values, 32)?)
            } else {
                add_high(to, from, offset_of_bits(values, 24)? & !0xffff)
            };
            put(section, place, [rest])
        }
    }
}

/// Stores consecutive instructions, or none of them.
fn put<const N: usize>(section: &mut [u8], place: usize, words: [u32; N]) -> Result<(), Refusal> {
    let end = place.checked_add(4 * N).ok_or(Refusal::OutsideSection)?;
    if end > section.len() {
        return Err(Refusal::OutsideSection);
    }
    words.iter().enumerate().try_for_each(|(index, word)| write(section, place + 4 * index, word.to_le_bytes()))
}

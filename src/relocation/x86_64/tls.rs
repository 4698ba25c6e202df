//! Thread-local storage on x86_64, and its way into an executable.
//!
//! AMD64 has TLS variant II: `%fs:0` holds its own address, the thread pointer, and the executable's block ends right
//! below it. An executable therefore knows every variable's distance from `%fs` when it is linked, and each of the
//! access models that a compiler may have chosen can be rewritten to *local exec*, a constant. There is no dynamic
//! linker in a static executable that could do anything else, so `--no-relax` does not keep the general models.
//!
//! What is rewritten is fixed by the psABI, section "Linker Optimization / TLS" (and the TLSDESC paper for the
//! descriptors): the compilers emit exact byte sequences, padded so that the replacement has the same length. A
//! sequence with anything else in it is refused; guessing would execute the middle of an instruction.
//!
//! | model | relocation | before | after |
//! |---|---|---|---|
//! | general        | TLSGD + call              | `lea x@tlsgd(%rip),%rdi; call __tls_get_addr`| `mov %fs:0,%rax; lea x@tpoff(%rax),%rax` |
//! | local dynamic  | TLSLD + call              | `lea x@tlsld(%rip),%rdi; call __tls_get_addr`| `mov %fs:0,%rax`                     |
//! |                | DTPOFF32/64               | offset in the block                          | offset from the thread pointer       |
//! | initial exec   | GOTTPOFF                  | `mov/add x@gottpoff(%rip),%reg`              | `mov/lea/add $x@tpoff,%reg`          |
//! | descriptors    | GOTPC32_TLSDESC           | `lea x@tlsdesc(%rip),%reg`                   | `mov $x@tpoff,%reg`                  |
//! |                | TLSDESC_CALL              | `call *x@tlscall(%rax)`                      | `xchg %ax,%ax`                       |
//!
//! The call in the first two models has its own relocation, against `__tls_get_addr`. It is consumed with the first, so
//! the symbol need not exist.
//!
//! An initial-exec load whose instruction is unknown (EVEX-encoded ones with three operands, CODE_6) keeps its GOT
//! slot: any instruction can read a constant from there.

use crate::relocation::field::{read, read_before, signed32, write_before};
use crate::relocation::{Decision, Need, Refusal, Values};

use super::Operation;

/// A thread-local sequence that becomes local exec.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sequence {
    /// General dynamic, 16 bytes from 4 before the field.
    General,
    /// General dynamic of the large code model, 22 bytes from 3 before the field.
    GeneralLarge,
    /// Local dynamic with a 5-byte call: 12 bytes from 3 before the field.
    Local,
    /// Local dynamic with a 6-byte call: 13 bytes from 3 before the field.
    LocalIndirect,
    /// Local dynamic of the large code model, 22 bytes from 3 before the field.
    LocalLarge,
    /// `mov x@gottpoff(%rip), %reg` with a REX prefix.
    InitialMove,
    /// `add x@gottpoff(%rip), %reg` with a REX prefix.
    InitialAdd,
    /// `mov x@gottpoff(%rip), %reg` with a REX2 prefix.
    InitialMoveRex2,
    /// `add x@gottpoff(%rip), %reg` with a REX2 prefix.
    InitialAddRex2,
    /// `lea x@tlsdesc(%rip), %reg` with a REX prefix.
    Descriptor,
    /// `lea x@tlsdesc(%rip), %reg` with a REX2 prefix.
    DescriptorRex2,
    /// `call *x@tlscall(%rax)`.
    DescriptorCall,
    /// `call *x@tlscall(%eax)`, with an address-size prefix.
    DescriptorCallAddr32,
}

/// `mov %fs:0, %rax`
const LOAD_THREAD_POINTER: [u8; 9] = [0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0];

const GENERAL: &str = "data16 lea x@tlsgd(%rip),%rdi and the call to __tls_get_addr";
const LOCAL: &str = "lea x@tlsld(%rip),%rdi and the call to __tls_get_addr";
const DESCRIPTOR: &str = "lea x@tlsdesc(%rip),%reg";
const DESCRIPTOR_CALL: &str = "call *x@tlscall(%rax)";

fn sequence(sequence: Sequence, consumes_next: bool) -> Decision<Operation> {
    Decision { operation: Operation::ThreadLocal(sequence), need: Need::Nothing, consumes_next }
}

/// Whether the code after a `lea` of the large model is its call:
///
/// ```text
/// 48 b8 <PLTOFF64>        movabs $__tls_get_addr@pltoff, %rax
/// 48 01 d8 / 4c 01 f8     add    %rbx / %r15, %rax
/// ff d0                   call   *%rax
/// ```
fn is_large_call(section: &[u8], at: usize) -> bool {
    let Ok(code) = read::<15>(section, at) else { return false };
    code[..2] == [0x48, 0xb8]
        && (code[10..13] == [0x48, 0x01, 0xd8] || code[10..13] == [0x4c, 0x01, 0xf8])
        && code[13..] == [0xff, 0xd0]
}

/// R_X86_64_TLSGD.
pub(super) fn decide_general(section: &[u8], offset: usize) -> Result<Decision<Operation>, Refusal> {
    let after = offset.checked_add(4).ok_or(Refusal::OutsideSection)?;
    // 66 48 8d 3d <TLSGD>   data16 lea x@tlsgd(%rip), %rdi
    if read_before::<4>(section, offset, 4) == Ok([0x66, 0x48, 0x8d, 0x3d]) {
        let call = read::<8>(section, after).map_err(|_| Refusal::UnexpectedInstructions(GENERAL))?;
        // 66 66 48 e8 <PLT32>       data16 data16 rex64 call __tls_get_addr@PLT
        // 66 48 67 e8 <PLT32>       data16 rex64 addr32 call __tls_get_addr
        // 66 48 ff 15 <GOTPCRELX>   data16 rex64 call *__tls_get_addr@GOTPCREL(%rip)
        if matches!(call[..4], [0x66, 0x66, 0x48, 0xe8] | [0x66, 0x48, 0x67, 0xe8] | [0x66, 0x48, 0xff, 0x15]) {
            return Ok(sequence(Sequence::General, true));
        }
    } else if read_before::<3>(section, offset, 3) == Ok([0x48, 0x8d, 0x3d]) && is_large_call(section, after) {
        return Ok(sequence(Sequence::GeneralLarge, true));
    }
    Err(Refusal::UnexpectedInstructions(GENERAL))
}

/// R_X86_64_TLSLD.
pub(super) fn decide_local(section: &[u8], offset: usize) -> Result<Decision<Operation>, Refusal> {
    let after = offset.checked_add(4).ok_or(Refusal::OutsideSection)?;
    // 48 8d 3d <TLSLD>   lea x@tlsld(%rip), %rdi
    if read_before::<3>(section, offset, 3) != Ok([0x48, 0x8d, 0x3d]) {
        return Err(Refusal::UnexpectedInstructions(LOCAL));
    }
    let call = read::<5>(section, after).map_err(|_| Refusal::UnexpectedInstructions(LOCAL))?;
    match call {
        // call __tls_get_addr@PLT
        [0xe8, ..] => Ok(sequence(Sequence::Local, true)),
        // call *__tls_get_addr@GOTPCREL(%rip); addr32 call __tls_get_addr
        [0xff, 0x15, ..] | [0x67, 0xe8, ..] if read::<6>(section, after).is_ok() => {
            Ok(sequence(Sequence::LocalIndirect, true))
        }
        _ if is_large_call(section, after) => Ok(sequence(Sequence::LocalLarge, true)),
        _ => Err(Refusal::UnexpectedInstructions(LOCAL)),
    }
}

/// Whether a ModRM byte addresses `disp32(%rip)`.
fn is_rip_relative(modrm: u8) -> bool {
    modrm & 0xc7 == 0x05
}

/// R_X86_64_GOTTPOFF; with `rex2`, R_X86_64_CODE_4_GOTTPOFF. `None`: not an instruction that can lose its memory operand.
pub(super) fn decide_initial(section: &[u8], offset: usize, rex2: bool) -> Option<Decision<Operation>> {
    let (opcode, chosen) = if rex2 {
        match read_before::<4>(section, offset, 4) {
            // REX2 with map 0 (M0 clear) and W.
            Ok([0xd5, payload, opcode, modrm]) if payload & 0x88 == 0x08 && is_rip_relative(modrm) => {
                (opcode, [Sequence::InitialMoveRex2, Sequence::InitialAddRex2])
            }
            _ => return None,
        }
    } else {
        match read_before::<3>(section, offset, 3) {
            Ok([0x48 | 0x4c, opcode, modrm]) if is_rip_relative(modrm) => {
                (opcode, [Sequence::InitialMove, Sequence::InitialAdd])
            }
            _ => return None,
        }
    };
    match opcode {
        0x8b => Some(sequence(chosen[0], false)),
        0x03 => Some(sequence(chosen[1], false)),
        _ => None,
    }
}

/// R_X86_64_GOTPC32_TLSDESC; with `rex2`, R_X86_64_CODE_4_GOTPC32_TLSDESC.
pub(super) fn decide_descriptor(section: &[u8], offset: usize, rex2: bool) -> Result<Decision<Operation>, Refusal> {
    let fits = if rex2 {
        matches!(read_before::<4>(section, offset, 4),
            Ok([0xd5, payload, 0x8d, modrm]) if payload & 0x88 == 0x08 && is_rip_relative(modrm))
    } else {
        matches!(read_before::<3>(section, offset, 3), Ok([0x48 | 0x4c, 0x8d, modrm]) if is_rip_relative(modrm))
    };
    match (fits, rex2) {
        (false, _) => Err(Refusal::UnexpectedInstructions(DESCRIPTOR)),
        (true, true) => Ok(sequence(Sequence::DescriptorRex2, false)),
        (true, false) => Ok(sequence(Sequence::Descriptor, false)),
    }
}

/// R_X86_64_TLSDESC_CALL, whose place is the instruction itself.
pub(super) fn decide_descriptor_call(section: &[u8], offset: usize) -> Result<Decision<Operation>, Refusal> {
    if read::<2>(section, offset) == Ok([0xff, 0x10]) {
        Ok(sequence(Sequence::DescriptorCall, false))
    } else if read::<3>(section, offset) == Ok([0x67, 0xff, 0x10]) {
        Ok(sequence(Sequence::DescriptorCallAddr32, false))
    } else {
        Err(Refusal::UnexpectedInstructions(DESCRIPTOR_CALL))
    }
}

/// `S + A - TP`. A weak variable that nobody defines (address 0) has the offset 0: reading it is the program's error, but
/// its address must not be one that overflows.
#[inline]
pub(super) fn thread_offset(values: &Values) -> i64 {
    let offset = if values.symbol == 0 { 0 } else { values.symbol.wrapping_sub(values.thread_pointer) };
    (offset as i64).wrapping_add(values.addend)
}

/// A REX prefix whose R bit (the register of ModRM.reg) has moved to B (the register of ModRM.rm).
pub(super) fn rex_reg_to_rm(rex: u8) -> u8 {
    (rex & !0x05) | ((rex >> 2) & 1)
}

/// A REX2 payload whose R4 and R3 have moved to B4 and B3.
pub(super) fn rex2_reg_to_rm(payload: u8) -> u8 {
    (payload & !0x55) | ((payload >> 2) & 0x11)
}

/// Rewrites the sequence around the field at `offset`.
pub(super) fn apply(sequence: Sequence, section: &mut [u8], offset: usize, values: &Values) -> Result<(), Refusal> {
    // The displacement counted from the end of the field, so the addend is 4 less than what was written in the source.
    let displacement = |values: &Values| signed32(thread_offset(values).wrapping_add(4));
    match sequence {
        Sequence::General => {
            let [a, b, c, d] = displacement(values)?;
            // mov %fs:0,%rax; lea x@tpoff(%rax),%rax
            let code = [0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0, 0x48, 0x8d, 0x80, a, b, c, d];
            write_before(section, offset, 4, code)
        }
        Sequence::GeneralLarge => {
            let [a, b, c, d] = displacement(values)?;
            let mut code = [0; 22];
            code[..9].copy_from_slice(&LOAD_THREAD_POINTER);
            code[9..16].copy_from_slice(&[0x48, 0x8d, 0x80, a, b, c, d]);
            code[16..].copy_from_slice(&[0x66, 0x0f, 0x1f, 0x44, 0, 0]); // nopw 0(%rax,%rax,1)
            write_before(section, offset, 3, code)
        }
        Sequence::Local => {
            // data16 data16 data16 mov %fs:0,%rax
            write_before(section, offset, 3, [0x66, 0x66, 0x66, 0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0])
        }
        Sequence::LocalIndirect => {
            write_before(section, offset, 3, [0x66, 0x66, 0x66, 0x66, 0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0])
        }
        Sequence::LocalLarge => {
            let mut code = [0; 22];
            // data16 data16 data16 cs nopw 0(%rax,%rax,1)
            code[..8].copy_from_slice(&[0x66, 0x66, 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84]);
            code[13..].copy_from_slice(&LOAD_THREAD_POINTER);
            write_before(section, offset, 3, code)
        }
        Sequence::DescriptorCall => write_before(section, offset, 0, [0x66, 0x90]),
        Sequence::DescriptorCallAddr32 => write_before(section, offset, 0, [0x0f, 0x1f, 0x00]),
        _ => apply_single(sequence, section, offset, displacement(values)?),
    }
}

/// The models that are one instruction with a register operand.
fn apply_single(sequence: Sequence, section: &mut [u8], offset: usize, value: [u8; 4]) -> Result<(), Refusal> {
    let [a, b, c, d] = value;
    // The REX prefix, or the payload that follows the first byte of a REX2 prefix.
    let [prefix, _, modrm] = read_before::<3>(section, offset, 3)?;
    let register = (modrm >> 3) & 7;
    match sequence {
        Sequence::InitialMove | Sequence::Descriptor => {
            // mov $x@tpoff, %reg
            write_before(section, offset, 3, [rex_reg_to_rm(prefix), 0xc7, 0xc0 | register, a, b, c, d])
        }
        Sequence::InitialAdd if register == 4 => {
            // %rsp and %r12 as a base need a SIB byte, for which a lea has no room: add $x@tpoff, %reg
            write_before(section, offset, 3, [rex_reg_to_rm(prefix), 0x81, 0xc4, a, b, c, d])
        }
        Sequence::InitialAdd => {
            // lea x@tpoff(%reg), %reg: the register in both places
            let rex = prefix | ((prefix >> 2) & 1);
            write_before(section, offset, 3, [rex, 0x8d, 0x80 | (register << 3) | register, a, b, c, d])
        }
        _ => {
            let opcode = if sequence == Sequence::InitialAddRex2 { 0x81 } else { 0xc7 };
            write_before(section, offset, 3, [rex2_reg_to_rm(prefix), opcode, 0xc0 | register, a, b, c, d])
        }
    }
}

//! Relocations of AMD64, after the System V psABI (x86-64 ABI 1.0, chapters "Relocation" and "Linker Optimization").
//!
//! Most types are a number in a field. The others let the linker shorten code that was compiled for a shared library:
//!
//! * **GOTPCRELX** (psABI, "Optimize GOTPCRELX Relocations"). The compiler promises that the field belongs to one of a
//!   few instructions that read a GOT slot. A `mov` becomes a `lea`, an indirect call or jump a direct one. These need
//!   the target within 2 GiB of the place, which the small code model, in which such code is compiled, promises.
//!   `test`, `cmp` and the other two-operand instructions have no form with a computed address: they become
//!   instructions with the address as an immediate, which is sign-extended from 32 bits and must not move. So they are
//!   rewritten only in images at a fixed address. Such images start at 4 MiB, and a program in the small code model ends
//!   below 2 GiB. Where one does not, [`Machine::apply`] reports the overflow, and the link is repeated with slots.
//!   Without the promise (R_X86_64_GOTPCREL, EVEX-encoded instructions) the slot stays.
//! * A symbol with a fixed value (SHN_ABS) may be anywhere and must not move with the image: its slot stays. A weak
//!   symbol that nobody defines has the value 0: a `mov` becomes `mov $0`.
//! * **TLS** is the matter of [`tls`].
//!
//! An IFUNC has one address in the program: its stub's. Calls go there, slots and words hold it.

use super::field::{read_before, require_either, require_range, require_signed, signed32, write, write_before};
use super::{Decision, Machine, Mode, Need, Refusal, TargetFacts, Values};

pub mod tls;
mod types;

#[cfg(test)]
mod tests;

use types::*;

/// The instruction set AMD64.
#[derive(Clone, Copy, Debug)]
pub struct X86_64;

/// What a field's value is computed from. The letters are the psABI's; see [`Values`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Formula {
    /// `S + A`
    Absolute,
    /// `S + A - P`
    Relative,
    /// `G + GOT + A - P`: the distance to the slot.
    SlotRelative,
    /// `G + A`: the slot's offset in the table.
    SlotInTable,
    /// `GOT + A - P`
    TableRelative,
    /// `S + A - GOT`
    InTable,
    /// `Z + A`
    Size,
    /// `S + A - TP`
    ThreadOffset,
    /// `S + A` from the start of PT_TLS.
    BlockOffset,
}

/// How a value is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Width {
    /// 8 bytes.
    Word64,
    /// 4 bytes, sign-extended by who reads them.
    Signed32,
    /// 4 bytes, zero-extended.
    Unsigned32,
    /// 2 bytes of either sign.
    Either16,
    /// 2 bytes, signed.
    Signed16,
    /// 1 byte of either sign.
    Either8,
    /// 1 byte, signed.
    Signed8,
}

/// How the instruction before a GOTPCRELX field is prefixed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Prefix {
    /// No REX.
    None,
    /// REX.
    Rex,
    /// REX2 (APX).
    Rex2,
}

/// What is done at a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// Nothing.
    Nothing,
    /// A value in a field.
    Field(Formula, Width),
    /// `mov x@GOTPCREL(%rip), %reg` becomes `lea x(%rip), %reg`.
    LoadAddress,
    /// `call *x@GOTPCREL(%rip)` becomes `addr32 call x`.
    DirectCall,
    /// `jmp *x@GOTPCREL(%rip)` becomes `jmp x; nop`.
    DirectJump,
    /// `mov`, `test` or a two-operand instruction that gets the address as an immediate.
    Immediate(Prefix),
    /// A thread-local access that becomes local exec.
    ThreadLocal(tls::Sequence),
}

type Decided = Result<Decision<Operation>, Refusal>;

#[inline(always)]
fn field(formula: Formula, width: Width, need: Need) -> Decided {
    Ok(Decision { operation: Operation::Field(formula, width), need, consumes_next: false })
}

#[inline(always)]
fn rewrite(operation: Operation, need: Need) -> Decided {
    Ok(Decision { operation, need, consumes_next: false })
}

impl Machine for X86_64 {
    type Operation = Operation;

    #[inline]
    fn decide(kind: u32, facts: TargetFacts, mode: Mode, section: &[u8], offset: usize, addend: i64) -> Decided {
        // The types that make up nearly all of a program and its debug information, against ordinary symbols.
        if facts == TargetFacts::default() {
            let fixed = !(mode.position_independent && mode.allocated);
            match kind {
                R_X86_64_PC32 | R_X86_64_PLT32 => return field(Formula::Relative, Width::Signed32, Need::Nothing),
                R_X86_64_64 => return field(Formula::Absolute, Width::Word64, word_need(mode)),
                R_X86_64_32S if fixed => {
                    return field(Formula::Absolute, Width::Signed32, Need::Nothing);
                }
                R_X86_64_32 if fixed => {
                    return field(Formula::Absolute, Width::Unsigned32, Need::Nothing);
                }
                R_X86_64_GOTPCRELX | R_X86_64_REX_GOTPCRELX => {
                    return match relaxed_load(kind, facts, mode, section, offset, addend) {
                        Some(operation) => rewrite(operation, Need::Nothing),
                        None => field(Formula::SlotRelative, Width::Signed32, Need::GotSlot),
                    };
                }
                _ => {}
            }
        }
        decide_other(kind, facts, mode, section, offset, addend)
    }

    #[inline]
    fn apply(operation: Operation, section: &mut [u8], offset: usize, values: &Values) -> Result<(), Refusal> {
        match operation {
            Operation::Field(Formula::Relative, Width::Signed32) => write(section, offset, signed32(relative(values))?),
            Operation::Field(formula, width) => store(width, evaluate(formula, values), section, offset),
            Operation::Nothing => Ok(()),
            _ => apply_rewrite(operation, section, offset, values),
        }
    }

    fn type_name(kind: u32) -> Option<&'static str> {
        name(kind)
    }

    const RELATIVE: u32 = R_X86_64_RELATIVE;
    const IRELATIVE: u32 = R_X86_64_IRELATIVE;

    const IFUNC_STUB_SIZE: usize = 16;

    fn write_ifunc_stub(stub: &mut [u8], address: u64, slot: u64) -> Result<(), Refusal> {
        // The displacement counts from the end of the jump.
        let [a, b, c, d] = signed32(slot.wrapping_sub(address.wrapping_add(10)) as i64)?;
        #[rustfmt::skip]
        let code = [
            0xf3, 0x0f, 0x1e, 0xfa,             // endbr64
            0xff, 0x25, a, b, c, d,             // jmp *slot(%rip)
            0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00, // nopw 0(%rax,%rax,1)
        ];
        write(stub, 0, code)
    }

    const THUNK_SIZE: usize = 0;
    const BRANCH_REACH: u64 = 1 << 31;

    /// There are none: a call reaches all of the small code model.
    fn write_thunk(thunk: &mut [u8], _address: u64, _target: u64) -> Result<(), Refusal> {
        if thunk.is_empty() { Ok(()) } else { Err(Refusal::OutsideSection) }
    }

    /// Variant II (psABI, "Thread-Local Storage"): the end of the block, rounded up so that the block's start keeps its
    /// alignment. `tls_align` is a power of two or 0.
    fn thread_pointer(tls_start: u64, tls_size: u64, tls_align: u64) -> u64 {
        let mask = tls_align.max(1).wrapping_sub(1);
        tls_start.wrapping_add(tls_size).wrapping_add(mask) & !mask
    }
}

/// A 64-bit address word moves with a position-independent image.
#[inline(always)]
fn word_need(mode: Mode) -> Need {
    if mode.position_independent && mode.allocated { Need::DynamicRelative } else { Need::Nothing }
}

/// All types, for all targets.
fn decide_other(kind: u32, facts: TargetFacts, mode: Mode, section: &[u8], offset: usize, addend: i64) -> Decided {
    if kind == R_X86_64_NONE {
        return rewrite(Operation::Nothing, Need::Nothing);
    }
    if let Some(decided) = decide_thread_local(kind, facts, mode, section, offset, addend) {
        return decided;
    }
    if facts.thread_local && mode.allocated && !matches!(kind, R_X86_64_SIZE32 | R_X86_64_SIZE64) {
        return match name(kind) {
            Some(_) => Err(Refusal::ThreadLocalMismatch),
            None => Err(Refusal::UnknownType),
        };
    }
    // The address of an IFUNC is that of its stub, in the image; debug information takes what there is.
    let direct = if facts.ifunc && mode.allocated { Need::IfuncStub } else { Need::Nothing };
    let moves = mode.position_independent && mode.allocated && !facts.absolute && !facts.undefined_weak;
    let absolute = |width| match moves {
        true => Err(Refusal::NeedsPositionIndependentCode),
        false => field(Formula::Absolute, width, direct),
    };
    // The distance to a symbol with a fixed value changes with the load address. A weak undefined one is tolerated: code
    // that takes its address this way tests it, or calls it after another test.
    let fixed = facts.absolute && !facts.undefined_weak;
    let relative = |width| match mode.position_independent && mode.allocated && fixed {
        true => Err(Refusal::NeedsPositionIndependentCode),
        false => field(Formula::Relative, width, direct),
    };
    match kind {
        R_X86_64_64 if facts.ifunc && mode.allocated => field(Formula::Absolute, Width::Word64, Need::IfuncAddress),
        R_X86_64_64 if moves => field(Formula::Absolute, Width::Word64, Need::DynamicRelative),
        R_X86_64_64 => field(Formula::Absolute, Width::Word64, Need::Nothing),
        R_X86_64_32 => absolute(Width::Unsigned32),
        R_X86_64_32S => absolute(Width::Signed32),
        R_X86_64_16 => absolute(Width::Either16),
        R_X86_64_8 => absolute(Width::Either8),
        R_X86_64_PC64 => relative(Width::Word64),
        R_X86_64_PC32 | R_X86_64_PLT32 | R_X86_64_PC32_BND | R_X86_64_PLT32_BND => relative(Width::Signed32),
        R_X86_64_PC16 => relative(Width::Signed16),
        R_X86_64_PC8 => relative(Width::Signed8),
        R_X86_64_GOTOFF64 | R_X86_64_PLTOFF64 => field(Formula::InTable, Width::Word64, direct),
        R_X86_64_GOTPC32 => field(Formula::TableRelative, Width::Signed32, Need::Nothing),
        R_X86_64_GOTPC64 => field(Formula::TableRelative, Width::Word64, Need::Nothing),
        R_X86_64_SIZE32 => field(Formula::Size, Width::Unsigned32, Need::TargetSize),
        R_X86_64_SIZE64 => field(Formula::Size, Width::Word64, Need::TargetSize),
        R_X86_64_GOT32 => field(Formula::SlotInTable, Width::Signed32, Need::GotSlot),
        R_X86_64_GOT64 | R_X86_64_GOTPLT64 => field(Formula::SlotInTable, Width::Word64, Need::GotSlot),
        R_X86_64_GOTPCREL64 => field(Formula::SlotRelative, Width::Word64, Need::GotSlot),
        R_X86_64_GOTPCREL | R_X86_64_CODE_5_GOTPCRELX | R_X86_64_CODE_6_GOTPCRELX => {
            field(Formula::SlotRelative, Width::Signed32, Need::GotSlot)
        }
        R_X86_64_GOTPCRELX | R_X86_64_REX_GOTPCRELX | R_X86_64_CODE_4_GOTPCRELX => {
            match relaxed_load(kind, facts, mode, section, offset, addend) {
                Some(operation) => rewrite(operation, direct),
                None => field(Formula::SlotRelative, Width::Signed32, Need::GotSlot),
            }
        }
        R_X86_64_GNU_VTINHERIT | R_X86_64_GNU_VTENTRY => rewrite(Operation::Nothing, Need::Nothing),
        R_X86_64_COPY | R_X86_64_GLOB_DAT | R_X86_64_JUMP_SLOT | R_X86_64_RELATIVE | R_X86_64_DTPMOD64
        | R_X86_64_TLSDESC | R_X86_64_IRELATIVE | R_X86_64_RELATIVE64 => Err(Refusal::DynamicOnly),
        _ => Err(Refusal::UnknownType),
    }
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
    // A module's block is asked for through any symbol, even none; the other types name a variable. What is undefined
    // carries no type.
    let variable = facts.thread_local || facts.undefined_weak;
    let offset_of = match mode.allocated {
        // Offsets in the module's block are added to what TLSLD yields, and that is now the thread pointer.
        true => Formula::ThreadOffset,
        false => Formula::BlockOffset,
    };
    let decided = match kind {
        R_X86_64_TLSLD => tls::decide_local(section, offset),
        R_X86_64_TLSGD
        | R_X86_64_DTPOFF32
        | R_X86_64_DTPOFF64
        | R_X86_64_GOTTPOFF
        | R_X86_64_TPOFF32
        | R_X86_64_TPOFF64
        | R_X86_64_GOTPC32_TLSDESC
        | R_X86_64_TLSDESC_CALL
        | R_X86_64_CODE_4_GOTTPOFF
        | R_X86_64_CODE_4_GOTPC32_TLSDESC
        | R_X86_64_CODE_5_GOTTPOFF
        | R_X86_64_CODE_5_GOTPC32_TLSDESC
        | R_X86_64_CODE_6_GOTTPOFF
        | R_X86_64_CODE_6_GOTPC32_TLSDESC
            if mode.allocated && !variable =>
        {
            Err(Refusal::ThreadLocalMismatch)
        }
        R_X86_64_TLSGD => tls::decide_general(section, offset),
        R_X86_64_DTPOFF32 => field(offset_of, Width::Signed32, Need::Nothing),
        R_X86_64_DTPOFF64 => field(offset_of, Width::Word64, Need::Nothing),
        R_X86_64_TPOFF32 => field(Formula::ThreadOffset, Width::Signed32, Need::Nothing),
        R_X86_64_TPOFF64 => field(Formula::ThreadOffset, Width::Word64, Need::Nothing),
        R_X86_64_GOTTPOFF | R_X86_64_CODE_4_GOTTPOFF => {
            let relaxed = match addend {
                -4 => tls::decide_initial(section, offset, kind == R_X86_64_CODE_4_GOTTPOFF),
                _ => None,
            };
            relaxed.map_or_else(|| field(Formula::SlotRelative, Width::Signed32, Need::GotTpOffset), Ok)
        }
        R_X86_64_CODE_5_GOTTPOFF | R_X86_64_CODE_6_GOTTPOFF => {
            field(Formula::SlotRelative, Width::Signed32, Need::GotTpOffset)
        }
        R_X86_64_GOTPC32_TLSDESC => tls::decide_descriptor(section, offset, false),
        R_X86_64_CODE_4_GOTPC32_TLSDESC => tls::decide_descriptor(section, offset, true),
        R_X86_64_CODE_5_GOTPC32_TLSDESC | R_X86_64_CODE_6_GOTPC32_TLSDESC => {
            Err(Refusal::UnexpectedInstructions("lea x@tlsdesc(%rip),%reg with a REX or REX2 prefix"))
        }
        R_X86_64_TLSDESC_CALL => tls::decide_descriptor_call(section, offset),
        _ => return None,
    };
    Some(decided)
}

/// What the instruction that reads a GOT slot becomes; `None` keeps it.
fn relaxed_load(
    kind: u32,
    facts: TargetFacts,
    mode: Mode,
    section: &[u8],
    offset: usize,
    addend: i64,
) -> Option<Operation> {
    // Any other addend reads beside the slot, or the field is not the instruction's last.
    if !mode.relax || addend != -4 || (facts.absolute && !facts.undefined_weak) {
        return None;
    }
    let [opcode, modrm] = read_before::<2>(section, offset, 2).ok()?;
    let prefix = match kind {
        R_X86_64_GOTPCRELX => Prefix::None,
        R_X86_64_REX_GOTPCRELX => match read_before::<3>(section, offset, 3).ok()?[0] {
            0x40..=0x4f => Prefix::Rex,
            _ => return None,
        },
        _ => match read_before::<4>(section, offset, 4).ok()? {
            // M0 selects the two-byte opcodes, none of which is meant.
            [0xd5, payload, ..] if payload & 0x80 == 0 => Prefix::Rex2,
            _ => return None,
        },
    };
    if prefix == Prefix::None && opcode == 0xff {
        // A call to address 0 must go through the slot: the distance is not known before the image is loaded.
        return match modrm {
            0x15 if !facts.undefined_weak => Some(Operation::DirectCall),
            0x25 if !facts.undefined_weak => Some(Operation::DirectJump),
            _ => None,
        };
    }
    if modrm & 0xc7 != 0x05 {
        return None;
    }
    match opcode {
        0x8b if facts.undefined_weak => Some(Operation::Immediate(prefix)),
        0x8b => Some(Operation::LoadAddress),
        // test, and add, or, adc, sbb, and, sub, xor, cmp
        0x85 | 0x03 | 0x0b | 0x13 | 0x1b | 0x23 | 0x2b | 0x33 | 0x3b
            if !mode.position_independent || facts.undefined_weak =>
        {
            Some(Operation::Immediate(prefix))
        }
        _ => None,
    }
}

#[inline(always)]
fn relative(values: &Values) -> i64 {
    values.symbol.wrapping_add_signed(values.addend).wrapping_sub(values.place) as i64
}

/// A formula's value, in wrapping 64-bit arithmetic.
#[inline]
fn evaluate(formula: Formula, values: &Values) -> i64 {
    let Values { symbol, addend, place, got_slot, got_base, tls_start, size, .. } = *values;
    let value = match formula {
        Formula::Absolute => symbol,
        Formula::Relative => symbol.wrapping_sub(place),
        Formula::SlotRelative => got_slot.wrapping_sub(place),
        Formula::SlotInTable => got_slot.wrapping_sub(got_base),
        Formula::TableRelative => got_base.wrapping_sub(place),
        Formula::InTable => symbol.wrapping_sub(got_base),
        Formula::Size => size,
        Formula::ThreadOffset => return tls::thread_offset(values),
        Formula::BlockOffset if symbol == 0 => 0,
        Formula::BlockOffset => symbol.wrapping_sub(tls_start),
    };
    value.wrapping_add_signed(addend) as i64
}

/// Stores a value that fits.
#[inline]
fn store(width: Width, value: i64, section: &mut [u8], offset: usize) -> Result<(), Refusal> {
    match width {
        Width::Word64 => write(section, offset, value.to_le_bytes()),
        Width::Signed32 => write(section, offset, signed32(value)?),
        Width::Unsigned32 => {
            require_range(value, 0, u32::MAX.into())?;
            write(section, offset, (value as u32).to_le_bytes())
        }
        Width::Either16 | Width::Signed16 => {
            match width {
                Width::Either16 => require_either(value, 16)?,
                _ => require_signed(value, 16)?,
            }
            write(section, offset, (value as u16).to_le_bytes())
        }
        Width::Either8 | Width::Signed8 => {
            match width {
                Width::Either8 => require_either(value, 8)?,
                _ => require_signed(value, 8)?,
            }
            write(section, offset, [value as u8])
        }
    }
}

/// The operations that change instructions.
fn apply_rewrite(operation: Operation, section: &mut [u8], offset: usize, values: &Values) -> Result<(), Refusal> {
    match operation {
        Operation::LoadAddress => {
            let [a, b, c, d] = signed32(relative(values))?;
            let [modrm] = read_before::<1>(section, offset, 1)?;
            // 8b /r mov becomes 8d /r lea.
            write_before(section, offset, 2, [0x8d, modrm, a, b, c, d])
        }
        Operation::DirectCall => {
            // ff 15 becomes 67 e8: the prefix has no effect and fills the byte.
            let [a, b, c, d] = signed32(relative(values))?;
            write_before(section, offset, 2, [0x67, 0xe8, a, b, c, d])
        }
        Operation::DirectJump => {
            // The field moves one byte down: jmp x; nop
            let [a, b, c, d] = signed32(relative(values).wrapping_add(1))?;
            write_before(section, offset, 2, [0xe9, a, b, c, d, 0x90])
        }
        Operation::Immediate(prefix) => apply_immediate(prefix, section, offset, values),
        Operation::ThreadLocal(sequence) => tls::apply(sequence, section, offset, values),
        Operation::Nothing | Operation::Field(..) => Ok(()),
    }
}

/// Turns the memory operand of the instruction before the field into an immediate: the register moves from ModRM.reg
/// to ModRM.rm, and with it its prefix bits.
fn apply_immediate(prefix: Prefix, section: &mut [u8], offset: usize, values: &Values) -> Result<(), Refusal> {
    // The addend of -4 belongs to the distance from the next instruction, which is gone.
    let [a, b, c, d] = signed32(values.symbol.wrapping_add_signed(values.addend).wrapping_add(4) as i64)?;
    let [opcode, modrm] = read_before::<2>(section, offset, 2)?;
    let register = 0xc0 | ((modrm >> 3) & 7);
    let (opcode, modrm) = match opcode {
        0x8b => (0xc7, register),                   // mov $x, %reg
        0x85 => (0xf7, register),                   // test $x, %reg
        other => (0x81, register | (other & 0x38)), // the operation's number is in the middle of its opcode
    };
    match prefix {
        Prefix::None => {}
        Prefix::Rex => {
            let [rex] = read_before::<1>(section, offset, 3)?;
            write_before(section, offset, 3, [tls::rex_reg_to_rm(rex)])?;
        }
        Prefix::Rex2 => {
            let [payload] = read_before::<1>(section, offset, 3)?;
            write_before(section, offset, 3, [tls::rex2_reg_to_rm(payload)])?;
        }
    }
    write_before(section, offset, 2, [opcode, modrm, a, b, c, d])
}

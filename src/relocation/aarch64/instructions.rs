//! The fields of A64 instructions that relocations fill, and the instructions that rewritten sequences are made of.
//! Bit positions are those of the Arm Architecture Reference Manual, chapter C4 "A64 Instruction Set Encoding".

use crate::relocation::Refusal;
use crate::relocation::field::{
    read, require_either, require_range, require_signed, require_unsigned, signed32, write,
};

/// `nop`
pub(super) const NOP: u32 = 0xd503_201f;
/// `mrs x0, tpidr_el0`: the thread pointer.
pub(super) const READ_THREAD_POINTER: u32 = 0xd53b_d040;

/// Where a value goes, and what it must fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    /// 8 bytes of data.
    Word64,
    /// 4 bytes of data of either sign.
    Either32,
    /// 4 bytes of data, signed.
    Signed32,
    /// 2 bytes of data of either sign.
    Either16,
    /// `adr`: signed 21 bits.
    Adr,
    /// `adrp`: the distance between pages, below 4 GiB.
    Adrp,
    /// `adrp`, without a check.
    AdrpUnchecked,
    /// `ldr` from a literal, `b.cond`, `cbz`: signed 21 bits, in words.
    Literal,
    /// `tbz`: signed 16 bits, in words.
    TestBranch,
    /// `b`, `bl`: signed 28 bits, in words.
    Branch,
    /// `add`: the low 12 bits.
    AddLow,
    /// `add`: 12 bits, all of the value.
    AddAll,
    /// `add ..., lsl #12`: the upper half of a value of 24 bits.
    AddHigh,
    /// A load or store of `1 << n` bytes: the low 12 bits, a multiple of the size.
    LoadLow(u8),
    /// A load or store of `1 << n` bytes: 12 bits, all of the value.
    LoadAll(u8),
    /// A load of 8 bytes: 15 bits, all of the value.
    Load15,
    /// `movz`, `movk`: the 16 bits of this group, and nothing above.
    Move(u8),
    /// `movz`, `movk`: the 16 bits of this group.
    MovePart(u8),
    /// `movz` or, for a negative value, `movn`: the 16 bits of this group, and only the sign above.
    MoveSigned(u8),
}

/// The word at `offset`.
#[inline]
pub(super) fn word(section: &[u8], offset: usize) -> Result<u32, Refusal> {
    read(section, offset).map(u32::from_le_bytes)
}

/// Replaces the bits of `mask` in the word at `offset`.
#[inline(always)]
fn patch(section: &mut [u8], offset: usize, mask: u32, bits: u32) -> Result<(), Refusal> {
    let old = word(section, offset)?;
    write(section, offset, (old & !mask | bits & mask).to_le_bytes())
}

#[inline(always)]
fn require_multiple(value: i64, shift: u32) -> Result<(), Refusal> {
    let multiple = 1u64 << shift;
    if value as u64 & (multiple - 1) == 0 { Ok(()) } else { Err(Refusal::Misaligned { value: value as u64, multiple }) }
}

/// The two parts of the immediate of `adr` and `adrp`: bits 29-30 and 5-23.
#[inline(always)]
fn adr_bits(value: i64) -> u32 {
    let value = value as u32;
    (value & 3) << 29 | (value >> 2 & 0x7_ffff) << 5
}

const ADR_MASK: u32 = 0x60ff_ffe0;
const IMMEDIATE_12: u32 = 0xfff << 10;
const IMMEDIATE_16: u32 = 0xffff << 5;
const IMMEDIATE_19: u32 = 0x7_ffff << 5;

/// Stores a value that fits. For `adrp` it is the distance of the pages in bytes.
#[inline]
pub(super) fn store(encoding: Encoding, value: i64, section: &mut [u8], offset: usize) -> Result<(), Refusal> {
    match encoding {
        Encoding::Branch => {
            require_multiple(value, 2)?;
            require_signed(value, 28)?;
            patch(section, offset, 0x3ff_ffff, (value >> 2) as u32)
        }
        Encoding::Adrp => {
            require_signed(value, 33)?;
            patch(section, offset, ADR_MASK, adr_bits(value >> 12))
        }
        Encoding::AddLow => patch(section, offset, IMMEDIATE_12, (value as u32) << 10),
        Encoding::LoadLow(shift) => store_load(shift, value & 0xfff, section, offset),
        Encoding::Word64 => write(section, offset, value.to_le_bytes()),
        Encoding::Either32 => {
            require_either(value, 32)?;
            write(section, offset, (value as u32).to_le_bytes())
        }
        Encoding::Signed32 => write(section, offset, signed32(value)?),
        Encoding::Either16 => {
            require_either(value, 16)?;
            write(section, offset, (value as u16).to_le_bytes())
        }
        Encoding::Adr => {
            require_signed(value, 21)?;
            patch(section, offset, ADR_MASK, adr_bits(value))
        }
        Encoding::AdrpUnchecked => patch(section, offset, ADR_MASK, adr_bits(value >> 12)),
        Encoding::Literal => {
            require_multiple(value, 2)?;
            require_signed(value, 21)?;
            patch(section, offset, IMMEDIATE_19, ((value >> 2) as u32) << 5)
        }
        Encoding::TestBranch => {
            require_multiple(value, 2)?;
            require_signed(value, 16)?;
            patch(section, offset, 0x3fff << 5, ((value >> 2) as u32) << 5)
        }
        Encoding::AddAll => {
            require_unsigned(value, 12)?;
            patch(section, offset, IMMEDIATE_12, (value as u32) << 10)
        }
        Encoding::AddHigh => {
            require_unsigned(value, 24)?;
            patch(section, offset, IMMEDIATE_12, ((value >> 12) as u32) << 10)
        }
        Encoding::LoadAll(shift) => {
            require_unsigned(value, 12)?;
            store_load(shift, value, section, offset)
        }
        Encoding::Load15 => {
            require_unsigned(value, 15)?;
            store_load(3, value, section, offset)
        }
        Encoding::Move(group) => {
            if group < 3 {
                require_unsigned(value, 16 * (u32::from(group) + 1))?;
            }
            patch(section, offset, IMMEDIATE_16, move_bits(value, group))
        }
        Encoding::MovePart(group) => patch(section, offset, IMMEDIATE_16, move_bits(value, group)),
        Encoding::MoveSigned(group) => store_move_signed(group, value, section, offset),
    }
}

/// The scaled immediate of a load or store.
#[inline(always)]
fn store_load(shift: u8, value: i64, section: &mut [u8], offset: usize) -> Result<(), Refusal> {
    require_multiple(value, shift.into())?;
    patch(section, offset, IMMEDIATE_12, ((value >> shift) as u32) << 10)
}

fn move_bits(value: i64, group: u8) -> u32 {
    ((value >> (16 * u32::from(group & 3))) as u32 & 0xffff) << 5
}

/// Bit 30 tells `movz` from `movn`, which stores the complement.
fn store_move_signed(group: u8, value: i64, section: &mut [u8], offset: usize) -> Result<(), Refusal> {
    const MOVZ: u32 = 1 << 30;
    if group < 3 {
        let limit = 1i64 << (16 * (u32::from(group) + 1));
        require_range(value, -limit, limit - 1)?;
    }
    let (opcode, magnitude) = if value < 0 { (0, !value) } else { (MOVZ, value) };
    patch(section, offset, IMMEDIATE_16 | MOVZ, opcode | move_bits(magnitude, group))
}

/// `movz x<register>, #part` of the lowest group.
pub(super) fn movz_low(register: u32, value: u64) -> u32 {
    0xd280_0000 | (value as u32 & 0xffff) << 5 | register & 31
}

/// `movz x<register>, #part, lsl #16`
pub(super) fn movz_high(register: u32, value: u64) -> u32 {
    0xd2a0_0000 | ((value >> 16) as u32 & 0xffff) << 5 | register & 31
}

/// `movk x<register>, #part` of the lowest group.
pub(super) fn movk_low(register: u32, value: u64) -> u32 {
    0xf280_0000 | (value as u32 & 0xffff) << 5 | register & 31
}

/// `movk x<register>, #part, lsl #16`
pub(super) fn movk_high(register: u32, value: u64) -> u32 {
    0xf2a0_0000 | ((value >> 16) as u32 & 0xffff) << 5 | register & 31
}

/// `add x<to>, x<from>, #part` of the low 12 bits.
pub(super) fn add_low(to: u32, from: u32, value: u64) -> u32 {
    0x9100_0000 | (value as u32 & 0xfff) << 10 | (from & 31) << 5 | to & 31
}

/// `add x<to>, x<from>, #part, lsl #12` of the 12 bits above.
pub(super) fn add_high(to: u32, from: u32, value: u64) -> u32 {
    0x9140_0000 | ((value >> 12) as u32 & 0xfff) << 10 | (from & 31) << 5 | to & 31
}

/// `adrp x<register>, page`, for an instruction at `place`.
pub(super) fn adrp(register: u32, place: u64, target: u64) -> Result<u32, Refusal> {
    let distance = (target & !0xfff).wrapping_sub(place & !0xfff) as i64;
    require_signed(distance, 33)?;
    Ok(0x9000_0000 | adr_bits(distance >> 12) | register & 31)
}

/// `adrp x0, ...`
pub(super) fn is_adrp_x0(word: u32) -> bool {
    word & 0x9f00_001f == 0x9000_0000
}

/// `adr x0, ...`
pub(super) fn is_adr_x0(word: u32) -> bool {
    word & 0x9f00_001f == 0x1000_0000
}

/// `adrp`
pub(super) fn is_adrp(word: u32) -> bool {
    word & 0x9f00_0000 == 0x9000_0000
}

/// `ldr xt, [xn, #...]`
pub(super) fn is_load64(word: u32) -> bool {
    word & 0xffc0_0000 == 0xf940_0000
}

/// `add x0, x0, #...`
pub(super) fn is_add_x0(word: u32) -> bool {
    word & 0xff80_03ff == 0x9100_0000
}

/// `add x0, xn, xm` where one of the two is x0.
pub(super) fn is_add_registers_x0(word: u32) -> bool {
    // Any registers, then one of them.
    word & 0xffe0_fc1f == 0x8b00_0000 && (word >> 5 & 31 == 0 || word >> 16 & 31 == 0)
}

/// `bl`
pub(super) fn is_bl(word: u32) -> bool {
    word & 0xfc00_0000 == 0x9400_0000
}

/// `blr`
pub(super) fn is_blr(word: u32) -> bool {
    word & 0xffff_fc1f == 0xd63f_0000
}

/// `movz x0, ...` or `movk x0, ...`
pub(super) fn is_wide_move_x0(word: u32) -> bool {
    word & 0xdf80_001f == 0xd280_0000
}

/// Bits 0-4: the destination of most instructions.
pub(super) fn destination(word: u32) -> u32 {
    word & 31
}

/// Bits 5-9: the base of loads.
pub(super) fn base(word: u32) -> u32 {
    word >> 5 & 31
}

//! What a differing place of code or data points at: enough decoding to tell a wrong target from a wrong instruction.

use object::elf::{EM_AARCH64, EM_X86_64};

use super::findings::hex;
use super::locate::Locator;
use crate::executable::bytes::{half, word};

/// The bytes of a differing place and what they refer to. `at` is the offset of the first differing byte in the section's
/// bytes, which start at `address`.
pub fn describe(side: &Locator<'_>, bytes: &[u8], at: usize, address: u64) -> String {
    let shown = hex(&bytes[at.min(bytes.len())..bytes.len().min(at.saturating_add(12))]);
    let target = match side.image.field("e_machine") as u16 {
        EM_X86_64 => x86_64(bytes, at, address),
        EM_AARCH64 => aarch64(bytes, at, address),
        _ => None,
    };
    match target.filter(|target| side.image.section_at(*target).is_some()) {
        Some(target) => format!("{shown} (to {} at {target:#x})", side.name(target)),
        None => shown,
    }
}

/// The same for data: a pointer that the differing byte is part of.
pub fn describe_data(side: &Locator<'_>, bytes: &[u8], at: usize, address: u64) -> String {
    let shown = hex(&bytes[at.min(bytes.len())..bytes.len().min(at.saturating_add(16))]);
    let start = (at as u64).saturating_sub(address.wrapping_add(at as u64) % 8) as usize;
    match word(bytes, start).filter(|target| *target != 0 && side.image.section_at(*target).is_some()) {
        Some(target) => format!("{shown} (pointer to {} at {target:#x})", side.name(target)),
        None => shown,
    }
}

/// A 32-bit displacement from the next instruction: calls, jumps and operands relative to the instruction pointer.
fn x86_64(bytes: &[u8], at: usize, address: u64) -> Option<u64> {
    let starts = (at.saturating_sub(3)..=at).rev().filter(|start| {
        let before = |back: usize| start.checked_sub(back).and_then(|place| bytes.get(place)).copied().unwrap_or(0);
        let branch = matches!(before(1), 0xe8 | 0xe9) || before(2) == 0x0f && before(1) & 0xf0 == 0x80;
        // A ModRM byte with mod 0 and r/m 5 after an opcode that is not itself a displacement's byte.
        branch || before(1) & 0xc7 == 0x05
    });
    let start = starts.min()?;
    let displacement = i64::from(half(bytes, start)? as i32);
    Some(address.wrapping_add(start as u64).wrapping_add(4).wrapping_add_signed(displacement))
}

/// B, BL; ADRP with the ADD, LDR or STR after it.
fn aarch64(bytes: &[u8], at: usize, address: u64) -> Option<u64> {
    let start = at & !3;
    let place = address.wrapping_add(start as u64);
    let instruction = half(bytes, start)?;
    if instruction & 0x7c00_0000 == 0x1400_0000 {
        let displacement = i64::from((instruction << 6) as i32 >> 6) * 4;
        return Some(place.wrapping_add_signed(displacement));
    }
    let page = |instruction: u32, place: u64| {
        let immediate = (instruction >> 3 & 0x1f_fffc | instruction >> 29 & 3) << 11;
        let pages = i64::from(immediate as i32 >> 11);
        (place & !0xfff).wrapping_add_signed(pages * 4096)
    };
    let is_adrp = |instruction: u32| instruction & 0x9f00_0000 == 0x9000_0000;
    let (adrp, place, low) = if is_adrp(instruction) {
        (instruction, place, half(bytes, start + 4)?)
    } else {
        (half(bytes, start.checked_sub(4)?).filter(|before| is_adrp(*before))?, place.wrapping_sub(4), instruction)
    };
    let immediate = u64::from(low >> 10 & 0xfff);
    let scale = if low & 0x3b00_0000 == 0x3900_0000 { low >> 30 } else { 0 };
    Some(page(adrp, place).wrapping_add(immediate << scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_and_an_operand_of_x86_64() {
        let call = [0x90, 0xe8, 0x10, 0x00, 0x00, 0x00];
        assert_eq!(x86_64(&call, 3, 0x1000), Some(0x1016));
        let lea = [0x48, 0x8d, 0x05, 0xfc, 0xff, 0xff, 0xff];
        assert_eq!(x86_64(&lea, 3, 0x1000), Some(0x1003));
        assert_eq!(x86_64(&[0x90; 8], 4, 0x1000), None);
    }

    #[test]
    fn a_call_and_an_address_of_aarch64() {
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
        assert_eq!(aarch64(&words(&[0x97ff_ffff]), 1, 0x1_1000), Some(0x1_0ffc));
        // adrp x0, +1 page; add x0, x0, #0x10
        let pair = words(&[0xb000_0000, 0x9100_4000]);
        assert_eq!(aarch64(&pair, 0, 0x1_1230), Some(0x1_2010));
        assert_eq!(aarch64(&pair, 5, 0x1_1230), Some(0x1_2010));
        // ldr x1, [x0, #0x10]
        assert_eq!(aarch64(&words(&[0xb000_0000, 0xf940_0801]), 4, 0x1_1230), Some(0x1_2010));
    }
}

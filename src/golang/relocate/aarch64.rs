//! The instructions of A64 that Go's relocations patch (Go 1.26 and 1.27, `archreloc` of `cmd/link/internal/arm64/asm.go`).
//!
//! Compilers leave the fields zero, and Go's linker adds to them without clearing; so does this one.

use super::Fault;
use crate::golang::symbols::Relocation;
use crate::inputs::goobj::RelocationKind;

/// Bytes between the thread pointer and the thread-local block: the two words that the ABI reserves.
const THREAD_HEADER: i64 = 16;
/// What Go's linker lets a thread-local offset be.
const THREAD_LIMIT: i64 = 32678;
/// `movz xN, #0, lsl #16`
const MOVZ_HIGH: u32 = 0xd2a0_0000;
/// `movk xN, #0`
const MOVK_LOW: u32 = 0xf280_0000;

/// Patches the instruction, or the pair of instructions, at a relocation's offset.
pub(super) fn patch(relocation: &Relocation, target: u64, place: u64, bytes: &mut [u8]) -> Result<(), Fault> {
    use RelocationKind::*;
    let at = relocation.offset as usize;
    let field = bytes.get_mut(at..at + usize::from(relocation.size)).ok_or(Fault::Outside)?;
    let absolute = (target as i64).wrapping_add(relocation.addend);
    // The distance from the page of the instruction.
    let distance = absolute.wrapping_sub((place & !0xfff) as i64);
    let (words, rest) = field.as_chunks_mut::<4>();
    match (relocation.kind, words, rest) {
        (CallArm64, [call], []) => branch(call, absolute.wrapping_sub(place as i64)),
        (AddressArm64, [page, low], []) => {
            set(page, page_bits(distance)?);
            set(low, ((distance & 0xfff) as u32) << 10);
            Ok(())
        }
        (Arm64PcRelativeLoadStore(bits), [page, low], []) => {
            set(page, page_bits(distance)?);
            load_store(low, distance, scale(bits))
        }
        (Arm64LoadStore(bits), [low], []) => load_store(low, distance, scale(bits)),
        (Arm64TlsLe, [low], []) => {
            // The addend has no part in it.
            let offset = thread_offset(target as i64 + THREAD_HEADER)?;
            set(low, (offset as u32) << 5);
            Ok(())
        }
        (Arm64TlsIe, [page, load], []) => access_directly(page, load, absolute + THREAD_HEADER),
        (Arm64PcRelative, [word], []) => one_of_pair(word, distance),
        (Arm64Got, [word], []) => slot(word, distance),
        (
            CallArm64
            | AddressArm64
            | Arm64PcRelativeLoadStore(_)
            | Arm64LoadStore(_)
            | Arm64TlsLe
            | Arm64TlsIe
            | Arm64PcRelative
            | Arm64Got,
            ..,
        ) => Err(Fault::BadSize),
        _ => Err(Fault::Unsupported),
    }
}

/// The logarithm of the bytes of a load or store of so many bits.
const fn scale(bits: u8) -> u32 {
    bits.trailing_zeros() - 3
}

fn read(word: &[u8; 4]) -> u32 {
    u32::from_le_bytes(*word)
}

fn set(word: &mut [u8; 4], bits: u32) {
    *word = (read(word) | bits).to_le_bytes();
}

fn branch(word: &mut [u8; 4], distance: i64) -> Result<(), Fault> {
    if !(-1 << 27..1 << 27).contains(&distance) {
        return Err(Fault::TooFar(distance));
    }
    set(word, (distance >> 2) as u32 & 0x03ff_ffff);
    Ok(())
}

/// The immediate of `adrp`: 21 bits of pages.
fn page_bits(distance: i64) -> Result<u32, Fault> {
    if !(-1 << 32..1 << 32).contains(&distance) {
        return Err(Fault::TooFar(distance));
    }
    let pages = (distance >> 12) as u32;
    Ok((pages & 3) << 29 | (pages >> 2 & 0x7_ffff) << 5)
}

fn load_store(word: &mut [u8; 4], distance: i64, scale: u32) -> Result<(), Fault> {
    if distance & ((1 << scale) - 1) != 0 {
        return Err(Fault::Misaligned(distance, 1 << scale));
    }
    set(word, ((distance & 0xfff) as u32 >> scale) << 10);
    Ok(())
}

fn thread_offset(offset: i64) -> Result<i64, Fault> {
    if (0..THREAD_LIMIT).contains(&offset) { Ok(offset) } else { Err(Fault::TooFar(offset)) }
}

/// `adrp` and `ldr` of a thread-local offset in the GOT become `movz` and `movk` of the offset.
fn access_directly(page: &mut [u8; 4], load: &mut [u8; 4], offset: i64) -> Result<(), Fault> {
    let offset = thread_offset(offset)? as u32;
    if offset & 3 != 0 {
        return Err(Fault::Misaligned(i64::from(offset), 4));
    }
    *page = (MOVZ_HIGH | read(page) & 0x1f | (offset >> 16) << 5).to_le_bytes();
    *load = (MOVK_LOW | read(load) & 0x1f | (offset & 0xffff) << 5).to_le_bytes();
    Ok(())
}

/// `adrp`, `add`, or a load or store, as the instruction says.
fn one_of_pair(word: &mut [u8; 4], distance: i64) -> Result<(), Fault> {
    let instruction = read(word);
    if instruction >> 24 & 0x9f == 0x90 {
        set(word, page_bits(distance)?);
        return Ok(());
    }
    if instruction >> 24 & 0x9f == 0x91 {
        return load_store(word, distance, 0);
    }
    if instruction >> 24 & 0x3b == 0x39 {
        let size = instruction >> 30;
        let is_vector_of_16 = size == 0 && instruction >> 20 & 0x048 == 0x048;
        return load_store(word, distance, if is_vector_of_16 { 4 } else { size });
    }
    Err(Fault::Instruction(instruction))
}

/// `adrp` or `ldr` of a slot of the GOT.
fn slot(word: &mut [u8; 4], distance: i64) -> Result<(), Fault> {
    let instruction = read(word);
    if instruction >> 24 & 0x9f == 0x90 {
        set(word, page_bits(distance)?);
        return Ok(());
    }
    if instruction >> 24 == 0xf9 { load_store(word, distance, 3) } else { Err(Fault::Instruction(instruction)) }
}

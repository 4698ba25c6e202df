//! What only AMD64 code needs (Go 1.26 and 1.27, `cmd/link/internal/amd64/asm.go`).

use super::Fault;

/// Makes a load of a thread-local offset from the GOT a load of the offset itself, as a program knows it: before
/// `bytes[offset]`, `movq x@gottpoff(%rip), %reg` becomes `movq $x@tpoff, %reg` (psABI AMD64, "Initial Exec to Local Exec").
pub(super) fn access_directly(bytes: &mut [u8], offset: usize, size: u8) -> Result<(), Fault> {
    const MOV_LOAD: u8 = 0x8b;
    const MOV_IMMEDIATE: u8 = 0xc7;
    const ADD_IMMEDIATE: u8 = 0x81;
    const STACK_POINTER: u8 = 4;
    let instruction = offset.checked_sub(3).and_then(|start| bytes.get_mut(start..offset));
    let Some([prefix, opcode, operands]) = instruction else { return Err(Fault::Outside) };
    let register = *operands >> 3;
    if *opcode != MOV_LOAD && register != STACK_POINTER {
        return Err(Fault::Instruction(u32::from_be_bytes([0, *prefix, *opcode, *operands])));
    }
    // The register is in another field of the instruction now, and so its upper bit in another one of the prefix.
    match *prefix {
        0x4c => *prefix = 0x49,
        0x44 if size == 4 => *prefix = 0x41,
        _ => {}
    }
    *opcode = if *opcode == MOV_LOAD { MOV_IMMEDIATE } else { ADD_IMMEDIATE };
    *operands = 0xc0 | register;
    Ok(())
}

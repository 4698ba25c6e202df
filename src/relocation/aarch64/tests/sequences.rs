//! Instruction sequences: each type on an instruction it is made for.

use super::*;

/// One relocation at the first of some instructions.
struct Case {
    kind: u32,
    addend: i64,
    before: &'static [u32],
    after: &'static [u32],
}

/// Addresses, distances and slots.
#[rustfmt::skip]
const ORDINARY_CASES: &[Case] = &[
    Case { kind: R_AARCH64_ADR_PREL_PG_HI21, addend: 0, before: &[0x9000_0003], after: &[0x9000_0023] }, // adrp x3, x  =>  adrp x3, .+0x4000
    Case { kind: R_AARCH64_ADD_ABS_LO12_NC, addend: 0, before: &[0x9100_0063], after: &[0x910d_0063] }, // add x3, x3, :lo12:x  =>  add x3, x3, #0x340
    Case { kind: R_AARCH64_LDST8_ABS_LO12_NC, addend: 0, before: &[0x3940_0063], after: &[0x394d_0063] }, // ldrb w3, [x3, :lo12:x]  =>  ldrb w3, [x3, #0x340]
    Case { kind: R_AARCH64_LDST16_ABS_LO12_NC, addend: 0, before: &[0x7940_0063], after: &[0x7946_8063] }, // ldrh w3, [x3, :lo12:x]  =>  ldrh w3, [x3, #0x340]
    Case { kind: R_AARCH64_LDST32_ABS_LO12_NC, addend: 0, before: &[0xb940_0063], after: &[0xb943_4063] }, // ldr w3, [x3, :lo12:x]  =>  ldr w3, [x3, #0x340]
    Case { kind: R_AARCH64_LDST64_ABS_LO12_NC, addend: 0, before: &[0xf940_0063], after: &[0xf941_a063] }, // ldr x3, [x3, :lo12:x]  =>  ldr x3, [x3, #0x340]
    Case { kind: R_AARCH64_LDST128_ABS_LO12_NC, addend: 0, before: &[0x3dc0_0063], after: &[0x3dc0_d063] }, // ldr q3, [x3, :lo12:x]  =>  ldr q3, [x3, #0x340]
    Case { kind: R_AARCH64_ADR_PREL_LO21, addend: 0, before: &[0x1000_0003], after: &[0x1002_1203] }, // adr x3, x  =>  adr x3, .+0x4240
    Case { kind: R_AARCH64_LD_PREL_LO19, addend: 0, before: &[0x5800_0003], after: &[0x5802_1203] }, // ldr x3, x  =>  ldr x3, .+0x4240
    Case { kind: R_AARCH64_CALL26, addend: 0, before: &[0x9400_0000], after: &[0x9400_1090] }, // bl x  =>  bl .+0x4240
    Case { kind: R_AARCH64_JUMP26, addend: 0, before: &[0x1400_0000], after: &[0x1400_1090] }, // b x  =>  b .+0x4240
    Case { kind: R_AARCH64_CONDBR19, addend: 0, before: &[0x5400_0001], after: &[0x5402_1201] }, // b.ne x  =>  b.ne .+0x4240
    Case { kind: R_AARCH64_CONDBR19, addend: 0, before: &[0xb400_0003], after: &[0xb402_1203] }, // cbz x3, x  =>  cbz x3, .+0x4240
    Case { kind: R_AARCH64_TSTBR14, addend: 0, before: &[0x3628_0003], after: &[0x362a_1203] }, // tbz x3, #5, x  =>  tbz x3, #5, .+0x4240
    Case { kind: R_AARCH64_MOVW_UABS_G0, addend: -0x400000, before: &[0xd280_0003], after: &[0xd288_6803] }, // movz x3, #:abs_g0:x-0x400000  =>  movz x3, #0x4340
    Case { kind: R_AARCH64_MOVW_UABS_G1, addend: 0, before: &[0xd2a0_0003], after: &[0xd2a0_0803] }, // movz x3, #:abs_g1:x  =>  movz x3, #0x40, lsl #16
    Case { kind: R_AARCH64_MOVW_UABS_G0_NC, addend: 0, before: &[0xf280_0003], after: &[0xf288_6803] }, // movk x3, #:abs_g0_nc:x  =>  movk x3, #0x4340
    Case { kind: R_AARCH64_MOVW_UABS_G1_NC, addend: 0, before: &[0xf2a0_0003], after: &[0xf2a0_0803] }, // movk x3, #:abs_g1_nc:x  =>  movk x3, #0x40, lsl #16
    Case { kind: R_AARCH64_MOVW_UABS_G2, addend: 0, before: &[0xd2c0_0003], after: &[0xd2c0_0003] }, // movz x3, #:abs_g2:x  =>  movz x3, #0, lsl #32
    Case { kind: R_AARCH64_MOVW_UABS_G2_NC, addend: 0, before: &[0xf2c0_0003], after: &[0xf2c0_0003] }, // movk x3, #:abs_g2_nc:x  =>  movk x3, #0, lsl #32
    Case { kind: R_AARCH64_MOVW_UABS_G3, addend: 0, before: &[0xf2e0_0003], after: &[0xf2e0_0003] }, // movk x3, #:abs_g3:x  =>  movk x3, #0, lsl #48
    Case { kind: R_AARCH64_MOVW_SABS_G1, addend: 0, before: &[0xd2a0_0003], after: &[0xd2a0_0803] }, // movz x3, #:abs_g1_s:x  =>  movz x3, #0x40, lsl #16
    Case { kind: R_AARCH64_MOVW_SABS_G2, addend: 0, before: &[0xd2c0_0003], after: &[0xd2c0_0003] }, // movz x3, #:abs_g2_s:x  =>  movz x3, #0, lsl #32
    Case { kind: R_AARCH64_MOVW_PREL_G0, addend: 0, before: &[0xd280_0003], after: &[0xd288_4803] }, // movz x3, #:prel_g0:x  =>  movz x3, #0x4240
    Case { kind: R_AARCH64_MOVW_PREL_G0_NC, addend: 0, before: &[0xf280_0003], after: &[0xf288_4803] }, // movk x3, #:prel_g0_nc:x  =>  movk x3, #0x4240
    Case { kind: R_AARCH64_MOVW_PREL_G1, addend: 0, before: &[0xd2a0_0003], after: &[0xd2a0_0003] }, // movz x3, #:prel_g1:x  =>  movz x3, #0, lsl #16
    Case { kind: R_AARCH64_MOVW_PREL_G1_NC, addend: 0, before: &[0xf2a0_0003], after: &[0xf2a0_0003] }, // movk x3, #:prel_g1_nc:x  =>  movk x3, #0, lsl #16
    Case { kind: R_AARCH64_MOVW_PREL_G2, addend: 0, before: &[0xd2c0_0003], after: &[0xd2c0_0003] }, // movz x3, #:prel_g2:x  =>  movz x3, #0, lsl #32
    Case { kind: R_AARCH64_MOVW_PREL_G2_NC, addend: 0, before: &[0xf2c0_0003], after: &[0xf2c0_0003] }, // movk x3, #:prel_g2_nc:x  =>  movk x3, #0, lsl #32
    Case { kind: R_AARCH64_MOVW_PREL_G3, addend: 0, before: &[0xd2e0_0003], after: &[0xd2e0_0003] }, // movz x3, #:prel_g3:x  =>  movz x3, #0, lsl #48
    Case { kind: R_AARCH64_ADR_GOT_PAGE, addend: 0, before: &[0x9000_0003], after: &[0xd000_0023] }, // adrp x3, :got:x  =>  adrp x3, .+0x6000
    Case { kind: R_AARCH64_LD64_GOT_LO12_NC, addend: 0, before: &[0xf940_0063], after: &[0xf940_0863] }, // ldr x3, [x3, :got_lo12:x]  =>  ldr x3, [x3, #0x10]
    Case { kind: R_AARCH64_LD64_GOTPAGE_LO15, addend: 0, before: &[0xf940_0083], after: &[0xf940_0883] }, // ldr x3, [x4, :gotpage_lo15:x]  =>  ldr x3, [x4, #0x10]
    Case { kind: R_AARCH64_GOT_LD_PREL19, addend: 0, before: &[0x5800_0003], after: &[0x5802_f883] }, // ldr x3, :got:x  =>  ldr x3, .+0x5f10
    Case { kind: R_AARCH64_ADR_PREL_PG_HI21_NC, addend: 0, before: &[0x9000_0003], after: &[0x9000_0023] }, // adrp x3, :pg_hi21_nc:x  =>  adrp x3, .+0x4000
    Case { kind: R_AARCH64_MOVW_SABS_G0, addend: -0x404341, before: &[0xd280_0003], after: &[0x9280_0003] }, // movz x3, #:abs_g0_s:x-0x404341  =>  movn x3, #0
    Case { kind: R_AARCH64_MOVW_SABS_G0, addend: -0x400000, before: &[0xd280_0003], after: &[0xd288_6803] }, // movz x3, #:abs_g0_s:x-0x400000  =>  movz x3, #0x4340
    Case { kind: R_AARCH64_MOVW_SABS_G1, addend: -0x404341, before: &[0x92a0_0003], after: &[0x92a0_0003] }, // movn x3, #:abs_g1_s:x-0x404341  =>  movn x3, #0, lsl #16
    Case { kind: R_AARCH64_MOVW_PREL_G0, addend: -0x4242, before: &[0xd280_0003], after: &[0x9280_0023] }, // movz x3, #:prel_g0:x-0x4242  =>  movn x3, #1
    Case { kind: R_AARCH64_ADR_PREL_LO21, addend: -0x4243, before: &[0x1000_0003], after: &[0x30ff_ffe3] }, // adr x3, x-0x4243  =>  adr x3, .-3
    Case { kind: R_AARCH64_CALL26, addend: -0x4244, before: &[0x9400_0000], after: &[0x97ff_ffff] }, // bl x-0x4244  =>  bl .-4
    Case { kind: R_AARCH64_CONDBR19, addend: -0x4244, before: &[0x5400_0001], after: &[0x54ff_ffe1] }, // b.ne x-0x4244  =>  b.ne .-4
    Case { kind: R_AARCH64_TSTBR14, addend: -0x4244, before: &[0xb640_0003], after: &[0xb647_ffe3] }, // tbz x3, #40, x-0x4244  =>  tbz x3, #40, .-4
    Case { kind: R_AARCH64_LD64_GOT_LO12_NC, addend: 0, before: &[0xf940_0383], after: &[0xf940_0b83] }, // ldr x3, [x28, :got_lo12:x]  =>  ldr x3, [x28, #0x10]
];

/// Thread-local accesses, for a variable 0x123456 above the thread pointer.
#[rustfmt::skip]
const THREAD_LOCAL: &[Case] = &[
    Case { kind: R_AARCH64_TLSDESC_ADR_PAGE21, addend: 0, before: &[0x9000_0000], after: &[0xd2a0_0240] }, // adrp x0, :tlsdesc:x  =>  movz x0, #0x12, lsl #16
    Case { kind: R_AARCH64_TLSDESC_LD64_LO12, addend: 0, before: &[0xf940_0001], after: &[0xf286_8ac0] }, // ldr x1, [x0, :tlsdesc_lo12:x]  =>  movk x0, #0x3456
    Case { kind: R_AARCH64_TLSDESC_ADD_LO12, addend: 0, before: &[0x9100_0000], after: &[0xd503_201f] }, // add x0, x0, :tlsdesc_lo12:x  =>  nop
    Case { kind: R_AARCH64_TLSDESC_CALL, addend: 0, before: &[0xd63f_0020], after: &[0xd503_201f] }, // .tlsdesccall x; blr x1  =>  nop
    Case { kind: R_AARCH64_TLSDESC_LD_PREL19, addend: 0, before: &[0x5800_0001], after: &[0xd2a0_0240] }, // ldr x1, :tlsdesc:x  =>  movz x0, #0x12, lsl #16
    Case { kind: R_AARCH64_TLSDESC_ADR_PREL21, addend: 0, before: &[0x1000_0000], after: &[0xf286_8ac0] }, // adr x0, :tlsdesc:x  =>  movk x0, #0x3456
    Case { kind: R_AARCH64_TLSDESC_OFF_G1, addend: 0, before: &[0xd2a0_0000], after: &[0xd2a0_0240] }, // movz x0, #:tlsdesc_off_g1:x  =>  movz x0, #0x12, lsl #16
    Case { kind: R_AARCH64_TLSDESC_OFF_G0_NC, addend: 0, before: &[0xf280_0000], after: &[0xf286_8ac0] }, // movk x0, #:tlsdesc_off_g0_nc:x  =>  movk x0, #0x3456
    Case { kind: R_AARCH64_TLSDESC_LDR, addend: 0, before: &[0xf860_6841], after: &[0xd503_201f] }, // .tlsdescldr x; ldr x1, [x2, x0]  =>  nop
    Case { kind: R_AARCH64_TLSDESC_ADD, addend: 0, before: &[0x8b00_0040], after: &[0xd503_201f] }, // .tlsdescadd x; add x0, x2, x0  =>  nop
    Case { kind: R_AARCH64_TLSGD_ADR_PAGE21, addend: 0, before: &[0x9000_0000], after: &[0xd53b_d040] }, // adrp x0, :tlsgd:x  =>  mrs x0, tpidr_el0
    Case { kind: R_AARCH64_TLSGD_ADD_LO12_NC, addend: 0, before: &[0x9100_0000, 0x9400_0000, 0xd503_201f], after: &[0x9144_8c00, 0x9111_5800, 0xd503_201f] }, // add x0, x0, :tlsgd_lo12:x; bl y; nop  =>  add x0, x0, #0x123, lsl #12; add x0, x0, #0x456; nop
    Case { kind: R_AARCH64_TLSGD_ADR_PREL21, addend: 0, before: &[0x1000_0000, 0x9400_0000, 0xd503_201f], after: &[0xd53b_d040, 0x9144_8c00, 0x9111_5800] }, // adr x0, :tlsgd:x; bl y; nop  =>  mrs x0, tpidr_el0; add x0, x0, #0x123, lsl #12; add x0, x0, #0x456
    Case { kind: R_AARCH64_TLSGD_MOVW_G1, addend: 0, before: &[0xd2a0_0000], after: &[0xd53b_d040] }, // movz x0, #:tlsgd_g1:x  =>  mrs x0, tpidr_el0
    Case { kind: R_AARCH64_TLSGD_MOVW_G0_NC, addend: 0, before: &[0xf280_0000, 0x8b00_0380, 0x9400_0000, 0xd503_201f], after: &[0x9144_8c00, 0x9111_5800, 0xd503_201f, 0xd503_201f] }, // movk x0, #:tlsgd_g0_nc:x; add x0, x28, x0; bl y; nop  =>  add x0, x0, #0x123, lsl #12; add x0, x0, #0x456; nop; nop
    Case { kind: R_AARCH64_TLSLD_ADR_PAGE21, addend: 0, before: &[0x9000_0000], after: &[0xd53b_d040] }, // adrp x0, :tlsldm:x  =>  mrs x0, tpidr_el0
    Case { kind: R_AARCH64_TLSLD_ADD_LO12_NC, addend: 0, before: &[0x9100_0000, 0x9400_0000, 0xd503_201f], after: &[0xd503_201f, 0xd503_201f, 0xd503_201f] }, // add x0, x0, :tlsldm_lo12_nc:x; bl y; nop  =>  nop; nop; nop
    Case { kind: R_AARCH64_TLSLD_ADR_PREL21, addend: 0, before: &[0x1000_0000, 0x9400_0000, 0xd503_201f], after: &[0xd53b_d040, 0xd503_201f, 0xd503_201f] }, // adr x0, :tlsldm:x; bl y; nop  =>  mrs x0, tpidr_el0; nop; nop
    Case { kind: R_AARCH64_TLSIE_ADR_GOTTPREL_PAGE21, addend: 0, before: &[0x9000_0007], after: &[0xd286_8ac7] }, // adrp x7, :gottprel:x  =>  movz x7, #0x3456
    Case { kind: R_AARCH64_TLSIE_LD64_GOTTPREL_LO12_NC, addend: 0, before: &[0xf940_00e7], after: &[0xf2a0_0247] }, // ldr x7, [x7, :gottprel_lo12:x]  =>  movk x7, #0x12, lsl #16
    Case { kind: R_AARCH64_TLSIE_LD64_GOTTPREL_LO12_NC, addend: 0, before: &[0xf940_00e9], after: &[0x9144_80e9] }, // ldr x9, [x7, :gottprel_lo12:x]  =>  add x9, x7, #0x120, lsl #12
    Case { kind: R_AARCH64_TLSLE_ADD_TPREL_HI12, addend: 0, before: &[0x9140_0041], after: &[0x9144_8c41] }, // add x1, x2, :tprel_hi12:x, lsl #12  =>  add x1, x2, #0x123, lsl #12
    Case { kind: R_AARCH64_TLSLE_ADD_TPREL_LO12_NC, addend: 0, before: &[0x9100_0041], after: &[0x9111_5841] }, // add x1, x2, :tprel_lo12_nc:x  =>  add x1, x2, #0x456
    Case { kind: R_AARCH64_TLSLE_LDST8_TPREL_LO12_NC, addend: 0, before: &[0x3940_0041], after: &[0x3951_5841] }, // ldrb w1, [x2, :tprel_lo12_nc:x]  =>  ldrb w1, [x2, #0x456]
    Case { kind: R_AARCH64_TLSLE_LDST16_TPREL_LO12_NC, addend: 0, before: &[0x7940_0041], after: &[0x7948_ac41] }, // ldrh w1, [x2, :tprel_lo12_nc:x]  =>  ldrh w1, [x2, #0x456]
    Case { kind: R_AARCH64_TLSLE_MOVW_TPREL_G1, addend: 0, before: &[0xd2a0_0001], after: &[0xd2a0_0241] }, // movz x1, #:tprel_g1:x  =>  movz x1, #0x12, lsl #16
    Case { kind: R_AARCH64_TLSLE_MOVW_TPREL_G0_NC, addend: 0, before: &[0xf280_0001], after: &[0xf286_8ac1] }, // movk x1, #:tprel_g0_nc:x  =>  movk x1, #0x3456
    Case { kind: R_AARCH64_TLSLE_MOVW_TPREL_G2, addend: 0, before: &[0xd2c0_0001], after: &[0xd2c0_0001] }, // movz x1, #:tprel_g2:x  =>  movz x1, #0, lsl #32
    Case { kind: R_AARCH64_TLSLE_MOVW_TPREL_G1_NC, addend: 0, before: &[0xf2a0_0001], after: &[0xf2a0_0241] }, // movk x1, #:tprel_g1_nc:x  =>  movk x1, #0x12, lsl #16
    Case { kind: R_AARCH64_TLSLD_ADD_DTPREL_HI12, addend: 0, before: &[0x9140_0041], after: &[0x9144_8c41] }, // add x1, x2, :dtprel_hi12:x, lsl #12  =>  add x1, x2, #0x123, lsl #12
    Case { kind: R_AARCH64_TLSLD_ADD_DTPREL_LO12_NC, addend: 0, before: &[0x9100_0041], after: &[0x9111_5841] }, // add x1, x2, :dtprel_lo12_nc:x  =>  add x1, x2, #0x456
    Case { kind: R_AARCH64_TLSLD_LDST8_DTPREL_LO12_NC, addend: 0, before: &[0x3940_0041], after: &[0x3951_5841] }, // ldrb w1, [x2, :dtprel_lo12_nc:x]  =>  ldrb w1, [x2, #0x456]
    Case { kind: R_AARCH64_TLSLD_LDST16_DTPREL_LO12_NC, addend: 0, before: &[0x7940_0041], after: &[0x7948_ac41] }, // ldrh w1, [x2, :dtprel_lo12_nc:x]  =>  ldrh w1, [x2, #0x456]
    Case { kind: R_AARCH64_TLSIE_LD_GOTTPREL_PREL19, addend: 0, before: &[0x5800_0001], after: &[0x5802_f881] }, // ldr x1, :gottprel:x  =>  ldr x1, .+0x5f10
    Case { kind: R_AARCH64_TLSIE_MOVW_GOTTPREL_G1, addend: 0, before: &[0xd2a0_0001], after: &[0xd2a0_0001] }, // movz x1, #:gottprel_g1:x  =>  movz x1, #0, lsl #16
    Case { kind: R_AARCH64_TLSIE_MOVW_GOTTPREL_G0_NC, addend: 0, before: &[0xf280_0001], after: &[0xf280_0201] }, // movk x1, #:gottprel_g0_nc:x  =>  movk x1, #0x10
    Case { kind: R_AARCH64_TLSLE_LDST32_TPREL_LO12_NC, addend: -0x6, before: &[0xb940_0041], after: &[0xb944_5041] }, // ldr w1, [x2, :tprel_lo12_nc:x-6]  =>  ldr w1, [x2, #0x450]
    Case { kind: R_AARCH64_TLSLE_LDST64_TPREL_LO12_NC, addend: -0x6, before: &[0xf940_0041], after: &[0xf942_2841] }, // ldr x1, [x2, :tprel_lo12_nc:x-6]  =>  ldr x1, [x2, #0x450]
    Case { kind: R_AARCH64_TLSLD_LDST32_DTPREL_LO12_NC, addend: -0x6, before: &[0xb940_0041], after: &[0xb944_5041] }, // ldr w1, [x2, :dtprel_lo12_nc:x-6]  =>  ldr w1, [x2, #0x450]
    Case { kind: R_AARCH64_TLSLD_LDST64_DTPREL_LO12_NC, addend: -0x6, before: &[0xf940_0041], after: &[0xf942_2841] }, // ldr x1, [x2, :dtprel_lo12_nc:x-6]  =>  ldr x1, [x2, #0x450]
    Case { kind: R_AARCH64_TLSLE_ADD_TPREL_LO12, addend: -0x123400, before: &[0x9100_0041], after: &[0x9101_5841] }, // add x1, x2, :tprel_lo12:x-0x123400  =>  add x1, x2, #0x56
    Case { kind: R_AARCH64_TLSLE_LDST8_TPREL_LO12, addend: -0x123400, before: &[0x3940_0041], after: &[0x3941_5841] }, // ldrb w1, [x2, :tprel_lo12:x-0x123400]  =>  ldrb w1, [x2, #0x56]
    Case { kind: R_AARCH64_TLSLE_LDST16_TPREL_LO12, addend: -0x123400, before: &[0x7940_0041], after: &[0x7940_ac41] }, // ldrh w1, [x2, :tprel_lo12:x-0x123400]  =>  ldrh w1, [x2, #0x56]
    Case { kind: R_AARCH64_TLSLE_LDST32_TPREL_LO12, addend: -0x123406, before: &[0xb940_0041], after: &[0xb940_5041] }, // ldr w1, [x2, :tprel_lo12:x-0x123406]  =>  ldr w1, [x2, #0x50]
    Case { kind: R_AARCH64_TLSLE_LDST64_TPREL_LO12, addend: -0x123406, before: &[0xf940_0041], after: &[0xf940_2841] }, // ldr x1, [x2, :tprel_lo12:x-0x123406]  =>  ldr x1, [x2, #0x50]
    Case { kind: R_AARCH64_TLSLD_ADD_DTPREL_LO12, addend: -0x123400, before: &[0x9100_0041], after: &[0x9101_5841] }, // add x1, x2, :dtprel_lo12:x-0x123400  =>  add x1, x2, #0x56
    Case { kind: R_AARCH64_TLSLE_MOVW_TPREL_G0, addend: -0x123400, before: &[0xd280_0001], after: &[0xd280_0ac1] }, // movz x1, #:tprel_g0:x-0x123400  =>  movz x1, #0x56
    Case { kind: R_AARCH64_TLSLE_MOVW_TPREL_G0, addend: -0x123458, before: &[0xd280_0001], after: &[0x9280_0021] }, // movz x1, #:tprel_g0:x-0x123458  =>  movn x1, #1
    Case { kind: R_AARCH64_TLSLD_MOVW_DTPREL_G1, addend: 0, before: &[0xd2a0_0001], after: &[0xd2a0_0241] }, // movz x1, #:dtprel_g1:x  =>  movz x1, #0x12, lsl #16
    Case { kind: R_AARCH64_TLSLD_MOVW_DTPREL_G0_NC, addend: 0, before: &[0xf280_0001], after: &[0xf286_8ac1] }, // movk x1, #:dtprel_g0_nc:x  =>  movk x1, #0x3456
    Case { kind: R_AARCH64_TLSLD_MOVW_DTPREL_G2, addend: 0, before: &[0xd2c0_0001], after: &[0xd2c0_0001] }, // movz x1, #:dtprel_g2:x  =>  movz x1, #0, lsl #32
    Case { kind: R_AARCH64_TLSLD_MOVW_DTPREL_G1_NC, addend: 0, before: &[0xf2a0_0001], after: &[0xf2a0_0241] }, // movk x1, #:dtprel_g1_nc:x  =>  movk x1, #0x12, lsl #16
    Case { kind: R_AARCH64_TLSLD_MOVW_DTPREL_G0, addend: -0x123400, before: &[0xd280_0001], after: &[0xd280_0ac1] }, // movz x1, #:dtprel_g0:x-0x123400  =>  movz x1, #0x56
    Case { kind: R_AARCH64_TLSLE_LDST128_TPREL_LO12_NC, addend: -6, before: &[0x3dc0_0041], after: &[0x3dc1_1441] }, // ldr q1, [x2, #0x450]
    Case { kind: R_AARCH64_TLSLD_LDST128_DTPREL_LO12_NC, addend: -6, before: &[0x3dc0_0041], after: &[0x3dc1_1441] }, // ldr q1, [x2, #0x450]
    Case { kind: R_AARCH64_TLSLD_LDST64_DTPREL_LO12, addend: -0x12_3406, before: &[0xf940_0041], after: &[0xf940_2841] }, // ldr x1, [x2, #0x50]
];

#[test]
fn instructions_get_their_part() {
    for case in ORDINARY_CASES {
        let values = Values { addend: case.addend, ..VALUES };
        let linked = link(case.kind, ORDINARY, FIXED, case.before, values);
        assert_eq!(linked, Ok(section(case.after)), "{:?} {:x?}", Aarch64::type_name(case.kind), case.before);
        // A field has no memory: what stood there before does not matter.
        assert_eq!(link(case.kind, ORDINARY, FIXED, case.after, values), linked);
    }
}

#[test]
fn every_thread_local_access_becomes_local_exec() {
    for case in THREAD_LOCAL {
        let values = Values { addend: case.addend, ..VALUES };
        // Static executables have no other model, so neither --no-relax nor -pie keeps the compiler's.
        for mode in [FIXED, PIE, Mode { relax: false, ..FIXED }] {
            let linked = link(case.kind, VARIABLE, mode, case.before, values);
            assert_eq!(linked, Ok(section(case.after)), "{:?} {:x?}", Aarch64::type_name(case.kind), case.before);
        }
        let code = section(case.before);
        let decision = Aarch64::decide(case.kind, VARIABLE, FIXED, &code, 0, case.addend).unwrap();
        assert_eq!(decision.consumes_next, case.before.iter().any(|word| word >> 26 == 0b100101), "calls are consumed");
        let slot = matches!(
            case.kind,
            R_AARCH64_TLSIE_LD_GOTTPREL_PREL19 | R_AARCH64_TLSIE_MOVW_GOTTPREL_G1 | R_AARCH64_TLSIE_MOVW_GOTTPREL_G0_NC
        );
        assert_eq!(decision.need, if slot { Need::GotTpOffset } else { Need::Nothing });
    }
}

#[test]
fn every_part_of_a_sequence_must_be_there() {
    for case in THREAD_LOCAL.iter().filter(|case| case.before.len() > 1) {
        let code = section(case.before);
        let needed = match case.kind {
            R_AARCH64_TLSGD_ADR_PREL21 => 12,
            R_AARCH64_TLSGD_MOVW_G0_NC | R_AARCH64_TLSLD_MOVW_G0_NC => 12,
            _ => 8,
        };
        for end in 0..code.len() {
            let decided = Aarch64::decide(case.kind, VARIABLE, FIXED, &code[..end], 0, 0);
            assert_eq!(decided.is_ok(), end >= needed, "{end} of {:?}", Aarch64::type_name(case.kind));
        }
    }
    // Descriptors and calls use x0 only.
    for (kind, word) in [
        (R_AARCH64_TLSDESC_ADR_PAGE21, 0x9000_0001),
        (R_AARCH64_TLSDESC_LD64_LO12, 0xf940_0021),
        (R_AARCH64_TLSDESC_ADD_LO12, 0x9100_0020),
        (R_AARCH64_TLSDESC_CALL, 0xd61f_0020),
        (R_AARCH64_TLSGD_ADR_PAGE21, 0x9000_0003),
        (R_AARCH64_TLSIE_LD64_GOTTPREL_LO12_NC, 0xb940_0000),
    ] {
        let decided = Aarch64::decide(kind, VARIABLE, FIXED, &section(&[word]), 0, 0);
        assert!(matches!(decided, Err(Refusal::UnexpectedInstructions(_))), "{word:#x}");
    }
}

#[test]
fn offsets_beyond_a_sequence_are_refused() {
    let far = |offset: u64| Values { symbol: 0x40_0000 + offset, thread_pointer: 0x40_0000, ..VALUES };
    let refused = |kind, words: &[u32], offset| {
        matches!(link(kind, VARIABLE, FIXED, words, far(offset)), Err(Refusal::OutOfRange { .. }))
    };
    let general = [0x9100_0000, 0x9400_0000, NOP];
    assert!(!refused(R_AARCH64_TLSGD_ADD_LO12_NC, &general, 0xff_ffff));
    assert!(refused(R_AARCH64_TLSGD_ADD_LO12_NC, &general, 0x100_0000));
    // ldr x9, [x7] into another register; ldr x7, [x7]
    assert!(!refused(R_AARCH64_TLSIE_LD64_GOTTPREL_LO12_NC, &[0xf940_00e9], 0xff_ffff));
    assert!(refused(R_AARCH64_TLSIE_LD64_GOTTPREL_LO12_NC, &[0xf940_00e9], 0x100_0000));
    assert!(!refused(R_AARCH64_TLSIE_LD64_GOTTPREL_LO12_NC, &[0xf940_00e7], 0xffff_ffff));
    assert!(refused(R_AARCH64_TLSIE_LD64_GOTTPREL_LO12_NC, &[0xf940_00e7], 1 << 32));
    assert!(refused(R_AARCH64_TLSDESC_ADR_PAGE21, &[0x9000_0000], 1 << 32));
    // Before the thread pointer lies nothing of the program's.
    let before = Values { symbol: 0x40_0000, thread_pointer: 0x40_0010, ..VALUES };
    let refusal = link(R_AARCH64_TLSDESC_ADR_PAGE21, VARIABLE, FIXED, &[0x9000_0000], before).unwrap_err();
    assert_eq!(refusal, Refusal::OutOfRange { value: -16, minimum: 0, maximum: 0xffff_ffff });
}

const NOP: u32 = 0xd503_201f;

#[test]
fn a_branch_to_nothing_has_no_effect() {
    let nowhere = Values { symbol: 0, ..VALUES };
    for (kind, word) in [
        (R_AARCH64_CALL26, 0x9400_0000),
        (R_AARCH64_JUMP26, 0x1400_0000),
        (R_AARCH64_CONDBR19, 0x5400_0001),
        (R_AARCH64_TSTBR14, 0x3628_0003),
    ] {
        for mode in [FIXED, PIE] {
            assert_eq!(link(kind, WEAK, mode, &[word], nowhere), Ok(section(&[NOP])));
        }
        assert_eq!(need(kind, WEAK, PIE), Ok(Need::Nothing));
    }
}

#[test]
fn a_proven_pair_needs_no_slot() {
    // adrp x3, :got:x; ldr x3, [x3, :got_lo12:x]  =>  adrp x3, x; add x3, x3, :lo12:x
    let code = section(&[0x9000_0003, 0xf940_0063]);
    let (page, load) = (R_AARCH64_ADR_GOT_PAGE, R_AARCH64_LD64_GOT_LO12_NC);
    assert!(Aarch64::begins_pair(page) && !Aarch64::begins_pair(load));
    let decision = Aarch64::decide_pair(page, load, ORDINARY, PIE, &code, 0).unwrap();
    assert_eq!((decision.need, decision.consumes_next), (Need::Nothing, true));
    let mut linked = code.clone();
    Aarch64::apply(decision.operation, &mut linked, 0, &VALUES).unwrap();
    assert_eq!(linked, section(&[0x9000_0023, 0x910d_0063]));
    let far = Values { symbol: 1 << 33, ..VALUES };
    assert!(Aarch64::apply(decision.operation, &mut linked, 0, &far).is_err());
    assert_eq!(linked, section(&[0x9000_0023, 0x910d_0063]), "all or nothing");

    assert_eq!(Aarch64::decide_pair(page, load, IFUNC, PIE, &code, 0).unwrap().need, Need::IfuncStub);
    for facts in [ABSOLUTE, WEAK, VARIABLE] {
        assert_eq!(Aarch64::decide_pair(page, load, facts, FIXED, &code, 0), None);
    }
    assert_eq!(Aarch64::decide_pair(page, load, ORDINARY, Mode { relax: false, ..FIXED }, &code, 0), None);
    assert_eq!(Aarch64::decide_pair(page, page, ORDINARY, FIXED, &code, 0), None);
    assert_eq!(Aarch64::decide_pair(page, load, ORDINARY, FIXED, &code[..7], 0), None);
    // Another register may still be read.
    for other in [[0x9000_0003, 0xf940_0064], [0x9000_0003, 0xf940_0083], [0x9000_0003, 0xb940_0063]] {
        assert_eq!(Aarch64::decide_pair(page, load, ORDINARY, FIXED, &section(&other), 0), None);
    }
}

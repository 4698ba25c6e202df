//! Instruction sequences: each way a compiler may read a GOT slot or a thread-local variable, and what it becomes.

use super::*;

/// One relocation and the bytes around it.
struct Case {
    kind: u32,
    offset: usize,
    addend: i64,
    before: &'static str,
    after: &'static str,
}

impl Case {
    fn linked(&self, facts: TargetFacts, mode: Mode, values: Values) -> Result<Vec<u8>, Refusal> {
        link(self.kind, facts, mode, self.before, self.offset, Values { addend: self.addend, ..values })
    }
}

/// Thread-local accesses, for a variable 0x1234 below the thread pointer.
#[rustfmt::skip]
const THREAD_LOCAL: &[Case] = &[
    // .byte 0x66; leaq x@tlsgd(%rip),%rdi; .word 0x6666; rex64; call __tls_get_addr@PLT
    Case { kind: R_X86_64_TLSGD, offset: 4, addend: -4, before: "66 48 8d 3d 00 00 00 00 66 66 48 e8 00 00 00 00", after: "64 48 8b 04 25 00 00 00 00 48 8d 80 cc ed ff ff" },
    // .byte 0x66; leaq x@tlsgd(%rip),%rdi; .byte 0x66; rex64; call *__tls_get_addr@GOTPCREL(%rip)
    Case { kind: R_X86_64_TLSGD, offset: 4, addend: -4, before: "66 48 8d 3d 00 00 00 00 66 48 ff 15 00 00 00 00", after: "64 48 8b 04 25 00 00 00 00 48 8d 80 cc ed ff ff" },
    // leaq x@tlsgd(%rip),%rdi; movabsq $__tls_get_addr@PLTOFF,%rax; addq %rbx,%rax; call *%rax
    Case { kind: R_X86_64_TLSGD, offset: 3, addend: -4, before: "48 8d 3d 00 00 00 00 48 b8 00 00 00 00 00 00 00 00 48 01 d8 ff d0", after: "64 48 8b 04 25 00 00 00 00 48 8d 80 cc ed ff ff 66 0f 1f 44 00 00" },
    // leaq x@tlsgd(%rip),%rdi; movabsq $__tls_get_addr@PLTOFF,%rax; addq %r15,%rax; call *%rax
    Case { kind: R_X86_64_TLSGD, offset: 3, addend: -4, before: "48 8d 3d 00 00 00 00 48 b8 00 00 00 00 00 00 00 00 4c 01 f8 ff d0", after: "64 48 8b 04 25 00 00 00 00 48 8d 80 cc ed ff ff 66 0f 1f 44 00 00" },
    // leaq x@tlsld(%rip),%rdi; call __tls_get_addr@PLT
    Case { kind: R_X86_64_TLSLD, offset: 3, addend: -4, before: "48 8d 3d 00 00 00 00 e8 00 00 00 00", after: "66 66 66 64 48 8b 04 25 00 00 00 00" },
    // leaq x@tlsld(%rip),%rdi; call *__tls_get_addr@GOTPCREL(%rip)
    Case { kind: R_X86_64_TLSLD, offset: 3, addend: -4, before: "48 8d 3d 00 00 00 00 ff 15 00 00 00 00", after: "66 66 66 66 64 48 8b 04 25 00 00 00 00" },
    // leaq x@tlsld(%rip),%rdi; movabsq $__tls_get_addr@PLTOFF,%rax; addq %rbx,%rax; call *%rax
    Case { kind: R_X86_64_TLSLD, offset: 3, addend: -4, before: "48 8d 3d 00 00 00 00 48 b8 00 00 00 00 00 00 00 00 48 01 d8 ff d0", after: "66 66 66 66 2e 0f 1f 84 00 00 00 00 00 64 48 8b 04 25 00 00 00 00" },
    // movq x@gottpoff(%rip),%rax
    Case { kind: R_X86_64_GOTTPOFF, offset: 3, addend: -4, before: "48 8b 05 00 00 00 00", after: "48 c7 c0 cc ed ff ff" },
    // addq x@gottpoff(%rip),%rax
    Case { kind: R_X86_64_GOTTPOFF, offset: 3, addend: -4, before: "48 03 05 00 00 00 00", after: "48 8d 80 cc ed ff ff" },
    // movq x@gottpoff(%rip),%rcx
    Case { kind: R_X86_64_GOTTPOFF, offset: 3, addend: -4, before: "48 8b 0d 00 00 00 00", after: "48 c7 c1 cc ed ff ff" },
    // addq x@gottpoff(%rip),%rcx
    Case { kind: R_X86_64_GOTTPOFF, offset: 3, addend: -4, before: "48 03 0d 00 00 00 00", after: "48 8d 89 cc ed ff ff" },
    // movq x@gottpoff(%rip),%rbx
    Case { kind: R_X86_64_GOTTPOFF, offset: 3, addend: -4, before: "48 8b 1d 00 00 00 00", after: "48 c7 c3 cc ed ff ff" },
    // addq x@gottpoff(%rip),%rbx
    Case { kind: R_X86_64_GOTTPOFF, offset: 3, addend: -4, before: "48 03 1d 00 00 00 00", after: "48 8d 9b cc ed ff ff" },
    // movq x@gottpoff(%rip),%rsp
    Case { kind: R_X86_64_GOTTPOFF, offset: 3, addend: -4, before: "48 8b 25 00 00 00 00", after: "48 c7 c4 cc ed ff ff" },
    // addq x@gottpoff(%rip),%rsp
    Case { kind: R_X86_64_GOTTPOFF, offset: 3, addend: -4, before: "48 03 25 00 00 00 00", after: "48 81 c4 cc ed ff ff" },
    // movq x@gottpoff(%rip),%rbp
    Case { kind: R_X86_64_GOTTPOFF, offset: 3, addend: -4, before: "48 8b 2d 00 00 00 00", after: "48 c7 c5 cc ed ff ff" },
    // addq x@gottpoff(%rip),%rbp
    Case { kind: R_X86_64_GOTTPOFF, offset: 3, addend: -4, before: "48 03 2d 00 00 00 00", after: "48 8d ad cc ed ff ff" },
    // movq x@gottpoff(%rip),%rsi
    Case { kind: R_X86_64_GOTTPOFF, offset: 3, addend: -4, before: "48 8b 35 00 00 00 00", after: "48 c7 c6 cc ed ff ff" },
    // addq x@gottpoff(%rip),%rsi
    Case { kind: R_X86_64_GOTTPOFF, offset: 3, addend: -4, before: "48 03 35 00 00 00 00", after: "48 8d b6 cc ed ff ff" },
    // movq x@gottpoff(%rip),%r8
    Case { kind: R_X86_64_GOTTPOFF, offset: 3, addend: -4, before: "4c 8b 05 00 00 00 00", after: "49 c7 c0 cc ed ff ff" },
    // addq x@gottpoff(%rip),%r8
    Case { kind: R_X86_64_GOTTPOFF, offset: 3, addend: -4, before: "4c 03 05 00 00 00 00", after: "4d 8d 80 cc ed ff ff" },
    // movq x@gottpoff(%rip),%r12
    Case { kind: R_X86_64_GOTTPOFF, offset: 3, addend: -4, before: "4c 8b 25 00 00 00 00", after: "49 c7 c4 cc ed ff ff" },
    // addq x@gottpoff(%rip),%r12
    Case { kind: R_X86_64_GOTTPOFF, offset: 3, addend: -4, before: "4c 03 25 00 00 00 00", after: "49 81 c4 cc ed ff ff" },
    // movq x@gottpoff(%rip),%r13
    Case { kind: R_X86_64_GOTTPOFF, offset: 3, addend: -4, before: "4c 8b 2d 00 00 00 00", after: "49 c7 c5 cc ed ff ff" },
    // addq x@gottpoff(%rip),%r13
    Case { kind: R_X86_64_GOTTPOFF, offset: 3, addend: -4, before: "4c 03 2d 00 00 00 00", after: "4d 8d ad cc ed ff ff" },
    // movq x@gottpoff(%rip),%r15
    Case { kind: R_X86_64_GOTTPOFF, offset: 3, addend: -4, before: "4c 8b 3d 00 00 00 00", after: "49 c7 c7 cc ed ff ff" },
    // addq x@gottpoff(%rip),%r15
    Case { kind: R_X86_64_GOTTPOFF, offset: 3, addend: -4, before: "4c 03 3d 00 00 00 00", after: "4d 8d bf cc ed ff ff" },
    // leaq x@tlsdesc(%rip),%rax
    Case { kind: R_X86_64_GOTPC32_TLSDESC, offset: 3, addend: -4, before: "48 8d 05 00 00 00 00", after: "48 c7 c0 cc ed ff ff" },
    // leaq x@tlsdesc(%rip),%rdi
    Case { kind: R_X86_64_GOTPC32_TLSDESC, offset: 3, addend: -4, before: "48 8d 3d 00 00 00 00", after: "48 c7 c7 cc ed ff ff" },
    // leaq x@tlsdesc(%rip),%r9
    Case { kind: R_X86_64_GOTPC32_TLSDESC, offset: 3, addend: -4, before: "4c 8d 0d 00 00 00 00", after: "49 c7 c1 cc ed ff ff" },
    // call *x@tlscall(%rax)
    Case { kind: R_X86_64_TLSDESC_CALL, offset: 0, addend: 0, before: "ff 10", after: "66 90" },
    // leaq x@dtpoff(%rax),%rcx
    Case { kind: R_X86_64_DTPOFF32, offset: 3, addend: 0, before: "48 8d 88 00 00 00 00", after: "48 8d 88 cc ed ff ff" },
    // movabsq $x@dtpoff,%rcx
    Case { kind: R_X86_64_DTPOFF64, offset: 2, addend: 0, before: "48 b9 00 00 00 00 00 00 00 00", after: "48 b9 cc ed ff ff ff ff ff ff" },
    // leaq x@tpoff(%rax),%rcx
    Case { kind: R_X86_64_TPOFF32, offset: 3, addend: 0, before: "48 8d 88 00 00 00 00", after: "48 8d 88 cc ed ff ff" },
    // movl %fs:x@tpoff,%ecx
    Case { kind: R_X86_64_TPOFF32, offset: 4, addend: 0, before: "64 8b 0c 25 00 00 00 00", after: "64 8b 0c 25 cc ed ff ff" },
    // leaq x@tlsgd(%rip),%rdi; data16 rex64 addr32 call __tls_get_addr, as GNU ld leaves it in relocatable output
    Case { kind: R_X86_64_TLSGD, offset: 4, addend: -4, before: "66 48 8d 3d 00 00 00 00 66 48 67 e8 00 00 00 00", after: "64 48 8b 04 25 00 00 00 00 48 8d 80 cc ed ff ff" },
    // leaq x@tlsld(%rip),%rdi; addr32 call __tls_get_addr
    Case { kind: R_X86_64_TLSLD, offset: 3, addend: -4, before: "48 8d 3d 00 00 00 00 67 e8 00 00 00 00", after: "66 66 66 66 64 48 8b 04 25 00 00 00 00" },
    // addr32 call *x@tlscall(%eax)  =>  nopl (%rax)
    Case { kind: R_X86_64_TLSDESC_CALL, offset: 0, addend: 0, before: "67 ff 10", after: "0f 1f 00" },
    // movq x@gottpoff(%rip),%r16  =>  movq $-0x1234,%r16
    Case { kind: R_X86_64_CODE_4_GOTTPOFF, offset: 4, addend: -4, before: "d5 48 8b 05 00 00 00 00", after: "d5 18 c7 c0 cc ed ff ff" },
    // addq x@gottpoff(%rip),%r28  =>  addq $-0x1234,%r28
    Case { kind: R_X86_64_CODE_4_GOTTPOFF, offset: 4, addend: -4, before: "d5 4c 03 25 00 00 00 00", after: "d5 19 81 c4 cc ed ff ff" },
    // leaq x@tlsdesc(%rip),%r17  =>  movq $-0x1234,%r17
    Case { kind: R_X86_64_CODE_4_GOTPC32_TLSDESC, offset: 4, addend: -4, before: "d5 48 8d 0d 00 00 00 00", after: "d5 18 c7 c1 cc ed ff ff" },
];

/// GOT loads in an image at a fixed address.
#[rustfmt::skip]
const SLOT_READS: &[Case] = &[
    // movq x@GOTPCREL(%rip),%rax
    Case { kind: R_X86_64_REX_GOTPCRELX, offset: 3, addend: -4, before: "48 8b 05 00 00 00 00", after: "48 8d 05 fc 3e 00 00" },
    // movq x@GOTPCREL(%rip),%rsp
    Case { kind: R_X86_64_REX_GOTPCRELX, offset: 3, addend: -4, before: "48 8b 25 00 00 00 00", after: "48 8d 25 fc 3e 00 00" },
    // movq x@GOTPCREL(%rip),%rbp
    Case { kind: R_X86_64_REX_GOTPCRELX, offset: 3, addend: -4, before: "48 8b 2d 00 00 00 00", after: "48 8d 2d fc 3e 00 00" },
    // movq x@GOTPCREL(%rip),%r8
    Case { kind: R_X86_64_REX_GOTPCRELX, offset: 3, addend: -4, before: "4c 8b 05 00 00 00 00", after: "4c 8d 05 fc 3e 00 00" },
    // movq x@GOTPCREL(%rip),%r13
    Case { kind: R_X86_64_REX_GOTPCRELX, offset: 3, addend: -4, before: "4c 8b 2d 00 00 00 00", after: "4c 8d 2d fc 3e 00 00" },
    // movl x@GOTPCREL(%rip),%eax
    Case { kind: R_X86_64_GOTPCRELX, offset: 2, addend: -4, before: "8b 05 00 00 00 00", after: "8d 05 fc 3e 00 00" },
    // call *x@GOTPCREL(%rip)
    Case { kind: R_X86_64_GOTPCRELX, offset: 2, addend: -4, before: "ff 15 00 00 00 00", after: "67 e8 fc 3e 00 00" },
    // jmp *x@GOTPCREL(%rip)
    Case { kind: R_X86_64_GOTPCRELX, offset: 2, addend: -4, before: "ff 25 00 00 00 00", after: "e9 fd 3e 00 00 90" },
    // test %eax,x@GOTPCREL(%rip)
    Case { kind: R_X86_64_GOTPCRELX, offset: 2, addend: -4, before: "85 05 00 00 00 00", after: "f7 c0 00 40 40 00" },
    // cmp x@GOTPCREL(%rip),%eax
    Case { kind: R_X86_64_GOTPCRELX, offset: 2, addend: -4, before: "3b 05 00 00 00 00", after: "81 f8 00 40 40 00" },
    // test %ecx,x@GOTPCREL(%rip)
    Case { kind: R_X86_64_GOTPCRELX, offset: 2, addend: -4, before: "85 0d 00 00 00 00", after: "f7 c1 00 40 40 00" },
    // add x@GOTPCREL(%rip),%ecx
    Case { kind: R_X86_64_GOTPCRELX, offset: 2, addend: -4, before: "03 0d 00 00 00 00", after: "81 c1 00 40 40 00" },
    // or x@GOTPCREL(%rip),%ecx
    Case { kind: R_X86_64_GOTPCRELX, offset: 2, addend: -4, before: "0b 0d 00 00 00 00", after: "81 c9 00 40 40 00" },
    // adc x@GOTPCREL(%rip),%ecx
    Case { kind: R_X86_64_GOTPCRELX, offset: 2, addend: -4, before: "13 0d 00 00 00 00", after: "81 d1 00 40 40 00" },
    // sbb x@GOTPCREL(%rip),%ecx
    Case { kind: R_X86_64_GOTPCRELX, offset: 2, addend: -4, before: "1b 0d 00 00 00 00", after: "81 d9 00 40 40 00" },
    // and x@GOTPCREL(%rip),%ecx
    Case { kind: R_X86_64_GOTPCRELX, offset: 2, addend: -4, before: "23 0d 00 00 00 00", after: "81 e1 00 40 40 00" },
    // sub x@GOTPCREL(%rip),%ecx
    Case { kind: R_X86_64_GOTPCRELX, offset: 2, addend: -4, before: "2b 0d 00 00 00 00", after: "81 e9 00 40 40 00" },
    // xor x@GOTPCREL(%rip),%ecx
    Case { kind: R_X86_64_GOTPCRELX, offset: 2, addend: -4, before: "33 0d 00 00 00 00", after: "81 f1 00 40 40 00" },
    // cmp x@GOTPCREL(%rip),%ecx
    Case { kind: R_X86_64_GOTPCRELX, offset: 2, addend: -4, before: "3b 0d 00 00 00 00", after: "81 f9 00 40 40 00" },
    // test %rax,x@GOTPCREL(%rip)
    Case { kind: R_X86_64_REX_GOTPCRELX, offset: 3, addend: -4, before: "48 85 05 00 00 00 00", after: "48 f7 c0 00 40 40 00" },
    // cmp x@GOTPCREL(%rip),%rax
    Case { kind: R_X86_64_REX_GOTPCRELX, offset: 3, addend: -4, before: "48 3b 05 00 00 00 00", after: "48 81 f8 00 40 40 00" },
    // test %rsi,x@GOTPCREL(%rip)
    Case { kind: R_X86_64_REX_GOTPCRELX, offset: 3, addend: -4, before: "48 85 35 00 00 00 00", after: "48 f7 c6 00 40 40 00" },
    // test %r8,x@GOTPCREL(%rip)
    Case { kind: R_X86_64_REX_GOTPCRELX, offset: 3, addend: -4, before: "4c 85 05 00 00 00 00", after: "49 f7 c0 00 40 40 00" },
    // test %r14,x@GOTPCREL(%rip)
    Case { kind: R_X86_64_REX_GOTPCRELX, offset: 3, addend: -4, before: "4c 85 35 00 00 00 00", after: "49 f7 c6 00 40 40 00" },
    // add x@GOTPCREL(%rip),%r14
    Case { kind: R_X86_64_REX_GOTPCRELX, offset: 3, addend: -4, before: "4c 03 35 00 00 00 00", after: "49 81 c6 00 40 40 00" },
    // or x@GOTPCREL(%rip),%r14
    Case { kind: R_X86_64_REX_GOTPCRELX, offset: 3, addend: -4, before: "4c 0b 35 00 00 00 00", after: "49 81 ce 00 40 40 00" },
    // adc x@GOTPCREL(%rip),%r14
    Case { kind: R_X86_64_REX_GOTPCRELX, offset: 3, addend: -4, before: "4c 13 35 00 00 00 00", after: "49 81 d6 00 40 40 00" },
    // sbb x@GOTPCREL(%rip),%r14
    Case { kind: R_X86_64_REX_GOTPCRELX, offset: 3, addend: -4, before: "4c 1b 35 00 00 00 00", after: "49 81 de 00 40 40 00" },
    // and x@GOTPCREL(%rip),%r14
    Case { kind: R_X86_64_REX_GOTPCRELX, offset: 3, addend: -4, before: "4c 23 35 00 00 00 00", after: "49 81 e6 00 40 40 00" },
    // sub x@GOTPCREL(%rip),%r14
    Case { kind: R_X86_64_REX_GOTPCRELX, offset: 3, addend: -4, before: "4c 2b 35 00 00 00 00", after: "49 81 ee 00 40 40 00" },
    // xor x@GOTPCREL(%rip),%r14
    Case { kind: R_X86_64_REX_GOTPCRELX, offset: 3, addend: -4, before: "4c 33 35 00 00 00 00", after: "49 81 f6 00 40 40 00" },
    // cmp x@GOTPCREL(%rip),%r14
    Case { kind: R_X86_64_REX_GOTPCRELX, offset: 3, addend: -4, before: "4c 3b 35 00 00 00 00", after: "49 81 fe 00 40 40 00" },
    // test %ebp,x@GOTPCREL(%rip)
    Case { kind: R_X86_64_GOTPCRELX, offset: 2, addend: -4, before: "85 2d 00 00 00 00", after: "f7 c5 00 40 40 00" },
    // test %r10d,x@GOTPCREL(%rip)
    Case { kind: R_X86_64_REX_GOTPCRELX, offset: 3, addend: -4, before: "44 85 15 00 00 00 00", after: "41 f7 c2 00 40 40 00" },
    // movq x@GOTPCREL(%rip),%r20  =>  leaq x(%rip),%r20
    Case { kind: R_X86_64_CODE_4_GOTPCRELX, offset: 4, addend: -4, before: "d5 48 8b 25 00 00 00 00", after: "d5 48 8d 25 fc 3e 00 00" },
    // addq x@GOTPCREL(%rip),%r31  =>  addq $x,%r31
    Case { kind: R_X86_64_CODE_4_GOTPCRELX, offset: 4, addend: -4, before: "d5 4c 03 3d 00 00 00 00", after: "d5 19 81 c7 00 40 40 00" },
];

#[test]
fn every_thread_local_access_becomes_local_exec() {
    for case in THREAD_LOCAL {
        // Static executables have no other model, so neither --no-relax nor -pie keeps the compiler's.
        for mode in [FIXED, PIE, Mode { relax: false, ..FIXED }] {
            assert_eq!(case.linked(VARIABLE, mode, VALUES), Ok(bytes(case.after)), "{}", case.before);
        }
        let code = bytes(case.before);
        let decision = X86_64::decide(case.kind, VARIABLE, FIXED, &code, case.offset, case.addend).unwrap();
        assert_eq!(decision.need, Need::Nothing);
        assert_eq!(decision.consumes_next, matches!(case.kind, R_X86_64_TLSGD | R_X86_64_TLSLD));
    }
}

#[test]
fn a_sequence_cut_short_or_changed_is_refused() {
    for case in THREAD_LOCAL.iter().filter(|case| matches!(case.kind, R_X86_64_TLSGD | R_X86_64_TLSLD)) {
        let code = bytes(case.before);
        for end in 0..code.len() {
            let decision = X86_64::decide(case.kind, VARIABLE, FIXED, &code[..end], case.offset, -4);
            assert!(matches!(decision, Err(Refusal::UnexpectedInstructions(_))), "{} to {end}", case.before);
        }
        for index in 0..code.len() {
            let mut other = code.clone();
            other[index] ^= 0x80;
            let decision = X86_64::decide(case.kind, VARIABLE, FIXED, &other, case.offset, -4);
            // The zeros are fields; all else is instruction.
            assert_eq!(decision.is_ok(), code[index] == 0, "{} at {index}", case.before);
        }
    }
    for (kind, code) in [
        (R_X86_64_GOTPC32_TLSDESC, "48 8b 05 00 00 00 00"),
        (R_X86_64_TLSDESC_CALL, "90 90 90 ff 12 90 90"),
        (R_X86_64_CODE_4_GOTPC32_TLSDESC, "48 8d 05 00 00 00 00"),
        (R_X86_64_CODE_6_GOTPC32_TLSDESC, "48 8d 05 00 00 00 00"),
    ] {
        let decision = X86_64::decide(kind, VARIABLE, FIXED, &bytes(code), 3, -4);
        assert!(matches!(decision, Err(Refusal::UnexpectedInstructions(_))), "{code}");
    }
}

#[test]
fn unknown_initial_exec_instructions_keep_a_constant_slot() {
    // cmp x@gottpoff(%rip),%rax; movq with another addend; EVEX
    for (kind, code, addend) in [
        (R_X86_64_GOTTPOFF, "48 3b 05 00 00 00 00", -4),
        (R_X86_64_GOTTPOFF, "48 8b 05 00 00 00 00", 4),
        (R_X86_64_CODE_6_GOTTPOFF, "48 8b 05 00 00 00 00", -4),
    ] {
        let decision = X86_64::decide(kind, VARIABLE, PIE, &bytes(code), 3, addend).unwrap();
        assert_eq!(decision.operation, Operation::Field(Formula::SlotRelative, Width::Signed32));
        assert_eq!(decision.need, Need::GotTpOffset);
    }
}

#[test]
fn slot_reads_become_addresses() {
    for case in SLOT_READS {
        assert_eq!(case.linked(ORDINARY, FIXED, VALUES), Ok(bytes(case.after)), "{}", case.before);
        let code = bytes(case.before);
        let kept = |facts, mode, addend| {
            let decision = X86_64::decide(case.kind, facts, mode, &code, case.offset, addend).unwrap();
            decision.need == Need::GotSlot
                && decision.operation == Operation::Field(Formula::SlotRelative, Width::Signed32)
        };
        assert!(kept(ORDINARY, Mode { relax: false, ..FIXED }, -4));
        assert!(kept(ORDINARY, FIXED, 0), "the slot's neighbour is not the symbol's");
        assert!(kept(ABSOLUTE, FIXED, -4), "may be farther than 2 GiB");
        // An immediate cannot move.
        let decision = X86_64::decide(case.kind, ORDINARY, FIXED, &code, case.offset, -4).unwrap();
        assert_eq!(kept(ORDINARY, PIE, -4), matches!(decision.operation, Operation::Immediate(_)));
    }
}

#[test]
fn the_address_of_an_undefined_weak_symbol_is_an_immediate() {
    let weak = Values { symbol: 0, addend: -4, ..VALUES };
    for (kind, offset, before, after) in [
        (R_X86_64_REX_GOTPCRELX, 3, "4c 8b 05 00 00 00 00", "49 c7 c0 00 00 00 00"), // mov $0, %r8
        (R_X86_64_GOTPCRELX, 2, "8b 0d 00 00 00 00", "c7 c1 00 00 00 00"),           // mov $0, %ecx
        (R_X86_64_REX_GOTPCRELX, 3, "48 3b 05 00 00 00 00", "48 81 f8 00 00 00 00"), // cmp $0, %rax
        (R_X86_64_CODE_4_GOTPCRELX, 4, "d5 48 8b 05 00 00 00 00", "d5 18 c7 c0 00 00 00 00"), // mov $0, %r16
    ] {
        assert_eq!(link(kind, WEAK, PIE, before, offset, weak), Ok(bytes(after)));
    }
    for code in ["ff 15 00 00 00 00", "ff 25 00 00 00 00"] {
        let decision = X86_64::decide(R_X86_64_GOTPCRELX, WEAK, PIE, &bytes(code), 2, -4).unwrap();
        assert_eq!(decision.need, Need::GotSlot);
    }
}

#[test]
fn other_instructions_keep_their_slot() {
    for (kind, code) in [
        (R_X86_64_GOTPCRELX, "ff 35 00 00 00 00"),              // push x@GOTPCREL(%rip)
        (R_X86_64_GOTPCRELX, "8b 80 00 00 00 00"),              // mov 0(%rax),%eax
        (R_X86_64_GOTPCREL, "8b 05 00 00 00 00"),               // no promise
        (R_X86_64_REX_GOTPCRELX, "8b 05 00 00 00 00"),          // no REX
        (R_X86_64_CODE_4_GOTPCRELX, "d5 c8 8b 05 00 00 00 00"), // map 1
        (R_X86_64_CODE_6_GOTPCRELX, "d5 48 8b 05 00 00 00 00"),
    ] {
        let code = bytes(code);
        let decision = X86_64::decide(kind, ORDINARY, FIXED, &code, code.len() - 4, -4).unwrap();
        assert_eq!(decision.need, Need::GotSlot, "{code:02x?}");
    }
}

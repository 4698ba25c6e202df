//#Door: ld
//#Targets: x86_64-musl
//#LinkArgs: -e begin --defsym=huge=0x123456789
//#ExpectError: R_X86_64_32
//#ExpectError: huge
//#ExpectError: main\.S
// A value that does not fit is an error with relocation, symbol and place.
        .globl begin
begin:  mov $huge, %eax
        ret
        .section .note.GNU-stack,"",@progbits

//#Door: ld
//#Targets: x86_64-musl
//#LinkArgs: -static -pie --no-dynamic-linker -e begin
//#ExpectError: R_X86_64_64
//#ExpectError: main\.S
//#ExpectError: -fPIC
//#SkipPeer: bfd (makes a text relocation, and the program crashes)
// An address in read-only code cannot be relocated by a program that moves itself.
        .globl begin
begin:  movabs $begin, %rax
        ret
        .section .note.GNU-stack,"",@progbits

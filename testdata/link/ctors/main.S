//#Targets: x86_64-musl x86_64-glibc
//#ExpectOutput: 3210
//#SkipPeer: lld mold (they leave .ctors to a start file of old)
// Old .ctors entries become part of .init_array: run from the last to the first, plain ones after those with a number,
// where .ctors.N stands for the priority 65535 - N.
        .section .ctors,"aw",@progbits
        .quad one
        .section .ctors.65000,"aw",@progbits
        .quad three
        .section .ctors.64000,"aw",@progbits
        .quad two
        .text
        .globl main
main:   lea text(%rip), %rsi
        mov $1, %edi
        mov $5, %edx
        mov $1, %eax
        movb $'0', 3(%rsi)
        movb $10, 4(%rsi)
        syscall
        mov $42, %eax
        ret
one:    mov $'1', %al
        jmp add
two:    mov $'2', %al
        jmp add
three:  mov $'3', %al
add:    mov at(%rip), %rcx
        lea text(%rip), %rdx
        movb %al, (%rdx,%rcx)
        incq at(%rip)
        ret
        .data
at:     .quad 0
text:   .skip 8
        .section .note.GNU-stack,"",@progbits

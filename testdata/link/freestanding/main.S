//#Door: ld
//#Targets: x86_64-musl
//#LinkArgs: -e begin --defsym=extra=2
//#Config: plain
//#Config: options
//#LinkArgs: -m elf_x86_64 --hash-style=gnu --as-needed -static -z noexecstack -O1 --sort-common --eh-frame-hdr -nostdlib
//#Config: joined
//#LinkArgs: -melf_x86_64 -znoexecstack --no-undefined --fatal-warnings
// The ld door with nothing but an object: relocations of most widths, absolute symbols, an entry point by name.
        .globl begin
begin:  mov $word, %ecx
        mov (%rcx), %eax
        add quad_address, %rax
        sub $byte - 1, %rax
        movabs $quad, %rdx
        cmp %rdx, quad_address
        jne wrong
        lea relative(%rip), %rdx
        movslq relative(%rip), %rcx
        add %rdx, %rcx
        cmp $byte, %rcx
        jne wrong
        mov $extra, %edi
        add $40, %edi
        mov $60, %eax
        syscall
wrong:  mov $1, %edi
        mov $60, %eax
        syscall
        .data
byte:   .byte 1
word:   .long 7
quad_address: .quad quad
relative: .long byte - .
        .bss
quad:   .skip 8
        .section .note.GNU-stack,"",@progbits

        .section .text.middle,"ax",%progbits
        .globl middle
middle: ret
        .skip 140 * 1024 * 1024

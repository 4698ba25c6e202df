        .section .text.shared,"axG",%progbits,shared,comdat
        .weak shared
shared: .long 0
inner:  .long 0
        .data
        .quad inner
        .section .note.GNU-stack,"",%progbits

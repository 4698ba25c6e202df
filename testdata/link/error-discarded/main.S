//#ExpectError: discarded section.*(inner|text\.shared)|(inner|text\.shared).*discarded section
//#ExpectError: other
// The second copy of a group is left out, but data outside of the group refers to its insides by a local name.
        .section .text.shared,"axG",%progbits,shared,comdat
        .weak shared
shared: .long 0
        .text
        .globl main
main:   .long 0
        .section .note.GNU-stack,"",%progbits

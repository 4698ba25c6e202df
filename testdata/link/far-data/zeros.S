  .data
  .globl near_number
near_number:
  .long 1
  .section .lbss.filler, "awl", @nobits
  .globl filler
filler:
  .zero 0xc0000000
  .globl far_number
far_number:
  .zero 4
  .globl far_end
far_end:
  .section .note.GNU-stack, "", @progbits

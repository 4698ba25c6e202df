#ifdef __x86_64__
#define WORD R_X86_64_64
#else
#define WORD R_AARCH64_ABS64
#endif
  .data
  .balign 8
  .globl table
table:
  .zero 2097152
  .reloc table+2000000, WORD, answer
  .reloc table+8, WORD, answer
  .reloc table+1000000, WORD, answer
  .reloc table+999992, WORD, answer
  .section .note.GNU-stack,"",%progbits

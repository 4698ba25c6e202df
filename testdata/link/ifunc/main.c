//#SkipPeer[musl]: mold (two addresses for one function)
// A function that is picked when the program starts: called directly, through a pointer in data, and by comparing addresses.
// musl does not resolve IRELATIVE relocations, so the program does it, as the start file of a C library does.
#include <stdint.h>
#include <elf.h>

__attribute__((used)) int forty(int x) { return 40 + x; }
static volatile int pick = 1;
static int zero(int x) { (void)x; return 0; }
__attribute__((used)) void *resolve(void) { return pick ? (void *)forty : (void *)zero; }
__asm__(".globl chosen\n.type chosen, %gnu_indirect_function\n.set chosen, resolve\n");
int chosen(int);
int (*pointer)(int) = chosen;
int (*other_pointer(void))(int);

#if defined(__x86_64__)
#define IRELATIVE 37
#else
#define IRELATIVE 1032
#endif

#ifndef __GLIBC__
extern const Elf64_Rela __rela_iplt_start[] __attribute__((weak, visibility("hidden")));
extern const Elf64_Rela __rela_iplt_end[] __attribute__((weak, visibility("hidden")));
static void start(void) {
  for (const Elf64_Rela *r = __rela_iplt_start; r < __rela_iplt_end; r++)
    if (ELF64_R_TYPE(r->r_info) == IRELATIVE)
      *(uint64_t *)r->r_offset = ((uint64_t (*)(void))r->r_addend)();
}
#else
static void start(void) {}
#endif

int main(void) {
  start();
  if (chosen(1) != 41) return 1;
  if (pointer(1) != 41) return 2;
  if (other_pointer() != pointer) return 3;
  return other_pointer()(2);
}

//#Door: ld
//#Targets: x86_64-musl aarch64-musl
//#CompileArgs: -ffreestanding -fno-stack-protector -ffunction-sections
//#LinkArgs: -T {dir}/layout.ld --gc-sections
//#ExpectSection: .special addr=0x500000
//#ExpectSymbol: special_start addr=0x500000
//#ExpectSymbol: special_size addr=12 section=*ABS*
//#ExpectSymbol: kept
//#NoSymbol: dropped
//#NoSection: .comment
//#ExpectSection: .mytext align=64
//#SkipPeer: mold wild (their scripts are not whole)
// A script of the user's own says what goes where: addresses, KEEP, symbols, sorting, alignment, /DISCARD/, assertions.
#include "../leave.h"

extern char special_start[], special_end[], special_size[], sorted_start[];
__attribute__((section(".special"), used)) static const int a = 1;
__attribute__((section(".special.b"), used)) static const int b = 2;
__attribute__((section(".special.c"), used)) static const int c = 3;
__attribute__((section(".sorted.2"), used)) static const char second = 'b';
__attribute__((section(".sorted.1"), used)) static const char first = 'a';
__attribute__((section(".keep.me"))) int kept = 5;
__attribute__((section(".text.dropped"))) int dropped(void) { return 9; }
int zeroed;

void begin(void) {
  char *volatile size = special_size;
  if (special_end - special_start != 12 || (long)size != 12) leave(1);
  if (sorted_start[0] != 'a' || sorted_start[1] != 'b') leave(2);
  if (zeroed != 0) leave(3);
  const int *sum = (const int *)special_start;
  leave(36 + sum[0] + sum[1] + sum[2]);
}

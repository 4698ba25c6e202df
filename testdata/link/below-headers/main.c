//#Door: ld
//#Targets: x86_64-musl aarch64-musl
//#CompileArgs: -ffreestanding -fno-stack-protector
//#LinkArgs: -T {dir}/layout.ld
//#ExpectSection: .fixed addr=0x200000 flags=A
//#ExpectSymbol: table addr=0x200000
//#SkipPeer: mold wild (their scripts are not whole)
//#SkipPeer: lld (it leaves PT_LOADs in the order of the script)
// A script puts a table at a place of its own, below everything else: it is loaded there, and the headers stay what they are.
#include "../leave.h"

__attribute__((section(".fixed"), used)) const int table[3] = {20, 21, 1};
int counter = 1;

void begin(void) {
  const volatile int *there = (const volatile int *)0x200000;
  counter += there[0] + there[1] - there[2];
  leave(counter + 1);
}

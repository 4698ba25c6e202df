//#Door: ld
//#Targets: x86_64-musl aarch64-musl
//#CompileArgs: -ffreestanding -fno-stack-protector
//#Archive: aside.a=first.c
//#LinkArgs: -T {dir}/layout.ld
//#ExpectSymbol: first addr=0x400000
//#ExpectBefore: first begin
//#SkipPeer: mold wild lld (no STARTUP)
// STARTUP names an object that the command line does not, and it is linked in front of all others.
#include "../leave.h"

int first(void);
__attribute__((noreturn, used)) void begin(void) {
  leave(first());
}

//#Door: ld
//#Targets: x86_64-musl aarch64-musl
//#CompileArgs: -ffreestanding -fno-stack-protector
//#FileArgs: helper.c=-ffreestanding
//#Archive: parts/libhelper.a=helper.c
//#LinkArgs: -L {dir}/parts -L {out}/parts -T {dir}/layout.ld
//#ExpectSymbol: limit addr=0x2a section=*ABS*
//#ExpectSymbol: help
//#ExpectSection: .text addr=0x410000
//#SkipPeer: mold wild (their scripts are not whole)
// A script in several files, which names a library itself: INCLUDE at the top, in MEMORY, in SECTIONS and in a section; INPUT.
#include "../leave.h"

extern char limit[];
int help(int);
__attribute__((noreturn, used)) void begin(void) {
  leave(help((int)(long)limit));
}

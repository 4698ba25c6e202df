//#Door: ld
//#Targets: x86_64-musl aarch64-musl
//#CompileArgs: -ffreestanding -fno-stack-protector
//#Archive: aside.a=named.c
//#Archive: parts/liblisted.a=listed.c
//#Archive: parts/libneeded.a=needed.c
//#LinkArgs: -L {out}/parts
//#Config: found
//#LinkArgs: -T {dir}/layout.ld
//#ExpectSymbol: begin addr=0x400000
//#ExpectBefore: begin named
//#ExpectBefore: named listed
//#ExpectBefore: listed needed
//#SkipPeer: mold wild lld (their scripts are not whole)
//#Config: missing-file
//#LinkArgs: -T {dir}/missing.ld
//#ExpectError: missing\.ld: names gone\.o, which is neither beside it nor on the search path
//#Config: missing-library
//#LinkArgs: -T {dir}/library.ld
//#ExpectError: cannot find -lgone
// INPUT in a script of -T names an object, an archive and a library, which are linked behind what the command line names.
#include "../leave.h"

int named(void), listed(void), needed(void);
__attribute__((noreturn, used)) void begin(void) {
  leave(named() + listed() + needed());
}

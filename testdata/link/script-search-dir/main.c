//#Door: ld
//#Targets: x86_64-musl aarch64-musl
//#CompileArgs: -ffreestanding -fno-stack-protector
//#Archive: of-line/libboth.a=both.c
//#Archive: of-script/libboth.a=other.c
//#Archive: of-script/libonly.a=only.c
//#LinkArgs: -L of-line -lboth -lonly -T {dir}/layout.ld
//#SkipPeer: mold wild lld (their scripts are not whole, lld opens libraries before it reads them)
// SEARCH_DIR of a script that comes last is where libraries of the command line are found, after the folders of -L.
#include "../leave.h"

int both(void), only(void);
__attribute__((noreturn, used)) void begin(void) {
  leave(both() + only());
}

//#Door: ld
//#Targets: x86_64-musl aarch64-musl
//#CompileArgs: -ffreestanding -fno-stack-protector
//#LinkArgs: -T {dir}/layout.ld
//#ExpectSection: .told addr=0x1000 size=20
//#ExpectSection: .far addr=0x7000000000000001
//#ExpectSymbol: told_end addr=0x1014
//#ExpectText: what the program is
//#SkipPeer: mold wild lld (their scripts are not whole)
// Sections that are no part of the image may have addresses all the same, and what they hold is in the file.
#include "../leave.h"

__attribute__((section(".told"), used)) static const char told[] = "what the program is";
__attribute__((section(".far"), used)) static const char far[] = "and where";
__attribute__((used)) void begin(void) { leave(42); }

//#Door: ld
//#Targets: x86_64-musl aarch64-musl
//#CompileArgs: -O1 -ffreestanding -fno-stack-protector -fno-sanitize=all
//#LinkArgs: -T {dir}/layout.ld -Map={out}/program.map
//#ExpectSection: .text addr=0x400000
//#ExpectSection: .data addr=0x800000
//#ExpectFile: program.map rom +0x0*400000 +0x0*100000 +rx
//#ExpectFile: program.map ram +0x0*800000 +0x0*80000 +w
//#NoFile: program.map other_name_of_rom
//#SkipPeer: bfd mold wild lld (their maps and scripts are others)
// MEMORY says where sections go, and the map lists the regions.
#include "../leave.h"

int number = 42;

void begin(void) {
  leave(number);
  __builtin_unreachable();
}

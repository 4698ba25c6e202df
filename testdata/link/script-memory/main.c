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
int number = 42;

__attribute__((used)) static void leave(long status) {
#ifdef __x86_64__
  __asm__ volatile("syscall" : : "a"(60L), "D"(status) : "rcx", "r11", "memory");
#else
  register long x0 __asm__("x0") = status, x8 __asm__("x8") = 93;
  __asm__ volatile("svc 0" : : "r"(x0), "r"(x8) : "memory");
#endif
}

void begin(void) {
  leave(number);
  __builtin_unreachable();
}

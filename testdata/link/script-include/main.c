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
extern char limit[];
int help(int);
__attribute__((noreturn, used)) void begin(void) {
  long status = help((int)(long)limit);
#ifdef __x86_64__
  __asm__ volatile("syscall" ::"a"(60), "D"(status));
#else
  register long x0 __asm__("x0") = status;
  register long x8 __asm__("x8") = 93;
  __asm__ volatile("svc 0" ::"r"(x0), "r"(x8));
#endif
  __builtin_unreachable();
}

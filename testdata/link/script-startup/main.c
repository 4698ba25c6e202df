//#Door: ld
//#Targets: x86_64-musl aarch64-musl
//#CompileArgs: -ffreestanding -fno-stack-protector
//#Archive: aside.a=first.c
//#LinkArgs: -T {dir}/layout.ld
//#ExpectSymbol: first addr=0x400000
//#ExpectBefore: first begin
//#SkipPeer: mold wild lld (no STARTUP)
// STARTUP names an object that the command line does not, and it is linked in front of all others.
int first(void);
__attribute__((noreturn, used)) void begin(void) {
  long status = first();
#ifdef __x86_64__
  __asm__ volatile("syscall" ::"a"(60), "D"(status));
#else
  register long x0 __asm__("x0") = status;
  register long x8 __asm__("x8") = 93;
  __asm__ volatile("svc 0" ::"r"(x0), "r"(x8));
#endif
  __builtin_unreachable();
}

//#Door: ld
//#Targets: x86_64-musl aarch64-musl
//#CompileArgs: -ffreestanding -fno-stack-protector
//#Archive: of-line/libboth.a=both.c
//#Archive: of-script/libboth.a=other.c
//#Archive: of-script/libonly.a=only.c
//#LinkArgs: -L of-line -lboth -lonly -T {dir}/layout.ld
//#SkipPeer: mold wild lld (their scripts are not whole, lld opens libraries before it reads them)
// SEARCH_DIR of a script that comes last is where libraries of the command line are found, after the folders of -L.
int both(void), only(void);
__attribute__((noreturn, used)) void begin(void) {
  long status = both() + only();
#ifdef __x86_64__
  __asm__ volatile("syscall" ::"a"(60), "D"(status));
#else
  register long x0 __asm__("x0") = status;
  register long x8 __asm__("x8") = 93;
  __asm__ volatile("svc 0" ::"r"(x0), "r"(x8));
#endif
  __builtin_unreachable();
}

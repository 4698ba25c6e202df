//#Archive: libhelp.a=help.c
//#LinkArgs: {out}/libhelp.a
//#ExpectSymbol: overridden bind=global type=func
//#NoSymbol: only_with_the_member
//#SkipPeer: mold (it makes the symbols of a static program local)
// Weak definitions yield to strong ones; an undefined weak symbol is null and pulls no archive member in.
__attribute__((weak)) int overridden(void) { return 1; }
__attribute__((weak)) int kept(void) { return 2; }
extern int in_archive_only(void) __attribute__((weak));
extern int missing __attribute__((weak));

int main(void) {
  if (overridden() != 40) return 1;
  if (kept() != 2) return 2;
  if (in_archive_only) return 3;
  if (&missing) return 4;
  return 42;
}

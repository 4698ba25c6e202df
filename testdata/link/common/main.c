//#CompileArgs: -fcommon
//#ExpectSymbol: shared size=64 align=64 section=.bss type=object
//#ExpectSymbol: initialised size=16 section=.data
//#SkipPeer: mold (an output section of its own, and the first size)
//#Config: plain
//#Config: warned
//#LinkArgs: -Wl,--warn-common
//#ExpectWarning: common.*shared
//#ExpectWarning: common.*initialised
//#SkipPeer: lld mold wild (no such warnings)
//#Config: fatal
//#LinkArgs: -Wl,--warn-common,--fatal-warnings
//#ExpectError: common.*shared
//#SkipPeer: lld mold wild bfd (no such warnings, or they leave an output)
// Common symbols: the largest size and the strictest alignment win, a definition wins over all.
extern int *from_other(void);
char shared[16];
int initialised[2];
int lonely;

int main(void) {
  if (from_other() != (int *)shared || (unsigned long)shared % 64 != 0) return 1;
  if (lonely != 0 || initialised[1] != 8) return 2;
  return 42;
}

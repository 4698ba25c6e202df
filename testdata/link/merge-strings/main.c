//#CompileArgs: -O2
//#ExpectTextOnce: a string that two objects have
//#ExpectText: tail of a longer string
//#ExpectTextOnce: of a longer string
//#SkipPeer[glibc]: wild (it keeps sections of other alignment apart)
// Equal strings of two objects become one, and constants keep their values and alignment.
#include <string.h>
const char *other(void);
const char *other_tail(void);
double half(void);
float wide(int);

int main(void) {
  const char *mine = "a string that two objects have";
  const char *volatile longer = "tail of a longer string";
  if (strcmp(mine, other()) != 0 || mine != other()) return 1;
  if (strcmp(other_tail(), longer + 0) != 0) return 2;
  if (half() != 0.4375 || wide(1) != 2.5f) return 3;
  return 42;
}

//#Mode: static-pie
//#CompileArgs: -fPIE
//#ExpectOutput: moved yes, pointers ok
//#ExpectSegment: DYNAMIC
//#ExpectSegment: GNU_RELRO
// A static program that runs wherever it is put: its start code applies the relative relocations itself.
#include <stdio.h>
static int value = 5;
int *pointer = &value;
const char *const words[] = {"a", "b", "c"};
int main(void) {
  unsigned long here = (unsigned long)&main;
  printf("moved %s, pointers %s\n", here > 0x10000000 ? "yes" : "no", *pointer == 5 && words[2][0] == 'c' ? "ok" : "broken");
  return 42;
}

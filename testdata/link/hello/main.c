//#ExpectOutput: hello, 7 6
//#Targets: x86_64-musl aarch64-musl x86_64-glibc x86_64-musl-gcc
// The smallest whole program: startup files, the C library, stdio.
#include <stdio.h>

static int zeroed[6];
int initialised = 7;

int main(int argc, char **argv) {
  printf("hello, %d %d\n", initialised, (int)(sizeof zeroed / sizeof zeroed[0]));
  return argc == 1 && argv[0] && zeroed[5] == 0 ? 42 : 1;
}

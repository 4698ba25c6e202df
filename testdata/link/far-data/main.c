//#Targets: x86_64-musl
//#CompileArgs: -O2 -fPIC -Wa,-mrelax-relocations=yes
//#Config: static
//#LinkArgs: -no-pie
//#Config: pie
//#Mode: static-pie
//#ExpectOutput: 7 beyond 3 GiB
// Zeros of 3 GiB lie in front of what the program reads through the GOT, so that the loads cannot be relaxed. Everything
// else is near. (glibc refers to _end, which is far too.)
#include <stdio.h>
extern int far_number, near_number;
extern char filler[], far_end[];
int *volatile held;
int main(void) {
  far_number += 7;
  held = &far_number;
  long distance = (char *)held - (char *)&near_number;
  int compares = held == &far_number && (char *)held < far_end;
  printf("%d beyond %ld GiB\n", *held, distance >> 30);
  return compares && near_number == 1 ? 42 : 1;
}

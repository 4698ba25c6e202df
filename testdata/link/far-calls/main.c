//#Targets: aarch64-musl
//#ExpectOutput: there and back
// Calls over more than 128 MiB of code go through range-extension thunks, forwards and backwards.
#include <stdio.h>
int far_away(int);
int near_by(int x) { return x + 1; }
__attribute__((section(".text.main"))) int main(void) {
  int n = far_away(20);
  puts("there and back");
  return n;
}

//#CompileArgs: -fPIE -O1
//#LinkArgs: -Wl,-z,pack-relative-relocs
//#Config: pie
//#Mode: static-pie
//#ExpectOutput: 1000 pointers and a slot, moved yes, odd one ok
//#ExpectSection: .relr.dyn min=24 max=1200 align=8 flags=A
//#ExpectSegment: DYNAMIC
//#Config: no-pie
//#ExpectOutput: 1000 pointers and a slot, moved no, odd one ok
//#NoSection: .relr.dyn
// Words that move with the image are told by bitmaps: a thousand pointers take a hundred bytes rather than 24000. The word
// at an odd address needs a record of its own.
#include <stdio.h>
static int values[1000];
#define P(n) &values[n],
#define P10(n) P(n) P(n + 1) P(n + 2) P(n + 3) P(n + 4) P(n + 5) P(n + 6) P(n + 7) P(n + 8) P(n + 9)
#define P100(n) P10(n) P10(n + 10) P10(n + 20) P10(n + 30) P10(n + 40) P10(n + 50) P10(n + 60) P10(n + 70) P10(n + 80) P10(n + 90)
int *pointers[1000] = {P100(0) P100(100) P100(200) P100(300) P100(400) P100(500) P100(600) P100(700) P100(800) P100(900)};
struct __attribute__((packed)) { char one; int *pointer; } odd = {1, &values[7]};
extern int weak_thing __attribute__((weak));
int main(void) {
  int right = 0;
  for (int i = 0; i < 1000; i++) right += pointers[i] == &values[i];
  int **volatile place = &odd.pointer;
  printf("%d pointers and a slot, moved %s, odd one %s\n", right, (unsigned long)&main > 0x10000000 ? "yes" : "no",
         *place == &values[7] && !&weak_thing ? "ok" : "broken");
  return 42;
}

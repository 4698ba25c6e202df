//#Targets: x86_64-musl aarch64-musl x86_64-glibc
//#ExpectSymbol: page align=4096
//#ExpectSymbol: big align=65536
//#ExpectSymbol: ro align=1024
//#SkipPeer: wild (it drops what is not reached by default)
// Large alignments hold in memory, in every kind of section.
#include <stdint.h>
char page[4096] __attribute__((aligned(4096)));
char big[8] __attribute__((aligned(65536))) = "x";
const char ro[8] __attribute__((aligned(1024))) = "r";
_Thread_local char tls[8] __attribute__((aligned(256))) = "t";
static int off(const volatile void *p, uintptr_t a) { return ((uintptr_t)p & (a - 1)) != 0; }
int main(void) {
  if (off(page, 4096) || off(big, 65536) || off(ro, 1024) || off(tls, 256)) return 1;
  return big[0] == 'x' && ro[0] == 'r' && tls[0] == 't' && page[4095] == 0 ? 42 : 2;
}

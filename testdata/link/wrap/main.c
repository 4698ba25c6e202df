//#CompileArgs: -fno-builtin
//#LinkArgs: -Wl,--wrap=measured -Wl,--wrap,malloc
// Undefined references to a wrapped symbol go to __wrap_, those to __real_ go to the symbol itself.
#include <stdlib.h>
int measured(int);
int __real_measured(int);
void *__real_malloc(size_t);
static volatile int calls;
int __wrap_measured(int x) { return __real_measured(x) + 2; }
void *__wrap_malloc(size_t n) { calls++; return __real_malloc(n); }

int main(void) {
  // The C library may have called it before.
  int before = calls;
  char *volatile p = malloc(3);
  if (!p || calls != before + 1) return 1;
  free(p);
  return measured(4);
}

//#CompileArgs: -pthread
//#LinkArgs: -pthread
//#Config: local-exec
//#CompileArgs: -ftls-model=local-exec
//#ExpectSegment: TLS align=64
//#Config: initial-exec
//#CompileArgs: -ftls-model=initial-exec -fPIC
//#Config: local-dynamic
//#CompileArgs: -ftls-model=local-dynamic -fPIC
//#Config: global-dynamic
//#CompileArgs: -ftls-model=global-dynamic -fPIC
//#Config: pie
//#Mode: static-pie
//#CompileArgs: -fPIE
// Every TLS model comes down to the same storage in an executable: initialised, zeroed, aligned, one copy a thread.
#include <pthread.h>
#include <stdint.h>

_Thread_local int initialised = 5;
static _Thread_local long zeroed[4];
_Thread_local char aligned[64] __attribute__((aligned(64))) = "aligned";
extern _Thread_local int elsewhere;
int bump_elsewhere(void);

static void *worker(void *unused) {
  (void)unused;
  if (initialised != 5 || zeroed[3] != 0 || elsewhere != 30) return (void *)1;
  if ((uintptr_t)aligned % 64 != 0 || aligned[0] != 'a') return (void *)2;
  initialised = 100;
  zeroed[3] = 100;
  bump_elsewhere();
  return elsewhere == 31 ? 0 : (void *)3;
}

int main(void) {
  initialised++;
  zeroed[3] = 6;
  bump_elsewhere();
  pthread_t thread;
  void *result = 0;
  if (pthread_create(&thread, 0, worker, 0) || pthread_join(thread, &result)) return 90;
  if (result) return (int)(uintptr_t)result;
  return initialised + (int)zeroed[3] + elsewhere - 1 == 42 ? 42 : 91;
}

//#CompileArgs: -O2
//#Config: no-pic
//#CompileArgs: -fno-pic
//#Config: pic
//#CompileArgs: -fPIC
//#Config: pie
//#CompileArgs: -fPIC
//#Mode: static-pie
//#Config: no-plt
//#CompileArgs: -fPIC -fno-plt
//#Config: no-relax
//#CompileArgs: -fPIC
//#LinkArgs: -Wl,--no-relax
// Addresses through the GOT, direct or relaxed: data, functions, weak symbols that are nowhere, comparisons.
extern int data[3];
extern int function(int);
extern int nowhere(void) __attribute__((weak));
extern int nothing __attribute__((weak));
extern int (*get(void))(int);
int (*volatile held)(int) = function;

int main(void) {
  if (&nothing || nowhere) return 1;
  if (get() != function || held != function) return 2;
  data[1] += 2;
  return function(data[1] + data[2]);
}

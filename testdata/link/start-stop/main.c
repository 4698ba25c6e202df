//#Config: plain
//#Config: gc
//#CompileArgs: -ffunction-sections -fdata-sections
//#LinkArgs: -Wl,--gc-sections
//#SkipPeer: lld (its default is -z start-stop-gc)
//#NoSymbol[glibc]: __start_context
// (glibc has a function of that name, which is not taken: no symbol comes of it.)
// __start_ and __stop_ enclose all that has the section's name, from every object, and keep it alive.
extern const int __start_numbers[], __stop_numbers[];
__attribute__((section("numbers"), used)) static const int a = 20;
__attribute__((section("numbers"), used)) static const int b = 12;

int main(void) {
  int sum = 0;
  for (const int *n = __start_numbers; n < __stop_numbers; n++) sum += *n;
  return __stop_numbers - __start_numbers == 3 ? sum : 1;
}

//#CompileArgs: -ffunction-sections -fdata-sections -O2
//#LinkArgs: -Wl,--gc-sections -Wl,-s -lstdc++
//#ExpectOutput: unwound
//#NoSection: .symtab
//#ExpectSegment[musl]: GNU_EH_FRAME
// Unwinding survives the removal of dead functions, whose frame descriptions go with them, and of all symbols.
#include <cstdio>
#include <stdexcept>
__attribute__((noinline)) int dead_code_that_throws() { throw 3; }
__attribute__((noinline)) void live(int x) { if (x > 0) throw std::logic_error("unwound"); }

int main(int argc, char **) {
  try { live(argc); } catch (const std::logic_error &e) { std::puts(e.what()); return 42; }
  return 1;
}

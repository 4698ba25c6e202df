//#Door: driver
//#Targets: x86_64-glibc
//#ExpectOutput: thrown through the compiler
// g++ links with cgolink as its ld; with a static glibc, frames are registered by crtbeginT.o.
#include <iostream>
#include <stdexcept>
int main() {
  try { throw std::runtime_error("thrown through the compiler"); } catch (const std::exception &e) { std::cout << e.what() << '\n'; }
  return 42;
}

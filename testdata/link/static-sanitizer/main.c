//#Targets: x86_64-musl aarch64-musl
//#CompileArgs: -O0 -fsanitize=undefined -fno-sanitize-trap=undefined
//#ExpectOutputMatch: signed integer overflow|integer overflow
//#SkipPeer: bfd (relocations of the runtime that it does not relax)
// Code that zig instruments needs its runtime, which zig leaves out of an optimised link: it is found without being named.
#include <limits.h>
#include <signal.h>
#include <unistd.h>
static void aborted(int signal) { (void)signal; _exit(42); }
int main(int argc, char **argv) { (void)argv; signal(SIGABRT, aborted); volatile int big = INT_MAX; big += argc; return big == INT_MIN ? 2 : 1; }

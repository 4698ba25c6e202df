//#Door: driver
//#ExpectOutput: through the compiler 3
//#Targets: x86_64-glibc x86_64-musl-gcc
//#Config: plain
//#Config: pthread
//#LinkArgs: -pthread -lm
//#Config: options
//#LinkArgs: -Wl,-z,relro,-z,now -Wl,--gc-sections -Wl,-O1 -Wl,--as-needed -Wl,--hash-style=gnu
// gcc links, with cgolink as the ld that it finds under -B.
#include <stdio.h>
int main(int argc, char **argv) { (void)argv; printf("through the compiler %d\n", argc + 2); return 42; }

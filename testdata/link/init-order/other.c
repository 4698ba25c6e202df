#include <unistd.h>
__attribute__((constructor(101))) static void first(void) { if (write(1, "101 ", 4) < 0) _exit(9); }
__attribute__((destructor(200))) static void second_undone(void) { if (write(1, "200 ", 4) < 0) _exit(9); }

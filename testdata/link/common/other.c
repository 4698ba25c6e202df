char shared[64] __attribute__((aligned(64)));
int initialised[4] = {7, 8, 9, 10};
int *from_other(void) { return (int *)shared; }

int table[4] = {10, 20, 30, 40};
static int twice(int x) { return 2 * x; }
static int square(int x) { return x * x; }
int (*const operations[2])(int) = {twice, square};

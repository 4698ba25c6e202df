int b2(int);
int a2(int x) { return b2(x + 1); }

int b2(int x) { return x + 1; }

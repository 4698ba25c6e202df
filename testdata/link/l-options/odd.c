int odd(void) { return 2; }

int member(void) { return 40; }

int member(void) { return 42; }

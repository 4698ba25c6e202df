int first(void) { return 42; }

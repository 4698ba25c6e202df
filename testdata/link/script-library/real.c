int real(void) { return 42; }

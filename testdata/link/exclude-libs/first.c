int first(void) { return 40; }

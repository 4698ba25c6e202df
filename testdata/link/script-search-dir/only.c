int only(void) { return 2; }

int both(void) { return 40; }

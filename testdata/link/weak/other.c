int overridden(void) { return 40; }

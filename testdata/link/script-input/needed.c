int needed(void) { return 20; }

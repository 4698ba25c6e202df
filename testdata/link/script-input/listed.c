int listed(void) { return 20; }

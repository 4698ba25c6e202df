int plain(void) { return 40; }

int not_pulled_in(void) { return 1; }

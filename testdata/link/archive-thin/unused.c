int not_asked_for(void) { return 0; }

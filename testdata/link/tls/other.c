_Thread_local int elsewhere = 30;
int bump_elsewhere(void) { return ++elsewhere; }

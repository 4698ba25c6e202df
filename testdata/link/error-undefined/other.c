int missing_function(int);
int other(void) { return missing_function(3); }

const char *other(void) { return "a string that two objects have"; }
const char *other_tail(void) { return "tail of a longer string"; }
double half(void) { volatile double x = 0.4375; return x; }
float wide(int i) { static const float both[2] = {1.5f, 2.5f}; return both[i]; }

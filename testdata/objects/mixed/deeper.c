// Needed by another member only.
static const char text[] = "deep in an archive";
int deeper(int x) { return text[x & 7]; }

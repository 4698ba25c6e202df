// A member of an archive; it needs another one.
int deeper(int);
double scale = 2.5;
int from_archive(int x) { return deeper(x) + (int)(scale * 1.25); }

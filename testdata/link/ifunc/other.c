extern int chosen(int);
int (*other_pointer(void))(int) { return chosen; }

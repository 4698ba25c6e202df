int data[3] = {1, 10, 20};
int function(int x) { return x + 10; }
int (*get(void))(int) { return function; }

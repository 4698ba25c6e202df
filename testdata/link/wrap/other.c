int measured(int x) { return x * 10; }

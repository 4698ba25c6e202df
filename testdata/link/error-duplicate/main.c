//#ExpectError: (?i)duplicate.*twice|(?i)multiple.*twice
//#ExpectError: main\.c
//#ExpectError: other\.c
// Two strong definitions of one symbol, with both places.
int twice(void) { return 1; }
int main(void) { return twice(); }

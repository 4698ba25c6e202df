//#ExpectError: missing_function
//#ExpectError: missing_data
//#ExpectError: main\.c
//#ExpectError: other\.c
// All undefined symbols at once, with who needs them.
int missing_function(int);
extern int missing_data;
int other(void);
int main(void) { return missing_function(missing_data) + other(); }

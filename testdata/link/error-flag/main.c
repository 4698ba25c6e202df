//#Door: ld
//#Targets: x86_64-musl
//#LinkArgs: --no-such-option
//#ExpectError: --no-such-option
// A flag that GNU ld has not is refused by its name.
int main(void) { return 42; }

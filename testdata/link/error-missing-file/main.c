//#Targets: x86_64-musl
//#Config: library
//#LinkArgs: -L{out} -lnowhere
//#ExpectError: nowhere
//#Config: object
//#LinkArgs: {out}/nowhere.o
//#ExpectError: nowhere\.o
//#Config: script
//#LinkArgs: -Wl,-T,{out}/nowhere.ld
//#ExpectError: nowhere\.ld
// An input that is not there is named.
int main(void) { return 42; }

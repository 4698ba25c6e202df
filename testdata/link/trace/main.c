//#Archive: libhelp.a=help.c
//#LinkArgs: {out}/libhelp.a
//#Config: symbol
//#LinkArgs: -Wl,-y,helper,--trace-symbol=counter
//#ExpectWarning: main\.c[^ ]*: reference to helper
//#ExpectWarning: libhelp\.a\([^ ]*\): definition of helper
//#ExpectWarning: main\.c[^ ]*: definition of counter
//#SkipPeer: wild bfd (no such option, or an archive's member in other brackets)
//#Config: files
//#LinkArgs: -Wl,-t
//#ExpectWarning: libhelp\.a\(help
//#ExpectWarning: main\.c
//#SkipPeer: wild bfd (no such option, or no members)
// Which files take part, and who defines and needs a symbol.
int helper(int);
int counter = 41;
int main(void) { return helper(counter); }

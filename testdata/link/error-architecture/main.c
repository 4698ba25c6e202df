//#Targets: x86_64-musl aarch64-musl
//#LinkArgs[x86_64]: --target=aarch64-linux-musl
//#LinkArgs[aarch64]: --target=x86_64-linux-musl
//#ExpectError: main\.c\.o
//#ExpectError: (?i)x86[-_]64
//#ExpectError: (?i)aarch64
//#SkipPeer: mold wild lld bfd (a driver's option)
// An object for another machine than the one that is linked for.
int main(void) { return 42; }

//#Targets: x86_64-musl aarch64-musl
//#FileArgs[x86_64]: foreign.c=--target=aarch64-linux-musl
//#FileArgs[aarch64]: foreign.c=--target=x86_64-linux-musl
//#Archive: foreign/libvalue.a=foreign.c
//#Archive: libvalue.a=value.c
//#SkipPeer: mold wild lld bfd (words of the messages)
//#Config: told
//#LinkArgs: -L{out}/foreign -L{out} -lvalue
//#ExpectWarning: skipping incompatible library when searching for -lvalue
//#Config: silent
//#LinkArgs: -Wl,--no-warn-search-mismatch -L{out}/foreign -L{out} -lvalue
//#Config: nothing-else
//#LinkArgs: -L{out}/foreign -lvalue
//#ExpectError: foreign/libvalue\.a.* cannot be linked into a program for
//#Config: missing
//#CompileArgs: -DMISSING
//#LinkArgs: -L{out}/foreign -L{out} -lvalue
//#ExpectError: undefined symbol: other
//#ExpectError: foreign/libvalue\.a defines it but was skipped
// -lvalue finds a library for another machine first: the search goes on, and says so.
int value(void);
int other(void);

int main(void) {
#ifdef MISSING
  return other();
#else
  return value();
#endif
}

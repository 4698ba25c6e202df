//#Archive: libfirst.a=first.c
//#Archive: libsecond.a=second.c
//#LinkArgs: {out}/libfirst.a {out}/libsecond.a
//#Config: one
//#LinkArgs: -Wl,--exclude-libs,libsecond.a
//#ExpectSymbol: main bind=global
//#ExpectSymbol: first bind=global
//#ExpectSymbol: second bind=local
//#Config: all
//#LinkArgs: -Wl,--exclude-libs=ALL
//#ExpectSymbol: main bind=global
//#ExpectSymbol: first bind=local
//#ExpectSymbol: second bind=local
// What archives define becomes local if the archive's name, or every archive, is asked for.
int first(void), second(void);
int main(void) { return first() + second(); }

//#Archive: libplain.a=plain.c
//#Archive: odd-name.lib=odd.c
//#Config: separate
//#LinkArgs: -L {out} -l plain -l:odd-name.lib
//#Config: joined
//#LinkArgs: -L{out} -lplain -l:odd-name.lib
//#Config: through-wl
//#LinkArgs: -Wl,-L,{out} -Wl,-lplain -Xlinker -l:odd-name.lib
// The ways to name a library and where it is.
int plain(void), odd(void);
int main(void) { return plain() + odd(); }

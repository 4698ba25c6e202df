//#Archive: liba.a=a1.c,a2.c
//#Archive: libb.a=b1.c,b2.c,b3.c
//#Config: any-order
//#LinkArgs: -L{out} -lb -la
//#SkipPeer: bfd (GNU ld reads archives once, in order)
//#Config: grouped
//#LinkArgs: -L{out} -Wl,--start-group -la -lb -Wl,--end-group
//#Config: archive-first
//#LinkArgs: {out}/libb.a {out}/liba.a
//#SkipPeer: bfd (GNU ld reads archives once, in order)
//#NoSymbol: unneeded
//#Config: whole
//#LinkArgs: -Wl,--whole-archive {out}/liba.a {out}/libb.a -Wl,--no-whole-archive
//#ExpectSymbol: unneeded
//#SkipPeer: wild (it drops what is not reached by default)
// main -> a1 -> b1 -> a2 -> b2: two archives that need each other, in whatever order they come.
int a1(int);
int main(void) { return a1(38); }

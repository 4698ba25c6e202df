//#LinkArgs: -Wl,-Map={out}/program.map
//#Archive: libm1.a=member.c,unused.c
//#LinkArgs: {out}/libm1.a
//#ExpectFile: program.map \.text
//#ExpectFile: program.map marked_in_main
//#ExpectFile: program.map libm1\.a[(:].*member
//#NoFile: program.map not_pulled_in
//#SkipPeer: wild (no map)
// The map names output sections, the inputs in them with their members, and symbols.
int member(void);
int marked_in_main = 2;
int main(void) { return member() + marked_in_main; }

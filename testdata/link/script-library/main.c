//#Archive: libreal.a=real.c
//#LinkArgs: -L{out} -L{dir} -ltext
//#SkipPeer: mold wild (no SEARCH_DIR)
// A linker script where a library was asked for: its GROUP is what is linked.
int real(void);
int main(void) { return real(); }

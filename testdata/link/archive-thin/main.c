//#ThinArchive: libthin.a=member.c,unused.c
//#LinkArgs: {out}/libthin.a
//#NoSymbol: not_asked_for
// A thin archive only names its members; they are read from beside it.
int member(void);
int main(void) { return member(); }

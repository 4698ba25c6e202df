//#Config: local
//#LinkArgs: -Wl,--version-script={dir}/hide.map
//#ExpectSymbol: shown bind=global
//#ExpectSymbol: concealed bind=local
//#SkipPeer: mold wild lld bfd (version scripts mean nothing to a static program there)
//#Config: accepted
//#LinkArgs: -Wl,--version-script={dir}/hide.map
//#ExpectSymbol: shown
// A version script in a static link: read, checked, and harmless.
__attribute__((noinline)) int shown(int x) { return x + 1; }
int concealed = 41;
int main(void) { return shown(concealed); }

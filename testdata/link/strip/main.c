//#CompileArgs: -ffunction-sections
//#Config: none
//#ExpectSymbol: visible
//#ExpectSymbol: hidden_in_here
//#ExpectSection: .debug_info
//#Config: debug
//#LinkArgs: -Wl,-S
//#ExpectSymbol: visible
//#NoSection: .debug_info
//#NoSection: .debug_line
//#SkipPeer: mold (-S drops all symbols there)
//#Config: all
//#LinkArgs: -Wl,-s
//#NoSection: .symtab
//#NoSection: .debug_info
//#Config: driver-s
//#LinkArgs: -s
//#NoSection: .symtab
//#Config: locals
//#LinkArgs: -Wl,-x
//#ExpectSymbol: visible
//#NoSymbol: hidden_in_here
//#SkipPeer: mold wild (all symbols of a static program are local; -x is taken for nothing)
// What is left out: -S debugging, -s all symbols, -x local ones.
static __attribute__((noinline)) int hidden_in_here(int x) { return x + 1; }
__attribute__((noinline)) int visible(int x) { return hidden_in_here(x); }
int main(int argc, char **argv) { (void)argv; return visible(argc + 40); }

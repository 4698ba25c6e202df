//#CompileArgs: -ffunction-sections -fdata-sections
//#Config: on
//#LinkArgs: -Wl,--gc-sections
//#ExpectSymbol: used type=func
//#NoSymbol: unused
//#NoText: nobody reads this text
//#ExpectText: kept because it is asked for
//#ExpectSymbol: kept_by_u
//#LinkArgs: -Wl,-u,kept_by_u
//#ExpectSymbol: constructed
//#SkipPeer: wild (only archive members follow -u)
//#SkipPeer[musl]: bfd (it wants to see ELFOSABI_GNU before it retains)
//#Config: off
//#LinkArgs: -Wl,--no-gc-sections
//#ExpectSymbol: unused type=func
//#Config: printed
//#LinkArgs: -Wl,--gc-sections,--print-gc-sections
//#ExpectWarning: unused
//#SkipPeer: wild (no such option)
//#NoSymbol: unused
// What nothing reaches is dropped; constructors, retained sections and -u symbols are roots.
__attribute__((noinline)) int used(int x) { return x + 1; }
char nobody[] = "nobody reads this text";
__attribute__((noinline)) char *unused(void) { return nobody; }
__attribute__((used, retain)) static const char asked[] = "kept because it is asked for";
int kept_by_u(void) { return 7; }
static volatile int state;
__attribute__((constructor)) void constructed(void) { state = 41; }

int main(void) { return used(state); }

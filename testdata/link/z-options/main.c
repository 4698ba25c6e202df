//#Config: stack
//#LinkArgs: -Wl,-z,stack-size=2097152
//#ExpectSegment: GNU_STACK memsz=0x200000 flags=RW
//#SkipPeer: mold (no stack size)
//#Config: relro
//#LinkArgs: -Wl,-z,relro,-z,now
//#ExpectSegment: GNU_RELRO flags=R
//#Config: norelro
//#LinkArgs: -Wl,-z,norelro
//#NoSegment: GNU_RELRO
//#Config: noexecstack
//#LinkArgs: -Wl,-z,noexecstack
//#ExpectSegment: GNU_STACK flags=RW
//#Config: shared-pages
//#LinkArgs: -Wl,-z,noseparate-code
//#ExpectSegment: LOAD flags=RX
//#Config: page
//#LinkArgs: -Wl,-z,max-page-size=0x200000
//#ExpectSegment: LOAD align=0x200000
// What -z says about segments; .data.rel.ro is read-only once the program runs.
int plain = 1;
int *pointer __attribute__((section(".data.rel.ro"))) = &plain;
int main(void) { return *pointer + 41; }

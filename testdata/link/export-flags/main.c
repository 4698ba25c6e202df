//#LinkArgs: -rdynamic -Wl,--export-dynamic-symbol=main -Wl,--exclude-libs,ALL -pthread -fuse-ld=gold -no-pie -m64 -O2 -g -Qunused-arguments -Wl,--build-id=0x00
//#LinkArgs[aarch64]: -Wl,-z,now
//#Targets: x86_64-musl x86_64-glibc
//#SkipPeer: bfd lld mold wild (a driver's options)
// What Go's linker puts on a command line has no say in a static program, and no voice.
int main(void) { return 42; }

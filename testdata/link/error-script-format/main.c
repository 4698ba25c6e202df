//#Door: ld
//#Targets: x86_64-musl aarch64-musl
//#CompileArgs: -ffreestanding
//#LinkArgs: -T {dir}/raw.ld
//#ExpectError: raw\.ld: OUTPUT_FORMAT\(binary\)
//#ExpectError: objcopy
//#SkipPeer: bfd (makes the raw image)
// A script that asks for a raw image must not get an ELF file in silence.
void begin(void) {}

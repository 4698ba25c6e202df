//#CompileArgs: -g
//#Config: zlib
//#LinkArgs: -Wl,--compress-debug-sections=zlib
//#ExpectSection: .debug_info flags=C
//#ExpectSection: .debug_str
//#SkipPeer[glibc]: lld (no section of this size)
//#Config: zstd
//#LinkArgs: -Wl,--compress-debug-sections=zstd
//#ExpectSection: .debug_info flags=C
//#SkipPeer: lld mold wild bfd (too old for zstd, or built without it)
//#Config: none
//#LinkArgs: -Wl,--compress-debug-sections=none
//#ExpectSection: .debug_info flags=
//#Config: from-compressed
//#CompileArgs: -gz=zlib
//#ExpectSection: .debug_info flags=
//#SkipPeer: bfd (it keeps what was compressed)
// Debugging sections, compressed on the way out and expanded on the way in.
#include <stdio.h>
struct long_name_of_a_structure { int first_member_name, second_member_name; };
struct long_name_of_a_structure instance = {40, 2};
int main(void) { return instance.first_member_name + instance.second_member_name; }

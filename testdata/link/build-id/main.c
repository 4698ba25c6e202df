//#SkipPeer: wild (one kind only)
//#Config: sha1
//#LinkArgs: -Wl,--build-id=sha1
//#ExpectSection: .note.gnu.build-id size=36
//#ExpectSegment: NOTE
//#Config: default
//#LinkArgs: -Wl,--build-id
//#ExpectSection: .note.gnu.build-id min=24
//#Config: md5
//#LinkArgs: -Wl,--build-id=md5
//#ExpectSection: .note.gnu.build-id size=32
//#Config: uuid
//#LinkArgs: -Wl,--build-id=uuid
//#ExpectSection: .note.gnu.build-id size=32
//#Config: given
//#LinkArgs: -Wl,--build-id=0x48656c6c6f2c204944
//#ExpectSection: .note.gnu.build-id min=25 max=28
//#ExpectText: Hello, ID
//#Config: none
//#LinkArgs: -Wl,--build-id=sha1,--build-id=none
//#NoSection: .note.gnu.build-id
// Every form of --build-id; the last one on the command line counts.
int main(void) { return 42; }

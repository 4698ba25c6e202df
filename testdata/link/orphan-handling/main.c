//#Targets: x86_64-musl aarch64-musl
//#Config: place
//#LinkArgs: -Wl,--orphan-handling=place
//#ExpectSection: forgotten
//#Config: warn
//#LinkArgs: -Wl,--orphan-handling=warn
//#ExpectWarning: warning: .*\(forgotten\): the linker script does not mention this section
//#ExpectSection: forgotten
//#SkipPeer: mold wild lld bfd (words of the message)
//#Config: error
//#LinkArgs: -Wl,--orphan-handling=error
//#ExpectError: error: .*\(forgotten\): the linker script does not mention this section
//#SkipPeer: mold wild lld bfd (words of the message)
//#Config: discard
//#LinkArgs: -Wl,--orphan-handling=discard
//#NoSection: forgotten
//#SkipPeer: mold wild lld (a script of their own)
// A section that the script does not mention.
__attribute__((section("forgotten"), used)) static const int number = 1;

int main(void) { return 42; }

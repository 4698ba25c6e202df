//#Targets: x86_64-musl aarch64-musl
//#LinkArgs: -L{out} -lneeds
//#ExpectError: _Unwind_[A-Z]
//#ExpectError: -lunwind
//#SkipPeer: mold wild lld bfd (what they say is their own)
// Rust's staticlib leaves the unwinder to the link; the error says what is missing.
int needs(void);
int main(void) { return needs(); }

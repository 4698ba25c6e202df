//#Door: ld
//#Targets: x86_64-musl aarch64-musl
//#LinkArgs: -e begin
//#ExpectError: _Unwind_RaiseException
//#ExpectError: -lunwind
// Without a C library there is no unwinder either; the error says which one is missing.
int _Unwind_RaiseException(void *);
int begin(void) { return _Unwind_RaiseException(0); }

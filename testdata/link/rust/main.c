//#LinkArgs: -L{out} -lwork -pthread
//#LinkArgs[glibc]: -lm -ldl
//#RunEnv: RUST_BACKTRACE=1
//#ExpectOutputMatch: ^sum 4950 over 4 threads$
//#ExpectOutputMatch: ^caught: index out of bounds
//#ExpectOutputMatch: work::inner_that_panics|inner_that_panics
//#ExpectOutputMatch: work\.rs:[0-9]+
//#ExpectOutputMatch: ^dropped 1 while unwinding$
//#Config: named
//#LinkArgs[musl]: -lunwind
//#SkipPeer[musl]: bfd (the program dies while it prints the backtrace)
//#Config: found
//#SkipPeer[musl]: bfd lld mold wild (nobody else looks for an unwinder)
// A Rust staticlib: a panic that unwinds through clean-ups and is caught, its backtrace with lines, threads, thread-locals.
// Rust leaves the unwinder to the link; cgolink finds it without being told.
int work(void);
int main(void) { return work(); }

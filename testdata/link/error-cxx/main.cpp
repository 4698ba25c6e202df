//#LinkArgs: -nostdlib++
//#ExpectError: __cxa_throw
//#ExpectError: C\+\+
// A C++ library is added where names of one are missing, but not against the user's word.
int main() { throw 42; }

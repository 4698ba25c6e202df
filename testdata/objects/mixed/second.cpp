// The other half, with a COMDAT group, a static local, a switch table and more strings.
template <typename T> struct shared {
  __attribute__((noinline)) static int value(T x) { static int calls = 7; return calls += x; }
};
extern "C" int yields() { return 2; }
extern "C" const char *name(int x) {
  switch (x) {
    case 0: return "zero"; case 1: return "one string"; case 2: return "two"; case 3: return "three";
    case 4: return "four"; case 5: return "five"; default: return "a string";
  }
}
__attribute__((section("table"), used)) static const int entry = 6;
extern "C" thread_local int second_counter = 9;
extern "C" int second(int x) { return shared<int>::value(x) + name(x)[0] + ++second_counter; }

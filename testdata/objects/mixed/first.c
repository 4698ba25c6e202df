// One half of a program without a C library, made to have a little of everything that an object can hold: merged
// strings, thread-local storage, common and weak symbols, constructors, a section with start and stop symbols, unwind tables.
extern int second(int), from_archive(int);
extern const int __start_table[], __stop_table[];
__attribute__((weak)) extern int nowhere(void);
__attribute__((weak)) int yields(void) { return 1; }
_Thread_local int counter = 3;
static _Thread_local long zeroed[2];
int common_number;
int initialised[4] = {1, 2, 3, 4};
int *const pointers[] = {&initialised[1], &common_number};
const char *words[] = {"one string", "another string", "a string"};
__attribute__((section("table"), used)) static const int entry = 5;
static void construct(void) { common_number = initialised[2]; }
__attribute__((section(".init_array"), used)) static void (*const constructor)(void) = construct;
int (*volatile indirect)(int) = second;

void begin(void) {
  int sum = yields() + second(2) + from_archive(3) + *pointers[0] + words[1][0];
  for (const int *p = __start_table; p < __stop_table; p++) sum += *p;
  if (nowhere) sum += nowhere();
  counter += sum + indirect(1);
  zeroed[1] = counter;
  __asm__ volatile("" : : "r"(zeroed[1]) : "memory");
  for (;;) {}
}

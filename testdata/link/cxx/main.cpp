//#ExpectOutput: first other second
//#ExpectOutput: caught 7 from throwing after ~guard
//#ExpectOutput: rethrown: out of range
//#ExpectOutput: thread 1 then 2, main 1
//#ExpectOutput: dynamic yes
//#ExpectOutput: 3 apples
//#ExpectSegment[musl]: GNU_EH_FRAME
//#CompileArgs: -std=c++17 -pthread
//#LinkArgs: -pthread
//#SkipPeer[musl]: bfd wild (they leave __dso_handle to a start file, which musl has not)
// Exceptions through frames with clean-ups, thread_local objects with constructors, static constructors, RTTI, streams.
#include <cstdio>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>

extern std::string order;
struct note { note(const char *w) { order += w; } };
extern note other_note;
static note second("second");

struct guard { std::string &log; ~guard() { log += " after ~guard"; } };
int throwing(int, std::string &);
static int through(int x, std::string &log) { guard g{log}; return throwing(x, log) + 1; }

struct counter { int n = 1; ~counter() { n = 0; } };
static thread_local counter mine;

struct animal { virtual ~animal() = default; };
struct dog : animal { std::string name = "rex"; };

int main() {
  std::cout << order << '\n';
  std::string log;
  try { through(7, log); } catch (int value) { std::cout << "caught " << value << " from throwing" << log << '\n'; }
  try {
    try { std::map<int, int>().at(3); } catch (const std::exception &) { throw std::runtime_error("out of range"); }
  } catch (const std::exception &e) { std::cout << "rethrown: " << e.what() << '\n'; }
  int before = 0, after = 0;
  std::thread([&] { before = mine.n++; after = mine.n; }).join();
  std::cout << "thread " << before << " then " << after << ", main " << mine.n << '\n';
  animal *pet = new dog;
  std::cout << "dynamic " << (dynamic_cast<dog *>(pet) ? "yes" : "no") << std::endl;
  delete pet;
  std::ostringstream text;
  text << 3 << " apples";
  std::printf("%s\n", text.str().c_str());
  return 42;
}

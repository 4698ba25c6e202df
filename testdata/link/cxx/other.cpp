#include <string>
std::string order __attribute__((init_priority(200))) = "first ";
struct note { note(const char *w) { order += w; } };
note other_note __attribute__((init_priority(300))) ("other ");
int throwing(int x, std::string &) { throw x; }

#include "shared.h"
int *other_count() {
  for (int i = 0; i < 40; i++) shared<int>::bump();
  return &counted::count;
}
const char *other_text() { return shared<int>::text(); }

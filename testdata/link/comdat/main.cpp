//#ExpectTextOnce: the only copy of this
//#ExpectSymbol: _ZN7counted5countE size=4
// One copy of each COMDAT group is kept, with all its sections; both objects use the same one.
#include "shared.h"
int *other_count();
const char *other_text();

int main() {
  shared<int>::bump();
  if (other_count() != &counted::count) return 1;
  if (other_text() != shared<int>::text()) return 2;
  return counted::count == 42 ? 42 : counted::count;
}

//#Targets: x86_64-musl aarch64-musl
//#Config: plain
//#Config: build-id
//#LinkArgs: -Wl,--build-id=sha1
// A section that is written in parts, with relocations that are not in order of place: each is applied all the same.
extern const long *const table[];
const long answer = 42;

int main(void) {
  int hits = 0;
  for (int at = 0; at < 262144; at++) hits += table[at] != 0;
  return hits == 4 && table[1] == &answer ? *table[250000] : hits;
}

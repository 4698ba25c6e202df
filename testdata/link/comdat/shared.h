#pragma once
struct counted { static inline int count = 1; };
template <typename T> struct shared {
  __attribute__((noinline)) static void bump() { counted::count++; }
  __attribute__((noinline)) static const char *text() {
    static const char kept[] = "the only copy of this";
    return kept;
  }
};

//#ExpectOutput[glibc]: p 101 200 none main none 200 101 fini
//#ExpectOutput[musl]: 101 200 none main none 200 101 fini
// .preinit_array, then constructors by rising priority, those without one last; destructors run the other way round.
// (The start-up code of musl has no use for .preinit_array.)
#include <stdio.h>
#include <unistd.h>
#include <string.h>

static void say(const char *word) { if (write(1, word, strlen(word)) < 0) _exit(9); }
static void early(int argc, char **argv, char **envp) { (void)argc, (void)argv, (void)envp; say("p "); }
__attribute__((section(".preinit_array"), used)) static void (*const preinit)(int, char **, char **) = early;

__attribute__((constructor)) static void last(void) { say("none "); }
__attribute__((constructor(200))) static void second(void) { say("200 "); }
__attribute__((destructor(101))) static void first_undone(void) { say("101 "); }
__attribute__((destructor)) static void last_undone(void) { say("none "); }
static void fini(void) { say("fini\n"); }
__attribute__((section(".fini_array.00050"), used)) static void (*const very_last)(void) = fini;

int main(void) { say("main "); return 42; }

//#LinkArgs: -Wl,--defsym=answer=0x2a -Wl,--defsym=alias=original+4 -Wl,--defsym,twice=answer*2
//#ExpectSymbol: answer addr=0x2a section=*ABS*
//#ExpectSymbol: twice addr=84
//#SkipPeer: mold (expressions)
// Symbols that the command line defines: a number, an address with an offset, an expression.
int original[2] = {1, 41};
extern char answer[], twice[];
extern int alias[];
static unsigned long value(char *p) { char *volatile v = p; return (unsigned long)v; }

int main(void) {
  if (value(answer) != 42 || value(twice) != 84) return 1;
  return alias[0] + 1;
}

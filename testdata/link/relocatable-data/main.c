// Addresses in data: of functions, of other objects, with addends, into arrays and across sections.
extern int table[];
extern int (*const operations[2])(int);
int *middle = &table[2];
char **deep = (char *[]){"abc", "defg"};
static int here = 5;
static int *chain[2] = {&here, &table[1]};

int main(void) {
  int sum = *middle + *chain[0] + *chain[1] + operations[0](3) + operations[1](4) + deep[1][3];
  // 30 + 5 + 20 + 6 + 16 + 'g' (103)
  return sum == 180 ? 42 : sum;
}

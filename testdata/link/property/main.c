//#Targets: x86_64-musl aarch64-musl
//#Door: ld
//#CompileArgs: -O1 -ffreestanding -fno-stack-protector -fno-sanitize=all
//#CompileArgs[x86_64]: -fcf-protection=full
//#CompileArgs[aarch64]: -mbranch-protection=standard
//#Config: every
//#ExpectSection: .note.gnu.property size=32 align=8 flags=A
//#ExpectSegment: GNU_PROPERTY align=8
//#SkipPeer: wild (it keeps more of the notes)
//#Config: but-one
//#FileArgs[x86_64]: other.c=-fcf-protection=none
//#FileArgs[aarch64]: other.c=-mbranch-protection=none
//#NoSection: .note.gnu.property
//#NoSegment: GNU_PROPERTY
//#SkipPeer: wild bfd mold (they keep more of the notes)
//#Config: promised
//#FileArgs[x86_64]: other.c=-fcf-protection=none
//#FileArgs[aarch64]: other.c=-mbranch-protection=none
//#LinkArgs[x86_64]: -z ibt -z shstk
//#LinkArgs[aarch64]: -z force-bti
//#ExpectWarning[aarch64]: missing BTI property
//#ExpectSection: .note.gnu.property size=32 align=8 flags=A
//#SkipPeer: wild bfd mold lld (they differ in what they say and keep)
//#Config: reported
//#FileArgs[x86_64]: other.c=-fcf-protection=none
//#FileArgs[aarch64]: other.c=-mbranch-protection=none
//#LinkArgs[x86_64]: -z cet-report=error
//#LinkArgs[aarch64]: -z bti-report=error
//#ExpectError[x86_64]: error: .*other.*: missing IBT and SHSTK properties
//#ExpectError[aarch64]: error: .*other.*: missing BTI property
//#SkipPeer: wild bfd mold lld (words of the message)
// Indirect branch tracking and its like hold for the program only if every file has them.
#include "../leave.h"

int other(int);

#ifdef __x86_64__
__asm__(".globl _start\n_start: endbr64\n and $-16, %rsp\n call begin\n");
#else
__asm__(".globl _start\n_start: bti c\n bl begin\n");
#endif
void begin(void) { leave(other(41)); }

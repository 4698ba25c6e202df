//#ExpectSection: .debug_gdb_scripts flags=A min=12
//#ExpectText: scripts/ours.py
// Debug builds of Rust programs name their debugger's scripts in a section that is part of the image, and read a byte of it; those
// of C compilers are not loaded.
__asm__(".pushsection .debug_gdb_scripts, \"aMS\", %progbits, 1\n"
        "named: .byte 1\n"
        ".asciz \"scripts/ours.py\"\n"
        ".popsection\n");
extern const volatile char named[];

int main(void) { return named[0] == 1 && named[1] == 's' ? 42 : 1; }

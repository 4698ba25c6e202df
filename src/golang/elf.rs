//! The ELF file around a Go program's sections: notes, headers, symbol table, and what a dynamic linker needs (Go 1.26
//! and 1.27, `cmd/link/internal/ld/elf.go`).

pub mod dynamic;
pub mod headers;
pub mod notes;
pub mod sections;
pub mod symtab;

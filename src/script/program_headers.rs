//! The PHDRS command: program headers (the GNU ld manual, 3.8).

use object::elf;

use super::ast::ProgramHeader;
use super::expression::{constant, expression};
use super::lexer::{Lexer, Parsed, Words};

/// `{ name type FILEHDR PHDRS AT(address) FLAGS(n); ... }`.
pub fn program_headers(lexer: &mut Lexer) -> Parsed<Vec<ProgramHeader>> {
    lexer.expect("{")?;
    let mut headers = Vec::new();
    while !lexer.take("}")? {
        let name = lexer.name(Words::Section, "a program header's name or '}'")?.to_owned();
        let mark = lexer.mark();
        let kind = match kind_of(lexer.peek_word(Words::Symbol)?) {
            Some(kind) => {
                lexer.word(Words::Symbol)?;
                Some(kind)
            }
            None => constant(&expression(lexer)?).and_then(|kind| u32::try_from(kind).ok()),
        };
        let Some(kind) = kind else {
            lexer.back_to(mark);
            return Err(lexer.expected("a type of program header"));
        };
        let mut header =
            ProgramHeader { name, kind, file_header: false, program_headers: false, address: None, flags: None };
        while !lexer.take(";")? {
            match lexer.word(Words::Symbol)? {
                Some("FILEHDR") => header.file_header = true,
                Some("PHDRS") => header.program_headers = true,
                Some("AT") => header.address = Some(lexer.parenthesised(expression)?),
                Some("FLAGS") => {
                    let flags = constant(&lexer.parenthesised(expression)?).and_then(|flags| u32::try_from(flags).ok());
                    header.flags = Some(flags.ok_or_else(|| lexer.error("FLAGS have to be a constant of 32 bits"))?);
                }
                _ => return Err(lexer.expected("';'")),
            }
        }
        headers.push(header);
    }
    Ok(headers)
}

fn kind_of(name: &str) -> Option<u32> {
    Some(match name {
        "PT_NULL" => elf::PT_NULL,
        "PT_LOAD" => elf::PT_LOAD,
        "PT_DYNAMIC" => elf::PT_DYNAMIC,
        "PT_INTERP" => elf::PT_INTERP,
        "PT_NOTE" => elf::PT_NOTE,
        "PT_SHLIB" => elf::PT_SHLIB,
        "PT_PHDR" => elf::PT_PHDR,
        "PT_TLS" => elf::PT_TLS,
        "PT_GNU_EH_FRAME" => elf::PT_GNU_EH_FRAME,
        "PT_GNU_STACK" => elf::PT_GNU_STACK,
        "PT_GNU_RELRO" => elf::PT_GNU_RELRO,
        "PT_GNU_PROPERTY" => elf::PT_GNU_PROPERTY,
        _ => return None,
    })
}

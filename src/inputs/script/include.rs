//! `INCLUDE file`: the text of another script, read in the place of the command (the GNU ld manual, 3.4.2). It may stand at
//! the top level, in MEMORY and SECTIONS, and within an output section.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use super::lexer::{Lexer, Parsed, Words};

/// How deep scripts may include scripts.
const DEPTH: usize = 16;
/// How many files one script may include in all: each could include the next one twice.
const FILES: u32 = 1000;

/// Where the files of INCLUDE are looked for.
pub struct Includes<'a> {
    find: &'a Find<'a>,
    left: Cell<u32>,
}

/// The file that a name means in a script.
pub type Find<'a> = dyn Fn(&Path, &Path) -> Option<PathBuf> + 'a;

impl<'a> Includes<'a> {
    /// Looks for them with `find`, which is given the name and the script that says it.
    pub fn new(find: &'a Find<'a>) -> Self {
        Includes { find, left: Cell::new(FILES) }
    }
}

/// Reads the file that is named next, all of it, with `read`.
pub fn include<T>(lexer: &mut Lexer<'_>, read: impl FnOnce(&mut Lexer<'_>) -> Parsed<T>) -> Parsed<T> {
    lexer.rest()?;
    let mark = lexer.mark();
    let name = Path::new(lexer.name(Words::File, "a file")?);
    let wrong = |lexer: &mut Lexer<'_>, message: String| {
        lexer.back_to(mark);
        Err(lexer.error(message))
    };
    let Some(includes) = lexer.includes else {
        return wrong(lexer, "INCLUDE is not supported in this kind of script".to_owned());
    };
    let Some(path) = (includes.find)(name, lexer.path).filter(|path| path.is_file()) else {
        let name = name.display();
        return wrong(
            lexer,
            format!("cannot find {name}: not in this folder, nor beside the script, nor in those of -L"),
        );
    };
    if path == lexer.path || lexer.open.contains(&path) {
        return wrong(lexer, format!("{} includes itself", path.display()));
    }
    if lexer.open.len() >= DEPTH || includes.left.get() == 0 {
        return wrong(lexer, format!("scripts include more than {DEPTH} deep, or more than {FILES} files"));
    }
    includes.left.set(includes.left.get() - 1);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) => return wrong(lexer, format!("cannot read {}: {error}", path.display())),
    };
    let Ok(text) = std::str::from_utf8(&bytes) else {
        return wrong(lexer, format!("{} is no linker script: bytes that are no UTF-8 text", path.display()));
    };
    let open = lexer.open.iter().cloned().chain([lexer.path.to_owned()]).collect();
    let mut inner = Lexer::including(text, &path, includes, open);
    lexer.nested(|_| read(&mut inner))
}

#[cfg(test)]
mod tests {
    use super::super::ast::{Command, Content, SectionCommand};
    use super::super::parse_including;
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("a file");
        }
        folder
    }

    fn read(folder: &tempfile::TempDir, text: &str) -> Result<super::super::ast::Script, String> {
        let find = |name: &Path, _: &Path| Some(folder.path().join(name));
        let read = parse_including(text.as_bytes(), Path::new("main.ld"), &find);
        read.map_err(|errors| errors.to_string().replace(&format!("{}/", folder.path().display()), ""))
    }

    #[test]
    fn files_stand_where_they_are_included() {
        let folder = folder(&[
            ("entry.ld", "ENTRY(begin) INCLUDE symbols.ld"),
            ("symbols.ld", "a = 1;"),
            ("regions.ld", "ram : ORIGIN = 0, LENGTH = 1M"),
            ("data.ld", ".data : { INCLUDE pieces.ld } .bss : { *(.bss) }"),
            ("pieces.ld", "b = .; *(.data)"),
        ]);
        let text = "INCLUDE entry.ld MEMORY { INCLUDE regions.ld rom : org = 5, len = 6 } SECTIONS { .text : { *(.text) } INCLUDE \"data.ld\"; c = .; }";
        let commands = read(&folder, text).expect("a script").commands;
        assert!(matches!(&commands[..2], [Command::Entry(_), Command::Assignment(_)]), "{commands:?}");
        let Command::Memory(regions) = &commands[2] else { panic!("{commands:?}") };
        assert_eq!(regions.iter().map(|region| region.name.as_str()).collect::<Vec<_>>(), ["ram", "rom"]);
        let Command::Sections(sections) = &commands[3] else { panic!("{commands:?}") };
        let [_, SectionCommand::Output(data), _, SectionCommand::Assignment(_)] = &sections[..] else {
            panic!("{sections:?}")
        };
        assert!(matches!(data.contents[..], [Content::Assignment(_), Content::Input(_)]), "{data:?}");
    }

    #[test]
    fn what_cannot_be_included_is_an_error() {
        let many = "INCLUDE leaf.ld ".repeat(FILES as usize + 1);
        let folder = folder(&[
            ("one.ld", "INCLUDE two.ld"),
            ("two.ld", "\n  INCLUDE one.ld"),
            ("wrong.ld", "a = ;"),
            ("leaf.ld", ""),
            ("open.ld", "SECTIONS {"),
            ("brace.ld", "}"),
        ]);
        let error = |text: &str| read(&folder, text).expect_err("an error");
        assert!(error("INCLUDE one.ld").contains("two.ld:2:11: one.ld includes itself"), "{}", error("INCLUDE one.ld"));
        assert!(error("INCLUDE no.ld").contains("main.ld:1:9: cannot find no.ld"));
        assert!(error("INCLUDE wrong.ld").contains("wrong.ld:1:5: expected an expression"));
        assert!(error("SECTIONS { INCLUDE brace.ld").contains("brace.ld:1:1:"));
        assert!(error("INCLUDE open.ld }").contains("open.ld:1:11:"));
        assert!(error(&many).contains("more than 1000 files"));
        assert!(super::super::parse(b"INCLUDE x", Path::new("t")).is_err());
    }
}

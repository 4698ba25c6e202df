//! `INCLUDE file`: the text of another script, read in the place of the command (the GNU ld manual, 3.4.2). It may stand at
//! the top level, in MEMORY and SECTIONS, and within an output section.

use std::path::Path;

use super::lexer::{FILES, Lexer, Parsed, Words};

/// How deep scripts may include scripts.
const DEPTH: usize = 16;
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
    use std::path::PathBuf;

    use super::super::ast::{Command, Content, SectionCommand};
    use super::super::parse_including;
    use super::*;
    use crate::mutation::Mutation;

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
        let deep = |last: usize| (0..last).map(|at| (format!("{at}.ld"), format!("INCLUDE {}.ld", at + 1)));
        let deep: Vec<(String, String)> = deep(DEPTH).chain([(format!("{DEPTH}.ld"), String::new())]).collect();
        let mut files = vec![
            ("one.ld", "INCLUDE two.ld"),
            ("two.ld", "\n  INCLUDE one.ld"),
            ("wrong.ld", "a = ;"),
            ("leaf.ld", ""),
            ("open.ld", "SECTIONS {"),
            ("brace.ld", "}"),
        ];
        files.extend(deep.iter().map(|(name, text)| (name.as_str(), text.as_str())));
        let folder = folder(&files);
        std::fs::write(folder.path().join("bytes.ld"), b"a = 1; /* \xff */").expect("a file");
        std::fs::create_dir(folder.path().join("folder.ld")).expect("a folder");
        for (text, want) in [
            ("INCLUDE one.ld", "two.ld:2:11: one.ld includes itself"),
            (
                "INCLUDE no.ld",
                "main.ld:1:9: cannot find no.ld: not in this folder, nor beside the script, nor in those of -L",
            ),
            ("a = 1;\nINCLUDE folder.ld", "main.ld:2:9: cannot find folder.ld:"),
            ("INCLUDE wrong.ld", "wrong.ld:1:5: expected an expression, found ';'"),
            ("INCLUDE bytes.ld", "main.ld:1:9: bytes.ld is no linker script: bytes that are no UTF-8 text"),
            // Its first bytes cannot be read.
            ("INCLUDE /proc/self/mem", "main.ld:1:9: cannot read /proc/self/mem: "),
            ("SECTIONS { INCLUDE brace.ld", "brace.ld:1:1: expected "),
            ("INCLUDE open.ld }", "open.ld:1:11: expected "),
            ("INCLUDE", "main.ld:1:8: expected a file, found the end of the script"),
            ("SECTIONS { .a : { INCLUDE } }", "main.ld:1:27: expected a file, found '}'"),
            ("INCLUDE 0.ld", "15.ld:1:9: scripts include more than 16 deep, or more than 1000 files"),
            (&many, "main.ld:1:16009: scripts include more than 16 deep, or more than 1000 files"),
            // It stands for commands and statements, not for a part of one.
            ("ENTRY(INCLUDE leaf.ld)", "main.ld:1:15: expected ')', found 'leaf.ld'"),
        ] {
            let error = read(&folder, text).expect_err("an error");
            assert_eq!(error.split(' ').next(), Some("cgolink:"), "{error}");
            assert!(error.starts_with(&format!("cgolink: error: {want}")), "{error}\ninstead of {want}");
        }
        assert!(read(&folder, "INCLUDE 1.ld").is_ok(), "one less deep");
        let error = super::super::parse(b"\nINCLUDE leaf.ld", Path::new("t.ld")).expect_err("an error");
        let codes: Vec<_> = error.iter().map(|one| one.code).collect();
        assert_eq!(codes, ["bad-script"]);
        assert_eq!(error.to_string(), "cgolink: error: t.ld:2:9: INCLUDE is not supported in this kind of script");
    }

    #[test]
    fn mutated_scripts_are_read_or_refused() {
        let texts = [
            "INCLUDE a.ld MEMORY { INCLUDE \"b.ld\" rom : org = 5, len = 6 } SECTIONS { .text : { INCLUDE c.ld } INCLUDE d.ld }",
            "ENTRY(begin) INCLUDE e.ld",
            "ram (rw) : ORIGIN = 0, LENGTH = 1M",
            "b = .; *(.text) KEEP(*(.init))",
            ".data : { INCLUDE c.ld } >ram",
            "PROVIDE(limit = 42); ASSERT(1, \"x\")",
        ];
        let names = ["main.ld", "a.ld", "b.ld", "c.ld", "d.ld", "e.ld"];
        let folder = folder(&[]);
        // Names that damage makes are not looked for elsewhere.
        let find = |name: &Path, _: &Path| {
            names.iter().find(|known| Path::new(known) == name).map(|known| folder.path().join(known))
        };
        let write = |at: usize, bytes: &[u8]| {
            let file = folder.path().join(names[at]);
            // Some file systems write a file that is emptied and filled again to the disk at once.
            let _ = std::fs::remove_file(&file);
            std::fs::write(file, bytes).expect("a file");
        };
        texts.iter().enumerate().for_each(|(at, text)| write(at, text.as_bytes()));
        let main = folder.path().join("main.ld");
        let mut mutation = Mutation::new(0x5eed_0004);
        let (mut scripts, mut refused) = (0, 0);
        for round in 0..1500 {
            let at = round % texts.len();
            let bytes = mutation.of(texts[at].as_bytes());
            write(at, &bytes);
            let text = if at == 0 { &bytes[..] } else { texts[0].as_bytes() };
            match parse_including(text, &main, &find) {
                Ok(_) => scripts += 1,
                Err(errors) => {
                    refused += 1;
                    let in_folder = |path: &PathBuf| path.starts_with(folder.path());
                    assert!(errors.iter().all(|error| error.origin.file.as_ref().is_some_and(in_folder)), "{errors}");
                }
            }
            write(at, texts[at].as_bytes());
        }
        assert!(scripts > 100 && refused > 100, "{scripts} are read, {refused} refused");
    }
}

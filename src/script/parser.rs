//! The commands of a script at its top level, by the GNU ld manual's chapter "Linker Scripts". What stands within
//! SECTIONS, PHDRS, MEMORY and VERSION is read by a module each.

use std::path::{Path, PathBuf};

use crate::diag;

use super::ast::{Command, Script, ScriptInput};
use super::include::include;
use super::lexer::{Find, Includes, Lexer, Parsed, Words, decode};
use super::statements::{assertion, assignment, symbol_argument};
use super::{memory, program_headers, sections, version};

/// Reads a script without INCLUDE. `path` is what errors name.
pub fn parse(text: &[u8], path: &Path) -> diag::Result<Script> {
    script(Lexer::new(decode(text, path)?, path))
}

/// Reads a script with the files that it includes, as `find` finds them.
pub fn parse_including(text: &[u8], path: &Path, find: &Find<'_>) -> diag::Result<Script> {
    let includes = Includes::new(find);
    script(Lexer::including(decode(text, path)?, path, &includes, Vec::new()))
}

/// Whether a file that is no object, archive or bitcode may be a script: text without control characters.
pub fn looks_like_script(text: &[u8]) -> bool {
    let start = &text[..text.len().min(512)];
    !start.is_empty() && start.iter().all(|&byte| byte >= 0x20 || matches!(byte, b'\t' | b'\n' | b'\r' | b'\x0c'))
}

fn script(mut lexer: Lexer) -> diag::Result<Script> {
    let mut script = Script::default();
    all_commands(&mut lexer, &mut script.commands).map_err(|error| (*error).into()).map(|()| script)
}

fn all_commands(lexer: &mut Lexer, commands: &mut Vec<Command>) -> Parsed<()> {
    loop {
        lexer.skip_separators()?;
        if lexer.at_end()? {
            return Ok(());
        }
        command(lexer, commands)?;
    }
}

fn command(lexer: &mut Lexer, commands: &mut Vec<Command>) -> Parsed<()> {
    if let Some(assignment) = assignment(lexer)? {
        commands.push(Command::Assignment(assignment));
        return Ok(());
    }
    let start = lexer.mark();
    let name = lexer.name(Words::Symbol, "a command")?;
    let command = match name {
        "ENTRY" => Command::Entry(symbol_argument(lexer)?),
        "OUTPUT_FORMAT" => {
            let names = names(lexer, Words::Glob)?;
            let Some(first) = names.into_iter().next() else { return Err(lexer.error("OUTPUT_FORMAT without a name")) };
            Command::OutputFormat(first)
        }
        "OUTPUT_ARCH" => Command::OutputArch(lexer.parenthesised(|lexer| {
            // `i386:x86-64` holds a colon.
            lexer.name(Words::Glob, "an architecture").map(str::to_owned)
        })?),
        "INPUT" | "GROUP" => Command::Input(inputs(lexer)?),
        "STARTUP" => Command::Startup(inputs(lexer)?),
        "SEARCH_DIR" => Command::SearchDir(PathBuf::from(
            lexer.parenthesised(|lexer| lexer.name(Words::File, "a folder").map(str::to_owned))?,
        )),
        "EXTERN" => Command::Extern(names(lexer, Words::Symbol)?),
        "ASSERT" => {
            let (condition, message) = assertion(lexer)?;
            Command::Assert(condition, message)
        }
        "SECTIONS" => Command::Sections(sections::sections(lexer)?),
        "VERSION" => {
            lexer.expect("{")?;
            let nodes = version::nodes(lexer)?;
            lexer.expect("}")?;
            Command::Version(nodes)
        }
        "PHDRS" => Command::ProgramHeaders(program_headers::program_headers(lexer)?),
        "MEMORY" => Command::Memory(memory::regions(lexer)?),
        "REGION_ALIAS" => lexer.parenthesised(|lexer| {
            let alias = lexer.name(Words::Section, "a name")?.to_owned();
            lexer.expect(",")?;
            Ok(Command::RegionAlias { alias, region: lexer.name(Words::Section, "a region")?.to_owned() })
        })?,
        "INSERT" => {
            let after = match lexer.word(Words::Symbol)? {
                Some("AFTER") => true,
                Some("BEFORE") => false,
                _ => return Err(lexer.expected("AFTER or BEFORE")),
            };
            Command::Insert { after, section: lexer.name(Words::Section, "an output section")?.to_owned() }
        }
        // They choose what is the only choice here, or make no difference to the output.
        "TARGET" | "LD_FEATURE" | "NOCROSSREFS" | "NOCROSSREFS_TO" => {
            names(lexer, Words::Glob)?;
            return Ok(());
        }
        "FORCE_COMMON_ALLOCATION" | "FORCE_GROUP_ALLOCATION" => return Ok(()),
        "INCLUDE" => return include(lexer, |inner| all_commands(inner, commands)),
        "OUTPUT" => Command::Output(PathBuf::from(
            lexer.parenthesised(|lexer| lexer.name(Words::File, "a file").map(str::to_owned))?,
        )),
        "INHIBIT_COMMON_ALLOCATION" => {
            lexer.back_to(start);
            return Err(lexer.error(format!("the command {name} is not supported")));
        }
        _ => {
            lexer.back_to(start);
            return Err(lexer.error(format!("unknown command '{name}'")));
        }
    };
    commands.push(command);
    Ok(())
}

/// `(name, name name)`.
fn names(lexer: &mut Lexer, words: Words) -> Parsed<Vec<String>> {
    lexer.parenthesised(|lexer| {
        let mut names = Vec::new();
        loop {
            while lexer.take(",")? {}
            match lexer.word(words)? {
                Some(name) => names.push(name.to_owned()),
                None => return Ok(names),
            }
        }
    })
}

/// The files of INPUT and GROUP.
fn inputs(lexer: &mut Lexer) -> Parsed<Vec<ScriptInput>> {
    fn list(lexer: &mut Lexer, as_needed: bool, inputs: &mut Vec<ScriptInput>) -> Parsed<()> {
        loop {
            while lexer.take(",")? {}
            if lexer.keyword("AS_NEEDED")? {
                lexer.parenthesised(|lexer| list(lexer, true, inputs))?;
                continue;
            }
            match lexer.word(Words::File)? {
                Some(name) => inputs.push(ScriptInput { name: name.to_owned(), as_needed }),
                None => return Ok(()),
            }
        }
    }
    let mut inputs = Vec::new();
    lexer.parenthesised(|lexer| list(lexer, false, &mut inputs))?;
    Ok(inputs)
}

#[cfg(test)]
mod tests {
    use super::super::ast::{Content, Expression, Operator, SectionCommand, Sort};
    use super::*;
    use crate::mutation::numbers;

    fn read(text: &str) -> Script {
        parse(text.as_bytes(), Path::new("t.ld")).unwrap_or_else(|error| panic!("{error}"))
    }

    fn error(text: &str) -> String {
        parse(text.as_bytes(), Path::new("t.ld")).unwrap_err().to_string()
    }

    const LIBC: &str = "/* GNU ld script\n   Use the shared library. */\nOUTPUT_FORMAT(elf64-x86-64)\n\
        GROUP ( /lib/libc.so.6 /usr/lib/libc_nonshared.a  AS_NEEDED ( /lib64/ld-linux-x86-64.so.2 ) -lm )\n";

    const KERNEL: &str = r#"
        OUTPUT_FORMAT("elf64-x86-64", "elf64-x86-64", "elf64-x86-64")
        OUTPUT_ARCH(i386:x86-64)
        ENTRY(_start)
        SEARCH_DIR("=/usr/local/lib"); SEARCH_DIR("/lib");
        PHDRS { text PT_LOAD FILEHDR PHDRS FLAGS(5); data PT_LOAD AT(0x1000) FLAGS(6); note 0x4; }
        MEMORY { rom (rx!w) : ORIGIN = 0, LENGTH = 256K  ram (w) : org = 0x40000000, l = 4M }
        REGION_ALIAS("REGION_TEXT", rom);
        VERSION { V1 { global: a; local: *; }; }
        EXTERN(a b, c)
        start = 0x1000; start += 4K;
        SECTIONS
        {
          . = SEGMENT_START("text-segment", 0x400000) + SIZEOF_HEADERS;
          PROVIDE_HIDDEN(__rela_iplt_start = .);
          .text ALIGN(0x1000) (NOLOAD) : AT(ADDR(.text) - 0x1000) ALIGN(16) SUBALIGN(4) ONLY_IF_RO {
            KEEP (*(SORT_NONE(.init)))
            *(.text.unlikely .text.*_unlikely) ; *crt?.o:EXCLUDED(.text)
            EXCLUDE_FILE(*a.o *b.o) *(.text .text.* EXCLUDE_FILE(c.o) .stub)
            KEEP(*(SORT_BY_INIT_PRIORITY(.init_array.*) SORT_BY_NAME(SORT_BY_ALIGNMENT(.x*))))
            foo.o
            BYTE(1) SHORT(2) LONG(. - 3); QUAD(4)
            FILL(0x9090)
            x = .; . += 8; . = ALIGN(8);
            SORT(CONSTRUCTORS) CONSTRUCTORS
            ASSERT(. < 10, "too long")
          } >rom AT>ram :text :data =0xcc, .rodata : { *(.rodata) } =0
          /DISCARD/ : { *(.comment) }
          .data (READONLY) : { *(.data) } . = ALIGN(4);
          .stab 0 (INFO) : { *(.stab) }
          ASSERT(SIZEOF(.text) > 1 ? 1 : 0, "x")
        }
        INSERT AFTER .bss;
    "#;

    #[test]
    fn reads_the_text_in_place_of_libc() {
        let input = |name: &str, as_needed| ScriptInput { name: name.into(), as_needed };
        assert_eq!(
            read(LIBC).commands,
            [
                Command::OutputFormat("elf64-x86-64".into()),
                Command::Input(vec![
                    input("/lib/libc.so.6", false),
                    input("/usr/lib/libc_nonshared.a", false),
                    input("/lib64/ld-linux-x86-64.so.2", true),
                    input("-lm", false),
                ]),
            ]
        );
        assert!(looks_like_script(LIBC.as_bytes()));
        assert!(!looks_like_script(b"\x7fELF\0"));
    }

    #[test]
    fn reads_a_script_with_everything_usual() {
        let script = read(KERNEL);
        let sections = script.commands.iter().find_map(|command| match command {
            Command::Sections(sections) => Some(sections),
            _ => None,
        });
        let sections = sections.unwrap();
        let SectionCommand::Output(text) = &sections[2] else { panic!("{sections:?}") };
        assert_eq!(text.name, ".text");
        assert!(text.no_load && text.align.is_some() && text.sub_align.is_some() && text.load_address.is_some());
        assert_eq!((text.region.as_deref(), text.load_region.as_deref()), (Some("rom"), Some("ram")));
        assert_eq!(
            (text.segments.as_slice(), text.fill.as_deref()),
            (&["text".into(), "data".into()][..], Some(&[0xcc][..]))
        );
        let patterns: Vec<_> = text
            .contents
            .iter()
            .filter_map(|content| match content {
                Content::Input(pattern) => Some(pattern),
                _ => None,
            })
            .collect();
        assert_eq!(patterns.len(), 6);
        assert!(patterns[0].keep && patterns[0].sections[0].sort == [Sort::None]);
        assert_eq!(patterns[2].file, "*crt?.o:EXCLUDED");
        assert_eq!(patterns[3].exclude_files, ["*a.o", "*b.o"]);
        assert_eq!(patterns[3].sections[2].exclude_files, ["c.o"]);
        assert_eq!(patterns[4].sections[1].sort, [Sort::Name, Sort::Alignment]);
        assert_eq!((patterns[5].file.as_str(), patterns[5].sections[0].name.as_str()), ("foo.o", "*"));
        assert_eq!(text.contents.len(), 6 + 4 + 1 + 3 + 1);
        let names: Vec<_> = sections
            .iter()
            .filter_map(|command| match command {
                SectionCommand::Output(section) => {
                    Some((section.name.as_str(), section.read_only, section.not_allocated))
                }
                _ => None,
            })
            .collect();
        assert_eq!(
            names,
            [
                (".text", false, false),
                (".rodata", false, false),
                ("/DISCARD/", false, false),
                (".data", true, false),
                (".stab", false, true)
            ]
        );
        let Some(Command::ProgramHeaders(headers)) =
            script.commands.iter().find(|c| matches!(c, Command::ProgramHeaders(_)))
        else {
            panic!()
        };
        assert_eq!(headers.len(), 3);
        assert!(headers[0].file_header && headers[0].program_headers && headers[0].flags == Some(5));
        assert_eq!((headers[1].kind, headers[2].kind), (object::elf::PT_LOAD, object::elf::PT_NOTE));
        let Some(Command::Memory(regions)) = script.commands.iter().find(|c| matches!(c, Command::Memory(_))) else {
            panic!()
        };
        assert_eq!((regions[0].attributes.as_str(), &regions[1].length), ("rx!w", &Expression::Number(4 << 20)));
        assert_eq!(script.commands.last(), Some(&Command::Insert { after: true, section: ".bss".into() }));
    }

    #[test]
    fn assignments_need_no_blanks() {
        let script = read("a=1;b+=2;PROVIDE(c=.);HIDDEN(d=a<<2);PROVIDE_HIDDEN(e = 5); f = a == b ? 1 : 2; g <<= 1;");
        let flags: Vec<_> = script
            .commands
            .iter()
            .map(|command| match command {
                Command::Assignment(a) => (a.symbol.as_str(), a.operator, a.provide, a.hidden),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(
            flags,
            [
                ("a", None, false, false),
                ("b", Some(Operator::Add), false, false),
                ("c", None, true, false),
                ("d", None, false, true),
                ("e", None, true, true),
                ("f", None, false, false),
                ("g", Some(Operator::ShiftLeft), false, false),
            ]
        );
    }

    #[test]
    fn errors_name_line_column_and_what_was_found() {
        assert_eq!(
            error("SECTIONS {\n  .text : { *(.text }\n}"),
            "cgolink: error: t.ld:2:21: expected a section's name, a glob or ')', found '}'"
        );
        assert_eq!(error("FOO(1)"), "cgolink: error: t.ld:1:1: unknown command 'FOO'");
        assert_eq!(
            error("INHIBIT_COMMON_ALLOCATION"),
            "cgolink: error: t.ld:1:1: the command INHIBIT_COMMON_ALLOCATION is not supported"
        );
        assert_eq!(error("a = 1 b = 2"), "cgolink: error: t.ld:1:7: expected ';', found 'b'");
    }

    #[test]
    fn nothing_makes_it_panic() {
        let mut random = numbers(1);
        for seed in [LIBC, KERNEL, "V1 { global: a; extern \"C++\" { b*; }; local: *; } V0;"] {
            for _ in 0..3000 {
                let mut text = seed.as_bytes().to_vec();
                for _ in 0..=random(4) {
                    let at = random(text.len());
                    match random(4) {
                        0 => text.truncate(at.max(1)),
                        1 => text[at] = b"(){};:=*\"/[]?,.0x\xff"[random(18)],
                        2 => drop(text.remove(at)),
                        _ => text.insert(at, b"({[\"#/*"[random(7)]),
                    }
                    if text.is_empty() {
                        break;
                    }
                }
                let path = Path::new("m");
                let _ = parse(&text, path);
                let _ = super::super::parse_version_script(&text, path);
                let _ = super::super::parse_dynamic_list(&text, path);
            }
        }
        for deep in ["SECTIONS { .a : { KEEP(", "GROUP(AS_NEEDED(", "a=("] {
            assert!(parse(deep.repeat(20_000).as_bytes(), Path::new("m")).is_err());
        }
        assert!(parse(format!("GROUP{}", "(AS_NEEDED".repeat(20_000)).as_bytes(), Path::new("m")).is_err());
    }
}

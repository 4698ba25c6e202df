//! The SECTIONS command: output sections, what they hold, and the statements between them (the GNU ld manual, 3.6).

use super::ast::{Constraint, Content, InputPattern, OutputSection, SectionCommand, SectionPattern, Sort};
use super::expression::{expression, fill_pattern};
use super::include::include;
use super::lexer::{Lexer, Parsed, Until, Words};
use super::statements::{assertion, assignment, symbol_argument};

/// `{ ... }` after SECTIONS.
pub fn sections(lexer: &mut Lexer) -> Parsed<Vec<SectionCommand>> {
    lexer.expect("{")?;
    let mut commands = Vec::new();
    statements(lexer, Until::Brace, &mut commands)?;
    Ok(commands)
}

fn statements(lexer: &mut Lexer, until: Until, commands: &mut Vec<SectionCommand>) -> Parsed<()> {
    while !until.reached(lexer)? {
        if let Some(assignment) = assignment(lexer)? {
            commands.push(SectionCommand::Assignment(assignment));
            continue;
        }
        let start = lexer.mark();
        let name = lexer.name(Words::Section, "an output section, a statement or '}'")?;
        let calls = lexer.rest()?.starts_with('(');
        commands.push(match name {
            "ASSERT" if calls => {
                let (condition, message) = assertion(lexer)?;
                SectionCommand::Assert(condition, message)
            }
            "ENTRY" if calls => SectionCommand::Entry(symbol_argument(lexer)?),
            "INCLUDE" => {
                include(lexer, |inner| statements(inner, Until::End, commands))?;
                continue;
            }
            "OVERLAY" => {
                lexer.back_to(start);
                return Err(lexer.error("OVERLAY puts sections at one address, for programs that copy them there in turn; no loader of Linux programs can place them"));
            }
            "GROUP" => {
                lexer.back_to(start);
                return Err(lexer.error(format!("{name} within SECTIONS is not supported")));
            }
            name => SectionCommand::Output(Box::new(output_section(lexer, name)?)),
        });
    }
    Ok(())
}

/// An output section, from what follows its name.
fn output_section(lexer: &mut Lexer, name: &str) -> Parsed<OutputSection> {
    let mut section = OutputSection { name: name.to_owned(), ..OutputSection::default() };
    section_type(lexer, &mut section)?;
    if !lexer.rest()?.starts_with(':') {
        section.address = Some(expression(lexer)?);
        section_type(lexer, &mut section)?;
    }
    lexer.expect(":")?;
    while !lexer.take("{")? {
        match lexer.word(Words::Symbol)? {
            Some("AT") => section.load_address = Some(lexer.parenthesised(expression)?),
            Some("ALIGN") => section.align = Some(lexer.parenthesised(expression)?),
            Some("SUBALIGN") => section.sub_align = Some(lexer.parenthesised(expression)?),
            // Load and run address differ by a constant here anyway.
            Some("ALIGN_WITH_INPUT") => {}
            Some("ONLY_IF_RO") => section.constraint = Some(Constraint::ReadOnly),
            Some("ONLY_IF_RW") => section.constraint = Some(Constraint::ReadWrite),
            _ => return Err(lexer.expected("'{'")),
        }
    }
    contents(lexer, Until::Brace, &mut section.contents)?;
    after_contents(lexer, &mut section)?;
    Ok(section)
}

/// `(NOLOAD)` and its like.
fn section_type(lexer: &mut Lexer, section: &mut OutputSection) -> Parsed<()> {
    let mark = lexer.mark();
    if !lexer.take("(")? {
        return Ok(());
    }
    match lexer.word(Words::Symbol)? {
        Some("NOLOAD") => section.no_load = true,
        Some("DSECT" | "COPY" | "INFO" | "OVERLAY") => section.not_allocated = true,
        Some("READONLY") => section.read_only = true,
        Some("TYPE") => return Err(lexer.error("a section's TYPE is not supported")),
        _ => {
            // An address in parentheses.
            lexer.back_to(mark);
            return Ok(());
        }
    }
    lexer.expect(")")
}

/// `>region AT>region :phdr =fill`, in that order.
fn after_contents(lexer: &mut Lexer, section: &mut OutputSection) -> Parsed<()> {
    if lexer.take(">")? {
        section.region = Some(lexer.name(Words::Symbol, "a region")?.to_owned());
    }
    let mark = lexer.mark();
    if lexer.keyword("AT")? {
        if lexer.take(">")? {
            section.load_region = Some(lexer.name(Words::Symbol, "a region")?.to_owned());
        } else {
            lexer.back_to(mark);
        }
    }
    while lexer.take(":")? {
        section.segments.push(lexer.name(Words::Symbol, "a program header")?.to_owned());
    }
    if lexer.take("=")? {
        section.fill = Some(fill_pattern(lexer)?);
    }
    Ok(())
}

fn contents(lexer: &mut Lexer, until: Until, contents: &mut Vec<Content>) -> Parsed<()> {
    while !until.reached(lexer)? {
        if let Some(assignment) = assignment(lexer)? {
            contents.push(Content::Assignment(assignment));
            continue;
        }
        let start = lexer.mark();
        let word = lexer.peek_word(Words::Glob)?;
        let width = match word {
            "BYTE" => 1,
            "SHORT" => 2,
            "LONG" => 4,
            "QUAD" | "SQUAD" => 8,
            _ => 0,
        };
        if width > 0 {
            lexer.word(Words::Glob)?;
            contents.push(Content::Data(width, lexer.parenthesised(expression)?));
            continue;
        }
        match word {
            "FILL" => {
                lexer.word(Words::Glob)?;
                contents.push(Content::Fill(lexer.parenthesised(fill_pattern)?));
            }
            "ASSERT" => {
                lexer.word(Words::Glob)?;
                let (condition, message) = assertion(lexer)?;
                contents.push(Content::Assert(condition, message));
            }
            "ASCIZ" => {
                lexer.word(Words::Glob)?;
                let text = lexer.word(Words::File)?.unwrap_or_default().to_owned() + "\0";
                contents.extend(text.bytes().map(|byte| Content::Data(1, super::ast::Expression::Number(byte.into()))));
            }
            // For a.out set symbols, which ELF has not.
            "CONSTRUCTORS" => {
                lexer.word(Words::Glob)?;
            }
            "KEEP" => {
                lexer.word(Words::Glob)?;
                let pattern = lexer.parenthesised(|lexer| input_pattern(lexer, true))?;
                contents.push(Content::Input(pattern));
            }
            "INCLUDE" => {
                lexer.word(Words::Glob)?;
                include(lexer, |inner| self::contents(inner, Until::End, contents))?;
            }
            "INPUT_SECTION_FLAGS" | "LINKER_VERSION" => {
                lexer.back_to(start);
                return Err(lexer.error(format!("{word} is not supported")));
            }
            _ => {
                let mark = lexer.mark();
                // `SORT(CONSTRUCTORS)`, as above.
                if lexer.keyword("SORT")? && lexer.take("(")? && lexer.keyword("CONSTRUCTORS")? {
                    lexer.expect(")")?;
                } else {
                    lexer.back_to(mark);
                    contents.push(Content::Input(input_pattern(lexer, false)?));
                }
            }
        }
    }
    Ok(())
}

/// `EXCLUDE_FILE(...) file(section section)`; the sections may be left out, which means all.
fn input_pattern(lexer: &mut Lexer, keep: bool) -> Parsed<InputPattern> {
    let mut exclude_files = Vec::new();
    if lexer.keyword("EXCLUDE_FILE")? {
        exclude_files = globs(lexer)?;
    }
    for (name, _) in SORTS {
        if lexer.keyword(name)? {
            return Err(lexer.error(format!("{name} around a file's name is not supported")));
        }
    }
    let file = lexer.name(Words::Glob, "an input section pattern or '}'")?.to_owned();
    let mut sections = Vec::new();
    if lexer.rest()?.starts_with('(') {
        lexer.parenthesised(|lexer| {
            loop {
                while lexer.take(",")? {}
                if lexer.rest()?.starts_with(')') {
                    return Ok(());
                }
                sections.push(section_pattern(lexer)?);
            }
        })?;
    } else {
        sections.push(SectionPattern { name: "*".into(), exclude_files: Vec::new(), sort: Vec::new() });
    }
    Ok(InputPattern { keep, file, exclude_files, sections })
}

const SORTS: [(&str, Sort); 5] = [
    ("SORT_BY_NAME", Sort::Name),
    ("SORT_BY_ALIGNMENT", Sort::Alignment),
    ("SORT_BY_INIT_PRIORITY", Sort::InitPriority),
    ("SORT_NONE", Sort::None),
    ("SORT", Sort::Name),
];

/// One glob with the EXCLUDE_FILE and SORTs around it.
fn section_pattern(lexer: &mut Lexer) -> Parsed<SectionPattern> {
    if lexer.keyword("EXCLUDE_FILE")? {
        let excluded = globs(lexer)?;
        let mut pattern = section_pattern_inner(lexer, 0)?;
        pattern.exclude_files.extend(excluded);
        return Ok(pattern);
    }
    section_pattern_inner(lexer, 0)
}

fn section_pattern_inner(lexer: &mut Lexer, sorts: u32) -> Parsed<SectionPattern> {
    for (name, sort) in SORTS {
        if lexer.keyword(name)? {
            if sorts == 2 {
                return Err(lexer.error("more than two levels of sorting"));
            }
            let mut pattern = lexer.parenthesised(|lexer| section_pattern_inner(lexer, sorts + 1))?;
            if pattern.sort.first() != Some(&sort) {
                pattern.sort.insert(0, sort);
            }
            return Ok(pattern);
        }
    }
    let mut exclude_files = Vec::new();
    if lexer.keyword("EXCLUDE_FILE")? {
        exclude_files = globs(lexer)?;
    }
    let name = lexer.name(Words::Glob, "a section's name, a glob or ')'")?.to_owned();
    Ok(SectionPattern { name, exclude_files, sort: Vec::new() })
}

/// The globs of EXCLUDE_FILE.
fn globs(lexer: &mut Lexer) -> Parsed<Vec<String>> {
    lexer.parenthesised(|lexer| {
        let mut globs = Vec::new();
        loop {
            while lexer.take(",")? {}
            match lexer.word(Words::Glob)? {
                Some(glob) => globs.push(glob.to_owned()),
                None => return Ok(globs),
            }
        }
    })
}

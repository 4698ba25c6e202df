//! The MEMORY command: regions that sections are put into (the GNU ld manual, 3.7).

use super::ast::{Expression, MemoryRegion};
use super::expression::expression;
use super::include::include;
use super::lexer::{Lexer, Parsed, Until, Words};

/// `{ name (attributes) : ORIGIN = expression, LENGTH = expression ... }`.
pub fn regions(lexer: &mut Lexer) -> Parsed<Vec<MemoryRegion>> {
    fn field(lexer: &mut Lexer, names: [&str; 3]) -> Parsed<Expression> {
        for name in names {
            if lexer.keyword(name)? {
                lexer.expect("=")?;
                return expression(lexer);
            }
        }
        Err(lexer.expected(names[0]))
    }
    fn all(lexer: &mut Lexer, until: Until, regions: &mut Vec<MemoryRegion>) -> Parsed<()> {
        while !until.reached(lexer)? {
            let name = lexer.name(Words::Section, "a region's name or '}'")?.to_owned();
            if name == "INCLUDE" && !lexer.rest()?.starts_with([':', '(']) {
                include(lexer, |inner| all(inner, Until::End, regions))?;
                continue;
            }
            regions.push(region(lexer, name)?);
        }
        Ok(())
    }
    fn region(lexer: &mut Lexer, name: String) -> Parsed<MemoryRegion> {
        let mut attributes = String::new();
        if lexer.rest()?.starts_with('(') {
            attributes = lexer.parenthesised(|lexer| Ok(lexer.word(Words::Section)?.unwrap_or_default().to_owned()))?;
        }
        lexer.expect(":")?;
        let origin = field(lexer, ["ORIGIN", "org", "o"])?;
        lexer.expect(",")?;
        let length = field(lexer, ["LENGTH", "len", "l"])?;
        Ok(MemoryRegion { name, attributes, origin, length })
    }
    lexer.expect("{")?;
    let mut regions = Vec::new();
    all(lexer, Until::Brace, &mut regions)?;
    Ok(regions)
}

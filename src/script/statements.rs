//! Statements that may stand at the top level and within SECTIONS (the GNU ld manual, 3.5 and 3.4.5).

use super::ast::{Assignment, Expression, Operator};
use super::expression::expression;
use super::lexer::{Lexer, Parsed, Words};

/// `symbol = expression;` in all its forms, or `None` with nothing taken.
pub fn assignment(lexer: &mut Lexer) -> Parsed<Option<Assignment>> {
    let start = lexer.mark();
    for (name, provide, hidden) in [("PROVIDE", true, false), ("HIDDEN", false, true), ("PROVIDE_HIDDEN", true, true)] {
        if !lexer.keyword(name)? {
            continue;
        }
        if !lexer.rest()?.starts_with('(') {
            break;
        }
        let assignment = lexer.parenthesised(|lexer| {
            let symbol = lexer.name(Words::Symbol, "a symbol")?.to_owned();
            lexer.expect("=")?;
            Ok(Assignment { symbol, operator: None, value: expression(lexer)?, provide, hidden })
        })?;
        statement_end(lexer)?;
        return Ok(Some(assignment));
    }
    lexer.back_to(start);
    let Some(symbol) = lexer.word(Words::Symbol)? else { return Ok(None) };
    let Some(operator) = assignment_operator(lexer)? else {
        lexer.back_to(start);
        return Ok(None);
    };
    let value = expression(lexer)?;
    statement_end(lexer)?;
    Ok(Some(Assignment { symbol: symbol.to_owned(), operator, value, provide: false, hidden: false }))
}

/// The operator of an assignment: `Some(None)` for a plain `=`, `None` if none stands here.
fn assignment_operator(lexer: &mut Lexer) -> Parsed<Option<Option<Operator>>> {
    if lexer.rest()?.starts_with("==") {
        return Ok(None);
    }
    let spellings = [
        ("=", None),
        ("+=", Some(Operator::Add)),
        ("-=", Some(Operator::Subtract)),
        ("*=", Some(Operator::Multiply)),
        ("/=", Some(Operator::Divide)),
        ("<<=", Some(Operator::ShiftLeft)),
        (">>=", Some(Operator::ShiftRight)),
        ("&=", Some(Operator::And)),
        ("|=", Some(Operator::Or)),
        ("^=", Some(Operator::Xor)),
    ];
    for (spelling, operator) in spellings {
        if lexer.take(spelling)? {
            return Ok(Some(operator));
        }
    }
    Ok(None)
}

/// Statements end with a semicolon, a comma, or what closes the block around them.
fn statement_end(lexer: &mut Lexer) -> Parsed<()> {
    let rest = lexer.rest()?;
    if rest.is_empty() || rest.starts_with('}') || lexer.take(";")? || lexer.take(",")? {
        return Ok(());
    }
    Err(lexer.expected("';'"))
}

/// `(expression, message)` after ASSERT.
pub fn assertion(lexer: &mut Lexer) -> Parsed<(Expression, String)> {
    lexer.parenthesised(|lexer| {
        let condition = expression(lexer)?;
        lexer.expect(",")?;
        let message = lexer.name(Words::File, "a message")?.to_owned();
        Ok((condition, message))
    })
}

/// `(symbol)`.
pub fn symbol_argument(lexer: &mut Lexer) -> Parsed<String> {
    lexer.parenthesised(|lexer| lexer.name(Words::Symbol, "a symbol").map(str::to_owned))
}

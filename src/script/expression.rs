//! Expressions of scripts and `--defsym`: numbers with their suffixes, C's operators and precedence, and the functions
//! of the GNU ld manual, 3.10 "Expressions in Linker Scripts".

use std::path::Path;

use crate::diag;

use super::ast::{Expression, Function, NamedFunction, Operator, UnaryOperator};
use super::lexer::{Lexer, Parsed, Words};

/// Most operators in one expression: trees are walked by recursion, so their height has to have a bound.
const MAX_OPERATORS: u32 = 1000;

/// Reads a whole text as one expression: `--defsym`, `-Ttext-segment`.
pub fn parse_expression(text: &str) -> diag::Result<Expression> {
    let mut lexer = Lexer::new(text, Path::new(""));
    let whole = |lexer: &mut Lexer| -> Parsed<Expression> {
        let value = expression(lexer)?;
        if lexer.at_end()? { Ok(value) } else { Err(lexer.expected("an operator")) }
    };
    whole(&mut lexer).map_err(|error| (*error).into())
}

/// Reads an expression as far as it goes.
pub fn expression(lexer: &mut Lexer) -> Parsed<Expression> {
    Reader { operators: 0 }.conditional(lexer)
}

/// The value of an expression that depends on nothing; wraps like all arithmetic of scripts.
pub fn constant(expression: &Expression) -> Option<u64> {
    Some(match expression {
        Expression::Number(number) => *number,
        Expression::Unary(operator, operand) => unary(*operator, constant(operand)?),
        Expression::Binary(operator, left, right) => binary(*operator, constant(left)?, constant(right)?)?,
        Expression::Conditional(condition, yes, no) => {
            if constant(condition)? != 0 {
                constant(yes)?
            } else {
                constant(no)?
            }
        }
        _ => return None,
    })
}

/// Applies an operator of one operand.
pub fn unary(operator: UnaryOperator, operand: u64) -> u64 {
    match operator {
        UnaryOperator::Negate => operand.wrapping_neg(),
        UnaryOperator::Complement => !operand,
        UnaryOperator::Not => u64::from(operand == 0),
    }
}

/// Applies an operator of two operands: division and remainder are signed and comparisons unsigned, as GNU ld has them.
/// `None` for a division by zero.
pub fn binary(operator: Operator, left: u64, right: u64) -> Option<u64> {
    let shift = u32::try_from(right).ok();
    Some(match operator {
        Operator::Multiply => left.wrapping_mul(right),
        Operator::Divide if right == 0 => return None,
        Operator::Divide => (left as i64).wrapping_div(right as i64) as u64,
        Operator::Remainder if right == 0 => return None,
        Operator::Remainder => (left as i64).wrapping_rem(right as i64) as u64,
        Operator::Add => left.wrapping_add(right),
        Operator::Subtract => left.wrapping_sub(right),
        Operator::ShiftLeft => shift.and_then(|by| left.checked_shl(by)).unwrap_or(0),
        Operator::ShiftRight => shift.and_then(|by| left.checked_shr(by)).unwrap_or(0),
        Operator::Equal => u64::from(left == right),
        Operator::NotEqual => u64::from(left != right),
        Operator::Less => u64::from(left < right),
        Operator::LessEqual => u64::from(left <= right),
        Operator::Greater => u64::from(left > right),
        Operator::GreaterEqual => u64::from(left >= right),
        Operator::And => left & right,
        Operator::Or => left | right,
        Operator::Xor => left ^ right,
        Operator::LogicalAnd => u64::from(left != 0 && right != 0),
        Operator::LogicalOr => u64::from(left != 0 || right != 0),
    })
}

/// Operators of two operands with how tightly they bind; longer spellings before their prefixes.
const OPERATORS: [(&str, Operator, u8); 18] = [
    ("<<", Operator::ShiftLeft, 8),
    (">>", Operator::ShiftRight, 8),
    ("==", Operator::Equal, 6),
    ("!=", Operator::NotEqual, 6),
    ("<=", Operator::LessEqual, 7),
    (">=", Operator::GreaterEqual, 7),
    ("&&", Operator::LogicalAnd, 2),
    ("||", Operator::LogicalOr, 1),
    ("*", Operator::Multiply, 10),
    ("/", Operator::Divide, 10),
    ("%", Operator::Remainder, 10),
    ("+", Operator::Add, 9),
    ("-", Operator::Subtract, 9),
    ("<", Operator::Less, 7),
    (">", Operator::Greater, 7),
    ("&", Operator::And, 5),
    ("^", Operator::Xor, 4),
    ("|", Operator::Or, 3),
];

/// Reads one expression, counting its operators.
struct Reader {
    operators: u32,
}

impl Reader {
    fn count(&mut self, lexer: &Lexer) -> Parsed<()> {
        self.operators += 1;
        if self.operators > MAX_OPERATORS {
            return Err(lexer.error(format!("expression with more than {MAX_OPERATORS} operators")));
        }
        Ok(())
    }

    fn conditional(&mut self, lexer: &mut Lexer) -> Parsed<Expression> {
        let condition = self.binary(lexer, 0)?;
        if !lexer.take("?")? {
            return Ok(condition);
        }
        self.count(lexer)?;
        let yes = lexer.nested(|lexer| self.conditional(lexer))?;
        lexer.expect(":")?;
        let no = lexer.nested(|lexer| self.conditional(lexer))?;
        Ok(Expression::Conditional(Box::new(condition), Box::new(yes), Box::new(no)))
    }

    /// Precedence climbing: operators that bind tighter than `outer`, left to right.
    fn binary(&mut self, lexer: &mut Lexer, outer: u8) -> Parsed<Expression> {
        let mut left = self.operand(lexer)?;
        loop {
            let rest = lexer.rest()?;
            let found = OPERATORS.iter().find(|(spelling, ..)| rest.starts_with(spelling));
            let Some(&(spelling, operator, binding)) = found.filter(|&&(_, _, binding)| binding > outer) else {
                return Ok(left);
            };
            // `&=` and its like belong to a statement, not to an expression, and a name may follow a section's fill.
            if rest[spelling.len()..].starts_with('=') && !spelling.ends_with('=') || rest.starts_with("/DISCARD/") {
                return Ok(left);
            }
            self.count(lexer)?;
            lexer.advance(spelling.len());
            let right = lexer.nested(|lexer| self.binary(lexer, binding))?;
            left = Expression::Binary(operator, Box::new(left), Box::new(right));
        }
    }

    fn operand(&mut self, lexer: &mut Lexer) -> Parsed<Expression> {
        let rest = lexer.rest()?;
        let operator = match rest.bytes().next() {
            Some(b'-') => UnaryOperator::Negate,
            Some(b'~') => UnaryOperator::Complement,
            Some(b'!') => UnaryOperator::Not,
            Some(b'+') => {
                lexer.advance(1);
                self.count(lexer)?;
                return lexer.nested(|lexer| self.operand(lexer));
            }
            Some(b'(') => return lexer.parenthesised(|lexer| self.conditional(lexer)),
            Some(b'0'..=b'9') => return number(lexer).map(Expression::Number),
            Some(b'$') => return number(lexer).map(Expression::Number),
            _ => return self.name(lexer),
        };
        lexer.advance(1);
        self.count(lexer)?;
        let operand = lexer.nested(|lexer| self.operand(lexer))?;
        Ok(Expression::Unary(operator, Box::new(operand)))
    }

    /// A symbol, `.`, or a function with its arguments.
    fn name(&mut self, lexer: &mut Lexer) -> Parsed<Expression> {
        let quoted = lexer.rest()?.starts_with('"');
        let name = lexer.name(Words::Symbol, "an expression")?;
        if quoted {
            return Ok(Expression::Symbol(name.to_owned()));
        }
        match name {
            "." => return Ok(Expression::Dot),
            "SIZEOF_HEADERS" | "sizeof_headers" => return Ok(Expression::SizeOfHeaders),
            _ => {}
        }
        if !lexer.rest()?.starts_with('(') {
            return Ok(Expression::Symbol(name.to_owned()));
        }
        if let Some((function, least, most)) = function(name) {
            self.count(lexer)?;
            let arguments = lexer.parenthesised(|lexer| {
                let mut arguments = vec![self.conditional(lexer)?];
                while lexer.take(",")? {
                    arguments.push(self.conditional(lexer)?);
                }
                Ok(arguments)
            })?;
            if arguments.len() < least || arguments.len() > most {
                return Err(lexer.error(format!("{name} with {} arguments", arguments.len())));
            }
            return Ok(Expression::Call(function, arguments));
        }
        if let Some(function) = named_function(name) {
            let words = if function == NamedFunction::Defined { Words::Symbol } else { Words::Section };
            let of = lexer.parenthesised(|lexer| lexer.name(words, "a name"))?;
            return Ok(Expression::Named(function, of.to_owned()));
        }
        self.count(lexer)?;
        match name {
            "CONSTANT" => lexer.parenthesised(|lexer| match lexer.peek_word(Words::Symbol)? {
                "MAXPAGESIZE" => lexer.word(Words::Symbol).map(|_| Expression::MaxPageSize),
                "COMMONPAGESIZE" => lexer.word(Words::Symbol).map(|_| Expression::CommonPageSize),
                _ => Err(lexer.expected("MAXPAGESIZE or COMMONPAGESIZE")),
            }),
            "SEGMENT_START" => lexer.parenthesised(|lexer| {
                let segment = lexer.name(Words::Section, "a segment's name")?;
                lexer.expect(",")?;
                let default = self.conditional(lexer)?;
                Ok(Expression::SegmentStart(segment.to_owned(), Box::new(default)))
            }),
            "ASSERT" => lexer.parenthesised(|lexer| {
                let value = self.conditional(lexer)?;
                lexer.expect(",")?;
                let message = lexer.name(Words::File, "a message")?;
                Ok(Expression::Assert(Box::new(value), message.to_owned()))
            }),
            _ => Err(lexer.error(format!("unknown function {name}"))),
        }
    }
}

/// Functions of expressions, with the least and most number of arguments.
fn function(name: &str) -> Option<(Function, usize, usize)> {
    Some(match name {
        "ALIGN" => (Function::Align, 1, 2),
        "BLOCK" => (Function::Align, 1, 1), // the manual: a synonym of ALIGN
        "NEXT" => (Function::Align, 1, 1),  // the manual: the same without MEMORY holes
        "ABSOLUTE" => (Function::Absolute, 1, 1),
        "MAX" => (Function::Max, 2, 2),
        "MIN" => (Function::Min, 2, 2),
        "LOG2CEIL" => (Function::Log2Ceil, 1, 1),
        "DATA_SEGMENT_ALIGN" => (Function::DataSegmentAlign, 2, 2),
        "DATA_SEGMENT_RELRO_END" => (Function::DataSegmentRelroEnd, 2, 2),
        "DATA_SEGMENT_END" => (Function::DataSegmentEnd, 1, 1),
        _ => return None,
    })
}

/// Functions of a name.
fn named_function(name: &str) -> Option<NamedFunction> {
    Some(match name {
        "ADDR" => NamedFunction::Address,
        "LOADADDR" => NamedFunction::LoadAddress,
        "SIZEOF" => NamedFunction::SizeOf,
        "ALIGNOF" => NamedFunction::AlignOf,
        "DEFINED" => NamedFunction::Defined,
        "ORIGIN" => NamedFunction::Origin,
        "LENGTH" => NamedFunction::Length,
        _ => return None,
    })
}

/// A number: decimal, `0x` or `$` hexadecimal, octal after a `0`, or with the suffix `h`, `o`, `b`, `d`; then `K` or `M`.
fn number(lexer: &mut Lexer) -> Parsed<u64> {
    let rest = lexer.rest()?;
    let length = rest.bytes().skip(1).take_while(|byte| byte.is_ascii_alphanumeric()).count() + 1;
    let token = &rest[..length];
    let lower = token.to_ascii_lowercase();
    let hexadecimal = lower.strip_prefix("0x").or_else(|| lower.strip_prefix('$'));
    let digits = hexadecimal.unwrap_or(&lower);
    let (digits, scale) = match digits.bytes().last() {
        Some(b'k') => (&digits[..digits.len() - 1], 1 << 10),
        Some(b'm') => (&digits[..digits.len() - 1], 1 << 20),
        _ => (digits, 1),
    };
    let (digits, radix) = match (hexadecimal, digits.bytes().last()) {
        (Some(_), _) => (digits, 16),
        (None, Some(b'h' | b'x')) => (&digits[..digits.len() - 1], 16),
        (None, Some(b'o')) => (&digits[..digits.len() - 1], 8),
        (None, Some(b'b')) => (&digits[..digits.len() - 1], 2),
        (None, Some(b'd')) => (&digits[..digits.len() - 1], 10),
        _ if digits.len() > 1 && digits.starts_with('0') => (digits, 8),
        _ => (digits, 10),
    };
    let value = u64::from_str_radix(digits, radix).ok().and_then(|value| value.checked_mul(scale));
    match value {
        Some(value) => {
            lexer.advance(length);
            Ok(value)
        }
        None => Err(lexer.error(format!("'{token}' is not a number of 64 bits"))),
    }
}

/// A fill pattern: a plain hexadecimal number stands for its bytes as written, however many and with leading zeros; any
/// other constant for four bytes, the most significant first (the manual, 3.6.8.5).
pub fn fill_pattern(lexer: &mut Lexer) -> Parsed<Vec<u8>> {
    let rest = lexer.rest()?;
    let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let token = &rest[..length];
    if let Some(digits) = token.strip_prefix("0x").or_else(|| token.strip_prefix("0X"))
        && !digits.is_empty()
        && digits.len() <= 8192
        && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    {
        let mark = lexer.mark();
        lexer.advance(length);
        let follows = lexer.rest()?;
        let ends = OPERATORS.iter().all(|(spelling, ..)| !follows.starts_with(spelling)) || follows.starts_with('>');
        if ends && !follows.starts_with('?') {
            let value = |digit: u8| (digit as char).to_digit(16).unwrap_or(0) as u8;
            // An odd number of digits has an implied zero in front.
            let padded: Vec<u8> = (0..digits.len() % 2).map(|_| 0).chain(digits.bytes().map(value)).collect();
            return Ok(padded.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect());
        }
        lexer.back_to(mark);
    }
    let mark = lexer.mark();
    let pattern = expression(lexer)?;
    match constant(&pattern) {
        Some(value) => Ok((value as u32).to_be_bytes().to_vec()),
        None => {
            lexer.back_to(mark);
            Err(lexer.error("a fill pattern has to be a constant"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Option<u64> {
        constant(&parse_expression(text).unwrap())
    }

    #[test]
    fn binds_like_c() {
        let cases = [
            ("1 + 2 * 3", 7),
            ("(1 + 2) * 3", 9),
            ("10 - 3 - 2", 5),
            ("1 << 4 | 1", 17),
            ("1 ? 2 : 0 ? 3 : 4", 2),
            ("0 ? 2 : 0 ? 3 : 4", 4),
            ("1 == 1 && 2 >= 3 || 1", 1),
            ("-1 & 0xff", 255),
            ("~0", u64::MAX),
            ("!5 + 1", 1),
            ("6 / -2", (-3i64) as u64),
            ("7 % 4 ^ 1", 2),
            ("1 << 64", 0),
        ];
        for (text, expected) in cases {
            assert_eq!(value(text), Some(expected), "{text}");
        }
        assert_eq!(value("1 / 0"), None);
        assert_eq!(value("0x8000000000000000 / -1"), Some(1 << 63));
    }

    #[test]
    fn reads_numbers_of_all_spellings() {
        let cases = [
            ("4K", 4096),
            ("0x10M", 16 << 20),
            ("010", 8),
            ("$ff", 255),
            ("0ffh", 255),
            ("101b", 5),
            ("17o", 15),
            ("9d", 9),
        ];
        for (text, expected) in cases {
            assert_eq!(value(text), Some(expected), "{text}");
        }
        for text in ["0x", "99999999999999999999", "0xfffffffffffffffffM", "12z", "08", ""] {
            assert!(parse_expression(text).is_err(), "{text}");
        }
    }

    #[test]
    fn reads_functions() {
        assert_eq!(
            parse_expression("ALIGN(., CONSTANT(MAXPAGESIZE)) + SIZEOF(.note.gnu.build-id)").unwrap(),
            Expression::Binary(
                Operator::Add,
                Box::new(Expression::Call(Function::Align, vec![Expression::Dot, Expression::MaxPageSize])),
                Box::new(Expression::Named(NamedFunction::SizeOf, ".note.gnu.build-id".into())),
            )
        );
        for text in ["ALIGN()", "ALIGN(1,2,3)", "MAX(1)", "FOO(1)", "CONSTANT(X)", "SIZEOF()", "a b", "1 +", "(1"] {
            assert!(parse_expression(text).is_err(), "{text}");
        }
    }

    #[test]
    fn deep_and_long_input_is_refused() {
        for text in [
            "(".repeat(100_000),
            "-".repeat(100_000),
            "1+".repeat(100_000),
            "1?".repeat(100_000),
            "ALIGN(".repeat(9999),
        ] {
            assert!(parse_expression(&text).is_err());
        }
        assert_eq!(value(&format!("{}1", "1+".repeat(900))), Some(901));
    }

    #[test]
    fn fill_patterns_keep_their_width() {
        let fill = |text: &str| fill_pattern(&mut Lexer::new(text, Path::new(""))).unwrap();
        assert_eq!(fill("0x90"), [0x90]);
        assert_eq!(fill("0x00010203040506"), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(fill("0xabc"), [0x0a, 0xbc]);
        assert_eq!(fill("0x90 + 1"), [0, 0, 0, 0x91]);
        assert_eq!(fill("144"), [0, 0, 0, 144]);
    }
}

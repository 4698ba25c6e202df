//! What expressions of scripts are worth, by the GNU ld manual's 3.10: an address within an output section is relative to
//! it, operators work on the relative part, and what stands outside of sections is absolute.

use crate::ids::OutputSectionId;
use crate::script::ast::{Expression, Function, NamedFunction, Operator, UnaryOperator};
use crate::script::expression::{binary, unary};

/// A number or an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Value {
    /// The number, or the whole address.
    pub number: u64,
    /// What it moves with.
    pub place: Place,
}

/// What a value moves with when the image is loaded elsewhere, and which rule of arithmetic it follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// A plain number.
    Number,
    /// An address that does not move.
    Absolute,
    /// An address between sections, which moves with the image: how many sections have been laid out before it.
    Image(u32),
    /// An address in a section.
    Section(OutputSectionId),
}

impl Value {
    /// A plain number.
    pub const fn number(number: u64) -> Self {
        Value { number, place: Place::Number }
    }
}

/// What expressions ask about. Questions without an answer are reported by the one who is asked, and answered with 0.
pub trait Environment {
    /// The location counter, whole.
    fn dot(&self) -> Value;
    /// Whether the statement stands within an output section, where plain numbers are numbers.
    fn inside_section(&self) -> bool;
    /// Where a section starts.
    fn base(&self, section: OutputSectionId) -> u64;
    /// A symbol's value.
    fn symbol(&mut self, name: &str) -> Value;
    /// `ADDR(section)` and all others of its kind.
    fn named(&mut self, function: NamedFunction, name: &str) -> Value;
    /// `SEGMENT_START(name, default)`, given the default's value.
    fn segment_start(&mut self, name: &str, default: Value) -> Value;
    /// `SIZEOF_HEADERS`.
    fn size_of_headers(&mut self) -> u64;
    /// Where the file header lies in memory.
    fn file_header(&self) -> Value;
    /// `CONSTANT(MAXPAGESIZE)`.
    fn max_page_size(&self) -> u64;
    /// `CONSTANT(COMMONPAGESIZE)`.
    fn common_page_size(&self) -> u64;
    /// `DATA_SEGMENT_ALIGN` has been evaluated: data that is read-only once relocated starts here.
    fn data_segment(&mut self, start: u64);
    /// `DATA_SEGMENT_RELRO_END` of an address: where it ends, padded.
    fn relro_end(&mut self, end: u64) -> u64;
    /// Takes note of an error.
    fn error(&mut self, message: String);
}

/// The value of an expression.
pub fn evaluate(expression: &Expression, at: &mut impl Environment) -> Value {
    match expression {
        Expression::Number(number) => plain(*number, at),
        Expression::Dot => at.dot(),
        Expression::Symbol(name) => at.symbol(name),
        Expression::Unary(operator, operand) => {
            let operand = evaluate(operand, at);
            apply_unary(*operator, operand, at)
        }
        Expression::Binary(operator, left, right) => {
            let left = evaluate(left, at);
            let right = evaluate(right, at);
            apply(*operator, left, right, at)
        }
        Expression::Conditional(condition, yes, no) => {
            let chosen = if evaluate(condition, at).number != 0 { yes } else { no };
            evaluate(chosen, at)
        }
        Expression::Call(function, arguments) => call(*function, arguments, at),
        Expression::Named(function, name) => at.named(*function, name),
        Expression::SegmentStart(name, default) => {
            let default = evaluate(default, at);
            at.segment_start(name, default)
        }
        Expression::SizeOfHeaders => Value::number(at.size_of_headers()),
        Expression::MaxPageSize => Value::number(at.max_page_size()),
        Expression::CommonPageSize => Value::number(at.common_page_size()),
        Expression::FileHeader => at.file_header(),
        Expression::Assert(condition, message) => {
            let value = evaluate(condition, at);
            if value.number == 0 {
                at.error(format!("assertion failed: {message}"));
            }
            value
        }
    }
}

fn plain(number: u64, at: &impl Environment) -> Value {
    Value { number, place: if at.inside_section() { Place::Number } else { Place::Absolute } }
}

fn apply_unary(operator: UnaryOperator, operand: Value, at: &impl Environment) -> Value {
    match (operator, operand.place) {
        (UnaryOperator::Not, _) => Value::number(unary(operator, operand.number)),
        (_, Place::Section(section)) => {
            let base = at.base(section);
            let offset = unary(operator, operand.number.wrapping_sub(base));
            Value { number: base.wrapping_add(offset), place: operand.place }
        }
        (_, place) => Value { number: unary(operator, operand.number), place },
    }
}

fn apply(operator: Operator, left: Value, right: Value, at: &mut impl Environment) -> Value {
    let is_fixed = |place| matches!(place, Place::Number | Place::Absolute);
    // The part of each side that the operator works on, and what is added again afterwards.
    let (a, b, base, place) = match (left.place, right.place) {
        (Place::Section(section), Place::Section(other)) if section == other => {
            let base = at.base(section);
            (left.number.wrapping_sub(base), right.number.wrapping_sub(base), 0, Place::Number)
        }
        (Place::Section(section), Place::Number) => {
            let base = at.base(section);
            (left.number.wrapping_sub(base), right.number, base, left.place)
        }
        (Place::Number, Place::Section(section)) => {
            let base = at.base(section);
            (left.number, right.number.wrapping_sub(base), base, right.place)
        }
        (Place::Number, Place::Number) => (left.number, right.number, 0, Place::Number),
        // From here on both are absolute; what is left to say is whether the result moves with the image.
        (moves, fixed) if !is_fixed(moves) && is_fixed(fixed) => (left.number, right.number, 0, moves),
        (fixed, moves) if is_fixed(fixed) && !is_fixed(moves) => {
            let place = if operator == Operator::Subtract { Place::Absolute } else { moves };
            (left.number, right.number, 0, place)
        }
        _ => (left.number, right.number, 0, Place::Absolute),
    };
    let Some(result) = binary(operator, a, b) else {
        at.error("division by zero".to_owned());
        return Value::number(0);
    };
    match operator {
        Operator::Equal
        | Operator::NotEqual
        | Operator::Less
        | Operator::LessEqual
        | Operator::Greater
        | Operator::GreaterEqual
        | Operator::LogicalAnd
        | Operator::LogicalOr => Value::number(result),
        _ => Value { number: base.wrapping_add(result), place },
    }
}

fn call(function: Function, arguments: &[Expression], at: &mut impl Environment) -> Value {
    let first = match arguments.first() {
        Some(first) => evaluate(first, at),
        None => Value::number(0),
    };
    let second = arguments.get(1).map(|second| evaluate(second, at));
    match (function, second) {
        (Function::Align, None) => {
            let dot = at.dot();
            Value { number: align_to(dot.number, first.number), ..dot }
        }
        (Function::Align, Some(alignment)) => Value { number: align_to(first.number, alignment.number), ..first },
        (Function::Absolute, _) => Value { place: Place::Absolute, ..first },
        (Function::Max, Some(second)) => {
            if first.number >= second.number {
                first
            } else {
                second
            }
        }
        (Function::Min, Some(second)) => {
            if first.number <= second.number {
                first
            } else {
                second
            }
        }
        (Function::Log2Ceil, _) => {
            let ceiling =
                first.number.checked_next_power_of_two().map_or(64, |power| u64::from(power.trailing_zeros()));
            Value::number(ceiling)
        }
        (Function::DataSegmentAlign, _) => {
            let max = first.number.max(1);
            let dot = at.dot();
            // The next page, at the same offset in it: the file needs no padding then (the manual's first form).
            let start = align_to(dot.number, max).wrapping_add(dot.number % max);
            at.data_segment(start);
            Value { number: start, ..dot }
        }
        (Function::DataSegmentRelroEnd, Some(end)) => {
            let padded = at.relro_end(end.number.wrapping_add(first.number)).wrapping_sub(first.number);
            Value { number: padded, ..end }
        }
        (Function::DataSegmentEnd, _) => first,
        (Function::Max | Function::Min | Function::DataSegmentRelroEnd, None) => first,
    }
}

/// The next multiple of `alignment`, which need not be a power of two; wraps at the end of the address space.
pub fn align_to(value: u64, alignment: u64) -> u64 {
    match value.checked_rem(alignment) {
        None | Some(0) => value,
        Some(rest) => value.wrapping_add(alignment - rest),
    }
}

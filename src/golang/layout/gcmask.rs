//! Which words of the data and bss sections are pointers: `runtime.gcdata` and `runtime.gcbss` (Go 1.26 and 1.27, `GCProg`
//! of `cmd/link/internal/ld/data.go`, `cmd/internal/gcprog`).
//!
//! ```text
//! program = instruction* 00
//! instruction = 0nnnnnnn bytes      n bits as they stand, least significant first
//!             | 1nnnnnnn count      the last n bits again, count times
//!             | 10000000 n count    the same; n and count in groups of seven bits
//! ```

use rayon::prelude::*;

use crate::diag::Diagnostic;
use crate::golang::symbols::{GoSymbol, Symbols};
use crate::golang::types::{GoType, TypeKind};
use crate::inputs::goabi::Release;
use crate::inputs::goobj::AuxKind;

/// Bytes of a word.
const WORD: u64 = 8;
/// Bits that one instruction can hold.
const LITERAL: usize = 127;
/// Shorter runs of zeros are written out.
const SHORT: u64 = 32;
/// Variables that one worker takes at once.
const CHUNK: usize = 256;
/// How deep types may be nested: compilers refuse less.
const DEEPEST: u32 = 1000;

/// The program for the variables of a section, given with their offsets in ascending order; `length` is the bytes of the
/// section.
///
/// What each variable adds is found by as many workers as there are, and written by one: an instruction spans variables.
///
/// # Errors
/// A variable without a type, or with one that describes something else.
pub fn program(
    symbols: &Symbols<'_>,
    release: &'static Release,
    variables: &[(GoSymbol, u64)],
    length: u64,
) -> Result<Vec<u8>, Diagnostic> {
    let words = length / WORD;
    let steps = |variables: &[(GoSymbol, u64)]| {
        let mut builder = Builder { steps: Vec::with_capacity(4 * variables.len()), words, budget: 0 };
        for (variable, offset) in variables {
            builder.variable(symbols, release, *variable, *offset)?;
        }
        Ok(builder.steps)
    };
    let steps: Vec<Result<Vec<Step>, Diagnostic>> = variables.par_chunks(CHUNK).map(steps).collect();
    let mut writer = Writer { end: words, ..Writer::default() };
    let damaged =
        |problem: &str| Diagnostic::error("bad-type", format!("types do not describe what they are of: {problem}"));
    for steps in steps {
        for step in steps? {
            writer.step(step).map_err(damaged)?;
        }
    }
    writer.zero_until(words).map_err(damaged)?;
    Ok(writer.finish())
}

/// A part of a program. There are many: numbers beyond 32 bits, which no section has, are kept as the largest one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// The word at this index is a pointer.
    Pointer(u32),
    /// What is described up to an index is followed by so many of its last words, so often.
    Repeat { index: u32, words: u32, times: u32 },
}

fn limited(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

struct Builder {
    steps: Vec<Step>,
    /// Words of the section.
    words: u64,
    /// How many more types may be visited.
    budget: u64,
}

impl Builder {
    fn variable(
        &mut self,
        symbols: &Symbols<'_>,
        release: &'static Release,
        variable: GoSymbol,
        offset: u64,
    ) -> Result<(), Diagnostic> {
        let size = symbols.size(variable);
        let Some(described) = symbols.aux_of(variable, AuxKind::GoType) else {
            let message = format!("variable {} of {size} bytes has no type", symbols.display(variable));
            return Err(
                Diagnostic::error("missing-type", message).help("declare it in Go, or in assembly with the flag NOPTR")
            );
        };
        // Nothing is visited more often than once for each word it takes, but for nested types of one word.
        self.budget = 64 * (size / WORD + 16);
        self.add(offset, &GoType::of(symbols, release, described), 0).map_err(|problem| {
            let name = symbols.display(variable);
            let message = format!("the type of variable {name} does not describe its pointers: {problem}");
            Diagnostic::error("bad-type", message).help("build the package again: its archive is damaged")
        })
    }

    /// Adds the pointers of a value at an offset.
    fn add(&mut self, offset: u64, described: &GoType<'_, '_>, depth: u32) -> Result<(), &'static str> {
        let Some(budget) = self.budget.checked_sub(1).filter(|_| depth < DEEPEST) else {
            return Err("it contains itself");
        };
        self.budget = budget;
        let pointers = described.pointer_bytes();
        if pointers == 0 {
            return Err("it has no pointers, yet the variable is among those that have");
        }
        match described.kind() {
            TypeKind::Array => {
                let element = described.other(described.element());
                self.add(offset, &element, depth + 1)?;
                let count = described.array_length();
                if count > 1 {
                    let size = element.size();
                    let end = offset.checked_add(size).ok_or("it is too large")?;
                    let (index, words) = (limited(end / WORD), limited(size / WORD));
                    self.steps.push(Step::Repeat { index, words, times: limited(count - 1) });
                }
                Ok(())
            }
            TypeKind::Struct => {
                for field in described.fields() {
                    let inner = described.other(field.kind);
                    if inner.pointer_bytes() != 0 {
                        let at = offset.checked_add(field.offset).ok_or("it is too large")?;
                        self.add(at, &inner, depth + 1)?;
                    }
                }
                Ok(())
            }
            _ => self.copy(offset, described, pointers / WORD),
        }
    }

    fn copy(&mut self, offset: u64, described: &GoType<'_, '_>, words: u64) -> Result<(), &'static str> {
        if described.makes_mask_on_demand() {
            return Err("its mask is made when the program runs");
        }
        if words > self.words {
            return Err(BEYOND);
        }
        let first = offset / WORD;
        if words == 1 {
            // The last of its pointers is the first word.
            self.steps.push(Step::Pointer(limited(first)));
            return Ok(());
        }
        let mask = described.mask();
        // Zeros at the end of a mask are not stored.
        for (index, byte) in (0..words.div_ceil(8)).zip(mask) {
            for bit in 0..8.min(words - 8 * index) {
                if byte >> bit & 1 != 0 {
                    self.steps.push(Step::Pointer(limited(first + 8 * index + bit)));
                }
            }
        }
        Ok(())
    }
}

/// Writes a program.
#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    /// Bits that are not written yet.
    literal: u128,
    literal_bits: usize,
    /// Words described so far.
    index: u64,
    /// Words of the section.
    end: u64,
}

const BACKWARDS: &str = "its parts overlap";
const BEYOND: &str = "it reaches beyond the section";

impl Writer {
    fn step(&mut self, step: Step) -> Result<(), &'static str> {
        match step {
            Step::Pointer(index) => self.pointer(u64::from(index)),
            Step::Repeat { index, words, times } => {
                self.zero_until(u64::from(index))?;
                self.repeat(u64::from(words), u64::from(times))
            }
        }
    }

    fn pointer(&mut self, index: u64) -> Result<(), &'static str> {
        self.zero_until(index)?;
        if index >= self.end {
            return Err(BEYOND);
        }
        self.bits(1, 1);
        Ok(())
    }

    fn zero_until(&mut self, index: u64) -> Result<(), &'static str> {
        if index > self.end {
            return Err(BEYOND);
        }
        let skip = index.checked_sub(self.index).ok_or(BACKWARDS)?;
        if skip < SHORT {
            self.bits(0, skip as usize);
            return Ok(());
        }
        self.bits(0, 1);
        self.repeat(1, skip - 1)
    }

    /// The last `words` again, so often.
    fn repeat(&mut self, words: u64, times: u64) -> Result<(), &'static str> {
        if words == 0 || times == 0 {
            return Ok(());
        }
        let index = words.checked_mul(times).and_then(|more| self.index.checked_add(more));
        let index = index.filter(|index| *index <= self.end).ok_or(BEYOND)?;
        self.flush();
        if words <= LITERAL as u64 {
            self.bytes.push(0x80 | words as u8);
        } else {
            self.bytes.push(0x80);
            self.number(words);
        }
        self.number(times);
        self.index = index;
        Ok(())
    }

    /// Adds so many bits of the same value, 0 or 1.
    fn bits(&mut self, value: u128, mut count: usize) {
        while count > 0 {
            if self.literal_bits == LITERAL {
                self.flush();
            }
            let now = count.min(LITERAL - self.literal_bits);
            self.literal |= (value * ((1 << now) - 1)) << self.literal_bits;
            self.literal_bits += now;
            self.index += now as u64;
            count -= now;
        }
    }

    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(0x80 | number as u8);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    fn flush(&mut self) {
        if self.literal_bits > 0 {
            self.bytes.push(self.literal_bits as u8);
            self.bytes.extend(&self.literal.to_le_bytes()[..self.literal_bits.div_ceil(8)]);
            (self.literal, self.literal_bits) = (0, 0);
        }
    }

    fn finish(mut self) -> Vec<u8> {
        self.flush();
        self.bytes.push(0);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::golink::GoLink;
    use crate::golang::fixture::{self, Definition};
    use crate::target::Architecture;

    #[test]
    fn bits_are_literal_and_long_runs_repeat() {
        let mut writer = Writer { end: 500, ..Writer::default() };
        writer.pointer(0).expect("in range");
        writer.pointer(3).expect("in range");
        writer.zero_until(204).expect("in range");
        writer.repeat(4, 2).expect("in range");
        writer.zero_until(220).expect("in range");
        assert_eq!(writer.pointer(5), Err(BACKWARDS));
        assert_eq!(writer.repeat(1000, 1), Err(BEYOND));
        let want = [5, 0b01001, 0x81, 0xc7, 1, 0x84, 2, 8, 0, 0];
        assert_eq!(writer.finish(), want);
    }

    #[test]
    fn instructions_hold_127_bits() {
        let mut writer = Writer { end: 200, ..Writer::default() };
        (0..130).for_each(|at| writer.pointer(at).expect("in range"));
        let bytes = writer.finish();
        assert_eq!((bytes[0], bytes[15], bytes[16], bytes[17], bytes[18], bytes[19]), (127, 0xff, 0x7f, 3, 7, 0));
    }

    /// A descriptor: size, bytes up to the last pointer, kind, and two words behind the common part.
    fn descriptor(size: u8, pointers: u8, kind: u8, words: [u8; 3]) -> &'static [u8] {
        let mut data = vec![0; 72];
        (data[0], data[8], data[23]) = (size, pointers, kind);
        (data[48], data[56], data[64]) = (words[0], words[1], words[2]);
        Vec::leak(data)
    }

    fn masks(array: &'static [u8], element: u32) -> Result<Vec<u8>, Diagnostic> {
        let options = GoLink::default();
        let program_ = fixture::program(&options, Architecture::X86_64, &[("main", &[])]);
        let objects = [fixture::object(&[
            Definition { name: "main.v", kind: 7, size: 48, aux: vec![(0, 1)], ..Definition::default() },
            Definition {
                name: "type:[3]string",
                kind: 3,
                size: 72,
                data: array,
                relocations: vec![(48, 8, 1, 0, element)],
                ..Definition::default()
            },
            Definition {
                name: "type:string",
                kind: 3,
                size: 72,
                data: descriptor(16, 8, 24, [0; 3]),
                relocations: vec![(32, 8, 1, 0, 3)],
                ..Definition::default()
            },
            Definition { name: "runtime.gcbits.01", kind: 3, size: 1, data: &[1], ..Definition::default() },
        ])];
        let symbols = fixture::load(&program_, &objects);
        let variable = symbols.all().next().expect("a variable");
        program(&symbols, program_.release, &[(variable, 16)], 80)
    }

    #[test]
    fn arrays_repeat_their_elements() {
        let array = descriptor(48, 40, 17, [0, 0, 3]);
        // Two zeros, one string, then it again twice, and two zeros.
        assert_eq!(masks(array, 2).expect("a program"), [4, 0b0100, 0x82, 2, 2, 0, 0]);
    }

    #[test]
    fn types_that_make_no_sense_are_refused() {
        for (array, element, want) in [
            (descriptor(48, 40, 17, [0, 0, 3]), 1, "contains itself"),
            (descriptor(48, 0, 17, [0, 0, 3]), 2, "no pointers"),
            (descriptor(48, 40, 17, [0, 0, 200]), 2, "beyond"),
        ] {
            let error = masks(array, element).expect_err("a bad type");
            assert!(error.message.contains(want), "{}", error.message);
        }
    }
}

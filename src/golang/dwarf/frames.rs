//! `.debug_frame`: where the caller's frame is at each instruction, from the tables of stack offsets (Go 1.26 and 1.27,
//! `writeframes` of `cmd/link/internal/ld/dwarf.go`; DWARF 5, 6.4.1).

use super::put::{Growing, Put};
use crate::golang::pclntab::Outline;
use crate::golang::symbols::{GoSymbol, Symbols};
use crate::target::Architecture;

const WORD: i64 = 8;
/// The alignment factor of offsets.
const DATA_ALIGNMENT: i64 = -4;
/// `abi.FuncFlagTopFrame`: the outermost frame of a stack.
const TOP_FRAME: u8 = 1;

/// DW_CFA_*.
mod cfa {
    pub const ADVANCE_LOC: u8 = 0x40;
    pub const ADVANCE_LOC1: u8 = 0x02;
    pub const ADVANCE_LOC2: u8 = 0x03;
    pub const ADVANCE_LOC4: u8 = 0x04;
    pub const OFFSET_EXTENDED: u8 = 0x05;
    pub const UNDEFINED: u8 = 0x07;
    pub const SAME_VALUE: u8 = 0x08;
    pub const DEF_CFA: u8 = 0x0c;
    pub const OFFSET_EXTENDED_SF: u8 = 0x11;
    pub const DEF_CFA_OFFSET_SF: u8 = 0x13;
    pub const VAL_OFFSET: u8 = 0x14;
}

/// What differs between machines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Registers {
    stack_pointer: u64,
    /// The return address: a register, or a number that stands for its slot.
    link: u64,
    has_link_register: bool,
    /// Bytes in which the tables count code.
    instruction: u32,
}

impl Registers {
    /// Those of a machine.
    pub const fn of(architecture: Architecture) -> Self {
        match architecture {
            Architecture::X86_64 => Registers { stack_pointer: 7, link: 16, has_link_register: false, instruction: 1 },
            Architecture::Aarch64 => Registers { stack_pointer: 31, link: 30, has_link_register: true, instruction: 4 },
        }
    }

    /// The record that all others refer to.
    pub fn common(self) -> Vec<u8> {
        let length = if self.has_link_register { 32 } else { 16 };
        let mut out = Growing::default();
        out.u32(length);
        out.u32(u32::MAX);
        out.bytes(&[3, 0]);
        out.uleb(1);
        out.sleb(DATA_ALIGNMENT);
        out.uleb(self.link);
        out.u8(cfa::DEF_CFA);
        out.uleb(self.stack_pointer);
        if self.has_link_register {
            out.uleb(0);
            out.u8(cfa::SAME_VALUE);
            out.uleb(self.link);
            out.u8(cfa::VAL_OFFSET);
            out.uleb(self.stack_pointer);
            out.uleb(0);
        } else {
            out.uleb(WORD as u64);
            out.u8(cfa::OFFSET_EXTENDED);
            out.uleb(self.link);
            out.uleb((-WORD / DATA_ALIGNMENT) as u64);
        }
        out.bytes.resize(4 + length as usize, 0);
        out.bytes
    }

    fn put_steps(self, function: &Function<'_>, out: &mut impl Put) {
        if self.has_link_register && function.is_top {
            out.u8(cfa::UNDEFINED);
            out.uleb(self.link);
        }
        for Step { start, end, value } in Steps::new(function.offsets, self.instruction) {
            // A table goes up to the function's end; the last instruction is to belong to the last step.
            let is_last = u64::from(end) == function.size;
            let end = if is_last { end.wrapping_sub(1) } else { end };
            if is_last && end < start {
                continue;
            }
            let depth = i64::from(value) + if self.has_link_register { 0 } else { WORD };
            if self.has_link_register && !function.is_top {
                if value > 0 {
                    out.u8(cfa::OFFSET_EXTENDED_SF);
                    out.uleb(self.link);
                    out.sleb(-depth / DATA_ALIGNMENT);
                } else {
                    out.u8(cfa::SAME_VALUE);
                    out.uleb(self.link);
                }
            }
            out.u8(cfa::DEF_CFA_OFFSET_SF);
            out.sleb(depth / DATA_ALIGNMENT);
            put_advance(i64::from(end) - i64::from(start), out);
        }
    }

    /// Makes the records of functions.
    pub fn records(self, symbols: &Symbols<'_>, functions: impl Iterator<Item = Outline>) -> Records {
        // All are found first: finding one waits for memory, and does not depend on the others.
        let functions: Vec<_> = functions.map(|outline| (outline.symbol, Function::read(symbols, outline))).collect();
        let mut out = Growing { bytes: Vec::with_capacity(TYPICAL * functions.len()) };
        let functions = functions.iter().map(|(symbol, function)| {
            let start = out.bytes.len();
            self.put(function, &mut out);
            (start as u32, *symbol)
        });
        let functions = functions.collect();
        out.bytes.shrink_to_fit();
        Records { functions, bytes: out.bytes }
    }

    /// Writes a function's record but for its address.
    fn put(self, function: &Function<'_>, out: &mut Growing) {
        let start = out.bytes.len();
        out.bytes(&[0; ADDRESS + 8]);
        out.u64(function.size);
        self.put_steps(function, out);
        let length = (out.bytes.len() - start).next_multiple_of(WORD as usize);
        out.bytes.resize(start + length, 0);
        out.set_u32(start, (length - 4) as u32);
    }
}

/// Bytes of most records, at most.
const TYPICAL: usize = 64;

/// Offset of the address in a record, behind the length and the offset of the common record.
const ADDRESS: usize = 4 + 4;

/// The records of functions that follow each other, but for addresses. They are kept, as the tables that they are made from
/// lie far apart, and are slow to come by a second time.
#[derive(Debug)]
pub(super) struct Records {
    /// The functions, with the offsets of their records.
    functions: Vec<(u32, GoSymbol)>,
    bytes: Vec<u8>,
}

impl Records {
    /// Bytes of all.
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The functions that have records, in order.
    pub fn functions(&self) -> impl Iterator<Item = GoSymbol> {
        self.functions.iter().map(|(_, function)| *function)
    }

    /// Copies the records and completes them; `None` if they do not take exactly the bytes of `out`.
    pub fn put(&self, address_of: impl Fn(GoSymbol) -> u64, out: &mut [u8]) -> Option<()> {
        if out.len() != self.bytes.len() {
            return None;
        }
        out.copy_from_slice(&self.bytes);
        for (start, function) in &self.functions {
            let at = *start as usize + ADDRESS;
            out.get_mut(at..at + 8)?.copy_from_slice(&address_of(*function).to_le_bytes());
        }
        Some(())
    }
}

fn put_advance(by: i64, out: &mut impl Put) {
    match by {
        ..0x40 => out.u8((i64::from(cfa::ADVANCE_LOC) + by) as u8),
        0x40..0x100 => out.bytes(&[cfa::ADVANCE_LOC1, by as u8]),
        0x100..0x1_0000 => {
            out.u8(cfa::ADVANCE_LOC2);
            out.u16(by as u16);
        }
        _ => {
            out.u8(cfa::ADVANCE_LOC4);
            out.u32(by as u32);
        }
    }
}

struct Function<'a> {
    size: u64,
    is_top: bool,
    offsets: &'a [u8],
}

impl<'a> Function<'a> {
    fn read(symbols: &'a Symbols<'_>, outline: Outline) -> Self {
        let unit = symbols.unit(outline.symbol);
        Function {
            size: symbols.data(outline.symbol).len() as u64,
            is_top: outline.flags & TOP_FRAME != 0,
            offsets: unit.zip(outline.depths).map_or(&[], |(unit, depths)| symbols.object(unit).object.data(depths)),
        }
    }
}

/// The same stack offset from one instruction to before another one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Step {
    start: u32,
    end: u32,
    value: i32,
}

/// Decodes a table of values: the difference of the value, and of the code's offset in instructions, each in groups of seven
/// bits; it ends where the value does not change (`cmd/internal/obj/pcln.go`).
struct Steps<'a> {
    rest: &'a [u8],
    end: u32,
    value: i32,
    instruction: u32,
    is_first: bool,
}

impl<'a> Steps<'a> {
    fn new(rest: &'a [u8], instruction: u32) -> Self {
        Steps { rest, end: 0, value: -1, instruction, is_first: true }
    }

    #[inline]
    fn number(&mut self) -> Option<u64> {
        match self.rest {
            [byte, rest @ ..] if *byte < 0x80 => {
                self.rest = rest;
                Some(u64::from(*byte))
            }
            _ => self.long_number(),
        }
    }

    fn long_number(&mut self) -> Option<u64> {
        let mut value = 0;
        for (index, &byte) in self.rest.iter().enumerate().take(10) {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                self.rest = &self.rest[index + 1..];
                return Some(value);
            }
        }
        None
    }
}

impl Iterator for Steps<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let change = self.number()?;
        if change == 0 && !self.is_first {
            return None;
        }
        self.is_first = false;
        let change = (change >> 1) as i64 ^ -((change & 1) as i64);
        self.value = self.value.wrapping_add(change as i32);
        let start = self.end;
        self.end = start.wrapping_add((self.number()? as u32).wrapping_mul(self.instruction));
        Some(Step { start, end: self.end, value: self.value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_offsets_are_decoded() {
        // From -1 to 0 for 4 bytes, to 24 for 200, to 0 for 1.
        let table = [2, 4, 48, 200, 1, 47, 1, 0];
        let steps: Vec<Step> = Steps::new(&table, 1).collect();
        let step = |start, end, value| Step { start, end, value };
        assert_eq!(steps, [step(0, 4, 0), step(4, 204, 24), step(204, 205, 0)]);
        for end in 0..table.len() {
            assert!(Steps::new(&table[..end], 4).count() <= 3);
        }
    }

    #[test]
    fn records_read_back_on_both_machines() {
        use gimli::UnwindSection;
        let table = [2, 4, 48, 200, 1, 47, 1, 0];
        for (architecture, bytes_of_step, register) in [(Architecture::X86_64, 1, 7), (Architecture::Aarch64, 4, 31)] {
            let registers = Registers::of(architecture);
            let function = Function { size: 205 * bytes_of_step, is_top: false, offsets: &table };
            let mut out = Growing::default();
            registers.put(&function, &mut out);
            let records = Records { functions: vec![(0, GoSymbol(7))], bytes: out.bytes };
            let mut section = Growing { bytes: registers.common() };
            let start = section.bytes.len();
            section.bytes.resize(start + records.size() as usize, 0);
            assert_eq!(records.put(|_| 0x1000, &mut section.bytes[start..]), Some(()));
            assert_eq!(records.put(|_| 0x1000, &mut section.bytes), None);
            let mut frames = gimli::DebugFrame::new(&section.bytes, gimli::LittleEndian);
            frames.set_address_size(8);
            let bases = gimli::BaseAddresses::default();
            let mut context = gimli::UnwindContext::new();
            let at = 0x1000 + 100 * bytes_of_step;
            let find = gimli::DebugFrame::cie_from_offset;
            let row = frames.unwind_info_for_address(&bases, &mut context, at, find).expect("a row");
            let slot = if architecture == Architecture::X86_64 { 8 } else { 0 };
            assert_eq!(
                *row.cfa(),
                gimli::CfaRule::RegisterAndOffset { register: gimli::Register(register), offset: 24 + slot }
            );
        }
    }
}

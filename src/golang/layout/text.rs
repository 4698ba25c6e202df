//! The addresses of code (Go 1.26 and 1.27, `textaddress` of `cmd/link/internal/ld/data.go`).

use super::cursor::Cursor;
use super::groups::mark;
use super::order::Text;
use super::segments::{Section, Segment, access};
use super::{shuffle, thunks};
use crate::diag::Diagnostic;
use crate::golang::machine::Machine;
use crate::golang::program::Program;
use crate::golang::symbols::{GoSymbol, Kind, Symbols};

/// How many more symbols the columns of addresses have room for: more than stages make from here on, so that these
/// columns do not move. Thunks are many, but rare.
const ROOM: usize = 256;

/// Where code is.
#[derive(Clone, Debug)]
pub struct TextPlaces {
    /// By symbol, with room for some that are made later: the address of a function; 0 for what is no code.
    pub value: Vec<u64>,
    /// The section of it all.
    pub section: Section,
}

impl TextPlaces {
    /// A function's address; 0 for what is no code.
    #[inline]
    pub fn of(&self, symbol: GoSymbol) -> u64 {
        self.value.get(symbol.index()).copied().unwrap_or(0)
    }
}

/// Code with addresses, but for what branches that do not reach change.
pub struct Measured {
    machine: Machine,
    order: Vec<GoSymbol>,
    base: u64,
    cursor: Cursor,
    needs_thunks: bool,
}

/// Gives every function its address as if every branch reached.
pub fn measure(symbols: &Symbols<'_>, program: &Program<'_>, order: &[GoSymbol]) -> Result<Measured, Diagnostic> {
    let machine = Machine::of(program)?;
    let mut order = order.to_vec();
    if program.options.random_layout != 0 {
        shuffle::shuffle(&mut order, program.options.random_layout);
    }
    order.sort_by_key(|symbol| rank(symbols.kind(*symbol)));
    let base = machine.text_address.next_multiple_of(machine.function_alignment);
    let mut cursor = Cursor::new(base, machine.function_alignment, symbols.count() + ROOM);
    let mut needs_thunks = false;
    for symbol in &order {
        cursor.place(symbols, *symbol)?;
        needs_thunks = cursor.address - base >= machine.branch_limit;
        if needs_thunks {
            break;
        }
    }
    Ok(Measured { machine, order, base, cursor, needs_thunks })
}

impl Measured {
    /// Makes the bounds of code. Where branches do not reach, [`thunks`] are made and put into the order.
    pub fn settle(
        self,
        symbols: &mut Symbols<'_>,
        program: &Program<'_>,
        text: &mut Text,
    ) -> Result<TextPlaces, Diagnostic> {
        let Measured { machine, order, base, mut cursor, needs_thunks } = self;
        text.order = order;
        let start = mark(symbols, b"runtime.text", Kind::Text);
        let end = mark(symbols, b"runtime.etext", Kind::TextEnd);
        if needs_thunks {
            cursor = Cursor::new(base, machine.function_alignment, symbols.count() + ROOM);
            text.order = thunks::place(symbols, program, &text.order, &mut cursor)?;
        }
        if !base.is_multiple_of(cursor.alignment()) {
            let message =
                format!("-T puts code at {base:#x}, but some function is aligned to {} bytes", cursor.alignment());
            return Err(Diagnostic::error("misaligned-text", message).help("give -T a multiple of that"));
        }
        cursor.value[end.index()] = cursor.address;
        cursor.value[start.index()] = base;
        let section = Section {
            name: b".text".to_vec(),
            access: access::EXECUTE,
            alignment: cursor.alignment(),
            address: base,
            // One instruction more, so that the end is an address of its own.
            length: cursor.address - base + machine.smallest_instruction,
            segment: Segment::Text,
            has_bytes: true,
            file_offset: 0,
            symbols: text.order.clone(),
        };
        Ok(TextPlaces { value: cursor.value, section })
    }
}

/// The order of kinds of code.
fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::Text => 0,
        Kind::TextFipsStart => 1,
        Kind::TextFips => 2,
        Kind::TextFipsEnd => 3,
        _ => 4,
    }
}

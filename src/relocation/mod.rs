//! Relocations in two roles that never mix: *deciding* what one means for this output (once when the layout is scanned
//! for the slots it needs, once more, by the same function, when it is written) and *patching* the bytes.
//!
//! A [`Machine`] is one instruction set. The loops over relocations are generic over it; everything else is plain data.

pub mod aarch64;
mod field;
pub mod refusal;
mod type_table;
pub mod x86_64;

use std::fmt;

use crate::inputs::elf::{LE, Rela};

/// What a relocation's target is, as far as the decision depends on it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct TargetFacts {
    /// STT_GNU_IFUNC: the address is that of a slot in the `.iplt`, filled by an IRELATIVE relocation.
    pub ifunc: bool,
    /// STT_TLS, or the section symbol of an SHF_TLS section.
    pub thread_local: bool,
    /// The value does not move with the image: SHN_ABS, or a weak undefined symbol, whose value is 0.
    pub absolute: bool,
    /// A weak undefined symbol.
    pub undefined_weak: bool,
}

/// What the output is, as far as the decision depends on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mode {
    /// The image is loaded at an address chosen at run time: absolute words need a RELATIVE dynamic relocation.
    pub position_independent: bool,
    /// The section is part of the image (SHF_ALLOC). Debug sections take plain values only.
    pub allocated: bool,
    /// `--no-relax` was not given.
    pub relax: bool,
}

/// The slot or record that a relocation makes the layout reserve.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// None.
    Nothing,
    /// A GOT slot with the target's address. For an IFUNC target that is the address of its stub, so that the program
    /// sees one address wherever it looks; the stub is needed too.
    GotSlot,
    /// A GOT slot with the target's offset from the thread pointer.
    GotTpOffset,
    /// A pair of GOT slots for `__tls_get_addr` that cannot be relaxed: module 1 and the offset in its block.
    GotTlsPair,
    /// An `.iplt` stub, for an IFUNC target.
    IfuncStub,
    /// A RELATIVE dynamic relocation for the 8 bytes at the place.
    DynamicRelative,
    /// An IRELATIVE relocation for the place itself would be possible, but the stub's address is used: as `IfuncStub`
    /// plus, in a position-independent image, `DynamicRelative`.
    IfuncAddress,
    /// A range-extension thunk if the target turns out to be too far: direct calls and jumps on aarch64. For an IFUNC
    /// target the branch goes to its stub, which is needed too.
    BranchReach,
    /// Nothing, but [`Values::size`] is read.
    TargetSize,
}

/// A decided relocation: what is computed and written, and what it needs from the layout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Decision<O> {
    /// The machine's own operation.
    pub operation: O,
    /// The slot it needs.
    pub need: Need,
    /// The next relocation belongs to the same relaxed sequence and is not processed
    /// (the call to `__tls_get_addr` after a TLSGD or TLSLD).
    pub consumes_next: bool,
}

/// The numbers a patch is computed from; names are the psABI's. Wrapping 64-bit arithmetic.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Values {
    /// `S`: the target's address; for an IFUNC, its stub's. For a thread-local target the address in the TLS template's
    /// segment. 0 for a weak undefined symbol, thread-local or not. With a thunk, the thunk's address, and the addend is
    /// then 0, because the thunk's target has it.
    pub symbol: u64,
    /// `A`: the addend.
    pub addend: i64,
    /// `P`: the address of the patched place.
    pub place: u64,
    /// `G`: the address of the GOT slot that `Need` reserved; 0 if none.
    pub got_slot: u64,
    /// `GOT`: the address of `_GLOBAL_OFFSET_TABLE_`.
    pub got_base: u64,
    /// The thread pointer's value in terms of image addresses: `symbol - thread_pointer` is a local-exec offset.
    /// x86_64: the end of PT_TLS rounded up to its alignment (variant II). aarch64: its start minus 16 rounded to
    /// the alignment (variant I).
    pub thread_pointer: u64,
    /// The start of PT_TLS: DTPOFF values are relative to it.
    pub tls_start: u64,
    /// `Z`: the target's size in bytes.
    pub size: u64,
}

/// A relocation that cannot be taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// A type that this linker or the psABI does not know.
    UnknownType,
    /// It names a symbol that its file does not have.
    NoSuchSymbol,
    /// A type that only a dynamic linker may meet.
    DynamicOnly,
    /// A position-independent image cannot hold it: the object needs -fPIC.
    NeedsPositionIndependentCode,
    /// A thread-local relocation against an ordinary symbol, or the reverse.
    ThreadLocalMismatch,
    /// The instruction sequence the psABI prescribes is not there.
    UnexpectedInstructions(&'static str),
    /// A GOT slot for a symbol plus an addend, where the slot belongs to the symbol.
    SlotWithAddend,
    /// A GOT slot that no part of the image asks for.
    NoSlot,
    /// The field lies outside of its section.
    OutsideSection,
    /// The value does not fit: it, and the range of the field.
    OutOfRange {
        /// The value as a signed number.
        value: i128,
        /// The smallest that fits.
        minimum: i128,
        /// The largest that fits.
        maximum: i128,
    },
    /// The value must be a multiple of this.
    Misaligned {
        /// The value.
        value: u64,
        /// The multiple.
        multiple: u64,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::UnknownType => out.write_str("is of a type that cgolink does not know"),
            Refusal::NoSuchSymbol => out.write_str("names a symbol that its file does not have"),
            Refusal::DynamicOnly => out.write_str("is only for dynamic linkers and has no place in an object file"),
            Refusal::NeedsPositionIndependentCode => {
                out.write_str("cannot be used in a position-independent executable")
            }
            Refusal::ThreadLocalMismatch => out.write_str("mixes thread-local and ordinary symbols"),
            Refusal::UnexpectedInstructions(expected) => {
                write!(out, "stands on other instructions than the psABI's: expected {expected}")
            }
            Refusal::SlotWithAddend => out.write_str("asks for the GOT slot of a symbol plus an addend"),
            Refusal::NoSlot => out.write_str("asks for a GOT slot outside of the program's code and data"),
            Refusal::OutsideSection => out.write_str("lies outside of its section"),
            Refusal::OutOfRange { value, minimum, maximum } => {
                write!(out, "is out of range: {value:#x} is not in [{minimum:#x}, {maximum:#x}]")
            }
            Refusal::Misaligned { value, multiple } => {
                write!(out, "has a misaligned target: {value:#x} is not a multiple of {multiple}")
            }
        }
    }
}

/// One instruction set's relocations.
pub trait Machine: Sync {
    /// What `decide` chose and `apply` does.
    type Operation: Copy + PartialEq + fmt::Debug + Send;

    /// Decides what relocation type `kind` at `offset` of `section` (its original bytes) does. Asked by the scan and by
    /// the write with the same arguments, so both agree.
    fn decide(
        kind: u32,
        facts: TargetFacts,
        mode: Mode,
        section: &[u8],
        offset: usize,
        addend: i64,
    ) -> Result<Decision<Self::Operation>, Refusal>;

    /// Whether a relocation of this type does nothing: `R_*_NONE`.
    #[inline]
    fn is_none(kind: u32) -> bool {
        kind == 0
    }

    /// Whether a relocation of this type may be decided together with the one after it, by [`Machine::decide_pair`].
    #[inline]
    fn begins_pair(_kind: u32) -> bool {
        false
    }

    /// Decides two relocations as one, which is then decided to consume the next. Asked by the scan and by the write,
    /// by [`decide`], only if [`Machine::begins_pair`] holds for `kind`, and the next relocation is against the same symbol, lies 4
    /// bytes after `offset`, is of type `next`, and both addends are 0. `None`: each is decided alone.
    #[inline]
    fn decide_pair(
        _kind: u32,
        _next: u32,
        _facts: TargetFacts,
        _mode: Mode,
        _section: &[u8],
        _offset: usize,
    ) -> Option<Decision<Self::Operation>> {
        None
    }

    /// Writes the field at `offset` of `section`, which holds the section's original bytes (or a part of it that has at
    /// least the 16 bytes before and after the field that the section has).
    fn apply(operation: Self::Operation, section: &mut [u8], offset: usize, values: &Values) -> Result<(), Refusal>;

    /// The psABI's name of a type, for errors.
    fn type_name(kind: u32) -> Option<&'static str>;

    /// The type of the dynamic relocation that adds the load address: `R_*_RELATIVE`.
    const RELATIVE: u32;
    /// `R_*_IRELATIVE`.
    const IRELATIVE: u32;
    /// Bytes of one `.iplt` stub.
    const IFUNC_STUB_SIZE: usize;
    /// Writes the stub at `address`, which jumps to the address in the GOT slot at `slot`.
    fn write_ifunc_stub(stub: &mut [u8], address: u64, slot: u64) -> Result<(), Refusal>;

    /// Bytes of one range-extension thunk; 0 where branches reach everywhere.
    const THUNK_SIZE: usize;
    /// How far a direct branch reaches in either direction, in bytes.
    const BRANCH_REACH: u64;
    /// Writes the thunk at `address`, which jumps to `target`. Works at any distance below 4 GiB.
    fn write_thunk(thunk: &mut [u8], address: u64, target: u64) -> Result<(), Refusal>;

    /// The thread pointer in terms of image addresses, from PT_TLS: start, size in memory, alignment.
    fn thread_pointer(tls_start: u64, tls_size: u64, tls_align: u64) -> u64;
}

/// Decides the relocation at `index` of `records`, together with the next one where the machine allows it. `offset` is
/// its place in `section`.
#[inline(always)]
pub fn decide<M: Machine>(
    records: &[Rela],
    index: usize,
    facts: TargetFacts,
    mode: Mode,
    section: &[u8],
    offset: usize,
) -> Result<Decision<M::Operation>, Refusal> {
    let Some(record) = records.get(index) else { return Err(Refusal::OutsideSection) };
    let kind = record.r_type(LE, false);
    let addend = record.r_addend.get(LE);
    if M::begins_pair(kind)
        && addend == 0
        && let Some(next) = records.get(index + 1)
        && next.r_sym(LE, false) == record.r_sym(LE, false)
        && next.r_addend.get(LE) == 0
        && next.r_offset.get(LE) == record.r_offset.get(LE).wrapping_add(4)
        && let Some(decision) = M::decide_pair(kind, next.r_type(LE, false), facts, mode, section, offset)
    {
        return Ok(decision);
    }
    M::decide(kind, facts, mode, section, offset, addend)
}

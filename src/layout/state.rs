//! What addresses are made from, what stays the same in all passes, and what one pass hands to the next.

use std::collections::HashMap;

use object::elf;

use super::evaluate::Value;
use super::plan::{Piece, ScriptSymbolValue, SectionAddress, SectionPlan};
use crate::args::request::{OutputKind, SegmentOptions};
use crate::ids::OutputSectionId;
use crate::inputs::atoms::Atoms;
use crate::script::symbols::ScriptSymbols;
use crate::target::Architecture;

/// What addresses are made from.
pub struct AddressRequest<'a> {
    /// The sections and statements in order.
    pub plan: &'a SectionPlan,
    /// Every atom, for alignments and types.
    pub atoms: &'a Atoms<'a>,
    /// Sizes in bytes by atom: merging, relaxation and tables change what [`Atoms`] says.
    pub sizes: &'a [u64],
    /// What the script assigns.
    pub symbols: &'a ScriptSymbols,
    /// Whether the script's definition of a PROVIDEd symbol (by index) is the one in force: somebody needs it, and no
    /// input defines it. Not asked about other symbols, whose definition here always is.
    pub in_force: &'a dyn Fn(usize) -> bool,
    /// The value of a symbol that an input defines, given the atoms' addresses so far
    /// ([`NOWHERE`](super::plan::Addresses::NOWHERE) for those without one, and 0 for all at first).
    pub lookup: &'a SymbolLookup<'a>,
    /// What shapes segments.
    pub options: &'a SegmentOptions,
    /// What is made.
    pub kind: OutputKind,
    /// For what machine.
    pub architecture: Architecture,
}

/// See [`AddressRequest::lookup`].
pub type SymbolLookup<'a> = dyn Fn(&str, &[u64]) -> Option<ScriptSymbolValue> + 'a;

impl AddressRequest<'_> {
    /// The page size that segments are congruent modulo, in bytes.
    pub fn max_page_size(&self) -> u64 {
        self.options.max_page_size.unwrap_or(self.architecture.max_page_size()).max(1)
    }

    /// The page size that PT_GNU_RELRO ends on, in bytes.
    pub fn common_page_size(&self) -> u64 {
        self.options.common_page_size.unwrap_or(self.architecture.common_page_size()).clamp(1, self.max_page_size())
    }
}

/// What stays the same in all passes.
pub(super) struct Prepared {
    /// Size and alignment of each atom, by its position in [`SectionPlan::order`].
    pub atoms: Vec<(u64, u64)>,
    /// By section.
    pub sections: Vec<PreparedSection>,
    /// The largest alignment of a thread-local section: PT_TLS starts on it.
    pub thread_alignment: u64,
    /// The thread-local section in front.
    pub first_thread_local: Option<OutputSectionId>,
    /// Sections by name.
    pub section_names: HashMap<String, OutputSectionId>,
    /// Indices in [`ScriptSymbols`] by name.
    pub symbol_names: HashMap<String, usize>,
    /// By index in [`ScriptSymbols`]: whether the script's definition is in force.
    pub in_force: Vec<bool>,
}

/// What is known of a section before it has an address.
pub(super) struct PreparedSection {
    /// The largest alignment of its atoms.
    pub alignment: u64,
    /// Nothing in it can take up space, so it does not take part in alignment either.
    pub empty: bool,
}

/// What one pass hands to the next.
#[derive(Clone, Default, PartialEq)]
pub(super) struct State {
    pub sections: Vec<SectionAddress>,
    pub load_addresses: Vec<u64>,
    pub symbols: Vec<Option<Value>>,
    /// Number of program headers.
    pub headers: usize,
    /// Where the script leaves room for the file header and program headers.
    pub headers_at: Option<u64>,
    /// Where the file header is in memory, if some PT_LOAD holds it.
    pub file_header: Option<u64>,
    pub relro: Option<Relro>,
    /// By memory region: its origin and length.
    pub memory: Vec<(u64, u64)>,
}

/// The data that becomes read-only once it is relocated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Relro {
    pub start: u64,
    pub end: u64,
}

impl Prepared {
    pub fn new(request: &AddressRequest) -> Self {
        let plan = request.plan;
        let size_of = |id: crate::ids::AtomId| request.sizes.get(id.index()).copied().unwrap_or(0);
        let atoms: Vec<(u64, u64)> =
            plan.order.iter().map(|&id| (size_of(id), request.atoms.get(id).alignment.max(1))).collect();
        let sections: Vec<PreparedSection> = plan
            .sections
            .iter()
            .map(|section| {
                let mut prepared = PreparedSection { alignment: 1, empty: true };
                for piece in &section.pieces {
                    match piece {
                        Piece::Atoms(range) => {
                            for &(size, alignment) in &atoms[range.start as usize..range.end as usize] {
                                prepared.alignment = prepared.alignment.max(alignment);
                                prepared.empty &= size == 0;
                            }
                        }
                        Piece::Data(..) => prepared.empty = false,
                        Piece::Assignment(assignment) => prepared.empty &= assignment.symbol != ".",
                        Piece::Fill(_) | Piece::Assert(..) => {}
                    }
                }
                prepared
            })
            .collect();
        let thread_local = |&index: &usize| plan.sections[index].is_thread_local() && !sections[index].empty;
        let first_thread_local = (0..sections.len()).find(thread_local).map(OutputSectionId::new);
        let thread_alignment = (0..sections.len()).filter(thread_local).map(|index| sections[index].alignment).max();
        let symbols = &request.symbols.symbols;
        Prepared {
            thread_alignment: thread_alignment.unwrap_or(1),
            first_thread_local,
            section_names: plan
                .sections
                .iter()
                .enumerate()
                .rev() // the first of a name counts
                .map(|(index, section)| (section.name.clone(), OutputSectionId::new(index)))
                .collect(),
            symbol_names: symbols.iter().enumerate().map(|(index, symbol)| (symbol.name.clone(), index)).collect(),
            in_force: (0..symbols.len()).map(|index| !symbols[index].provide || (request.in_force)(index)).collect(),
            atoms,
            sections,
        }
    }
}

/// Bytes of the file header and program headers.
pub(super) const fn header_bytes(headers: usize) -> u64 {
    let file = size_of::<elf::FileHeader64<object::LittleEndian>>();
    let each = size_of::<elf::ProgramHeader64<object::LittleEndian>>();
    (file + each * headers) as u64
}

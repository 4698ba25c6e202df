//! One pass over the statements of a plan, with what the pass before found out as the answer to forward references.

use object::elf;

use crate::diag::Diagnostic;
use crate::ids::OutputSectionId;
use crate::script::ast::{Assignment, Expression, NamedFunction};

use super::evaluate::{Environment, Place, Value, align_to, evaluate};
use super::plan::{Addresses, OutputSection, Piece, Placement, SectionAddress, SectionPlan, Statement};
use super::regions::Regions;
use super::state::{AddressRequest, Prepared, Relro, State, header_bytes};

/// What a pass finds out.
pub(super) struct Outcome {
    pub state: State,
    /// The offset of each atom in its section, by its position in [`SectionPlan::order`].
    pub offsets: Vec<u64>,
    /// Data statements: section, offset, bytes.
    pub data: Vec<(OutputSectionId, u64, Vec<u8>)>,
    pub errors: Vec<Diagnostic>,
}

impl Outcome {
    /// Whether the atoms' addresses are what `atoms` says.
    pub fn atoms_unchanged(&self, atoms: &[u64], plan: &SectionPlan) -> bool {
        plan.order.iter().enumerate().all(|(position, id)| atoms[id.index()] == self.address(position, *id, plan))
    }

    /// Writes down the atoms' addresses.
    pub fn fill_atoms(&self, atoms: &mut [u64], plan: &SectionPlan) {
        atoms.fill(Addresses::NOWHERE);
        for (position, &id) in plan.order.iter().enumerate() {
            atoms[id.index()] = self.address(position, id, plan);
        }
    }

    fn address(&self, position: usize, id: crate::ids::AtomId, plan: &SectionPlan) -> u64 {
        match plan.section_of[id.index()] {
            Some(section) => self.state.sections[section.index()].address.wrapping_add(self.offsets[position]),
            None => Addresses::NOWHERE,
        }
    }
}

/// Carries out every statement once. `atoms` holds the addresses of the pass before.
pub(super) fn run_pass(request: &AddressRequest, prepared: &Prepared, before: &State, atoms: &[u64]) -> Outcome {
    let mut pass = Pass {
        request,
        prepared,
        before,
        atoms,
        state: State {
            sections: vec![SectionAddress::default(); before.sections.len()],
            load_addresses: vec![0; before.sections.len()],
            symbols: vec![None; before.symbols.len()],
            headers: before.headers,
            headers_at: None,
            file_header: None,
            relro: None,
            memory: Vec::new(),
        },
        laid_out: 0,
        offsets: vec![0; prepared.atoms.len()],
        data: Vec::new(),
        errors: Vec::new(),
        dot: 0,
        current: None,
        thread_zeros_end: None,
        relro_start: None,
        asked_for_headers: false,
        regions: Regions::default(),
    };
    pass.regions = Regions::new(request.plan, &mut pass);
    pass.state.memory = (0..request.plan.memory.len()).map(|region| pass.regions.extent(region)).collect();
    for statement in &request.plan.statements {
        match statement {
            Statement::Assignment(assignment) => pass.assign(assignment),
            Statement::Assert(condition, message) => pass.assert(condition, message),
            Statement::Section(id) => pass.section(*id),
        }
    }
    let Pass { state, offsets, data, errors, .. } = pass;
    Outcome { state, offsets, data, errors }
}

struct Pass<'a> {
    request: &'a AddressRequest<'a>,
    prepared: &'a Prepared,
    before: &'a State,
    atoms: &'a [u64],
    state: State,
    /// How many sections have been laid out: the ids below this have addresses of this pass.
    laid_out: u32,
    offsets: Vec<u64>,
    data: Vec<(OutputSectionId, u64, Vec<u8>)>,
    errors: Vec<Diagnostic>,
    /// The location counter, whole.
    dot: u64,
    /// The section that is being laid out.
    current: Option<OutputSectionId>,
    /// Where zeros of threads go on, which take no room in the image.
    thread_zeros_end: Option<u64>,
    /// Where DATA_SEGMENT_ALIGN put the start of what becomes read-only.
    relro_start: Option<u64>,
    /// SIZEOF_HEADERS has been evaluated since this was last cleared.
    asked_for_headers: bool,
    regions: Regions,
}

impl Pass<'_> {
    fn assign(&mut self, assignment: &Assignment) {
        if assignment.symbol == "." {
            return self.move_dot(assignment);
        }
        let Some(&index) = self.prepared.symbol_names.get(&assignment.symbol) else { return };
        if !self.prepared.in_force[index] {
            return;
        }
        let value = self.assigned(assignment);
        self.state.symbols[index] = Some(value);
    }

    /// The value of an assignment, that of `+=` and its like included.
    fn assigned(&mut self, assignment: &Assignment) -> Value {
        match assignment.operator {
            None => evaluate(&assignment.value, self),
            Some(operator) => {
                let target = match assignment.symbol.as_str() {
                    "." => Expression::Dot,
                    name => Expression::Symbol(name.to_owned()),
                };
                let whole = Expression::Binary(operator, Box::new(target), Box::new(assignment.value.clone()));
                evaluate(&whole, self)
            }
        }
    }

    fn move_dot(&mut self, assignment: &Assignment) {
        self.asked_for_headers = false;
        let value = self.assigned(assignment);
        let Some(id) = self.current else {
            self.dot = value.number;
            if self.asked_for_headers && self.laid_out == 0 {
                // `. = START + SIZEOF_HEADERS`: the headers are part of the image, from START on.
                self.state.headers_at = value.number.checked_sub(header_bytes(self.before.headers));
            }
            return;
        };
        // Within a section a plain number counts from its start.
        let base = self.state.sections[id.index()].address;
        let to = if value.place == Place::Number { base.wrapping_add(value.number) } else { value.number };
        if to < self.dot {
            let (name, back) = (&self.request.plan.get(id).name, self.dot - to);
            let message = format!("the location counter moves back by {back:#x} bytes in the output section {name}");
            self.error(message);
            return;
        }
        self.dot = to;
    }

    fn assert(&mut self, condition: &Expression, message: &str) {
        if evaluate(condition, self).number == 0 {
            let error = Diagnostic::error("script-assertion", format!("assertion of the script failed: {message}"));
            self.errors.push(error);
        }
    }

    /// Lays out one output section.
    fn section(&mut self, id: OutputSectionId) {
        let plan = self.request.plan;
        let section = plan.get(id);
        let outer = self.dot;
        let region = self.regions.choose(section, &mut self.errors);
        let alignment = self.alignment(section, id);
        let start = self.start(id, region, alignment);
        let explicit = section.placement.address.is_some();
        let load_address = self.load_address(section, region, start, alignment).unwrap_or(start);
        self.dot = start;
        self.current = Some(id);
        self.state.sections[id.index()] =
            SectionAddress { address: start, offset: 0, size: 0, alignment, omitted: false };
        self.laid_out = self.laid_out.max(id.0 + 1);
        self.pieces(id, section);
        self.current = None;
        let size = self.dot.wrapping_sub(start);
        let address = &mut self.state.sections[id.index()];
        address.size = size;
        address.omitted = size == 0;
        self.state.load_addresses[id.index()] = load_address;
        if !section.is_allocated() || size == 0 {
            self.dot = outer;
            if explicit && section.is_allocated() {
                self.dot = start;
            }
            return;
        }
        let end = self.dot;
        if section.is_thread_local() && section.kind == elf::SHT_NOBITS {
            self.thread_zeros_end = Some(end);
            self.dot = outer;
            return;
        }
        self.thread_zeros_end = None;
        self.regions.advance(region, section, [start, end, load_address], &mut self.errors);
    }

    /// The alignment of a section: its atoms', or what the script puts in their place, and at least the script's.
    fn alignment(&mut self, section: &OutputSection, id: OutputSectionId) -> u64 {
        let Placement { align, sub_align, .. } = &section.placement;
        let mut alignment = self.prepared.sections[id.index()].alignment;
        if let Some(sub_align) = self.power_of_two(sub_align.as_ref(), section) {
            alignment = sub_align;
        }
        alignment.max(self.power_of_two(align.as_ref(), section).unwrap_or(1))
    }

    fn power_of_two(&mut self, expression: Option<&Expression>, section: &OutputSection) -> Option<u64> {
        let value = evaluate(expression?, self).number;
        if value == 0 {
            return None;
        }
        if !value.is_power_of_two() {
            self.error(format!("alignment {value:#x} of the output section {} is no power of two", section.name));
            return None;
        }
        Some(value)
    }

    /// Where a section starts.
    fn start(&mut self, id: OutputSectionId, region: Option<usize>, alignment: u64) -> u64 {
        let section = self.request.plan.get(id);
        let placement = &section.placement;
        if let Some(address) = &placement.address {
            let start = evaluate(address, self).number;
            let asked = self.power_of_two(placement.align.as_ref(), section).unwrap_or(1);
            return align_to(start, asked);
        }
        if !section.is_allocated() {
            return 0;
        }
        let mut from = self.regions.cursor(region).unwrap_or(self.dot);
        if self.prepared.sections[id.index()].empty {
            return from;
        }
        let mut alignment = alignment;
        if section.is_thread_local() {
            // The first of them starts the segment, whose start has to suit all.
            match self.thread_zeros_end {
                Some(end) if section.kind == elf::SHT_NOBITS => from = end,
                _ => {}
            }
            if self.prepared.first_thread_local == Some(id) {
                alignment = alignment.max(self.prepared.thread_alignment);
            }
        }
        align_to(from, alignment)
    }

    /// Where a section is loaded, if that is elsewhere (the manual, 3.6.8.2).
    fn load_address(
        &mut self,
        section: &OutputSection,
        region: Option<usize>,
        start: u64,
        alignment: u64,
    ) -> Option<u64> {
        let placement = &section.placement;
        if let Some(address) = &placement.load_address {
            return Some(evaluate(address, self).number);
        }
        if let Some(name) = &placement.load_region {
            return self.regions.load_cursor(name, alignment, &mut self.errors);
        }
        if placement.address.is_some() || !section.is_allocated() {
            return None;
        }
        self.regions.same_distance(region, start)
    }

    /// Lays out what a section holds, from the location counter on.
    fn pieces(&mut self, id: OutputSectionId, section: &OutputSection) {
        let base = self.dot;
        let mut sub_align = self.power_of_two(section.placement.sub_align.as_ref(), section);
        if self.prepared.sections[id.index()].empty {
            // What has no bytes must not make room for itself by its alignment.
            sub_align = Some(1);
        }
        let mut fill: Option<&[u8]> = None;
        for piece in &section.pieces {
            let before = self.dot;
            match piece {
                Piece::Atoms(range) => {
                    let range = range.start as usize..range.end as usize;
                    self.lay_out_atoms(range, base, sub_align, id, fill);
                    continue;
                }
                Piece::Assignment(assignment) => self.assign(assignment),
                Piece::Assert(condition, message) => self.assert(condition, message),
                Piece::Fill(pattern) => fill = Some(pattern),
                Piece::Data(width, value) => {
                    let value = evaluate(value, self).number;
                    let bytes = value.to_le_bytes()[..usize::from(*width).min(8)].to_vec();
                    self.data.push((id, before - base, bytes));
                    self.grow(u64::from(*width), section);
                    continue;
                }
            }
            self.fill_gap(id, base, before, self.dot, fill);
        }
    }

    fn lay_out_atoms(
        &mut self,
        range: std::ops::Range<usize>,
        base: u64,
        sub_align: Option<u64>,
        id: OutputSectionId,
        fill: Option<&[u8]>,
    ) {
        let mut dot = self.dot;
        let mut overflow = false;
        for position in range {
            let (size, alignment) = self.prepared.atoms[position];
            let at = align_to(dot, sub_align.unwrap_or(alignment));
            if fill.is_some() {
                self.fill_gap(id, base, dot, at, fill);
            }
            self.offsets[position] = at.wrapping_sub(base);
            let end = at.checked_add(size);
            overflow |= at < dot || end.is_none();
            dot = end.unwrap_or(at);
        }
        self.dot = dot;
        if overflow {
            self.too_large(id);
        }
    }

    fn grow(&mut self, bytes: u64, section: &OutputSection) {
        match self.dot.checked_add(bytes) {
            Some(end) => self.dot = end,
            None => self.error(format!("the output section {} goes beyond the address space", section.name)),
        }
    }

    fn too_large(&mut self, id: OutputSectionId) {
        let name = &self.request.plan.get(id).name;
        let message = format!("the output section {name} goes beyond the address space");
        self.errors.push(Diagnostic::error("section-too-large", message));
    }

    /// The pattern of a FILL statement for a gap that follows it.
    fn fill_gap(&mut self, id: OutputSectionId, base: u64, from: u64, to: u64, fill: Option<&[u8]>) {
        /// Gaps are written as data, so there is a limit to what a script can ask for.
        const LARGEST_GAP: u64 = 1 << 24;
        let Some(pattern) = fill.filter(|pattern| !pattern.is_empty() && to > from && to - from <= LARGEST_GAP) else {
            return;
        };
        let bytes = pattern.iter().copied().cycle().take((to - from) as usize).collect();
        self.data.push((id, from - base, bytes));
    }
}

impl Environment for Pass<'_> {
    fn dot(&self) -> Value {
        let place = match self.current {
            Some(id) => Place::Section(id),
            None => Place::Image(self.laid_out),
        };
        Value { number: self.dot, place }
    }

    fn inside_section(&self) -> bool {
        self.current.is_some()
    }

    fn base(&self, section: OutputSectionId) -> u64 {
        self.section_address(section).address
    }

    fn symbol(&mut self, name: &str) -> Value {
        if let Some(&index) = self.prepared.symbol_names.get(name)
            && self.prepared.in_force[index]
        {
            if let Some(value) = self.state.symbols[index].or(self.before.symbols[index]) {
                return value;
            }
            self.error(format!("the symbol {name} is used in a script before it has a value"));
            return Value::number(0);
        }
        match (self.request.lookup)(name, self.atoms) {
            Some(found) => {
                let place = found.section.map_or(Place::Absolute, Place::Section);
                Value { number: found.value, place }
            }
            None => {
                let message = format!("undefined symbol in an expression of the script or of --defsym: {name}");
                self.errors.push(Diagnostic::error("undefined-symbol", message));
                Value::number(0)
            }
        }
    }

    fn named(&mut self, function: NamedFunction, name: &str) -> Value {
        match function {
            NamedFunction::Defined => {
                let script = self.prepared.symbol_names.get(name).filter(|&&index| self.state.symbols[index].is_some());
                let defined = script.is_some() || (self.request.lookup)(name, self.atoms).is_some();
                Value::number(u64::from(defined))
            }
            NamedFunction::Origin | NamedFunction::Length => match self.regions.find(name) {
                Some(region) => {
                    let (origin, length) = self.regions.extent(region);
                    Value::number(if function == NamedFunction::Origin { origin } else { length })
                }
                None => {
                    self.error(format!("the memory region {name} is not declared"));
                    Value::number(0)
                }
            },
            NamedFunction::Address | NamedFunction::LoadAddress | NamedFunction::SizeOf | NamedFunction::AlignOf => {
                self.of_section(function, name)
            }
        }
    }

    fn segment_start(&mut self, name: &str, default: Value) -> Value {
        let place = Place::Image(self.laid_out);
        match self.request.options.image_base {
            _ if name != "text-segment" => default,
            Some(base) => Value { number: base, place },
            None if self.request.kind.is_position_independent() => Value { number: 0, place },
            None => Value { place, ..default },
        }
    }

    fn size_of_headers(&mut self) -> u64 {
        self.asked_for_headers = true;
        header_bytes(self.before.headers)
    }

    fn file_header(&self) -> Value {
        match self.before.file_header {
            Some(number) => Value { number, place: Place::Image(0) },
            None => Value { number: 0, place: Place::Absolute },
        }
    }

    fn max_page_size(&self) -> u64 {
        self.request.max_page_size()
    }

    fn common_page_size(&self) -> u64 {
        self.request.common_page_size()
    }

    fn data_segment(&mut self, start: u64) {
        self.relro_start = Some(start);
    }

    fn relro_end(&mut self, end: u64) -> u64 {
        match self.relro_start {
            Some(start) if self.request.options.relro && end > start => {
                let end = align_to(end, self.request.common_page_size());
                self.state.relro = Some(Relro { start, end });
                end
            }
            _ => end,
        }
    }

    fn error(&mut self, message: String) {
        self.errors.push(Diagnostic::error("bad-script", message));
    }
}

impl Pass<'_> {
    /// What is known of a section: from this pass, or for one further down from the pass before.
    fn section_address(&self, id: OutputSectionId) -> SectionAddress {
        if id.0 < self.laid_out { self.state.sections[id.index()] } else { self.before.sections[id.index()] }
    }

    fn of_section(&mut self, function: NamedFunction, name: &str) -> Value {
        let Some(&id) = self.prepared.section_names.get(name) else {
            // The manual has 0 for the size of a section that does not exist.
            if function != NamedFunction::SizeOf && function != NamedFunction::AlignOf {
                self.error(format!("the script asks for the address of {name}, which is no output section"));
            }
            return Value::number(0);
        };
        let address = self.section_address(id);
        match function {
            NamedFunction::SizeOf => Value::number(address.size),
            NamedFunction::AlignOf => Value::number(address.alignment),
            NamedFunction::LoadAddress => {
                let loads = if id.0 < self.laid_out { &self.state } else { self.before };
                Value { number: loads.load_addresses[id.index()], place: Place::Absolute }
            }
            _ => Value { number: address.address, place: Place::Section(id) },
        }
    }
}

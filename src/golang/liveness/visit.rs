//! One visit: what a symbol that is part of the program reaches and says.

use std::hint::black_box;

use super::marks::{self, Marks};
use crate::args::golink::BuildMode;
use crate::diag::Diagnostic;
use crate::golang::program::Program;
use crate::golang::report;
use crate::golang::symbols::{GoSymbol, ObjectEntry, ObjectId, Symbols};
use crate::golang::types::{self, GoType, Signature, TypeKind};
use crate::inputs::goobj::records::package_index;
use crate::inputs::goobj::{AuxKind, Object, Reference, RelocationKind};

/// What the walkers share.
pub(super) struct Graph<'a, 'data> {
    pub symbols: &'a Symbols<'data>,
    pub program: &'a Program<'data>,
    pub marks: &'a Marks,
    pub rules: Rules,
}

/// How the build mode changes the walk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Other modules are loaded at run time: any type may become an interface's value there, and any method may be called.
    pub any_type_is_used: bool,
    /// Calls of functions that fill maps are no weaker than others, as plugins initialise packages once more.
    pub map_calls_are_strong: bool,
    /// Itabs keep their methods.
    pub itabs_are_strong: bool,
    /// What only describes code is visited as well, as somebody wants to be told of every step, or of how many symbols there are.
    pub descriptions_count: bool,
}

impl Rules {
    fn of(program: &Program<'_>) -> Self {
        let link_shared = program.options.link_shared;
        let has_plugins = program.is_cgo && program.packages.iter().any(|package| package.path == "plugin");
        let other_modules = matches!(program.build_mode, BuildMode::Shared | BuildMode::Plugin);
        Rules {
            any_type_is_used: link_shared || has_plugins || other_modules,
            map_calls_are_strong: has_plugins,
            itabs_are_strong: link_shared,
            descriptions_count: program.options.tells_every_symbol(),
        }
    }

    /// Whether what has an auxiliary symbol of this kind keeps it.
    fn keeps(self, kind: Option<AuxKind>) -> bool {
        match kind {
            // A variable can live without the descriptor of its type.
            Some(AuxKind::GoType) => false,
            // Half of all symbols, and more than half of their relocations: the stages that need them look for themselves.
            Some(kind) => self.descriptions_count || !kind.is_description(),
            None => true,
        }
    }
}

/// A method of a type that may be an interface's value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Method<'a> {
    pub signature: Signature<'a>,
    /// The type.
    pub receiver: GoSymbol,
    pub parts: Parts,
}

/// What is part of the program if a method is, besides its type: the type of the function without receiver, and the entry points
/// for interfaces and for reflection.
pub(super) type Parts = [GoSymbol; 3];

/// Room for visits, to be used again for each.
#[derive(Default)]
pub(super) struct Room {
    edges: Vec<Edge>,
    methods: Vec<Parts>,
}

/// An object, and a position in its list of definitions.
pub(super) type Definition = (ObjectId, u32);

/// Who carries on from what visits find.
pub(super) trait Walker<'a> {
    /// A symbol is to be visited, as another one reaches it. `home` is its definition, where that is known anyway.
    fn push(&mut self, symbol: GoSymbol, from: GoSymbol, home: Option<Definition>);
    /// A symbol is reached that itself reaches nothing.
    fn push_leaf(&mut self, symbol: GoSymbol, from: GoSymbol);
    /// A method of an interface is called.
    fn interface_method(&mut self, signature: Signature<'a>);
    /// Methods of a name are called.
    fn named_method(&mut self, name: &'a [u8]);
    /// A type has a method.
    fn method(&mut self, method: Method<'a>);
    /// Methods are looked up by reflection.
    fn reflection(&mut self);
    /// A function initialises its package.
    fn initialiser(&mut self, symbol: GoSymbol);
}

impl<'a, 'data> Graph<'a, 'data> {
    pub fn new(symbols: &'a Symbols<'data>, program: &'a Program<'data>, marks: &'a Marks) -> Self {
        Graph { symbols, program, marks, rules: Rules::of(program) }
    }

    /// Finds a symbol's definition, unless it is known.
    #[inline]
    pub fn find(&self, symbol: GoSymbol, known: Option<Definition>) -> Found {
        let definition = known.or_else(|| self.symbols.definition(symbol));
        Found { symbol, mark: self.marks.of_symbol(symbol), definition }
    }

    /// Looks where that which a definition refers to lies.
    #[inline]
    pub fn touch_index(&self, found: &Found) {
        if let Some((id, local)) = found.definition {
            let object = &self.symbols.object(id).object;
            black_box((object.relocations(local).len(), object.aux(local).len()));
        }
    }

    /// Looks at the first records of that.
    #[inline]
    pub fn touch_records(&self, found: &Found) {
        if let Some((id, local)) = found.definition {
            let object = &self.symbols.object(id).object;
            let first = object.relocations(local).next().map(|record| record.size());
            black_box((first, object.aux(local).next().map(|record| record.kind())));
        }
    }

    /// Visits a symbol. A type is visited again when it turns out that it may be an interface's value.
    pub fn visit(&self, found: &Found, room: &mut Room, walker: &mut impl Walker<'a>) -> Result<(), Diagnostic> {
        let &Found { symbol, mark, definition } = found;
        if mark & marks::REFLECTS != 0 {
            walker.reflection();
        }
        if mark & marks::TYPE != 0 && self.rules.any_type_is_used {
            self.marks.uses(symbol);
        }
        let is_used_type = mark & marks::TYPE != 0 && self.marks.is_used(symbol);
        room.edges.clear();
        room.methods.clear();
        let Some((id, local)) = definition else {
            // Of what the linker has changed, flags and auxiliary symbols count no more.
            let relocations = self.symbols.relocations(symbol);
            room.edges.extend(relocations.map(|relocation| Edge {
                role: Role::Other(relocation.kind),
                is_weak: relocation.weak,
                addend: relocation.addend,
                target: Target { symbol: relocation.target, reference: Reference { package: 0, index: 0 } },
            }));
            return Visit { graph: self, symbol, mark, is_used_type, home: None }.follow(room, walker);
        };
        let entry = self.symbols.object(id);
        let visit = Visit { graph: self, symbol, mark, is_used_type, home: Some((id, entry)) };
        visit.pick(entry, local, &mut room.edges);
        visit.follow(room, walker)?;
        if mark & marks::INITIALISER != 0 && entry.object.aux(local).len() > 0 {
            walker.initialiser(symbol);
        }
        for record in entry.object.aux(local) {
            if self.rules.keeps(record.kind()) {
                let reference = record.symbol();
                visit.reach(Target { symbol: self.symbols.resolve_in(entry, reference), reference }, walker);
            }
        }
        Ok(())
    }

    fn damaged(&self, symbol: GoSymbol, what: &str) -> Diagnostic {
        report::damaged(self.symbols, self.program, symbol, what)
    }
}

/// A symbol that is about to be visited. The steps up to the visit wait for memory each: they are taken for several symbols
/// at once, so that they wait together.
#[derive(Clone, Copy)]
pub(super) struct Found {
    symbol: GoSymbol,
    mark: u8,
    definition: Option<Definition>,
}

impl Found {
    /// The object that defines it.
    #[inline]
    pub fn object(&self) -> Option<ObjectId> {
        self.definition.map(|(object, _)| object)
    }

    /// A number that grows with the object, and in it with the position of the definition.
    #[inline]
    pub fn rank(&self) -> u64 {
        self.definition.map_or(u64::MAX, |(object, local)| u64::from(object.0) << 32 | u64::from(local))
    }
}

/// What a reference leads to.
#[derive(Clone, Copy)]
struct Target {
    /// The symbol; it may be none.
    symbol: GoSymbol,
    /// How the object of the visit says it.
    reference: Reference,
}

/// What a reference says besides of what it leads to.
enum Known {
    Nothing,
    /// A definition in the same object that is like the one that counts.
    Copy(u32),
    /// The definition that counts.
    Home(Definition),
}

/// A relocation, as far as it matters here.
#[derive(Clone, Copy)]
struct Edge {
    role: Role,
    is_weak: bool,
    addend: i64,
    target: Target,
}

/// What a relocation asks for here.
#[derive(Clone, Copy)]
enum Role {
    /// To reach the target.
    Reach,
    /// To reach a target that it does not have.
    Lack,
    /// Something else, perhaps.
    Other(RelocationKind),
}

/// A visit under way.
struct Visit<'g, 'a, 'data> {
    graph: &'g Graph<'a, 'data>,
    symbol: GoSymbol,
    /// What was known of the symbol.
    mark: u8,
    is_used_type: bool,
    /// The symbol's object, if it has one.
    home: Option<(ObjectId, &'g ObjectEntry<'data>)>,
}

impl<'a> Visit<'_, 'a, '_> {
    /// Picks the relocations of a definition that may say something new. Finding all targets first lets the walk wait for
    /// memory once for many, and most of them turn out to be reached already.
    fn pick(&self, entry: &ObjectEntry<'_>, local: u32, edges: &mut Vec<Edge>) {
        let Graph { symbols, marks, rules, .. } = self.graph;
        let kinds = entry.relocations;
        let weak_counts = rules.itabs_are_strong || rules.map_calls_are_strong;
        for record in entry.object.relocations(local) {
            let (raw, is_weak, reference) = (record.raw_kind(), record.is_weak(), record.target());
            if is_weak && !weak_counts {
                continue;
            }
            let role = match is_weak || kinds.is_statement(raw) {
                false => Role::Reach,
                true => match kinds.of(raw) {
                    RelocationKind::UseType | RelocationKind::InitOrder => continue,
                    kind => Role::Other(kind),
                },
            };
            let symbol = symbols.resolve_in(entry, reference);
            let role = match role {
                Role::Reach if symbol.is_none() => match needs_target(kinds.of(raw)) {
                    true => Role::Lack,
                    false => continue,
                },
                // What a used type leads to may have to be visited again.
                Role::Reach if !self.is_used_type && marks.is_reached(symbol) => continue,
                role => role,
            };
            edges.push(Edge { role, is_weak, addend: record.addend(), target: Target { symbol, reference } });
        }
    }

    fn known(&self, reference: Reference) -> Known {
        let Some((id, entry)) = self.home else { return Known::Nothing };
        match reference.package {
            package_index::SELF => Known::Home((id, reference.index)),
            package_index::HASHED64 | package_index::HASHED => {
                entry.object.local(reference).map_or(Known::Nothing, Known::Copy)
            }
            // What is special is no position in this list: another object's definition may count.
            package => match entry.packages.get(package as usize) {
                Some(Some(home)) => Known::Home((*home, reference.index)),
                _ => Known::Nothing,
            },
        }
    }

    fn follow(&self, room: &mut Room, walker: &mut impl Walker<'a>) -> Result<(), Diagnostic> {
        let Room { edges, methods } = room;
        let mut edges = edges.iter();
        while let Some(edge) = edges.next() {
            let kind = match edge.role {
                Role::Reach => {
                    self.reach(edge.target, walker);
                    continue;
                }
                Role::Lack => return Err(self.damaged("refers to a symbol that its object does not have")),
                Role::Other(kind) => kind,
            };
            if edge.is_weak && !self.is_strong_all_the_same(kind) {
                continue;
            }
            match kind {
                RelocationKind::MethodOffset => {
                    let (Some(interface), Some(reflection)) = (edges.next(), edges.next()) else {
                        return Err(self.damaged("has a method with less than three relocations"));
                    };
                    if self.is_used_type {
                        methods.push([edge.target.symbol, interface.target.symbol, reflection.target.symbol]);
                        // Reflection finds the types of a method's parameters.
                        self.use_in_interface(edge.target.symbol, walker)?;
                    }
                }
                // Such as the linker itself has made; those of objects are left out before.
                RelocationKind::UseType | RelocationKind::InitOrder => {}
                RelocationKind::UseIface => self.use_type(edge.target.symbol, walker)?,
                RelocationKind::UseIfaceMethod => walker.interface_method(self.interface_method(edge)?),
                RelocationKind::UseNamedMethod => walker.named_method(self.named_method(edge)?),
                _ => self.reach(edge.target, walker),
            }
        }
        if methods.is_empty() { Ok(()) } else { self.learn_methods(methods, walker) }
    }

    fn is_strong_all_the_same(&self, kind: RelocationKind) -> bool {
        let rules = self.graph.rules;
        (rules.itabs_are_strong && self.mark & marks::ITAB != 0)
            || (rules.map_calls_are_strong && kind.is_direct_call())
    }

    fn damaged(&self, what: &str) -> Diagnostic {
        self.graph.damaged(self.symbol, what)
    }

    #[inline]
    fn reach(&self, target: Target, walker: &mut impl Walker<'a>) {
        if target.symbol.is_none() {
            return;
        }
        // An interface's value leads to values of the types that its type is made of.
        let marks = self.graph.marks;
        let found = if self.is_used_type { marks.reach_as_used(target.symbol) } else { marks.reach(target.symbol) };
        if let Some(mark) = found {
            // Most of what a function consists of besides its code refers to nothing: it lies here, so look at once.
            let known = match mark & marks::MADE {
                0 => self.known(target.reference),
                _ => Known::Nothing,
            };
            let (here, home) = match known {
                Known::Nothing => (None, None),
                Known::Copy(local) => (Some(local), None),
                Known::Home(home) => (self.home.filter(|(id, _)| *id == home.0).map(|_| home.1), Some(home)),
            };
            let here = here.zip(self.home).filter(|_| mark & marks::REFLECTS == 0);
            match here.is_some_and(|(local, (_, entry))| is_leaf(&entry.object, local)) {
                true => walker.push_leaf(target.symbol, self.symbol),
                false => walker.push(target.symbol, self.symbol, home),
            }
        }
    }

    fn use_in_interface(&self, target: GoSymbol, walker: &mut impl Walker<'a>) -> Result<(), Diagnostic> {
        if target.is_none() {
            return Err(self.damaged("refers to a type that its object does not have"));
        }
        if self.graph.marks.uses(target) {
            walker.push(target, self.symbol, None);
        }
        Ok(())
    }

    fn use_type(&self, target: GoSymbol, walker: &mut impl Walker<'a>) -> Result<(), Diagnostic> {
        let symbols = self.graph.symbols;
        let mut used = target;
        if !used.is_none() && symbols.is_itab(used) {
            used = types::type_of_itab(symbols, used);
        }
        if (used.is_none() || !symbols.is_go_type(used)) && !self.graph.program.options.link_shared {
            return Err(self.damaged("converts to an interface what is no type"));
        }
        self.use_in_interface(used, walker)
    }

    fn interface_method(&self, edge: &Edge) -> Result<Signature<'a>, Diagnostic> {
        let interface = GoType::of(self.graph.symbols, self.graph.program.release, edge.target.symbol);
        if edge.target.symbol.is_none() || interface.kind() != TypeKind::Interface {
            return Err(self.damaged("calls a method of what is no interface"));
        }
        let method = u32::try_from(edge.addend).map(|at| interface.interface_method(at)).ok();
        method.filter(|method| !method.kind.is_none()).ok_or_else(|| {
            let interface = self.graph.symbols.display(edge.target.symbol);
            self.damaged(&format!("calls a method that {interface} does not have"))
        })
    }

    fn named_method(&self, edge: &Edge) -> Result<&'a [u8], Diagnostic> {
        match edge.target.symbol.some() {
            Some(name) => Ok(self.graph.symbols.data(name)),
            None => Err(self.damaged("calls a method without name")),
        }
    }

    fn learn_methods(&self, methods: &[Parts], walker: &mut impl Walker<'a>) -> Result<(), Diagnostic> {
        if !self.graph.marks.learn_methods(self.symbol) {
            return Ok(());
        }
        let receiver = GoType::of(self.graph.symbols, self.graph.program.release, self.symbol);
        let signatures = receiver.methods();
        if signatures.len() != methods.len() {
            let what = format!("has relocations for {} methods, but {} methods", methods.len(), signatures.len());
            return Err(self.damaged(&what));
        }
        for (signature, &parts) in signatures.zip(methods) {
            walker.method(Method { signature, receiver: self.symbol, parts });
        }
        Ok(())
    }
}

/// Whether a definition refers to nothing.
#[inline]
fn is_leaf(object: &Object<'_>, local: u32) -> bool {
    object.relocations(local).len() == 0 && object.aux(local).len() == 0
}

/// Whether a relocation of this kind makes no sense without a target.
const fn needs_target(kind: RelocationKind) -> bool {
    use RelocationKind::*;
    matches!(kind, Address | AddressArm64 | AddressOffset | Call | CallArm64 | PcRelative | GotPcRelative | Keep)
}

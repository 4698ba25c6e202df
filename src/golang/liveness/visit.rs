//! One visit: what a symbol that is part of the program reaches and says.

use super::marks::Marks;
use crate::args::golink::BuildMode;
use crate::diag::Diagnostic;
use crate::golang::program::Program;
use crate::golang::report;
use crate::golang::symbols::{GoSymbol, Relocation, Symbols};
use crate::golang::types::{self, GoType, Signature, TypeKind};
use crate::inputs::goobj::records::{flag, flag2};
use crate::inputs::goobj::{AuxKind, RelocationKind};

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
        }
    }
}

/// A method of a type that may be an interface's value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Method<'a> {
    pub signature: Signature<'a>,
    /// The type.
    pub receiver: GoSymbol,
    /// Its type without receiver, and its entry points for interfaces and for reflection.
    pub parts: [GoSymbol; 3],
}

/// Who carries on from what visits find.
pub(super) trait Walker<'a> {
    /// A symbol is to be visited, as another one reaches it.
    fn push(&mut self, symbol: GoSymbol, from: GoSymbol);
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

    /// Visits a symbol. A type is visited again when it turns out that it may be an interface's value.
    pub fn visit(&self, symbol: GoSymbol, walker: &mut impl Walker<'a>) -> Result<(), Diagnostic> {
        // Once the linker has changed a symbol, its flags and auxiliary symbols count no more.
        let is_made = self.symbols.is_made(symbol);
        let (flags, flags2) = if is_made { (0, 0) } else { self.symbols.flags(symbol) };
        if flags & flag::REFLECT_METHOD != 0 {
            walker.reflection();
        }
        let is_type = flags & flag::GO_TYPE != 0;
        if is_type && self.rules.any_type_is_used {
            self.marks.uses(symbol);
        }
        let visit = Visit {
            graph: self,
            symbol,
            is_itab: flags2 & flag2::ITAB != 0,
            is_used_type: is_type && self.marks.is_used(symbol),
        };
        visit.follow(walker)?;
        if is_made {
            return Ok(());
        }
        let mut has_aux = false;
        for (kind, aux) in self.symbols.aux(symbol) {
            has_aux = true;
            // A variable can live without the descriptor of its type.
            if kind != AuxKind::GoType && !aux.is_none() && self.marks.reach(aux) {
                walker.push(aux, symbol);
            }
        }
        if has_aux && flags2 & flag2::PACKAGE_INIT != 0 {
            walker.initialiser(symbol);
        }
        Ok(())
    }

    fn damaged(&self, symbol: GoSymbol, what: &str) -> Diagnostic {
        report::damaged(self.symbols, self.program, symbol, what)
    }
}

/// A visit under way.
struct Visit<'g, 'a, 'data> {
    graph: &'g Graph<'a, 'data>,
    symbol: GoSymbol,
    is_itab: bool,
    is_used_type: bool,
}

impl<'a> Visit<'_, 'a, '_> {
    fn follow(&self, walker: &mut impl Walker<'a>) -> Result<(), Diagnostic> {
        let rules = self.graph.rules;
        let mut relocations = self.graph.symbols.relocations(self.symbol);
        let mut methods = Vec::new();
        while let Some(relocation) = relocations.next() {
            let is_strong = !relocation.weak
                || (self.is_itab && rules.itabs_are_strong)
                || (rules.map_calls_are_strong && relocation.kind.is_direct_call());
            if !is_strong {
                continue;
            }
            match relocation.kind {
                RelocationKind::MethodOffset => {
                    let (Some(interface), Some(reflection)) = (relocations.next(), relocations.next()) else {
                        return Err(self.damaged("has a method with less than three relocations"));
                    };
                    if self.is_used_type {
                        methods.push([relocation.target, interface.target, reflection.target]);
                        // Reflection finds the types of a method's parameters.
                        self.use_in_interface(relocation.target, walker)?;
                    }
                }
                RelocationKind::UseType | RelocationKind::InitOrder => {}
                RelocationKind::UseIface => self.use_type(&relocation, walker)?,
                RelocationKind::UseIfaceMethod => walker.interface_method(self.interface_method(&relocation)?),
                RelocationKind::UseNamedMethod => walker.named_method(self.named_method(&relocation)?),
                _ => self.reach(&relocation, walker)?,
            }
        }
        if methods.is_empty() { Ok(()) } else { self.learn_methods(&methods, walker) }
    }

    fn damaged(&self, what: &str) -> Diagnostic {
        self.graph.damaged(self.symbol, what)
    }

    fn reach(&self, relocation: &Relocation, walker: &mut impl Walker<'a>) -> Result<(), Diagnostic> {
        let Graph { symbols, marks, .. } = self.graph;
        let target = relocation.target;
        if target.is_none() {
            return if needs_target(relocation.kind) {
                Err(self.damaged("refers to a symbol that its object does not have"))
            } else {
                Ok(())
            };
        }
        // An interface's value leads to values of the types that its type is made of.
        let is_new = match self.is_used_type && symbols.is_go_type(target) {
            true => marks.reach_as_used(target),
            false => marks.reach(target),
        };
        if is_new {
            walker.push(target, self.symbol);
        }
        Ok(())
    }

    fn use_in_interface(&self, target: GoSymbol, walker: &mut impl Walker<'a>) -> Result<(), Diagnostic> {
        if target.is_none() {
            return Err(self.damaged("refers to a type that its object does not have"));
        }
        if self.graph.marks.uses(target) {
            walker.push(target, self.symbol);
        }
        Ok(())
    }

    fn use_type(&self, relocation: &Relocation, walker: &mut impl Walker<'a>) -> Result<(), Diagnostic> {
        let symbols = self.graph.symbols;
        let mut used = relocation.target;
        if !used.is_none() && symbols.is_itab(used) {
            used = types::type_of_itab(symbols, used);
        }
        if (used.is_none() || !symbols.is_go_type(used)) && !self.graph.program.options.link_shared {
            return Err(self.damaged("converts to an interface what is no type"));
        }
        self.use_in_interface(used, walker)
    }

    fn interface_method(&self, relocation: &Relocation) -> Result<Signature<'a>, Diagnostic> {
        let interface = GoType::of(self.graph.symbols, self.graph.program.release, relocation.target);
        if relocation.target.is_none() || interface.kind() != TypeKind::Interface {
            return Err(self.damaged("calls a method of what is no interface"));
        }
        let method = u32::try_from(relocation.addend).map(|at| interface.interface_method(at)).ok();
        method.filter(|method| !method.kind.is_none()).ok_or_else(|| {
            let interface = self.graph.symbols.display(relocation.target);
            self.damaged(&format!("calls a method that {interface} does not have"))
        })
    }

    fn named_method(&self, relocation: &Relocation) -> Result<&'a [u8], Diagnostic> {
        match relocation.target.some() {
            Some(name) => Ok(self.graph.symbols.data(name)),
            None => Err(self.damaged("calls a method without name")),
        }
    }

    fn learn_methods(&self, methods: &[[GoSymbol; 3]], walker: &mut impl Walker<'a>) -> Result<(), Diagnostic> {
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

/// Whether a relocation of this kind makes no sense without a target.
const fn needs_target(kind: RelocationKind) -> bool {
    use RelocationKind::*;
    matches!(kind, Address | AddressArm64 | AddressOffset | Call | CallArm64 | PcRelative | GotPcRelative | Keep)
}

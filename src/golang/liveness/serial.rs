//! The walk symbol by symbol in Go's order, for the lines of `-dumpdep`: the symbol with the lowest number is next, and methods
//! are looked through when there is none (Go 1.26 and 1.27, `cmd/link/internal/ld/deadcode.go`, `heap.go`).

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};

use hashbrown::HashSet;

use super::marks;
use super::visit::{Definition, Graph, Method, Room, Walker};
use crate::diag::{Diagnostic, Diagnostics, Result};
use crate::golang::symbols::GoSymbol;
use crate::golang::types::Signature;

/// Visits everything that can be reached, and writes a line for each step; the functions that initialise packages.
pub(super) fn walk<'a>(graph: &Graph<'a, '_>, starts: &[GoSymbol], trace: &mut dyn Write) -> Result<Vec<GoSymbol>> {
    let mut walk = Walk {
        graph,
        trace,
        queue: BinaryHeap::new(),
        called: HashSet::new(),
        names: HashSet::new(),
        methods: Vec::new(),
        reflects: false,
        initialisers: Vec::new(),
        written: Ok(()),
    };
    for &start in starts {
        walk.reach(start, GoSymbol::NONE);
    }
    let (mut errors, mut room) = (Vec::new(), Room::default());
    while !walk.queue.is_empty() {
        while let Some(Reverse(symbol)) = walk.queue.pop() {
            errors.extend(graph.visit(&graph.find(symbol, None), &mut room, &mut walk).err());
        }
        walk.wake();
    }
    let flushed = std::mem::replace(&mut walk.written, Ok(())).and_then(|()| walk.trace.flush());
    errors.extend(flushed.err().map(|error| Diagnostic::error("io-error", format!("cannot write the trace: {error}"))));
    Diagnostics::check(walk.initialisers, errors)
}

struct Walk<'w, 'g, 'a, 'data> {
    graph: &'g Graph<'a, 'data>,
    trace: &'w mut dyn Write,
    queue: BinaryHeap<Reverse<GoSymbol>>,
    called: HashSet<Signature<'a>>,
    names: HashSet<&'a [u8]>,
    /// Methods that nothing has called yet, in the order in which their types were visited.
    methods: Vec<Method<'a>>,
    reflects: bool,
    initialisers: Vec<GoSymbol>,
    /// The first failure to write.
    written: io::Result<()>,
}

impl<'a> Walk<'_, '_, 'a, '_> {
    fn reach(&mut self, symbol: GoSymbol, from: GoSymbol) {
        if !symbol.is_none() && self.graph.marks.reach(symbol).is_some() {
            self.push(symbol, from, None);
        }
    }

    fn wake(&mut self) {
        let everything = self.graph.rules.any_type_is_used;
        let reflects = self.reflects || everything;
        for method in std::mem::take(&mut self.methods) {
            let is_called = (reflects && (everything || method.signature.is_exported()))
                || self.called.contains(&method.signature)
                || self.names.contains(method.signature.name);
            match is_called {
                true => method.parts.into_iter().for_each(|part| self.reach(part, method.receiver)),
                false => self.methods.push(method),
            }
        }
    }

    /// A symbol with what is known of it at this moment.
    fn write_symbol(&mut self, symbol: GoSymbol) -> io::Result<()> {
        let symbols = self.graph.symbols;
        self.trace.write_all(symbols.name(symbol))?;
        let is_used = self.graph.marks.is_used(symbol);
        let reflects = self.graph.marks.of_symbol(symbol) & marks::REFLECTS != 0;
        let text: &[u8] = match (is_used, reflects) {
            (false, false) => b"",
            (true, false) => b" <UsedInIface>",
            (false, true) => b" <ReflectMethod>",
            (true, true) => b" <UsedInIface><ReflectMethod>",
        };
        self.trace.write_all(text)
    }

    fn write_line(&mut self, from: GoSymbol, to: GoSymbol) -> io::Result<()> {
        match from.some() {
            Some(from) => self.write_symbol(from)?,
            None => self.trace.write_all(b"_")?,
        }
        self.trace.write_all(b" -> ")?;
        self.write_symbol(to)?;
        self.trace.write_all(b"\n")
    }
}

impl<'a> Walker<'a> for Walk<'_, '_, 'a, '_> {
    fn push(&mut self, symbol: GoSymbol, from: GoSymbol, _home: Option<Definition>) {
        self.queue.push(Reverse(symbol));
        if self.written.is_ok() && !self.graph.symbols.name(symbol).is_empty() {
            self.written = self.write_line(from, symbol);
        }
    }

    fn push_leaf(&mut self, symbol: GoSymbol, from: GoSymbol) {
        self.push(symbol, from, None);
    }

    fn interface_method(&mut self, signature: Signature<'a>) {
        self.called.insert(signature);
    }

    fn named_method(&mut self, name: &'a [u8]) {
        self.names.insert(name);
    }

    fn method(&mut self, method: Method<'a>) {
        self.methods.push(method);
    }

    fn reflection(&mut self) {
        self.reflects = true;
    }

    fn initialiser(&mut self, symbol: GoSymbol) {
        self.initialisers.push(symbol);
    }
}

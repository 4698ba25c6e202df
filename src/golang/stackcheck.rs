//! Whether chains of functions that do not check for stack space fit into what every stack keeps free (Go 1.26 and 1.27,
//! `cmd/link/internal/ld/stackcheck.go`, `internal/abi/stack.go`).
//!
//! A function that checks needs room for one call only. So it is enough to start at those that do not, of which
//! there are few; each is looked at once. If a chain is too deep, the calls are walked again to tell each chain.

mod graph;
#[cfg(test)]
mod tests;

use hashbrown::HashMap;
use rayon::prelude::*;

use super::pcvalue::PcValues;
use super::program::Program;
use super::symbols::{GoSymbol, Symbols, Version};
use crate::diag::{Diagnostics, Result};
use crate::inputs::goobj::records::flag;
use crate::inputs::goobj::{AuxKind, RelocationKind};
use crate::target::Architecture;

/// Bytes that every stack has free below what a function checks for.
const FREE: i64 = 800;
/// The height of what has no bound: a function that calls itself.
const ENDLESS: i64 = i16::MAX as i64;

/// Checks the functions of a program, in their order. `trace` gets the lines of `-debugnosplit`.
pub fn check(
    symbols: &Symbols<'_>,
    program: &Program<'_>,
    functions: &[GoSymbol],
    trace: Option<&mut Vec<u8>>,
) -> Result<()> {
    let machine = Machine::of(program);
    let mut heights = Heights::new(symbols, machine);
    match trace {
        None => {
            let deep = functions.par_iter().copied().filter(|function| !heights.splits(*function));
            let deep: Vec<GoSymbol> = deep.collect();
            deep.into_iter().for_each(|function| heights.walk(Node::Function(function), |_, _| {}));
        }
        Some(trace) => {
            let mut tell = |node: Node, calls: &[Call]| graph::describe(symbols, node, calls, trace);
            functions.iter().for_each(|function| heights.walk(Node::Function(*function), &mut tell));
        }
    }
    let is_deep =
        |function: &GoSymbol| heights.of.get(&Node::Function(*function)).is_some_and(|height| *height > machine.limit);
    let failed: Vec<GoSymbol> = functions.iter().copied().filter(is_deep).collect();
    match failed.is_empty() {
        true => Ok(()),
        false => Diagnostics::check((), graph::explain(symbols, program, machine, &failed)),
    }
}

/// What a call costs.
#[derive(Clone, Copy, Debug)]
struct Machine {
    /// Bytes that a call instruction puts on the stack.
    call: i64,
    /// Bytes of the shortest instruction.
    scale: u32,
    /// The most bytes that a chain may use.
    limit: i64,
}

impl Machine {
    fn of(program: &Program<'_>) -> Self {
        let free = if program.options.race { 2 * FREE } else { FREE };
        match program.architecture {
            Architecture::X86_64 => Machine { call: 8, scale: 1, limit: free - 8 },
            // The frame pointer is saved below the stack pointer.
            Architecture::Aarch64 => Machine { call: 0, scale: 4, limit: free - 8 },
        }
    }
}

/// What a chain goes through.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Node {
    /// The end of a chain in a function's own frame.
    Leaf,
    /// A function.
    Function(GoSymbol),
    /// A function that is called by its address; these check for stack space.
    Indirect,
}

/// One step of a chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Call {
    /// Bytes of the caller's frame at this place, with the return address.
    growth: i64,
    target: Node,
}

/// How much stack functions need until somebody checks.
struct Heights<'a, 'data> {
    symbols: &'a Symbols<'data>,
    machine: Machine,
    /// Gets more stack; calls nothing on the old one.
    morestack: Option<GoSymbol>,
    of: HashMap<Node, i64>,
}

/// A function whose calls are being followed.
struct Frame {
    node: Node,
    calls: Vec<Call>,
    /// How many of the calls are done.
    done: usize,
    /// The height of these.
    height: i64,
    /// The height of the function's own frame.
    own: i64,
}

impl<'a, 'data> Heights<'a, 'data> {
    fn new(symbols: &'a Symbols<'data>, machine: Machine) -> Self {
        Heights { symbols, machine, morestack: symbols.find(b"runtime.morestack", Version::Abi0), of: HashMap::new() }
    }

    /// Whether a function checks for stack space. What the linker has changed counts as if it did, as in Go.
    fn splits(&self, function: GoSymbol) -> bool {
        self.symbols.is_made(function) || !self.symbols.has_flag(function, flag::NO_SPLIT)
    }

    /// Finds the height of a node and of all that it calls. `tell` hears of each node with its calls, callees first.
    fn walk(&mut self, start: Node, mut tell: impl FnMut(Node, &[Call])) {
        let mut stack: Vec<Frame> = self.enter(start).into_iter().collect();
        while let Some(frame) = stack.last_mut() {
            match frame.calls.get(frame.done).copied() {
                Some(call) => match self.of.get(&call.target) {
                    Some(height) => {
                        frame.height = frame.height.max(call.growth + height);
                        frame.done += 1;
                    }
                    None => stack.extend(self.enter(call.target)),
                },
                None => {
                    if frame.own > frame.height {
                        frame.calls.push(Call { growth: frame.own, target: Node::Leaf });
                        frame.height = frame.own;
                    }
                    self.of.insert(frame.node, frame.height.min(ENDLESS));
                    tell(frame.node, &frame.calls);
                    stack.pop();
                }
            }
        }
    }

    /// Starts a node, unless its height is known; until then it counts as endless, for those that it calls.
    fn enter(&mut self, node: Node) -> Option<Frame> {
        if self.of.contains_key(&node) {
            return None;
        }
        self.of.insert(node, ENDLESS);
        let (calls, own) = self.calls(node);
        Some(Frame { node, calls, done: 0, height: 0, own })
    }

    /// What a node calls, in order, and the height of its own frame.
    fn calls(&self, node: Node) -> (Vec<Call>, i64) {
        let more = self.morestack.map_or(Node::Leaf, Node::Function);
        let check = vec![Call { growth: self.machine.call, target: more }];
        match node {
            Node::Leaf => (Vec::new(), 0),
            Node::Indirect => (check, 0),
            Node::Function(function) if Some(function) == self.morestack => (Vec::new(), 0),
            // Not compiled by Go: such code runs on the system stack.
            Node::Function(function) if self.symbols.aux_of(function, AuxKind::FuncInfo).is_none() => (Vec::new(), 0),
            Node::Function(function) if self.splits(function) => (check, 0),
            Node::Function(function) => self.calls_of(function),
        }
    }

    fn calls_of(&self, function: GoSymbol) -> (Vec<Call>, i64) {
        let depths = self.symbols.aux_contents(function, AuxKind::Pcsp).unwrap_or_default();
        let mut relocations = self.symbols.relocations(function).peekable();
        let (mut calls, mut own) = (Vec::new(), 0);
        for span in PcValues::new(depths, self.machine.scale) {
            let height = i64::from(span.value);
            own = own.max(height);
            while let Some(relocation) = relocations.next_if(|relocation| (relocation.offset as u32) < span.end) {
                let target = match relocation.kind {
                    RelocationKind::CallIndirect => Node::Indirect,
                    kind if kind.is_direct_call() => relocation.target.some().map_or(Node::Leaf, Node::Function),
                    _ => continue,
                };
                calls.push(Call { growth: height + self.machine.call, target });
            }
        }
        (calls, own)
    }
}

//! Chains that need more stack than there is, told call by call.

use std::collections::BTreeSet;

use hashbrown::{HashMap, HashSet};

use super::{Call, Heights, Machine, Node};
use crate::diag::Diagnostic;
use crate::golang::program::Program;
use crate::golang::report;
use crate::golang::symbols::{GoSymbol, Symbols, Version};

/// Lines that one error has at most: there may be as many chains as ways through the calls.
const MOST_LINES: usize = 200;

/// Writes what `-debugnosplit` says of a node.
pub(super) fn describe(symbols: &Symbols<'_>, node: Node, calls: &[Call], out: &mut Vec<u8>) {
    for call in calls {
        out.extend(format!("nosplit: {} +{}", name(symbols, node), call.growth).bytes());
        if call.target != Node::Leaf {
            out.extend(format!(" -> {}", name(symbols, call.target)).bytes());
        }
        out.push(b'\n');
    }
}

fn name(symbols: &Symbols<'_>, node: Node) -> String {
    match node {
        Node::Leaf => "leaf".to_owned(),
        Node::Indirect => "indirect".to_owned(),
        Node::Function(function) => {
            let version = match symbols.version(function) {
                Version::Abi0 => 0,
                Version::AbiInternal => 1,
                // Go numbers the objects from 10 on.
                Version::Static => 10 + symbols.unit(function).map_or(0, |unit| unit.0),
            };
            format!("{}<{version}>", symbols.display(function))
        }
    }
}

/// An error for each function that starts chains which are too deep.
pub(super) fn explain(
    symbols: &Symbols<'_>,
    program: &Program<'_>,
    machine: Machine,
    failed: &[GoSymbol],
) -> Vec<Diagnostic> {
    let mut heights = Heights::new(symbols, machine);
    let mut calls = HashMap::new();
    for function in failed {
        heights.walk(Node::Function(*function), |node, of_node| _ = calls.insert(node, of_node.to_vec()));
    }
    let graph = Graph { symbols, machine, calls, heights: heights.of };
    let mut errors = Vec::new();
    for root in graph.roots() {
        let message = format!("{}: nosplit stack over {} byte limit", root_name(symbols, root), machine.limit);
        let mut error = Diagnostic::error("nosplit-overflow", message)
            .help("shorten the chain, or remove //go:nosplit (NOSPLIT in assembly) from one of its functions");
        if let Node::Function(function) = root {
            error = error.at(report::origin(symbols, program, function));
        }
        errors.push(graph.chains(root).into_iter().fold(error, Diagnostic::note));
    }
    errors
}

fn root_name(symbols: &Symbols<'_>, root: Node) -> String {
    match root {
        Node::Function(function) => symbols.display(function).into_owned(),
        other => name(symbols, other),
    }
}

struct Graph<'a, 'data> {
    symbols: &'a Symbols<'data>,
    machine: Machine,
    calls: HashMap<Node, Vec<Call>>,
    heights: HashMap<Node, i64>,
}

/// A step on the way from a root.
struct Step {
    call: Call,
    /// What is left of the limit behind it.
    left: i64,
    /// How many calls of its target are done.
    done: usize,
    is_told: bool,
}

impl Graph<'_, '_> {
    fn calls(&self, node: Node) -> &[Call] {
        self.calls.get(&node).map_or(&[], Vec::as_slice)
    }

    /// Functions that no other one calls; of those that only call each other, the first.
    fn roots(&self) -> Vec<Node> {
        let mut nodes: BTreeSet<Node> = self.calls.keys().copied().collect();
        let called: HashSet<Node> = self.calls.values().flatten().map(|call| call.target).collect();
        let mut roots: Vec<Node> = nodes.iter().copied().filter(|node| !called.contains(node)).collect();
        for root in &roots {
            self.remove_reached(*root, &mut nodes);
        }
        while let Some(first) = nodes.pop_first() {
            roots.push(first);
            self.remove_reached(first, &mut nodes);
        }
        roots
    }

    fn remove_reached(&self, from: Node, nodes: &mut BTreeSet<Node>) {
        nodes.remove(&from);
        let mut stack = vec![from];
        while let Some(node) = stack.pop() {
            stack.extend(self.calls(node).iter().map(|call| call.target).filter(|target| nodes.remove(target)));
        }
    }

    /// The lines of all chains from a root that are too deep; what chains have in common is told once.
    fn chains(&self, root: Node) -> Vec<String> {
        let mut lines = Vec::new();
        let first = Call { growth: 0, target: root };
        let mut steps = vec![Step { call: first, left: self.machine.limit, done: 0, is_told: false }];
        let mut open: HashSet<Node> = HashSet::from([root]);
        while let Some(step) = steps.last_mut() {
            if lines.len() >= MOST_LINES {
                lines.push("and more".to_owned());
                break;
            }
            let (left, target) = (step.left, step.call.target);
            if let Some(call) = self.calls(target).get(step.done).copied() {
                step.done += 1;
                // Only ways that lead too deep are followed: there may be very many others.
                if left - call.growth >= self.heights.get(&call.target).copied().unwrap_or(0) {
                    continue;
                }
                let next = Step { call, left: left - call.growth, done: 0, is_told: false };
                let is_cycle = !matches!(call.target, Node::Leaf) && !open.insert(call.target);
                steps.push(next);
                if is_cycle {
                    self.tell(&mut steps, true, &mut lines);
                    steps.pop();
                }
                continue;
            }
            if self.calls(target).is_empty() && left < 0 {
                self.tell(&mut steps, false, &mut lines);
            }
            open.remove(&target);
            steps.pop();
        }
        lines
    }

    fn tell(&self, steps: &mut [Step], is_cycle: bool, lines: &mut Vec<String>) {
        let last = steps.len() - 1;
        let room = MOST_LINES.saturating_sub(lines.len());
        for (depth, step) in steps.iter_mut().enumerate().filter(|(_, step)| !step.is_told).take(room) {
            step.is_told = true;
            let indent = "    ".repeat(depth);
            lines.push(match (depth, step.call.target) {
                (0, root) => name(self.symbols, root),
                (_, Node::Leaf) => format!("{indent}grows {} bytes", step.call.growth),
                (_, target) => {
                    format!("{indent}grows {} bytes, calls {}", step.call.growth, name(self.symbols, target))
                }
            });
        }
        if steps.iter().any(|step| !step.is_told) {
            lines.push(format!("and more calls: {last} in all"));
        }
        let indent = "    ".repeat(last.min(MOST_LINES));
        let over = steps.last().map_or(0, |step| -step.left);
        lines.push(match is_cycle {
            true => format!("{indent}infinite cycle"),
            false => format!("{indent}{over} bytes over limit"),
        });
    }
}

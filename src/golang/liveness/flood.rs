//! The walk by all workers at once, object by object: what is known of an object's definitions lies together, and most
//! of the time of the walk goes into waiting for memory. A worker visits all that was found of an object and what that
//! leads to in the same one, then hands on what lies in others. An object that is found has to wait for its turn, so
//! that more of it is found until then. What methods wait for is kept by signature, in shards.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use hashbrown::HashSet;
use rayon::ScopeFifo;

use super::signatures::Signatures;
use super::visit::{Definition, Found, Graph, Method, Parts, Room, Walker};
use crate::diag::{Diagnostic, Diagnostics, Result};
use crate::golang::symbols::GoSymbol;
use crate::golang::types::Signature;
use crate::par::lock;

/// How many symbols are looked up at once.
const BATCH: usize = 16;
/// Fewer symbols than this are not worth another worker's turn.
const SHARED: usize = 4 * BATCH;

/// Visits everything that can be reached; the functions that initialise packages, in order.
pub(super) fn walk<'a>(graph: &Graph<'a, '_>, starts: &[GoSymbol]) -> Result<Vec<GoSymbol>> {
    let flood = Flood {
        graph,
        // What no object defines waits in the last one.
        queues: (0..=graph.symbols.objects.len()).map(|_| Mutex::default()).collect(),
        signatures: Signatures::new(),
        names: Mutex::default(),
        reflects: AtomicBool::new(false),
        turns: AtomicUsize::new(0),
        turns_over: Mutex::default(),
        initialisers: Mutex::default(),
        errors: Mutex::default(),
    };
    let mut found: Vec<GoSymbol> = starts.iter().copied().filter(|start| graph.marks.reach(*start).is_some()).collect();
    while !found.is_empty() {
        let mut far: Vec<Found> = found.iter().map(|symbol| graph.find(*symbol, None)).collect();
        rayon::scope_fifo(|scope| flood.hand_on(scope, &mut far));
        found = flood.wake();
    }
    let Flood { initialisers, errors, .. } = flood;
    let mut initialisers = initialisers.into_inner().unwrap_or_else(PoisonError::into_inner);
    initialisers.sort_unstable();
    initialisers.dedup();
    Diagnostics::check(initialisers, errors.into_inner().unwrap_or_else(PoisonError::into_inner))
}

struct Flood<'g, 'a, 'data> {
    graph: &'g Graph<'a, 'data>,
    /// By object: what was found of it since it had its turn.
    queues: Vec<Mutex<Vec<Found>>>,
    signatures: Signatures<'a>,
    /// Names of methods that are called whatever the receiver.
    names: Mutex<HashSet<&'a [u8]>>,
    reflects: AtomicBool,
    /// Turns that no worker has begun with.
    turns: AtomicUsize,
    /// What is left of turns that are over, to be used again.
    turns_over: Mutex<Vec<Turn>>,
    initialisers: Mutex<Vec<GoSymbol>>,
    errors: Mutex<Vec<Diagnostic>>,
}

/// Room for a turn. Workers use it again and again: memory that one of them takes from the system's allocator and another gives back
/// makes the two wait for each other.
#[derive(Default)]
struct Turn {
    /// To be visited.
    round: Vec<Found>,
    /// To be visited next, in the same object and in others.
    near: Vec<Found>,
    far: Vec<Found>,
    /// What a few visits have found.
    found: Vec<(GoSymbol, Option<Definition>)>,
    /// Methods that a visit has found to be called.
    woken: Vec<Parts>,
    visit: Room,
}

impl<'a> Flood<'_, 'a, '_> {
    /// Gives symbols to the objects that define them, and keeps none.
    fn hand_on<'s>(&'s self, scope: &ScopeFifo<'s>, found: &mut Vec<Found>) {
        found.sort_unstable_by_key(Found::rank);
        for of_object in found.chunk_by(|left, right| left.object() == right.object()) {
            let object = of_object[0].object();
            let at = object.map_or(self.queues.len() - 1, |object| object.index());
            let mut queue = lock(&self.queues[at]);
            let is_waiting = !queue.is_empty();
            queue.extend_from_slice(of_object);
            drop(queue);
            if !is_waiting {
                self.spawn(scope, move |flood, round| round.append(&mut *lock(&flood.queues[at])));
            }
        }
        found.clear();
    }

    /// Has a worker take a turn; `fill` puts the symbols to be visited into an empty list.
    fn spawn<'s>(&'s self, scope: &ScopeFifo<'s>, fill: impl FnOnce(&Self, &mut Vec<Found>) + Send + 's) {
        self.turns.fetch_add(1, Ordering::Relaxed);
        scope.spawn_fifo(move |scope| {
            self.turns.fetch_sub(1, Ordering::Relaxed);
            let mut turn = lock(&self.turns_over).pop().unwrap_or_default();
            fill(self, &mut turn.round);
            self.work(scope, &mut turn);
            lock(&self.turns_over).push(turn);
        });
    }

    /// Whether other workers may have nothing to do.
    fn has_idle_workers(&self) -> bool {
        self.turns.load(Ordering::Relaxed) == 0
    }

    /// Visits symbols of one object, and what they lead to in the same one: in rounds, each in the order of the object.
    fn work<'s>(&'s self, scope: &ScopeFifo<'s>, turn: &mut Turn) {
        let Turn { round, near, far, found, woken, visit } = turn;
        let object = round.first().and_then(Found::object);
        let mut worker = Worker { flood: self, found, woken, initialisers: Vec::new() };
        while !round.is_empty() {
            round.sort_unstable_by_key(Found::rank);
            let mut done = 0;
            while done < round.len() {
                if self.has_idle_workers() {
                    self.share(scope, round, done, far);
                }
                let batch = &round[done..round.len().min(done + BATCH)];
                batch.iter().for_each(|found| self.graph.touch_index(found));
                batch.iter().for_each(|found| self.graph.touch_records(found));
                for found in batch {
                    if let Err(error) = self.graph.visit(found, visit, &mut worker) {
                        lock(&self.errors).push(error);
                    }
                }
                done += batch.len();
                for (symbol, home) in worker.found.drain(..) {
                    let found = self.graph.find(symbol, home);
                    if found.object() == object { &mut *near } else { &mut *far }.push(found);
                }
            }
            round.clear();
            std::mem::swap(round, near);
        }
        let initialisers = worker.initialisers;
        self.hand_on(scope, far);
        if !initialisers.is_empty() {
            lock(&self.initialisers).extend(initialisers);
        }
    }

    /// Leaves to others what was found of other objects, or half of what is still to be done in a round.
    fn share<'s>(&'s self, scope: &ScopeFifo<'s>, round: &mut Vec<Found>, done: usize, far: &mut Vec<Found>) {
        if !far.is_empty() {
            self.hand_on(scope, far);
        } else if round.len() - done > SHARED {
            let half = round.split_off(done + (round.len() - done) / 2);
            self.spawn(scope, |_, round| *round = half);
        }
    }

    /// Methods that wait although something that was found in the meantime calls for them; what they reach is next.
    fn wake(&self) -> Vec<GoSymbol> {
        let reflects = self.reflects.load(Ordering::Relaxed);
        let all = self.graph.rules.any_type_is_used;
        let names = &*lock(&self.names);
        if !(reflects || all || !names.is_empty()) {
            return Vec::new();
        }
        let is_called =
            |signature: &Signature<'a>| all || (reflects && signature.is_exported()) || names.contains(signature.name);
        let parts = self.signatures.call_all(is_called).into_iter().flatten();
        parts.filter(|part| !part.is_none() && self.graph.marks.reach(*part).is_some()).collect()
    }
}

struct Worker<'w, 'g, 'a, 'data> {
    flood: &'w Flood<'g, 'a, 'data>,
    found: &'w mut Vec<(GoSymbol, Option<Definition>)>,
    woken: &'w mut Vec<Parts>,
    initialisers: Vec<GoSymbol>,
}

impl<'a> Worker<'_, '_, 'a, '_> {
    fn reach_parts(&mut self, parts: Parts) {
        let marks = self.flood.graph.marks;
        let reached = parts.into_iter().filter(|part| !part.is_none() && marks.reach(*part).is_some());
        self.found.extend(reached.map(|part| (part, None)));
    }
}

impl<'a> Walker<'a> for Worker<'_, '_, 'a, '_> {
    fn push(&mut self, symbol: GoSymbol, _from: GoSymbol, home: Option<Definition>) {
        self.found.push((symbol, home));
    }

    fn push_leaf(&mut self, _symbol: GoSymbol, _from: GoSymbol) {}

    fn interface_method(&mut self, signature: Signature<'a>) {
        self.flood.signatures.call(signature, self.woken);
        while let Some(parts) = self.woken.pop() {
            self.reach_parts(parts);
        }
    }

    fn named_method(&mut self, name: &'a [u8]) {
        lock(&self.flood.names).insert(name);
    }

    fn method(&mut self, method: Method<'a>) {
        if !self.flood.signatures.wait(method.signature, method.parts) {
            self.reach_parts(method.parts);
        }
    }

    fn reflection(&mut self) {
        self.flood.reflects.store(true, Ordering::Relaxed);
    }

    fn initialiser(&mut self, symbol: GoSymbol) {
        self.initialisers.push(symbol);
    }
}

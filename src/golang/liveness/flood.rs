//! The walk by all workers at once, object by object: what is known of an object's definitions lies together, and most
//! of the time of the walk goes into waiting for memory. A worker visits all that was found of an object and what that
//! leads to in the same one, then hands on what lies in others. An object that is found has to wait for its turn, so
//! that more of it is found until then. What methods wait for is kept by signature, in shards.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hashbrown::{DefaultHashBuilder, HashMap, HashSet};
use rayon::ScopeFifo;
use rayon::prelude::*;

use super::visit::{Definition, Found, Graph, Method, Walker};
use crate::diag::{Diagnostic, Diagnostics, Result};
use crate::golang::symbols::GoSymbol;
use crate::golang::types::Signature;

/// More symbols than this are shared with other workers.
const SHARED: usize = 1 << 12;
/// How many symbols are looked up at once.
const BATCH: usize = 16;
const SHARDS: usize = 64;

/// Visits everything that can be reached; the functions that initialise packages, in order.
pub(super) fn walk<'a>(graph: &Graph<'a, '_>, starts: &[GoSymbol]) -> Result<Vec<GoSymbol>> {
    let flood = Flood {
        graph,
        // What no object defines waits in the last one.
        queues: (0..=graph.symbols.objects.len()).map(|_| Mutex::default()).collect(),
        signatures: Signatures::new(),
        names: Mutex::default(),
        reflects: AtomicBool::new(false),
        initialisers: Mutex::default(),
        errors: Mutex::default(),
    };
    let mut found: Vec<GoSymbol> = starts.iter().copied().filter(|start| graph.marks.reach(*start).is_some()).collect();
    while !found.is_empty() {
        let mut far: Vec<Found> = found.iter().map(|symbol| graph.find(*symbol, None)).collect();
        rayon::scope_fifo(|scope| flood.hand_on(scope, &mut far));
        found = flood.wake();
    }
    let Flood { queues, signatures, initialisers, errors, .. } = flood;
    // There are many, each with memory of its own.
    rayon::join(|| signatures.shards.into_par_iter().for_each(drop), || queues.into_par_iter().for_each(drop));
    let mut initialisers = initialisers.into_inner().unwrap_or_else(PoisonError::into_inner);
    initialisers.sort_unstable();
    initialisers.dedup();
    Diagnostics::check(initialisers, errors.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// A lock's content. Nobody leaves one in a state that cannot be gone on from.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Flood<'g, 'a, 'data> {
    graph: &'g Graph<'a, 'data>,
    /// By object: what was found of it since it had its turn.
    queues: Vec<Mutex<Vec<Found>>>,
    signatures: Signatures<'a>,
    /// Names of methods that are called whatever the receiver.
    names: Mutex<HashSet<&'a [u8]>>,
    reflects: AtomicBool,
    initialisers: Mutex<Vec<GoSymbol>>,
    errors: Mutex<Vec<Diagnostic>>,
}

/// What is known of a signature.
#[derive(Default)]
struct Known<'a> {
    is_called: bool,
    /// Methods that live once it is called.
    waiting: Vec<Method<'a>>,
}

/// A part of what is known.
type Shard<'a> = Mutex<HashMap<Signature<'a>, Known<'a>>>;

struct Signatures<'a> {
    hasher: DefaultHashBuilder,
    shards: [Shard<'a>; SHARDS],
}

impl<'a> Signatures<'a> {
    fn new() -> Self {
        Signatures { hasher: DefaultHashBuilder::default(), shards: std::array::from_fn(|_| Mutex::default()) }
    }

    fn shard(&self, signature: &Signature<'a>) -> MutexGuard<'_, HashMap<Signature<'a>, Known<'a>>> {
        lock(&self.shards[self.hasher.hash_one(signature) as usize % SHARDS])
    }
}

impl<'a> Flood<'_, 'a, '_> {
    /// Gives symbols to the objects that define them.
    fn hand_on<'s>(&'s self, scope: &ScopeFifo<'s>, found: &mut [Found]) {
        found.sort_unstable_by_key(Found::rank);
        for of_object in found.chunk_by(|left, right| left.object() == right.object()) {
            let object = of_object[0].object();
            let at = object.map_or(self.queues.len() - 1, |object| object.index());
            let mut queue = lock(&self.queues[at]);
            let is_waiting = !queue.is_empty();
            queue.extend_from_slice(of_object);
            drop(queue);
            if !is_waiting {
                scope.spawn_fifo(move |scope| {
                    let stack = std::mem::take(&mut *lock(&self.queues[at]));
                    self.work(scope, stack);
                });
            }
        }
    }

    /// Visits symbols of one object, and what they lead to in the same one: in rounds, each in the order of the object.
    fn work<'s>(&'s self, scope: &ScopeFifo<'s>, mut round: Vec<Found>) {
        let object = round.first().and_then(Found::object);
        let mut worker = Worker { flood: self, found: Vec::new(), initialisers: Vec::new() };
        let (mut near, mut far, mut edges) = (Vec::new(), Vec::new(), Vec::new());
        while !round.is_empty() {
            if round.len() > SHARED {
                let half = round.split_off(round.len() / 2);
                scope.spawn_fifo(move |scope| self.work(scope, half));
            }
            round.sort_unstable_by_key(Found::rank);
            for batch in round.chunks(BATCH) {
                batch.iter().for_each(|found| self.graph.touch_index(found));
                batch.iter().for_each(|found| self.graph.touch_records(found));
                for found in batch {
                    if let Err(error) = self.graph.visit(found, &mut edges, &mut worker) {
                        lock(&self.errors).push(error);
                    }
                }
                for (symbol, home) in worker.found.drain(..) {
                    let found = self.graph.find(symbol, home);
                    if found.object() == object { &mut near } else { &mut far }.push(found);
                }
            }
            round.clear();
            std::mem::swap(&mut round, &mut near);
        }
        self.hand_on(scope, &mut far);
        if !worker.initialisers.is_empty() {
            lock(&self.initialisers).append(&mut worker.initialisers);
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
        let wake = |shard: &Shard<'a>| {
            let mut found = Vec::new();
            for (signature, known) in lock(shard).iter_mut() {
                let is_called = all || (reflects && signature.is_exported()) || names.contains(signature.name);
                if is_called && !known.waiting.is_empty() {
                    found.extend(known.waiting.drain(..).flat_map(|method| method.parts));
                }
                known.is_called |= is_called;
            }
            found.retain(|part| !part.is_none() && self.graph.marks.reach(*part).is_some());
            found
        };
        self.signatures.shards.par_iter().flat_map_iter(wake).collect()
    }
}

struct Worker<'w, 'g, 'a, 'data> {
    flood: &'w Flood<'g, 'a, 'data>,
    found: Vec<(GoSymbol, Option<Definition>)>,
    initialisers: Vec<GoSymbol>,
}

impl<'a> Worker<'_, '_, 'a, '_> {
    fn reach_parts(&mut self, parts: [GoSymbol; 3]) {
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
        let mut shard = self.flood.signatures.shard(&signature);
        let known = shard.entry(signature).or_default();
        if !known.is_called {
            known.is_called = true;
            let woken = std::mem::take(&mut known.waiting);
            drop(shard);
            woken.into_iter().for_each(|method| self.reach_parts(method.parts));
        }
    }

    fn named_method(&mut self, name: &'a [u8]) {
        lock(&self.flood.names).insert(name);
    }

    fn method(&mut self, method: Method<'a>) {
        let mut shard = self.flood.signatures.shard(&method.signature);
        let known = shard.entry(method.signature).or_default();
        if !known.is_called {
            return known.waiting.push(method);
        }
        drop(shard);
        self.reach_parts(method.parts);
    }

    fn reflection(&mut self) {
        self.flood.reflects.store(true, Ordering::Relaxed);
    }

    fn initialiser(&mut self, symbol: GoSymbol) {
        self.initialisers.push(symbol);
    }
}

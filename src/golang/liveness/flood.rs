//! The walk by all workers at once. A worker visits from a stack of its own and gives half of it away when it grows, so
//! that nobody waits; what methods wait for is kept by signature, in shards.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hashbrown::{DefaultHashBuilder, HashMap, HashSet};

use super::visit::{Graph, Method, Walker};
use crate::diag::{Diagnostic, Diagnostics, Result};
use crate::golang::symbols::GoSymbol;
use crate::golang::types::Signature;

/// A stack this high is shared with other workers.
const SHARED_HEIGHT: usize = 256;
/// How many symbols are looked up at once.
const BATCH: usize = 16;
const SHARDS: usize = 64;

/// Visits everything that can be reached; the functions that initialise packages, in order.
pub(super) fn walk<'a>(graph: &Graph<'a, '_>, starts: &[GoSymbol]) -> Result<Vec<GoSymbol>> {
    let flood = Flood {
        graph,
        signatures: Signatures::new(),
        names: Mutex::default(),
        reflects: AtomicBool::new(false),
        initialisers: Mutex::default(),
        errors: Mutex::default(),
    };
    let mut stack: Vec<GoSymbol> = starts.iter().copied().filter(|start| graph.marks.reach(*start).is_some()).collect();
    while !stack.is_empty() {
        rayon::scope(|scope| flood.work(scope, std::mem::take(&mut stack)));
        stack = flood.wake();
    }
    let mut initialisers = flood.initialisers.into_inner().unwrap_or_else(PoisonError::into_inner);
    initialisers.sort_unstable();
    initialisers.dedup();
    Diagnostics::check(initialisers, flood.errors.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// A lock's content. Nobody leaves one in a state that cannot be gone on from.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Flood<'g, 'a, 'data> {
    graph: &'g Graph<'a, 'data>,
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

struct Signatures<'a> {
    hasher: DefaultHashBuilder,
    shards: [Mutex<HashMap<Signature<'a>, Known<'a>>>; SHARDS],
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
    fn work<'s>(&'s self, scope: &rayon::Scope<'s>, stack: Vec<GoSymbol>) {
        let mut worker = Worker { flood: self, stack, initialisers: Vec::new() };
        let (mut batch, mut edges) = (Vec::with_capacity(BATCH), Vec::new());
        while !worker.stack.is_empty() {
            let next = worker.stack.len().saturating_sub(BATCH)..;
            batch.clear();
            batch.extend(worker.stack.drain(next).map(|symbol| self.graph.find(symbol)));
            batch.iter().for_each(|found| self.graph.touch_index(found));
            batch.iter().for_each(|found| self.graph.touch_records(found));
            for found in &batch {
                if let Err(error) = self.graph.visit(found, &mut edges, &mut worker) {
                    lock(&self.errors).push(error);
                }
            }
            if worker.stack.len() >= SHARED_HEIGHT {
                // The lower half: what was found first tends to lead furthest.
                let upper = worker.stack.split_off(SHARED_HEIGHT / 2);
                let lower = std::mem::replace(&mut worker.stack, upper);
                scope.spawn(move |scope| self.work(scope, lower));
            }
        }
        if !worker.initialisers.is_empty() {
            lock(&self.initialisers).append(&mut worker.initialisers);
        }
    }

    /// Methods that wait although something that was found in the meantime calls for them; what they reach is next.
    fn wake(&self) -> Vec<GoSymbol> {
        let reflects = self.reflects.load(Ordering::Relaxed);
        let all = self.graph.rules.any_type_is_used;
        let names = lock(&self.names);
        let mut found = Vec::new();
        if !(reflects || all || !names.is_empty()) {
            return found;
        }
        for shard in &self.signatures.shards {
            for (signature, known) in lock(shard).iter_mut() {
                let is_called = all || (reflects && signature.is_exported()) || names.contains(signature.name);
                if is_called && !known.waiting.is_empty() {
                    found.extend(known.waiting.drain(..).flat_map(|method| method.parts));
                }
                known.is_called |= is_called;
            }
        }
        found.retain(|part| !part.is_none() && self.graph.marks.reach(*part).is_some());
        found
    }
}

struct Worker<'w, 'g, 'a, 'data> {
    flood: &'w Flood<'g, 'a, 'data>,
    stack: Vec<GoSymbol>,
    initialisers: Vec<GoSymbol>,
}

impl<'a> Worker<'_, '_, 'a, '_> {
    fn reach_parts(&mut self, parts: [GoSymbol; 3]) {
        let marks = self.flood.graph.marks;
        self.stack.extend(parts.into_iter().filter(|part| !part.is_none() && marks.reach(*part).is_some()));
    }
}

impl<'a> Walker<'a> for Worker<'_, '_, 'a, '_> {
    fn push(&mut self, symbol: GoSymbol, _from: GoSymbol) {
        self.stack.push(symbol);
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

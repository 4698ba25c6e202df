//! Methods that nobody has called yet, by what interfaces know of them: name and type.
//!
//! Many workers add to this at the same time, and most methods are never called. So what is known is split into parts, and the methods
//! of a part wait in one list: memory of their own for each signature would have to be taken from the system's allocator, where
//! workers wait for each other, and be given back.

use std::hash::BuildHasher;
use std::sync::Mutex;

use hashbrown::{DefaultHashBuilder, HashMap};
use rayon::prelude::*;

use super::visit::Parts;
use crate::golang::types::Signature;
use crate::par::lock;

const SHARDS: usize = 64;

/// What is known of all signatures.
pub(super) struct Signatures<'a> {
    hasher: DefaultHashBuilder,
    shards: [Mutex<Shard<'a>>; SHARDS],
}

/// A part of them.
#[derive(Default)]
struct Shard<'a> {
    known: HashMap<Signature<'a>, Known>,
    /// Methods that wait; those that have been called are still there, but in no chain.
    waiting: Vec<Waiting>,
}

/// What is known of a signature.
#[derive(Default)]
struct Known {
    is_called: bool,
    /// The method that waits since last.
    last: Link,
}

/// A method that waits, and the one before it with the same signature.
struct Waiting {
    parts: Parts,
    before: Link,
}

/// One more than a position in the list; 0 is the end of a chain.
type Link = u32;

impl<'a> Signatures<'a> {
    pub fn new() -> Self {
        Signatures { hasher: DefaultHashBuilder::default(), shards: std::array::from_fn(|_| Mutex::default()) }
    }

    fn shard(&self, signature: &Signature<'a>) -> &Mutex<Shard<'a>> {
        &self.shards[self.hasher.hash_one(signature) as usize % SHARDS]
    }

    /// Notes that methods of a signature are called. Those that waited for it are added to `woken`.
    pub fn call(&self, signature: Signature<'a>, woken: &mut Vec<Parts>) {
        let mut shard = lock(self.shard(&signature));
        let Shard { known, waiting } = &mut *shard;
        known.entry(signature).or_default().call(waiting, woken);
    }

    /// Has a method wait, and says so, unless its signature is called.
    pub fn wait(&self, signature: Signature<'a>, parts: Parts) -> bool {
        let mut shard = lock(self.shard(&signature));
        let Shard { known, waiting } = &mut *shard;
        let known = known.entry(signature).or_default();
        if !known.is_called {
            waiting.push(Waiting { parts, before: known.last });
            known.last = waiting.len() as Link;
        }
        !known.is_called
    }

    /// Notes which signatures are called besides; the methods that waited for these.
    pub fn call_all(&self, is_called: impl Fn(&Signature<'a>) -> bool + Sync) -> Vec<Parts> {
        let of_shard = |shard: &Mutex<Shard<'a>>| {
            let Shard { known, waiting } = &mut *lock(shard);
            let mut woken = Vec::new();
            for (_, known) in known.iter_mut().filter(|(signature, _)| is_called(signature)) {
                known.call(waiting, &mut woken);
            }
            woken
        };
        self.shards.par_iter().flat_map_iter(of_shard).collect()
    }
}

impl Known {
    fn call(&mut self, waiting: &[Waiting], woken: &mut Vec<Parts>) {
        self.is_called = true;
        let mut next = std::mem::take(&mut self.last);
        while let Some(method) = next.checked_sub(1).and_then(|at| waiting.get(at as usize)) {
            woken.push(method.parts);
            next = method.before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golang::symbols::GoSymbol;

    #[test]
    fn methods_wait_until_their_signature_is_called() {
        let signature = |name: &'static str| Signature { name: name.as_bytes(), kind: GoSymbol(7) };
        let parts = |first: u32| [first, first + 1, first + 2].map(GoSymbol);
        let signatures = Signatures::new();
        let mut woken = Vec::new();
        assert!(signatures.wait(signature("Read"), parts(10)) && signatures.wait(signature("Write"), parts(20)));
        assert!(signatures.wait(signature("Read"), parts(30)) && signatures.wait(signature("close"), parts(40)));
        signatures.call(signature("Read"), &mut woken);
        assert_eq!(woken, [parts(30), parts(10)]);
        assert!(!signatures.wait(signature("Read"), parts(50)));
        signatures.call(signature("Read"), &mut woken);
        signatures.call(signature("Close"), &mut woken);
        assert_eq!(woken.len(), 2);
        assert_eq!(signatures.call_all(|signature| signature.name[0].is_ascii_uppercase()), [parts(20)]);
        assert!(!signatures.wait(signature("Write"), parts(60)) && signatures.wait(signature("close"), parts(70)));
        assert_eq!(signatures.call_all(|_| true), [parts(70), parts(40)]);
    }
}

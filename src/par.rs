//! Who works at a link, and shapes of parallel work that several stages share.

use std::cmp::Reverse;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use crate::diag::Diagnostic;

/// Does work with so many threads, or as many as the machine has.
///
/// The calling thread is one of them. Else it would only wait for the others, and each parallel step would start with a thread
/// that has to be woken first, on a processor that others may be using.
pub fn with_threads<R: Send>(threads: Option<usize>, work: impl FnOnce() -> R + Send) -> Result<R, Diagnostic> {
    let builder = || rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or_default());
    // A thread that works in a pool once does so for good, and can work in no other.
    let pool = builder().use_current_thread().build().or_else(|_| builder().build());
    let pool = pool.map_err(|error| {
        let count = threads.map_or_else(String::new, |threads| format!("{threads} "));
        Diagnostic::error("threads", format!("cannot start {count}threads: {error}"))
    })?;
    Ok(pool.install(work))
}

/// A lock's content. Nobody leaves one in a state that cannot be gone on from: after a panic, a link does nothing but end.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does work for each of a few items of very different size, and returns the results in the order of the items. `room` makes what a
/// worker uses for one item after the other.
///
/// The largest is begun with, and who is done takes the next one: else all would wait in the end for who has a few large ones left.
pub fn largest_first<T: Sync, W, R: Send>(
    items: &[T],
    size: impl Fn(&T) -> usize,
    room: impl Fn() -> W + Send + Sync,
    work: impl Fn(&mut W, &T) -> R + Send + Sync,
) -> Vec<R> {
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by_key(|&index| Reverse(size(&items[index])));
    let done = order.into_iter().par_bridge().map_init(room, |room, index| (index, work(room, &items[index])));
    let mut done: Vec<(usize, R)> = done.collect();
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Splits a column into the parts of consecutive owners: part `i` has `lengths[i]` elements. What is left over is not
/// handed out.
pub fn split_by_lengths<T>(mut column: &mut [T], lengths: impl IntoIterator<Item = usize>) -> Vec<&mut [T]> {
    let mut parts = Vec::new();
    for length in lengths {
        let (part, rest) = column.split_at_mut(length);
        parts.push(part);
        column = rest;
    }
    parts
}

#[cfg(test)]
mod tests {
    #[test]
    fn works_with_as_many_threads_as_asked_for() {
        // A thread of its own: one that was in a pool before is not the same case.
        let works = || {
            let here = std::thread::current().id();
            let work = || (rayon::current_num_threads(), std::thread::current().id() == here);
            [Some(1), Some(3), Some(2), None].map(|threads| super::with_threads(threads, work).expect("threads"))
        };
        let seen = std::thread::spawn(works).join().expect("no panic");
        assert_eq!(seen[..3], [(1, true), (3, false), (2, false)]);
        assert_eq!(seen[3], (rayon::current_num_threads(), false));
    }

    #[test]
    fn begins_with_the_largest_and_keeps_the_order() {
        let begun = std::sync::Mutex::new(Vec::new());
        let work = |room: &mut usize, item: &usize| {
            begun.lock().expect("no panic").push(*item);
            *room += 1;
            item * 10
        };
        let all = || super::largest_first(&[3, 9, 1, 7], |item| *item, || 0, work);
        // A thread of its own, as above.
        let alone = std::thread::scope(|scope| scope.spawn(|| super::with_threads(Some(1), all)).join());
        assert_eq!(alone.expect("no panic").expect("a thread"), [30, 90, 10, 70]);
        assert_eq!(*begun.lock().expect("no panic"), [9, 7, 3, 1]);
        assert_eq!(all(), [30, 90, 10, 70]);
    }

    #[test]
    fn hands_out_disjoint_parts_in_order() {
        let mut column = [1, 2, 3, 4, 5, 6];
        let parts = super::split_by_lengths(&mut column, [2, 0, 3]);
        assert_eq!(parts, [&[1, 2][..], &[], &[3, 4, 5]]);
    }
}

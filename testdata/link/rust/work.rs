//! The Rust half of the case: exercises what the standard library needs of a linker.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};

static DROPPED: AtomicU32 = AtomicU32::new(0);

thread_local! {
    static SUM: Cell<u64> = const { Cell::new(0) };
}

struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::SeqCst);
    }
}

#[inline(never)]
fn inner_that_panics(at: usize) -> u8 {
    let _guard = Guard;
    let bytes = std::hint::black_box(vec![1u8, 2, 3]);
    bytes[at]
}

/// Does all the work; answers 42 when everything came out right.
#[unsafe(no_mangle)]
pub extern "C" fn work() -> i32 {
    let threads: Vec<_> = (0..4u64)
        .map(|t| {
            std::thread::spawn(move || {
                for n in (0..100u64).filter(|n| n % 4 == t) {
                    SUM.with(|s| s.set(s.get() + n));
                }
                SUM.with(Cell::get)
            })
        })
        .collect();
    let count = threads.len();
    let sum: u64 = threads.into_iter().map(|t| t.join().unwrap()).sum();
    println!("sum {sum} over {count} threads");
    let result = std::panic::catch_unwind(|| inner_that_panics(7));
    match result {
        Ok(_) => return 1,
        Err(payload) => println!("caught: {}", payload.downcast_ref::<String>().map_or("?", |s| s.as_str())),
    }
    println!("dropped {} while unwinding", DROPPED.load(Ordering::SeqCst));
    42
}

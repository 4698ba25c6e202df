//! Threads with values of their own, a panic that is caught and cleans up, and a line of output.

use std::cell::Cell;
use std::panic;
use std::sync::mpsc;
use std::thread;

thread_local! {
    static OWN: Cell<usize> = const { Cell::new(1) };
}

struct Dropped(mpsc::Sender<&'static str>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.send("dropped").expect("somebody listens");
    }
}

fn main() {
    let sums = (1..5).map(|number| {
        thread::spawn(move || {
            OWN.set(OWN.get() + number);
            OWN.get()
        })
    });
    let sums: Vec<usize> = sums.collect::<Vec<_>>().into_iter().map(|thread| thread.join().expect("a sum")).collect();
    let (sender, receiver) = mpsc::channel();
    panic::set_hook(Box::new(|_| {}));
    let caught = panic::catch_unwind(|| {
        let _dropped = Dropped(sender);
        sums[sums.len()]
    });
    let heard: Vec<&str> = receiver.iter().collect();
    println!("{sums:?} {} {heard:?} {}", caught.is_err(), OWN.get());
}

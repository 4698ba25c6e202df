//! The process: argv in, exit status out.
fn main() {}

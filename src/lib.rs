//! cgolink: a linker for programs that mix Go with C, C++ and Rust.

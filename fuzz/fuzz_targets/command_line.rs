//! Any words as the command line of a compiler and of GNU ld.
#![no_main]

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use cgolink::args::{cc, ld};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let words: Vec<OsString> = data.split(|b| *b == 0 || *b == b'\n').map(|w| OsString::from_vec(w.to_vec())).collect();
    // Files that a word names are not the fuzzer's to read.
    if words.iter().any(|w| w.to_string_lossy().contains('@')) {
        return;
    }
    let _ = cc::parse(words.clone());
    let _ = ld::parse(words);
});

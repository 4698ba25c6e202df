//! Any bytes as a response file, in Go's form and in GNU's, with files inside files.
#![no_main]

use std::ffi::OsString;

use cgolink::args::rspfile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = rspfile::split(data);
    let _ = rspfile::expand_with(vec![OsString::from("@fuzzed")], &mut |_| Ok(data.to_vec()));
});

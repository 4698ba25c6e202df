//! Broken inputs, drawn from a fixed seed, and what is asked of a link that meets one.

use std::path::Path;
use std::process::Command;

/// What stands at the output path before every link.
pub const PREVIOUS: &[u8] = b"the output of the link before";

/// A small generator of pseudo-random numbers (xorshift64*), the same everywhere.
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`, or 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// Numbers that readers get wrong: nothing, the edges of widths, sizes close to the file's own.
pub fn interesting(random: &mut Random, length: usize) -> u64 {
    let choices = [
        0,
        1,
        u64::MAX,
        u64::from(u32::MAX),
        i64::MAX as u64,
        i32::MAX as u64,
        0x8000_0000,
        1 << 40,
        length as u64,
        length as u64 - 1,
        length as u64 + 1,
        random.next() % (2 * length as u64),
        0xffff,
        0xff00,
        random.next(),
    ];
    choices[random.below(choices.len())]
}

/// Overwrites up to `width` bytes with a number.
pub fn put(bytes: &mut [u8], at: usize, value: u64, width: usize) {
    let end = (at + width).min(bytes.len());
    if at < end {
        bytes[at..end].copy_from_slice(&value.to_le_bytes()[..end - at]);
    }
}

/// cgolink under limits that keep a broken one from taking the machine along; arguments follow.
pub fn limited() -> Command {
    let mut command = super::command("/bin/sh");
    let limits = "ulimit -v 16777216; ulimit -f 2097152; ulimit -c 0; exec \"$@\"";
    command.args(["-c", limits, "sh", super::cgolink()]);
    command
}

/// What is wrong with how a link of a mutant ended.
pub fn judge(finished: &super::Finished, output: &Path) -> Option<&'static str> {
    if finished.timed_out {
        return Some("it hangs");
    }
    if finished.signal.is_some() {
        return Some("it died of a signal");
    }
    if finished.stderr.contains("panicked at") || finished.stderr.contains("this is a bug") {
        return Some("it panicked");
    }
    match finished.code {
        Some(0) => None,
        Some(1) if finished.stderr.trim().is_empty() => Some("it refused without a word"),
        Some(1) if std::fs::read(output).ok().as_deref() != Some(PREVIOUS) => {
            Some("it refused and did not leave the output as it was")
        }
        Some(1) => None,
        _ => Some("the exit status is neither 0 nor 1"),
    }
}

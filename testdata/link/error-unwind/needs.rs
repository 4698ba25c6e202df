//! A library that needs an unwinder.

/// Catches a panic.
#[unsafe(no_mangle)]
pub extern "C" fn needs() -> i32 {
    std::panic::catch_unwind(|| panic!("x")).map_or(42, |()| 1)
}

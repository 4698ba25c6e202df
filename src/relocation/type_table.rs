//! The shape of a psABI's table of relocation types: each line gives a constant and, for errors, its name.

/// Declares each type as a `u32` constant, and `name`, which maps a number back.
macro_rules! type_table {
    ($($name:ident = $value:literal),* $(,)?) => {
        $(pub(super) const $name: u32 = $value;)*

        /// The psABI's name of a type.
        pub(super) fn name(kind: u32) -> Option<&'static str> {
            match kind {
                $($value => Some(stringify!($name)),)*
                _ => None,
            }
        }
    };
}

pub(super) use type_table;

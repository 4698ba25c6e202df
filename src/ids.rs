//! Typed ids. Every table of the link is a column indexed by one of these, so that a file, a symbol and an atom can
//! never be mixed up, and a reference costs four bytes.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub u32);

        impl $name {
            /// The position in a column.
            #[inline]
            pub const fn index(self) -> usize {
                self.0 as usize
            }

            /// The id of a position in a column. The loader refuses links with more than `u32::MAX` of anything.
            #[inline]
            pub const fn new(index: usize) -> Self {
                debug_assert!(index <= u32::MAX as usize);
                Self(index as u32)
            }
        }
    };
}

id! {
    /// One loaded input: an object file, or a member of an archive that the link took. In command-line order.
    FileId
}
id! {
    /// One symbol table entry of one file: the file's base plus the entry's index. Locals and globals share the space;
    /// `symbols::Resolution` maps each to the entry that defines it.
    SymbolId
}
id! {
    /// The unit of liveness, layout and relocation: an input section of a file (the file's base plus the section index)
    /// or, past all of those, a table that the linker makes.
    AtomId
}
id! {
    /// One output section, in the order of the section plan.
    OutputSectionId
}

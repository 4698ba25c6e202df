//! Numbers of symbols, objects and packages, and which of the symbols of one name is meant.

/// A symbol of a Go link; [`GoSymbol::NONE`] is none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct GoSymbol(pub u32);

/// The bit that descriptions have. There are at most as many symbols as leave it free.
const DESCRIPTION: u32 = 1 << 31;

impl GoSymbol {
    /// No symbol.
    pub const NONE: Self = GoSymbol(0);

    /// The position in a column.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// Whether it is no symbol.
    #[inline]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The number that stands for a description: what is unnamed in its object and describes code to debuggers or to the table of
    /// functions. There are as many of these as of all others, but no columns for them: see [`Symbols`](super::Symbols).
    pub(in crate::golang) const fn of_description(number: u32) -> Self {
        GoSymbol(number | DESCRIPTION)
    }

    /// Which of the descriptions it is, if it is one.
    #[inline]
    pub const fn description(self) -> Option<u32> {
        if self.0 & DESCRIPTION == 0 { None } else { Some(self.0 & !DESCRIPTION) }
    }

    /// The symbol, if it is one.
    pub fn some(self) -> Option<Self> {
        (self.0 != 0).then_some(self)
    }
}

/// An object of the link, in the order of loading; every member of a package archive has one, as it is a compilation unit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ObjectId(pub u32);

impl ObjectId {
    /// The position in a column.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A package of the link, in the order of loading: `main` is the first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PackageId(pub u32);

impl PackageId {
    /// The position in a column.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Which of the symbols of one name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Version {
    /// The stable calling convention; all data.
    Abi0 = 0,
    /// Go's own calling convention.
    AbiInternal = 1,
    /// Known to its object only.
    Static = 2,
}

impl Version {
    /// The version of an object's ABI number.
    pub const fn of_abi(abi: u16) -> Self {
        match abi {
            0 => Version::Abi0,
            1 => Version::AbiInternal,
            _ => Version::Static,
        }
    }
}

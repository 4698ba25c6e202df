//! Symbols that nothing defines, the places that need them, and what the link knows beside.

use std::borrow::Cow;

use super::cgo::Packages;
use super::spelling::Known;
use crate::diag::Origin;
use crate::inputs::archive::Archive;
use crate::target::Target;

/// A symbol that is referred to and not defined.
#[derive(Clone, Debug)]
pub struct Undefined<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Whether a reference is strong; a weak one is zero without a definition, and nothing is reported.
    pub is_strong: bool,
    /// The places, in the order of the link. May be empty: the command line (`-u`, `--entry`) needs names too.
    pub references: Vec<Reference<'a>>,
}

/// One place that refers to a symbol.
#[derive(Clone, Default, Debug)]
pub struct Reference<'a> {
    /// Where.
    pub origin: Origin,
    /// The function around it, if its symbol is known.
    pub function: Option<&'a [u8]>,
}

/// What the link knows beside: evidence for the hints.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// What is linked for.
    pub target: Target,
    /// Every definition seen, and those that the archives' indexes offer.
    pub known: &'a [Known<'a>],
    /// The files that [`Known::file`] indexes.
    pub files: &'a [Origin],
    /// The Go packages of the program.
    pub packages: &'a Packages,
    /// What the `-l` options named: `z` of `-lz`.
    pub libraries: &'a [String],
    /// Archives that were found and not used.
    pub skipped: &'a [Skipped<'a>],
}

impl Context<'_> {
    /// How messages call a file of [`Known::file`].
    pub fn place(&self, file: usize) -> Cow<'static, str> {
        self.files.get(file).map_or(Cow::Borrowed("another input"), |origin| Cow::Owned(origin.to_string()))
    }

    /// The Go package of a reference: the loader's word, else what cgo's names tell.
    pub fn package(&self, symbol: &[u8], reference: &Reference<'_>) -> Option<String> {
        let told = reference.function.and_then(|function| self.packages.of_symbol(function));
        let package = reference.origin.package.as_deref().or(told).or_else(|| self.packages.of_symbol(symbol));
        package.map(str::to_owned)
    }
}

/// An archive that was not used: of another architecture or format.
#[derive(Clone, Debug)]
pub struct Skipped<'a> {
    /// Which.
    pub origin: Origin,
    /// The reason, as in the message of [`crate::inputs::refuse`].
    pub why: String,
    /// Its contents, for its index.
    pub archive: Option<Archive<'a>>,
}

//! What a link may turn out to need beside its inputs. Only after all archives were searched is it known that something is
//! missing, and only a door knows where it is to be found: the engine knows no toolchain.

use super::cpp_library::CppLibrary;
use crate::args::request::Input;
use crate::diag::Result;

/// Finds what a link needs besides.
pub trait Supply: Sync {
    /// The archives of a C++ library, and what they need in turn; none if there is no such library.
    fn cpp_library(&self, wanted: CppLibrary) -> Result<Vec<Input>>;
}

/// Adds nothing: the inputs are what was typed.
pub struct NoSupply;

impl Supply for NoSupply {
    fn cpp_library(&self, _: CppLibrary) -> Result<Vec<Input>> {
        Ok(Vec::new())
    }
}

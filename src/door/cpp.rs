//! The C++ library that nobody named. Go calls the linker that `-extld` names even for packages with C++ sources, which it
//! would link with `$CXX` else, and a C driver adds no C++ library.

use crate::args::cc::CcCommand;
use crate::args::request::{Input, InputName};
use crate::diag::Result;
use crate::external::toolchain::{CLibrary, ToolchainQuery};
use crate::inputs::elf::{self, Object, Place};
use crate::inputs::kind::{ElfKind, ElfRole, FileKind};
use crate::inputs::store::Store;
use crate::symbols::cpp_library::CppLibrary;
use crate::symbols::supply::Supply;

use super::assemble;

/// What the toolchain has, asked for when the engine finds that it is needed.
pub(super) struct FromToolchain<'a> {
    /// Finds the C library.
    pub find: fn(&ToolchainQuery) -> Result<CLibrary>,
    /// The question that the link's C library answered; `None` if it has none.
    pub query: Option<&'a ToolchainQuery>,
}

impl Supply for FromToolchain<'_> {
    fn cpp_library(&self, wanted: CppLibrary) -> Result<Vec<Input>> {
        let Some(query) = self.query else { return Ok(Vec::new()) };
        let library = (self.find)(&ToolchainQuery { cxx: true, ..query.clone() })?;
        let inputs = assemble::cpp_library(&library, wanted);
        let needs = format!("objects need {}, and the command line names none", wanted.title());
        match inputs.first() {
            Some(Input { what: InputName::File(path), .. }) => tracing::info!("{needs}: {} is added", path.display()),
            _ => tracing::info!("{needs}; nor has {}", library.provenance.sentence),
        }
        Ok(inputs)
    }
}

/// The C++ library that objects on the line need and a compiler will not add by itself. Archives are not looked into: the
/// driver that Go would have called would not do so either.
pub(super) fn missing(command: &CcCommand) -> Option<CppLibrary> {
    let request = &command.link.request;
    if command.driver.cxx || !command.driver.cxx_library || CppLibrary::is_among(&request.inputs) {
        return None;
    }
    let store = Store::default();
    let of_input = |input: &Input| match &input.what {
        InputName::File(path) => {
            let data = store.map(path).ok().filter(|data| is_object(data))?;
            needed_by(&elf::parse(path, None, data).ok()?)
        }
        InputName::Library(_) | InputName::CppLibrary => None,
    };
    request.inputs.iter().filter_map(of_input).min()
}

fn is_object(data: &[u8]) -> bool {
    let FileKind::Elf(kind) = FileKind::of(data) else { return false };
    matches!(kind, ElfKind { is_64: true, little_endian: true, role: ElfRole::Relocatable, .. })
}

/// The C++ library that an object's undefined names ask for.
fn needed_by(object: &Object<'_>) -> Option<CppLibrary> {
    let undefined =
        (object.first_global..object.symbols.len()).filter(|&index| object.place(index) == Place::Undefined);
    CppLibrary::wanted(undefined.filter_map(|index| object.name(&object.symbols[index]).ok()))
}

//! `cgolink doctor`: the C library that a static link would take for each target, and where it was found.

use std::fmt::Write;

use crate::args::quoted;
use crate::external::toolchain::{CLibrary, CompilerCommand, StaticKind, ToolchainQuery};
use crate::target::{Architecture, Libc, Target};

use super::Session;
use super::report::print;

/// Prints the report. The status is 0 if at least one C library was found, for any target.
pub(super) fn run(session: &Session<'_>) -> u8 {
    let named = session.environment.cc.as_ref().and_then(|value| quoted::split_fields(value));
    let named = named.and_then(|words| CompilerCommand::from_words(&words));
    let mut text = format!("cgolink {}\n", env!("CARGO_PKG_VERSION"));
    if let Some(compiler) = &named {
        let _ = writeln!(text, "$CC: {compiler}"); // writing to a String cannot fail
    }
    let mut any = false;
    for architecture in Architecture::ALL {
        for libc in [Libc::Musl, Libc::Gnu] {
            let target = Target { architecture, libc: Some(libc) };
            for kind in StaticKind::ALL {
                let compiler = named.clone().filter(|compiler| compiler.target().is_none_or(|own| own == target));
                let query = ToolchainQuery { target, kind, cxx: false, sysroot: None, compiler };
                match (session.engine.find)(&query) {
                    Ok(library) => {
                        any = true;
                        describe(&mut text, &library);
                    }
                    Err(errors) => {
                        let _ = writeln!(text, "\n{target}, {kind}: none\n{errors}"); // as above
                    }
                }
            }
        }
    }
    print(&text);
    u8::from(!any)
}

fn describe(text: &mut String, library: &CLibrary) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "\n{}, {}: {}", library.target, library.kind, library.provenance.sentence);
    let _ = writeln!(text, "  by way of: {}", library.provenance.rung);
    for file in library.files() {
        let _ = writeln!(text, "  {}", file.display());
    }
    if let Some(compiler) = &library.compiler {
        let _ = writeln!(text, "  compiler: {compiler}");
    }
}

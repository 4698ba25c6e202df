//! Sources on a driver's line: each is compiled to an object in a temporary folder, which takes its place.

use std::ffi::OsString;

use tempfile::TempDir;

use crate::args::cc::{Driver, Source};
use crate::args::request::{InputName, LinkRequest, OutputKind};
use crate::diag::{Diagnostic, Origin, Result, io_error};
use crate::external::command::{Plan, translate};
use crate::external::run;
use crate::external::toolchain::CompilerCommand;
use crate::target::Target;

use super::Session;

/// Compiles the sources and puts the objects in their places. The folder has to live until the link is done.
pub(super) fn sources(
    session: &Session<'_>,
    compiler: &CompilerCommand,
    target: Option<Target>,
    driver: &Driver,
    request: &mut LinkRequest,
) -> Result<Option<TempDir>> {
    if driver.sources.is_empty() {
        return Ok(None);
    }
    let failed = |error: std::io::Error| io_error("make a temporary folder", &std::env::temp_dir(), &error);
    let folder = tempfile::Builder::new().prefix("cgolink-").tempdir().map_err(failed)?;
    for (index, source) in driver.sources.iter().enumerate() {
        let object = folder.path().join(object_name(source, index));
        let arguments = line(driver, source, request.kind, object.clone().into_os_string());
        let line = translate(&Plan { compiler, target, cpp: None, arguments: &arguments })?;
        tracing::info!("compiling {} with {compiler}", source.path.display());
        let status = run::run(&line.argv, &session.environment.path, run::Guard::Driver)?;
        if status != 0 {
            let message = format!("{compiler} ended with status {status}");
            return Err(Diagnostic::error("compile-failed", message).at(Origin::file(&source.path)).into());
        }
        for input in &mut request.inputs {
            if matches!(&input.what, InputName::File(path) if *path == source.path) {
                input.what = InputName::File(object.clone());
            }
        }
    }
    Ok(Some(folder))
}

/// A name for messages to show: that of the source, and its number where names may repeat.
fn object_name(source: &Source, index: usize) -> OsString {
    let mut name = source.path.file_stem().unwrap_or_default().to_owned();
    if index > 0 {
        name.push(format!("-{index}"));
    }
    name.push(".o");
    name
}

/// The compiler's arguments for one source.
fn line(driver: &Driver, source: &Source, kind: OutputKind, object: OsString) -> Vec<OsString> {
    // What says otherwise on the line comes later and counts. gcc's -shared does not imply it either.
    let mut line: Vec<OsString> = match kind {
        OutputKind::StaticPie | OutputKind::DynamicExecutable { pie: true } => vec!["-fPIE".into()],
        _ => Vec::new(),
    };
    line.extend(driver.compile_flags.iter().cloned());
    if let Some(language) = &source.language {
        line.extend([OsString::from("-x"), OsString::from(language)]);
    }
    line.extend([OsString::from("-c"), source.path.clone().into(), OsString::from("-o"), object]);
    line
}

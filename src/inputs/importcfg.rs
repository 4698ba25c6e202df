//! `-importcfg` files: which file holds which package (Go 1.26 and 1.27, `cmd/link/internal/ld/ld.go`).
//!
//! ```text
//! # a comment
//! packagefile path=file
//! packageshlib path=file
//! modinfo "quoted"
//! ```

use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use crate::args::quoted;
use crate::diag::{Diagnostic, Origin};

/// What an importcfg says.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct ImportConfig {
    /// Package path to archive.
    pub packages: IndexMap<String, PathBuf>,
    /// Package path to shared library.
    pub shared: IndexMap<String, PathBuf>,
    /// The module information that the program carries, unquoted.
    pub module_info: Option<Vec<u8>>,
}

/// Reads the text of an importcfg; `path` is for errors. What comes later counts.
pub fn parse(text: &[u8], path: &Path) -> Result<ImportConfig, Diagnostic> {
    let mut config = ImportConfig::default();
    for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let position = Some((index as u32 + 1, 1));
        read_line(&mut config, line).map_err(|problem| {
            let origin = Origin { file: Some(path.to_owned()), position, ..Origin::default() };
            Diagnostic::error("bad-importcfg", problem).at(origin)
        })?;
    }
    Ok(config)
}

fn read_line(config: &mut ImportConfig, line: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(line).map_err(|_| "this line of the importcfg is not UTF-8".to_owned())?;
    let (verb, arguments) = text.split_once(' ').unwrap_or((text, ""));
    let arguments = arguments.trim();
    let table = match verb {
        "packagefile" => &mut config.packages,
        "packageshlib" => &mut config.shared,
        "modinfo" => {
            let unquoted = quoted::unquote(arguments.as_bytes());
            config.module_info = Some(unquoted.ok_or_else(|| "modinfo: not a quoted Go string".to_owned())?);
            return Ok(());
        }
        _ => return Err(format!("unknown directive '{verb}'")),
    };
    match arguments.split_once('=') {
        Some((package, file)) if !package.is_empty() && !file.is_empty() => {
            table.insert(package.to_owned(), PathBuf::from(file));
            Ok(())
        }
        _ => Err(format!("invalid {verb}: the syntax is '{verb} path=file'")),
    }
}

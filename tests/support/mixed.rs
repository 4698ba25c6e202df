//! The program of `testdata/objects/mixed` as objects and an archive, for either architecture.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{command, compiler, need, root, run_ok};

const COMPILE: Duration = Duration::from_secs(300);

/// The architectures, with zig's name for them.
pub const ARCHITECTURES: [&str; 2] = ["x86_64", "aarch64"];

/// Where the compiled program is.
pub struct Mixed {
    /// `first.o`, `second.o` and `libmembers.a`: all that a link takes.
    pub inputs: Vec<PathBuf>,
}

/// Compiles the program into `folder`.
pub fn compile(architecture: &str, folder: &Path) -> Result<Mixed, String> {
    let sources = root().join("testdata/objects/mixed");
    let object = |source: &str, language: &str| {
        let output = folder.join(source).with_extension("o");
        let mut cc = compiler(&format!("zig {language} --target={architecture}-linux-musl"))?;
        cc.current_dir(&sources).args(["-O1", "-g", "-c", "-ffreestanding", "-ffunction-sections", "-fcommon"]);
        cc.args(["-funwind-tables", "-fno-stack-protector", "-fno-sanitize=all", source, "-o"]).arg(&output);
        if language == "c++" {
            cc.args(["-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics"]);
        }
        run_ok(&mut cc, COMPILE).map(|_| output)
    };
    let first = object("first.c", "cc")?;
    let second = object("second.cpp", "c++")?;
    let members = [object("member.c", "cc")?, object("deeper.c", "cc")?];
    let archive = folder.join("libmembers.a");
    run_ok(command(need("ar")?).current_dir(folder).arg("rcs").arg(&archive).args(&members), COMPILE)?;
    Ok(Mixed { inputs: vec![first, second, archive] })
}

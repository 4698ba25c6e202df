//! cgolink itself for the other architecture: a large static program of Rust and C, linked by the cgolink under test.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use super::{cgolink, command, need, root, run_ok, script};

/// All of the dependencies are compiled for the target.
const BUILD: Duration = Duration::from_secs(1200);
const TARGET: &str = "aarch64-unknown-linux-musl";

/// cgolink for aarch64, built by the first test that asks.
pub fn for_aarch64() -> Result<&'static Path, String> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    BUILT.get_or_init(build).as_deref().map_err(String::clone)
}

fn build() -> Result<PathBuf, String> {
    // Kept between runs: nothing is compiled again that did not change. When cgolink changes, so does what it links here.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hosted");
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    need("zig")?;
    // Crates with C sources give the compiler Rust's name of the target, which zig does not know.
    let words = "for word; do shift; case $word in --target=*) ;; *) set -- \"$@\" \"$word\" ;; esac; done";
    let [compiler, archiver] = ["cc", "ar"].map(|name| folder.join(name));
    script(&compiler, &format!("{words}\nexec zig cc --target=aarch64-linux-musl \"$@\""));
    script(&archiver, "exec zig ar \"$@\"");
    let mut cargo = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()).args(["build", "--locked", "--quiet", "--bin", "cgolink", "--target", TARGET]);
    cargo.arg("--target-dir").arg(&folder);
    cargo.env("CC_aarch64_unknown_linux_musl", compiler).env("AR_aarch64_unknown_linux_musl", archiver);
    cargo.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER", cgolink()).env("CGOLINK_BACKEND", "native");
    run_ok(&mut cargo, BUILD)?;
    Ok(folder.join(TARGET).join("debug/cgolink"))
}

//! Another linker in cgolink's place, to prove that a case asks for what linkers do.
//!
//! `CGOLINK_TEST_LINKER=bfd|lld|mold|wild` makes the harness link every case with that linker: the same objects,
//! arguments and expectations. What cgolink says when it refuses is not expected of a peer; that it refuses is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use crate::directives::{Door, Mode, Plan};
use crate::support;
use crate::toolchain::{self, Built, Target};

/// The peer that was asked for, or none.
pub fn named() -> Option<String> {
    std::env::var("CGOLINK_TEST_LINKER").ok().filter(|name| !name.is_empty() && name != "cgolink")
}

/// Whether the peer can link for this target at all.
pub fn knows(peer: &str, target: &Target) -> bool {
    // GNU ld is built for one architecture; musl-gcc asks for a loader even with -static, which lld and mold then add.
    let no_emulation = peer == "bfd" && target.aarch64;
    let adds_a_loader = matches!(peer, "lld" | "mold") && target.name == "x86_64-musl-gcc";
    !no_emulation && !adds_a_loader
}

fn program(peer: &str) -> Result<PathBuf, String> {
    support::need(match peer {
        "bfd" => "ld.bfd",
        "lld" => "ld.lld",
        other => other,
    })
}

/// The command that links the case with the peer.
pub fn link_command(
    peer: &str,
    target: &Target,
    plan: &Plan,
    built: &Built,
    args: &[String],
    out: &Path,
) -> Result<Command, String> {
    let program = program(peer)?;
    let output = out.join("program");
    if plan.door == Door::Ld {
        let mut command = support::command(program);
        if target.aarch64 {
            command.args(["-m", "aarch64linux"]);
        }
        command.arg("-o").arg(output).args(&built.objects).args(args);
        return Ok(command);
    }
    if !target.zig {
        let folder = toolchain::ld_folder(out, &program)?;
        let mut command = toolchain::driver(target, built, &folder)?;
        match plan.mode {
            Mode::Static => command.arg("-static"),
            Mode::StaticPie => command.arg("-static-pie"),
            Mode::AsIs => &mut command,
        };
        command.arg("-o").arg(output).args(&built.objects).args(args);
        return Ok(command);
    }
    let library = zig_library(target, plan.mode == Mode::StaticPie)?;
    let file = |name: &str| {
        library
            .iter()
            .find(|p| p.rsplit('/').next() == Some(name))
            .cloned()
            .ok_or_else(|| format!("zig links no {name}"))
    };
    let mut command = support::command(program);
    command
        .args(["-m", if target.aarch64 { "aarch64linux" } else { "elf_x86_64" }, "--eh-frame-hdr", "-o"])
        .arg(output);
    match plan.mode {
        Mode::Static => command.args(["-static".to_owned(), file("crt1.o")?]),
        Mode::StaticPie => command.args(["-static", "-pie", "--no-dynamic-linker", "-z", "text", &file("rcrt1.o")?]),
        Mode::AsIs => &mut command,
    };
    command.args(&built.objects);
    for arg in args {
        match arg.as_str() {
            "-lstdc++" => command.args([file("libc++abi.a")?, file("libc++.a")?, file("libunwind.a")?]),
            "-lunwind" => command.arg(file("libunwind.a")?),
            "-static" | "-static-pie" | "-Xlinker" | "-pthread" | "-lpthread" | "-lm" => &mut command,
            other => match other.strip_prefix("-Wl,") {
                Some(list) => command.args(list.split(',')),
                None => command.arg(other),
            },
        };
    }
    if !args.iter().any(|a| a == "-nostdlib") {
        command.args([
            "--start-group".to_owned(),
            file("libc.a")?,
            file("libzigc.a")?,
            file("libcompiler_rt.a")?,
            file("libubsan_rt.a")?,
            "--end-group".to_owned(),
        ]);
    }
    Ok(command)
}

/// The files of zig's C and C++ libraries for the target, as a trial link of zig names them.
fn zig_library(target: &Target, pie: bool) -> Result<Vec<String>, String> {
    /// (target, whether position-independent, files)
    type Known = Vec<(&'static str, bool, Vec<String>)>;
    static FOUND: Mutex<Known> = Mutex::new(Vec::new());
    let mut found = FOUND.lock().map_err(|e| e.to_string())?;
    if let Some((_, _, files)) = found.iter().find(|(name, is_pie, _)| *name == target.name && *is_pie == pie) {
        return Ok(files.clone());
    }
    let folder = support::scratch(&format!("zig-library-{}", target.name));
    std::fs::write(folder.join("t.cpp"), "int main() { return 0; }\n").map_err(|e| e.to_string())?;
    let mut command = support::compiler(target.cxx.unwrap_or(target.cc))?;
    command.current_dir(&folder).env("ZIG_VERBOSE_LINK", "1").args(["-lunwind", "t.cpp", "-o", "t"]);
    command.args(if pie { &["-static-pie", "-fPIE"][..] } else { &["-static"] });
    let finished = support::run_ok(&mut command, std::time::Duration::from_secs(600))?;
    let line = finished.stderr.lines().rfind(|l| l.starts_with("ld.lld ")).ok_or("zig did not say how it links")?;
    let files: Vec<String> =
        line.split(' ').filter(|w| w.ends_with(".a") || w.ends_with("crt1.o")).map(str::to_owned).collect();
    found.push((target.name, pie, files.clone()));
    Ok(files)
}

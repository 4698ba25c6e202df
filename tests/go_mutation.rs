//! Broken Go packages: `cgolink link`, given archives that were cut short or changed, says what is wrong or links. It never
//! dies of a signal, never panics, never hangs, and when it refuses, an output that was there stays as it was.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use support::mutants::{self, PREVIOUS, Random, interesting, judge, put};

/// Mutants of each archive.
const MUTANTS: usize = 40;
const DEADLINE: Duration = Duration::from_secs(60);
/// The packages that are damaged: the program's own, one that it imports, and the one with the most of everything.
const DAMAGED: [&str; 3] = ["command-line-arguments", "errors", "runtime"];
const OBJECT: &[u8] = b"\0go120ld";

/// The archives of a small program by package, from the go command's cache.
fn archives(folder: &Path) -> Vec<(String, PathBuf)> {
    let source = folder.join("main.go");
    let text = "package main\n\nimport \"errors\"\n\nfunc main() { println(errors.New(\"hello\").Error()) }\n";
    std::fs::write(&source, text).expect("a source");
    let mut go = support::command("go");
    go.args(["list", "-export", "-deps", "-f", "{{.ImportPath}}={{.Export}}"]).arg(&source);
    go.env("CGO_ENABLED", "0").env("GOARCH", "amd64").env("GOTOOLCHAIN", "local").current_dir(folder);
    let listed = support::run(&mut go, Duration::from_secs(300));
    assert!(listed.success(), "go list: {}", listed.describe());
    let entry = |line: &str| line.split_once('=').map(|(package, file)| (package.to_owned(), PathBuf::from(file)));
    listed.stdout.lines().filter_map(entry).filter(|(_, file)| file.is_file()).collect()
}

fn link(folder: &Path, archives: &[(String, PathBuf)], output: &Path) -> Command {
    let config: String =
        archives.iter().map(|(name, file)| format!("packagefile {name}={}\n", file.display())).collect();
    let path = folder.join("importcfg.link");
    std::fs::write(&path, config).expect("an importcfg");
    let main = &archives.iter().find(|(name, _)| name == DAMAGED[0]).expect("the program").1;
    let mut command = mutants::limited();
    command.args(["link", "-o"]).arg(output).arg("-importcfg").arg(path).arg(main);
    command.env("CGOLINK_FALLBACK", "error").env("RUST_BACKTRACE", "0");
    command
}

/// Changes the archive's beginning, an object's header, or a word in one of the object's blocks.
fn mutate(bytes: &mut Vec<u8>, random: &mut Random) -> &'static str {
    let length = bytes.len();
    let objects: Vec<usize> = memchr::memmem::find_iter(bytes, OBJECT).collect();
    let object = objects[random.below(objects.len())];
    match random.below(8) {
        0 => {
            bytes.truncate(random.below(length));
            "cut short"
        }
        1 => {
            let at = random.below(length.min(400));
            bytes[at] = b"0123456789`/\n\x00\xff"[random.below(15)];
            "beginning"
        }
        2 | 3 => {
            let (at, value) = (object + 8 + random.below(88), interesting(random, length));
            put(bytes, at, value, 4);
            "object header"
        }
        _ => {
            let offset = |index: usize| {
                let at = object + 20 + 4 * index;
                u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize
            };
            let block = random.below(18);
            let (start, end) = (object + offset(block), object + offset(block + 1));
            let (at, width) = (start + random.below(end - start), 1 << random.below(4));
            let value = interesting(random, length);
            put(bytes, at, value, width);
            "block"
        }
    }
}

#[test]
fn mutants_of_go_packages() {
    let folder = support::scratch("go-mutation");
    let archives = archives(&folder);
    let output = folder.join("output");
    let whole = support::run(&mut link(&folder, &archives, &output), DEADLINE);
    assert!(whole.success(), "the whole packages have to link: {}", whole.describe());
    let mut random = Random(0x5eed_0003_c601_147e);
    let (mut broken, mut refused) = (Vec::new(), 0);
    for number in 0..MUTANTS * DAMAGED.len() {
        let chosen = DAMAGED[number % DAMAGED.len()];
        let at = archives.iter().position(|(name, _)| name == chosen).expect("a package");
        let mut bytes = std::fs::read(&archives[at].1).expect("an archive");
        let kind = mutate(&mut bytes, &mut random);
        let mutant = folder.join(format!("mutant-{number}-{chosen}.a"));
        std::fs::write(&mutant, &bytes).expect("a mutant");
        std::fs::write(&output, PREVIOUS).expect("an output");
        let mut changed = archives.clone();
        changed[at].1.clone_from(&mutant);
        let finished = support::run(&mut link(&folder, &changed, &output), DEADLINE);
        refused += usize::from(finished.code == Some(1));
        match judge(&finished, &output) {
            Some(wrong) => broken.push(format!("{} ({kind}): {wrong}: {}", mutant.display(), finished.describe())),
            None => std::fs::remove_file(&mutant).expect("a mutant"),
        }
    }
    let all = MUTANTS * DAMAGED.len();
    assert!(broken.is_empty(), "{} of {all} mutants:\n{}", broken.len(), broken.join("\n"));
    // Changes that are never noticed would prove nothing.
    assert!(refused > all / 5, "only {refused} of {all} mutants were refused");
}

#[test]
fn a_package_is_no_output() {
    let folder = support::scratch("go-output-is-input");
    let mut archives = archives(&folder);
    let main = archives.iter_mut().find(|(name, _)| name == DAMAGED[0]).expect("the program");
    // The go command's cache is not what is to be put at risk.
    let own = folder.join("main.a");
    std::fs::copy(&main.1, &own).expect("a copy");
    main.1.clone_from(&own);
    let before = std::fs::read(&own).expect("the package");
    let refused = support::run(&mut link(&folder, &archives, &own), DEADLINE);
    assert_eq!(refused.code, Some(1), "{}", refused.describe());
    assert!(refused.stderr.contains("main.a: the output is one of the inputs"), "{}", refused.stderr);
    assert!(std::fs::read(&own).expect("the package") == before, "it was overwritten");
}

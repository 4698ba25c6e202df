//! `cgolink inspect` on what the Go toolchain makes: a package archive, an executable; and on the same files damaged.

mod support;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use cgolink::inspect;
use rayon::prelude::*;
use serde_json::Value;
use support::mutants::Random;

const BUILD: Duration = Duration::from_secs(900);
const MUTANTS: u64 = 1200;

/// The archive of a package with two functions, and an object of C-like sections: the program made of it.
static FILES: LazyLock<[PathBuf; 2]> = LazyLock::new(|| {
    let folder = support::scratch("inspect");
    std::fs::write(folder.join("go.mod"), "module example.com/small\n\ngo 1.26\n").unwrap();
    let source = "package main\n\nimport \"strconv\"\n\n//go:noinline\nfunc twice(n int) string { return strconv.Itoa(2 * n) }\n\n\
                  func main() { println(twice(21)) }\n";
    std::fs::write(folder.join("main.go"), source).unwrap();
    let go = |args: &[&str]| {
        let mut go = support::command(support::need("go").unwrap());
        go.args(args).current_dir(&folder);
        go.env("CGO_ENABLED", "0").env("GOFLAGS", "").env("GOARCH", "amd64").env("GOWORK", "off");
        support::run_ok(&mut go, BUILD).unwrap().stdout
    };
    let archive = go(&["list", "-export", "-f", "{{.Export}}", "."]);
    go(&["build", "-ldflags=-w", "-o", "small", "."]);
    [PathBuf::from(archive.trim()), folder.join("small")]
});

fn inspected(file: &Path, flags: &[&str]) -> Value {
    let mut command = support::command(support::cgolink());
    command.arg("inspect").arg("--format=json").args(flags).arg(file);
    let text = support::run_ok(&mut command, BUILD).unwrap().stdout;
    serde_json::from_str::<Value>(&text).unwrap()[0].take()
}

/// The rows of a table of which a column has a value.
fn rows<'v>(part: &'v Value, table: &str, column: &str, value: &str) -> Vec<&'v Value> {
    let rows = part[table].as_array().unwrap_or_else(|| panic!("no table {table} in {part}"));
    rows.iter().filter(|row| row[column] == value).collect()
}

#[test]
fn a_package_shows_what_a_link_takes() {
    let package = inspected(&FILES[0], &[]);
    assert_eq!(package["main"], true);
    let object = &package["objects"][0];
    assert!(object["header"].as_str().unwrap().starts_with("go object linux amd64 go1."));
    assert_eq!(rows(object, "imports", "package", "strconv").len(), 1);
    assert_eq!(rows(object, "symbols", "name", "main.twice")[0]["kind"], "Text");
    let calls = rows(object, "relocations", "symbol", "main.main");
    assert!(calls.iter().any(|row| row["target"] == "main.twice" && row["type"] == "Call"), "{calls:?}");
    let calls = rows(object, "relocations", "symbol", "main.twice");
    assert!(calls.iter().any(|row| row["target"].as_str().unwrap().ends_with("strconv.FormatInt")), "{calls:?}");
    assert!(!rows(object, "auxiliary", "kind", "FuncInfo").is_empty());
}

#[test]
fn an_executable_shows_its_go_tables() {
    let program = inspected(&FILES[1], &["--show=symbols,functions,types,itabs,module-data,build-info"]);
    assert_eq!(program["role"], "executable");
    assert!(program.get("sections").is_none());
    let function = rows(&program, "functions", "name", "main.main")[0];
    assert!(function["file"].as_str().unwrap().ends_with("main.go"), "{function}");
    let symbol = rows(&program, "symbols", "name", "main.main")[0];
    let text = rows(&program, "symbols", "name", "runtime.text")[0];
    assert_eq!(
        symbol["value"].as_u64().unwrap() - text["value"].as_u64().unwrap(),
        function["offset"].as_u64().unwrap()
    );
    assert_eq!(rows(&program, "module-data", "field", "text").len(), 1);
    assert_eq!(rows(&program, "types", "name", "*runtime.g").len(), 1);
    assert!(program["itabs"].as_array().unwrap().iter().all(|itab| itab["name"].as_str().unwrap().contains(" as ")));
    assert_eq!(rows(&program, "build-info", "line", "path\texample.com/small").len(), 1);
}

#[test]
fn the_text_names_the_same() {
    let mut command = support::command(support::cgolink());
    command.arg("inspect").args(&*FILES);
    let text = support::run_ok(&mut command, BUILD).unwrap().stdout;
    for part in ["standard-library:", "packages (", "main.twice", ".gopclntab", "module-data ("] {
        assert!(text.contains(part), "'{part}' is not in the text");
    }
}

#[test]
fn damaged_files_give_a_part_or_an_error() {
    let archive = std::fs::read(&FILES[0]).unwrap();
    let refused = (0..MUTANTS).into_par_iter().filter(|&seed| {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut mutant = archive.clone();
        for _ in 0..=random.below(4) {
            // Headers come first, and the object's own after the export data.
            let object = memchr::memmem::rfind(&archive, b"\0go120ld").unwrap();
            let reach = [200, 128, archive.len() - object, archive.len()][random.below(4)];
            let start = if reach == 200 || reach == archive.len() { 0 } else { object };
            let (at, width) = (start + random.below(reach), 1 << random.below(3));
            let value = [0, 1, 0x7f, 0xff, random.below(256) as u8][random.below(5)];
            let end = mutant.len().min(at + width);
            mutant[at.min(end)..end].fill(value);
        }
        if random.below(8) == 0 {
            mutant.truncate(random.below(archive.len()));
        }
        let outcome =
            std::panic::catch_unwind(|| inspect::inspect(Path::new("mutant"), &mutant).map(|part| part.text()));
        match outcome {
            Ok(outcome) => outcome.is_err(),
            Err(_) => panic!("seed {seed} made inspect panic"),
        }
    });
    let refused = refused.count();
    assert!((50..MUTANTS as usize - 50).contains(&refused), "{refused} of {MUTANTS} refused");
}

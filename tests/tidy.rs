//! The rules of the house that a compiler does not check: every file says what it means, stays small, keeps `unsafe` in its
//! fence and the names of formats and architectures in the files that are named after them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Lines that a source file may have; past this it has usually collected a second job.
const MOST_LINES: usize = 800;
/// Lines that a function may have.
const MOST_FUNCTION_LINES: usize = 100;
/// The only files where `unsafe` may stand.
const UNSAFE_FILES: [&str; 1] = ["src/sys.rs"];
/// Files of tests among the sources.
const TEST_FILES: [&str; 5] = ["tests.rs", "fixture.rs", "samples.rs", "fake.rs", "mutation.rs"];
/// Words that belong to one file format or architecture, and the path parts of files that may use them in code.
const FENCED: [(&str, &[&str]); 3] = [
    ("R_X86_64_", &["x86_64", "elf", "kinds"]),
    ("R_AARCH64_", &["aarch64", "elf", "kinds"]),
    ("goblin::", &["macho", "refuse", "kind", "doctor"]),
];
/// Names that say nothing about what a file owns.
const EMPTY_NAMES: [&str; 5] = ["util", "utils", "common", "misc", "helpers"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below the folders, with their paths from the root.
fn rust_files(folders: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut pending: Vec<PathBuf> = folders.iter().map(|f| root().join(f)).collect();
    while let Some(folder) = pending.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(root()).unwrap().display().to_string();
                found.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "no Rust files under {folders:?}");
    found.sort();
    found
}

/// The part of a file before its tests.
fn without_tests(text: &str) -> &str {
    text.find("\n#[cfg(test)]").map_or(text, |at| &text[..at])
}

/// A line without what stands in a comment.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or("")
}

fn assert_none(broken: Vec<String>, rule: &str) {
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}

#[test]
fn every_file_says_what_it_means() {
    let broken = rust_files(&["src", "tests", "benches", "fuzz/fuzz_targets"])
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(name, _)| name)
        .collect();
    assert_none(broken, "these files do not open with //!");
}

#[test]
fn files_stay_small() {
    let broken = rust_files(&["src", "tests", "benches"])
        .into_iter()
        .filter_map(|(name, text)| {
            let lines = text.lines().count();
            (lines > MOST_LINES).then(|| format!("{name}: {lines} lines"))
        })
        .collect();
    assert_none(broken, &format!("these files have more than {MOST_LINES} lines"));
}

#[test]
fn functions_stay_small() {
    let mut broken = Vec::new();
    for (name, text) in rust_files(&["src"]) {
        let mut start: Option<(usize, usize, &str)> = None;
        for (number, line) in without_tests(&text).lines().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let head = line.trim_start();
            let begins = head.starts_with("fn ") || (head.starts_with("pub") && head.contains(" fn "));
            if begins && !head.ends_with('}') && !head.ends_with(';') {
                start = Some((number, indent, head));
            } else if head == "}"
                && let Some((first, at, head)) = start
                && at == indent
            {
                if number - first > MOST_FUNCTION_LINES {
                    broken.push(format!("{name}:{}: {} lines: {head}", first + 1, number - first));
                }
                start = None;
            }
        }
    }
    assert_none(broken, &format!("these functions have more than {MOST_FUNCTION_LINES} lines"));
}

#[test]
fn unsafe_stays_in_its_fence() {
    let broken = rust_files(&["src"])
        .into_iter()
        .filter(|(name, _)| !UNSAFE_FILES.contains(&name.as_str()))
        .flat_map(|(name, text)| {
            let lines: Vec<String> = text
                .lines()
                .enumerate()
                .filter(|(_, line)| {
                    let forms = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"];
                    forms.iter().any(|form| code(line).contains(form))
                })
                .map(|(number, _)| format!("{name}:{}", number + 1))
                .collect();
            lines
        })
        .collect();
    assert_none(broken, &format!("unsafe outside of {UNSAFE_FILES:?}"));
}

/// The part of `src` that a file belongs to: a folder, with the file of its name.
fn part_of(name: &str) -> &str {
    let within = name.strip_prefix("src/").unwrap_or(name);
    within.split('/').next().unwrap_or(within).trim_end_matches(".rs")
}

/// Who reads a part has to know only what lies below it.
#[test]
fn parts_import_each_other_in_one_direction() {
    let files: Vec<(String, String)> = rust_files(&["src"])
        .into_iter()
        .filter(|(name, _)| !TEST_FILES.iter().any(|test| name.ends_with(test)))
        .collect();
    let parts: BTreeSet<&str> = files.iter().map(|(name, _)| part_of(name)).collect();
    let mut imports: BTreeMap<&str, BTreeSet<&str>> = parts.iter().map(|part| (*part, BTreeSet::new())).collect();
    for (name, text) in &files {
        for line in without_tests(text).lines() {
            let paths = code(line).split("crate::").skip(1);
            let named = paths.filter_map(|path| path.split(|c: char| !c.is_alphanumeric() && c != '_').next());
            let others = named.filter(|named| parts.contains(named) && *named != part_of(name));
            imports.entry(part_of(name)).or_default().extend(others);
        }
    }
    assert!(imports["golang"].contains("inputs"), "imports are found");
    // What imports nothing that is left is below everything that is left, and what nothing imports above it.
    let is_lowest = |imports: &BTreeMap<&str, BTreeSet<&str>>, part: &str| imports[part].is_empty();
    let is_highest =
        |imports: &BTreeMap<&str, BTreeSet<&str>>, part: &str| !imports.values().any(|below| below.contains(part));
    while let Some(outer) = imports.keys().copied().find(|part| is_lowest(&imports, part) || is_highest(&imports, part))
    {
        imports.remove(outer);
        imports.values_mut().for_each(|below| below.retain(|part| *part != outer));
    }
    let broken = imports.into_iter().map(|(part, below)| format!("{part} imports {below:?}")).collect();
    assert_none(broken, "these parts import each other");
}

#[test]
fn formats_stay_in_their_files() {
    let mut broken = Vec::new();
    for (name, text) in rust_files(&["src"]) {
        for (word, parts) in FENCED {
            if parts.iter().any(|part| name.contains(part)) {
                continue;
            }
            for (number, line) in without_tests(&text).lines().enumerate() {
                if code(line).contains(word) {
                    broken.push(format!("{name}:{}: {word}", number + 1));
                }
            }
        }
    }
    assert_none(broken, "words of one format or architecture in shared code");
}

#[test]
fn files_are_named_for_what_they_own() {
    let broken = rust_files(&["src"])
        .into_iter()
        .filter(|(name, _)| {
            Path::new(name).iter().any(|part| EMPTY_NAMES.contains(&part.to_string_lossy().trim_end_matches(".rs")))
        })
        .map(|(name, _)| name)
        .collect();
    assert_none(broken, "names that say nothing");
}

/// Only `main.rs` ends the process, and nothing is printed but by it and the diagnostics.
#[test]
fn only_main_ends_the_process() {
    let mut broken = Vec::new();
    for (name, text) in rust_files(&["src"]) {
        if name == "src/main.rs" {
            continue;
        }
        for (number, line) in without_tests(&text).lines().enumerate() {
            for word in ["process::exit", "process::abort", "todo!(", "unimplemented!(", "dbg!("] {
                if code(line).contains(word) {
                    broken.push(format!("{name}:{}: {word}", number + 1));
                }
            }
        }
    }
    assert_none(broken, "only main.rs may end the process, and nothing may be left undone");
}

#[test]
fn no_note_to_oneself_is_left() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:"), concat!("HA", "CK")];
    let broken = rust_files(&["src", "tests", "benches"])
        .into_iter()
        .flat_map(|(name, text)| {
            let lines: Vec<String> = text
                .lines()
                .enumerate()
                .filter(|(_, l)| marks.iter().any(|m| l.contains(m)))
                .map(|(n, _)| format!("{name}:{}", n + 1))
                .collect();
            lines
        })
        .collect();
    assert_none(broken, "notes that ask for more work");
}

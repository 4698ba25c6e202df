//! The directives in the first lines of a case: what is compiled, how it is linked, what must come of it.
//!
//! The grammar is described for people in `testdata/README.md`; this is its reader. A word that it does not know is an error:
//! a misspelt expectation must not pass for one that holds.

use std::path::Path;

/// Everything that one linked program is made of and checked against, for one target.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub targets: Vec<String>,
    pub door: Door,
    pub mode: Mode,
    pub compile_args: Vec<String>,
    /// Arguments for one source file only.
    pub file_args: Vec<(String, Vec<String>)>,
    pub link_args: Vec<String>,
    pub archives: Vec<ArchivePlan>,
    /// Arguments and environment of the linked program.
    pub run_args: Vec<String>,
    pub run_env: Vec<(String, String)>,
    pub run: bool,
    pub exit: i32,
    pub output: Vec<String>,
    /// Patterns that the program's output or error output must match.
    pub output_patterns: Vec<String>,
    /// Patterns that cgolink's message must match; not empty means that the link has to fail.
    pub errors: Vec<String>,
    pub warnings: Vec<String>,
    pub checks: Vec<Check>,
    /// Peers with which the case is known to fail, as a named limit of theirs.
    pub skip_peers: Vec<String>,
}

/// Through which command line the case is linked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Door {
    /// `cgolink -static main.o ...`: the command line of a C compiler.
    #[default]
    Cc,
    /// `cgolink ld main.o ...`: the command line of GNU ld, with no C library.
    Ld,
    /// The C compiler links, with cgolink as its `ld`.
    Driver,
}

/// What kind of program is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Static,
    StaticPie,
    /// Nothing is added to the link arguments.
    AsIs,
}

/// An archive that is made of some of the sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivePlan {
    pub name: String,
    pub members: Vec<String>,
    pub thin: bool,
}

/// One fact about the linked file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    Symbol {
        name: String,
        facts: Vec<(String, String)>,
    },
    NoSymbol(String),
    Section {
        name: String,
        facts: Vec<(String, String)>,
    },
    NoSection(String),
    Segment {
        name: String,
        facts: Vec<(String, String)>,
    },
    NoSegment(String),
    /// Two symbols in the order of their addresses.
    Before(String, String),
    /// The text is in the file, this many times when a number is given.
    Text {
        text: String,
        times: Option<usize>,
    },
    /// A file beside the output matches the pattern.
    File {
        name: String,
        pattern: String,
    },
    NoFile {
        name: String,
        pattern: String,
    },
}

/// Whether a file is a source that the harness compiles.
pub fn is_source(name: &str) -> bool {
    matches!(Path::new(name).extension().and_then(|e| e.to_str()), Some("c" | "cpp" | "s" | "S" | "rs"))
}

/// Reads the directives of one case for one target.
///
/// `Config` starts a variant that takes over what was said before the first one. Answers a plan for each variant, with
/// its name (empty when there are no variants).
pub fn read(text: &str, target: &str) -> Result<Vec<(String, Plan)>, String> {
    let mut shared = Plan { exit: 42, run: true, ..Plan::default() };
    let mut variants: Vec<(String, Plan)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let Some(rest) = line.trim_start().strip_prefix("//#").or_else(|| line.trim_start().strip_prefix("##")) else {
            continue;
        };
        let at = |message: String| format!("line {}: {message}", number + 1);
        let (word, value) = rest.split_once(':').ok_or_else(|| at(format!("no colon in {rest:?}")))?;
        let (word, value) = (word.trim(), value.trim());
        if word == "Config" {
            variants.push((value.to_owned(), shared.clone()));
            continue;
        }
        let (word, filter) = match word.split_once('[') {
            Some((word, filter)) => (word, Some(filter.trim_end_matches(']'))),
            None => (word, None),
        };
        if filter.is_some_and(|part| !target.contains(part)) {
            continue;
        }
        let plan = variants.last_mut().map_or(&mut shared, |(_, plan)| plan);
        apply(plan, word, value).map_err(at)?;
    }
    if variants.is_empty() {
        variants.push((String::new(), shared));
    }
    Ok(variants)
}

fn apply(plan: &mut Plan, word: &str, value: &str) -> Result<(), String> {
    let words = || value.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    match word {
        "Targets" => plan.targets = words(),
        "Door" => {
            plan.door = match value {
                "cc" => Door::Cc,
                "ld" => Door::Ld,
                "driver" => Door::Driver,
                _ => return Err(format!("no door is called {value}")),
            }
        }
        "Mode" => {
            plan.mode = match value {
                "static" => Mode::Static,
                "static-pie" => Mode::StaticPie,
                "as-is" => Mode::AsIs,
                _ => return Err(format!("no mode is called {value}")),
            }
        }
        "CompileArgs" => plan.compile_args.extend(words()),
        "FileArgs" => {
            let (file, args) = value.split_once('=').ok_or("FileArgs wants file=arguments")?;
            plan.file_args.push((file.trim().to_owned(), args.split_whitespace().map(str::to_owned).collect()));
        }
        "LinkArgs" => plan.link_args.extend(words()),
        "Archive" | "ThinArchive" => {
            let (name, members) = value.split_once('=').ok_or("Archive wants name=source,source")?;
            plan.archives.push(ArchivePlan {
                name: name.trim().to_owned(),
                members: members.split(',').map(|m| m.trim().to_owned()).filter(|m| !m.is_empty()).collect(),
                thin: word == "ThinArchive",
            });
        }
        "RunArgs" => plan.run_args.extend(words()),
        "RunEnv" => {
            let (name, value) = value.split_once('=').ok_or("RunEnv wants NAME=value")?;
            plan.run_env.push((name.to_owned(), value.to_owned()));
        }
        "Run" => plan.run = value != "no",
        "SkipPeer" => {
            plan.skip_peers.extend(value.split('(').next().unwrap_or("").split_whitespace().map(str::to_owned))
        }
        _ => return expect(plan, word, value),
    }
    Ok(())
}

fn expect(plan: &mut Plan, word: &str, value: &str) -> Result<(), String> {
    let value = value.to_owned();
    match word {
        "ExpectExit" => plan.exit = value.parse().map_err(|_| format!("{value} is no exit status"))?,
        "ExpectOutput" => plan.output.push(value),
        "ExpectOutputMatch" => plan.output_patterns.push(value),
        "ExpectError" => plan.errors.push(value),
        "ExpectWarning" => plan.warnings.push(value),
        "ExpectSymbol" => {
            let (name, facts) = facts(&value)?;
            plan.checks.push(Check::Symbol { name, facts });
        }
        "ExpectSection" => {
            let (name, facts) = facts(&value)?;
            plan.checks.push(Check::Section { name, facts });
        }
        "ExpectSegment" => {
            let (name, facts) = facts(&value)?;
            plan.checks.push(Check::Segment { name, facts });
        }
        "NoSymbol" => plan.checks.push(Check::NoSymbol(value)),
        "NoSection" => plan.checks.push(Check::NoSection(value)),
        "NoSegment" => plan.checks.push(Check::NoSegment(value)),
        "ExpectBefore" => {
            let (first, second) = value.split_once(' ').ok_or("ExpectBefore wants two symbols")?;
            plan.checks.push(Check::Before(first.to_owned(), second.trim().to_owned()));
        }
        "ExpectText" => plan.checks.push(Check::Text { text: value, times: None }),
        "ExpectTextOnce" => plan.checks.push(Check::Text { text: value, times: Some(1) }),
        "NoText" => plan.checks.push(Check::Text { text: value, times: Some(0) }),
        "ExpectFile" | "NoFile" => {
            let (name, pattern) = value.split_once(' ').ok_or("ExpectFile wants a name and a pattern")?;
            let (name, pattern) = (name.to_owned(), pattern.trim().to_owned());
            plan.checks.push(if word == "NoFile" {
                Check::NoFile { name, pattern }
            } else {
                Check::File { name, pattern }
            });
        }
        _ => return Err(format!("no directive is called {word}")),
    }
    Ok(())
}

/// `name key=value key=value`.
fn facts(value: &str) -> Result<(String, Vec<(String, String)>), String> {
    let mut words = value.split_whitespace();
    let name = words.next().ok_or("a name is wanted")?.to_owned();
    let facts = words
        .map(|word| {
            word.split_once('=')
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .ok_or_else(|| format!("{word} is not key=value"))
        })
        .collect::<Result<_, _>>()?;
    Ok((name, facts))
}

//! The window through which discovery sees the machine: environment, files, and compilers that are run. Tests put a made-up
//! machine behind it.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

/// What tells one state of a file from another without reading it: if any part changes the file was replaced.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Identity {
    /// Time of the last change, whole seconds since 1970 and nanoseconds.
    pub modified: (i64, i64),
    /// In bytes.
    pub size: u64,
    /// The inode, which a rename over the file changes.
    pub inode: u64,
    /// Whether it is a folder.
    pub folder: bool,
}

/// A program to be run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invocation {
    /// An absolute path.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Environment variables set on top of those inherited.
    pub environment: Vec<(&'static str, OsString)>,
    /// Text files that stand in the folder in which it runs, a fresh one, removed afterwards. If there are none it runs
    /// in the current folder.
    pub files: Vec<(&'static str, &'static str)>,
}

/// What a program answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// Whether its exit status was 0.
    pub success: bool,
    /// Its standard output.
    pub output: String,
    /// Its standard error.
    pub errors: String,
    /// The folder in which it ran, against which relative paths in the text are to be read.
    pub folder: PathBuf,
}

/// The machine as discovery sees it.
pub trait Probe {
    /// An environment variable; `None` too if it is empty.
    fn variable(&self, name: &str) -> Option<OsString>;
    /// The state of a file or folder, links followed; `None` if there is none.
    fn identity(&self, path: &Path) -> Option<Identity>;
    /// Whether the file may be executed.
    fn is_executable(&self, path: &Path) -> bool;
    /// The path without links and dots; `None` if there is no such file.
    fn canonical(&self, path: &Path) -> Option<PathBuf>;
    /// The names in a folder, sorted; none if it cannot be read.
    fn list(&self, folder: &Path) -> Vec<String>;
    /// A file's bytes.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// Writes a file so that other processes see the old content or the new, nothing between; makes its folder.
    fn store(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    /// Runs a program to its end. `line` sees each line of its standard error as it comes.
    fn run(&self, what: &Invocation, line: &mut dyn FnMut(&str)) -> io::Result<Answer>;
    /// Tells the user that something takes long.
    fn announce(&self, notice: Notice<'_>);
}

/// Something to tell the user while a compiler makes its libraries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Notice<'a> {
    /// It starts.
    Begin(&'a str),
    /// It goes on: for a terminal only.
    Progress(&'a str),
    /// It is over: what `Progress` left on the terminal is to be wiped.
    End,
}

/// This machine.
#[derive(Clone, Copy, Default, Debug)]
pub struct SystemProbe;

impl Probe for SystemProbe {
    fn variable(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name).filter(|value| !value.is_empty())
    }

    fn identity(&self, path: &Path) -> Option<Identity> {
        let facts = std::fs::metadata(path).ok()?;
        Some(Identity {
            modified: (facts.mtime(), facts.mtime_nsec()),
            size: if facts.is_dir() { 0 } else { facts.size() },
            inode: facts.ino(),
            folder: facts.is_dir(),
        })
    }

    fn is_executable(&self, path: &Path) -> bool {
        std::fs::metadata(path).is_ok_and(|facts| facts.is_file() && facts.mode() & 0o111 != 0)
    }

    fn canonical(&self, path: &Path) -> Option<PathBuf> {
        path.canonicalize().ok()
    }

    fn list(&self, folder: &Path) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn store(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }

    fn run(&self, what: &Invocation, line: &mut dyn FnMut(&str)) -> io::Result<Answer> {
        let scratch = match what.files.is_empty() {
            true => None,
            false => Some(tempfile::Builder::new().prefix("cgolink-trial-").tempdir()?),
        };
        let folder = match &scratch {
            Some(scratch) => scratch.path().to_owned(),
            None => std::env::current_dir()?,
        };
        for (name, text) in &what.files {
            std::fs::write(folder.join(name), text)?;
        }
        let mut child = Command::new(&what.program)
            .args(&what.arguments)
            .envs(what.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        // Both pipes are emptied at once: a program that fills one while the other is read would wait for ever.
        let output = child.stdout.take().map(|pipe| std::thread::spawn(move || io::read_to_string(lossy(pipe))));
        let mut errors = String::new();
        if let Some(pipe) = child.stderr.take() {
            for_each_line(pipe, |text| {
                line(text);
                errors.push_str(text);
                errors.push('\n');
            })?;
        }
        let output = match output {
            Some(reader) => reader.join().map_err(|_| io::Error::other("the reader of its output failed"))??,
            None => String::new(),
        };
        let success = child.wait()?.success();
        Ok(Answer { success, output, errors, folder })
    }

    fn announce(&self, notice: Notice<'_>) {
        let mut stderr = io::stderr().lock();
        let terminal = stderr.is_terminal();
        // A message that cannot be written is no reason to fail.
        let _ = match notice {
            Notice::Begin(text) => writeln!(stderr, "cgolink: {text}"),
            Notice::Progress(text) if terminal => write!(stderr, "\r\x1b[2K  {text}").and_then(|()| stderr.flush()),
            Notice::End if terminal => write!(stderr, "\r\x1b[2K").and_then(|()| stderr.flush()),
            Notice::Progress(_) | Notice::End => Ok(()),
        };
    }
}

fn for_each_line(pipe: impl io::Read, mut each: impl FnMut(&str)) -> io::Result<()> {
    let mut reader = BufReader::new(pipe);
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes)? > 0 {
        each(String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']));
        bytes.clear();
    }
    Ok(())
}

/// A reader whose bytes that are not UTF-8 are replaced, for programs that print paths of any bytes.
fn lossy(mut pipe: impl io::Read) -> io::Cursor<Vec<u8>> {
    let mut bytes = Vec::new();
    // What came before an error is still an answer.
    let _ = pipe.read_to_end(&mut bytes);
    io::Cursor::new(String::from_utf8_lossy(&bytes).into_owned().into_bytes())
}

/// Looks a program up as a shell does: on the PATH, unless it is named with a slash. The path is absolute.
pub(super) fn find_program(probe: &dyn Probe, program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 || program.is_absolute() {
        let absolute = std::path::absolute(program).ok()?;
        return probe.is_executable(&absolute).then_some(absolute);
    }
    let path = probe.variable("PATH")?;
    std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(program))
        .find(|file| probe.is_executable(file))
}

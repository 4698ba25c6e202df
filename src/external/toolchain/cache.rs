//! What compilers answered, remembered in the user's cache folder: one small JSON file for each question.
//!
//! A remembered answer holds while its witnesses (the compiler's own files) are as they were and every file it names
//! is still there, so a warm link asks the file system and nobody else. A file that is damaged, of another version or
//! of another question is the same as none. Writing is by rename; a folder that cannot be written costs the next link a
//! question and nothing more.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::answer::CLibrary;
use super::probe::{Identity, Probe};

/// Changes with the meaning of the file's fields: older files are then not read.
const FORMAT: u32 = 1;

/// A compiler's file whose change makes the answer doubtful.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Witness {
    /// Which file or folder.
    path: PathBuf,
    /// Its state when the answer was given.
    identity: Identity,
}

/// One question and its answer.
#[derive(Serialize, Deserialize)]
struct Record<Answer> {
    format: u32,
    question: String,
    witnesses: Vec<Witness>,
    answer: Answer,
}

/// What may be remembered.
pub(super) trait Remembered: Serialize + DeserializeOwned {
    /// The files without which the answer is of no use.
    fn files(&self) -> Vec<&Path>;
}

impl Remembered for Result<CLibrary, String> {
    fn files(&self) -> Vec<&Path> {
        self.iter().flat_map(CLibrary::files).collect()
    }
}

impl Remembered for PathBuf {
    fn files(&self) -> Vec<&Path> {
        vec![self]
    }
}

/// The files as they are now; those that are not there bear no witness.
pub(super) fn witnesses(probe: &dyn Probe, paths: impl IntoIterator<Item = Option<PathBuf>>) -> Vec<Witness> {
    let mut seen: Vec<Witness> = Vec::new();
    for path in paths.into_iter().flatten() {
        if let Some(identity) = probe.identity(&path)
            && seen.iter().all(|witness| witness.path != path)
        {
            seen.push(Witness { path, identity });
        }
    }
    seen
}

impl Witness {
    fn holds(&self, probe: &dyn Probe) -> bool {
        probe.identity(&self.path) == Some(self.identity)
    }
}

/// The folder of everything remembered: `$CGOLINK_CACHE`, else `$XDG_CACHE_HOME/cgolink`, else `~/.cache/cgolink`.
/// `None` if no variable tells.
pub(crate) fn folder(probe: &dyn Probe) -> Option<PathBuf> {
    let absolute = |name: &str| probe.variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("CGOLINK_CACHE")
        .or_else(|| Some(absolute("XDG_CACHE_HOME")?.join("cgolink")))
        .or_else(|| Some(absolute("HOME")?.join(".cache/cgolink")))
}

/// The remembered answer, if it still holds.
pub(super) fn recall<Answer: Remembered>(probe: &dyn Probe, question: &str) -> Option<Answer> {
    let bytes = probe.read(&file(probe, question)?).ok()?;
    let record: Record<Answer> = serde_json::from_slice(&bytes).ok()?;
    let same = record.format == FORMAT && record.question == question;
    let holds = same && !record.witnesses.is_empty() && record.witnesses.iter().all(|witness| witness.holds(probe));
    let there = |answer: &Answer| answer.files().iter().all(|path| probe.identity(path).is_some());
    (holds && there(&record.answer)).then_some(record.answer)
}

/// Remembers an answer. What cannot be written is not remembered.
pub(super) fn remember<Answer: Remembered>(
    probe: &dyn Probe,
    question: &str,
    witnesses: Vec<Witness>,
    answer: &Answer,
) {
    let Some(path) = file(probe, question) else { return };
    let record = Record { format: FORMAT, question: question.to_owned(), witnesses, answer };
    let Ok(bytes) = serde_json::to_vec(&record) else { return };
    if let Err(error) = probe.store(&path, &bytes) {
        tracing::debug!(path = %path.display(), %error, "the toolchain's answer is not remembered");
    }
}

fn file(probe: &dyn Probe, question: &str) -> Option<PathBuf> {
    let hash = xxhash_rust::xxh3::xxh3_128(question.as_bytes());
    Some(folder(probe)?.join("toolchain").join(format!("{hash:032x}.json")))
}

#[cfg(test)]
mod tests {
    use super::super::answer::{Provenance, Rung, StaticKind};
    use super::super::fake::FakeProbe;
    use super::*;

    fn library() -> CLibrary {
        CLibrary {
            target: "x86_64-linux-musl".parse().unwrap(),
            kind: StaticKind::Executable,
            provenance: Provenance { rung: Rung::Zig, sentence: "made up".into() },
            crt_begin: vec!["/c/crt1.o".into()],
            crt_end: vec![],
            default_libraries: vec!["/c/libc.a".into()],
            library_dirs: vec![],
            unwind: None,
            cxx: vec![],
            ubsan: None,
            stack_size: Some(1 << 24),
            compiler: None,
        }
    }

    fn recall_library(probe: &dyn Probe, question: &str) -> Option<Result<CLibrary, String>> {
        recall(probe, question)
    }

    fn machine() -> FakeProbe {
        let probe = FakeProbe::new();
        ["/bin/zig", "/c/crt1.o", "/c/libc.a"].iter().for_each(|path| probe.put(path, b"1"));
        remember(&probe, "q", witnesses(&probe, [Some("/bin/zig".into())]), &Ok(library()));
        probe
    }

    fn stored() -> PathBuf {
        file(&FakeProbe::new(), "q").unwrap()
    }

    #[test]
    fn recalls_what_was_remembered() {
        assert_eq!(recall_library(&machine(), "q"), Some(Ok(library())));
        assert_eq!(recall_library(&machine(), "another question"), None);
    }

    #[test]
    fn forgets_when_the_compiler_changed() {
        let probe = machine();
        probe.put("/bin/zig", b"12");
        assert_eq!(recall_library(&probe, "q"), None);
        let probe = machine();
        probe.clock.set(7);
        assert_eq!(recall_library(&probe, "q"), None);
        let probe = machine();
        probe.remove("/bin/zig");
        assert_eq!(recall_library(&probe, "q"), None);
    }

    #[test]
    fn forgets_when_a_file_of_the_answer_is_gone() {
        let probe = machine();
        probe.remove("/c/libc.a");
        assert_eq!(recall_library(&probe, "q"), None);
    }

    #[test]
    fn looks_where_the_variables_say() {
        let mut probe = FakeProbe::new();
        assert_eq!(folder(&probe), Some("/home/me/.cache/cgolink".into()));
        probe.set("XDG_CACHE_HOME", "/xdg");
        assert_eq!(folder(&probe), Some("/xdg/cgolink".into()));
        probe.set("CGOLINK_CACHE", "/mine");
        assert_eq!(folder(&probe), Some("/mine".into()));
    }

    /// A damaged file is never an error: each is the same as none, or (where the damage hit no meaning) the answer.
    #[test]
    fn survives_every_truncation_and_many_mutations() {
        let probe = machine();
        let good = probe.read(&stored()).unwrap();
        for length in 0..good.len() {
            probe.store(&stored(), &good[..length]).unwrap();
            assert_eq!(recall_library(&probe, "q"), None, "the first {length} bytes");
        }
        let mut state = 1_u32;
        for _ in 0..4000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let mut bad = good.clone();
            let at = state as usize / 256 % bad.len();
            bad[at] = (state >> 24) as u8;
            probe.store(&stored(), &bad).unwrap();
            recall_library(&probe, "q");
        }
        probe.store(&stored(), &good).unwrap();
        assert!(recall_library(&probe, "q").is_some());
    }
}

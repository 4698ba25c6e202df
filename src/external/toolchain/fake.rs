//! A machine made up for tests: files, variables, and compilers that answer as real ones do.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::probe::{Answer, Identity, Invocation, Notice, Probe};
use crate::target::Target;

/// How a made-up program answers: by its arguments joined with blanks.
type Program = Box<dyn Fn(&str) -> Answer>;

/// Files, variables and programs.
#[derive(Default)]
pub struct FakeProbe {
    pub variables: BTreeMap<String, OsString>,
    pub files: RefCell<BTreeMap<PathBuf, Vec<u8>>>,
    pub programs: BTreeMap<PathBuf, Program>,
    pub runs: RefCell<Vec<String>>,
    pub notices: RefCell<Vec<String>>,
    pub clock: Cell<i64>,
}

impl FakeProbe {
    pub fn new() -> Self {
        let mut probe = FakeProbe::default();
        probe.set("PATH", "/bin");
        probe.set("HOME", "/home/me");
        probe
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.into());
    }

    /// An object file header for a machine is all that discovery reads of a start file.
    pub fn put_object(&self, path: &str, architecture: crate::target::Architecture) {
        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        bytes.resize(18, 0);
        bytes.extend(architecture.elf_machine().to_le_bytes());
        self.put(path, &bytes);
    }

    pub fn put(&self, path: &str, bytes: &[u8]) {
        self.files.borrow_mut().insert(path.into(), bytes.to_vec());
    }

    pub fn remove(&self, path: &str) {
        self.files.borrow_mut().remove(Path::new(path));
    }

    pub fn program(&mut self, path: &str, answer: impl Fn(&str) -> Answer + 'static) {
        self.put(path, b"program");
        self.programs.insert(path.into(), Box::new(answer));
    }

    /// A zig whose libraries are in `/zc/<triple>`.
    pub fn add_zig(&mut self) {
        for target in ["x86_64-linux-musl", "aarch64-linux-musl"] {
            for file in [
                "crt1.o",
                "rcrt1.o",
                "libc.a",
                "libzigc.a",
                "libcompiler_rt.a",
                "libubsan_rt.a",
                "libunwind.a",
                "libc++.a",
            ] {
                self.put(&format!("/zc/{target}/{file}"), b"x");
            }
        }
        self.put("/zig/lib/std", b"");
        self.program("/bin/zig", |words| {
            if words == "env" {
                let output =
                    ".{\n    .zig_exe = \"/bin/zig\",\n    .lib_dir = \"/zig/lib\",\n    .version = \"0.15.2\",\n}\n";
                return Answer { output: output.to_owned(), ..says("") };
            }
            let triple = words.split(' ').find_map(|word| word.strip_prefix("--target=")).unwrap();
            let start = if words.ends_with("-pie") { "rcrt1.o" } else { "crt1.o" };
            let cxx = if words.starts_with("c++ ") { format!("/zc/{triple}/libc++.a ") } else { String::new() };
            says(&format!(
                "ar rcs /zc/{triple}/libc.a a.o\nld.lld -z stack-size=16777216 -o trial /zc/{triple}/{start} trial.o \
                 /zc/{triple}/libubsan_rt.a {cxx}/zc/{triple}/libunwind.a /zc/{triple}/libc.a /zc/{triple}/libzigc.a \
                 /zc/{triple}/libcompiler_rt.a\n"
            ))
        });
    }

    /// A driver as gcc is, whose files are in `/<name>`.
    pub fn add_gcc(&mut self, name: &'static str, triple: &'static str) {
        let architecture = triple.parse::<Target>().unwrap().architecture;
        for file in ["crt1.o", "rcrt1.o", "crtn.o", "crtbeginT.o"] {
            self.put_object(&format!("/{name}-files/{file}"), architecture);
        }
        for file in ["libc.a", "libgcc.a", "libgcc_eh.a", "libm.a"] {
            self.put(&format!("/{name}-files/{file}"), b"x");
        }
        self.program(&format!("/bin/{name}"), move |words| {
            let folder = format!("/{name}-files");
            let start = if words.contains("-static-pie") { "rcrt1.o" } else { "crt1.o" };
            says(&format!(
                "Target: {triple}\ngcc version 12.2.0 (made up)\n /x/collect2 -static {folder}/{start} {folder}/crtbeginT.o \
                 -L{folder} -L/nowhere -lc --start-group -lgcc -lgcc_eh -lc --end-group {folder}/crtn.o\n"
            ))
        });
    }
}

/// An answer on standard error.
pub fn says(errors: &str) -> Answer {
    Answer { success: true, output: String::new(), errors: errors.to_owned(), folder: "/trial".into() }
}

impl Probe for FakeProbe {
    fn variable(&self, name: &str) -> Option<OsString> {
        self.variables.get(name).cloned()
    }

    fn identity(&self, path: &Path) -> Option<Identity> {
        let files = self.files.borrow();
        if let Some(bytes) = files.get(path) {
            let (size, modified) = (bytes.len() as u64, (self.clock.get(), 0));
            return Some(Identity { modified, size, inode: 1, folder: false });
        }
        let folder = files.keys().any(|file| file.starts_with(path));
        folder.then_some(Identity { modified: (0, 0), size: 0, inode: 2, folder })
    }

    fn is_executable(&self, path: &Path) -> bool {
        self.programs.contains_key(path)
    }

    fn canonical(&self, path: &Path) -> Option<PathBuf> {
        self.identity(path).map(|_| path.to_owned())
    }

    fn list(&self, folder: &Path) -> Vec<String> {
        let files = self.files.borrow();
        let names = files.keys().filter_map(|file| file.strip_prefix(folder).ok()?.components().next());
        let mut names: Vec<String> = names.map(|name| name.as_os_str().to_string_lossy().into_owned()).collect();
        names.dedup();
        names
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.files.borrow().get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn store(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.files.borrow_mut().insert(path.to_owned(), bytes.to_vec());
        Ok(())
    }

    fn run(&self, what: &Invocation, line: &mut dyn FnMut(&str)) -> io::Result<Answer> {
        let words: Vec<_> = what.arguments.iter().map(|word| word.to_string_lossy()).collect();
        let words = words.join(" ");
        self.runs.borrow_mut().push(format!("{} {words}", what.program.display()));
        let program = self.programs.get(&what.program).ok_or(io::ErrorKind::NotFound)?;
        let answer = program(&words);
        answer.errors.lines().for_each(line);
        Ok(answer)
    }

    fn announce(&self, notice: Notice<'_>) {
        self.notices.borrow_mut().push(format!("{notice:?}"));
    }
}

//! What a driver adds to a link: start files in front, the C library and its runtime behind, and the archives that
//! `-lm` and its like stand for in a C library without the usual folder. A pure function of the command and of what the
//! toolchain has, apart from asking whether a library stands in one of the user's folders.

use std::path::{Path, PathBuf};

use crate::args::cc::Driver;
use crate::args::request::{Input, InputModifiers, InputName, LinkRequest};
use crate::external::toolchain::{CLibrary, LibraryAnswer};
use crate::symbols::cpp_library::CppLibrary;

/// Completes a request. `exists` tells whether a file is there.
pub fn assemble(
    request: LinkRequest,
    driver: &Driver,
    library: &CLibrary,
    exists: &dyn Fn(&Path) -> bool,
) -> LinkRequest {
    let typed = library_folders(&request, driver);
    let mut inputs = Vec::new();
    let start_file = |path: &PathBuf| file(&preferred(&driver.prefixes, path, exists));
    if driver.start_files {
        inputs.extend(library.crt_begin.iter().map(start_file));
    }
    let is_cxx = driver.cxx && driver.cxx_library;
    let names_cxx = CppLibrary::is_among(&request.inputs);
    let mut takes_cxx = false;
    for input in request.inputs {
        match &input.what {
            InputName::Library(name) if !stands_in(&typed, name, exists) => match library.library(name) {
                LibraryAnswer::Archives(paths) => {
                    takes_cxx |= paths.iter().any(|path| CppLibrary::of_archive(path).is_some());
                    let with = |path| Input { what: InputName::File(path), modifiers: input.modifiers };
                    inputs.extend(paths.into_iter().map(with));
                }
                LibraryAnswer::Provided => {}
                LibraryAnswer::Unknown => inputs.push(input),
            },
            _ => inputs.push(input),
        }
    }
    if is_cxx {
        inputs.extend(cpp_library(library, CppLibrary::Either));
    } else if takes_cxx {
        inputs.extend(library.unwind.iter().map(|path| file(path)));
    } else if driver.cxx_library && !names_cxx {
        inputs.push(Input { what: InputName::CppLibrary, modifiers: InputModifiers::default() });
    }
    if let (true, LibraryAnswer::Archives(paths)) = (wants_ubsan(driver, library), library.library("ubsan")) {
        inputs.extend(paths.iter().map(|path| file(path)));
    }
    if let (true, LibraryAnswer::Archives(paths)) = (driver.threads && driver.c_library, library.library("pthread")) {
        inputs.extend(paths.iter().map(|path| file(path)));
    }
    inputs.extend(default_libraries(driver, library).map(|path| file(path)));
    if driver.start_files {
        inputs.extend(library.crt_end.iter().map(start_file));
    }
    let mut segments = request.segments;
    if driver.c_library {
        segments.stack_size = segments.stack_size.or(library.stack_size);
    }
    let mut library_paths = typed;
    library_paths.extend(library.library_dirs.iter().cloned());
    LinkRequest { target: Some(library.target), inputs, library_paths, segments, ..request }
}

/// A C++ library with what it needs besides the C library: the unwinder, and libm where that is apart. Empty if there is no
/// such library.
pub fn cpp_library(library: &CLibrary, wanted: CppLibrary) -> Vec<Input> {
    let mut paths = library.cpp_library(wanted);
    if paths.is_empty() {
        return Vec::new();
    }
    paths.extend(library.unwind.clone());
    if let LibraryAnswer::Archives(math) = library.library("m") {
        paths.extend(math);
    }
    paths.iter().map(|path| file(path)).collect()
}

/// `-L`, then `-B`, as drivers look.
fn library_folders(request: &LinkRequest, driver: &Driver) -> Vec<PathBuf> {
    request.library_paths.iter().chain(&driver.prefixes).cloned().collect()
}

/// Whether a folder of the user's has the library. A folder that starts with `=` stands below the sysroot; where that is
/// given the C library is found there too, and the engine looks the rest up.
fn stands_in(folders: &[PathBuf], name: &str, exists: &dyn Fn(&Path) -> bool) -> bool {
    let files = match name.strip_prefix(':') {
        Some(file) => [file.to_owned(), String::new()],
        None => [format!("lib{name}.a"), format!("lib{name}.so")],
    };
    let files: Vec<&String> = files.iter().filter(|file| !file.is_empty()).collect();
    folders.iter().any(|folder| files.iter().any(|file| exists(&folder.join(file))))
}

/// `file`, or the file of that name in a folder that `-B` names.
fn preferred(prefixes: &[PathBuf], file: &Path, exists: &dyn Fn(&Path) -> bool) -> PathBuf {
    let Some(name) = file.file_name() else { return file.to_owned() };
    prefixes.iter().map(|prefix| prefix.join(name)).find(|path| exists(path)).unwrap_or_else(|| file.to_owned())
}

/// Whether UBSan's runtime has to be added: gcc keeps it apart, zig's is one of the default libraries.
fn wants_ubsan(driver: &Driver, library: &CLibrary) -> bool {
    !driver.sanitizers.is_empty() && driver.runtime_library && library.ubsan.is_none()
}

/// The archives that end the link. As with gcc and zig, an unwinder that is not among them is only taken for the C++
/// runtime or for `-lunwind`.
fn default_libraries<'a>(driver: &Driver, library: &'a CLibrary) -> impl Iterator<Item = &'a PathBuf> {
    let (c_library, runtime) = (driver.c_library, driver.runtime_library);
    let is_libc = |path: &Path| path.file_name().is_some_and(|name| name == "libc.a" || name == "libzigc.a");
    let wanted = move |path: &&PathBuf| if is_libc(path) { c_library } else { runtime };
    library.default_libraries.iter().filter(wanted)
}

fn file(path: &Path) -> Input {
    Input {
        what: InputName::File(path.to_owned()),
        modifiers: InputModifiers { only_static: true, ..Default::default() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::cc;
    use crate::door::tests::input_names;
    use crate::external::toolchain::{Provenance, Rung, StaticKind};
    use std::ffi::OsString;

    /// zig's: no folder of archives.
    fn zig() -> CLibrary {
        let paths = |names: &[&str]| names.iter().map(|name| PathBuf::from(format!("/z/{name}"))).collect::<Vec<_>>();
        CLibrary {
            target: "x86_64-linux-musl".parse().unwrap(),
            kind: StaticKind::Executable,
            provenance: Provenance { rung: Rung::Zig, sentence: "zig".to_owned() },
            crt_begin: paths(&["crt1.o"]),
            crt_end: paths(&["crtn.o"]),
            default_libraries: paths(&["libc.a", "libcompiler_rt.a"]),
            library_dirs: paths(&["lib"]),
            unwind: Some("/z/libunwind.a".into()),
            cxx: paths(&["libc++.a", "libc++abi.a"]),
            ubsan: None,
            stack_size: Some(16 << 20),
            compiler: None,
        }
    }

    fn assembled(line: &str, present: &[&str]) -> (LinkRequest, String) {
        let command = cc::parse(line.split_whitespace().map(OsString::from).collect()).unwrap();
        let exists = |path: &Path| present.contains(&path.to_str().unwrap());
        let request = assemble(command.link.request, &command.driver, &zig(), &exists);
        let names = input_names(&request).join(" ");
        (request, names)
    }

    #[test]
    fn adds_what_a_driver_adds() {
        let (request, inputs) = assembled("-static a.o -L/own -o out", &[]);
        assert_eq!(inputs, "/z/crt1.o a.o C++ /z/libc.a /z/libcompiler_rt.a /z/crtn.o");
        assert_eq!(request.library_paths, [PathBuf::from("/own"), PathBuf::from("/z/lib")]);
        assert_eq!(request.segments.stack_size, Some(16 << 20));
        assert_eq!(request.target, "x86_64-linux-musl".parse().ok());
        assert_eq!(assembled("-static -Wl,-z,stack-size=4096 a.o", &[]).0.segments.stack_size, Some(4096));
    }

    #[test]
    fn leaves_out_what_was_not_wanted() {
        assert_eq!(assembled("-static -nostdlib a.o", &[]).1, "a.o");
        assert_eq!(assembled("-static -nostartfiles -nolibc a.o", &[]).1, "a.o C++ /z/libcompiler_rt.a");
        assert_eq!(assembled("-static -nodefaultlibs a.o", &[]).1, "/z/crt1.o a.o /z/crtn.o");
        let rest = "/z/libc.a /z/libcompiler_rt.a /z/crtn.o";
        for line in ["-nostdlib++ a.o", "--driver-mode=g++ a.o -nostdlib++", "-nostdlib++ a.o --driver-mode=g++"] {
            assert_eq!(assembled(&format!("-static {line}"), &[]).1, format!("/z/crt1.o a.o {rest}"), "{line}");
        }
    }

    #[test]
    fn libraries_are_looked_for_with_the_user_first() {
        let rest = "/z/libc.a /z/libcompiler_rt.a /z/crtn.o";
        let line = "-static a.o -lm -lpthread -lstdc++ -lown -lgcc_s";
        let inputs = assembled(line, &[]).1;
        assert_eq!(
            inputs,
            format!("/z/crt1.o a.o /z/libc++.a /z/libc++abi.a -lown /z/libunwind.a /z/libunwind.a {rest}"),
            "a C++ library is named"
        );
        let (_, inputs) = assembled("-static a.o -L/own -lm", &["/own/libm.a"]);
        assert_eq!(inputs, format!("/z/crt1.o a.o -lm C++ {rest}"));
        let (_, inputs) = assembled("-static --driver-mode=g++ a.o", &[]);
        assert_eq!(inputs, format!("/z/crt1.o a.o /z/libc++.a /z/libc++abi.a /z/libunwind.a {rest}"));
        let (_, inputs) = assembled("-static -B/b a.o", &["/b/crt1.o"]);
        assert_eq!(inputs, format!("/b/crt1.o a.o C++ {rest}"));
    }
}

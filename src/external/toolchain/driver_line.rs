//! The linker command line that a compiler driver prints when asked (`gcc -###`, zig's `ZIG_VERBOSE_LINK=1`): which start
//! files, archives, folders and stack size it would have given to its own linker.

use std::path::{Path, PathBuf};

/// The parts of a linker command line that come from the driver rather than from the user.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct DriverLine {
    /// Start files before the first library, in order.
    pub begin: Vec<PathBuf>,
    /// Start files after it.
    pub end: Vec<PathBuf>,
    /// `-L`, in order.
    pub folders: Vec<PathBuf>,
    /// Archives by path and `-l` names, in order.
    pub libraries: Vec<Library>,
    /// `-z stack-size=`, in bytes.
    pub stack_size: Option<u64>,
}

/// A library on the line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Library {
    /// An archive by its path.
    File(PathBuf),
    /// `-lNAME`.
    Name(String),
}

/// Start files by their names; the object of a trial has another name.
fn is_start_file(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(".o") && ["crt", "Scrt", "rcrt", "gcrt", "grcrt"].iter().any(|prefix| name.starts_with(prefix))
}

/// The last line in what a driver printed that runs a linker with start files, split by `split`; `None` if there is none.
pub(super) fn last_link(text: &str, split: impl Fn(&str) -> Vec<String>) -> Option<DriverLine> {
    text.lines().rev().find_map(|line| {
        let words = split(line);
        let (program, rest) = words.split_first()?;
        let name = Path::new(program).file_name()?.to_str()?;
        let linker = name.contains("collect2") || name.contains("ld") || name.contains("mold") || name == "wild";
        if !linker || rest.iter().any(|word| word == "-r") {
            return None;
        }
        let line = read(rest);
        (!line.begin.is_empty()).then_some(line)
    })
}

/// Flags whose value is the next word, where that word could be taken for a file.
fn takes_a_word(flag: &str) -> bool {
    matches!(
        flag,
        "-o" | "-m"
            | "-plugin"
            | "-dynamic-linker"
            | "--dynamic-linker"
            | "-e"
            | "--entry"
            | "-mllvm"
            | "-T"
            | "--sysroot"
            | "-soname"
            | "-rpath"
    )
}

/// Sorts the words of one linker command line.
fn read(words: &[String]) -> DriverLine {
    let mut line = DriverLine::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if takes_a_word(word) {
            words.next();
        } else if word == "-L" || word == "-z" {
            let value = words.next().map_or("", String::as_str);
            match word.as_str() {
                "-L" if !value.is_empty() => line.folders.push(value.into()),
                _ => keyword(&mut line, value),
            }
        } else if let Some(folder) = word.strip_prefix("-L") {
            line.folders.push(folder.into());
        } else if let Some(text) = word.strip_prefix("-z") {
            keyword(&mut line, text);
        } else if let Some(name) = word.strip_prefix("-l") {
            line.libraries.push(Library::Name(name.to_owned()));
        } else if !word.starts_with('-') && word.ends_with(".a") {
            line.libraries.push(Library::File(word.into()));
        } else if !word.starts_with('-') && is_start_file(Path::new(word)) {
            match line.libraries.is_empty() {
                true => line.begin.push(word.into()),
                false => line.end.push(word.into()),
            }
        }
    }
    line
}

fn keyword(line: &mut DriverLine, text: &str) {
    if let Some(size) = text.strip_prefix("stack-size=") {
        line.stack_size = match size.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => size.parse().ok(),
        };
    }
}

/// The words of a line as gcc and clang quote them: double quotation marks, in which a backslash escapes.
pub(super) fn split_quoted(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' => word.get_or_insert_default().extend(characters.next()),
            _ if character.is_whitespace() && !quoted => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

/// The words of a line that zig printed, which quotes nothing: a path with blanks is known by that the file exists.
pub(super) fn split_unquoted(line: &str, exists: impl Fn(&Path) -> bool) -> Vec<String> {
    /// More blanks than a path of a person's has.
    const MOST_BLANKS: usize = 16;
    let pieces: Vec<&str> = line.split(' ').collect();
    let is_input = |text: &str| text.ends_with(".o") || text.ends_with(".a");
    let mut words = Vec::new();
    let mut at = 0;
    while at < pieces.len() {
        let mut taken = 1;
        let piece = pieces[at];
        let is_whole = piece.is_empty() || piece.starts_with('-') || is_input(piece) && exists(Path::new(piece));
        if !is_whole {
            let last = pieces.len().min(at + MOST_BLANKS);
            let longer = (at + 2..=last).filter(|&end| is_input(pieces[end - 1]));
            taken = longer
                .map(|end| end - at)
                .find(|&count| exists(Path::new(&pieces[at..at + count].join(" "))))
                .unwrap_or(1);
        }
        if taken > 1 || !piece.is_empty() {
            words.push(pieces[at..at + taken].join(" "));
        }
        at += taken;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutation::numbers;

    const ZIG: &str = "ar rcs /c/o/1/libc.a /c/o/2/aio.o\n\
        ld.lld -r --error-limit=0 -O3 -o /c/o/3/crt1.o /c/o/4/crt1.o\n\
        ld.lld --error-limit=0 -mllvm -float-abi=hard -O3 --entry _start -z stack-size=16777216 --build-id=none \
        --image-base=16777216 --gc-sections --eh-frame-hdr -znow -m elf_x86_64 -static -o trial /c/o/3/crt1.o \
        /l/o/5/trial.o /c/o/6/libubsan_rt.a --as-needed -L/ /c/o/7/libunwind.a /c/o/1/libc.a /c/o/8/libzigc.a \
        /c/o/9/libcompiler_rt.a\n";

    const GCC: &str = "Using built-in specs.\nTarget: x86_64-linux-gnu\n \
        /g/12/collect2 -plugin /g/12/liblto_plugin.so \"-plugin-opt=-pass-through=-lgcc\" --build-id -m elf_x86_64 \
        -static /u/crt1.o \"/u v/crti.o\" /g/12/crtbeginT.o -L/g/12 -L /u -lc --start-group -lgcc -lgcc_eh -lc --end-group \
        /g/12/crtend.o /u/crtn.o\nCOLLECT_GCC_OPTIONS='-static' '-dumpdir' 'a.'\n";

    fn files(names: &[&str]) -> Vec<PathBuf> {
        names.iter().map(PathBuf::from).collect()
    }

    #[test]
    fn reads_what_zig_prints() {
        let line = last_link(ZIG, |text| split_unquoted(text, |path| path.starts_with("/c") || path.starts_with("/l")))
            .unwrap();
        assert_eq!(line.begin, files(&["/c/o/3/crt1.o"]));
        assert_eq!(line.stack_size, Some(16 << 20));
        let names = [
            "/c/o/6/libubsan_rt.a",
            "/c/o/7/libunwind.a",
            "/c/o/1/libc.a",
            "/c/o/8/libzigc.a",
            "/c/o/9/libcompiler_rt.a",
        ];
        assert_eq!(line.libraries, names.map(|name| Library::File(name.into())));
        assert!(line.end.is_empty());
    }

    #[test]
    fn reads_what_gcc_prints() {
        let line = last_link(GCC, split_quoted).unwrap();
        assert_eq!(line.begin, files(&["/u/crt1.o", "/u v/crti.o", "/g/12/crtbeginT.o"]));
        assert_eq!(line.end, files(&["/g/12/crtend.o", "/u/crtn.o"]));
        assert_eq!(line.folders, files(&["/g/12", "/u"]));
        assert_eq!(line.libraries, ["c", "gcc", "gcc_eh", "c"].map(|name| Library::Name(name.into())));
    }

    #[test]
    fn puts_paths_with_blanks_together_again() {
        let there = ["/my cache/o/1/crt1.o", "/my cache/o/2/libc.a"].map(Path::new);
        let words =
            split_unquoted("ld.lld -o trial /my cache/o/1/crt1.o /my cache/o/2/libc.a", |path| there.contains(&path));
        assert_eq!(words, ["ld.lld", "-o", "trial", "/my cache/o/1/crt1.o", "/my cache/o/2/libc.a"]);
    }

    #[test]
    fn finds_nothing_where_no_linker_is_run() {
        assert_eq!(last_link("error: unknown target\n", split_quoted), None);
        assert_eq!(last_link("ld.lld -r -o /c/crt1.o /d/crt1.o\n", split_quoted), None);
        assert_eq!(last_link("", split_quoted), None);
    }

    /// Any damage to the text gives some answer, or none, without a panic.
    #[test]
    fn survives_damaged_text() {
        let mut next = numbers(0x9e37_79b9_7f4a_7c15);
        for text in [ZIG, GCC] {
            for round in 0..2000 {
                let mut bytes = text.as_bytes().to_vec();
                for _ in 0..=round % 4 {
                    let at = next(bytes.len());
                    match next(4) {
                        0 => bytes[at] = next(256) as u8,
                        1 => bytes.truncate(at.max(1)),
                        2 => bytes[at] = b" \"\\-\n="[next(6)],
                        _ => drop(bytes.splice(at..at, b"-L -z -o ".iter().copied())),
                    }
                }
                let text = String::from_utf8_lossy(&bytes);
                last_link(&text, split_quoted);
                last_link(&text, |line| split_unquoted(line, |path| path.starts_with("/c")));
            }
        }
    }
}

//! Small files of several kinds, and damaged ones.

use super::*;

fn text(data: &[u8]) -> String {
    inspect(Path::new("x"), data).unwrap().text()
}

fn flags(words: &[&str]) -> diag::Result<Option<Options>> {
    options(&words.iter().map(OsString::from).collect::<Vec<_>>())
}

/// An archive with one member.
fn archive(name: &str, contents: &[u8]) -> Vec<u8> {
    let mut bytes = b"!<arch>\n".to_vec();
    bytes.extend(format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 644, contents.len()).bytes());
    bytes.extend(contents);
    bytes
}

#[test]
fn the_command_line() {
    let options = flags(&["--show=symbols,files", "--format=json", "a.o"]).unwrap().unwrap();
    assert_eq!(options.show, Some(vec!["symbols".to_owned(), "files".to_owned()]));
    assert!(options.json);
    assert_eq!(flags(&["--help"]).unwrap(), None);
    for wrong in [&["--show=everything", "a"][..], &["--color", "a"], &[]] {
        assert!(flags(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn help_names_every_table() {
    for table in TABLES {
        assert!(HELP.contains(table), "{table}");
    }
}

#[test]
fn kinds_that_are_only_recognised() {
    assert!(text(b"\0asm\x01\0\0\0").contains("WebAssembly module"));
    assert!(text(b"").contains("empty file"));
}

#[test]
fn an_archive_lists_its_members() {
    let archive = archive("note.txt/", b"some text\n");
    let text = text(&archive);
    assert!(text.contains("note.txt  10    text"), "{text}");
}

#[test]
fn tables_can_be_chosen_and_come_as_json() {
    let bytes = archive("note.txt/", b"some text\n");
    let mut part = inspect(Path::new("x"), &bytes).unwrap();
    let json = serde_json::to_value(&part).unwrap();
    assert_eq!(json["members"][0]["size"], 10);
    assert_eq!(json["objects"][0]["kind"], "text");
    part.keep(&["symbols".to_owned()]);
    let json = serde_json::to_value(&part).unwrap();
    assert_eq!((json.get("members"), &json["kind"]), (None, &"archive".into()));
}

#[test]
fn damage_is_an_error_that_names_the_file() {
    let mut bytes = archive("__.PKGDEF", b"go object linux amd64 go1.26.8\n");
    bytes.extend(b"garbage");
    let error = inspect(Path::new("damaged.a"), &bytes).unwrap_err();
    assert_eq!(error.origin.file.as_deref(), Some(Path::new("damaged.a")));
    assert!(inspect(Path::new("x"), b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0").is_err());
}

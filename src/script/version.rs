//! Version scripts and dynamic lists (the GNU ld manual, 3.9 "VERSION Command" and the option `--dynamic-list`).

use std::path::Path;

use crate::diag::{self, Diagnostic};

use super::ast::{VersionNode, VersionPattern};
use super::lexer::{Lexer, Parsed, Words, decode};

/// Reads a `--version-script`.
pub fn parse_version_script(text: &[u8], path: &Path) -> diag::Result<Vec<VersionNode>> {
    let text = decode(text, path)?;
    let mut lexer = Lexer::new(text, path);
    let whole = |lexer: &mut Lexer| {
        let nodes = nodes(lexer)?;
        if lexer.at_end()? { Ok(nodes) } else { Err(lexer.expected("a version")) }
    };
    whole(&mut lexer).map_err(|error: Box<Diagnostic>| (*error).into())
}

/// Reads a `--dynamic-list`: the patterns of all its blocks.
pub fn parse_dynamic_list(text: &[u8], path: &Path) -> diag::Result<Vec<VersionPattern>> {
    let text = decode(text, path)?;
    let mut lexer = Lexer::new(text, path);
    let whole = |lexer: &mut Lexer| {
        let mut patterns = Vec::new();
        while !lexer.at_end()? {
            lexer.expect("{")?;
            while !lexer.take("}")? {
                pattern(lexer, false, &mut patterns)?;
            }
            lexer.expect(";")?;
        }
        Ok(patterns)
    };
    whole(&mut lexer).map_err(|error: Box<Diagnostic>| (*error).into())
}

/// Version nodes, up to a closing brace or the end.
pub fn nodes(lexer: &mut Lexer) -> Parsed<Vec<VersionNode>> {
    let mut nodes = Vec::new();
    while !lexer.at_end()? && !lexer.rest()?.starts_with('}') {
        nodes.push(node(lexer)?);
    }
    Ok(nodes)
}

fn node(lexer: &mut Lexer) -> Parsed<VersionNode> {
    let mut node = VersionNode::default();
    if !lexer.rest()?.starts_with('{') {
        node.name = lexer.name(Words::Section, "a version")?.to_owned();
    }
    lexer.expect("{")?;
    let mut local = false;
    while !lexer.take("}")? {
        if let Some(now_local) = scope(lexer)? {
            local = now_local;
            continue;
        }
        pattern(lexer, false, if local { &mut node.local } else { &mut node.global })?;
    }
    while !lexer.take(";")? {
        node.parents.push(lexer.name(Words::Section, "';' or an older version")?.to_owned());
    }
    Ok(node)
}

/// `global:` or `local:`, which may touch the pattern after it; a pattern may itself be called `global`.
fn scope(lexer: &mut Lexer) -> Parsed<Option<bool>> {
    let mark = lexer.mark();
    for (name, local) in [("global", false), ("local", true)] {
        if lexer.keyword(name)? {
            let colon = lexer.take(":")?;
            if colon && !lexer.rest()?.starts_with(':') {
                return Ok(Some(local));
            }
            lexer.back_to(mark);
        }
    }
    Ok(None)
}

/// One pattern with its semicolon, or an `extern "C++"` block of them.
fn pattern(lexer: &mut Lexer, cpp: bool, patterns: &mut Vec<VersionPattern>) -> Parsed<()> {
    let mark = lexer.mark();
    if lexer.keyword("extern")? && lexer.rest()?.starts_with('"') {
        let cpp = match lexer.name(Words::Symbol, "a language")? {
            "C" => false,
            "C++" => true,
            language => return Err(lexer.error(format!("extern \"{language}\": only C and C++ are languages here"))),
        };
        lexer.expect("{")?;
        lexer.nested(|lexer| {
            while !lexer.take("}")? {
                pattern(lexer, cpp, patterns)?;
            }
            Ok(())
        })?;
        lexer.take(";")?;
        return Ok(());
    }
    lexer.back_to(mark);
    let exact = lexer.rest()?.starts_with('"');
    let text = lexer.name(Words::Version, "a symbol's name or a pattern")?;
    patterns.push(VersionPattern { pattern: text.to_owned(), exact, cpp });
    // The last one of a block may go without.
    if !lexer.take(";")? && !lexer.rest()?.starts_with('}') {
        return Err(lexer.expected("';'"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(pattern: &str) -> VersionPattern {
        VersionPattern { pattern: pattern.into(), exact: false, cpp: false }
    }

    #[test]
    fn reads_nodes_in_the_usual_spellings() {
        let text = b"# comment\nV1 { global: a; b*; extern \"C++\" { ns::*; \"f(int, char)\"; }; local:*; };\nV2 { c } V1;\n{ global : d; };";
        let nodes = parse_version_script(text, Path::new("v.map")).unwrap();
        assert_eq!(nodes.len(), 3);
        assert_eq!(nodes[0].name, "V1");
        assert_eq!(
            nodes[0].global,
            [
                plain("a"),
                plain("b*"),
                VersionPattern { pattern: "ns::*".into(), exact: false, cpp: true },
                VersionPattern { pattern: "f(int, char)".into(), exact: true, cpp: true },
            ]
        );
        assert_eq!(nodes[0].local, [plain("*")]);
        assert_eq!(
            (nodes[1].global.as_slice(), nodes[1].parents.as_slice()),
            (&[plain("c")][..], &["V1".to_owned()][..])
        );
        assert_eq!((nodes[2].name.as_str(), nodes[2].global.as_slice()), ("", &[plain("d")][..]));
    }

    #[test]
    fn reads_dynamic_lists() {
        let list = parse_dynamic_list(b"{ main; _cgo_*; extern \"C\" { x; }; };\n{ y; };", Path::new("d")).unwrap();
        assert_eq!(list, [plain("main"), plain("_cgo_*"), plain("x"), plain("y")]);
    }

    #[test]
    fn names_the_place_of_a_mistake() {
        let error = parse_version_script(b"V1 {\n  a b;\n};", Path::new("v.map")).unwrap_err();
        assert_eq!(error.to_string(), "cgolink: error: v.map:2:5: expected ';', found 'b'");
        for bad in ["V1", "V1 {", "V1 { a; }", "V1 { extern \"Java\" { a; }; };", "}", "{ \"a; };"] {
            assert!(parse_version_script(bad.as_bytes(), Path::new("v")).is_err(), "{bad}");
        }
        assert!(parse_dynamic_list("extern \"C\" {".repeat(1000).as_bytes(), Path::new("v")).is_err());
        let deep = format!("{{ {}", "extern \"C\" {".repeat(1000));
        assert!(parse_dynamic_list(deep.as_bytes(), Path::new("v")).is_err());
    }
}

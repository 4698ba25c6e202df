//! `.go.buildinfo`: which Go made the file, and from which modules. Mirrors debug/buildinfo/buildinfo.go, Go 1.26 and 1.27.

use super::Image;
use super::bytes::uvarint;

/// The marker at its start.
const MAGIC: &[u8] = b"\xff Go buildinf:";
/// The flag of the form that holds its strings itself, since Go 1.18.
const INLINE_STRINGS: u8 = 2;
const HEADER: usize = 32;

/// What it says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BuildInfo {
    /// `go1.26.8`.
    pub version: String,
    /// The module lines, without the marks around them.
    pub modules: String,
}

impl BuildInfo {
    /// Reads the section, if there is one in the form of these releases.
    pub fn of(image: &Image<'_>) -> Option<Self> {
        let data = image.section(".go.buildinfo")?.contents;
        if !data.starts_with(MAGIC) || data.get(15)? & INLINE_STRINGS == 0 {
            return None;
        }
        let (version, next) = string(data, HEADER)?;
        let (modules, _) = string(data, next)?;
        // 16 bytes mark the start and 16 the end.
        let modules = modules.get(16..modules.len().saturating_sub(16)).unwrap_or(&[]);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Some(BuildInfo { version: text(version), modules: text(modules) })
    }

    /// The minor release: 26 for `go1.26.8`.
    pub fn minor(&self) -> Option<u32> {
        let rest = self.version.split("go1.").nth(1)?;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    }
}

fn string(data: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let (length, size) = uvarint(data, at)?;
    let start = at.checked_add(size)?;
    let end = start.checked_add(usize::try_from(length).ok()?)?;
    Some((data.get(start..end)?, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minor_release() {
        let minor = |version: &str| BuildInfo { version: version.to_owned(), modules: String::new() }.minor();
        assert_eq!(minor("go1.26.8"), Some(26));
        assert_eq!(minor("devel go1.27-abcdef"), Some(27));
        assert_eq!(minor("gccgo 14"), None);
    }

    #[test]
    fn strings_stay_inside() {
        assert_eq!(string(b"\x03abcd", 0), Some((&b"abc"[..], 4)));
        assert_eq!(string(b"\x05abcd", 0), None);
        assert_eq!(string(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01abcd", 0), None);
    }
}

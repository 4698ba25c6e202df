//! What a file is, from its first bytes: a pure function, so that the loader can choose a reader, or an error that says
//! what was found instead.
//!
//! | first bytes | kind |
//! |---|---|
//! | none | [`FileKind::Empty`] |
//! | `7f E L F` | [`FileKind::Elf`], with class, byte order, `e_type` and `e_machine` (gABI 4.1) |
//! | `!<arch>\n`, `!<thin>\n` | [`FileKind::Archive`]; [`FileKind::GoArchive`] when its first member is `__.PKGDEF` |
//! | `B C c0 de`, `de c0 17 0b` | [`FileKind::Bitcode`]: LLVM IR, bare or in its wrapper |
//! | `fe ed fa ce`, `fe ed fa cf`, either order | [`FileKind::MachO`] |
//! | `ca fe ba be`, `ca fe ba bf` and a small count | [`FileKind::MachOFat`]; a large count is a Java class file |
//! | `\0 a s m` | [`FileKind::Wasm`] |
//! | `M Z`; or a COFF machine and a header that fits | [`FileKind::Pe`]; [`FileKind::Coff`] |
//! | `go object `, `\0go1` | [`FileKind::GoObject`] |
//! | printable | [`FileKind::Text`]: a linker script, perhaps |

use super::archive;

/// What a file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileKind {
    /// It has no bytes.
    Empty,
    /// An ELF file.
    Elf(ElfKind),
    /// An `ar` archive.
    Archive {
        /// The members are files of their own.
        thin: bool,
    },
    /// A compiled Go package: an archive whose first member is `__.PKGDEF`.
    GoArchive,
    /// A Go object outside an archive.
    GoObject,
    /// LLVM IR: an object made with `-flto`.
    Bitcode,
    /// A Mach-O file of one architecture.
    MachO,
    /// Mach-O files of several architectures in one.
    MachOFat,
    /// A COFF object, or a member of a Windows import library.
    Coff,
    /// A Windows executable or DLL.
    Pe,
    /// A WebAssembly module.
    Wasm,
    /// Text, which may be a linker script.
    Text,
    /// None of these.
    Unknown,
}

/// What an ELF header says of its file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ElfKind {
    /// 64-bit (ELFCLASS64).
    pub is_64: bool,
    /// Little endian (ELFDATA2LSB).
    pub little_endian: bool,
    /// The use it is made for.
    pub role: ElfRole,
    /// `e_machine`.
    pub machine: u16,
}

/// `e_type`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ElfRole {
    /// ET_REL: an object file.
    Relocatable,
    /// ET_EXEC: an executable at a fixed address.
    Executable,
    /// ET_DYN: a shared object or a position-independent executable.
    Shared,
    /// Core files and what is not known.
    Other,
    /// The file ends before its header does.
    Truncated,
}

impl ElfRole {
    /// The name in sentences.
    pub const fn name(self) -> &'static str {
        match self {
            ElfRole::Relocatable => "object file",
            ElfRole::Executable => "executable",
            ElfRole::Shared => "shared object",
            ElfRole::Other => "ELF file of another type",
            ElfRole::Truncated => "truncated ELF file",
        }
    }
}

impl FileKind {
    /// What the file with these contents is. Looks at the first 512 bytes at most.
    pub fn of(data: &[u8]) -> FileKind {
        let magic: [u8; 4] = match data.get(..4) {
            Some(bytes) => [bytes[0], bytes[1], bytes[2], bytes[3]],
            None if data.is_empty() => return FileKind::Empty,
            None => return text_or_unknown(data),
        };
        match &magic {
            b"\x7fELF" => FileKind::Elf(elf(data)),
            b"BC\xc0\xde" | b"\xde\xc0\x17\x0b" => FileKind::Bitcode,
            b"\xfe\xed\xfa\xce" | b"\xfe\xed\xfa\xcf" | b"\xce\xfa\xed\xfe" | b"\xcf\xfa\xed\xfe" => FileKind::MachO,
            // A class file has its version here, which is at least 45.
            b"\xca\xfe\xba\xbe" | b"\xca\xfe\xba\xbf" if matches!(data.get(4..8), Some([0, 0, 0, 0..43])) => {
                FileKind::MachOFat
            }
            b"\0asm" => FileKind::Wasm,
            b"\0go1" => FileKind::GoObject,
            _ if data.starts_with(b"go object ") => FileKind::GoObject,
            _ if data.starts_with(archive::MAGIC) => {
                let is_go = data.get(8..24).is_some_and(|name| name.trim_ascii_end() == b"__.PKGDEF");
                if is_go { FileKind::GoArchive } else { FileKind::Archive { thin: false } }
            }
            _ if data.starts_with(archive::THIN_MAGIC) => FileKind::Archive { thin: true },
            _ if data.starts_with(b"MZ") && data.len() >= 64 => FileKind::Pe,
            _ if coff_machine(data).is_some() => FileKind::Coff,
            _ => text_or_unknown(data),
        }
    }
}

/// The `Machine` of a COFF object, whose header has no magic: a known machine, no optional header, and sections and
/// symbols that the file has room for. Also that of an import library's members (machine 0, 0xffff, then the machine).
pub fn coff_machine(data: &[u8]) -> Option<u16> {
    let half = |at: usize| data.get(at..at + 2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
    let word = |at: usize| Some(u64::from(half(at)?) | u64::from(half(at + 2)?) << 16);
    let is_known = |machine| matches!(machine, 0x014c | 0x01c4 | 0x8664 | 0xaa64 | 0xa641);
    if half(0)? == 0 && half(2)? == 0xffff {
        return half(6).filter(|&machine| is_known(machine));
    }
    let (machine, sections, optional) = (half(0)?, u64::from(half(2)?), half(16)?);
    let (symbols, symbol_count) = (word(8)?, word(12)?);
    let fits = 20 + sections * 40 <= data.len() as u64 && symbols + symbol_count * 18 <= data.len() as u64;
    (is_known(machine) && optional == 0 && fits).then_some(machine)
}

/// One section as [`is_slim_lto`] sees it.
#[derive(Clone, Copy, Debug)]
pub struct SectionFacts<'data> {
    /// Its name.
    pub name: &'data [u8],
    /// Bytes of contents.
    pub size: u64,
    /// Whether it goes into the image (SHF_ALLOC).
    pub is_allocated: bool,
}

/// Whether these are the sections of a GCC object that holds its program as `.gnu.lto_` sections only (`-flto` without
/// `-ffat-lto-objects`): there is nothing in it to link.
pub fn is_slim_lto<'data>(sections: impl IntoIterator<Item = SectionFacts<'data>>) -> bool {
    let mut has_lto = false;
    for section in sections {
        has_lto |= section.name.starts_with(b".gnu.lto_");
        let is_note = section.name.starts_with(b".note");
        if section.is_allocated && section.size > 0 && !is_note && !section.name.starts_with(b".gnu.") {
            return false;
        }
    }
    has_lto
}

fn elf(data: &[u8]) -> ElfKind {
    let byte = |at: usize| data.get(at).copied().unwrap_or_default();
    let little_endian = byte(5) != 2;
    let half = |at: usize| {
        let bytes = [byte(at), byte(at + 1)];
        if little_endian { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) }
    };
    let is_64 = byte(4) != 1;
    let role = match half(16) {
        _ if data.len() < if is_64 { 64 } else { 52 } => ElfRole::Truncated,
        object::elf::ET_REL => ElfRole::Relocatable,
        object::elf::ET_EXEC => ElfRole::Executable,
        object::elf::ET_DYN => ElfRole::Shared,
        _ => ElfRole::Other,
    };
    ElfKind { is_64, little_endian, role, machine: half(18) }
}

/// Text is UTF-8 without control characters in its first 512 bytes.
fn text_or_unknown(data: &[u8]) -> FileKind {
    let head = &data[..data.len().min(512)];
    let is_control = |byte: &u8| matches!(byte, 0..=8 | 14..=31 | 127);
    let is_utf8 = match std::str::from_utf8(head) {
        Ok(_) => true,
        // The 512th byte may be amid a character.
        Err(error) => error.error_len().is_none() && head.len() < data.len(),
    };
    if is_utf8 && !head.iter().any(is_control) { FileKind::Text } else { FileKind::Unknown }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutation::numbers;

    /// An ELF header of 64 bytes.
    fn elf_header(class: u8, order: u8, kind: u8, machine: u8) -> Vec<u8> {
        let mut header = vec![0u8; 64];
        header[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, order]);
        let low = if order == 2 { 1 } else { 0 };
        (header[16 + low], header[18 + low]) = (kind, machine);
        header
    }

    #[test]
    fn reads_elf_headers() {
        let object = ElfKind { is_64: true, little_endian: true, role: ElfRole::Relocatable, machine: 62 };
        assert_eq!(FileKind::of(&elf_header(2, 1, 1, 62)), FileKind::Elf(object));
        let shared = ElfKind { role: ElfRole::Shared, machine: 183, ..object };
        assert_eq!(FileKind::of(&elf_header(2, 1, 3, 183)), FileKind::Elf(shared));
        let big = ElfKind { is_64: false, little_endian: false, role: ElfRole::Executable, machine: 8 };
        assert_eq!(FileKind::of(&elf_header(1, 2, 2, 8)), FileKind::Elf(big));
        let cut = ElfKind { role: ElfRole::Truncated, ..object };
        assert_eq!(FileKind::of(&elf_header(2, 1, 1, 62)[..63]), FileKind::Elf(cut));
    }

    #[test]
    fn knows_containers_and_other_formats() {
        let kinds: [(&[u8], FileKind); 17] = [
            (b"", FileKind::Empty),
            (b"!<arch>\n", FileKind::Archive { thin: false }),
            (b"!<thin>\n", FileKind::Archive { thin: true }),
            (b"!<arch>\n__.PKGDEF       0           ", FileKind::GoArchive),
            (b"go object linux amd64 go1.26", FileKind::GoObject),
            (b"\0go120ld", FileKind::GoObject),
            (b"BC\xc0\xde", FileKind::Bitcode),
            (b"\xde\xc0\x17\x0b\0\0\0\0", FileKind::Bitcode),
            (b"\xcf\xfa\xed\xfe", FileKind::MachO),
            (b"\xca\xfe\xba\xbe\0\0\0\x02", FileKind::MachOFat),
            (b"\xca\xfe\xba\xbe\0\0\0\x34", FileKind::Unknown),
            (b"\0asm\x01\0\0\0", FileKind::Wasm),
            (b"\x64\x86\x01\0\0\0\0\0", FileKind::Unknown),
            (b"GROUP ( libc.so.6 )", FileKind::Text),
            ("/* \u{e4} */".as_bytes(), FileKind::Text),
            (b"int\0", FileKind::Unknown),
            (b"\xff\xfe", FileKind::Unknown),
        ];
        for (data, kind) in kinds {
            assert_eq!(FileKind::of(data), kind, "{data:?}");
        }
    }

    #[test]
    fn coff_needs_a_header_that_fits() {
        let mut object = vec![0u8; 60];
        object[..4].copy_from_slice(&[0x64, 0x86, 1, 0]);
        assert_eq!((FileKind::of(&object), coff_machine(&object)), (FileKind::Coff, Some(0x8664)));
        object[2] = 2; // one section too many for 60 bytes
        assert_eq!(FileKind::of(&object), FileKind::Unknown);
        assert_eq!(coff_machine(b"\0\0\xff\xff\0\0\x64\xaa"), Some(0xaa64));
        let mut program = vec![0u8; 64];
        program[..2].copy_from_slice(b"MZ");
        assert_eq!(FileKind::of(&program), FileKind::Pe);
        assert_eq!(FileKind::of(b"MZ is how this text starts"), FileKind::Text);
    }

    #[test]
    fn slim_lto_objects_have_nothing_to_link() {
        let section = |name, size, is_allocated| SectionFacts { name, size, is_allocated };
        let lto = section(b".gnu.lto_main.0".as_slice(), 300, false);
        let empty_text = section(b".text", 0, true);
        assert!(is_slim_lto([empty_text, lto, section(b".note.GNU-stack", 0, false)]));
        assert!(!is_slim_lto([section(b".text", 4, true), lto]));
        assert!(!is_slim_lto([empty_text]));
    }

    #[test]
    fn any_bytes_have_a_kind() {
        let mut random = numbers(88_172_645_463_325_252);
        let seeds =
            [elf_header(2, 1, 1, 62), b"!<arch>\n__.PKGDEF       ".to_vec(), vec![0x64, 0x86, 1, 0, 9], vec![0; 64]];
        for round in 0..4000 {
            let mut mutant = seeds[round % seeds.len()].clone();
            mutant.truncate(random(mutant.len() + 1));
            for byte in mutant.iter_mut().take(24) {
                if random(8) == 0 {
                    *byte = random(256) as u8;
                }
            }
            let kind = FileKind::of(&mutant);
            assert_eq!(kind == FileKind::Empty, mutant.is_empty());
        }
    }
}

//! Mach-O files as far as an ELF link needs them: recognised and described, so that the error can say what was given
//! and how to build it again.
//!
//! The records are goblin's; each is read alone, from a slice that has been bounds checked, and nothing that a file
//! claims decides how much is allocated. goblin's whole-file parser, which follows every table of the file, is not used.

use std::fmt;

use goblin::mach::constants::cputype;
use goblin::mach::fat::{self, FatArch};
use goblin::mach::header::{self, Header};
use goblin::mach::load_command::{self, BuildVersionCommand, LoadCommandHeader};
use scroll::Pread;

use super::archive::{Archive, MemberData};

/// A Mach-O file, or several in one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MachO {
    /// Whether it is a fat ("universal") file.
    pub is_fat: bool,
    /// What it holds; one if it is not fat.
    pub slices: Vec<Slice>,
}

/// The Mach-O file of one architecture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Slice {
    /// Bytes from the start of the file.
    pub offset: u64,
    /// Apple's name of the architecture: `arm64`, `x86_64`…; `cpu type 0x…` if it has none.
    pub architecture: String,
    /// What it is made for.
    pub role: Role,
    /// The system it is made for, where it says so: `macOS`, `iOS`…
    pub platform: Option<&'static str>,
}

/// `filetype` of the header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// MH_OBJECT.
    Object,
    /// MH_EXECUTE.
    Executable,
    /// MH_DYLIB and MH_BUNDLE.
    Library,
    /// An archive of objects, within a fat file.
    Archive,
    /// What none of these is.
    Other,
}

/// Why a file with a Mach-O magic cannot even be described.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{what}")]
pub struct MachOError {
    /// Bytes from the start of the file.
    pub offset: u64,
    /// What is wrong there.
    pub what: &'static str,
}

impl MachO {
    /// Describes a thin or fat file; see [`super::kind::FileKind`] for which files to ask about.
    ///
    /// # Errors
    /// A header or a slice that the file ends within, and a fat header that counts no slices.
    pub fn parse(data: &[u8]) -> Result<Self, MachOError> {
        let magic = data.get(..4).ok_or(MachOError { offset: 0, what: "the Mach-O header is truncated" })?;
        match u32::from_be_bytes([magic[0], magic[1], magic[2], magic[3]]) {
            fat::FAT_MAGIC => fat_slices(data, fat_arch),
            FAT_MAGIC_64 => fat_slices(data, fat_arch_64),
            _ => Ok(MachO { is_fat: false, slices: vec![thin(data, 0)?] }),
        }
    }

    /// The names of the architectures, each once, in file order.
    pub fn architectures(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for slice in &self.slices {
            if !names.contains(&slice.architecture.as_str()) {
                names.push(&slice.architecture);
            }
        }
        names
    }
}

impl fmt::Display for MachO {
    /// `a Mach-O object file for arm64 (macOS)`, `a fat Mach-O archive for x86_64 and arm64`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = self.slices.first().map_or(Role::Other, |slice| slice.role);
        write!(out, "a {}Mach-O {} for ", if self.is_fat { "fat " } else { "" }, role.name())?;
        let names = self.architectures();
        for (index, name) in names.iter().enumerate() {
            let joint = match index {
                0 => "",
                _ if index + 1 == names.len() => " and ",
                _ => ", ",
            };
            write!(out, "{joint}{name}")?;
        }
        match self.slices.first().and_then(|slice| slice.platform) {
            Some(platform) => write!(out, " ({platform})"),
            None => Ok(()),
        }
    }
}

impl Role {
    /// The name in sentences.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Object => "object file",
            Role::Executable => "executable",
            Role::Library => "dynamic library",
            Role::Archive => "archive",
            Role::Other => "file",
        }
    }
}

/// Fat files whose slices may lie past 4 GiB.
const FAT_MAGIC_64: u32 = 0xcafe_babf;
/// More slices than any tool writes; a count past it is no Mach-O (a Java class file starts alike).
const MAX_SLICES: usize = 42;

/// Where a fat file says a slice is, and for which processor.
struct Place {
    cpu: (u32, u32),
    offset: u64,
    size: u64,
}

fn fat_arch(record: &[u8]) -> Option<Place> {
    let record = FatArch::parse(record, 0).ok()?;
    Some(Place {
        cpu: (record.cputype(), record.cpusubtype()),
        offset: u64::from(record.offset),
        size: u64::from(record.size),
    })
}

/// `struct fat_arch_64`: two words, two double words, two words.
fn fat_arch_64(record: &[u8]) -> Option<Place> {
    let word = |at: usize| record.pread_with::<u32>(at, scroll::BE).ok();
    let long = |at: usize| record.pread_with::<u64>(at, scroll::BE).ok();
    (record.len() >= 32).then_some(())?;
    Some(Place { cpu: (word(0)?, word(4)? & !cputype::CPU_SUBTYPE_MASK), offset: long(8)?, size: long(16)? })
}

fn fat_slices(data: &[u8], place: fn(&[u8]) -> Option<Place>) -> Result<MachO, MachOError> {
    let width = if data[3] == 0xbf { 32 } else { fat::SIZEOF_FAT_ARCH };
    let truncated = |offset| MachOError { offset, what: "the fat Mach-O header is truncated" };
    let count = data.pread_with::<u32>(4, scroll::BE).map_err(|_| truncated(4))? as usize;
    if count == 0 || count > MAX_SLICES {
        return Err(MachOError { offset: 4, what: "the fat Mach-O header has an impossible number of slices" });
    }
    let mut slices = Vec::with_capacity(count);
    for index in 0..count {
        let at = fat::SIZEOF_FAT_HEADER + index * width;
        let record = data.get(at..at + width).ok_or_else(|| truncated(at as u64))?;
        let place = place(record).ok_or_else(|| truncated(at as u64))?;
        let bytes = usize::try_from(place.offset)
            .ok()
            .and_then(|start| data.get(start..)?.get(..usize::try_from(place.size).ok()?))
            .ok_or(MachOError { offset: at as u64, what: "the fat Mach-O file's slice reaches past its end" })?;
        slices.push(slice(bytes, &place)?);
    }
    Ok(MachO { is_fat: true, slices })
}

/// A slice is a Mach-O file or an archive of them; the fat header knows its processor either way.
fn slice(bytes: &[u8], place: &Place) -> Result<Slice, MachOError> {
    let architecture = architecture(place.cpu);
    let Ok(archive) = Archive::parse(bytes) else {
        let inner = thin(bytes, place.offset)?;
        return Ok(Slice { architecture, ..inner });
    };
    let first = archive.members().flatten().find_map(|member| match member.data {
        MemberData::Inline(data) => thin(data, 0).ok(),
        MemberData::Thin(_) => None,
    });
    let platform = first.and_then(|object| object.platform);
    Ok(Slice { offset: place.offset, architecture, role: Role::Archive, platform })
}

/// A Mach-O file of one architecture that starts at `offset` of the whole file.
fn thin(data: &[u8], offset: u64) -> Result<Slice, MachOError> {
    let error = |what| MachOError { offset, what };
    let Ok((_, Some(context))) = goblin::mach::parse_magic_and_ctx(data, 0) else {
        return Err(error("not a Mach-O file: its magic is none that is known"));
    };
    let head: Header = data.pread_with(0, context).map_err(|_| error("the Mach-O header is truncated"))?;
    let role = match head.filetype {
        header::MH_OBJECT => Role::Object,
        header::MH_EXECUTE => Role::Executable,
        header::MH_DYLIB | header::MH_BUNDLE => Role::Library,
        _ => Role::Other,
    };
    let start = if context.container.is_big() { header::SIZEOF_HEADER_64 } else { header::SIZEOF_HEADER_32 };
    let commands = data.get(start..).unwrap_or_default();
    let commands = &commands[..commands.len().min(head.sizeofcmds as usize)];
    Ok(Slice {
        offset,
        architecture: architecture((head.cputype(), head.cpusubtype())),
        role,
        platform: platform(commands, context.le),
    })
}

/// The system that the load commands name. They are walked by their own sizes, at least 8 bytes each.
fn platform(mut commands: &[u8], order: scroll::Endian) -> Option<&'static str> {
    while let Ok(command) = commands.pread_with::<LoadCommandHeader>(0, order) {
        let size = command.cmdsize as usize;
        let bytes = commands.get(..size.max(8))?;
        match command.cmd {
            load_command::LC_BUILD_VERSION => {
                let version = bytes.pread_with::<BuildVersionCommand>(0, order).ok()?;
                return Some(match version.platform {
                    1 => "macOS",
                    2 => "iOS",
                    3 => "tvOS",
                    4 => "watchOS",
                    6 => "Mac Catalyst",
                    7..=9 | 12 => "an Apple simulator",
                    _ => "another Apple system",
                });
            }
            load_command::LC_VERSION_MIN_MACOSX => return Some("macOS"),
            load_command::LC_VERSION_MIN_IPHONEOS => return Some("iOS"),
            _ => commands = &commands[bytes.len()..],
        }
    }
    None
}

/// Apple's name of a processor; the subtype is without its capability bits.
fn architecture((cpu, subtype): (u32, u32)) -> String {
    // A subtype newer than goblin's table does not hide the family, whose "all" is 0, or 3 for Intel.
    [subtype, 0, 3]
        .into_iter()
        .find_map(|subtype| cputype::get_arch_name_from_types(cpu, subtype))
        .map_or_else(|| format!("cpu type {cpu:#x}"), str::to_owned)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::mutation::numbers;

    pub(crate) const ARM64: u32 = 0x0100_000c;
    const X86_64: u32 = 0x0100_0007;

    /// A 64-bit object with one LC_BUILD_VERSION for macOS, and one command before it.
    pub(crate) fn object(cpu: u32, subtype: u32) -> Vec<u8> {
        let words = [0xfeed_facfu32, cpu, subtype, 1, 2, 40, 0, 0, 0x2b, 16, 0, 0, 0x32, 24, 1, 0xb0000, 0xe0000, 0];
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    fn fat(slices: &[(u32, u32, Vec<u8>)]) -> Vec<u8> {
        let mut out: Vec<u8> = [0xcafe_babeu32, slices.len() as u32].iter().flat_map(|w| w.to_be_bytes()).collect();
        let mut offset = 8 + 20 * slices.len() as u32;
        for (cpu, subtype, data) in slices {
            let words = [*cpu, *subtype, offset, data.len() as u32, 2];
            out.extend(words.iter().flat_map(|word| word.to_be_bytes()));
            offset += data.len() as u32;
        }
        slices.iter().for_each(|(_, _, data)| out.extend_from_slice(data));
        out
    }

    fn archive_of(object: &[u8]) -> Vec<u8> {
        let head = format!("!<arch>\n{:<16}{:<32}{:<10}`\n", "x.o", 0, object.len());
        [head.as_bytes(), object].concat()
    }

    #[test]
    fn describes_thin_files() {
        let read = MachO::parse(&object(ARM64, 0)).unwrap();
        assert_eq!(read.to_string(), "a Mach-O object file for arm64 (macOS)");
        assert_eq!(read.slices[0].role, Role::Object);
        let mut old: Vec<u8> = Vec::new();
        for word in [0xfeed_faceu32, 7, 3, 2, 0, 0, 0, 0] {
            old.extend(word.to_be_bytes());
        }
        assert_eq!(MachO::parse(&old).unwrap().to_string(), "a Mach-O executable for i386");
    }

    #[test]
    fn describes_fat_files_and_archives_in_them() {
        let both = fat(&[(X86_64, 3, object(X86_64, 3)), (ARM64, 0, object(ARM64, 0))]);
        let read = MachO::parse(&both).unwrap();
        assert_eq!(read.to_string(), "a fat Mach-O object file for x86_64 and arm64 (macOS)");
        assert_eq!(read.slices[1].offset, 8 + 40 + 72);
        let library = fat(&[(ARM64, 0, archive_of(&object(ARM64, 0)))]);
        assert_eq!(MachO::parse(&library).unwrap().to_string(), "a fat Mach-O archive for arm64 (macOS)");
    }

    #[test]
    fn reads_64_bit_fat_headers() {
        let inner = object(ARM64, 0);
        let mut data: Vec<u8> = [0xcafe_babfu32, 1, ARM64, 0].iter().flat_map(|word| word.to_be_bytes()).collect();
        data.extend([40u64, inner.len() as u64, 0].iter().flat_map(|long| long.to_be_bytes()));
        data.extend(inner);
        assert_eq!(MachO::parse(&data).unwrap().architectures(), ["arm64"]);
    }

    #[test]
    fn says_where_a_file_ends_too_soon() {
        assert_eq!(MachO::parse(b"\xcf\xfa\xed\xfe").unwrap_err().what, "the Mach-O header is truncated");
        let mut cut = fat(&[(ARM64, 0, object(ARM64, 0))]);
        cut.pop();
        let error = MachO::parse(&cut).unwrap_err();
        assert_eq!((error.offset, error.what), (8, "the fat Mach-O file's slice reaches past its end"));
        assert_eq!(MachO::parse(b"\xca\xfe\xba\xbe\0\0\0\0").unwrap_err().offset, 4);
    }

    #[test]
    fn hostile_bytes_never_panic_or_loop() {
        let mut random = numbers(0x853c_49e6_748f_ea9b);
        let seeds =
            [object(ARM64, 0), fat(&[(X86_64, 3, object(X86_64, 3)), (ARM64, 0, archive_of(&object(ARM64, 0)))])];
        let mut described = 0;
        for seed in &seeds {
            for length in 0..seed.len() {
                described += usize::from(MachO::parse(&seed[..length]).is_ok());
            }
            for _ in 0..3000 {
                let mut mutant = seed.clone();
                for _ in 0..=random(5) {
                    let at = random(mutant.len());
                    mutant[at] = [0, 0xff, 0x80, random(256) as u8][random(4)];
                }
                if let Ok(read) = MachO::parse(&mutant) {
                    described += usize::from(!read.to_string().is_empty());
                    assert!(read.slices.len() <= MAX_SLICES);
                }
            }
        }
        assert!(described > 0);
    }
}

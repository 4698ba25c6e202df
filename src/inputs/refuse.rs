//! Inputs that an ELF link cannot take: what each one is, and the command that builds it again so that it can.
//!
//! The loader asks [`object()`] before it reads a file or member as ELF, and [`archive`] before it searches an archive: a
//! macOS archive's names all start with an underscore, so that nothing of it would ever be found and the user would
//! read of undefined symbols only.

use crate::diag::{Diagnostic, Origin};
use crate::target::{Libc, Target};

use super::archive::{Archive, MemberData};
use super::kind::{ElfKind, ElfRole, FileKind, coff_machine};
use super::macho::MachO;

/// What kind of link-time-optimisation object it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lto {
    /// LLVM IR, from clang, zig or rustc.
    Bitcode,
    /// GCC's GIMPLE without machine code; see [`super::kind::is_slim_lto`].
    Slim,
}

/// The error if the file or member is not an ELF object file for the target; `None` if it is.
///
/// Codes: `wrong-format`, `wrong-architecture`, `wrong-class`, `wrong-endianness`, `lto-object`, `not-an-object`,
/// `shared-object`, `truncated`.
pub fn object(origin: &Origin, data: &[u8], target: Target) -> Option<Diagnostic> {
    let foreign = |what: String| Some(foreign_format(origin, &what, target));
    let no_object = |what: &str| Some(Diagnostic::error("not-an-object", what).at(origin.clone()));
    match FileKind::of(data) {
        FileKind::Elf(kind) => elf(origin, kind, target),
        FileKind::Bitcode => Some(lto(origin, Lto::Bitcode)),
        FileKind::MachO | FileKind::MachOFat => match MachO::parse(data) {
            Ok(found) => foreign(found.to_string()),
            Err(error) => {
                let what = format!("a damaged Mach-O file ({error} at offset {:#x})", error.offset);
                foreign(what)
            }
        },
        FileKind::Coff => foreign(match coff_machine(data) {
            Some(machine) => format!("a Windows (COFF) object file for {}", coff_name(machine)),
            None => "a Windows (COFF) object file".to_owned(),
        }),
        FileKind::Pe => foreign("a Windows (PE) program or library".to_owned()),
        FileKind::Wasm => foreign("a WebAssembly module".to_owned()),
        FileKind::Empty => no_object("the file is empty: it is no object file"),
        FileKind::Text => no_object("the file is text: it is no object file"),
        FileKind::Archive { .. } => no_object("an archive within an archive is not searched"),
        FileKind::GoArchive | FileKind::GoObject => no_object("a compiled Go package is not linked as a host object")
            .map(|one| one.help("let `go build -ldflags=-linkmode=external` turn the packages into go.o")),
        FileKind::Unknown => no_object(&format!("unknown file format: it starts with {}", first_bytes(data))),
    }
}

/// The error if the archive's first object is of a format or architecture that the target cannot use.
///
/// Objects for LTO are no reason: other members may be machine code. Thin archives are judged member by member.
pub fn archive(origin: &Origin, archive: &Archive<'_>, target: Target) -> Option<Diagnostic> {
    let mut objects = archive.members().flatten().filter_map(|member| match member.data {
        MemberData::Inline(data) if is_object(FileKind::of(data)) => Some((member.name, data)),
        _ => None,
    });
    let (name, data) = objects.next()?;
    let mut origin = origin.clone();
    origin.member = Some(String::from_utf8_lossy(name).into_owned());
    object(&origin, data, target)
}

/// The error for an object that holds no machine code.
pub fn lto(origin: &Origin, kind: Lto) -> Diagnostic {
    let (what, flags, backends) = match kind {
        _ if is_rust(origin) => (
            "LLVM bitcode of a Rust crate",
            "build the crate without `-C linker-plugin-lto` (and without `lto` in its Cargo profile)",
            "--backend=clang or --backend=zig",
        ),
        Lto::Bitcode => {
            ("LLVM bitcode", "compile it with `-fno-lto` in place of `-flto`", "--backend=clang or --backend=zig")
        }
        Lto::Slim => (
            "GCC's intermediate code",
            "compile it with `-fno-lto`, or with `-ffat-lto-objects` beside `-flto`",
            "--backend=gcc",
        ),
    };
    Diagnostic::error(
        "lto-object",
        format!("the object holds {what}, made for link-time optimisation, and no machine code"),
    )
    .at(origin.clone())
    .help(format!("{flags}; or hand the link to the compiler that made it: {backends}"))
}

/// The command that builds a C, Rust or Go object for the target, by what its name says of its compiler.
pub fn rebuild_command(origin: &Origin, target: Target) -> String {
    let libc = target.libc.unwrap_or(Libc::Musl).name();
    let (cpu, goarch) = (target.architecture.name(), target.architecture.goarch());
    let zig = format!("CC=\"zig cc --target={cpu}-linux-{libc}\"");
    let cargo = format!("cargo build --release --target={cpu}-unknown-linux-{libc}");
    if is_rust(origin) {
        return format!("`{cargo}`");
    }
    if is_go(origin) {
        return format!("`CGO_ENABLED=1 GOOS=linux GOARCH={goarch} {zig} go build`");
    }
    match &origin.member {
        Some(_) => format!("`{zig} make`, or for a Rust library `{cargo}`"),
        None => format!("`{zig} make`"),
    }
}

fn foreign_format(origin: &Origin, what: &str, target: Target) -> Diagnostic {
    Diagnostic::error("wrong-format", format!("{what} cannot be linked into an ELF program for {target}"))
        .at(origin.clone())
        .help(format!("build it for Linux: {}", rebuild_command(origin, target)))
}

fn elf(origin: &Origin, kind: ElfKind, target: Target) -> Option<Diagnostic> {
    let wanted = target.architecture.elf_machine();
    let rebuild = || format!("build it for the target: {}", rebuild_command(origin, target));
    let error = |code, what: String| Some(Diagnostic::error(code, what).at(origin.clone()));
    let what = |adjective: &str| {
        let article = if adjective.starts_with(['a', 'i']) { "an" } else { "a" };
        format!("{article} {adjective} {} cannot be linked into a program for {target}", kind.role.name())
    };
    if kind.role == ElfRole::Truncated {
        return error("truncated", "the file ends within its ELF header".to_owned());
    }
    if !kind.little_endian {
        return error("wrong-endianness", what(&format!("big-endian {}", elf_machine_name(kind.machine))))
            .map(|one| one.help(rebuild()));
    }
    if kind.machine != wanted {
        return error("wrong-architecture", what(&elf_machine_name(kind.machine))).map(|one| one.help(rebuild()));
    }
    if !kind.is_64 {
        let abi = if wanted == object::elf::EM_X86_64 { "32-bit (x32)" } else { "32-bit (ILP32)" };
        return error("wrong-class", what(abi)).map(|one| one.help(rebuild()));
    }
    match kind.role {
        ElfRole::Relocatable => None,
        ElfRole::Shared => error("shared-object", "a static link takes no shared object".to_owned()).map(|one| {
            one.help("give the library's archive (.a), or link dynamically through a compiler: --backend=gcc or --backend=clang")
        }),
        _ => error("not-an-object", format!("an {} is not an input of a link", kind.role.name())),
    }
}

/// Whether a member of this kind tells what an archive was made for.
const fn is_object(kind: FileKind) -> bool {
    matches!(kind, FileKind::Elf(_) | FileKind::MachO | FileKind::MachOFat | FileKind::Coff | FileKind::Wasm)
}

/// Whether rustc made it, by its name: `*.rcgu.o`, or anything in an rlib.
fn is_rust(origin: &Origin) -> bool {
    let member = origin.member.as_deref().unwrap_or_default();
    let file = origin.file.as_deref();
    member.contains(".rcgu.")
        || file.is_some_and(|path| {
            path.extension().is_some_and(|extension| extension == "rlib") || path.to_string_lossy().contains(".rcgu.")
        })
}

/// Whether the go command made it: it belongs to a package, or is called `_x001.o`, `000012.o` or `go.o`.
fn is_go(origin: &Origin) -> bool {
    let file = origin.file.as_deref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy());
    let name = match (&origin.member, &file) {
        (Some(member), _) => member.as_str(),
        (None, Some(file)) => file,
        (None, None) => "",
    };
    let digits = |stem: &str| !stem.is_empty() && stem.bytes().all(|byte| byte.is_ascii_digit());
    let stem = name.strip_suffix(".o").unwrap_or_default();
    let is_numbered = stem.len() == 6 && digits(stem);
    origin.package.is_some() || stem == "go" || is_numbered || stem.strip_prefix("_x").is_some_and(digits)
}

fn elf_machine_name(machine: u16) -> String {
    let name = match machine {
        2 => "sparc",
        3 => "i386",
        8 => "mips",
        20 => "powerpc",
        21 => "powerpc64",
        22 => "s390x",
        40 => "arm (32-bit)",
        43 => "sparc64",
        62 => "x86_64",
        183 => "aarch64",
        243 => "riscv",
        247 => "bpf",
        258 => "loongarch",
        other => return format!("machine-{other}"),
    };
    name.to_owned()
}

const fn coff_name(machine: u16) -> &'static str {
    match machine {
        0x014c => "i386",
        0x01c4 => "arm (32-bit)",
        0x8664 => "x86_64",
        _ => "arm64",
    }
}

fn first_bytes(data: &[u8]) -> String {
    let bytes: Vec<String> = data.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::macho::tests::{ARM64, object as macho_object};
    use crate::target::Architecture;

    const TARGET: Target = Target { architecture: Architecture::X86_64, libc: Some(Libc::Musl) };

    fn elf_header(class: u8, order: u8, role: u8, machine: u8) -> Vec<u8> {
        let mut header = vec![0u8; 64];
        header[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, order]);
        let low = usize::from(order == 2);
        (header[16 + low], header[18 + low]) = (role, machine);
        header
    }

    fn refused(origin: &Origin, data: &[u8]) -> String {
        object(origin, data, TARGET).map_or_else(String::new, |one| format!("[{}] {one}", one.code))
    }

    #[test]
    fn takes_objects_for_the_target_only() {
        let place = Origin::member("libx.a", "x.o");
        assert_eq!(refused(&place, &elf_header(2, 1, 1, 62)), "");
        let cases = [
            ((2, 1, 1, 183), "[wrong-architecture] error: libx.a(x.o): an aarch64 object file cannot"),
            ((1, 1, 1, 3), "[wrong-architecture] error: libx.a(x.o): an i386 object file cannot"),
            ((1, 1, 1, 62), "[wrong-class] error: libx.a(x.o): a 32-bit (x32) object file cannot"),
            ((2, 2, 1, 22), "[wrong-endianness] error: libx.a(x.o): a big-endian s390x object file cannot"),
            ((2, 1, 3, 62), "[shared-object] error: libx.a(x.o): a static link takes no shared object"),
            ((2, 1, 2, 62), "[not-an-object] error: libx.a(x.o): an executable is not an input"),
        ];
        for ((class, order, role, machine), text) in cases {
            let got = refused(&place, &elf_header(class, order, role, machine));
            assert!(got.starts_with(text), "{got}");
        }
        assert!(refused(&place, b"\x7fELF").starts_with("[truncated]"));
    }

    #[test]
    fn names_mach_o_members_and_how_to_build_them_again() {
        let text = refused(&Origin::member("c/libapi.a", "api.o"), &macho_object(ARM64, 0));
        assert_eq!(
            text,
            "[wrong-format] error: c/libapi.a(api.o): a Mach-O object file for arm64 (macOS) cannot be linked into an ELF \
             program for x86_64-linux-musl\n  help: build it for Linux: `CC=\"zig cc --target=x86_64-linux-musl\" make`, \
             or for a Rust library `cargo build --release --target=x86_64-unknown-linux-musl`"
        );
        let rust = refused(&Origin::member("libapi.a", "api.1f2e.rcgu.o"), &macho_object(ARM64, 0));
        assert!(
            rust.ends_with("build it for Linux: `cargo build --release --target=x86_64-unknown-linux-musl`"),
            "{rust}"
        );
        let go = refused(&Origin::file("/tmp/go-link-1/000003.o"), &macho_object(ARM64, 0));
        assert!(go.contains("`CGO_ENABLED=1 GOOS=linux GOARCH=amd64 CC=\"zig cc"), "{go}");
        assert!(refused(&Origin::file("x.o"), b"\xcf\xfa\xed\xfe").contains("a damaged Mach-O file"));
    }

    #[test]
    fn names_the_lto_flag_of_each_compiler() {
        let clang = refused(&Origin::member("libx.a", "x.o"), b"BC\xc0\xde....");
        assert!(clang.starts_with("[lto-object] error: libx.a(x.o): the object holds LLVM bitcode"), "{clang}");
        assert!(clang.contains(
            "`-fno-lto` in place of `-flto`; or hand the link to the compiler that made it: --backend=clang"
        ));
        let rust = refused(&Origin::member("libx.a", "x.0.rcgu.o"), b"BC\xc0\xde....");
        assert!(rust.contains("-C linker-plugin-lto"), "{rust}");
        assert!(lto(&Origin::file("x.o"), Lto::Slim).to_string().contains("-ffat-lto-objects"));
    }

    #[test]
    fn names_what_other_files_are() {
        let place = Origin::file("x.o");
        let mut coff = vec![0u8; 60];
        coff[..3].copy_from_slice(&[0x64, 0x86, 1]);
        assert!(refused(&place, &coff).contains("a Windows (COFF) object file for x86_64 cannot"));
        assert!(refused(&place, b"\0asm\x01\0\0\0").contains("a WebAssembly module cannot"));
        assert!(refused(&place, b"").contains("the file is empty"));
        assert!(refused(&place, b"\x01\x02\x03").ends_with("unknown file format: it starts with 01 02 03"));
    }

    #[test]
    fn judges_an_archive_by_its_first_object() {
        let mut data = b"!<arch>\n".to_vec();
        for (name, contents) in [("README", b"text".to_vec()), ("api.o", macho_object(ARM64, 0))] {
            data.extend(format!("{name:<16}{:<32}{:<10}`\n", 0, contents.len()).bytes());
            data.extend(contents);
        }
        let parsed = Archive::parse(&data).unwrap();
        let error = archive(&Origin::file("libapi.a"), &parsed, TARGET).unwrap();
        assert!(error.to_string().starts_with("error: libapi.a(api.o): a Mach-O object file"), "{error}");
        assert!(archive(&Origin::file("e.a"), &Archive::parse(b"!<arch>\n").unwrap(), TARGET).is_none());
    }
}

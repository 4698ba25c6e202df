//! The machines cgolink links for, each as one record of facts.

use std::fmt;
use std::str::FromStr;

/// An instruction set.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Architecture {
    /// AMD64, System V psABI.
    X86_64,
    /// Arm 64-bit, AAPCS64, little endian.
    Aarch64,
}

/// The C library a program is linked against.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Libc {
    /// musl: the static C library of choice.
    Musl,
    /// GNU libc.
    Gnu,
}

/// What is linked for: `x86_64-linux-musl` and its like. Linux is the only system so far.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Target {
    /// The instruction set.
    pub architecture: Architecture,
    /// The C library, where the command line or the compiler's name tells.
    pub libc: Option<Libc>,
}

impl Architecture {
    /// Both, in the order in which reports list them.
    pub const ALL: [Architecture; 2] = [Architecture::X86_64, Architecture::Aarch64];

    /// The name in target triples.
    pub const fn name(self) -> &'static str {
        match self {
            Architecture::X86_64 => "x86_64",
            Architecture::Aarch64 => "aarch64",
        }
    }

    /// Go's name, as in GOARCH.
    pub const fn goarch(self) -> &'static str {
        match self {
            Architecture::X86_64 => "amd64",
            Architecture::Aarch64 => "arm64",
        }
    }

    /// `e_machine` of the ELF header.
    pub const fn elf_machine(self) -> u16 {
        match self {
            Architecture::X86_64 => object::elf::EM_X86_64,
            Architecture::Aarch64 => object::elf::EM_AARCH64,
        }
    }

    /// The architecture of an `e_machine`.
    pub const fn from_elf_machine(machine: u16) -> Option<Self> {
        match machine {
            object::elf::EM_X86_64 => Some(Architecture::X86_64),
            object::elf::EM_AARCH64 => Some(Architecture::Aarch64),
            _ => None,
        }
    }

    /// The largest page the system may use, in bytes: PT_LOAD segments are congruent modulo this
    /// (psABI AMD64 5.1, AAPCS64 ELF 6.1; GNU ld's MAXPAGESIZE).
    pub const fn max_page_size(self) -> u64 {
        match self {
            Architecture::X86_64 => 0x1000,
            Architecture::Aarch64 => 0x1_0000,
        }
    }

    /// The page that systems commonly use, in bytes: PT_GNU_RELRO ends on it.
    pub const fn common_page_size(self) -> u64 {
        0x1000
    }

    /// Where a position-dependent executable starts in memory.
    pub const fn image_base(self) -> u64 {
        0x40_0000
    }

    /// The bytes that fill gaps between code: instructions that trap or do nothing.
    pub const fn code_fill(self) -> &'static [u8] {
        match self {
            Architecture::X86_64 => &[0xcc],
            Architecture::Aarch64 => &[0x00, 0x00, 0x20, 0xd4], // brk #0
        }
    }
}

impl Libc {
    /// The name in target triples.
    pub const fn name(self) -> &'static str {
        match self {
            Libc::Musl => "musl",
            Libc::Gnu => "gnu",
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}-linux", self.architecture)?;
        match self.libc {
            Some(libc) => write!(out, "-{}", libc.name()),
            None => Ok(()),
        }
    }
}

/// A triple that names no target of cgolink's own link; it may still be one for the hand-off.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("'{0}' is not a target cgolink links for itself (x86_64 or aarch64, linux, musl or gnu)")]
pub struct UnknownTarget(pub String);

impl FromStr for Target {
    type Err = UnknownTarget;

    /// Reads `arch[-vendor]-linux[-libc[.version]]`: zig's, clang's and Rust's spellings.
    fn from_str(triple: &str) -> Result<Self, UnknownTarget> {
        let unknown = || UnknownTarget(triple.to_owned());
        let mut parts = triple.split('-');
        let architecture = match parts.next().unwrap_or_default() {
            "x86_64" | "amd64" => Architecture::X86_64,
            "aarch64" | "arm64" => Architecture::Aarch64,
            _ => return Err(unknown()),
        };
        let rest: Vec<&str> = parts.collect();
        let system = rest.iter().position(|part| part.split('.').next() == Some("linux")).ok_or_else(unknown)?;
        let libc = match rest.get(system + 1) {
            None => None,
            Some(abi) if abi.starts_with("musl") => Some(Libc::Musl),
            Some(abi) if abi.starts_with("gnu") => Some(Libc::Gnu),
            Some(_) => return Err(unknown()),
        };
        Ok(Target { architecture, libc })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_spellings_of_zig_clang_and_rust() {
        let musl = Target { architecture: Architecture::Aarch64, libc: Some(Libc::Musl) };
        for triple in ["aarch64-linux-musl", "aarch64-unknown-linux-musl", "arm64-linux-musl"] {
            assert_eq!(triple.parse(), Ok(musl));
        }
        let glibc = Target { architecture: Architecture::X86_64, libc: Some(Libc::Gnu) };
        for triple in ["x86_64-linux-gnu.2.28", "x86_64-pc-linux-gnu", "x86_64-linux-gnu"] {
            assert_eq!(triple.parse(), Ok(glibc));
        }
        assert_eq!("x86_64-linux".parse(), Ok(Target { libc: None, ..glibc }));
        assert!("x86_64-macos".parse::<Target>().is_err());
        assert!("riscv64-linux-musl".parse::<Target>().is_err());
    }
}

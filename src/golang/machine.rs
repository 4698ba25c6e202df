//! Facts of the machines that Go's linker lays programs out by (Go 1.26 and 1.27, `cmd/link/internal/amd64` and
//! `cmd/link/internal/arm64`, `l.go` and `obj.go`).

use super::program::Program;
use crate::diag::Diagnostic;
use crate::target::Architecture;

/// Bytes before the code that are kept for headers and notes.
pub const HEADER: u64 = 4096;
/// Bytes of the ELF header, which come first of these.
pub const FILE_HEADER: u64 = 64;
/// Bytes of a pointer.
pub const POINTER: u64 = 8;

/// No address or alignment that a command line asks for may be larger: sums of addresses must not wrap.
const LARGEST_ADDRESS: u64 = 1 << 56;

/// What layout depends on, of the machine and of the command line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Machine {
    /// Functions start at multiples of this: `-funcalign`.
    pub function_alignment: u64,
    /// Where the code starts: `-T`.
    pub text_address: u64,
    /// Segments start at multiples of this: `-R`.
    pub round: u64,
    /// Where writable data starts, if that was said: `-D`.
    pub data_address: Option<u64>,
    /// Bytes of the shortest instruction.
    pub smallest_instruction: u64,
    /// How much code needs no thunks: beyond that some branch may not reach.
    pub branch_limit: u64,
}

impl Machine {
    /// The machine of a program.
    ///
    /// # Errors
    /// An address or alignment of the command line that no machine has.
    pub fn of(program: &Program<'_>) -> Result<Self, Diagnostic> {
        let options = program.options;
        let (function_alignment, base, round, smallest_instruction) = match program.architecture {
            Architecture::X86_64 => (32, 1 << 22, 1 << 12, 1),
            Architecture::Aarch64 => (16, 1 << 16, 1 << 16, 4),
        };
        let round = options.round.unwrap_or(round);
        let branch_limit = match (program.architecture, options.debug_thunks, options.debug_text_size) {
            (Architecture::X86_64, ..) => u64::MAX,
            (Architecture::Aarch64, 2.., _) => 1,
            // 26 bits of words, less what a PLT may need.
            (Architecture::Aarch64, _, 0) => 0x7c0_0000,
            (Architecture::Aarch64, _, size) => size as u64,
        };
        let machine = Machine {
            function_alignment: options.function_alignment.unwrap_or(function_alignment),
            text_address: options.text_address.unwrap_or_else(|| round.max(base) + HEADER),
            round,
            data_address: options.data_address,
            smallest_instruction,
            branch_limit,
        };
        let asked = [
            ("-T", machine.text_address),
            ("-R", machine.round),
            ("-D", machine.data_address.unwrap_or(0)),
            ("-funcalign", machine.function_alignment),
        ];
        const LEAST: u64 = HEADER - FILE_HEADER;
        if program.is_dynamic() && machine.text_address < LEAST {
            let message =
                format!("-T asks for {:#x}, which leaves no room for the headers before it", machine.text_address);
            return Err(Diagnostic::error("bad-address", message).help(format!("give -T at least {LEAST:#x}")));
        }
        match asked.into_iter().find(|(_, value)| *value > LARGEST_ADDRESS) {
            None => Ok(machine),
            Some((flag, value)) => {
                let message = format!("{flag} asks for {value:#x}, which lies outside the address space");
                Err(Diagnostic::error("bad-address", message).help(format!("give {flag} a smaller value")))
            }
        }
    }
}

//! What a compiler says of a function for tracebacks: `cmd/internal/goobj/funcinfo.go`, Go 1.26 and 1.27.
//!
//! ```text
//! args:u32 locals:u32 func_id:u8 func_flag:u8 pad[2] start_line:i32
//! file_count:u32 files:u32[file_count]
//! inline_count:u32 { parent:i32 file:u32 line:i32 function:(u32,u32) parent_pc:i32 }[inline_count]
//! ```

use super::records::{Reference, u32_at};

/// The record, borrowed. A truncated one reads as zeros and empty lists.
#[derive(Clone, Copy, Debug)]
pub struct FuncInfo<'data> {
    data: &'data [u8],
    files: usize,
    inline_at: usize,
    inline: usize,
}

/// A call that was inlined into the function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InlinedCall {
    /// Index of the call that this one was inlined into; -1 for the function itself.
    pub parent: i32,
    /// File of the call: an index of the object's files.
    pub file: u32,
    /// Line of the call.
    pub line: i32,
    /// The function that was inlined.
    pub function: Reference,
    /// Offset in the function of an instruction whose position is that of the call.
    pub parent_pc: i32,
}

const FILE_COUNT: usize = 16;
const INLINED_CALL: usize = 24;

impl<'data> FuncInfo<'data> {
    /// Takes the record apart.
    pub fn parse(data: &'data [u8]) -> Self {
        let files_at = FILE_COUNT + 4;
        let room = |at: usize, each: usize| data.len().saturating_sub(at) / each;
        let files = (u32_at(data, FILE_COUNT) as usize).min(room(files_at, 4));
        let inline_at = files_at + 4 * files + 4;
        let inline = (u32_at(data, inline_at - 4) as usize).min(room(inline_at, INLINED_CALL));
        FuncInfo { data, files, inline_at, inline }
    }

    /// Bytes of arguments.
    pub fn args(self) -> u32 {
        u32_at(self.data, 0)
    }

    /// Bytes of locals.
    pub fn locals(self) -> u32 {
        u32_at(self.data, 4)
    }

    /// Which special function of the runtime it is (`internal/abi/symtab.go`, FuncID); 0 for all others.
    pub fn func_id(self) -> u8 {
        self.data.get(8).copied().unwrap_or(0)
    }

    /// `internal/abi/symtab.go`, FuncFlag.
    pub fn func_flag(self) -> u8 {
        self.data.get(9).copied().unwrap_or(0)
    }

    /// Line of the `func` keyword.
    pub fn start_line(self) -> i32 {
        u32_at(self.data, 12) as i32
    }

    /// The files that its code comes from: indices of the object's files.
    pub fn files(self) -> impl ExactSizeIterator<Item = u32> + use<'data> {
        (0..self.files).map(move |index| u32_at(self.data, FILE_COUNT + 4 + 4 * index))
    }

    /// How many calls were inlined.
    pub fn inlined_count(self) -> usize {
        self.inline
    }

    /// The calls that were inlined.
    pub fn inlined(self) -> impl ExactSizeIterator<Item = InlinedCall> + use<'data> {
        (0..self.inline).map(move |index| {
            let at = self.inline_at + index * INLINED_CALL;
            let word = |field: usize| u32_at(self.data, at + 4 * field);
            InlinedCall {
                parent: word(0) as i32,
                file: word(1),
                line: word(2) as i32,
                function: Reference { package: word(3), index: word(4) },
                parent_pc: word(5) as i32,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_cut_to_what_is_there() {
        let mut bytes = vec![0; FILE_COUNT];
        bytes.extend(2u32.to_le_bytes());
        bytes.extend([7u32, 9].iter().flat_map(|file| file.to_le_bytes()));
        bytes.extend(1u32.to_le_bytes());
        let call = [u32::MAX, 3, 41, 5, 6, 12];
        bytes.extend(call.iter().flat_map(|word| word.to_le_bytes()));
        let info = FuncInfo::parse(&bytes);
        assert_eq!(info.files().collect::<Vec<_>>(), [7, 9]);
        let function = Reference { package: 5, index: 6 };
        let want = InlinedCall { parent: -1, file: 3, line: 41, function, parent_pc: 12 };
        assert_eq!(info.inlined().collect::<Vec<_>>(), [want]);
        for end in 0..bytes.len() {
            let cut = FuncInfo::parse(&bytes[..end]);
            assert!(cut.files().len() <= 2);
            assert_eq!(cut.inlined().len(), 0);
        }
    }
}

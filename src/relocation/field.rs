//! The field that a relocation patches: where it lies, whether a value fits, and how it is stored. Little-endian, as
//! both instruction sets' ELF files are here. Nothing panics: a field outside of its section is a [`Refusal`].

use super::Refusal;

/// The `N` bytes at `at`.
#[inline(always)]
pub(super) fn read<const N: usize>(section: &[u8], at: usize) -> Result<[u8; N], Refusal> {
    section.get(at..).and_then(|rest| rest.first_chunk::<N>()).copied().ok_or(Refusal::OutsideSection)
}

/// The `N` bytes that lie `before` bytes in front of `offset`.
#[inline(always)]
pub(super) fn read_before<const N: usize>(section: &[u8], offset: usize, before: usize) -> Result<[u8; N], Refusal> {
    read(section, offset.checked_sub(before).ok_or(Refusal::OutsideSection)?)
}

/// Stores `bytes` at `at`.
#[inline(always)]
pub(super) fn write<const N: usize>(section: &mut [u8], at: usize, bytes: [u8; N]) -> Result<(), Refusal> {
    let place = section.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<N>()).ok_or(Refusal::OutsideSection)?;
    *place = bytes;
    Ok(())
}

/// Stores `bytes` so that they begin `before` bytes in front of `offset`.
#[inline(always)]
pub(super) fn write_before<const N: usize>(
    section: &mut [u8],
    offset: usize,
    before: usize,
    bytes: [u8; N],
) -> Result<(), Refusal> {
    write(section, offset.checked_sub(before).ok_or(Refusal::OutsideSection)?, bytes)
}

/// Holds if `minimum <= value <= maximum`.
#[inline(always)]
pub(super) fn require_range(value: i64, minimum: i64, maximum: i64) -> Result<(), Refusal> {
    if value >= minimum && value <= maximum { Ok(()) } else { Err(out_of_range(value, minimum, maximum)) }
}

#[cold]
fn out_of_range(value: i64, minimum: i64, maximum: i64) -> Refusal {
    Refusal::OutOfRange { value: value.into(), minimum: minimum.into(), maximum: maximum.into() }
}

/// Holds if `value` is a two's-complement number of `bits` bits (1 to 63).
#[inline(always)]
pub(super) fn require_signed(value: i64, bits: u32) -> Result<(), Refusal> {
    let half = 1i64 << (bits - 1);
    require_range(value, -half, half - 1)
}

/// Holds if `value` is a natural number of `bits` bits (1 to 62).
#[inline(always)]
pub(super) fn require_unsigned(value: i64, bits: u32) -> Result<(), Refusal> {
    require_range(value, 0, (1i64 << bits) - 1)
}

/// Holds if `value` fits `bits` bits (1 to 62) as either kind of number.
#[inline(always)]
pub(super) fn require_either(value: i64, bits: u32) -> Result<(), Refusal> {
    require_range(value, -(1i64 << (bits - 1)), (1i64 << bits) - 1)
}

/// `value` as the 32-bit two's-complement bytes it must fit.
#[inline(always)]
pub(super) fn signed32(value: i64) -> Result<[u8; 4], Refusal> {
    match i32::try_from(value) {
        Ok(narrow) => Ok(narrow.to_le_bytes()),
        Err(_) => Err(out_of_range(value, i32::MIN.into(), i32::MAX.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stay_inside_their_section() {
        let mut section = [1u8, 2, 3, 4];
        assert_eq!(read::<2>(&section, 2), Ok([3, 4]));
        assert_eq!(read::<2>(&section, 3), Err(Refusal::OutsideSection));
        assert_eq!(read::<2>(&section, usize::MAX), Err(Refusal::OutsideSection));
        assert_eq!(read_before::<2>(&section, 1, 2), Err(Refusal::OutsideSection));
        assert_eq!(write(&mut section, 1, [9, 8, 7, 6]), Err(Refusal::OutsideSection));
        assert_eq!(write_before(&mut section, 3, 2, [9, 8]), Ok(()));
        assert_eq!(section, [1, 9, 8, 4]);
    }

    #[test]
    fn ranges_include_both_ends() {
        assert!(require_signed(-128, 8).is_ok() && require_signed(127, 8).is_ok());
        assert!(require_signed(-129, 8).is_err() && require_signed(128, 8).is_err());
        assert!(require_unsigned(0, 8).is_ok() && require_unsigned(255, 8).is_ok());
        assert!(require_unsigned(-1, 8).is_err() && require_unsigned(256, 8).is_err());
        assert!(require_either(-128, 8).is_ok() && require_either(255, 8).is_ok());
        assert!(require_either(-129, 8).is_err() && require_either(256, 8).is_err());
        assert_eq!(signed32(-2), Ok([0xfe, 0xff, 0xff, 0xff]));
        let refusal = Refusal::OutOfRange { value: 1 << 31, minimum: i32::MIN.into(), maximum: i32::MAX.into() };
        assert_eq!(signed32(1 << 31), Err(refusal));
    }
}

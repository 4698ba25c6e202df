//! Little-endian numbers and strings at places that may not be there.

/// Two bytes.
pub fn short(data: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*data.get(at..)?.first_chunk()?))
}

/// Four bytes.
pub fn half(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*data.get(at..)?.first_chunk()?))
}

/// Eight bytes.
pub fn word(data: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*data.get(at..)?.first_chunk()?))
}

/// An unsigned LEB128 number of at most 10 bytes, and how many it has.
pub fn uvarint(data: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for (index, &byte) in data.get(at..)?.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index).min(63);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}

/// The bytes up to a NUL, or up to the end where there is none.
pub fn until_nul(data: &[u8], at: usize) -> Option<&[u8]> {
    let rest = data.get(at..)?;
    Some(&rest[..memchr::memchr(0, rest).unwrap_or(rest.len())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_within_bounds_only() {
        let data = [1, 2, 3, 4, 5, 6, 7, 8, 0];
        assert_eq!((short(&data, 7), short(&data, 8)), (Some(8), None));
        assert_eq!((half(&data, 1), half(&data, 6)), (Some(0x0504_0302), None));
        assert_eq!((word(&data, 1), word(&data, 2)), (Some(0x0008_0706_0504_0302), None));
        assert_eq!(until_nul(&data, 6), Some(&[7, 8][..]));
        assert_eq!((until_nul(&data, 9), until_nul(&data, 10)), (Some(&[][..]), None));
    }

    #[test]
    fn numbers_of_any_length() {
        assert_eq!(uvarint(&[0x7f], 0), Some((127, 1)));
        assert_eq!(uvarint(&[9, 0x80, 0x01], 1), Some((128, 2)));
        assert_eq!(uvarint(&[0x80; 3], 0), None);
        assert_eq!(uvarint(&[0xff; 20], 0), None);
    }
}

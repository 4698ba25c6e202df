//! The build id: the note `.note.gnu.build-id`, and its bytes in every form of `--build-id`.
//!
//! The output is written in pieces by many threads, in no order, and nobody wants to read it once more afterwards. So the
//! id is a hash of hashes: each piece of [`CHUNK_SIZE`] bytes of the file is hashed where it is still in the cache, and the
//! digests, in the order of the file, are hashed once more ([`BuildIdHasher`]). The id's own bytes count as zeros.

use std::io::Read;
use std::path::Path;

use md5::Md5;
use sha1::{Digest, Sha1};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::args::request::BuildId;
use crate::diag::{Result, io_error};
use crate::layout::tables::{BUILD_ID_HEADER, build_id_note};

/// Bytes of the file that one digest covers; the last has what is left. A part of the id's definition: another size gives
/// another id.
pub const CHUNK_SIZE: usize = 1 << 20;

/// The digest of one chunk of the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChunkDigest {
    bytes: [u8; 20],
    size: u8,
}

/// Hashes a file piece by piece, in any order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BuildIdHasher(Function);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Function {
    Fast,
    Md5,
    Sha1,
}

/// Writes the note, the id as zeros: [`write_id`] puts it in once the rest of the file is known.
///
/// # Panics
/// If `out` has not the size of [`build_id_note`].
pub fn write_note(build_id: &BuildId, out: &mut [u8]) {
    assert_eq!(out.len() as u64, build_id_note(build_id), "the build id's note has the wrong size");
    if out.is_empty() {
        return;
    }
    out.fill(0);
    out[..4].copy_from_slice(&4u32.to_le_bytes());
    out[4..8].copy_from_slice(&(build_id.size() as u32).to_le_bytes());
    out[8..12].copy_from_slice(&object::elf::NT_GNU_BUILD_ID.to_le_bytes());
    out[12..16].copy_from_slice(b"GNU\0");
}

/// Puts the id into a note.
///
/// # Panics
/// If the note was made for an id of another size.
pub fn write_id(note: &mut [u8], id: &[u8]) {
    let place = &mut note[BUILD_ID_HEADER as usize..];
    assert_eq!(place.len(), id.len().next_multiple_of(4), "the build id has the wrong size");
    place[..id.len()].copy_from_slice(id);
}

/// The id, if it does not depend on the output: the given bytes, or random ones.
pub fn fixed_id(build_id: &BuildId) -> Result<Option<Vec<u8>>> {
    match build_id {
        BuildId::Hex(id) => Ok(Some(id.clone())),
        BuildId::Uuid => random_uuid().map(Some),
        BuildId::None | BuildId::Fast | BuildId::Md5 | BuildId::Sha1 => Ok(None),
    }
}

/// RFC 9562, version 4.
fn random_uuid() -> Result<Vec<u8>> {
    let source = Path::new("/dev/urandom");
    let mut id = vec![0; 16];
    std::fs::File::open(source)
        .and_then(|mut file| file.read_exact(&mut id))
        .map_err(|error| io_error("read random bytes for the build id", source, &error))?;
    id[6] = id[6] & 0x0f | 0x40;
    id[8] = id[8] & 0x3f | 0x80;
    Ok(id)
}

impl BuildIdHasher {
    /// The hasher for an id that depends on the output; `None` for the others.
    pub fn new(build_id: &BuildId) -> Option<BuildIdHasher> {
        match build_id {
            BuildId::Fast => Some(BuildIdHasher(Function::Fast)),
            BuildId::Md5 => Some(BuildIdHasher(Function::Md5)),
            BuildId::Sha1 => Some(BuildIdHasher(Function::Sha1)),
            BuildId::None | BuildId::Uuid | BuildId::Hex(_) => None,
        }
    }

    /// The digest of one chunk: the bytes `[n * CHUNK_SIZE, (n + 1) * CHUNK_SIZE)` of the file, or to its end.
    pub fn digest(self, chunk: &[u8]) -> ChunkDigest {
        match self.0 {
            Function::Fast => ChunkDigest::new(&xxh3_128(chunk).to_le_bytes()),
            Function::Md5 => ChunkDigest::new(&Md5::digest(chunk)),
            Function::Sha1 => ChunkDigest::new(&Sha1::digest(chunk)),
        }
    }

    /// The id of the whole file, from the digests of all its chunks in the order of the file.
    pub fn finish(self, digests: &[ChunkDigest], file_size: u64) -> Vec<u8> {
        let mut all = Vec::with_capacity(8 + 20 * digests.len());
        all.extend(file_size.to_le_bytes());
        for digest in digests {
            all.extend(&digest.bytes[..usize::from(digest.size)]);
        }
        match self.0 {
            Function::Fast => xxh3_64(&all).to_le_bytes().to_vec(),
            Function::Md5 => Md5::digest(&all).to_vec(),
            Function::Sha1 => Sha1::digest(&all).to_vec(),
        }
    }
}

impl ChunkDigest {
    fn new(digest: &[u8]) -> ChunkDigest {
        let mut bytes = [0; 20];
        bytes[..digest.len()].copy_from_slice(digest);
        ChunkDigest { bytes, size: digest.len() as u8 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(build_id: &BuildId, file: &[u8]) -> Vec<u8> {
        let hasher = BuildIdHasher::new(build_id).unwrap();
        let digests: Vec<_> = file.chunks(CHUNK_SIZE).map(|chunk| hasher.digest(chunk)).collect();
        hasher.finish(&digests, file.len() as u64)
    }

    #[test]
    fn the_note_is_what_readelf_expects() {
        let build_id = BuildId::Hex(vec![0xde, 0xad, 0xbe]);
        let mut note = vec![0xcc; build_id_note(&build_id) as usize];
        write_note(&build_id, &mut note);
        assert_eq!(note, b"\x04\0\0\0\x03\0\0\0\x03\0\0\0GNU\0\0\0\0\0");
        write_id(&mut note, &fixed_id(&build_id).unwrap().unwrap());
        assert_eq!(note[16..], [0xde, 0xad, 0xbe, 0]);
        assert_eq!(build_id_note(&BuildId::None), 0);
        write_note(&BuildId::None, &mut []);
    }

    #[test]
    fn every_form_has_its_size() {
        for (build_id, size) in [(BuildId::Fast, 8), (BuildId::Md5, 16), (BuildId::Sha1, 20)] {
            assert_eq!(build_id.size(), size);
            assert_eq!(hash(&build_id, b"program").len() as u64, size);
            assert_eq!(fixed_id(&build_id).unwrap(), None);
        }
        let [one, two] = [0; 2].map(|_| fixed_id(&BuildId::Uuid).unwrap().unwrap());
        assert_eq!((one.len(), one[6] >> 4, one[8] >> 6), (16, 4, 2));
        assert_ne!(one, two);
    }

    #[test]
    fn every_byte_and_the_order_of_chunks_matter() {
        let mut file = vec![0; 2 * CHUNK_SIZE + 5];
        file[1] = 1;
        for build_id in [BuildId::Fast, BuildId::Md5, BuildId::Sha1] {
            let id = hash(&build_id, &file);
            assert_eq!(hash(&build_id, &file), id);
            for at in [0, CHUNK_SIZE, 2 * CHUNK_SIZE + 4] {
                let mut changed = file.clone();
                changed[at] ^= 0x80;
                assert_ne!(hash(&build_id, &changed), id);
            }
            let mut swapped = file.clone();
            swapped.rotate_left(CHUNK_SIZE);
            assert_ne!(hash(&build_id, &swapped), id);
            assert_ne!(hash(&build_id, &file[..file.len() - 1]), id);
        }
    }

    #[test]
    fn sha1_is_sha1() {
        // sha1(le64(3) + sha1("abc"))
        let inner = Sha1::digest(b"abc");
        let hex: String = inner.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "a9993e364706816aba3e25717850c26c9cd0d89d");
        let outer = Sha1::new().chain_update(3u64.to_le_bytes()).chain_update(inner).finalize();
        assert_eq!(hash(&BuildId::Sha1, b"abc"), outer.to_vec());
    }
}

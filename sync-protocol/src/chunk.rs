//! The published layout of an Automerge chunk, as far as an entry needs it: the hash of one uncompressed
//! change. It knows nothing of what a change means.
//!
//! A chunk is 4 magic bytes, 4 checksum bytes, 1 type byte, the length of the contents in LEB128, the contents.
//! The hash is SHA-256 over type ‖ length ‖ contents, the checksum its first 4 bytes.

use sha2::Digest as _;
use sha2::Sha256;

use crate::ids::ChangeHash;

/// Why bytes are not one whole, uncompressed Automerge change. The entry is refused; nothing else is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// Shorter than a chunk's head.
    #[error("chunk ends within its head")]
    Truncated,
    /// Not an Automerge chunk.
    #[error("chunk does not begin with the magic bytes")]
    Magic,
    /// A document or a compressed change; only uncompressed changes are hashed and sent.
    #[error("chunk of type {0}, not an uncompressed change")]
    Type(u8),
    /// The length is not the shortest LEB128 of what follows.
    #[error("chunk states a wrong length")]
    Length,
    /// The contents were altered.
    #[error("chunk does not match its checksum")]
    Checksum,
}

/// The hash of one uncompressed change, as Automerge computes it.
///
/// # Errors
/// The bytes are not exactly one such change.
pub fn change_hash(chunk: &[u8]) -> Result<ChangeHash, ChunkError> {
    read(chunk).map(|(hash, _)| hash)
}

/// The hash of one uncompressed change and its contents.
pub(crate) fn read(chunk: &[u8]) -> Result<(ChangeHash, &[u8]), ChunkError> {
    let Parts { checksum, hashed, contents } = parts(chunk)?;
    let hash: [u8; 32] = Sha256::digest(hashed).into();
    if hash.first_chunk::<4>() != Some(checksum) {
        return Err(ChunkError::Checksum);
    }
    Ok((ChangeHash(hash), contents))
}

/// Whether a chunk is the one with these contents, which have this hash.
pub(crate) fn holds(chunk: &[u8], contents: &[u8], hash: &ChangeHash) -> bool {
    let is_it = |parts: Parts<'_>| {
        parts.contents == contents && Some(parts.checksum) == hash.as_bytes().first_chunk::<4>()
    };
    parts(chunk).is_ok_and(is_it)
}

#[derive(Debug)]
struct Parts<'a> {
    checksum: &'a [u8; 4],
    /// Type, length and contents.
    hashed: &'a [u8],
    contents: &'a [u8],
}

fn parts(chunk: &[u8]) -> Result<Parts<'_>, ChunkError> {
    let (magic, rest) = chunk.split_first_chunk::<4>().ok_or(ChunkError::Truncated)?;
    if *magic != MAGIC {
        return Err(ChunkError::Magic);
    }
    let (checksum, hashed) = rest.split_first_chunk::<4>().ok_or(ChunkError::Truncated)?;
    let (kind, rest) = hashed.split_first().ok_or(ChunkError::Truncated)?;
    if *kind != TYPE_CHANGE {
        return Err(ChunkError::Type(*kind));
    }
    let (length, contents) = leb128(rest)?;
    if length != contents.len() as u64 {
        return Err(ChunkError::Length);
    }
    Ok(Parts { checksum, hashed, contents })
}

pub(crate) const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
pub(crate) const TYPE_CHANGE: u8 = 1;

/// One unsigned LEB128 in its shortest form, and what follows it.
fn leb128(bytes: &[u8]) -> Result<(u64, &[u8]), ChunkError> {
    let mut value = 0u64;
    let mut rest = bytes;
    for shift in (0..u64::BITS).step_by(7) {
        let (byte, after) = rest.split_first().ok_or(ChunkError::Truncated)?;
        rest = after;
        let group = u64::from(byte & 0x7f);
        if group.leading_zeros() < shift {
            return Err(ChunkError::Length); // would be shifted out of 64 bits
        }
        value |= group << shift;
        if byte & 0x80 == 0 {
            let is_shortest = shift == 0 || *byte != 0;
            return if is_shortest { Ok((value, rest)) } else { Err(ChunkError::Length) };
        }
    }
    Err(ChunkError::Length)
}

#[cfg(test)]
mod tests {
    use automerge::AutoCommit;
    use automerge::transaction::Transactable;
    use proptest::prelude::*;

    use super::*;

    fn change(values: &[(String, String)]) -> automerge::Change {
        let mut document = AutoCommit::new();
        for (key, value) in values {
            document.put(automerge::ROOT, key.as_str(), value.as_str()).unwrap();
        }
        document.put(automerge::ROOT, "last", 1).unwrap();
        document.commit();
        document.get_changes(&[]).pop().unwrap()
    }

    proptest! {
        #[test]
        fn hash_is_the_one_automerge_computes(values in prop::collection::vec(("[a-z]{1,9}", ".{0,300}"), 0..12)) {
            let change = change(&values);
            prop_assert_eq!(change_hash(change.raw_bytes()), Ok(ChangeHash(change.hash().0)));
        }

        #[test]
        fn one_wrong_byte_is_never_a_change(at in any::<prop::sample::Index>(), flip in 1u8..) {
            let mut bytes = change(&[("name".to_owned(), "value".repeat(40))]).raw_bytes().to_vec();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            prop_assert!(change_hash(&bytes).is_err(), "byte {at}");
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut chunk = MAGIC.to_vec();
            chunk.extend([0, 0, 0, 0, TYPE_CHANGE]);
            chunk.extend(&bytes);
            let _ = (change_hash(&bytes), change_hash(&chunk));
        }
    }

    #[test]
    fn only_whole_uncompressed_changes_have_a_hash() {
        let mut long = change(&[("name".to_owned(), "value".repeat(400))]);
        let raw = long.raw_bytes().to_vec();
        let compressed = long.bytes().into_owned();
        assert_ne!(raw, compressed, "Automerge deflates long changes");
        let mut document = AutoCommit::new();
        document.put(automerge::ROOT, "a", 1).unwrap();
        let mut two = raw.clone();
        two.extend(&raw);
        for (name, bytes, expected) in [
            ("nothing", vec![], ChunkError::Truncated),
            ("cut in the head", raw[..8].to_vec(), ChunkError::Truncated),
            ("cut in the contents", raw[..raw.len() - 1].to_vec(), ChunkError::Length),
            ("one byte more", [raw.clone(), vec![0]].concat(), ChunkError::Length),
            ("two changes", two, ChunkError::Length),
            ("compressed", compressed, ChunkError::Type(2)),
            ("a document", document.save_nocompress(), ChunkError::Type(0)),
            ("text", b"not a chunk at all".to_vec(), ChunkError::Magic),
            ("overlong length", [&raw[..9], &[0x80, 0x00]].concat(), ChunkError::Length),
            ("length beyond 64 bits", [&raw[..9], &[0xff; 12]].concat(), ChunkError::Length),
        ] {
            assert_eq!(change_hash(&bytes), Err(expected), "{name}");
        }
    }
}

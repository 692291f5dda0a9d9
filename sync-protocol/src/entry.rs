//! Entry v1: one record of a log, what of it is hashed, and how a log's chain and a set's digest grow.
//!
//! A log is the append-only sequence of entries of one boot of one machine. What is hashed is always
//! H(kind ‖ doc_id ‖ change_hash), never compressed or stored bytes: an Automerge change hash does not include
//! the document, so the pairing is bound here, and a body may be erased without breaking chain or digest.

use crate::chunk;
use crate::ids::BootId;
use crate::ids::ChangeHash;
use crate::ids::DocId;
use crate::ids::Hash;

/// The entry format this program writes.
pub const ENTRY_VERSION: u16 = 1;

/// What an entry is. Unknown kinds are kept and passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, minicbor::Encode, minicbor::Decode)]
#[cbor(transparent)]
pub struct EntryKind(#[n(0)] pub u8);

impl EntryKind {
    /// One Automerge change of the document named by the entry.
    pub const CHANGE: Self = Self(1);
    /// The first entry of every log: whose log this is and which logs came before it.
    pub const BOOT: Self = Self(2);
    /// A signed provincial time, written in front of the next own change.
    pub const ANCHOR: Self = Self(3);
    /// A public key whose signatures appear in later entries.
    pub const KEY: Self = Self(4);
    /// The body of an earlier entry was erased by law.
    pub const ERASURE: Self = Self(5);
    /// Later changes of another log of this machine written again under this boot.
    pub const REISSUE: Self = Self(6);
}

/// Position in one log. The first entry has 1; 0 means "nothing yet".
pub type Lsn = u64;

/// One record of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The log (and boot) it was appended to.
    pub log: BootId,
    /// Its position there.
    pub lsn: Lsn,
    /// What it is.
    pub kind: EntryKind,
    /// The document it belongs to, or [`DocId::NONE`].
    pub doc: DocId,
    /// The hash its body is known by.
    pub hash: ChangeHash,
    /// The lowest entry version a reader must know to act on it.
    pub min_reader: u16,
    /// The bytes, or `None` when they were erased.
    pub body: Option<Vec<u8>>,
}

impl Entry {
    /// What chains and digests cover: H(kind ‖ doc_id ‖ change_hash).
    #[must_use]
    pub fn link(&self) -> Hash {
        link(self.kind, self.doc, self.hash)
    }

    /// Whether the body is what [`hash`](Self::hash) names; an erased body has nothing to contradict.
    ///
    /// A session passes entries on whose body does not match, so that one bad entry does not stop the rest:
    /// admission refuses them.
    #[must_use]
    pub fn has_matching_body(&self) -> bool {
        self.body.as_deref().is_none_or(|body| hash_of(self.kind, body) == Some(self.hash))
    }
}

/// The hash that the body of an entry of this kind is known by, or `None` for a change that is not one whole,
/// uncompressed Automerge change.
#[must_use]
pub fn hash_of(kind: EntryKind, body: &[u8]) -> Option<ChangeHash> {
    if kind == EntryKind::CHANGE { chunk::change_hash(body).ok() } else { Some(body_hash(body)) }
}

/// H(kind ‖ doc_id ‖ change_hash), the one thing that chains and digests cover.
#[must_use]
pub fn link(kind: EntryKind, doc: DocId, hash: ChangeHash) -> Hash {
    let mut hasher = blake3::Hasher::new_derive_key("motcua entry v1");
    hasher.update(&[kind.0]).update(doc.as_bytes()).update(hash.as_bytes());
    Hash(*hasher.finalize().as_bytes())
}

/// The chain of an empty log.
#[must_use]
pub fn chain_start(log: BootId) -> Hash {
    Hash(blake3::derive_key("motcua log v1", log.as_bytes()))
}

/// The chain after one more entry.
#[must_use]
pub fn chain_next(chain: Hash, link: Hash) -> Hash {
    let mut hasher = blake3::Hasher::new_derive_key("motcua chain v1");
    hasher.update(chain.as_bytes()).update(link.as_bytes());
    Hash(*hasher.finalize().as_bytes())
}

/// The hash of a body that is not an Automerge change.
#[must_use]
pub fn body_hash(body: &[u8]) -> ChangeHash {
    ChangeHash(*blake3::hash(body).as_bytes())
}

/// The digest of a set of entries: a 256-bit sum of BLAKE3 keyed by the feed, so that it grows in any order
/// and no one can aim two sets at one digest without the key.
///
/// It decides equality between two honest machines; evidence rests on chain heads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, minicbor::Encode, minicbor::Decode)]
#[cbor(transparent)]
pub struct Digest(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 32]);

impl Digest {
    /// The digest with one more member.
    #[must_use]
    pub fn plus(self, key: &[u8; 32], member: Hash) -> Self {
        let addend = *blake3::keyed_hash(key, member.as_bytes()).as_bytes();
        let mut sum = [0; 32];
        let mut carry = 0u16;
        for ((out, a), b) in sum.iter_mut().zip(self.0).zip(addend) {
            let total = u16::from(a) + u16::from(b) + carry;
            *out = total.to_le_bytes()[0];
            carry = total >> 8;
        }
        Self(sum)
    }

    /// The digest with one member less: undoes [`plus`](Self::plus), so that "all but these" need not be
    /// summed again.
    #[must_use]
    pub fn minus(self, key: &[u8; 32], member: Hash) -> Self {
        let subtrahend = *blake3::keyed_hash(key, member.as_bytes()).as_bytes();
        let mut difference = [0; 32];
        let mut borrow = 0u16;
        for ((out, a), b) in difference.iter_mut().zip(self.0).zip(subtrahend) {
            let total = 256 + u16::from(a) - u16::from(b) - borrow;
            *out = total.to_le_bytes()[0];
            borrow = u16::from(total < 256);
        }
        Self(difference)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_does_not_depend_on_order_but_on_membership() {
        let key = [7; 32];
        let (a, b) = (Hash([255; 32]), Hash([1; 32]));
        let one = Digest::default().plus(&key, a).plus(&key, b);
        assert_eq!(one, Digest::default().plus(&key, b).plus(&key, a));
        assert_ne!(one, Digest::default().plus(&key, a));
        assert_ne!(one, Digest::default().plus(&[8; 32], a).plus(&[8; 32], b));
    }

    #[test]
    fn minus_undoes_plus_with_every_borrow() {
        let key = [7; 32];
        let mut whole = Digest::default();
        for n in 0..64 {
            let member = Hash([n; 32]);
            let grown = whole.plus(&key, member);
            assert_eq!(grown.minus(&key, member), whole, "member {n}");
            whole = grown;
        }
        let below = Digest::default().minus(&key, Hash([1; 32]));
        assert_eq!(below.plus(&key, Hash([1; 32])), Digest::default());
    }

    #[test]
    fn link_binds_kind_and_document() {
        let (doc, hash) = (DocId([1; 16]), ChangeHash([2; 32]));
        let link_of = link(EntryKind::CHANGE, doc, hash);
        assert_ne!(link_of, link(EntryKind::BOOT, doc, hash));
        assert_ne!(link_of, link(EntryKind::CHANGE, DocId::NONE, hash));
    }
}

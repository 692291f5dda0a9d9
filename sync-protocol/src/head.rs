//! Heads: where a log, a feed, the provincial items or the proofs of one machine stand, in a few bytes.
//!
//! Two sides that name equal heads hold the same; what lies behind a head is not known here.

use crate::codec::fixed;
use crate::entry::Digest;
use crate::entry::Lsn;
use crate::ids::BootId;
use crate::ids::FeedId;
use crate::ids::Hash;
use crate::ids::ProvinceId;
use crate::ids::PublicKey;
use crate::ids::Signature;

/// Where one log stands at one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct LogHead {
    /// The log.
    #[n(0)]
    pub boot: BootId,
    /// Its last entry (contiguous from 1).
    #[cbor(n(1), with = "fixed")]
    pub lsn: Lsn,
    /// The chain after that entry.
    #[n(2)]
    pub chain: Hash,
}

impl LogHead {
    /// The member of a [`LogsSummary`] that stands for this head: H(boot ‖ lsn ‖ chain).
    #[must_use]
    pub fn member(&self) -> Hash {
        let mut hasher = blake3::Hasher::new_derive_key("motcua log head v1");
        hasher.update(self.boot.as_bytes()).update(&self.lsn.to_be_bytes()).update(self.chain.as_bytes());
        Hash(*hasher.finalize().as_bytes())
    }

    /// The bytes a machine signs to stand for its log up to here.
    #[must_use]
    pub fn signed_bytes(&self, province: ProvinceId) -> Vec<u8> {
        let mut bytes = b"motcua log head v1\0".to_vec();
        bytes.extend_from_slice(province.as_bytes());
        bytes.extend_from_slice(self.boot.as_bytes());
        bytes.extend_from_slice(&self.lsn.to_be_bytes());
        bytes.extend_from_slice(self.chain.as_bytes());
        bytes
    }
}

/// A log's head and the machine's signature over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedHead {
    /// The head.
    pub head: LogHead,
    /// Over [`LogHead::signed_bytes`].
    pub signature: Signature,
}

impl SignedHead {
    /// Signs a head. The key stays with the caller.
    #[must_use]
    pub fn sign_with(head: LogHead, province: ProvinceId, sign: impl FnOnce(&[u8]) -> [u8; 64]) -> Self {
        Self { head, signature: Signature(sign(&head.signed_bytes(province))) }
    }

    /// Whether this machine signed the head.
    #[must_use]
    pub fn is_signed_by(&self, machine: &PublicKey, province: ProvinceId) -> bool {
        machine.has_signed(&self.head.signed_bytes(province), &self.signature)
    }
}

/// Several logs as count and digest over their heads; equal summaries mean equal logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct LogsSummary {
    /// How many logs.
    #[cbor(n(0), with = "fixed")]
    pub count: u64,
    /// Sum over [`LogHead::member`] under [`logs_key`].
    #[n(1)]
    pub digest: Digest,
}

impl LogsSummary {
    /// The summary of these heads.
    #[must_use]
    pub fn of<'h>(province: ProvinceId, heads: impl IntoIterator<Item = &'h LogHead>) -> Self {
        let key = logs_key(province);
        heads.into_iter().fold(Self::default(), |summary, head| summary.plus(&key, head))
    }

    /// The summary with one more log. The key is [`logs_key`].
    #[must_use]
    pub fn plus(self, key: &[u8; 32], head: &LogHead) -> Self {
        Self { count: self.count.wrapping_add(1), digest: self.digest.plus(key, head.member()) }
    }

    /// The summary with one log less, for "all but those named" without reading all.
    #[must_use]
    pub fn minus(self, key: &[u8; 32], head: &LogHead) -> Self {
        Self { count: self.count.wrapping_sub(1), digest: self.digest.minus(key, head.member()) }
    }
}

/// The key of a [`LogsSummary`]'s digest.
#[must_use]
pub fn logs_key(province: ProvinceId) -> [u8; 32] {
    blake3::derive_key("motcua own logs digest v1", province.as_bytes())
}

/// The key of a feed's digest. Its members are the entries' links ([`Entry::link`](crate::entry::Entry::link)).
#[must_use]
pub fn feed_key(feed: FeedId) -> [u8; 32] {
    blake3::derive_key("motcua feed digest v1", feed.as_bytes())
}

/// Where a seat's feed stands at one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct FeedHead {
    /// The feed; `None` at a node that has never received one.
    #[n(0)]
    pub id: Option<FeedId>,
    /// The last position held; positions begin at 1 and have no gaps.
    #[cbor(n(1), with = "fixed")]
    pub position: u64,
    /// Sum over the links of positions 1 to `position` under [`feed_key`].
    #[n(2)]
    pub digest: Digest,
}

/// The newest provincial item at one side; number 0 and a zero hash before the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct ItemsHead {
    /// Its number.
    #[cbor(n(0), with = "fixed")]
    pub n: u64,
    /// Its hash ([`Item::hash`](crate::item::Item::hash)).
    #[n(1)]
    pub hash: Hash,
}

impl Default for ItemsHead {
    fn default() -> Self {
        Self { n: 0, hash: Hash([0; 32]) }
    }
}

/// The newest proof of one machine at one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct ProofHead {
    /// Its number; the first is 1.
    #[cbor(n(0), with = "fixed")]
    pub n: u64,
    /// Its content hash ([`Proof::hash`](crate::proof::Proof::hash)).
    #[n(1)]
    pub hash: Hash,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(byte: u8, lsn: Lsn) -> LogHead {
        LogHead { boot: BootId([byte; 16]), lsn, chain: Hash([byte; 32]) }
    }

    #[test]
    fn summary_without_a_log_is_the_summary_of_the_others() {
        let province = ProvinceId([1; 16]);
        let heads = [head(1, 4), head(2, 9), head(3, 1)];
        let all = LogsSummary::of(province, &heads);
        assert_eq!(
            all.minus(&logs_key(province), &heads[1]),
            LogsSummary::of(province, [&heads[2], &heads[0]])
        );
        assert_ne!(all, LogsSummary::of(ProvinceId([2; 16]), &heads));
        assert_ne!(LogsSummary::of(province, [&head(1, 4)]), LogsSummary::of(province, [&head(1, 5)]));
    }
}

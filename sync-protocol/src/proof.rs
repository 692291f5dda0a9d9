//! Proof v1: the province's signed statement of what it held of one machine at one position.
//!
//! Proofs of one machine form a chain. What is hashed for the chain is the content only; time and signature
//! stand beside it, so that a session without news renews them under the same number and adds no link.
//! A proof says "held at that time": it stays true after a ban or a restore.

use minicbor::Decode;
use minicbor::Decoder;
use minicbor::Encode;
use minicbor::Encoder;
use minicbor::decode;
use minicbor::encode;

use crate::codec;
use crate::codec::DecodeError;
use crate::codec::fixed;
use crate::codec::fixed_millis;
use crate::entry::Digest;
use crate::head::FeedHead;
use crate::head::LogsSummary;
use crate::head::ProofHead;
use crate::ids::BootId;
use crate::ids::FeedId;
use crate::ids::Hash;
use crate::ids::NodeId;
use crate::ids::ProvinceId;
use crate::ids::PublicKey;
use crate::ids::Signature;
use crate::limits;
use crate::time::Millis;

/// The proof format this program writes.
pub const PROOF_VERSION: u16 = 1;

/// What one link of a machine's chain of proofs says.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ProofContent {
    /// The format version.
    #[n(0)]
    pub version: u16,
    /// Whose statement it is.
    #[n(1)]
    pub province: ProvinceId,
    /// About which machine.
    #[n(2)]
    pub machine: NodeId,
    /// Its number in the machine's chain; the first is 1.
    #[cbor(n(3), with = "fixed")]
    pub n: u64,
    /// The hash of the proof before it; zero for the first.
    #[n(4)]
    pub previous: Hash,
    /// The feed of the machine's seat.
    #[n(5)]
    pub feed: FeedId,
    /// Up to which position of the feed both sides held the same.
    #[cbor(n(6), with = "fixed")]
    pub position: u64,
    /// The feed's digest there.
    #[n(7)]
    pub digest: Digest,
    /// All logs of this machine, held at both sides.
    #[n(8)]
    pub logs: LogsSummary,
    /// The machine's own entries and how they fared.
    #[n(9)]
    pub counts: EntryCounts,
    /// The newest provincial item both sides held.
    #[cbor(n(10), with = "fixed")]
    pub items_n: u64,
    /// The provincial boot that made this link.
    #[n(11)]
    pub boot: BootId,
}

/// How the entries of one machine fared at the province. The page is green only when the last three are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct EntryCounts {
    /// Applied and in the feeds of their parties.
    #[cbor(n(0), with = "fixed")]
    pub applied: u64,
    /// Kept until what they depend on arrives.
    #[cbor(n(1), with = "fixed")]
    pub waiting: u64,
    /// Kept and not applied; a person at the province decides.
    #[cbor(n(2), with = "fixed")]
    pub quarantined: u64,
    /// Kept and never applied: undecodable, out of bounds, or breaking a dossier's structure.
    #[cbor(n(3), with = "fixed")]
    pub refused: u64,
}

/// What the province found equal, without number, chain and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProofState {
    /// The province.
    pub province: ProvinceId,
    /// The machine.
    pub machine: NodeId,
    /// The feed of its seat; the id must be known at the province.
    pub feed: FeedId,
    /// Position in that feed.
    pub position: u64,
    /// Digest at that position.
    pub digest: Digest,
    /// All logs of the machine.
    pub logs: LogsSummary,
    /// How its entries fared.
    pub counts: EntryCounts,
    /// The newest provincial item.
    pub items_n: u64,
}

impl ProofContent {
    /// The link that states `state` after `last` (this province's newest proof of the machine) and `told` (the
    /// newest the machine says it has).
    ///
    /// A state equal to the last link's gives that link again, to be signed with a new time (a renewal). A
    /// restored province adopts the machine's newer head and goes on behind it.
    #[must_use]
    pub fn next(state: &ProofState, last: Option<&Proof>, told: Option<ProofHead>, boot: BootId) -> Self {
        let ahead =
            told.filter(|told| last.is_none_or(|last| told.n >= last.content.n && *told != last.head()));
        if let (Some(last), None) = (last, ahead)
            && last.content.state() == *state
        {
            return last.content.clone();
        }
        let before = ahead.or_else(|| last.map(Proof::head));
        Self {
            version: PROOF_VERSION,
            province: state.province,
            machine: state.machine,
            n: before.map_or(1, |head| head.n.saturating_add(1)),
            previous: before.map_or(Hash([0; 32]), |head| head.hash),
            feed: state.feed,
            position: state.position,
            digest: state.digest,
            logs: state.logs,
            counts: state.counts,
            items_n: state.items_n,
            boot,
        }
    }

    /// What it states, without number, chain and maker.
    #[must_use]
    pub const fn state(&self) -> ProofState {
        ProofState {
            province: self.province,
            machine: self.machine,
            feed: self.feed,
            position: self.position,
            digest: self.digest,
            logs: self.logs,
            counts: self.counts,
            items_n: self.items_n,
        }
    }

    /// The feed's head at both sides.
    #[must_use]
    pub const fn feed_head(&self) -> FeedHead {
        FeedHead { id: Some(self.feed), position: self.position, digest: self.digest }
    }
}

/// A proof as it was sent: content bytes, time, signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    content_bytes: Vec<u8>,
    content: ProofContent,
    at: Millis,
    signature: Signature,
}

/// Why a proof is not a link of the machine's chain. The session ends; a person must look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Not signed by the province's key.
    #[error("proof {n} is not signed by the province")]
    Signature {
        /// Its number.
        n: u64,
    },
    /// It names another province or another machine.
    #[error("proof {n} is about another machine or from another province")]
    Stranger {
        /// Its number.
        n: u64,
    },
    /// It does not follow the proof before it.
    #[error("proof {n} does not follow proof {after_n}")]
    Chain {
        /// Its number.
        n: u64,
        /// The number it should follow.
        after_n: u64,
    },
    /// It states another position, digest or count than was asked to be proved.
    #[error("proof {n} does not state what this machine holds")]
    State {
        /// Its number.
        n: u64,
    },
}

impl Proof {
    /// A proof over this content, signed by the province at this time. The key stays with the caller.
    #[must_use]
    pub fn sign_with(content: ProofContent, at: Millis, sign: impl FnOnce(&[u8]) -> [u8; 64]) -> Self {
        let content_bytes = codec::to_cbor(&content);
        let signature = Signature(sign(&signed_bytes(hash(&content_bytes), at)));
        Self { content_bytes, content, at, signature }
    }

    /// A proof from what was stored or sent; [`verify`](Self::verify) is still to be asked.
    ///
    /// # Errors
    /// The content is malformed or out of bounds.
    pub fn from_parts(content_bytes: Vec<u8>, at: Millis, signature: Signature) -> Result<Self, DecodeError> {
        let (size_bytes, size_bytes_max) = (content_bytes.len(), limits::PROOF_CONTENT_BYTES_MAX);
        if size_bytes > size_bytes_max {
            return Err(DecodeError::TooLarge { size_bytes, size_bytes_max });
        }
        let content = codec::from_cbor(&content_bytes)?;
        Ok(Self { content_bytes, content, at, signature })
    }

    /// The whole proof as bytes, for a store or a file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::to_cbor(self)
    }

    /// The proof that [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// The bytes are malformed or out of bounds.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::from_cbor(bytes)
    }

    /// The same link with the time and signature of a renewal.
    #[must_use]
    pub fn renewed(&self, at: Millis, signature: Signature) -> Self {
        Self { at, signature, ..self.clone() }
    }

    /// What it says.
    #[must_use]
    pub const fn content(&self) -> &ProofContent {
        &self.content
    }

    /// The content exactly as it was sent: keep these bytes, never write the content again.
    #[must_use]
    pub fn content_bytes(&self) -> &[u8] {
        &self.content_bytes
    }

    /// When the province last said so, by its clock.
    #[must_use]
    pub const fn at(&self) -> Millis {
        self.at
    }

    /// The province's signature over [`hash`](Self::hash) and [`at`](Self::at).
    #[must_use]
    pub const fn signature(&self) -> &Signature {
        &self.signature
    }

    /// What the next proof names this one by: over the content as it was sent, without time and signature.
    #[must_use]
    pub fn hash(&self) -> Hash {
        hash(&self.content_bytes)
    }

    /// Number and hash.
    #[must_use]
    pub fn head(&self) -> ProofHead {
        ProofHead { n: self.content.n, hash: self.hash() }
    }

    /// Whether this province said this about this machine.
    ///
    /// # Errors
    /// It did not.
    pub fn verify(&self, key: &PublicKey, province: ProvinceId, machine: NodeId) -> Result<(), ProofError> {
        let n = self.content.n;
        if self.content.province != province || self.content.machine != machine {
            return Err(ProofError::Stranger { n });
        }
        if !key.has_signed(&signed_bytes(self.hash(), self.at), &self.signature) {
            return Err(ProofError::Signature { n });
        }
        Ok(())
    }

    /// Whether the proof comes right after `last`.
    ///
    /// # Errors
    /// Its number is not the next, or it names another proof before it.
    pub fn follows(&self, last: Option<ProofHead>) -> Result<(), ProofError> {
        let (n, previous) = last.map_or((0, Hash([0; 32])), |last| (last.n, last.hash));
        if self.content.n == n.saturating_add(1) && self.content.previous == previous {
            Ok(())
        } else {
            Err(ProofError::Chain { n: self.content.n, after_n: n })
        }
    }
}

impl<C> Encode<C> for Proof {
    fn encode<W: encode::Write>(
        &self,
        encoder: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        Parts { content: self.content_bytes.clone(), at: self.at, signature: self.signature }
            .encode(encoder, ctx)
    }
}

impl<'b, C> Decode<'b, C> for Proof {
    fn decode(decoder: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, decode::Error> {
        let at = decoder.position();
        let parts = Parts::decode(decoder, ctx)?;
        Self::from_parts(parts.content, parts.at, parts.signature)
            .map_err(|_| decode::Error::message("malformed proof").at(at))
    }
}

fn hash(content_bytes: &[u8]) -> Hash {
    Hash(blake3::derive_key("motcua proof v1", content_bytes))
}

fn signed_bytes(hash: Hash, at: Millis) -> Vec<u8> {
    [b"motcua proof v1\0", &hash.0[..], &at.0.to_be_bytes()].concat()
}

/// A proof's stored and sent form.
#[derive(Encode, Decode)]
#[cbor(map)]
struct Parts {
    #[cbor(
        n(0),
        encode_with = "minicbor::bytes::encode",
        decode_with = "codec::bytes::<_, { limits::PROOF_CONTENT_BYTES_MAX }>"
    )]
    content: Vec<u8>,
    #[cbor(n(1), with = "fixed_millis")]
    at: Millis,
    #[n(2)]
    signature: Signature,
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::Signer;
    use ed25519_dalek::SigningKey;

    use super::*;

    const PROVINCE: ProvinceId = ProvinceId([1; 16]);
    const MACHINE: NodeId = NodeId([2; 16]);
    const BOOT: BootId = BootId([4; 16]);

    fn sign(bytes: &[u8]) -> [u8; 64] {
        SigningKey::from_bytes(&[3; 32]).sign(bytes).to_bytes()
    }

    fn key() -> PublicKey {
        PublicKey(SigningKey::from_bytes(&[3; 32]).verifying_key().to_bytes())
    }

    fn state(position: u64) -> ProofState {
        ProofState {
            province: PROVINCE,
            machine: MACHINE,
            feed: FeedId([5; 16]),
            position,
            digest: Digest([6; 32]),
            logs: LogsSummary { count: 1, digest: Digest([7; 32]) },
            counts: EntryCounts { applied: position, ..EntryCounts::default() },
            items_n: 1,
        }
    }

    fn next(position: u64, last: Option<&Proof>, told: Option<ProofHead>, at: i64) -> Proof {
        Proof::sign_with(ProofContent::next(&state(position), last, told, BOOT), Millis(at), sign)
    }

    #[test]
    fn new_state_adds_a_link_and_the_same_state_renews_the_last() {
        let one = next(10, None, None, 100);
        let two = next(20, Some(&one), Some(one.head()), 200);
        let renewed = next(20, Some(&two), Some(two.head()), 300);
        assert_eq!((one.content().n, two.content().n), (1, 2));
        assert_eq!((one.follows(None), two.follows(Some(one.head()))), (Ok(()), Ok(())));
        assert_eq!(two.follows(None), Err(ProofError::Chain { n: 2, after_n: 0 }));
        assert_eq!(renewed.head(), two.head());
        assert_ne!(renewed.signature(), two.signature());
        assert_eq!(two.renewed(renewed.at(), *renewed.signature()), renewed);
        assert_eq!(renewed.verify(&key(), PROVINCE, MACHINE), Ok(()));
    }

    #[test]
    fn a_renewal_keeps_the_boot_of_its_link() {
        let one = next(10, None, None, 100);
        let content = ProofContent::next(&state(10), Some(&one), None, BootId([9; 16]));
        assert_eq!(&content, one.content());
    }

    #[test]
    fn a_restored_province_goes_on_behind_the_head_the_machine_brings() {
        let one = next(10, None, None, 100);
        let two = next(20, Some(&one), None, 200);
        for last in [None, Some(&one)] {
            let after = next(20, last, Some(two.head()), 300);
            assert_eq!((after.content().n, after.follows(Some(two.head()))), (3, Ok(())));
        }
        let other_two = next(15, Some(&one), None, 250);
        let after = next(20, Some(&other_two), Some(two.head()), 300);
        assert_eq!(after.follows(Some(two.head())), Ok(()), "same number, another link");
        let late = next(20, Some(&two), Some(one.head()), 300);
        assert_eq!(late.head(), two.head(), "a machine that lacks proofs gets them; the link is renewed");
    }

    #[test]
    fn any_altered_part_is_noticed() {
        let proof = next(10, None, None, 100);
        assert_eq!(proof.verify(&key(), PROVINCE, MACHINE), Ok(()));
        assert_eq!(proof.verify(&key(), PROVINCE, NodeId([9; 16])), Err(ProofError::Stranger { n: 1 }));
        assert_eq!(proof.verify(&key(), ProvinceId([9; 16]), MACHINE), Err(ProofError::Stranger { n: 1 }));
        let later = proof.renewed(Millis(101), proof.signature);
        assert_eq!(later.verify(&key(), PROVINCE, MACHINE), Err(ProofError::Signature { n: 1 }));
        for at in 0..proof.content_bytes.len() {
            let mut content = proof.content_bytes.clone();
            content[at] ^= 1;
            let parsed = Proof::from_parts(content, proof.at, proof.signature);
            assert!(
                parsed.is_err() || parsed.unwrap().verify(&key(), PROVINCE, MACHINE).is_err(),
                "byte {at}"
            );
        }
        assert_eq!(Proof::from_bytes(&proof.to_bytes()).unwrap(), proof);
    }
}

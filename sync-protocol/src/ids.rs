//! Names of things that travel. All are plain bytes; their text form is lower-case hex.

use std::fmt;
use std::str::FromStr;

use crate::time::Millis;

/// A text that is not the hex form of the id that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} hex digits")]
pub struct ParseIdError {
    /// How many hex digits the id has.
    pub expected: usize,
}

macro_rules! byte_id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, minicbor::Encode, minicbor::Decode)]
        #[cbor(transparent)]
        pub struct $name(#[cbor(with = "minicbor::bytes")] pub [u8; $len]);

        impl $name {
            /// The id's length in bytes.
            pub const LEN: usize = $len;

            /// The id as bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// The id from a slice, or `None` when the slice has another length.
            #[must_use]
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let wrong = ParseIdError { expected: $len * 2 };
                if text.len() != $len * 2 || !text.is_ascii() {
                    return Err(wrong);
                }
                let mut bytes = [0; $len];
                for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
                    let pair = std::str::from_utf8(pair).map_err(|_| wrong)?;
                    *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong)?;
                }
                Ok(Self(bytes))
            }
        }
    };
}

byte_id!(
    /// Names a province for ever: the first 16 bytes of BLAKE3 over its certificate authority's public key.
    ProvinceId, 16
);
byte_id!(
    /// Names one machine (a commune node or the provincial server): the first 16 bytes of BLAKE3 over its
    /// Ed25519 signing key. A replaced machine is another one.
    NodeId, 16
);
byte_id!(
    /// Names one boot: minted at the first own append of a process ([`BootId::mint`]), and says whose it is. It is the
    /// log's id and the Automerge actor of every change in that log.
    BootId, 16
);
byte_id!(
    /// Names one document (a dossier or a slip): a UUIDv8 drawn by the machine that begins it ([`DocId::mint`]), and
    /// says whose beginning it is. All zero for entries that belong to no document.
    DocId, 16
);
byte_id!(
    /// What an entry's body is known by: an Automerge change's own hash (SHA-256 of its chunk) for changes,
    /// BLAKE3 of the body for every other kind.
    ChangeHash, 32
);
byte_id!(
    /// A 256-bit BLAKE3 hash: a chain link, an item, a proof.
    Hash, 32
);
byte_id!(
    /// Names one seat's feed; a restored province gives its feeds new ids.
    FeedId, 16
);

byte_id!(
    /// Names one bundle: 16 random bytes, the same in all its parts.
    BundleId, 16
);
byte_id!(
    /// An Ed25519 public key: of a machine (its log heads) or of the province (items, proofs).
    PublicKey, 32
);
byte_id!(
    /// An Ed25519 signature.
    Signature, 64
);

impl PublicKey {
    /// Whether this key signed exactly these bytes. Weak keys and malleable signatures count as wrong.
    #[must_use]
    pub fn has_signed(&self, message: &[u8], signature: &Signature) -> bool {
        ed25519_dalek::VerifyingKey::from_bytes(&self.0).is_ok_and(|key| {
            key.verify_strict(message, &ed25519_dalek::Signature::from_bytes(&signature.0)).is_ok()
        })
    }
}

/// Bytes of a name that are drawn, before those that say whose it is.
const DRAWN_BYTES: usize = 12;

/// What a machine's name ends with: a hash over the machine and what the name begins with. Who wants to bear another's
/// name has one trial with its own id, in which nothing is left to choose (SPEC.md, section 3).
fn stamped(context: &str, machine: NodeId, drawn: [u8; DRAWN_BYTES]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    hasher.update(machine.as_bytes()).update(&drawn);
    let mut name = [0; 16];
    let (begin, end) = name.split_at_mut(DRAWN_BYTES);
    begin.copy_from_slice(&drawn);
    end.iter_mut().zip(hasher.finalize().as_bytes()).for_each(|(to, from)| *to = *from);
    name
}

/// Whether a name is what [`stamped`] makes of its beginning for this machine.
fn is_stamped_by(context: &str, machine: NodeId, name: &[u8; 16]) -> bool {
    name.first_chunk().is_some_and(|drawn| stamped(context, machine, *drawn) == *name)
}

impl BootId {
    const CONTEXT: &str = "motcua log name v1";

    /// A name for a log of this machine, from bytes that are drawn at random and never used twice.
    #[must_use]
    pub fn mint(machine: NodeId, drawn: [u8; 12]) -> Self {
        Self(stamped(Self::CONTEXT, machine, drawn))
    }

    /// Whether this machine gave the name. Nobody else may begin a log under it.
    #[must_use]
    pub fn is_of(&self, machine: NodeId) -> bool {
        is_stamped_by(Self::CONTEXT, machine, &self.0)
    }
}

impl DocId {
    const CONTEXT: &str = "motcua document name v1";

    /// The document id of entries that belong to no document.
    pub const NONE: Self = Self([0; 16]);

    /// A name for a document that this machine begins at this time: a UUIDv8, time first, so that documents lie in a
    /// store as they were made. Of the bytes that are drawn 42 bits count: one machine draws the same twice within one
    /// millisecond once in four million million times.
    #[must_use]
    pub fn mint(machine: NodeId, at: Millis, drawn: [u8; 6]) -> Self {
        let [.., a, b, c, d, e, f] = at.0.clamp(0, (1 << 48) - 1).to_be_bytes();
        let [g, h, i, j, k, l] = drawn;
        let begin = [a, b, c, d, e, f, 0x80 | (g & 0x0f), h, 0x80 | (i & 0x3f), j, k, l];
        Self(stamped(Self::CONTEXT, machine, begin))
    }

    /// Whether this machine may begin the document: it gave the name, or the name is one of version 7, which programs
    /// gave before names said whose they are. Only beginnings are bound: others act on the document later.
    #[must_use]
    pub fn may_be_begun_by(&self, machine: NodeId) -> bool {
        let [_, _, _, _, _, _, version, ..] = self.0;
        match version >> 4 {
            7 => true,
            8 => is_stamped_by(Self::CONTEXT, machine, &self.0),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_name_is_its_machines_and_no_changed_bit_of_it_or_of_the_machine_is(
            machine: [u8; 16], log: [u8; 12], doc: [u8; 6], at in 0..1_i64 << 48, place in 0_usize..128,
        ) {
            let flipped = |mut bytes: [u8; 16]| {
                bytes[place / 8] ^= 1 << (place % 8);
                bytes
            };
            let (owner, other) = (NodeId(machine), NodeId(flipped(machine)));
            let boot = BootId::mint(owner, log);
            prop_assert_eq!(boot.0[..12].to_vec(), log);
            prop_assert!(boot.is_of(owner) && !boot.is_of(other) && !BootId(flipped(boot.0)).is_of(owner));
            let doc = DocId::mint(owner, Millis(at), doc);
            prop_assert!(doc.may_be_begun_by(owner) && !doc.may_be_begun_by(other));
            let changed = DocId(flipped(doc.0));
            prop_assert!(changed.0[6] >> 4 == 7 || !changed.may_be_begun_by(owner));
            prop_assert!(!BootId(doc.0).is_of(owner), "a document's name is none of a log");
        }

        #[test]
        fn documents_lie_as_they_were_made_and_differ_by_42_bits(
            machine: [u8; 16], first: i64, later: i64, one: [u8; 6], two: [u8; 6],
        ) {
            let mint = |at, drawn| DocId::mint(NodeId(machine), Millis(at), drawn);
            let ms = |at: i64| at.clamp(0, (1 << 48) - 1);
            if ms(first) < ms(later) {
                prop_assert!(mint(first, one) < mint(later, two));
            }
            let id = mint(first, one);
            prop_assert_eq!((id.0[6] >> 4, id.0[8] >> 6), (8, 2), "a UUID of version 8");
            let drawn = |[a, b, c, d, e, f]: [u8; 6]| [a & 0x0f, b, c & 0x3f, d, e, f];
            prop_assert_eq!(id == mint(first, two), drawn(one) == drawn(two));
        }
    }

    #[test]
    fn a_document_named_before_names_said_whose_they_are_may_be_begun_by_anybody() {
        let mut id = DocId::mint(NodeId([1; 16]), Millis(1), [2; 6]);
        for version in 0..16 {
            id.0[6] = version << 4;
            assert_eq!(id.may_be_begun_by(NodeId([9; 16])), version == 7, "version {version}");
        }
        assert!(!DocId::NONE.may_be_begun_by(NodeId([9; 16])));
    }

    #[test]
    fn text_form_round_trips_and_wrong_text_is_refused() {
        let id = DocId([0xab; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "ab", "zz", &"g".repeat(32), &"a".repeat(31), "é".repeat(16).as_str()] {
            assert_eq!(text.parse::<DocId>(), Err(ParseIdError { expected: 32 }), "{text}");
        }
    }
}

//! Names of things that travel. All are plain bytes; their text form is lower-case hex.

use std::fmt;
use std::str::FromStr;

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
    /// Names one boot: 16 random bytes minted at the first own append of a process. It is the log's id and
    /// the Automerge actor of every change in that log.
    BootId, 16
);
byte_id!(
    /// Names one document (a dossier or a slip): a UUIDv7 drawn by the office that creates it. All zero for
    /// entries that belong to no document.
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

impl DocId {
    /// The document id of entries that belong to no document.
    pub const NONE: Self = Self([0; 16]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips_and_wrong_text_is_refused() {
        let id = DocId([0xab; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "ab", "zz", &"g".repeat(32), &"a".repeat(31), "é".repeat(16).as_str()] {
            assert_eq!(text.parse::<DocId>(), Err(ParseIdError { expected: 32 }), "{text}");
        }
    }
}

//! Provincial items: directory versions, grants, bans, marks, as one signed chain that every node keeps.
//!
//! An item is a small header, signed and hashed exactly as it was sent, and a body that the header names by its
//! hash. What a body means is not known here.

use minicbor::Decode;
use minicbor::Encode;

use crate::codec;
use crate::codec::DecodeError;
use crate::codec::fixed;
use crate::codec::fixed_millis;
use crate::head::ItemsHead;
use crate::ids::BootId;
use crate::ids::Hash;
use crate::ids::PublicKey;
use crate::ids::Signature;
use crate::limits;
use crate::time::Millis;

/// The item format this program writes.
pub const ITEM_VERSION: u16 = 1;

/// What an item is. Unknown kinds are kept and passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct ItemKind(#[n(0)] pub u8);

impl ItemKind {
    /// A version of the directory.
    pub const DIRECTORY: Self = Self(1);
    /// Number series were given to a machine.
    pub const GRANT: Self = Self(2);
    /// A machine was banned.
    pub const BAN: Self = Self(3);
    /// A review mark on an entry that was applied or kept back.
    pub const MARK: Self = Self(4);
    /// Entries kept back were released.
    pub const RELEASE: Self = Self(5);
    /// Where the province can be reached.
    pub const ADDRESS: Self = Self(6);
    /// Two branches of the chain, from before and after a restore of the province, are one again.
    pub const JOIN: Self = Self(7);
    /// Number series that were given to two machines are taken back from one of them.
    pub const WITHDRAWAL: Self = Self(8);
}

/// What the province signs of an item.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ItemHeader {
    /// The format version.
    #[n(0)]
    pub version: u16,
    /// Its number; the first is 1. After a restore of the province two items may bear one number.
    #[cbor(n(1), with = "fixed")]
    pub n: u64,
    /// What it is.
    #[n(2)]
    pub kind: ItemKind,
    /// The hashes of the items before it: none for the first, normally one, two where a fork is joined.
    #[cbor(n(3), decode_with = "codec::list::<_, _, { limits::ITEM_PARENTS_MAX }>")]
    pub parents: Vec<Hash>,
    /// BLAKE3 of the body.
    #[n(4)]
    pub body_hash: Hash,
    /// The provincial boot that made it.
    #[n(5)]
    pub boot: BootId,
    /// When, by the province's clock.
    #[cbor(n(6), with = "fixed_millis")]
    pub at: Millis,
}

/// One provincial item: header as sent, signature, body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    header_bytes: Vec<u8>,
    header: ItemHeader,
    signature: Signature,
    body: Vec<u8>,
}

/// An item with its place among all that the sender holds, in the order in which it came to hold them: each comes after
/// those it names as parents, and what is added later has a later place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedItem {
    /// Its place, from 1; it means nothing at any other machine.
    pub place: u64,
    /// The item.
    pub item: Item,
}

/// Why an item is not the province's word. The session ends; a person must look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ItemError {
    /// Not signed by the province's key.
    #[error("item {n} is not signed by the province")]
    Signature {
        /// Its number.
        n: u64,
    },
    /// The body is not the one the header names.
    #[error("item {n} has another body than its header says")]
    Body {
        /// Its number.
        n: u64,
    },
    /// It does not follow the item before it.
    #[error("item {n} does not follow item {after_n}")]
    Chain {
        /// Its number.
        n: u64,
        /// The number it should follow.
        after_n: u64,
    },
}

impl Item {
    /// A new item that follows `parents`, signed by the province. The key stays with the caller.
    #[must_use]
    pub fn sign_with(
        n: u64,
        kind: ItemKind,
        parents: Vec<Hash>,
        body: Vec<u8>,
        boot: BootId,
        at: Millis,
        sign: impl FnOnce(&[u8]) -> [u8; 64],
    ) -> Self {
        let body_hash = Hash(*blake3::hash(&body).as_bytes());
        let header = ItemHeader { version: ITEM_VERSION, n, kind, parents, body_hash, boot, at };
        let header_bytes = codec::to_cbor(&header);
        let signature = Signature(sign(&signed_bytes(&header_bytes)));
        Self { header_bytes, header, signature, body }
    }

    /// An item from what was stored or sent; [`verify`](Self::verify) is still to be asked.
    ///
    /// # Errors
    /// The header is malformed or something is out of bounds.
    pub fn from_parts(
        header_bytes: Vec<u8>,
        signature: Signature,
        body: Vec<u8>,
    ) -> Result<Self, DecodeError> {
        for (size_bytes, size_bytes_max) in
            [(header_bytes.len(), limits::ITEM_HEADER_BYTES_MAX), (body.len(), limits::ITEM_BODY_BYTES_MAX)]
        {
            if size_bytes > size_bytes_max {
                return Err(DecodeError::TooLarge { size_bytes, size_bytes_max });
            }
        }
        let header = codec::from_cbor(&header_bytes)?;
        Ok(Self { header_bytes, header, signature, body })
    }

    /// The whole item as bytes, for a store or the wire.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::to_cbor(&Parts {
            header: self.header_bytes.clone(),
            signature: self.signature,
            body: self.body.clone(),
        })
    }

    /// The item that [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// The bytes are malformed or out of bounds.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let parts: Parts = codec::from_cbor(bytes)?;
        Self::from_parts(parts.header, parts.signature, parts.body)
    }

    /// What the province signed.
    #[must_use]
    pub const fn header(&self) -> &ItemHeader {
        &self.header
    }

    /// The header exactly as it was sent: keep these bytes, never write the header again.
    #[must_use]
    pub fn header_bytes(&self) -> &[u8] {
        &self.header_bytes
    }

    /// The province's signature.
    #[must_use]
    pub const fn signature(&self) -> &Signature {
        &self.signature
    }

    /// What the item carries.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// What later items name this one by: over the header as it was sent.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash(blake3::derive_key("motcua item v1", &self.header_bytes))
    }

    /// Number and hash.
    #[must_use]
    pub fn head(&self) -> ItemsHead {
        ItemsHead { n: self.header.n, hash: self.hash() }
    }

    /// Whether the province signed it and the body is the one it signed for.
    ///
    /// # Errors
    /// One of both is not so.
    pub fn verify(&self, province: &PublicKey) -> Result<(), ItemError> {
        let n = self.header.n;
        if !province.has_signed(&signed_bytes(&self.header_bytes), &self.signature) {
            return Err(ItemError::Signature { n });
        }
        if self.header.body_hash.as_bytes() != blake3::hash(&self.body).as_bytes() {
            return Err(ItemError::Body { n });
        }
        Ok(())
    }

    /// Whether the item comes right after `head`. One with several parents joins branches of different lengths: it
    /// bears the next number after the highest of them.
    ///
    /// # Errors
    /// Its number is not the next, or it does not name the head as a parent.
    pub fn follows(&self, head: ItemsHead) -> Result<(), ItemError> {
        let is_first = head.n == 0 && self.header.parents.is_empty();
        let is_join = self.header.parents.len() > 1 && self.header.n > head.n;
        let is_next = is_join || self.header.n == head.n.saturating_add(1);
        if is_next && (is_first || (head.n > 0 && self.header.parents.contains(&head.hash))) {
            Ok(())
        } else {
            Err(ItemError::Chain { n: self.header.n, after_n: head.n })
        }
    }
}

/// Verifies items that come one after the other behind `head`, and returns the head after them.
///
/// # Errors
/// The first item that is not the province's word or does not follow.
pub fn verify_sequence<'i>(
    head: ItemsHead,
    province: &PublicKey,
    items: impl IntoIterator<Item = &'i Item>,
) -> Result<ItemsHead, ItemError> {
    items.into_iter().try_fold(head, |head, item| {
        item.follows(head)?;
        item.verify(province)?;
        Ok(item.head())
    })
}

fn signed_bytes(header_bytes: &[u8]) -> Vec<u8> {
    [b"motcua item v1\0", header_bytes].concat()
}

/// An item's stored and sent form.
#[derive(Encode, Decode)]
#[cbor(map)]
struct Parts {
    #[cbor(
        n(0),
        encode_with = "minicbor::bytes::encode",
        decode_with = "codec::bytes::<_, { limits::ITEM_HEADER_BYTES_MAX }>"
    )]
    header: Vec<u8>,
    #[n(1)]
    signature: Signature,
    #[cbor(
        n(2),
        encode_with = "minicbor::bytes::encode",
        decode_with = "codec::bytes::<_, { limits::ITEM_BODY_BYTES_MAX }>"
    )]
    body: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::Signer;
    use ed25519_dalek::SigningKey;

    use super::*;

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[3; 32])
    }

    fn public(key: &SigningKey) -> PublicKey {
        PublicKey(key.verifying_key().to_bytes())
    }

    fn item(n: u64, parents: Vec<Hash>) -> Item {
        let body = format!("body {n}").into_bytes();
        Item::sign_with(n, ItemKind::MARK, parents, body, BootId([1; 16]), Millis(5), |bytes| {
            key().sign(bytes).to_bytes()
        })
    }

    #[test]
    fn a_sequence_holds_only_in_its_order_and_from_its_start() {
        let (one, key) = (item(1, vec![]), public(&key()));
        let two = item(2, vec![one.hash()]);
        let joined = item(3, vec![Hash([9; 32]), two.hash()]);
        let start = ItemsHead::default();
        assert_eq!(verify_sequence(start, &key, [&one, &two, &joined]), Ok(joined.head()));
        assert_eq!(verify_sequence(one.head(), &key, [&two]), Ok(two.head()));
        assert_eq!(verify_sequence(start, &key, [&two]), Err(ItemError::Chain { n: 2, after_n: 0 }));
        assert_eq!(verify_sequence(start, &key, [&one, &joined]), Err(ItemError::Chain { n: 3, after_n: 1 }));
        let longer = item(7, vec![Hash([9; 32]), two.hash()]);
        assert_eq!(longer.follows(two.head()), Ok(()), "it joins a branch that was longer");
        assert!(item(7, vec![two.hash()]).follows(two.head()).is_err());
        assert!(item(2, vec![Hash([9; 32]), two.hash()]).follows(two.head()).is_err());
        let foreign = item(2, vec![Hash([8; 32])]);
        assert_eq!(verify_sequence(one.head(), &key, [&foreign]), Err(ItemError::Chain { n: 2, after_n: 1 }));
    }

    #[test]
    fn any_altered_part_is_noticed() {
        let item = item(1, vec![]);
        let key = public(&key());
        let other_key = public(&SigningKey::from_bytes(&[4; 32]));
        assert_eq!(item.verify(&key), Ok(()));
        assert_eq!(item.verify(&other_key), Err(ItemError::Signature { n: 1 }));
        let altered = Item { body: b"another".to_vec(), ..item.clone() };
        assert_eq!(altered.verify(&key), Err(ItemError::Body { n: 1 }));
        for at in 0..item.header_bytes.len() {
            let mut header = item.header_bytes.clone();
            header[at] ^= 1;
            let parsed = Item::from_parts(header, item.signature, item.body.clone());
            assert!(parsed.is_err() || parsed.unwrap().verify(&key).is_err(), "header byte {at}");
        }
    }

    #[test]
    fn bytes_of_a_later_format_are_kept_and_verified_as_sent() {
        // A header with a key that this program does not know.
        let mut header = item(1, vec![]).header_bytes;
        header[0] += 1; // one pair more in the map
        header.extend([0x18, 99, 0x01]);
        let signature = Signature(key().sign(&signed_bytes(&header)).to_bytes());
        let item = Item::from_parts(header.clone(), signature, b"body 1".to_vec()).unwrap();
        assert_eq!(item.verify(&public(&key())), Ok(()));
        let again = Item::from_bytes(&item.to_bytes()).unwrap();
        assert_eq!((again.header_bytes(), again.hash()), (header.as_slice(), item.hash()));
    }
}

//! Sealing: content that only the holders of some seal keys can read, for files that strangers carry.
//!
//! All of it is HPKE (RFC 9180, base mode, X25519 with HKDF-SHA256, ChaCha20-Poly1305). The content goes to a key
//! made for this one file, in chunks that can be neither changed nor moved; the secret half of that key goes to each
//! recipient. Who sealed it is not shown by this: the caller signs.

use std::convert::Infallible;

use hpke::Deserializable;
use hpke::Kem as KemTrait;
use hpke::OpModeR;
use hpke::OpModeS;
use hpke::Serializable;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::rand_core::TryCryptoRng;
use hpke::rand_core::TryRng;

use super::SecretKeys;

type Kem = X25519HkdfSha256;

/// Plain bytes in one chunk.
const CHUNK_BYTES: usize = 64 * 1024;
/// What sealing adds to each chunk.
const TAG_BYTES: usize = 16;
/// What stands before the chunks.
const ENCAPPED_BYTES: usize = 32;

/// Fresh random bytes for sealing one content: one for its key, one for the content, one for each recipient.
#[derive(Debug)]
pub struct SealSeeds {
    /// For the content's own key.
    pub key: [u8; 32],
    /// For the content.
    pub content: [u8; 32],
    /// One for each recipient, in their order.
    pub recipients: Vec<[u8; 32]>,
}

/// Sealed content, and the key to it sealed to each recipient in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// What only a recipient can open.
    pub content: Vec<u8>,
    /// For each recipient.
    pub keys: Vec<Vec<u8>>,
}

/// The content was not sealed to this key with this `info`, or it was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("content cannot be opened with this key")]
pub struct Unopened;

/// Seals `content` to all `recipients` (public X25519 keys). `info` binds it to where it stands: opening needs the
/// same.
///
/// # Errors
/// A recipient's key is none that anything can be sealed to, or there is no seed for it.
pub fn seal(
    content: &[u8],
    recipients: &[[u8; 32]],
    info: &[u8],
    seeds: &SealSeeds,
) -> Result<Sealed, Unopened> {
    let (secret, public) = Kem::derive_keypair(&seeds.key);
    let secret = secret.to_bytes();
    let mut keys = Vec::with_capacity(recipients.len());
    for (place, recipient) in recipients.iter().enumerate() {
        let seed = seeds.recipients.get(place).ok_or(Unopened)?;
        let recipient = <Kem as KemTrait>::PublicKey::from_bytes(recipient).map_err(|_| Unopened)?;
        let (encapped, wrapped) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, Kem>(
            &OpModeS::Base,
            &recipient,
            info,
            &secret,
            b"key",
            &mut Seed(*seed),
        )
        .map_err(|_| Unopened)?;
        keys.push([&encapped.to_bytes()[..], &wrapped].concat());
    }
    let (encapped, mut sealing) = hpke::setup_sender_with_rng::<ChaCha20Poly1305, HkdfSha256, Kem>(
        &OpModeS::Base,
        &public,
        info,
        &mut Seed(seeds.content),
    )
    .map_err(|_| Unopened)?;
    let chunks = content.len().div_ceil(CHUNK_BYTES).max(1);
    let mut sealed = Vec::with_capacity(ENCAPPED_BYTES + content.len() + chunks * TAG_BYTES);
    sealed.extend_from_slice(&encapped.to_bytes());
    for place in 0..chunks {
        let from = place * CHUNK_BYTES;
        let chunk = content.get(from..content.len().min(from + CHUNK_BYTES)).unwrap_or_default();
        sealed.extend(sealing.seal(chunk, mark(place + 1 == chunks)).map_err(|_| Unopened)?);
    }
    Ok(Sealed { content: sealed, keys })
}

/// Opens what was sealed to the seal key of `keys`; `key` is the one of [`Sealed::keys`] that was made for it.
///
/// # Errors
/// [`Unopened`]; nothing of the content can be trusted.
pub fn open(sealed: &[u8], key: &[u8], info: &[u8], keys: &SecretKeys) -> Result<Vec<u8>, Unopened> {
    open_with(sealed, key, info, &keys.seal().to_bytes())
}

/// The same with a seal key that is no machine's.
///
/// # Errors
/// [`Unopened`].
pub fn open_with(sealed: &[u8], key: &[u8], info: &[u8], secret: &[u8; 32]) -> Result<Vec<u8>, Unopened> {
    open_content(sealed, info, &open_key(key, info, secret)?)
}

/// The content's own key, from one of [`Sealed::keys`]: whoever has it can open this one content.
///
/// # Errors
/// [`Unopened`].
pub fn open_key(key: &[u8], info: &[u8], secret: &[u8; 32]) -> Result<[u8; 32], Unopened> {
    let (encapped, wrapped) = key.split_at_checked(ENCAPPED_BYTES).ok_or(Unopened)?;
    let secret = <Kem as KemTrait>::PrivateKey::from_bytes(secret).map_err(|_| Unopened)?;
    let encapped = <Kem as KemTrait>::EncappedKey::from_bytes(encapped).map_err(|_| Unopened)?;
    let opened = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, Kem>(
        &OpModeR::Base,
        &secret,
        &encapped,
        info,
        wrapped,
        b"key",
    )
    .map_err(|_| Unopened)?;
    opened.try_into().map_err(|_| Unopened)
}

/// Opens a content with its own key.
///
/// # Errors
/// [`Unopened`].
pub fn open_content(sealed: &[u8], info: &[u8], file_key: &[u8; 32]) -> Result<Vec<u8>, Unopened> {
    let file_key = <Kem as KemTrait>::PrivateKey::from_bytes(file_key).map_err(|_| Unopened)?;
    let (encapped, chunks) = sealed.split_at_checked(ENCAPPED_BYTES).ok_or(Unopened)?;
    let encapped = <Kem as KemTrait>::EncappedKey::from_bytes(encapped).map_err(|_| Unopened)?;
    let mut opening =
        hpke::setup_receiver::<ChaCha20Poly1305, HkdfSha256, Kem>(&OpModeR::Base, &file_key, &encapped, info)
            .map_err(|_| Unopened)?;
    let mut content = Vec::with_capacity(chunks.len());
    let mut chunks = chunks.chunks(CHUNK_BYTES + TAG_BYTES).peekable();
    if chunks.peek().is_none() {
        return Err(Unopened);
    }
    while let Some(chunk) = chunks.next() {
        let opened = opening.open(chunk, mark(chunks.peek().is_none())).map_err(|_| Unopened)?;
        content.extend(opened);
    }
    Ok(content)
}

/// The public half of a seal key that is no machine's: of a one-time code, for instance.
#[must_use]
pub fn seal_public(secret: &[u8; 32]) -> [u8; 32] {
    x25519_dalek::PublicKey::from(&x25519_dalek::StaticSecret::from(*secret)).to_bytes()
}

/// A content cut after a chunk must not pass for a whole one.
const fn mark(is_last: bool) -> &'static [u8] {
    if is_last { b"last" } else { b"more" }
}

/// Hands out the 32 random bytes that one encapsulation asks for.
struct Seed([u8; 32]);

impl TryRng for Seed {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for (to, from) in bytes.iter_mut().zip(self.0.iter().cycle()) {
            *to = *from;
        }
        // Nothing asks twice; if it did, it would not get the same again.
        self.0 = *blake3::hash(&self.0).as_bytes();
        Ok(())
    }
}

impl TryCryptoRng for Seed {}

#[cfg(test)]
mod tests {
    use super::*;

    fn seeds() -> SealSeeds {
        SealSeeds { key: [1; 32], content: [2; 32], recipients: vec![[3; 32], [4; 32]] }
    }

    fn keys(of: u8) -> SecretKeys {
        SecretKeys::from_seeds(&[[of; 32], [of + 1; 32], [of + 2; 32]])
    }

    #[test]
    fn every_recipient_opens_the_same_and_nobody_else_anything() {
        let (one, other, stranger) = (keys(10), keys(20), keys(30));
        for size in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES] {
            let content: Vec<u8> = (0..size).map(|n| u8::try_from(n % 251).unwrap()).collect();
            let to = [one.public().seal, other.public().seal];
            let sealed = seal(&content, &to, b"here", &seeds()).unwrap();
            assert_eq!(open(&sealed.content, &sealed.keys[0], b"here", &one), Ok(content.clone()));
            assert_eq!(open(&sealed.content, &sealed.keys[1], b"here", &other), Ok(content));
            assert_eq!(open(&sealed.content, &sealed.keys[0], b"here", &stranger), Err(Unopened));
            assert_eq!(open(&sealed.content, &sealed.keys[1], b"here", &one), Err(Unopened));
            assert_eq!(open(&sealed.content, &sealed.keys[0], b"there", &one), Err(Unopened));
        }
    }

    #[test]
    fn a_sealed_content_cannot_be_changed_cut_or_put_together_anew() {
        let one = keys(10);
        let content = vec![7; 2 * CHUNK_BYTES + 10];
        let sealed = seal(&content, &[one.public().seal], b"", &seeds()).unwrap();
        let key = &sealed.keys[0];
        let whole = CHUNK_BYTES + TAG_BYTES;
        for at in [0, ENCAPPED_BYTES, ENCAPPED_BYTES + whole, sealed.content.len() - 1] {
            let mut changed = sealed.content.clone();
            changed[at] ^= 1;
            assert_eq!(open(&changed, key, b"", &one), Err(Unopened), "byte {at}");
        }
        for end in [0, ENCAPPED_BYTES, ENCAPPED_BYTES + whole, ENCAPPED_BYTES + 2 * whole] {
            assert_eq!(open(&sealed.content[..end], key, b"", &one), Err(Unopened), "cut at {end}");
        }
        let mut moved = sealed.content.clone();
        moved[ENCAPPED_BYTES..ENCAPPED_BYTES + 2 * whole].rotate_left(whole);
        assert_eq!(open(&moved, key, b"", &one), Err(Unopened));
        let mut changed_key = key.clone();
        changed_key[40] ^= 1;
        assert_eq!(open(&sealed.content, &changed_key, b"", &one), Err(Unopened));
    }

    #[test]
    fn nothing_of_a_content_stands_in_its_sealed_form() {
        let content = b"Nguyen Van Thu ".repeat(100);
        let sealed = seal(&content, &[keys(10).public().seal], b"", &seeds()).unwrap();
        assert!(!sealed.content.windows(8).any(|window| content.windows(8).any(|plain| plain == window)));
    }
}

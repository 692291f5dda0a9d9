//! The three secret keys of a machine and the request that asks the province to certify them.

use std::fmt;

use ed25519_dalek::Signature;
use ed25519_dalek::Signer;
use ed25519_dalek::SigningKey;
use ed25519_dalek::VerifyingKey;
use minicbor::Decode;
use minicbor::Encode;
use sync_protocol::ids::NodeId;
use sync_protocol::ids::ProvinceId;
use x25519_dalek::StaticSecret;

/// The certificate authority's Ed25519 public key: what makes a province itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct CaPublicKey(#[cbor(with = "minicbor::bytes")] pub [u8; 32]);

impl CaPublicKey {
    /// The province that this key names: the first 16 bytes of the key's BLAKE3 hash.
    #[must_use]
    pub fn province(&self) -> ProvinceId {
        ProvinceId(first_half_of_hash(&self.0))
    }
}

impl fmt::Debug for CaPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CaPublicKey(province {})", self.province())
    }
}

/// What everyone may know of a machine's keys.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub struct PublicKeys {
    /// Ed25519: chain heads, proofs and bundles are signed with it; it names the machine.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub signing: [u8; 32],
    /// Ed25519: proves the machine's end of a connection. Never signs anything that is kept.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub tls: [u8; 32],
    /// X25519: bundles and backups for this machine are sealed to it.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub seal: [u8; 32],
}

impl PublicKeys {
    /// The machine these keys belong to.
    #[must_use]
    pub fn node(&self) -> NodeId {
        node_of(&self.signing)
    }
}

impl fmt::Debug for PublicKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKeys(node {})", self.node())
    }
}

/// The machine that a signing key names: the first 16 bytes of the key's BLAKE3 hash.
#[must_use]
pub fn node_of(signing_public_key: &[u8; 32]) -> NodeId {
    NodeId(first_half_of_hash(signing_public_key))
}

fn first_half_of_hash(bytes: &[u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    for (to, from) in half.iter_mut().zip(blake3::hash(bytes).as_bytes()) {
        *to = *from;
    }
    half
}

/// The secret keys of one machine. They never leave it and never appear in `Debug` output.
#[derive(Clone)]
pub struct SecretKeys {
    signing: SigningKey,
    tls: SigningKey,
    seal: StaticSecret,
}

impl SecretKeys {
    /// Keys made of fresh bytes from the machine's random source: signing, TLS, seal. The caller draws them
    /// (`getrandom::fill(seeds.as_flattened_mut())`), never uses them twice and forgets them.
    #[must_use]
    pub fn from_seeds(seeds: &[[u8; 32]; 3]) -> Self {
        let [signing, tls, seal] = *seeds;
        Self::from_stored(&StoredKeys { signing, tls, seal })
    }

    pub(super) fn from_stored(stored: &StoredKeys) -> Self {
        Self {
            signing: SigningKey::from_bytes(&stored.signing),
            tls: SigningKey::from_bytes(&stored.tls),
            seal: StaticSecret::from(stored.seal),
        }
    }

    pub(super) fn to_stored(&self) -> StoredKeys {
        StoredKeys { signing: self.signing.to_bytes(), tls: self.tls.to_bytes(), seal: self.seal.to_bytes() }
    }

    /// The public halves.
    #[must_use]
    pub fn public(&self) -> PublicKeys {
        PublicKeys {
            signing: self.signing.verifying_key().to_bytes(),
            tls: self.tls.verifying_key().to_bytes(),
            seal: x25519_dalek::PublicKey::from(&self.seal).to_bytes(),
        }
    }

    /// The machine these keys belong to.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.public().node()
    }

    /// Signs with the signing key. The caller separates domains: `message` begins with what it is.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.signing.sign(message).to_bytes()
    }

    /// The signing key itself, for code that signs by its own rules.
    #[must_use]
    pub fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// The secret that opens what was sealed to this machine.
    #[must_use]
    pub fn seal(&self) -> &StaticSecret {
        &self.seal
    }

    /// The TLS key in the PKCS#8 form (RFC 8410) that TLS libraries read.
    #[must_use]
    pub fn tls_pkcs8(&self) -> Vec<u8> {
        let mut der = ED25519_PKCS8_PREFIX.to_vec();
        der.extend_from_slice(self.tls.as_bytes());
        der
    }

    /// Asks the authority of `province` to certify these keys.
    #[must_use]
    pub fn request(&self, province: ProvinceId) -> CertificateRequest {
        let body = RequestBody { version: REQUEST_VERSION, province, keys: self.public() };
        let bytes = to_cbor(&body);
        let signature = self.sign(&signed_request(&bytes));
        CertificateRequest { body: bytes, signature }
    }
}

impl fmt::Debug for SecretKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKeys(node {}, secret)", self.node())
    }
}

/// The keys as they stand in the machine's private file.
#[derive(Encode, Decode)]
pub(super) struct StoredKeys {
    #[cbor(n(0), with = "minicbor::bytes")]
    signing: [u8; 32],
    #[cbor(n(1), with = "minicbor::bytes")]
    tls: [u8; 32],
    #[cbor(n(2), with = "minicbor::bytes")]
    seal: [u8; 32],
}

/// The header of RFC 8410's private key: version 0, algorithm Ed25519, an octet string of 32 bytes.
const ED25519_PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// The newest form of a request that this program writes and reads.
const REQUEST_VERSION: u8 = 1;

/// A request for a certificate, with the proof that the asker holds the signing key it names.
///
/// The signature covers the body's bytes as they were sent, so it survives fields that a newer program adds.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct CertificateRequest {
    /// The signed bytes; [`CertificateRequest::open`] reads them.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub body: Vec<u8>,
    /// By the signing key named inside the body.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub signature: [u8; 64],
}

/// What a request says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RequestBody {
    /// The form's version.
    #[n(0)]
    pub version: u8,
    /// The province that is asked: a request cannot be shown to another one.
    #[n(1)]
    pub province: ProvinceId,
    /// The keys to certify.
    #[n(2)]
    pub keys: PublicKeys,
}

/// Why a request is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestFault {
    /// Not a request at all, or one whose fields do not fit.
    #[error("request cannot be read")]
    Unreadable,
    /// Made by a newer program; this one must be updated.
    #[error("request has form {found}, this program reads up to {REQUEST_VERSION}")]
    Newer {
        /// The form's number.
        found: u8,
    },
    /// The signature does not fit the key that the request names.
    #[error("request is not signed by the key that it names")]
    NotProven,
}

impl CertificateRequest {
    /// Reads the request and checks that its maker holds the signing key.
    ///
    /// # Errors
    /// Refuse the asker; only [`RequestFault::Newer`] is worth telling a person here.
    pub fn open(&self) -> Result<RequestBody, RequestFault> {
        match version_of(&self.body) {
            Some(REQUEST_VERSION) => {}
            Some(found) if found > REQUEST_VERSION => return Err(RequestFault::Newer { found }),
            Some(_) | None => return Err(RequestFault::Unreadable),
        }
        let body: RequestBody = minicbor::decode(&self.body).map_err(|_| RequestFault::Unreadable)?;
        if is_signed_by(&body.keys.signing, &signed_request(&self.body), &self.signature) {
            Ok(body)
        } else {
            Err(RequestFault::NotProven)
        }
    }
}

fn signed_request(body: &[u8]) -> Vec<u8> {
    let mut message = b"motcua certificate request\0".to_vec();
    message.extend_from_slice(body);
    message
}

/// Whether `signature` over `message` was made by the holder of `public_key` (strict Ed25519 rules).
#[must_use]
pub fn is_signed_by(public_key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    VerifyingKey::from_bytes(public_key)
        .is_ok_and(|key| key.verify_strict(message, &Signature::from_bytes(signature)).is_ok())
}

/// The version that every form of this room carries as its first element.
pub(crate) fn version_of(bytes: &[u8]) -> Option<u8> {
    let mut decoder = minicbor::Decoder::new(bytes);
    decoder.array().ok()?;
    decoder.u8().ok()
}

/// CBOR of a value of ours; none has an encoder that refuses.
#[expect(clippy::expect_used, reason = "writing CBOR to memory fails only when an encoder of ours refuses")]
pub(crate) fn to_cbor(value: &impl Encode<()>) -> Vec<u8> {
    minicbor::to_vec(value).expect("encoding to memory")
}
